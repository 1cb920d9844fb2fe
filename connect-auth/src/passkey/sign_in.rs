//! Signing in with a passkey. No address is typed: the device knows whose key it is.

use connect_core::user::User;
use connect_core::{Result, SessionId};
use serde_json::Value;
use webauthn_rs::prelude::DiscoverableAuthentication;

use super::prove::ProvenPasskey;
use super::question::{Asked, PasskeyAnswer, PasskeyQuestion};
use super::{Failure, PASSKEY_METHOD, PasskeyError};
use crate::auth::{Auth, Client};
use crate::code::ChallengeSecret;
use crate::sign_in::SignedIn;

/// The kind of a flow that waits for somebody to sign in.
const FLOW: &str = "passkey-sign-in";

/// A browser brings what a device has signed.
#[derive(Debug, Clone)]
pub struct PasskeySignIn {
    /// What it has signed.
    pub answer: PasskeyAnswer,
    /// What the browser has kept since it was asked.
    pub browser: Option<ChallengeSecret>,
    /// The session this browser has already; it ends.
    pub replaces: Option<SessionId>,
    /// The client.
    pub client: Client,
}

impl Auth {
    /// Asks for a passkey, whosever it is. The browser keeps the secret until it answers.
    pub async fn start_passkey_sign_in(
        &self,
        client: &Client,
    ) -> Result<(PasskeyQuestion, ChallengeSecret), PasskeyError> {
        self.count_question(client).await?;
        let browser = ChallengeSecret::draw(self.inner.desk.random());
        let (state, options) = self.question_for_anybody()?;
        let question = self.ask(FLOW, &Asked::Browser(browser.clone()), &state, options).await?;
        Ok((question, browser))
    }

    /// What is asked when it is not known who will answer.
    pub(super) fn question_for_anybody(&self) -> Result<(DiscoverableAuthentication, Value)> {
        let internal = connect_core::Error::Internal;
        let asked = self.relying_party()?.start_discoverable_authentication();
        let (options, state) = asked.map_err(|error| internal(error.to_string()))?;
        let options = serde_json::to_value(options.public_key).map_err(|error| internal(error.to_string()))?;
        Ok((state, options))
    }

    /// Signs in whoever holds the passkey. Every failure is answered alike, and noted.
    pub async fn finish_passkey_sign_in(&self, sign_in: PasskeySignIn) -> Result<SignedIn, PasskeyError> {
        let client = sign_in.client.clone();
        self.count_answer(&client).await?;
        let outcome = self.signed_in_by_passkey(sign_in).await;
        self.conclude_answer(&client, outcome).await
    }

    async fn signed_in_by_passkey(&self, sign_in: PasskeySignIn) -> Result<SignedIn, Failure> {
        let PasskeySignIn { answer, browser, replaces, client } = sign_in;
        let asked = Asked::Browser(browser.ok_or(Failure::refused("browser"))?);
        let state: DiscoverableAuthentication = self.asked(FLOW, &asked, &answer.question).await?;
        let cause = client.cause(Some(PASSKEY_METHOD), self.inner.desk.random());
        let proven = self.prove_passkey(state, answer.credential, None, cause).await?;
        self.open_strong_session(proven, replaces, &client).await
    }

    /// Opens a session for the holder of a passkey: with a device that knows its holder it has two factors.
    async fn open_strong_session(
        &self,
        proven: ProvenPasskey,
        mut replaces: Option<SessionId>,
        client: &Client,
    ) -> Result<SignedIn, Failure> {
        let user: Option<User> = self.inner.desk.user(proven.user()).await?;
        let user = user.filter(|user| !user.disabled).ok_or(Failure::refused("disabled"))?;
        let (mut session, token) = self.fresh_session(&user, PASSKEY_METHOD, client);
        session.strong_at = Some(session.proven_at);
        self.passkey_shown(user.id, client.cause(Some(PASSKEY_METHOD), self.inner.desk.random())).await?;
        let (store, now) = (&self.inner.store, self.inner.desk.now());
        let mut begun = store.renew(session.clone(), replaces, now).await?;
        if !begun && replaces.take().is_some() {
            // The session of before may have ended meanwhile: then there is none to replace.
            begun = store.renew(session.clone(), None, now).await?;
        }
        if !begun {
            return Err(Failure::refused("session"));
        }
        self.end_streak(&user.email).await?;
        Ok(self.signed_in(user, (session, token), replaces, client).await?)
    }
}
