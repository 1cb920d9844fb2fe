//! Content on its way out.

use std::sync::Arc;

use bytes::Bytes;
use connect_core::store::{BlobError, BlobStream};
use futures::StreamExt;
use futures::stream::BoxStream;

use super::fault;

/// Empty pieces in a row before a store counts as stuck. A file that is cut shorter while it is read gives
/// empty pieces for ever.
const IDLE: u32 = 16;
/// The longest piece that is passed on. A store in memory has one piece only.
const PIECE: usize = 256 * 1024;

struct Reading {
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    /// Bytes that must still come.
    left: u64,
    /// Of the piece that came last.
    rest: Bytes,
    idle: u32,
    ended: bool,
    secrets: Arc<[String]>,
}

impl Reading {
    fn end(mut self, error: BlobError) -> (Result<Bytes, BlobError>, Self) {
        self.ended = true;
        (Err(error), self)
    }
}

/// The pieces of a store with the port's errors. Too few or too many bytes are
/// [`Altered`](BlobError::Altered): the content changed under the reader.
pub(super) fn told(
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    expected: u64,
    secrets: Arc<[String]>,
) -> BlobStream {
    let reading = Reading { pieces, left: expected, rest: Bytes::new(), idle: 0, ended: false, secrets };
    Box::pin(futures::stream::unfold(reading, next))
}

async fn next(mut reading: Reading) -> Option<(Result<Bytes, BlobError>, Reading)> {
    if reading.ended {
        return None;
    }
    loop {
        if !reading.rest.is_empty() {
            let piece = reading.rest.split_to(reading.rest.len().min(PIECE));
            return Some((Ok(piece), reading));
        }
        match reading.pieces.next().await {
            Some(Ok(piece)) if piece.is_empty() => {
                reading.idle += 1;
                if reading.idle > IDLE {
                    return Some(reading.end(BlobError::Altered));
                }
            }
            Some(Ok(piece)) => {
                reading.idle = 0;
                match reading.left.checked_sub(piece.len() as u64) {
                    Some(left) => reading.left = left,
                    None => return Some(reading.end(BlobError::Altered)),
                }
                reading.rest = piece;
            }
            Some(Err(error)) => {
                let error = fault::failed(&error, &reading.secrets);
                return Some(reading.end(error));
            }
            None if reading.left > 0 => return Some(reading.end(BlobError::Altered)),
            None => return None,
        }
    }
}
