//! Reading attachments, and their way into messages.

use std::ops::Range;

use super::{Attachment, AttachmentRef, MAX_PER_MESSAGE, missing};
use crate::change::{ChangeSet, Moment};
use crate::record::{Record, RecordKind};
use crate::store::{BlobStream, RecordList, TicketKey, verified};
use crate::ticket::TicketChange;
use crate::{Access, Action, AttachmentId, Desk, Error, Limit, Result, Standing};

/// The attachments of a workspace, as one access sees them.
#[derive(Debug)]
pub struct Attachments<'a> {
    pub(super) desk: &'a Desk,
    pub(super) access: &'a Access,
}

impl Desk {
    /// The attachments of the access's workspace.
    pub fn attachments<'a>(&'a self, access: &'a Access) -> Attachments<'a> {
        Attachments { desk: self, access }
    }
}

impl Attachments<'_> {
    /// One attachment that the access may read: of a message it may see, or its own upload that no message
    /// carries yet.
    pub async fn get(&self, id: AttachmentId) -> Result<Attachment> {
        let attachment = self.find(id).await?.ok_or(Error::NotFound("attachment"))?;
        if self.may_read(&attachment).await? { Ok(attachment) } else { Err(Error::NotFound("attachment")) }
    }

    /// Whether the access may write anything that carries files.
    pub(super) fn may_bring(&self) -> bool {
        [Action::ReplyToTickets, Action::OpenTickets, Action::WriteNotes].iter().any(|a| self.desk.may(self.access, *a))
    }

    async fn may_read(&self, attachment: &Attachment) -> Result<bool> {
        let Some(ticket) = attachment.ticket else {
            let is_host = self.access.standing() == Standing::Host;
            // A key that may not bring files sees none that its owner has brought.
            return Ok(is_host || attachment.uploaded_by == self.access.actor() && self.may_bring());
        };
        if !self.desk.may(self.access, Action::ReadTickets) {
            return Ok(false);
        }
        if attachment.note && !self.desk.may(self.access, Action::ReadNotes) {
            return Ok(false);
        }
        if self.access.sees_all_tickets() {
            return Ok(true);
        }
        if attachment.note && self.access.contact().is_some() {
            return Ok(false);
        }
        let row = self.desk.store().ticket(self.access.workspace_id(), TicketKey::Id(ticket)).await?;
        Ok(row.is_some_and(|row| self.access.sees(&row.ticket)))
    }

    /// The content of an attachment, or the bytes of it in a range.
    ///
    /// The whole is checked as it is read: content that was altered ends with an error instead of its last
    /// piece. A part cannot be checked.
    pub async fn open(&self, id: AttachmentId, range: Option<Range<u64>>) -> Result<(Attachment, BlobStream)> {
        let attachment = self.get(id).await?;
        if range.as_ref().is_some_and(|range| range.is_empty() || range.start >= attachment.size) {
            return Err(Error::invalid("range", "out_of_range", format!("there are {} bytes", attachment.size)));
        }
        let key = Attachment::blob_key(self.access.workspace_id(), id)?;
        let is_part = range.is_some();
        let read = self.desk.content()?.get(key, range).await?;
        if is_part {
            if read.size != attachment.size {
                return Err(Error::Internal(format!("the content of {id} was altered")));
            }
            return Ok((attachment, read.content));
        }
        let content = verified(read.content, attachment.info()?);
        Ok((attachment, content))
    }

    /// Removes an upload of one's own that no message carries.
    pub async fn discard(&self, id: AttachmentId) -> Result<()> {
        let own = |found: &Attachment| found.uploaded_by == self.access.actor() && self.may_bring();
        let attachment = self.find(id).await?.filter(own);
        let attachment = attachment.ok_or(Error::NotFound("attachment"))?;
        let moment = self.desk.moment(self.access);
        let changes = ChangeSet::new(&moment).record(attachment.remove()?, &moment);
        match self.desk.commit(&self.access.clone().once(None), changes).await? {
            Some(_) => self.desk.forget_content(self.access.workspace_id(), id).await,
            // A message took it meanwhile.
            None => return Err(Error::Contended),
        }
        Ok(())
    }

    /// Lets the message of a change carry these attachments, and adds them to the change set. Their
    /// versions are part of it, so of two messages that want one attachment only the first is kept.
    pub(crate) async fn carry(
        &self,
        mut changes: ChangeSet,
        change: TicketChange,
        ids: &[AttachmentId],
        moment: &Moment<'_>,
    ) -> Result<ChangeSet> {
        if ids.is_empty() {
            return Ok(changes.ticket(change, moment));
        }
        let attachments = self.load(ids).await?;
        let change = change.carrying(attachments.iter().map(AttachmentRef::from).collect());
        if let Some(message) = change.message() {
            for attachment in &attachments {
                let next = attachment.carried_by(message, moment.actor())?;
                changes = changes.along(&next, attachment.version);
            }
        }
        Ok(changes.ticket(change, moment))
    }

    /// Files of the caller's own that no message carries yet, for one that is to carry them later.
    pub(crate) async fn free(&self, ids: &[AttachmentId]) -> Result<Vec<AttachmentRef>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let attachments = self.load(ids).await?;
        attachments.iter().try_for_each(|attachment| attachment.is_free_for(self.access.actor()))?;
        Ok(attachments.iter().map(AttachmentRef::from).collect())
    }

    /// Attachments in the order in which they were named.
    async fn load(&self, ids: &[AttachmentId]) -> Result<Vec<Attachment>> {
        if ids.len() > MAX_PER_MESSAGE {
            let detail = format!("a message may carry at most {MAX_PER_MESSAGE} attachments");
            return Err(Error::invalid("attachment_ids", "too_many", detail));
        }
        if let Some(id) = ids.iter().enumerate().find(|(place, id)| ids[..*place].contains(id)).map(|(_, id)| id) {
            return Err(Error::invalid("attachment_ids", "duplicate", format!("{id} is named twice")));
        }
        let list =
            RecordList { ids: Some(ids.iter().map(ToString::to_string).collect()), after: None, limit: Limit::MAX };
        let records = self.desk.store().records(self.access.workspace_id(), Attachment::KIND, list).await?;
        let found = records.iter().map(Record::read).collect::<Result<Vec<Attachment>, _>>()?;
        let of = |id: &AttachmentId| found.iter().find(|attachment| attachment.id == *id).cloned();
        ids.iter().map(|id| of(id).ok_or_else(|| missing(*id))).collect()
    }

    async fn find(&self, id: AttachmentId) -> Result<Option<Attachment>> {
        let record = self.desk.store().record(self.access.workspace_id(), Attachment::KIND, id.to_string()).await?;
        Ok(record.map(|record| record.read()).transpose()?)
    }
}
