//! The way of an upload: into the blob store, past the scanner, into the journal.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use tracing::Instrument;

use super::sniff::HEAD;
use super::{Attachment, Attachments, FileName, Verdict};
use crate::change::ChangeSet;
use crate::record::RecordKind;
use crate::store::{BlobInfo, BlobStream, verified};
use crate::{Access, Action, AttachmentId, BlobStore, Desk, Error, Result, StoreError};

/// How long a scanner may take.
const SCAN_TIMEOUT: Duration = Duration::from_secs(60);

impl Attachments<'_> {
    /// Refuses whoever may bring no files: for callers who want to know before the first byte.
    pub fn demand_upload(&self) -> Result<()> {
        if self.may_bring() { Ok(()) } else { Err(Error::Forbidden(Action::ReplyToTickets.as_str())) }
    }

    /// Takes a file. It belongs to its uploader until a message carries it, and is swept after a day if
    /// none does.
    ///
    /// [`Error::TooLarge`] as soon as more has come than the desk takes, [`Error::CutOff`] if the content
    /// ends with an error. Nothing is kept then.
    pub async fn upload(&self, name: FileName, content: BlobStream) -> Result<Attachment> {
        self.demand_upload()?;
        let blobs = self.desk.content()?.clone();
        let id = self.desk.ids().attachment();
        let key = Attachment::blob_key(self.access.workspace_id(), id)?;
        let (content, head) = peeked(content);
        let (desk, access) = (self.desk.clone(), self.access.clone());
        // A task of its own: a caller that goes away after the last byte must leave neither content without
        // a record nor a record without content. One that goes away before it ends the content, and so the task.
        let whole = async move {
            let info = blobs.put(key, content, desk.settings().attachment_limit).await?;
            let head = std::mem::take(&mut *head.lock().unwrap_or_else(PoisonError::into_inner));
            Upload { desk, access, blobs, id, name, head, info }.finish().await
        };
        let kept = tokio::spawn(whole.in_current_span()).await;
        kept.unwrap_or_else(|error| Err(Error::Internal(format!("an upload ended early: {error}"))))
    }
}

/// The content, and its first bytes once it has passed.
fn peeked(content: BlobStream) -> (BlobStream, Arc<Mutex<Vec<u8>>>) {
    let head = Arc::new(Mutex::new(Vec::with_capacity(HEAD)));
    let seen = head.clone();
    let content = content.map(move |piece| {
        if let Ok(piece) = &piece {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let room = HEAD.saturating_sub(seen.len());
            seen.extend_from_slice(&piece[..room.min(piece.len())]);
        }
        piece
    });
    (Box::pin(content), head)
}

/// Content that is kept and has no record yet.
struct Upload {
    desk: Desk,
    access: Access,
    blobs: Arc<dyn BlobStore>,
    id: AttachmentId,
    name: FileName,
    head: Vec<u8>,
    info: BlobInfo,
}

impl Upload {
    async fn finish(self) -> Result<Attachment> {
        let moment = self.desk.moment(&self.access);
        let attachment = Attachment::uploaded(self.id, self.name.clone(), &self.head, self.info, &moment);
        if let Err(error) = self.scan(&attachment).await {
            self.forget().await;
            return Err(error);
        }
        let changes = ChangeSet::new(&moment).record(attachment.keep(), &moment);
        // An upload is no command that is carried out once: an access with a key keeps it for the message.
        let committed = self.desk.commit(&self.access.clone().once(None), changes).await;
        match committed {
            Ok(Some(_)) => Ok(attachment),
            Ok(None) => {
                self.forget().await;
                Err(Error::Contended)
            }
            Err(Error::Unknown) => {
                // Kept or not: whoever reads the record back knows. Without it the content stays behind
                // rather than being taken from under a record that may be there.
                let (workspace, id) = (self.access.workspace_id(), self.id.to_string());
                match self.desk.store().record(workspace, Attachment::KIND, id).await {
                    Ok(Some(_)) => Ok(attachment),
                    _ => Err(Error::Unknown),
                }
            }
            Err(error) => {
                self.forget().await;
                Err(error)
            }
        }
    }

    async fn scan(&self, attachment: &Attachment) -> Result<()> {
        let Some(scanner) = self.desk.scanner() else { return Ok(()) };
        let key = Attachment::blob_key(self.access.workspace_id(), self.id)?;
        let content = verified(self.blobs.get(key, None).await?.content, self.info);
        let verdict = match tokio::time::timeout(SCAN_TIMEOUT, scanner.scan(attachment, content)).await {
            Ok(verdict) => verdict?,
            Err(_) => return Err(StoreError::unavailable("the scanner does not answer").into()),
        };
        match verdict {
            Verdict::Clean => Ok(()),
            Verdict::Infected(what) => {
                tracing::warn!(attachment = %self.id, %what, "an upload was refused by the scanner");
                Err(Error::refused("attachment_infected", "the scanner found something harmful in this file"))
            }
        }
    }

    /// Removes the content of an upload that was refused.
    async fn forget(&self) {
        self.desk.forget_content(self.access.workspace_id(), self.id).await;
    }
}
