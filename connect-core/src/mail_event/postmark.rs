//! What Postmark tells: one record a call.

use serde::Deserialize;

use super::{MailEvent, MailOutcome, MailReference, address, detail};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    record_type: String,
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    recipient: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    connect: Option<String>,
}

/// The events of a call; none for what is not about what became of a mail.
pub(super) fn read(body: &[u8]) -> Result<Vec<MailEvent>, serde_json::Error> {
    let record: Record = serde_json::from_slice(body)?;
    let outcome = match (record.record_type.as_str(), record.kind.as_deref()) {
        ("Delivery", _) => MailOutcome::Delivered,
        ("SpamComplaint", _) | ("Bounce", Some("SpamComplaint")) => MailOutcome::Complained,
        ("Bounce", Some("Transient" | "DnsError")) => MailOutcome::Deferred,
        ("Bounce", Some("HardBounce" | "BadEmailAddress")) => MailOutcome::Bounced { hard: true },
        // A machine's answer is no bounce.
        ("Bounce", Some("AutoResponder" | "Subscribe" | "Unsubscribe")) => return Ok(Vec::new()),
        ("Bounce", _) => MailOutcome::Bounced { hard: false },
        _ => return Ok(Vec::new()),
    };
    let Some(mail) = record.metadata.connect.as_deref().and_then(MailReference::parse) else { return Ok(Vec::new()) };
    Ok(vec![MailEvent {
        mail,
        outcome,
        address: address(record.email.as_deref().or(record.recipient.as_deref())),
        detail: detail([record.description.as_deref(), record.details.as_deref()]),
    }])
}
