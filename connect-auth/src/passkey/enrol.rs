//! Making a passkey, by somebody who is signed in and has just proved who they are: with a second factor, where
//! they are bound to one.

use connect_core::user::{CredentialId, NewPasskey, Passkey};
use connect_core::{Error, Name};
use serde::Deserialize;
use serde_json::Value;
use webauthn_rs::prelude::{CredentialID, Passkey as Kept, PasskeyRegistration, RegisterPublicKeyCredential, Uuid};

use super::prove::word;
use super::question::{Asked, PasskeyAnswer, PasskeyQuestion};
use super::{Failure, PasskeyError};
use crate::auth::{Auth, Client, Identity};
use crate::unbroken::unbroken;

/// The kind of a flow that waits for a new key.
const FLOW: &str = "passkey-enrolment";

/// A device has made a key.
#[derive(Debug, Clone)]
pub struct NewPasskeyAnswer {
    /// What it has signed.
    pub answer: PasskeyAnswer,
    /// What its holder calls it.
    pub name: Name,
    /// Whether the person's other sessions go on.
    pub keep_sessions: bool,
}

/// What devices call the keys of a user.
pub(super) fn known_ids(passkeys: &[Passkey]) -> Vec<CredentialID> {
    let kept = passkeys.iter().filter_map(|passkey| Kept::deserialize(&passkey.credential).ok());
    kept.map(|kept| kept.cred_id().clone()).collect()
}

/// What a device has made, if it holds.
fn made(party: &super::RelyingParty, asked: &PasskeyRegistration, shown: Value) -> Result<Kept, Failure> {
    let shown: RegisterPublicKeyCredential =
        serde_json::from_value(shown).map_err(|_| Failure::refused("malformed"))?;
    party.finish_passkey_registration(&shown, asked).map_err(|error| Failure::refused(word(&error)))
}

impl Auth {
    /// Asks a device of somebody who has recently proved who they are to make a key. It is to be one that knows its
    /// holder, so that nobody types an address to sign in with it.
    pub async fn start_passkey(&self, identity: &Identity, client: &Client) -> Result<PasskeyQuestion, PasskeyError> {
        self.require_recent_strong(identity).await?;
        self.count_question(client).await?;
        let user = &identity.user;
        let known = known_ids(&self.inner.desk.users().passkeys(user.id).await?);
        let (handle, email, name) = (Uuid::from_u128(user.id.bits()), user.email.as_str(), user.name.to_string());
        let asked = self.relying_party()?.start_passkey_registration(handle, email, &name, Some(known));
        let (options, state) = asked.map_err(|error| Error::Internal(error.to_string()))?;
        let mut options =
            serde_json::to_value(options.public_key).map_err(|error| Error::Internal(error.to_string()))?;
        options["authenticatorSelection"]["residentKey"] = "required".into();
        options["authenticatorSelection"]["requireResidentKey"] = true.into();
        Ok(self.ask(FLOW, &Asked::Session(identity.session.id), &state, options).await?)
    }

    /// Keeps the key that was made. The person is told by mail, and their other sessions end unless they are kept.
    pub async fn finish_passkey(
        &self,
        identity: &Identity,
        new: NewPasskeyAnswer,
        client: &Client,
    ) -> Result<Passkey, PasskeyError> {
        self.count_answer(client).await?;
        let (auth, identity) = (self.clone(), identity.clone());
        let outcome = unbroken(async move { auth.enrolled(&identity, new).await }).await;
        self.conclude_answer(client, outcome).await
    }

    async fn enrolled(&self, identity: &Identity, new: NewPasskeyAnswer) -> Result<Passkey, Failure> {
        let NewPasskeyAnswer { answer, name, keep_sessions } = new;
        let asked = Asked::Session(identity.session.id);
        // Only who had proved who they are was asked, at most five minutes ago.
        let state: PasskeyRegistration = self.asked(FLOW, &asked, &answer.question).await?;
        let kept = made(self.relying_party()?, &state, answer.credential)?;
        let credential = serde_json::to_value(&kept).map_err(|error| Error::Internal(error.to_string()))?;
        let new = NewPasskey { name, credential_id: CredentialId::of(kept.cred_id()), credential };
        let users = self.inner.desk.users().because(identity.cause.clone());
        let passkey = users.add_passkey(identity.user.id, &new).await?;
        if !keep_sessions {
            self.end_sessions_but(identity, identity.session.id).await?;
        }
        Ok(passkey)
    }
}
