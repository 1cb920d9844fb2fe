//! What Amazon SES tells, inside a notification of SNS.

use serde::Deserialize;

use super::{MailEvent, MailOutcome, MailReference, address, detail};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    /// Of the older notifications.
    notification_type: Option<String>,
    /// Of event publishing.
    event_type: Option<String>,
    mail: Mail,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    delivery: Option<Delivery>,
    delivery_delay: Option<Delay>,
}

#[derive(Debug, Deserialize)]
struct Mail {
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Debug, Default, Deserialize)]
struct Tags {
    #[serde(default)]
    connect: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
    diagnostic_code: Option<String>,
    status: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    #[serde(default)]
    bounced_recipients: Vec<Recipient>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    #[serde(default)]
    complained_recipients: Vec<Recipient>,
    complaint_feedback_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    smtp_response: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delay {
    #[serde(default)]
    delayed_recipients: Vec<Recipient>,
}

/// The events of the message of a notification.
pub(super) fn read(message: &str) -> Result<Vec<MailEvent>, serde_json::Error> {
    let told: Told = serde_json::from_str(message)?;
    let in_header = || told.mail.headers.iter().find(|h| h.name.eq_ignore_ascii_case(MailReference::HEADER));
    let token = told.mail.tags.connect.first().map(String::as_str).or_else(|| in_header().map(|h| h.value.as_str()));
    let Some(mail) = token.and_then(MailReference::parse) else { return Ok(Vec::new()) };
    let about = |recipients: Vec<Recipient>, outcome| -> Vec<MailEvent> {
        let event = |one: Recipient| MailEvent {
            mail,
            outcome,
            address: address(Some(&one.email_address)),
            detail: detail([one.status.as_deref(), one.diagnostic_code.as_deref()]),
        };
        recipients.into_iter().map(event).collect()
    };
    Ok(match told.event_type.as_deref().or(told.notification_type.as_deref()) {
        Some("Bounce") => {
            let bounce = told.bounce.unwrap_or(Bounce { bounce_type: String::new(), bounced_recipients: Vec::new() });
            about(bounce.bounced_recipients, MailOutcome::Bounced { hard: bounce.bounce_type == "Permanent" })
        }
        Some("Complaint") => match told.complaint {
            Some(Complaint { complained_recipients, complaint_feedback_type }) => {
                let mut events = about(complained_recipients, MailOutcome::Complained);
                events.iter_mut().for_each(|event| event.detail = detail([complaint_feedback_type.as_deref()]));
                events
            }
            None => Vec::new(),
        },
        Some("DeliveryDelay") => {
            about(told.delivery_delay.map(|delay| delay.delayed_recipients).unwrap_or_default(), MailOutcome::Deferred)
        }
        Some("Delivery") => {
            let said = told.delivery.and_then(|delivery| delivery.smtp_response);
            vec![MailEvent { mail, outcome: MailOutcome::Delivered, address: None, detail: detail([said.as_deref()]) }]
        }
        _ => Vec::new(),
    })
}
