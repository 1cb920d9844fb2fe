//! A place for content that can be looked into, and scanners.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use connect_core::attachment::{Attachment, Scanner, Verdict};
use connect_core::store::{BlobError, BlobInfo, BlobKey, BlobRead, BlobStream};
use connect_core::{BlobStore, StoreError};
use connect_store::{BlobSettings, ObjectBlobs};
use futures::StreamExt;

/// Knows which keys it holds, and alters what it gives when it is told to.
#[derive(Debug)]
pub struct Blobs {
    inner: ObjectBlobs,
    keys: Mutex<BTreeSet<String>>,
    pub alters: AtomicBool,
}

impl Default for Blobs {
    fn default() -> Self {
        let inner = ObjectBlobs::open("memory://", BlobSettings::default()).expect("memory");
        Self { inner, keys: Mutex::default(), alters: AtomicBool::default() }
    }
}

impl Blobs {
    pub fn keys(&self) -> Vec<String> {
        self.keys.lock().expect("keys").iter().cloned().collect()
    }
}

#[async_trait]
impl BlobStore for Blobs {
    async fn put(&self, key: BlobKey, content: BlobStream, limit: u64) -> Result<BlobInfo, BlobError> {
        let info = self.inner.put(key.clone(), content, limit).await?;
        self.keys.lock().expect("keys").insert(key.as_str().to_owned());
        Ok(info)
    }

    async fn get(&self, key: BlobKey, range: Option<Range<u64>>) -> Result<BlobRead, BlobError> {
        let read = self.inner.get(key, range).await?;
        if !self.alters.load(Ordering::SeqCst) {
            return Ok(read);
        }
        let altered = read.content.map(|piece| {
            piece.map(|piece| {
                let mut piece = piece.to_vec();
                piece[0] ^= 1;
                Bytes::from(piece)
            })
        });
        Ok(BlobRead { size: read.size, content: Box::pin(altered) })
    }

    async fn delete(&self, key: BlobKey) -> Result<bool, BlobError> {
        self.keys.lock().expect("keys").remove(key.as_str());
        self.inner.delete(key).await
    }

    async fn ready(&self) -> Result<(), BlobError> {
        self.inner.ready().await
    }
}

/// Finds the word EICAR, and does not answer for a file called `silent`.
#[derive(Debug)]
pub struct Finder;

#[async_trait]
impl Scanner for Finder {
    async fn scan(&self, attachment: &Attachment, mut content: BlobStream) -> Result<Verdict, StoreError> {
        if attachment.name.as_str() == "silent" {
            return Err(StoreError::unavailable("the scanner is away"));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = content.next().await {
            bytes.extend_from_slice(&piece.map_err(StoreError::unavailable)?);
        }
        let found = bytes.windows(5).any(|window| window == b"EICAR");
        Ok(if found { Verdict::Infected("EICAR".to_owned()) } else { Verdict::Clean })
    }
}
