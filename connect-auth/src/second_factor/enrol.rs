//! Setting an app up in two steps, and taking it away.

use std::time::Duration;

use connect_core::store::Revoke;
use connect_core::user::{PendingApp, SecondFactor, StrongMethod};
use connect_core::{Error, Result, Timestamp};

use super::session::Proofs;
use super::show::{Typed, label, opened};
use super::totp::AppSecret;
use crate::auth::{Auth, Client, Identity};
use crate::code::Code;
use crate::sign_in::{SignInError, SignedIn};
use crate::unbroken::unbroken;

/// How long there is between the two steps.
const PENDING: Duration = Duration::from_secs(10 * 60);

/// An app that is being set up.
#[derive(Debug, Clone)]
pub struct BegunApp {
    /// What the app is told. It is shown this once.
    pub secret: AppSecret,
    /// The same as an address that apps read, with the names of the desk and of the account.
    pub uri: String,
    /// Until when its first code has to be entered.
    pub ends_at: Timestamp,
}

/// An app that counts.
#[derive(Debug, Clone)]
pub struct EnrolledApp {
    /// The session in the place of the one that asked.
    pub signed_in: SignedIn,
    /// Recovery codes, if the person had none. They are known nowhere else afterwards.
    pub recovery_codes: Vec<Code>,
}

/// What a person has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorStatus {
    /// Their second factors.
    pub methods: Vec<StrongMethod>,
    /// Since when they have an app.
    pub app_since: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery_codes: usize,
    /// Whether a workspace they work in asks for a second factor.
    pub demanded: bool,
    /// From when on it can be taken away by e-mail alone, if that was asked for.
    pub reset_from: Option<Timestamp>,
}

/// The address that apps read. Everything in it is written so that it stays one part of it.
fn uri(desk: &str, account: &str, secret: &AppSecret) -> String {
    let (desk, account) = (escaped(desk), escaped(account));
    let secret = secret.text();
    format!("otpauth://totp/{desk}:{account}?secret={secret}&issuer={desk}&algorithm=SHA1&digits=6&period=30")
}

/// All but plain letters, digits and a few marks as their bytes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            for half in [byte >> 4, byte & 15] {
                escaped.push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
            }
        }
    }
    escaped
}

impl Auth {
    /// What a person has of second factors.
    pub async fn second_factor(&self, identity: &Identity) -> Result<FactorStatus> {
        let (users, user) = (self.inner.desk.users(), identity.user.id);
        let factor = users.second_factor(user).await?;
        Ok(FactorStatus {
            methods: users.strong_methods(user).await?,
            app_since: factor.app.as_ref().map(|app| app.enrolled_at),
            recovery_codes: factor.recovery.len(),
            demanded: users.must_be_strong(user).await?,
            reset_from: factor.reset(self.inner.desk.now()),
        })
    }

    /// Begins to set up an app. Whoever has one already shows it first; it counts until the new one does.
    pub async fn begin_app(&self, identity: &Identity) -> Result<BegunApp> {
        identity.has_session()?;
        self.require_recent_strong(identity).await?;
        let (desk, user) = (&self.inner.desk, &identity.user);
        let secret = AppSecret::draw(desk.random());
        let sealed = self.inner.keys.seal(&label(user.id), &secret.text(), desk.random());
        let ends_at = desk.now().plus(PENDING);
        let begin = |factor: &SecondFactor, _| Some(factor.begin(PendingApp { sealed: sealed.clone(), ends_at }));
        desk.users().because(identity.cause.clone()).change_second_factor(user.id, begin).await?;
        let from = desk.identity(None);
        let name = from.name.unwrap_or_else(|| from.address.domain());
        Ok(BegunApp { uri: uri(&name, user.email.as_str(), &secret), secret, ends_at })
    }

    /// Sets the app up, because this is its code. All other sessions of the person end; the one that asks gets a new
    /// token and has shown the second factor.
    pub async fn confirm_app(
        &self,
        identity: &Identity,
        code: &str,
        client: &Client,
    ) -> Result<EnrolledApp, SignInError> {
        let (auth, identity, code, client) = (self.clone(), identity.clone(), code.to_owned(), client.clone());
        unbroken(async move { auth.confirmed_app(&identity, &code, &client).await }).await
    }

    async fn confirmed_app(
        &self,
        identity: &Identity,
        code: &str,
        client: &Client,
    ) -> Result<EnrolledApp, SignInError> {
        identity.has_session()?;
        self.require_recent_strong(identity).await?;
        let (user, keys, typed) = (identity.user.id, &self.inner.keys, Typed::read(code));
        let (codes, hashes) = self.draw_recovery(user);
        let decide = |factor: &SecondFactor, now| {
            let Typed::App(code) = &typed else { return None };
            let step = opened(keys, user, &factor.pending(now)?.sealed)?.step_of(code, None, now)?;
            factor.enrol(step, &hashes, now)
        };
        let factor = self.guess_factor(&identity.user, &typed, client, identity.cause.clone(), decide).await?;
        let recovery_codes = if factor.recovery == hashes { codes } else { Vec::new() };
        let now = self.inner.desk.now();
        let proofs = Proofs { proven_at: identity.session.proven_at, strong_at: Some(now) };
        let signed_in = self.replace_session(identity, client, proofs).await?;
        self.end(user, Revoke::AllBut(signed_in.session.id), None, identity.cause.clone()).await?;
        Ok(EnrolledApp { signed_in, recovery_codes })
    }

    /// Takes the app away. All other sessions of the person end, and the one that asks gets a new token; who has no
    /// second factor left has shown none any more. Refused if a workspace asks for one and it is the last.
    pub async fn remove_app(&self, identity: &Identity, client: &Client) -> Result<SignedIn> {
        let (auth, identity, client) = (self.clone(), identity.clone(), client.clone());
        unbroken(async move { auth.removed_app(&identity, &client).await }).await
    }

    async fn removed_app(&self, identity: &Identity, client: &Client) -> Result<SignedIn> {
        identity.has_session()?;
        self.require_recent_strong(identity).await?;
        let (users, user) = (self.inner.desk.users().because(identity.cause.clone()), identity.user.id);
        users.may_lose(user, StrongMethod::Totp).await?;
        let has_other = users.shown_methods(user).await?.iter().any(|method| *method != StrongMethod::Totp);
        let removed = users.change_second_factor(user, |factor, _| factor.remove(has_other)).await?;
        removed.ok_or(Error::NotFound("second factor"))?;
        let strong_at = if users.is_strong(user).await? { identity.session.strong_at } else { None };
        let proofs = Proofs { proven_at: identity.session.proven_at, strong_at };
        let signed_in = self.replace_session(identity, client, proofs).await?;
        self.end(user, Revoke::AllBut(signed_in.session.id), None, identity.cause.clone()).await?;
        Ok(signed_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_breaks_out_of_the_address_of_an_app() {
        let secret = AppSecret::parse("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").expect("a secret");
        assert_eq!(
            uri("Äcme & Co: \"x\"", "ada+1@example.org?secret=A", &secret),
            "otpauth://totp/%C3%84cme%20%26%20Co%3A%20%22x%22:ada%2B1%40example.org%3Fsecret%3DA\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=%C3%84cme%20%26%20Co%3A%20%22x%22&algorithm=SHA1&digits=6&period=30"
        );
    }
}
