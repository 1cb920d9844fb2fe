//! Who sends a push: the desk's own key (VAPID, RFC 8292).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::json;
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint;

use crate::{Random, Timestamp};

/// How long a token counts. A day is the most that push services take.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// A key that is none.
#[derive(Debug, thiserror::Error)]
#[error("it must be 32 bytes on the curve P-256, in URL-safe base 64")]
pub struct BadVapidKey;

/// The key that push services know the desk by. Browsers subscribe for it: with another key all subscriptions are lost.
#[derive(Clone)]
pub struct VapidKey {
    pair: Arc<EcdsaKeyPair>,
    secret: String,
    public: String,
    /// Whom a push service can reach about it: a `mailto:` or `https:` address.
    contact: String,
}

impl std::fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VapidKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl VapidKey {
    /// A key from its 32 secret bytes as text, and a `mailto:` or `https:` address of whoever runs the desk.
    pub fn parse(text: &str, contact: impl Into<String>) -> Result<Self, BadVapidKey> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('=')).map_err(|_| BadVapidKey)?;
        let secret = SecretKey::from_slice(&bytes).map_err(|_| BadVapidKey)?;
        let public = secret.public_key().to_encoded_point(false);
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair =
            EcdsaKeyPair::from_private_key_and_public_key(algorithm, &bytes, public.as_bytes(), &SystemRandom::new());
        Ok(Self {
            pair: Arc::new(pair.map_err(|_| BadVapidKey)?),
            secret: URL_SAFE_NO_PAD.encode(&bytes),
            public: URL_SAFE_NO_PAD.encode(public.as_bytes()),
            contact: contact.into(),
        })
    }

    /// A new key.
    pub fn generate(random: &dyn Random, contact: impl Into<String>) -> Result<Self, BadVapidKey> {
        let contact = contact.into();
        // All but one in 2^32 draws are on the curve.
        let draws = (0..4).map(|_| URL_SAFE_NO_PAD.encode(random.bytes::<32>()));
        draws.map(|draw| Self::parse(&draw, contact.clone())).find(Result::is_ok).unwrap_or(Err(BadVapidKey))
    }

    /// The public half, as browsers want it: 65 bytes in URL-safe base 64.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The secret half, as [`parse`](Self::parse) reads it.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// What proves to the push service at this origin who sends.
    pub(super) fn authorization(&self, origin: &str, now: Timestamp) -> Option<String> {
        let ends = now.plus(LIFETIME).as_micros() / 1_000_000;
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = encode(json!({"typ": "JWT", "alg": "ES256"}));
        let signed = format!("{head}.{}", encode(json!({"aud": origin, "exp": ends, "sub": self.contact})));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).ok()?;
        Some(format!("vapid t={signed}.{}, k={}", URL_SAFE_NO_PAD.encode(signature.as_ref()), self.public))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    #[test]
    fn a_token_is_for_one_push_service_and_a_while() {
        let key = VapidKey::generate(&SeededRandom::new(5), "mailto:desk@desk.example").expect("a key");
        let again = VapidKey::parse(key.secret(), "mailto:desk@desk.example").expect("it reads");
        assert_eq!(again.public(), key.public());
        assert!(!format!("{key:?}").contains(key.secret()));
        let now = Timestamp::from_micros(1_000_000_000);
        let said = again.authorization("https://push.example", now).expect("signed");
        let (token, public) =
            said.strip_prefix("vapid t=").and_then(|rest| rest.split_once(", k=")).expect("two parts");
        assert_eq!(public, key.public());
        let (signed, signature) = token.rsplit_once('.').expect("a signature");
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base 64");
        let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(public));
        assert!(verifier.verify(signed.as_bytes(), &decode(signature)).is_ok());
        assert!(verifier.verify(b"another", &decode(signature)).is_err());
        let claims: serde_json::Value =
            serde_json::from_slice(&decode(signed.rsplit_once('.').expect("two").1)).expect("claims");
        assert_eq!(claims, json!({"aud": "https://push.example", "exp": 44_200, "sub": "mailto:desk@desk.example"}));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in ["", "AA", &URL_SAFE_NO_PAD.encode([0; 32]), &URL_SAFE_NO_PAD.encode([255; 32]), "not base 64!"] {
            assert!(VapidKey::parse(bad, "mailto:x@y.example").is_err(), "{bad}");
        }
    }
}
