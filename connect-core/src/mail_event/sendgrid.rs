//! What `SendGrid` tells: many events a call, signed with a key of which the desk has the public half.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;

use super::{MailEvent, MailOutcome, MailReference, address, detail};

#[derive(Debug, Deserialize)]
struct Event {
    event: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    email: Option<String>,
    reason: Option<String>,
    response: Option<String>,
    connect: Option<String>,
}

/// The 26 bytes before a point on P-256 in a `SubjectPublicKeyInfo` (RFC 5480).
const PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A public key as its account shows it: base 64 of the `SubjectPublicKeyInfo`. Its point, if it is one on P-256.
pub(super) fn public_key(text: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    bytes.strip_prefix(&PREFIX).filter(|point| point.len() == 65).map(<[u8]>::to_vec)
}

/// Whether the signature is the account's, over timestamp and body.
pub(super) fn is_genuine(key: &[u8], timestamp: &str, body: &[u8], signature: &str) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    let signed = [timestamp.as_bytes(), body].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key).verify(&signed, &signature).is_ok()
}

/// The events of a call.
pub(super) fn read(body: &[u8]) -> Result<Vec<MailEvent>, serde_json::Error> {
    let events: Vec<Event> = serde_json::from_slice(body)?;
    let read = |event: Event| {
        let outcome = match (event.event.as_str(), event.kind.as_deref(), event.reason.as_deref()) {
            ("delivered", ..) => MailOutcome::Delivered,
            ("deferred", ..) => MailOutcome::Deferred,
            ("bounce", Some("blocked"), _) => MailOutcome::Bounced { hard: false },
            ("bounce", ..) | ("dropped", _, Some("Bounced Address" | "Invalid")) => MailOutcome::Bounced { hard: true },
            ("spamreport", ..) | ("dropped", _, Some("Spam Reporting Address")) => MailOutcome::Complained,
            ("dropped", ..) => MailOutcome::Bounced { hard: false },
            _ => return None,
        };
        Some(MailEvent {
            mail: event.connect.as_deref().and_then(MailReference::parse)?,
            outcome,
            address: address(event.email.as_deref()),
            detail: detail([event.reason.as_deref(), event.response.as_deref()]),
        })
    };
    Ok(events.into_iter().filter_map(read).collect())
}
