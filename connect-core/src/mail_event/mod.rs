//! What became of mail after it was handed over: as providers tell it, and mail servers in their reports (DSN, RFC 3464).

#[cfg(feature = "mail-events")]
mod dsn;
#[cfg(feature = "mail-events")]
mod mailgun;
#[cfg(feature = "mail-events")]
mod postmark;
#[cfg(feature = "mail-events")]
mod sendgrid;
mod service;
#[cfg(feature = "mail-events")]
mod ses;
#[cfg(feature = "mail-events")]
mod sns;
#[cfg(feature = "mail-events")]
mod source;

use crate::{DeliveryId, EmailAddress, WorkspaceId};

#[cfg(feature = "mail-events")]
pub use source::{BadMailEvent, Call as MailCall, MailEventSource, MailEvents};

/// Whether an enhanced status code (RFC 3463) says that there is no such address: neither a full mailbox, nor a policy, nor
/// that the sender's address is none (5.1.7, 5.1.8) says that.
#[cfg(any(feature = "mail-events", feature = "smtp"))]
pub(crate) fn is_no_such_address(code: &str) -> bool {
    matches!(code, "5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10")
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOutcome {
    /// It is in its reader's mailbox.
    Delivered,
    /// The reader's server does not take it yet; whoever has it tries again.
    Deferred,
    /// It came back: for good, or this time only.
    Bounced {
        /// Whether nothing will ever reach this address.
        hard: bool,
    },
    /// Its reader calls it spam.
    Complained,
}

/// One thing that was told of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailEvent {
    /// Which mail.
    pub mail: MailReference,
    /// What became of it.
    pub outcome: MailOutcome,
    /// The address that it is about, where it is told.
    pub address: Option<EmailAddress>,
    /// In the words of whoever tells it, on one line.
    pub detail: String,
}

/// Which mail something is about: a token in its header `X-Connect-Delivery`, and in whatever else a provider hands back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailReference {
    /// Where.
    pub workspace: WorkspaceId,
    /// Which delivery.
    pub delivery: DeliveryId,
}

impl MailReference {
    /// The header that carries it.
    pub const HEADER: &'static str = "X-Connect-Delivery";

    /// The reference of this token.
    pub fn parse(text: &str) -> Option<Self> {
        let (workspace, delivery) = text.trim().split_once('-')?;
        Some(Self { workspace: workspace.parse().ok()?, delivery: delivery.parse().ok()? })
    }
}

impl std::fmt::Display for MailReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.workspace, self.delivery)
    }
}

/// Whoever mail is handed to, where it is one that hands back a token with what it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MailProvider {
    /// Postmark.
    Postmark,
    /// Amazon SES, by SNS.
    Ses,
    /// Mailgun.
    Mailgun,
    /// Twilio `SendGrid`.
    SendGrid,
}

impl MailProvider {
    /// Every provider.
    pub const ALL: [Self; 4] = [Self::Postmark, Self::Ses, Self::Mailgun, Self::SendGrid];

    /// The word used in addresses and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postmark => "postmark",
            Self::Ses => "ses",
            Self::Mailgun => "mailgun",
            Self::SendGrid => "sendgrid",
        }
    }

    /// The provider of this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == text)
    }

    /// The header by which it is given a token to hand back.
    pub fn header(self, reference: MailReference) -> (&'static str, String) {
        match self {
            Self::Postmark => ("X-PM-Metadata-connect", reference.to_string()),
            Self::Ses => ("X-SES-MESSAGE-TAGS", format!("connect={reference}")),
            Self::Mailgun => ("X-Mailgun-Variables", format!("{{\"connect\":\"{reference}\"}}")),
            Self::SendGrid => ("X-SMTPAPI", format!("{{\"unique_args\":{{\"connect\":\"{reference}\"}}}}")),
        }
    }
}

#[cfg(feature = "mail-events")]
/// Most characters of a detail that are kept.
const MAX_DETAIL: usize = 300;

#[cfg(feature = "mail-events")]
fn detail<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.trim().is_empty()).collect();
    crate::notify::Mail::one_line(&parts.join(": ").chars().take(MAX_DETAIL).collect::<String>())
}

#[cfg(feature = "mail-events")]
fn address(text: Option<&str>) -> Option<EmailAddress> {
    EmailAddress::parse("address", text?.trim().trim_matches(['<', '>'])).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_reads_back_and_fits_every_header() {
        let reference = MailReference { workspace: WorkspaceId::from_bits(7), delivery: DeliveryId::from_bits(9) };
        assert_eq!(MailReference::parse(&reference.to_string()), Some(reference));
        for bad in ["", "-", "wsp_1-dlv_2", &reference.to_string()[1..]] {
            assert_eq!(MailReference::parse(bad), None, "{bad}");
        }
        for provider in MailProvider::ALL {
            let (_, value) = provider.header(reference);
            assert!(value.contains(&reference.to_string()) && value.is_ascii() && value.len() < 200);
            assert_eq!(MailProvider::parse(provider.as_str()), Some(provider));
        }
    }
}
