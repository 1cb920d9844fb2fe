//! The rows that judged change sets come down to.

use connect_core::event::Event;
use connect_core::message::Message;
use connect_core::record::{Record, RecordKey};
use connect_core::store::StoredAnswer;
use connect_core::ticket::Ticket;
use connect_core::{Version, WorkspaceId};

use super::{AnswerRef, Head, KeyRef};
use crate::scan;

/// A ticket to be inserted, or to replace the one of its id.
#[derive(Debug, Clone)]
pub struct TicketRow {
    /// Where.
    pub workspace: WorkspaceId,
    /// The ticket, numbered.
    pub ticket: Ticket,
}

impl TicketRow {
    /// The words by which anybody who may see the ticket finds it.
    pub fn words(&self) -> String {
        scan::words(&self.ticket)
    }

    /// Whether the ticket is new.
    pub fn is_new(&self) -> bool {
        self.ticket.version == Version::FIRST
    }
}

/// A message to be inserted.
#[derive(Debug, Clone)]
pub struct MessageRow {
    /// Where.
    pub workspace: WorkspaceId,
    /// The message.
    pub message: Message,
}

/// A record to be inserted, or to replace the one of its id.
#[derive(Debug, Clone)]
pub struct RecordRow {
    /// Where.
    pub workspace: WorkspaceId,
    /// The record.
    pub record: Record,
}

/// A unique key to be inserted.
#[derive(Debug, Clone)]
pub struct KeyRow {
    /// The key.
    pub key: KeyRef,
    /// The workspace of the record that holds it.
    pub workspace: WorkspaceId,
    /// The record that holds it.
    pub record: String,
}

/// An answer to be kept for an idempotency key, replacing one that has ended.
#[derive(Debug, Clone)]
pub struct AnswerRow {
    /// The key.
    pub key: AnswerRef,
    /// The answer.
    pub answer: StoredAnswer,
}

/// Everything to be written for a group, in an order that foreign keys allow: records, tickets,
/// messages, then the rest.
#[derive(Debug, Default)]
pub struct Rows {
    /// Head rows as they will be.
    pub heads: Vec<(WorkspaceId, Head)>,
    /// Records whose unique keys all go, before `keys` are inserted: those that are written or removed.
    pub released: Vec<(WorkspaceId, String)>,
    /// Records to be removed.
    pub removed: Vec<(WorkspaceId, String)>,
    /// Records to be written.
    pub records: Vec<RecordRow>,
    /// Keys to be inserted.
    pub keys: Vec<KeyRow>,
    /// Tickets to be written.
    pub tickets: Vec<TicketRow>,
    /// Messages to be inserted.
    pub messages: Vec<MessageRow>,
    /// Events to be inserted.
    pub events: Vec<Event>,
    /// Answers to be kept.
    pub answers: Vec<AnswerRow>,
}

impl Rows {
    /// Whether there is nothing to write. A record may change without an event: where a consumer stands does.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.records.is_empty()
    }

    /// The keys that a record of these rows will hold, in their order.
    pub fn keys_of(&self, record: &RecordRow) -> Vec<RecordKey> {
        let holds = |row: &&KeyRow| row.workspace == record.workspace && row.record == record.record.id;
        let mut keys: Vec<_> = self.keys.iter().filter(holds).map(|row| row.key.record_key()).collect();
        keys.sort();
        keys
    }
}
