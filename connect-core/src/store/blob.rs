//! The port of large content: attachments, later raw mail.

use std::ops::Range;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};

use crate::StoreError;

/// The longest key, in bytes.
const MAX_KEY: usize = 200;

/// Content as it arrives or leaves, in pieces of any size. An error ends it.
pub type BlobStream = Pin<Box<dyn Stream<Item = Result<Bytes, BlobError>> + Send>>;

/// Why content was not kept or not found.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is nothing under the key.
    #[error("there is no such content")]
    Missing,
    /// What is there is not what was kept: its length or its hash differs.
    #[error("the content was altered")]
    Altered,
    /// More than may be kept.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The most there may be.
        limit: u64,
    },
    /// The sender stopped before the end.
    #[error("the content was cut off: {0}")]
    CutOff(String),
    /// Nothing lies in the range that was asked for.
    #[error("the content has {size} bytes")]
    OutOfRange {
        /// How many bytes there are.
        size: u64,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The name of content: 1 to 200 of `a-z`, `0-9`, `_`, with `/` between parts that are not empty. So it
/// is a file name and an object key alike, whatever the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlobKey(String);

impl BlobKey {
    /// A key, if the text is one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_part =
            |part: &str| !part.is_empty() && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        (text.len() <= MAX_KEY && text.split('/').all(is_part)).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobInfo {
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
}

/// Content that is being read.
pub struct BlobRead {
    /// Bytes of the whole content.
    pub size: u64,
    /// The bytes that were asked for.
    pub content: BlobStream,
}

impl std::fmt::Debug for BlobRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobRead").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Where large content lives.
///
/// # Contract
///
/// - **Streamed.** Neither way is content held in memory as a whole; how much is, does not depend on its
///   size.
/// - **Whole or not at all.** After [`put`](Self::put) has answered, the content is readable by every node
///   and survives a restart of this process (not of a store in memory). Before that, and after an error, a
///   reader finds nothing under the key, or what was there before.
/// - [`put`](Self::put) stops as soon as more than `limit` bytes have come, and as soon as the stream
///   answers an error; that error is its answer. A caller that goes away leaves nothing visible.
/// - Content under a key never changes; writing a key again replaces it whole.
/// - May be called from any task, in parallel.
#[async_trait]
pub trait BlobStore: std::fmt::Debug + Send + Sync {
    /// Keeps content of at most `limit` bytes under a key.
    async fn put(&self, key: BlobKey, content: BlobStream, limit: u64) -> Result<BlobInfo, BlobError>;

    /// Reads content, or the part of it within the range, which is cut to what there is.
    /// [`BlobError::Missing`] if there is none, [`BlobError::OutOfRange`] if the range begins behind its end
    /// or is empty.
    async fn get(&self, key: BlobKey, range: Option<Range<u64>>) -> Result<BlobRead, BlobError>;

    /// Removes content; answers whether there may have been any.
    async fn delete(&self, key: BlobKey) -> Result<bool, BlobError>;

    /// Whether the store can serve now.
    async fn ready(&self) -> Result<(), BlobError>;
}

/// The content, checked against what was kept. The last piece is held back until the hash is known to be
/// right, so altered content never arrives whole: its reader gets [`BlobError::Altered`] instead of an end.
#[must_use]
pub fn verified(content: BlobStream, expected: BlobInfo) -> BlobStream {
    struct State {
        content: BlobStream,
        held: Option<Bytes>,
        hash: Sha256,
        size: u64,
        ended: bool,
    }
    let state = State { content, held: None, hash: Sha256::new(), size: 0, ended: false };
    let checked = futures::stream::unfold(state, move |mut state| async move {
        if state.ended {
            return None;
        }
        loop {
            match state.content.next().await {
                Some(Ok(piece)) => {
                    state.hash.update(&piece);
                    state.size += piece.len() as u64;
                    if state.size > expected.size {
                        state.ended = true;
                        return Some((Err(BlobError::Altered), state));
                    }
                    if let Some(earlier) = state.held.replace(piece) {
                        return Some((Ok(earlier), state));
                    }
                }
                Some(Err(error)) => {
                    state.ended = true;
                    return Some((Err(error), state));
                }
                None => {
                    state.ended = true;
                    let hash: [u8; 32] = std::mem::take(&mut state.hash).finalize().into();
                    if state.size != expected.size || hash != expected.sha256 {
                        return Some((Err(BlobError::Altered), state));
                    }
                    return state.held.take().map(|last| (Ok(last), state));
                }
            }
        }
    });
    Box::pin(checked)
}
