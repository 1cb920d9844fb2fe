//! The port of a scanner for malware.

use async_trait::async_trait;

use super::Attachment;
use crate::StoreError;
use crate::store::BlobStream;

/// What a scanner says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was found.
    Clean,
    /// It must not be kept; the text names what was found, for the log.
    Infected(String),
}

/// Looks at every upload before it can be used.
///
/// # Contract
///
/// - It is asked once for each upload, with the content as it was kept, before anybody can read it.
/// - [`Verdict::Clean`] only if it has read the content to its end. An error means that the upload is
///   refused for now: what was not looked at is not kept.
/// - It has a minute.
#[async_trait]
pub trait Scanner: std::fmt::Debug + Send + Sync {
    /// Looks at the content of an attachment.
    async fn scan(&self, attachment: &Attachment, content: BlobStream) -> Result<Verdict, StoreError>;
}
