//! Signing mail, so that its receiver can tell that it is the domain's own (DKIM, RFC 6376).

use std::sync::Arc;

use lettre::Message;
use lettre::message::dkim::{
    DkimCanonicalization, DkimCanonicalizationType, DkimConfig, DkimSigningAlgorithm, DkimSigningKey,
};
use lettre::message::header::HeaderName;
use rsa::RsaPrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey, LineEnding};
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;

/// What is signed besides the body. A header that a mail does not have is signed as absent, so that nobody adds it; the
/// two for unsubscribing have to be signed for a receiver to act on them (RFC 8058, section 4). `Content-Type` is not among
/// them: of a mail in parts it is no header yet when lettre signs, and a name that is signed as absent must stay absent.
const SIGNED: [&str; 12] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Reply-To",
    "MIME-Version",
    "Auto-Submitted",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// The fewest bytes of a key's modulus: 1024 bits are what receivers still take, and 2048 are asked for (RFC 8301).
const LEAST_BYTES: usize = 256;

/// A key that cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum BadDkimKey {
    /// It does not read.
    #[error("it is no RSA private key in PEM: {0}")]
    Unreadable(String),
    /// It is too short.
    #[error("it has {0} bits; it must have 2048 or more")]
    Short(usize),
    /// The domain or the selector is none.
    #[error("{0:?} is no {1}")]
    Name(String, &'static str),
}

/// The key of a domain under a selector: receivers look for its public half at `SELECTOR._domainkey.DOMAIN`.
///
/// RSA only: large receivers do not check Ed25519 (RFC 8463), and a mail that they cannot check counts as unsigned.
#[derive(Clone)]
pub struct DkimKey(Arc<DkimConfig>);

impl std::fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DkimKey").finish_non_exhaustive()
    }
}

fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.len() <= 200 && text.split('.').all(is_label)
}

impl DkimKey {
    /// A key in PEM, as PKCS #8 (`BEGIN PRIVATE KEY`) or PKCS #1 (`BEGIN RSA PRIVATE KEY`).
    pub fn parse(domain: &str, selector: &str, pem: &str) -> Result<Self, BadDkimKey> {
        for (text, what) in [(domain, "domain"), (selector, "selector")] {
            if !is_name(text) {
                return Err(BadDkimKey::Name(text.to_owned(), what));
            }
        }
        let unreadable = |error: &dyn std::fmt::Display| BadDkimKey::Unreadable(error.to_string());
        let pem = pem.trim();
        let key = if pem.contains("BEGIN RSA PRIVATE KEY") {
            RsaPrivateKey::from_pkcs1_pem(pem).map_err(|error| unreadable(&error))?
        } else {
            RsaPrivateKey::from_pkcs8_pem(pem).map_err(|error| unreadable(&error))?
        };
        if key.size() < LEAST_BYTES {
            return Err(BadDkimKey::Short(key.size() * 8));
        }
        let pem = key.to_pkcs1_pem(LineEnding::LF).map_err(|error| unreadable(&error))?;
        let key = DkimSigningKey::new(&pem, DkimSigningAlgorithm::Rsa).map_err(|error| unreadable(&error))?;
        let relaxed = DkimCanonicalizationType::Relaxed;
        let config = DkimConfig::new(
            selector.to_owned(),
            domain.to_ascii_lowercase(),
            key,
            SIGNED.map(HeaderName::new_from_ascii_str).to_vec(),
            DkimCanonicalization { header: relaxed, body: relaxed },
        );
        Ok(Self(Arc::new(config)))
    }

    pub(super) fn sign(&self, message: &mut Message) {
        message.sign(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_sign_is_refused() {
        let refused = |domain, selector, pem| DkimKey::parse(domain, selector, pem).expect_err("refused").to_string();
        assert!(refused("desk.example", "s1", "nothing").contains("no RSA private key"));
        assert!(refused("desk example", "s1", "nothing").contains("no domain"));
        assert!(refused("desk.example", "s1; d=evil.example", "nothing").contains("no selector"));
        assert!(refused("desk.example", "", "nothing").contains("no selector"));
    }
}
