//! What Mailgun tells: one event a call, signed with a key of the account.

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use super::{MailEvent, MailOutcome, MailReference, address, detail, is_no_such_address};

#[derive(Debug, Deserialize)]
struct Call {
    signature: Signature,
    #[serde(rename = "event-data")]
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Signature {
    timestamp: String,
    token: String,
    signature: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Data {
    event: String,
    severity: Option<String>,
    reason: Option<String>,
    recipient: Option<String>,
    #[serde(default)]
    delivery_status: Status,
    #[serde(default)]
    user_variables: Variables,
}

#[derive(Debug, Default, Deserialize)]
struct Status {
    message: Option<String>,
    description: Option<String>,
    #[serde(rename = "enhanced-code")]
    enhanced_code: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Variables {
    connect: Option<String>,
}

/// Whether a call is the account's own: HMAC-SHA-256 over timestamp and token, in hexadecimal. When it was signed, in
/// seconds since 1970.
fn signed_at(signature: &Signature, key: &str) -> Option<i64> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(signature.timestamp.as_bytes());
    mac.update(signature.token.as_bytes());
    let said = &signature.signature;
    let digits: Option<Vec<u8>> = (0..said.len() / 2)
        .map(|place| said.get(place * 2..place * 2 + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()))
        .collect();
    mac.verify_slice(&digits?).ok()?;
    signature.timestamp.parse().ok()
}

/// The events of a call, and when it was signed; none if it is not genuine.
pub(super) fn read(body: &[u8], key: &str) -> Result<Option<(i64, Vec<MailEvent>)>, serde_json::Error> {
    let Call { signature, data } = serde_json::from_slice(body)?;
    let Some(at) = signed_at(&signature, key) else { return Ok(None) };
    let is_none = data.delivery_status.enhanced_code.as_deref().is_some_and(is_no_such_address);
    let outcome = match (data.event.as_str(), data.severity.as_deref(), data.reason.as_deref()) {
        ("delivered", ..) => MailOutcome::Delivered,
        ("complained", ..) | ("failed", _, Some("suppress-complaint")) => MailOutcome::Complained,
        // Permanent is also what was tried for too long, and what a policy refused.
        ("failed", Some("permanent"), reason) => {
            MailOutcome::Bounced { hard: is_none || reason == Some("suppress-bounce") }
        }
        ("failed", ..) => MailOutcome::Deferred,
        _ => return Ok(Some((at, Vec::new()))),
    };
    let mail = data.user_variables.connect.as_deref().and_then(MailReference::parse);
    let status = [data.delivery_status.message.as_deref(), data.delivery_status.description.as_deref()];
    let event = mail.map(|mail| MailEvent {
        mail,
        outcome,
        address: address(data.recipient.as_deref()),
        detail: detail(status),
    });
    Ok(Some((at, event.into_iter().collect())))
}
