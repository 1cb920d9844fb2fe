//! An attachment as the API shows it.

use connect_core::attachment::{Attachment, AttachmentRef};
use connect_core::{Access, AttachmentId, Desk, FieldError};
use serde_json::{Value, json};

use crate::api::shape::{Time, id};

/// Where the attachments of a workspace are read.
#[derive(Debug, Clone)]
pub(crate) struct Place(String);

impl Place {
    pub(crate) fn new(desk: &Desk, access: &Access) -> Self {
        // By the workspace's id, which stays when its short name changes.
        Self(desk.link(&format!("/api/v1/workspaces/{}/attachments/", access.workspace_id())))
    }

    pub(crate) fn url(&self, id: AttachmentId) -> String {
        format!("{}{id}", self.0)
    }
}

/// An upload.
pub(super) fn uploaded(attachment: &Attachment, place: &Place) -> Value {
    json!({
        "id": attachment.id, "name": attachment.name, "size": attachment.size,
        "content_type": attachment.content_type, "sha256": attachment.sha256,
        "created_at": Time(attachment.created_at), "url": place.url(attachment.id),
    })
}

/// What a message carries.
pub(crate) fn carried(attachments: &[AttachmentRef], place: &Place) -> Value {
    let shape = |attachment: &AttachmentRef| {
        json!({
            "id": attachment.id, "name": attachment.name, "size": attachment.size,
            "content_type": attachment.content_type, "url": place.url(attachment.id),
        })
    };
    attachments.iter().map(shape).collect()
}

/// The attachments that a command names.
pub(crate) fn ids(texts: &[String]) -> Result<Vec<AttachmentId>, FieldError> {
    texts.iter().enumerate().map(|(place, text)| id(&format!("attachment_ids[{place}]"), text)).collect()
}
