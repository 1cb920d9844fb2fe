//! Asking for a code, and entering it.

use std::sync::Arc;

use connect_core::event::Fact;
use connect_core::store::{Budget, Challenge, ChallengeSeen, CodeForm, Resend, Session};
use connect_core::user::User;
use connect_core::{Actor, ChallengeId, ChangeSet, EmailAddress, Error, Name, Result, SessionId, Timestamp};

use crate::auth::{Auth, Client};
use crate::code::{ChallengeSecret, Code};
use crate::session::SessionToken;

/// What codes for signing in are for; a code for one purpose fits no other.
const PURPOSE: &str = "sign_in";
pub(crate) const CODE_LABEL: &str = "code";
/// How long failures count against an account.
const BUDGET_WINDOW: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// Somebody asks for a code.
#[derive(Debug, Clone)]
pub struct CodeRequest {
    /// Where it is to be sent.
    pub email: EmailAddress,
    /// The challenge that this browser holds already: it is continued if it can be.
    pub held: Option<(ChallengeId, ChallengeSecret)>,
    /// The workspace whose page it is asked from, by id or slug.
    pub workspace: Option<String>,
    /// Who asks.
    pub client: Client,
}

/// A code is on its way, or looks as if it were.
#[derive(Debug, Clone)]
pub struct IssuedCode {
    /// The challenge.
    pub id: ChallengeId,
    /// The secret that must come with the code.
    pub secret: ChallengeSecret,
    /// Until when the code can be used.
    pub expires_at: Timestamp,
    /// From when on another code may be asked for.
    pub resend_at: Timestamp,
}

/// Somebody enters a code.
#[derive(Debug, Clone)]
pub struct VerifyCode {
    /// The challenge.
    pub id: ChallengeId,
    /// The secret of the browser that asked.
    pub secret: Option<ChallengeSecret>,
    /// What was typed.
    pub code: String,
    /// The session this browser has already; it ends.
    pub replaces: Option<SessionId>,
    /// Who enters it.
    pub client: Client,
}

/// Somebody is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The session.
    pub session: Session,
    /// Its token; it is not known afterwards.
    pub token: SessionToken,
}

/// Why a code did not sign anybody in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Wrong, ended, used or unknown: which of them is not told. Who holds the challenge's secret is told
    /// how many guesses are left.
    #[error("the code is not right, or no longer so")]
    NotRight {
        /// Guesses left.
        remaining: Option<u32>,
    },
    /// Something else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<connect_core::StoreError> for SignInError {
    fn from(error: connect_core::StoreError) -> Self {
        Self::Other(error.into())
    }
}

/// The parts that the keyed hash of a code is over.
pub(crate) fn bound(id: ChallengeId, email: &EmailAddress, workspace: Option<&str>, code: &Code) -> [Vec<u8>; 5] {
    [
        id.to_string().into_bytes(),
        email.canonical().into_bytes(),
        PURPOSE.as_bytes().to_vec(),
        workspace.unwrap_or_default().as_bytes().to_vec(),
        code.reveal().as_bytes().to_vec(),
    ]
}

fn parts(bound: &[Vec<u8>; 5]) -> Vec<&[u8]> {
    bound.iter().map(Vec::as_slice).collect()
}

impl Auth {
    /// Sends a code to an address. Known, unknown, disabled and throttled addresses are answered alike;
    /// whether a mail leaves is decided later, off the request's way.
    pub async fn request_code(&self, request: CodeRequest) -> Result<IssuedCode> {
        let CodeRequest { email, held, workspace, client } = request;
        let quotas = &self.inner.settings.quotas;
        self.count(format!("send-ip:{}", client.quota_key()), quotas.sends_per_ip).await?;
        let account = email.canonical();
        // All are asked, so that the work is the same whatever they say.
        let short = self.take(format!("send:{account}"), quotas.sends_per_address).await?.allowed;
        let day = self.take(format!("send-day:{account}"), quotas.sends_per_address_a_day).await?.allowed;
        let desk_wide = self.take("mail:all".to_owned(), quotas.mails).await?.allowed;
        let muted = !(short && day && desk_wide);

        let (issued, kept) = match self.continue_held(held, &email, workspace.as_deref(), muted).await? {
            Some(issued) => (issued, true),
            None => self.new_challenge(email, workspace).await?,
        };
        self.note(&client, Fact::AuthCodeRequested { challenge: issued.id, muted: muted || !kept }).await?;
        Ok(issued)
    }

    /// Another code for the challenge this browser holds: the older code fails from now on, guesses and end
    /// stay as they are.
    async fn continue_held(
        &self,
        held: Option<(ChallengeId, ChallengeSecret)>,
        email: &EmailAddress,
        workspace: Option<&str>,
        muted: bool,
    ) -> Result<Option<IssuedCode>> {
        let Some((id, secret)) = held else { return Ok(None) };
        let Some(known) = self.inner.store.challenge(id).await? else { return Ok(None) };
        let now = self.inner.desk.now();
        let is_held = known.secret_hash == secret.hash() && !known.consumed && now < known.expires_at;
        if !is_held || known.email != *email || known.purpose != PURPOSE || known.workspace.as_deref() != workspace {
            return Ok(None);
        }
        if matches!(known.form, CodeForm::Digits(_))
            && self.inner.store.spent(email.canonical(), now).await? >= self.inner.settings.failures_a_day
        {
            // Another short code could not pass any more: the person gets a new challenge with a long one.
            return Ok(None);
        }
        if muted {
            return Ok(Some(self.issued(&known, secret)));
        }
        let code = Code::draw(known.form, self.inner.desk.random());
        let resend = Resend {
            id,
            secret_hash: secret.hash(),
            code_mac: self.inner.keys.tag(CODE_LABEL, &parts(&bound(id, email, workspace, &code))),
            sealed_code: self.inner.keys.seal(CODE_LABEL, code.reveal(), self.inner.desk.random()),
            max_sends: self.inner.settings.max_sends,
        };
        let resent = self.inner.store.resend(resend, self.inner.desk.now()).await?;
        Ok(resent.map(|challenge| self.issued(&challenge, secret)))
    }

    /// A new challenge, and whether it was kept: an address with too many live codes gets one that looks the
    /// same and fits nothing.
    async fn new_challenge(&self, email: EmailAddress, workspace: Option<String>) -> Result<(IssuedCode, bool)> {
        let settings = &self.inner.settings;
        let desk = &self.inner.desk;
        let now = desk.now();
        // An address under attack gets long codes instead of a locked door.
        let spent = self.inner.store.spent(email.canonical(), now).await?;
        let form = if spent >= settings.failures_a_day { settings.long_form } else { settings.code_form };
        let (id, secret) = (desk.ids().challenge(), ChallengeSecret::draw(desk.random()));
        let code = Code::draw(form, desk.random());
        let challenge = Challenge {
            id,
            secret_hash: secret.hash(),
            code_mac: self.inner.keys.tag(CODE_LABEL, &parts(&bound(id, &email, workspace.as_deref(), &code))),
            sealed_code: self.inner.keys.seal(CODE_LABEL, code.reveal(), desk.random()),
            purpose: PURPOSE.to_owned(),
            email,
            form,
            attempts: 0,
            max_attempts: settings.max_attempts,
            sends: 1,
            created_at: now,
            expires_at: now.plus(settings.code_lifetime),
            consumed: false,
            workspace,
        };
        let kept = self.inner.store.put_challenge(challenge.clone(), settings.live_codes).await?;
        Ok((self.issued(&challenge, secret), kept))
    }

    fn issued(&self, challenge: &Challenge, secret: ChallengeSecret) -> IssuedCode {
        IssuedCode {
            id: challenge.id,
            secret,
            expires_at: challenge.expires_at,
            resend_at: self.inner.desk.now().plus(self.inner.settings.resend_after),
        }
    }

    /// Signs in with a code: counted first, then compared, then used up together with the new session.
    pub async fn verify_code(&self, verify: VerifyCode) -> Result<SignedIn, SignInError> {
        let VerifyCode { id, secret, code, replaces, client } = verify;
        let ip = format!("fail-ip:{}", client.quota_key());
        // Taken before the guess is looked at and given back when it was right, so that parallel guesses
        // cannot slip past.
        self.count(ip.clone(), self.inner.settings.quotas.failures_per_ip).await?;
        let outcome = self.evaluate(id, secret, &code, replaces, &client).await;
        match &outcome {
            Ok(_) => self.inner.limiter.give_back(ip, self.inner.desk.now()).await?,
            Err(SignInError::NotRight { .. }) => self.note(&client, Fact::AuthCodeRefused { challenge: id }).await?,
            Err(SignInError::Other(_)) => {}
        }
        outcome
    }

    async fn evaluate(
        &self,
        id: ChallengeId,
        secret: Option<ChallengeSecret>,
        code: &str,
        replaces: Option<SessionId>,
        client: &Client,
    ) -> Result<SignedIn, SignInError> {
        let (desk, store) = (&self.inner.desk, &self.inner.store);
        let Some(secret) = secret else { return Err(SignInError::NotRight { remaining: None }) };
        let ChallengeSeen::Counted(challenge) = store.attempt(id, secret.hash(), desk.now()).await? else {
            return Err(SignInError::NotRight { remaining: None });
        };
        let remaining = Some(challenge.max_attempts - challenge.attempts);
        let account = challenge.email.canonical();
        let is_short = matches!(challenge.form, CodeForm::Digits(_));
        if is_short {
            let budget = Budget { limit: self.inner.settings.failures_a_day, window: BUDGET_WINDOW };
            if !store.spend(account.clone(), budget, desk.now()).await? {
                return Err(SignInError::NotRight { remaining: Some(0) });
            }
        }
        let fits = Code::parse(code).is_some_and(|code| {
            let bound = bound(id, &challenge.email, challenge.workspace.as_deref(), &code);
            self.inner.keys.verify(CODE_LABEL, &parts(&bound), &challenge.code_mac)
        });
        if !fits || challenge.purpose != PURPOSE {
            return Err(SignInError::NotRight { remaining });
        }
        let signed_in = self.sign_in(&challenge, replaces, client).await?;
        if is_short {
            store.give_back(account, 1, desk.now()).await?;
        }
        Ok(signed_in)
    }

    async fn sign_in(
        &self,
        challenge: &Challenge,
        replaces: Option<SessionId>,
        client: &Client,
    ) -> Result<SignedIn, SignInError> {
        let desk = &self.inner.desk;
        // Whose mailbox this is stands in the challenge, never in the request that enters the code.
        let user = desk.users().find_or_create(&challenge.email, None::<Name>).await?;
        if user.disabled {
            return Err(SignInError::NotRight { remaining: None });
        }
        let (session, token) = self.fresh_session(&user, "email_code", client);
        if !self.inner.store.consume(challenge.id, session.clone(), replaces, desk.now()).await? {
            return Err(SignInError::NotRight { remaining: None });
        }
        Ok(self.signed_in(user, session, token, client).await?)
    }

    /// Keeps a fact in the journal of the directory.
    pub(crate) async fn note(&self, client: &Client, fact: Fact) -> Result<()> {
        let request_id: Option<Arc<str>> = client.request_id.clone();
        let moment = self.inner.desk.moment_of(Actor::System).for_request(request_id);
        self.inner.desk.commit_to_directory(ChangeSet::new(&moment).fact(fact, &moment)).await
    }
}
