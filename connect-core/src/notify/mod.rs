//! Telling people: the port of channels, and the mail about tickets.

#[cfg(feature = "smtp")]
mod dkim;
mod mail;
mod recorder;
mod signer;
#[cfg(feature = "smtp")]
mod smtp;
mod ticket_mail;

use async_trait::async_trait;

use crate::PushDeviceId;
use crate::dispatch::{Backoff, Behind};
use crate::outbox::Due;
use crate::push::PushMessage;

#[cfg(feature = "smtp")]
pub use dkim::{BadDkimKey, DkimKey};
pub(crate) use mail::html_paragraphs;
pub use mail::{Mail, MailIdentity};
pub use recorder::{RecordedMail, Recorder};
pub use signer::Signer;
#[cfg(feature = "smtp")]
pub use smtp::{BadSmtpUrl, SmtpChannel, SmtpSettings};
pub use ticket_mail::TicketMail;

/// Something to be sent, composed for one recipient.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outgoing {
    /// A mail.
    Mail(Box<Mail>),
    /// A request to another system.
    Call(Box<Call>),
    /// A message to devices.
    Push(Box<PushMessage>),
    /// Events for a consumer of the host's own.
    Events(Box<Behind>),
    /// An answer that has waited long enough.
    Reply(Box<Due>),
}

/// A request to another system, composed and signed.
#[derive(Clone)]
pub struct Call {
    /// Where to.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// What is posted.
    pub body: String,
}

impl std::fmt::Debug for Call {
    // Addresses may hold tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

/// What came of handing something over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handed {
    /// Devices that turned out to be gone.
    pub gone: Vec<PushDeviceId>,
}

/// Why something was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendFailure {
    /// It may go through later.
    #[error("{0}")]
    Retry(String),
    /// It may go through, but no sooner than in this time: so the other side says.
    #[error("{0}")]
    RetryAfter(String, std::time::Duration),
    /// It never will, and nothing else will go there either: the recipient is gone.
    #[error("{0}")]
    Gone(String),
    /// It never will.
    #[error("{0}")]
    Permanent(String),
}

/// How a channel wants to be used.
#[derive(Debug, Clone)]
pub struct ChannelLimits {
    /// How many deliveries are handed over at once, by one process.
    pub concurrency: usize,
    /// How many are handed over in a second at most, by one process; as many as come where there is none.
    pub per_second: Option<u32>,
    /// When to try again.
    pub backoff: Backoff,
}

impl ChannelLimits {
    /// So many at once, as fast as they come, tried again at the waits of mail.
    pub fn at_once(concurrency: usize) -> Self {
        Self { concurrency, per_second: None, backoff: Backoff::default() }
    }
}

/// A transport to the outside.
///
/// # Contract
///
/// `Ok` means the outside has taken it over. The same thing may be sent twice after a crash; whatever
/// the outside can use to tell repeats apart (a Message-ID, an idempotency key) is the same both times.
/// May be called from any task, in parallel. A call ends within a minute.
#[async_trait]
pub trait Channel: std::fmt::Debug + Send + Sync {
    /// The name deliveries ask for, such as `mail`.
    fn name(&self) -> &'static str;

    /// How it wants to be used.
    fn limits(&self) -> ChannelLimits;

    /// Hands it over.
    async fn send(&self, outgoing: &Outgoing) -> Result<Handed, SendFailure>;

    /// Whether the other side answers; used by checks, never before sending.
    async fn probe(&self) -> Result<(), SendFailure>;
}
