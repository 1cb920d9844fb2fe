//! Rows on their way from one store to another.

use serde::{Deserialize, Serialize};

use super::{Seal, StoredAnswer};
use crate::delivery::Delivery;
use crate::event::Event;
use crate::message::Message;
use crate::record::{Record, RecordKey};
use crate::ticket::Ticket;

/// The counters of a workspace. A workspace that has none does not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// The number of its last event.
    pub last_seq: u64,
    /// The number of its last ticket.
    pub last_number: u64,
    /// How far its events have been routed to deliveries.
    pub routed_seq: u64,
}

/// The kinds of rows, in the order in which they must be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Records with their unique keys, by id.
    Records,
    /// Tickets, by id.
    Tickets,
    /// Messages, by id.
    Messages,
    /// Events, by number.
    Events,
    /// Answers kept for idempotency keys, by actor and key.
    Answers,
    /// Deliveries, by id.
    Deliveries,
    /// Seals on the journal, by where they begin.
    Seals,
}

impl Part {
    /// All of them, in their order.
    pub const ALL: [Self; 7] =
        [Self::Records, Self::Tickets, Self::Messages, Self::Events, Self::Answers, Self::Deliveries, Self::Seals];
}

/// One row as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovedRow {
    /// A record with its unique keys, in their order.
    Record {
        /// The record.
        record: Record,
        /// Its keys.
        keys: Vec<RecordKey>,
    },
    /// A ticket.
    Ticket(Ticket),
    /// A message.
    Message(Message),
    /// An event.
    Event(Event),
    /// An answer kept for an idempotency key.
    Answer {
        /// The text of the actor whose key it is.
        actor: String,
        /// The key.
        key: String,
        /// The answer.
        answer: StoredAnswer,
    },
    /// A delivery.
    Delivery(Delivery),
    /// A seal on the journal.
    Seal(Seal),
}

impl MovedRow {
    /// Which kind of row it is.
    pub const fn part(&self) -> Part {
        match self {
            Self::Record { .. } => Part::Records,
            Self::Ticket(_) => Part::Tickets,
            Self::Message(_) => Part::Messages,
            Self::Event(_) => Part::Events,
            Self::Answer { .. } => Part::Answers,
            Self::Delivery(_) => Part::Deliveries,
            Self::Seal(_) => Part::Seals,
        }
    }

    /// Where it stands among the rows of its part: texts that sort bytewise as the rows do.
    pub fn place(&self) -> String {
        match self {
            Self::Record { record, .. } => record.id.clone(),
            Self::Ticket(ticket) => ticket.id.to_string(),
            Self::Message(message) => message.id.to_string(),
            Self::Event(event) => format!("{:020}", event.seq),
            Self::Answer { actor, key, .. } => answer_place(actor, key),
            Self::Delivery(delivery) => delivery.id.to_string(),
            Self::Seal(seal) => seal.place(),
        }
    }
}

/// Where the answer for a key stands. Actors hold no line break, so no two keys share a place.
pub fn answer_place(actor: &str, key: &str) -> String {
    format!("{actor}\n{key}")
}

/// Rows of a workspace to be read as they are stored.
#[derive(Debug, Clone)]
pub struct ExportList {
    /// Of this kind.
    pub part: Part,
    /// After this [place](MovedRow::place).
    pub after: Option<String>,
    /// How many at most.
    pub limit: crate::Limit,
}

/// Rows to be written as they were read elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// The rows, in an order in which nothing refers to a later one. At most 500.
    pub rows: Vec<MovedRow>,
    /// The counters: with them the workspace exists, and nothing more can be imported.
    pub counters: Option<Counters>,
}
