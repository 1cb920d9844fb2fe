//! The tables, and the texts that their keys are made of.
//!
//! Every key of a tenant's row begins with the text of its workspace's id, so no read can leave its
//! workspace by mistake. Parts are joined by a line break; only the last part may hold one itself. Bytewise
//! order is then the order of ids and numbers, and what stands below a prefix is one range.

use connect_core::store::answer_place;
use connect_core::{Timestamp, WorkspaceId};
use connect_store::group::{AnswerRef, KeyRef};
use redb::TableDefinition;

pub(crate) type Table = TableDefinition<'static, &'static str, &'static [u8]>;

// Rows, as JSON.
/// workspace → its `Counters`
pub(crate) const HEADS: Table = Table::new("heads");
/// workspace, id → the record with its keys
pub(crate) const RECORDS: Table = Table::new("records");
/// workspace, id → the ticket
pub(crate) const TICKETS: Table = Table::new("tickets");
/// workspace, id → the message
pub(crate) const MESSAGES: Table = Table::new("messages");
/// workspace, number → the event
pub(crate) const EVENTS: Table = Table::new("events");
/// workspace, actor, key → the actor, the key and the answer
pub(crate) const ANSWERS: Table = Table::new("answers");
/// workspace, id → the delivery
pub(crate) const DELIVERIES: Table = Table::new("deliveries");
/// id → the challenge
pub(crate) const CHALLENGES: Table = Table::new("challenges");
/// id → the session
pub(crate) const SESSIONS: Table = Table::new("sessions");
/// account → units spent, and until when they count
pub(crate) const BUDGETS: Table = Table::new("budgets");

// Indexes: what must be found without a walk. But for KEYS they hold the key of the row they lead to.
/// kind, key, scope → workspace and id of the record that holds the key
pub(crate) const KEYS: Table = Table::new("keys");
/// workspace, number → ticket
pub(crate) const NUMBERS: Table = Table::new("numbers");
/// workspace, ticket, id → message
pub(crate) const THREADS: Table = Table::new("threads");
/// workspace, ticket, number → event
pub(crate) const HISTORIES: Table = Table::new("histories");
/// workspace, unique key → delivery
pub(crate) const ONCE: Table = Table::new("once");
/// when it is due, workspace, id → delivery that is queued; the one index that is for all tenants
pub(crate) const DUE: Table = Table::new("due");
/// hash of a token → session
pub(crate) const TOKENS: Table = Table::new("tokens");

/// All of them: made when a file is opened, so that a reader finds each.
pub(crate) const ALL: [Table; 17] = [
    HEADS, RECORDS, TICKETS, MESSAGES, EVENTS, ANSWERS, DELIVERIES, CHALLENGES, SESSIONS, BUDGETS, KEYS, NUMBERS,
    THREADS, HISTORIES, ONCE, DUE, TOKENS,
];

/// The key of a row of a workspace.
pub(crate) fn place(workspace: WorkspaceId, rest: impl std::fmt::Display) -> String {
    format!("{workspace}\n{rest}")
}

/// A number as a text that sorts as it does.
pub(crate) fn number(number: u64) -> String {
    format!("{number:020}")
}

/// An instant likewise, also one before 1970.
pub(crate) fn instant(at: Timestamp) -> String {
    format!("{:020}", i128::from(at.as_micros()) - i128::from(i64::MIN))
}

/// Where a unique key stands. The scope comes last, so that its holders in all workspaces stand together.
pub(crate) fn key(key: &KeyRef) -> String {
    format!("{}\n{}\n{}", key.kind, key.key, key.scope)
}

/// Where the answer for an idempotency key stands.
pub(crate) fn answer(key: &AnswerRef) -> String {
    place(key.workspace, answer_place(&key.actor, &key.key))
}

/// Rows that stand together, in their order or backwards.
pub(crate) struct Span {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) backwards: bool,
}

impl Span {
    /// All rows of a table.
    pub(crate) fn all() -> Self {
        Self { from: String::new(), to: char::MAX.to_string(), backwards: false }
    }

    /// The rows whose keys go on after this prefix and a line break.
    pub(crate) fn below(prefix: impl std::fmt::Display) -> Self {
        // The character after the line break ends what can follow it.
        Self { from: format!("{prefix}\n"), to: format!("{prefix}\u{b}"), backwards: false }
    }

    /// Those after this key.
    pub(crate) fn after(mut self, key: Option<String>) -> Self {
        if let Some(key) = key {
            self.from = key + "\0";
        }
        self
    }
}
