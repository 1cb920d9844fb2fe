//! Messages: public replies and internal notes.

use serde::{Deserialize, Serialize};

use crate::attachment::AttachmentRef;
use crate::{Actor, Body, MessageId, TicketId, Timestamp, Version};

/// Who a message is for. The two are made by different decisions, so a note cannot be sent by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// Seen by the customer.
    Reply,
    /// Seen by the team only.
    Note,
}

impl MessageKind {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Note => "note",
        }
    }
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the customer.
    Inbound,
    /// From the team.
    Outbound,
}

impl Direction {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// One message of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id; ids rise with time, so messages are in the order of their ids.
    pub id: MessageId,
    /// The ticket it belongs to.
    pub ticket: TicketId,
    /// Who it is for.
    pub kind: MessageKind,
    /// Which way it goes.
    pub direction: Direction,
    /// Who wrote it.
    pub author: Actor,
    /// Its text, in Markdown.
    pub body: Body,
    /// The files it carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentRef>,
    /// How often it was written.
    pub version: Version,
    /// When it was written.
    pub created_at: Timestamp,
}
