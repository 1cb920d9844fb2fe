//! Looking at what a device has signed: the one place where it is done, whatever it is for.

use connect_core::event::Cause;
use connect_core::user::{CredentialId, Passkey};
use connect_core::{Error, UserId};
use serde::Deserialize;
use serde_json::Value;
use webauthn_rs::prelude::{DiscoverableAuthentication, Passkey as Kept, PublicKeyCredential, Uuid, WebauthnError};

use super::Failure;
use crate::auth::Auth;

/// A passkey that was right, its holder seen by their device. Only looking at an answer makes one, and whoever goes on
/// with it uses it up.
#[must_use]
pub(super) struct ProvenPasskey {
    user: UserId,
}

impl ProvenPasskey {
    /// Whose it is.
    pub(super) fn user(self) -> UserId {
        self.user
    }
}

/// What of the signed data the library does not look at when somebody signs in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    /// Whether the page that asked stood in a page of another site.
    #[serde(default)]
    cross_origin: bool,
}

/// The word for what did not hold.
pub(super) fn word(error: &WebauthnError) -> &'static str {
    match error {
        WebauthnError::InvalidClientDataType => "type",
        WebauthnError::MismatchedChallenge => "challenge",
        WebauthnError::InvalidRPOrigin | WebauthnError::CredentialCrossOrigin => "origin",
        WebauthnError::InvalidRPIDHash => "relying_party",
        WebauthnError::UserNotPresent | WebauthnError::UserNotVerified => "user_verification",
        WebauthnError::AuthenticationFailure => "signature",
        WebauthnError::CredentialPossibleCompromise => "counter",
        _ => "answer",
    }
}

/// The user whom a device names as the holder of its key.
fn named(shown: &PublicKeyCredential) -> Option<UserId> {
    let handle = Uuid::from_slice(shown.get_user_unique_id()?).ok()?;
    Some(UserId::from_bits(handle.as_u128()))
}

impl Auth {
    /// Looks at an answer: the signature, what was signed, by whose key, and that its counter has not gone back.
    /// Where it is known who was asked it must be theirs; a device need not name its holder then.
    pub(super) async fn prove_passkey(
        &self,
        asked: DiscoverableAuthentication,
        shown: Value,
        who: Option<UserId>,
        cause: Cause,
    ) -> Result<ProvenPasskey, Failure> {
        let party = self.relying_party()?;
        let shown: PublicKeyCredential = serde_json::from_value(shown).map_err(|_| Failure::refused("malformed"))?;
        let said: ClientData =
            serde_json::from_slice(&shown.response.client_data_json).map_err(|_| Failure::refused("malformed"))?;
        if said.cross_origin {
            return Err(Failure::refused("origin"));
        }
        let named = if shown.response.user_handle.is_some() { named(&shown) } else { who };
        let holder = named.filter(|named| who.is_none_or(|who| who == *named)).ok_or(Failure::refused("holder"))?;
        let judge = |user: UserId, passkey: &Passkey| -> Result<Value, Failure> {
            let refused = |reason| Failure::Refused { reason, passkey: Some(passkey.id) };
            if user != holder {
                return Err(refused("holder"));
            }
            let broken = |error: serde_json::Error| Failure::Other(Error::Internal(error.to_string()));
            let mut kept = Kept::deserialize(&passkey.credential).map_err(broken)?;
            let result = party.finish_discoverable_authentication_v2(&shown, asked.clone(), &kept);
            let result = result.map_err(|error| refused(word(&error)))?;
            if !result.user_verified() {
                return Err(refused("user_verification"));
            }
            kept.update_credential(&result).ok_or_else(|| refused("answer"))?;
            serde_json::to_value(&kept).map_err(broken)
        };
        let users = self.inner.desk.users().because(cause);
        let found = users.use_passkey(&CredentialId::of(&shown.raw_id), judge).await?;
        let (user, _) = found.ok_or(Failure::refused("unknown"))?;
        Ok(ProvenPasskey { user })
    }
}
