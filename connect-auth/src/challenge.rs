//! Making codes: what each is bound to, and what it looks like.

use connect_core::event::Fact;
use connect_core::store::{Challenge, CodeForm, Resend};
use connect_core::{ChallengeId, EmailAddress, Result, UserId};

use crate::auth::{Auth, Client};
use crate::bound::is_short;
use crate::code::{ChallengeSecret, Code};
use crate::guesser::Guesser;
use crate::rank::Rank;
use crate::sign_in::IssuedCode;

pub(crate) const CODE_LABEL: &str = "code";
/// What codes for signing in are for; a code for one purpose fits no other.
pub(crate) const SIGN_IN: &str = "sign_in";

/// What codes are for by which a person proves once more who they are.
pub(crate) fn step_up(user: UserId) -> String {
    format!("step_up {user}")
}

/// What codes are for that prove a person's new address: those of an earlier change fit no more.
pub(crate) fn email_change(user: UserId, nth: usize) -> String {
    format!("email_change {user} {nth}")
}

/// Somebody asks for a code.
pub(crate) struct Asked {
    pub(crate) email: EmailAddress,
    pub(crate) purpose: String,
    pub(crate) held: Option<(ChallengeId, ChallengeSecret)>,
    pub(crate) workspace: Option<String>,
    pub(crate) client: Client,
    /// Who is signed in to the account of this address, if that is who asks.
    pub(crate) person: Option<UserId>,
    /// Whether work was done for it, so that it is sent although the address has had its share.
    pub(crate) paid: bool,
}

/// The parts that the keyed hash of a code is over.
pub(crate) fn bound(
    id: ChallengeId,
    email: &EmailAddress,
    purpose: &str,
    workspace: Option<&str>,
    code: &Code,
) -> [Vec<u8>; 5] {
    [
        id.to_string().into_bytes(),
        email.canonical().into_bytes(),
        purpose.as_bytes().to_vec(),
        workspace.unwrap_or_default().as_bytes().to_vec(),
        code.reveal().as_bytes().to_vec(),
    ]
}

pub(crate) fn parts(bound: &[Vec<u8>; 5]) -> Vec<&[u8]> {
    bound.iter().map(Vec::as_slice).collect()
}

impl Auth {
    /// Makes a code, or what looks like one. Whether a mail leaves is decided later, off the request's way.
    pub(crate) async fn issue(&self, asked: Asked) -> Result<IssuedCode> {
        let quotas = &self.inner.settings.quotas;
        let caller = asked.client.quota_key();
        self.count(format!("send-ip:{caller}"), quotas.sends_per_ip).await?;
        if let Some(site) = asked.client.site_key() {
            self.count(format!("send-site:{site}"), quotas.sends_per_site).await?;
        }
        self.count_address(&caller, &asked.email.canonical()).await?;
        let guesser = self.guesser(&asked.client, &asked.email);
        let rank = self.rank(&guesser, asked.person, asked.paid).await?;
        let muted = rank == Rank::Muted;

        let client = asked.client.clone();
        let (issued, kept) = match self.continue_held(&asked, &guesser, muted).await? {
            Some(issued) => (issued, true),
            None => self.new_challenge(asked, &guesser, rank).await?,
        };
        self.note(&client, Fact::AuthCodeRequested { challenge: issued.id, muted: muted || !kept }).await?;
        Ok(issued)
    }

    /// Another code for the challenge this browser holds: the older code fails from now on, guesses and end
    /// stay as they are.
    async fn continue_held(&self, asked: &Asked, guesser: &Guesser, muted: bool) -> Result<Option<IssuedCode>> {
        let Some((id, secret)) = asked.held.clone() else { return Ok(None) };
        let Some(known) = self.inner.store.challenge(id).await? else { return Ok(None) };
        let now = self.inner.desk.now();
        let is_held = known.secret_hash == secret.hash() && !known.consumed && now < known.expires_at;
        let is_same =
            known.email == asked.email && known.purpose == asked.purpose && known.workspace == asked.workspace;
        if !is_held || !is_same {
            return Ok(None);
        }
        if is_short(known.form) && !is_short(self.form_for(guesser).await?) {
            // Another short code could not pass any more: the person gets a new challenge with a long one.
            return Ok(None);
        }
        if muted {
            return Ok(Some(self.issued(&known, secret)));
        }
        let code = Code::draw(known.form, self.inner.desk.random());
        let bound = bound(id, &known.email, &known.purpose, known.workspace.as_deref(), &code);
        let resend = Resend {
            id,
            secret_hash: secret.hash(),
            code_mac: self.inner.keys.tag(CODE_LABEL, &parts(&bound)),
            sealed_code: self.inner.keys.seal(CODE_LABEL, code.reveal(), self.inner.desk.random()),
            max_sends: self.inner.settings.max_sends,
        };
        let resent = self.inner.store.resend(resend, self.inner.desk.now()).await?;
        Ok(resent.map(|challenge| self.issued(&challenge, secret)))
    }

    /// A new challenge, and whether it was kept: an address with too many live codes gets one that looks the
    /// same and fits nothing.
    async fn new_challenge(&self, asked: Asked, guesser: &Guesser, rank: Rank) -> Result<(IssuedCode, bool)> {
        let (settings, desk) = (&self.inner.settings, &self.inner.desk);
        let form: CodeForm = self.form_for(guesser).await?;
        let now = desk.now();
        let (id, secret) = (desk.ids().challenge(), ChallengeSecret::draw(desk.random()));
        let code = Code::draw(form, desk.random());
        let bound = bound(id, &asked.email, &asked.purpose, asked.workspace.as_deref(), &code);
        let challenge = Challenge {
            id,
            secret_hash: secret.hash(),
            code_mac: self.inner.keys.tag(CODE_LABEL, &parts(&bound)),
            sealed_code: self.inner.keys.seal(CODE_LABEL, code.reveal(), desk.random()),
            purpose: asked.purpose,
            email: asked.email,
            form,
            attempts: 0,
            max_attempts: settings.max_attempts,
            sends: 1,
            created_at: now,
            expires_at: now.plus(settings.code_lifetime),
            consumed: false,
            workspace: asked.workspace,
        };
        let kept = self.inner.store.put_challenge(challenge.clone(), rank.cap(settings.live_codes)).await?;
        Ok((self.issued(&challenge, secret), kept))
    }

    fn issued(&self, challenge: &Challenge, secret: ChallengeSecret) -> IssuedCode {
        IssuedCode {
            id: challenge.id,
            secret,
            expires_at: challenge.expires_at,
            resend_at: self.inner.desk.now().plus(self.inner.settings.resend_after),
            puzzle: self.puzzle(),
        }
    }
}
