//! Content on its way in: hashed, bounded, whole or not at all.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use connect_core::store::{BlobError, BlobInfo, BlobStream};
use futures::StreamExt;
use futures::future::{Either, select};
use object_store::path::Path;
use object_store::{MultipartUpload, PutMultipartOptions, PutOptions};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::ObjectBlobs;

/// Bytes of a part. S3 takes no smaller one but for the last, and some stores want all of one size.
const PART: usize = 5 * 1024 * 1024;

/// The one who waits for the answer of an upload.
pub(super) struct Caller(oneshot::Sender<()>);

impl Caller {
    /// The receiver is kept, unused, for as long as somebody waits.
    pub(super) fn new(sender: oneshot::Sender<()>) -> Self {
        Self(sender)
    }

    /// The answer of the work, or an error as soon as nobody waits any more.
    async fn unless_gone<T>(&mut self, work: impl Future<Output = Result<T, BlobError>>) -> Result<T, BlobError> {
        match select(pin!(self.0.closed()), pin!(work)).await {
            Either::Left(_) => Err(BlobError::CutOff("nobody waits for it any more".to_owned())),
            Either::Right((answer, _)) => answer,
        }
    }
}

struct Part {
    bytes: Bytes,
    last: bool,
}

/// Cuts the stream into parts, counts and hashes.
struct Intake {
    content: BlobStream,
    limit: u64,
    size: u64,
    hash: Sha256,
    rest: Bytes,
}

impl Intake {
    /// Exactly one part, or what is left before the end. Pieces are copied together, because a stream of
    /// tiny pieces would otherwise take many times its size.
    async fn part(&mut self) -> Result<Part, BlobError> {
        let mut bytes = BytesMut::new();
        loop {
            let piece = if self.rest.is_empty() {
                match self.content.next().await {
                    None => return Ok(Part { bytes: bytes.freeze(), last: true }),
                    Some(piece) => self.seen(piece?)?,
                }
            } else {
                std::mem::take(&mut self.rest)
            };
            self.rest = piece;
            let taken = self.rest.split_to(self.rest.len().min(PART - bytes.len()));
            bytes.extend_from_slice(&taken);
            if bytes.len() == PART {
                return Ok(Part { bytes: bytes.freeze(), last: false });
            }
        }
    }

    fn seen(&mut self, piece: Bytes) -> Result<Bytes, BlobError> {
        self.size = self.size.saturating_add(piece.len() as u64);
        if self.size > self.limit {
            return Err(BlobError::TooLarge { limit: self.limit });
        }
        self.hash.update(&piece);
        Ok(piece)
    }

    fn info(self) -> BlobInfo {
        BlobInfo { size: self.size, sha256: self.hash.finalize().into() }
    }
}

/// Keeps the content: by one request if it fits into one part, else by a multipart upload that is aborted
/// whatever goes wrong.
pub(super) async fn keep(
    blobs: ObjectBlobs,
    path: Path,
    content: BlobStream,
    limit: u64,
    mut caller: Caller,
) -> Result<BlobInfo, BlobError> {
    let mut intake = Intake { content, limit, size: 0, hash: Sha256::new(), rest: Bytes::new() };
    let first = caller.unless_gone(intake.part()).await?;
    if first.last {
        let put = blobs.store.put_opts(&path, first.bytes.into(), PutOptions::default());
        blobs.within(put).await.map_err(|error| blobs.failed(&error))?;
        return Ok(intake.info());
    }
    let begun = blobs.store.put_multipart_opts(&path, PutMultipartOptions::default());
    let mut upload = blobs.within(begun).await.map_err(|error| blobs.failed(&error))?;
    match pour(&blobs, upload.as_mut(), first, &mut intake, &mut caller).await {
        Ok(()) => Ok(intake.info()),
        Err(error) => {
            if let Err(left) = blobs.within(upload.abort()).await {
                let left = blobs.failed(&left);
                tracing::warn!(%path, error = %left, "an upload could not be aborted; its parts stay behind");
            }
            Err(error)
        }
    }
}

/// Sends part after part and completes the upload. One part at a time: that bounds the memory.
async fn pour(
    blobs: &ObjectBlobs,
    upload: &mut dyn MultipartUpload,
    first: Part,
    intake: &mut Intake,
    caller: &mut Caller,
) -> Result<(), BlobError> {
    let mut part = first;
    loop {
        let last = part.last;
        // Content that ends with a part leaves an empty one.
        if !part.bytes.is_empty() {
            let sent = upload.put_part(part.bytes.into());
            caller.unless_gone(async { blobs.within(sent).await.map_err(|error| blobs.failed(&error)) }).await?;
        }
        if last {
            break;
        }
        part = caller.unless_gone(intake.part()).await?;
    }
    // Not stopped half-way by a caller that leaves now: the content has come whole.
    blobs.within(upload.complete()).await.map(drop).map_err(|error| blobs.failed(&error))
}
