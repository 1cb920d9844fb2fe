//! Proving once more who one is, with a passkey.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connect_core::event::Fact;
use connect_core::store::Session;
use connect_core::{Actor, ChangeSet, Error};
use serde_json::{Value, json};
use webauthn_rs::prelude::{CredentialID, DiscoverableAuthentication};

use super::enrol::known_ids;
use super::prove::ProvenPasskey;
use super::question::{Asked, PasskeyAnswer, PasskeyQuestion};
use super::{Failure, PASSKEY_METHOD, PasskeyError};
use crate::auth::{Auth, Client, Identity};
use crate::session::SessionToken;
use crate::sign_in::SignedIn;

/// The kind of a flow that waits for somebody who is signed in.
const FLOW: &str = "passkey-step-up";

/// The keys that may answer, as browsers take them.
fn allowed(ids: &[CredentialID]) -> Value {
    ids.iter().map(|id| json!({"type": "public-key", "id": URL_SAFE_NO_PAD.encode(id)})).collect()
}

impl Auth {
    /// Asks somebody who is signed in for one of their passkeys.
    pub async fn start_passkey_step_up(
        &self,
        identity: &Identity,
        client: &Client,
    ) -> Result<PasskeyQuestion, PasskeyError> {
        self.count_question(client).await?;
        let ids = known_ids(&self.inner.desk.users().passkeys(identity.user.id).await?);
        if ids.is_empty() {
            return Err(Error::refused("no_passkey", "you have no passkey").into());
        }
        let (state, mut options) = self.question_for_anybody()?;
        options["allowCredentials"] = allowed(&ids);
        Ok(self.ask(FLOW, &Asked::Session(identity.session.id), &state, options).await?)
    }

    /// Proves with a passkey who somebody is who is signed in. They get a new session in the place of the present
    /// one, with the same end.
    pub async fn finish_passkey_step_up(
        &self,
        identity: &Identity,
        answer: PasskeyAnswer,
        client: &Client,
    ) -> Result<SignedIn, PasskeyError> {
        self.count_answer(client).await?;
        let outcome = self.stepped_up_by_passkey(identity, answer, client).await;
        self.conclude_answer(client, outcome).await
    }

    async fn stepped_up_by_passkey(
        &self,
        identity: &Identity,
        answer: PasskeyAnswer,
        client: &Client,
    ) -> Result<SignedIn, Failure> {
        let asked = Asked::Session(identity.session.id);
        let state: DiscoverableAuthentication = self.asked(FLOW, &asked, &answer.question).await?;
        let cause = client.cause(Some(PASSKEY_METHOD), self.inner.desk.random());
        let proven = self.prove_passkey(state, answer.credential, Some(identity.user.id), cause).await?;
        self.renew_strong_session(identity, proven, client).await
    }

    /// Puts a new session in the place of the present one.
    async fn renew_strong_session(
        &self,
        identity: &Identity,
        proven: ProvenPasskey,
        client: &Client,
    ) -> Result<SignedIn, Failure> {
        if proven.user() != identity.user.id {
            return Err(Failure::refused("holder"));
        }
        let (desk, present) = (&self.inner.desk, &identity.session);
        self.passkey_shown(identity.user.id, client.cause(Some(PASSKEY_METHOD), desk.random())).await?;
        let (now, token) = (desk.now(), SessionToken::draw(desk.random()));
        let known = self.known_device(client, &identity.user.email);
        let device = known.or(present.device).unwrap_or_else(|| desk.ids().device());
        let session = Session {
            id: desk.ids().session(),
            token_hash: token.hash(),
            proven_at: now,
            device: Some(device),
            strong_at: Some(now),
            seen_at: now,
            idle_ends_at: now.plus(self.inner.settings.session_idle).min(present.ends_at),
            ..Session::clone(present)
        };
        if !self.inner.store.renew(session.clone(), Some(present.id), now).await? {
            return Err(Failure::refused("session"));
        }
        self.forget_known();
        let user = identity.user.as_ref().clone();
        let cause = client.cause(Some(PASSKEY_METHOD), desk.random());
        let moment = desk.moment_of(Actor::User(user.id)).because(cause);
        let changes = ChangeSet::new(&moment)
            .fact(Fact::AuthSteppedUp { user: user.id, session: session.id }, &moment)
            .fact(Fact::AuthSessionReplaced { session: present.id, by: session.id }, &moment);
        desk.commit_to_directory(changes).await?;
        let device = self.device_text(device, &user.email);
        Ok(SignedIn { user, session, token, device })
    }
}
