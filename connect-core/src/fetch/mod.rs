//! The port to servers elsewhere: one request, one answer, within limits.

mod address;
#[cfg(feature = "fetch")]
mod client;

use async_trait::async_trait;

pub use address::is_public;
#[cfg(feature = "fetch")]
pub use client::{ClientError, FetchSettings, HttpsClient};

/// A request.
#[derive(Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// The address, whole.
    pub url: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// What is posted; without it the address is read.
    pub body: Option<Vec<u8>>,
}

impl std::fmt::Debug for FetchRequest {
    // Headers and bodies of these requests hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FetchRequest").field("url", &self.url).finish_non_exhaustive()
    }
}

/// An answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The status.
    pub status: u16,
    /// The type of the body, as the server says.
    pub content_type: Option<String>,
    /// The body, whole, or its beginning where the adapter was told to cut it.
    pub body: Vec<u8>,
    /// In how many seconds the server wants to be asked again, where it says so.
    pub retry_after: Option<u64>,
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetched").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address may not be asked.
    #[error("the address is refused: {0}")]
    Refused(&'static str),
    /// The answer is longer than is read.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer did not come in time.
    #[error("there was no answer in time")]
    TimedOut,
    /// The server cannot be reached, or breaks off.
    #[error("the server does not answer: {0}")]
    Failed(String),
}

/// Asks servers elsewhere.
///
/// # Contract
///
/// - One request and its answer: a redirect is an answer like any other and is not followed.
/// - Only `https`, and only addresses of the public internet, decided on the address that is connected to and
///   not on the name; exceptions are settings of the adapter.
/// - The whole answer within the time and size that the adapter is set to, or an error.
#[async_trait]
pub trait Fetch: std::fmt::Debug + Send + Sync {
    /// Sends a request.
    async fn fetch(&self, request: FetchRequest) -> Result<Fetched, FetchError>;
}
