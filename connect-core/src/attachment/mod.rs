//! Attachments: files that messages carry.
//!
//! An attachment is uploaded first and belongs to nobody but its uploader; the reply, note or ticket that
//! names it then takes it along. One that is not used within a day is swept.

mod name;
mod scan;
mod service;
mod sniff;
mod sweep;
mod upload;

use serde::{Deserialize, Serialize};

use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::message::{Message, MessageKind};
use crate::record::{RecordKey, RecordKind};
use crate::store::{BlobInfo, BlobKey};
use crate::{
    Actor, AttachmentId, Error, FieldError, MessageId, Result, StoreError, TicketId, Timestamp, Version, WorkspaceId,
};

pub use name::FileName;
pub use scan::{Scanner, Verdict};
pub use service::Attachments;
pub use sniff::ContentType;

/// Most attachments a message may carry.
pub const MAX_PER_MESSAGE: usize = 20;

/// A file that was uploaded. Its content lives in the [`BlobStore`](crate::BlobStore).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// What it is called.
    pub name: FileName,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// What it is, as the desk has found; never what the uploader says.
    pub content_type: ContentType,
    /// Who uploaded it.
    pub uploaded_by: Actor,
    /// The ticket it belongs to, once a message carries it.
    pub ticket: Option<TicketId>,
    /// The message that carries it.
    pub message: Option<MessageId>,
    /// Whether that message is an internal note.
    #[serde(default)]
    pub note: bool,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// How often it was written.
    pub version: Version,
}

/// An attachment as the message that carries it tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentRef {
    /// Its id.
    pub id: AttachmentId,
    /// What it is called.
    pub name: FileName,
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    pub content_type: ContentType,
}

impl From<&Attachment> for AttachmentRef {
    fn from(attachment: &Attachment) -> Self {
        let Attachment { id, name, size, content_type, .. } = attachment;
        Self { id: *id, name: name.clone(), size: *size, content_type: *content_type }
    }
}

impl RecordKind for Attachment {
    const KIND: &'static str = "attachment";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl Attachment {
    /// What an upload is that has come whole, from the first bytes of its content.
    pub(crate) fn uploaded(id: AttachmentId, name: FileName, head: &[u8], info: BlobInfo, moment: &Moment) -> Self {
        Self {
            id,
            content_type: ContentType::of(head, &name),
            name,
            size: info.size,
            sha256: hex(&info.sha256),
            uploaded_by: moment.actor(),
            ticket: None,
            message: None,
            note: false,
            created_at: moment.now(),
            version: Version::FIRST,
        }
    }

    /// Decides to keep it.
    pub(crate) fn keep(&self) -> RecordChange {
        RecordChange::insert(self, Fact::AttachmentUploaded { attachment: self.id })
    }

    /// Decides to remove it; refused once a message carries it.
    pub(crate) fn remove(&self) -> Result<RecordChange> {
        if self.message.is_some() {
            return Err(used(self.id));
        }
        Ok(RecordChange::remove(self, Fact::AttachmentRemoved { attachment: self.id }))
    }

    /// Refuses one that a message carries already. One that somebody else has uploaded is answered as one that does not
    /// exist.
    pub(crate) fn is_free_for(&self, actor: Actor) -> Result<()> {
        if self.uploaded_by != actor {
            return Err(missing(self.id));
        }
        if self.message.is_some() { Err(used(self.id)) } else { Ok(()) }
    }

    /// The attachment as it will be when this message carries it.
    pub(crate) fn carried_by(&self, message: &Message, actor: Actor) -> Result<Self> {
        self.is_free_for(actor)?;
        Ok(Self {
            ticket: Some(message.ticket),
            message: Some(message.id),
            note: message.kind == MessageKind::Note,
            version: self.version.next(),
            ..self.clone()
        })
    }

    /// Where its content lies.
    pub(crate) fn blob_key(workspace: WorkspaceId, id: AttachmentId) -> Result<BlobKey> {
        BlobKey::parse(&format!("{workspace}/{id}")).ok_or_else(|| Error::Internal(format!("{id} is no key")))
    }

    /// What its content must be.
    pub(crate) fn info(&self) -> Result<BlobInfo, StoreError> {
        let sha256 = unhex(&self.sha256);
        let sha256 = sha256.ok_or_else(|| StoreError::Corrupt(format!("the hash of {} is none", self.id)))?;
        Ok(BlobInfo { size: self.size, sha256 })
    }
}

/// An attachment that is not there, or not for the caller.
pub(crate) fn missing(id: AttachmentId) -> Error {
    FieldError::new("attachment_ids", "missing", format!("there is no attachment {id} of yours")).into()
}

fn used(id: AttachmentId) -> Error {
    Error::refused("attachment_used", format!("the attachment {id} belongs to a message already"))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(place * 2..place * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_back() {
        let mut bytes = [0_u8; 32];
        bytes[0] = 0xab;
        bytes[31] = 7;
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        assert_eq!(unhex("ab"), None);
        assert_eq!(unhex(&"zz".repeat(32)), None);
    }
}
