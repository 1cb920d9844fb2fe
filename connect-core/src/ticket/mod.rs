//! Tickets: one matter each.

mod decide;
#[cfg(test)]
mod decide_tests;
mod list;
mod place;
mod query;
mod service;
mod sight;
mod status;
mod thread;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Actor, ContactId, LabelName, MessageId, Subject, TeamId, TicketId, Timestamp, UserId, Version};

pub use decide::{OpenTicket, ReplyOptions, TicketChange, TicketPatch};
pub use list::{SortKey, TicketCursor, TicketFilter, TicketList, TicketSort};
pub use query::{QueryError, parse_query, print_query};
pub use service::{ContactRef, NewTicket, TicketRef, TicketView, Tickets};
pub use sight::Within;
pub use status::{Category, Priority, StatusName};
pub use thread::TimelineEntry;

/// How a ticket came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The REST API.
    Api,
    /// A page.
    Web,
    /// The embedding application.
    Host,
}

impl Channel {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Web => "web",
            Self::Host => "host",
        }
    }
}

/// One matter of one contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// Its number in the workspace (#1042), dense from 1; 0 until the commit that opens it.
    pub number: u64,
    /// What it is about.
    pub subject: Subject,
    /// Where it stands, in the workspace's words.
    pub status: StatusName,
    /// What the status stands for; rules ask this.
    pub category: Category,
    /// How much it presses.
    pub priority: Priority,
    /// Who works on it.
    pub assignee: Option<UserId>,
    /// Which team works on it.
    pub team: Option<TeamId>,
    /// Its tags.
    pub labels: BTreeSet<LabelName>,
    /// Who asks.
    pub contact: ContactId,
    /// How it came.
    pub channel: Channel,
    /// How often it was written.
    pub version: Version,
    /// Who opened it.
    pub opened_by: Actor,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// The newest message.
    pub last_message: MessageId,
    /// The newest message the customer can see.
    pub last_public_message: MessageId,
    /// The team's first answer.
    pub first_reply_at: Option<Timestamp>,
    /// The customer's last message.
    pub last_customer_at: Option<Timestamp>,
    /// The team's last answer.
    pub last_agent_at: Option<Timestamp>,
    /// Since when the customer waits for an answer.
    pub waiting_since: Option<Timestamp>,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}
