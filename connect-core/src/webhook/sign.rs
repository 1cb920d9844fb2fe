//! Secrets of webhooks, and signatures with them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{SigningKey, Webhook, WebhookKeys};
use crate::{Timestamp, WorkspaceId};

/// The secret of a webhook: 256 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The secret of these bits.
    pub fn new(bits: [u8; 32]) -> Self {
        Self(bits)
    }

    /// As receivers are given it: `whsec_` and base 64.
    pub fn text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }

    pub(super) fn hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.0))
    }

    /// `v1,` and the signature of a body under an id at a time in seconds.
    fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let mut key = [0_u8; 64];
        key[..32].copy_from_slice(&self.0);
        // The key as HMAC pads it (RFC 2104), so that setting it up cannot fail.
        let mut mac = Hmac::<Sha256>::new(&key.into());
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// What stands in the headers of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Seconds since 1970 of this attempt.
    pub timestamp: i64,
    /// One or more signatures, with blanks between.
    pub signature: String,
}

impl Webhook {
    /// The secret of a key; none if the desk's secret that made it is known no more.
    fn secret_of(&self, keys: &dyn WebhookKeys, workspace: WorkspaceId, key: &SigningKey) -> Option<Secret> {
        let all = keys.secrets(workspace, self.id, key.generation).into_iter().map(Secret);
        all.into_iter().find(|secret| secret.hash() == key.hash)
    }

    /// The secret that its receiver should know now.
    pub fn secret(&self, keys: &dyn WebhookKeys, workspace: WorkspaceId) -> Option<Secret> {
        self.secret_of(keys, workspace, self.signing.first()?)
    }

    /// Signs a call; none if no secret of it is known any more.
    pub(super) fn sign(
        &self,
        keys: &dyn WebhookKeys,
        workspace: WorkspaceId,
        (id, body): (&str, &str),
        now: Timestamp,
    ) -> Option<Signed> {
        let timestamp = now.as_micros().div_euclid(1_000_000);
        let live = self.signing.iter().filter(|key| key.ends_at.is_none_or(|end| now < end));
        let secrets = live.filter_map(|key| self.secret_of(keys, workspace, key));
        let signatures: Vec<String> = secrets.map(|secret| secret.sign(id, timestamp, body)).collect();
        (!signatures.is_empty()).then(|| Signed { timestamp, signature: signatures.join(" ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks libraries: a secret, an id, a time, a body, and the signature that they all
    /// make of them.
    #[test]
    fn a_signature_is_the_one_that_everybody_else_makes() {
        let bits = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAAAAAAAAAAA=").expect("base 64");
        let secret = Secret(bits.try_into().expect("32 bytes"));
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).expect("any length");
        mac.update(br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#);
        assert_eq!(signed, format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
        assert!(secret.text().starts_with("whsec_MfKQ9r8G") && !format!("{secret:?}").contains("MfKQ"));
    }
}
