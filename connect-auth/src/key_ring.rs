//! The server's secret, kept outside the store, and the keys derived from it.

use chacha20poly1305::aead::{Aead, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use connect_core::Random;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

const NONCE: usize = 12;

/// A secret that is too short to be one.
#[derive(Debug, thiserror::Error)]
#[error("the secret key must have at least 32 bytes")]
pub struct BadKey;

/// The server's secrets, newest first. New things are made with the first; what an older one made is
/// still understood, so a secret can be replaced without locking anyone out.
#[derive(Clone)]
pub struct KeyRing {
    secrets: Vec<Vec<u8>>,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({} secrets)", self.secrets.len())
    }
}

fn mac(secret: &[u8], label: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
    // A key of HMAC's own block length, made from the secret's hash: setting it up cannot fail.
    let mut key = [0_u8; 64];
    key[..32].copy_from_slice(&Sha256::digest(secret));
    let mut mac = Hmac::<Sha256>::new(&key.into());
    for part in std::iter::once(&label.as_bytes()).chain(parts) {
        // Each part with its length, so that no two lists of parts look alike.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

impl KeyRing {
    /// A ring of this secret (at least 32 bytes) and older ones.
    pub fn new(secret: impl Into<Vec<u8>>, older: Vec<Vec<u8>>) -> Result<Self, BadKey> {
        let secrets: Vec<Vec<u8>> = std::iter::once(secret.into()).chain(older).collect();
        if secrets.iter().any(|secret| secret.len() < 32) {
            return Err(BadKey);
        }
        Ok(Self { secrets })
    }

    fn newest(&self) -> &[u8] {
        self.secrets.first().map_or(&[], Vec::as_slice)
    }

    /// A keyed hash of these parts under a label.
    pub(crate) fn tag(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        mac(self.newest(), label, parts).finalize().into_bytes().into()
    }

    /// Whether one of the secrets made this keyed hash. Compares in constant time.
    pub(crate) fn verify(&self, label: &str, parts: &[&[u8]], tag: &[u8; 32]) -> bool {
        // No early end: every secret is tried.
        self.secrets.iter().fold(false, |found, secret| mac(secret, label, parts).verify_slice(tag).is_ok() | found)
    }

    /// Every keyed hash that these parts have under the secrets, newest first.
    pub(crate) fn tags(&self, label: &str, parts: &[&[u8]]) -> Vec<[u8; 32]> {
        self.secrets.iter().map(|secret| mac(secret, label, parts).finalize().into_bytes().into()).collect()
    }

    fn cipher(secret: &[u8], label: &str) -> ChaCha20Poly1305 {
        let key: [u8; 32] = mac(secret, label, &[b"seal"]).finalize().into_bytes().into();
        ChaCha20Poly1305::new(&Key::from(key))
    }

    /// Seals a text so that only a holder of the secret can read it.
    pub(crate) fn seal(&self, label: &str, text: &str, random: &dyn Random) -> Vec<u8> {
        let nonce: [u8; NONCE] = random.bytes();
        let sealed =
            Self::cipher(self.newest(), label).encrypt(&Nonce::from(nonce), text.as_bytes()).unwrap_or_default();
        nonce.into_iter().chain(sealed).collect()
    }

    /// Opens what was sealed under the same label.
    pub(crate) fn open(&self, label: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
        let opened =
            self.secrets.iter().find_map(|s| Self::cipher(s, label).decrypt(&Nonce::from(*nonce), text).ok())?;
        String::from_utf8(opened).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect_core::OsRandom;

    fn ring(secrets: &[u8]) -> KeyRing {
        let mut secrets = secrets.iter().map(|byte| vec![*byte; 32]);
        KeyRing::new(secrets.next().expect("a secret"), secrets.collect()).expect("long enough")
    }

    #[test]
    fn sec_13_a_secret_can_be_replaced_and_an_unknown_one_opens_nothing() {
        let (old, both, other) = (ring(&[1]), ring(&[2, 1]), ring(&[3]));
        let tag = old.tag("l", &[b"a"]);
        let sealed = old.seal("l", "12345678", &OsRandom);
        assert!(both.verify("l", &[b"a"], &tag) && !other.verify("l", &[b"a"], &tag));
        assert_eq!(both.open("l", &sealed).as_deref(), Some("12345678"));
        assert_eq!(other.open("l", &sealed), None);
        assert_eq!(old.open("another label", &sealed), None);
        assert!(!sealed.windows(4).any(|w| w == b"1234"));
        assert!(KeyRing::new(vec![0; 31], vec![]).is_err());
    }

    #[test]
    fn lists_of_parts_are_not_confused() {
        assert_ne!(ring(&[1]).tag("l", &[b"ab", b"c"]), ring(&[1]).tag("l", &[b"a", b"bc"]));
    }
}
