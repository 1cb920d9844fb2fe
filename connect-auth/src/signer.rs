//! The signatures of links in mail, made with the server's secret.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connect_core::notify::Signer;

use crate::KeyRing;
use crate::auth::AuthBuilder;

fn bytes<'a>(parts: &'a [&'a str]) -> Vec<&'a [u8]> {
    parts.iter().map(|part| part.as_bytes()).collect()
}

impl Signer for KeyRing {
    fn sign(&self, label: &'static str, parts: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(label, &bytes(parts)))
    }

    fn is_genuine(&self, label: &'static str, parts: &[&str], signature: &str) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(signature).ok().and_then(|tag| <[u8; 32]>::try_from(tag).ok());
        tag.is_some_and(|tag| self.verify(label, &bytes(parts), &tag))
    }
}

impl AuthBuilder {
    /// What signs the links by which people end mail; give it to the desk.
    pub fn signer(&self) -> Arc<dyn Signer> {
        Arc::new(self.keys.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_genuine_for_its_parts_only_and_outlives_a_change_of_secrets() {
        let old = KeyRing::new(vec![1; 32], Vec::new()).expect("long enough");
        let new = KeyRing::new(vec![2; 32], vec![vec![1; 32]]).expect("long enough");
        let signature = old.sign("unsubscribe", &["a", "b"]);
        for ring in [&old, &new] {
            assert!(ring.is_genuine("unsubscribe", &["a", "b"], &signature));
            for parts in [["ab", ""], ["a", "c"], ["", "ab"]] {
                assert!(!ring.is_genuine("unsubscribe", &parts, &signature));
            }
            assert!(!ring.is_genuine("another", &["a", "b"], &signature));
        }
        assert!(!old.is_genuine("unsubscribe", &["a", "b"], &new.sign("unsubscribe", &["a", "b"])));
        assert!(!old.is_genuine("unsubscribe", &["a", "b"], ""));
    }
}
