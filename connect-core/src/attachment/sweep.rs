//! The end of uploads that nobody used, and what the desk knows of content.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Attachment;
use crate::change::ChangeSet;
use crate::record::RecordKind;
use crate::store::RecordList;
use crate::{Actor, AttachmentId, BlobStore, Desk, Error, Limit, Result, Timestamp, WorkspaceId};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long an upload may wait for its message.
const UNUSED_FOR: Duration = DAY;
/// How far back a sweep looks. Ids rise with time, so a sweep reads the uploads of these days only and not
/// all there ever were; a desk that was not swept for longer keeps what was left unused before.
const LOOKS_BACK: Duration = Duration::from_secs(31 * 24 * 3600);

impl Desk {
    /// Removes uploads that no message carries after a day, at most so many; answers how many. For a timer
    /// of the host's. A desk without a place for content has none.
    ///
    /// A workspace where it fails does not keep the others from theirs: the first error is answered at the end.
    pub async fn sweep_attachments(&self, limit: usize) -> Result<usize> {
        if self.blobs().is_none() {
            return Ok(0);
        }
        let (mut removed, mut failed) = (0, None);
        let mut workspaces = self.every_workspace();
        while let Some(workspace) = workspaces.next().await? {
            match self.sweep_workspace(workspace, limit - removed).await {
                Ok(here) => removed += here,
                Err(error) => failed = failed.or(Some(error)),
            }
            if removed >= limit {
                break;
            }
        }
        failed.map_or(Ok(removed), Err)
    }

    async fn sweep_workspace(&self, workspace: WorkspaceId, limit: usize) -> Result<usize> {
        let before = self.now().minus(UNUSED_FOR);
        let mut after = Some(first_id(self.now().minus(LOOKS_BACK)).to_string());
        let mut removed = 0;
        let mut held: Option<BTreeSet<AttachmentId>> = None;
        loop {
            let list = RecordList { ids: None, after: after.clone(), limit: Limit::MAX };
            let mut records = self.store().records(workspace, Attachment::KIND, list).await?;
            let more = records.len() > Limit::MAX.get();
            records.truncate(Limit::MAX.get());
            for record in &records {
                let attachment: Attachment = record.read()?;
                if attachment.created_at > before {
                    return Ok(removed);
                }
                if removed >= limit {
                    return Ok(removed);
                }
                if attachment.message.is_some() {
                    continue;
                }
                if held.is_none() {
                    held = Some(self.held_files(workspace).await?);
                }
                let is_held = held.as_ref().is_some_and(|held| held.contains(&attachment.id));
                if !is_held && self.remove_unused(workspace, &attachment).await? {
                    removed += 1;
                }
            }
            after = records.last().map(|record| record.id.clone());
            if !more {
                return Ok(removed);
            }
        }
    }

    /// The record goes first: a message that takes the attachment at this moment then either wins, and its
    /// content stays, or finds nothing.
    async fn remove_unused(&self, workspace: WorkspaceId, attachment: &Attachment) -> Result<bool> {
        let moment = self.moment_of(Actor::System);
        let changes = ChangeSet::new(&moment).record(attachment.remove()?, &moment);
        let gone = self.commit_to(workspace, changes).await?.is_some();
        if gone {
            self.forget_content(workspace, attachment.id).await;
        }
        Ok(gone)
    }

    /// Removes the content of an attachment that has no record.
    pub(crate) async fn forget_content(&self, workspace: WorkspaceId, id: AttachmentId) {
        let (Ok(blobs), Ok(key)) = (self.content(), Attachment::blob_key(workspace, id)) else { return };
        if let Err(error) = blobs.delete(key).await {
            // Nobody can read it any more, but its bytes are still there.
            tracing::warn!(%workspace, attachment = %id, %error, "content could not be removed and stays behind");
        }
    }

    /// Where content lives; refused by a desk that has no such place.
    pub(crate) fn content(&self) -> Result<&Arc<dyn BlobStore>> {
        let none = || Error::refused("no_attachments", "this desk has no place for attachments");
        self.blobs().ok_or_else(none)
    }
}

/// The smallest id of an instant.
fn first_id(at: Timestamp) -> AttachmentId {
    let milliseconds = u128::try_from(at.as_micros() / 1000).unwrap_or(0);
    AttachmentId::from_bits(milliseconds << 80)
}
