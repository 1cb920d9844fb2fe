//! Large content in a folder, in memory, or in a bucket of S3's or Google's kind.

mod fault;
mod net;
mod open;
mod read;
mod upload;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect_core::BlobStore;
use connect_core::store::{BlobError, BlobInfo, BlobKey, BlobRead, BlobStream};
use futures::StreamExt;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};
use tokio::sync::oneshot;

pub use open::{BlobOpenError, BlobSettings, GcsSettings, S3Settings};

/// How long an operation may take in all when nobody said otherwise.
const PATIENCE: Duration = Duration::from_secs(15);

/// Content in an object store, under a prefix.
///
/// # Notes for operators
///
/// - The identity needs the rights to read, write, delete and **list** the bucket, and to abort multipart
///   uploads. Without the right to list, a bucket answers "forbidden" instead of "not there".
/// - Content larger than 5 MiB goes up in parts of that size, at most 10,000 of them. When a node is killed
///   in the middle, the parts that it left are invisible but are paid for: give the bucket a rule that
///   removes unfinished multipart uploads after a day. In a folder such a rest is a file named `…#1`.
/// - When the very last step of an upload is not answered, it is tried again and then aborted. Whether the
///   content is there is then unknown, but it is there whole or not at all.
/// - Connections use the TLS provider of the process, or ring if it has none, so nothing panics in a host
///   that installs none. Trusted are the roots of Mozilla's list and those in
///   [`BlobSettings::extra_roots`]. Proxy variables of the environment are not read.
#[derive(Clone)]
pub struct ObjectBlobs {
    store: Arc<dyn ObjectStore>,
    /// Empty, or parts that end with a slash.
    prefix: Arc<str>,
    /// The most that one operation takes, its retries included; a stream is many operations.
    patience: Duration,
    /// What no error may show.
    secrets: Arc<[String]>,
    /// The folder, if it is one.
    folder: Option<Arc<PathBuf>>,
}

impl fmt::Debug for ObjectBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The stores' own `Debug` shows settings; their `Display` names the place only.
        f.debug_struct("ObjectBlobs")
            .field("store", &self.store.to_string())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl ObjectBlobs {
    /// Over a store that the host has opened, under a prefix (may be empty). Timeouts and retries of single
    /// requests are the store's; an operation that takes longer than 15 seconds fails.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        let mut prefix = prefix.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        if !prefix.is_empty() {
            prefix.push('/');
        }
        Self { store, prefix: prefix.into(), patience: PATIENCE, secrets: Arc::new([]), folder: None }
    }

    fn path(&self, key: &BlobKey) -> Path {
        Path::from(format!("{}{}", self.prefix, key.as_str()))
    }

    /// The answer of one operation, or an error when it takes too long.
    async fn within<T>(&self, work: impl Future<Output = object_store::Result<T>>) -> Result<T, object_store::Error> {
        match tokio::time::timeout(self.patience, work).await {
            Ok(answer) => answer,
            Err(_) => {
                let source = format!("no answer within {:?}", self.patience).into();
                Err(object_store::Error::Generic { store: "object store", source })
            }
        }
    }

    /// The error as the port tells it. Only a reader tells a missing object apart: see
    /// [`missing_or_failed`](Self::missing_or_failed).
    fn failed(&self, error: &object_store::Error) -> BlobError {
        fault::failed(error, &self.secrets)
    }

    fn missing_or_failed(&self, error: &object_store::Error) -> BlobError {
        if fault::is_missing(error) { BlobError::Missing } else { self.failed(error) }
    }

    /// Bytes of what is under the key.
    async fn size(&self, path: &Path) -> Result<u64, BlobError> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        let seen = self.within(self.store.get_opts(path, options)).await;
        seen.map(|answer| answer.meta.size).map_err(|error| self.missing_or_failed(&error))
    }

    /// Why a part was not answered: stores say "no such range" each in its own way, so the size decides.
    async fn no_part(&self, path: &Path, wanted: &Range<u64>, error: object_store::Error) -> BlobError {
        if fault::is_missing(&error) {
            return BlobError::Missing;
        }
        match self.size(path).await {
            Ok(size) if wanted.start >= size => BlobError::OutOfRange { size },
            Err(BlobError::Missing) => BlobError::Missing,
            _ => self.failed(&error),
        }
    }
}

#[async_trait]
impl BlobStore for ObjectBlobs {
    async fn put(&self, key: BlobKey, content: BlobStream, limit: u64) -> Result<BlobInfo, BlobError> {
        // The upload is a task of its own, because an upload that is dropped cannot clean up after itself:
        // a caller that goes away drops `_waiting`, and the task sees that and aborts.
        let (caller, _waiting) = oneshot::channel();
        let kept = upload::keep(self.clone(), self.path(&key), content, limit, upload::Caller::new(caller));
        match tokio::spawn(kept).await {
            Ok(answer) => answer,
            Err(error) => Err(BlobError::CutOff(format!("the upload ended early: {error}"))),
        }
    }

    async fn get(&self, key: BlobKey, range: Option<Range<u64>>) -> Result<BlobRead, BlobError> {
        let path = self.path(&key);
        if range.as_ref().is_some_and(Range::is_empty) {
            return Err(BlobError::OutOfRange { size: self.size(&path).await? });
        }
        let options = GetOptions { range: range.clone().map(asked), ..GetOptions::default() };
        let answer = match self.within(self.store.get_opts(&path, options)).await {
            Ok(answer) => answer,
            Err(error) => {
                return Err(match &range {
                    Some(wanted) => self.no_part(&path, wanted, error).await,
                    None => self.missing_or_failed(&error),
                });
            }
        };
        let size = answer.meta.size;
        let expected = answer.range.end.saturating_sub(answer.range.start);
        let content = read::told(answer.into_stream(), expected, Arc::clone(&self.secrets));
        Ok(BlobRead { size, content })
    }

    async fn delete(&self, key: BlobKey) -> Result<bool, BlobError> {
        let path = self.path(&key);
        let mut removed =
            self.store.delete_stream(futures::stream::once(async move { Ok::<_, object_store::Error>(path) }).boxed());
        match self.within(async { removed.next().await.transpose() }).await {
            Ok(_) => Ok(true),
            Err(error) if fault::is_missing(&error) => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn ready(&self) -> Result<(), BlobError> {
        if let Some(folder) = self.folder.clone() {
            let seen = tokio::task::spawn_blocking(move || folder.is_dir()).await;
            if !seen.unwrap_or(false) {
                return Err(fault::unavailable("the folder for content is not there"));
            }
        }
        // Nothing lies there, so the answer is short; but a bucket that is missing or closed to us says so.
        let nothing = Path::from(format!("{}ready_check", self.prefix));
        let mut list = self.store.list(Some(&nothing));
        self.within(async { list.next().await.transpose() }).await.map(drop).map_err(|error| self.failed(&error))
    }
}

/// The range as the store is asked for it. An end that no file reaches would not be a number to some stores.
fn asked(range: Range<u64>) -> GetRange {
    if range.end > i64::MAX.unsigned_abs() { GetRange::Offset(range.start) } else { GetRange::Bounded(range) }
}
