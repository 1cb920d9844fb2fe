//! The seals on the journal, made with the server's secret.

use connect_core::audit::Sealer;

use crate::KeyRing;

const LABEL: &str = "journal";

impl Sealer for KeyRing {
    fn seal(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.tag(LABEL, parts)
    }

    fn is_seal(&self, parts: &[&[u8]], mac: &[u8; 32]) -> bool {
        self.verify(LABEL, parts, mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_82_a_seal_is_made_by_the_secret_and_known_after_it_was_replaced() {
        let ring = |newest: u8, older: Vec<Vec<u8>>| KeyRing::new(vec![newest; 32], older).expect("long enough");
        let (old, both, other) = (ring(1, vec![]), ring(2, vec![vec![1; 32]]), ring(3, vec![]));
        let mac = Sealer::seal(&old, &[b"a", b"b"]);
        assert!(both.is_seal(&[b"a", b"b"], &mac) && !other.is_seal(&[b"a", b"b"], &mac));
        assert!(!old.is_seal(&[b"ab"], &mac) && !old.is_seal(&[b"b", b"a"], &mac) && !old.is_seal(&[b"a"], &mac));
        assert_ne!(mac, old.tag("code", &[b"a", b"b"]), "what is made for something else is no seal");
    }
}
