//! Rows as documents, for an adapter that keeps each under its place.

use connect_core::delivery::{Delivery, Route};
use connect_core::event::Event;
use connect_core::message::Message;
use connect_core::record::Record;
use connect_core::store::{Counters, Import, MovedRow, Part, Seal, StoredAnswer};
use connect_core::ticket::Ticket;
use connect_core::{ChangeParts, CommitError, Committed, StoreError, WorkspaceId};

use super::{AnswerRow, Head, Incoming, KeyRef, Known, MessageRow, RecordRow, Rows, TicketRow, Wanted, judge};
use crate::scan;

/// What is stored now.
///
/// # Contract
///
/// Answers come from the transaction that is going to write, or from under the lock that it holds: what is
/// judged by them must still be so when it is written. What does not exist is `None`.
pub trait Lookup {
    /// The counters of a workspace.
    fn counters(&self, workspace: WorkspaceId) -> Result<Option<Counters>, StoreError>;

    /// The row at a [place](MovedRow::place).
    fn row(&self, workspace: WorkspaceId, part: Part, place: &str) -> Result<Option<MovedRow>, StoreError>;

    /// The record that holds a unique key.
    fn holder(&self, key: &KeyRef) -> Result<Option<(WorkspaceId, String)>, StoreError>;
}

/// What a row holds.
pub trait Document: Sized {
    /// The part it belongs to.
    const PART: Part;

    /// The document of a row of that part.
    fn out_of(row: MovedRow) -> Option<Self>;
}

macro_rules! documents {
    ($($name:ident in $part:ident, $row:pat => $document:ident;)+) => {$(
        impl Document for $name {
            const PART: Part = Part::$part;

            fn out_of(row: MovedRow) -> Option<Self> {
                match row {
                    $row => Some($document),
                    _ => None,
                }
            }
        }
    )+};
}

documents! {
    Record in Records, MovedRow::Record { record: it, keys: _ } => it;
    Ticket in Tickets, MovedRow::Ticket(it) => it;
    Message in Messages, MovedRow::Message(it) => it;
    Event in Events, MovedRow::Event(it) => it;
    StoredAnswer in Answers, MovedRow::Answer { answer: it, actor: _, key: _ } => it;
    Delivery in Deliveries, MovedRow::Delivery(it) => it;
    Seal in Seals, MovedRow::Seal(it) => it;
}

/// By what a row is found, besides its place: a ticket by its number, a message or event by its ticket, in
/// their order, a delivery by its unique key. Numbers are padded to 20 digits, as in places.
pub fn other_name(row: &MovedRow) -> Option<String> {
    match row {
        MovedRow::Ticket(ticket) => Some(format!("{:020}", ticket.number)),
        MovedRow::Message(message) => Some(format!("{}\n{}", message.ticket, message.id)),
        MovedRow::Event(event) => event.ticket.map(|ticket| format!("{ticket}\n{:020}", event.seq)),
        MovedRow::Delivery(delivery) => Some(delivery.unique_key()),
        MovedRow::Record { .. } | MovedRow::Answer { .. } | MovedRow::Seal(_) => None,
    }
}

/// What is to be written, in this order.
#[derive(Debug, Default)]
pub struct Documents {
    /// Unique keys that are given up.
    pub released: Vec<KeyRef>,
    /// Records that go.
    pub removed: Vec<(WorkspaceId, String)>,
    /// Unique keys that are taken, each with the record that holds it.
    pub keys: Vec<(KeyRef, (WorkspaceId, String))>,
    /// Rows to be inserted, or to replace those at their places. A delivery whose unique key exists is to be
    /// left out.
    pub rows: Vec<(WorkspaceId, MovedRow)>,
    /// Counters as they will be.
    pub counters: Vec<(WorkspaceId, Counters)>,
}

impl Documents {
    /// Judges a change set against what is stored.
    pub fn of_changes(
        workspace: WorkspaceId,
        changes: ChangeParts,
        present: &impl Lookup,
    ) -> Result<(Committed, Self), CommitError> {
        let (mut wanted, mut rows) = (Wanted::default(), Rows::default());
        wanted.add(workspace, &changes);
        let mut known = Known::load(&wanted, present)?;
        let committed = judge(&mut known, &mut rows, workspace, changes)?;
        Ok((committed, Self::of_rows(rows, present)?))
    }

    /// Checks an import against what is stored. Rows that were imported before are left out.
    pub fn of_import(workspace: WorkspaceId, import: Import, present: &impl Lookup) -> Result<Self, CommitError> {
        let Incoming { rows, deliveries, seals, counters } = Incoming::admit(workspace, import, present)?;
        let mut documents = Self::of_rows(rows, present)?;
        documents.rows.extend(deliveries.into_iter().map(|delivery| (workspace, MovedRow::Delivery(delivery))));
        documents.rows.extend(seals.into_iter().map(|seal| (workspace, MovedRow::Seal(seal))));
        documents.counters.extend(counters.map(|counters| (workspace, counters)));
        Ok(documents)
    }

    /// Queues the deliveries of a route and keeps its seal. None if it does not begin where the cursor stands.
    pub fn of_route(workspace: WorkspaceId, route: Route, present: &impl Lookup) -> Result<Option<Self>, StoreError> {
        let Some(counters) = scan::routed(present.counters(workspace)?, &route) else { return Ok(None) };
        let rows = route.deliveries.into_iter().map(|delivery| MovedRow::Delivery(Delivery { workspace, ..delivery }));
        let rows = rows.chain(route.seal.map(MovedRow::Seal)).map(|row| (workspace, row)).collect();
        Ok(Some(Self { rows, counters: vec![(workspace, counters)], ..Self::default() }))
    }

    fn of_rows(rows: Rows, present: &impl Lookup) -> Result<Self, CommitError> {
        let held: Vec<_> = rows.records.iter().map(|row| rows.keys_of(row)).collect();
        let Rows { heads, released, removed, records, keys, tickets, messages, events, answers } = rows;
        for MessageRow { workspace, message } in &messages {
            let id = message.id.to_string();
            if present.row(*workspace, Part::Messages, &id)?.is_some() {
                return Err(CommitError::Conflict { what: id });
            }
        }
        let mut given_up = Vec::new();
        for (workspace, id) in released {
            if let Some(MovedRow::Record { record, keys }) = present.row(workspace, Part::Records, &id)? {
                given_up.extend(keys.iter().map(|key| KeyRef::new(workspace, key.scope, &record.kind, &key.key)));
            }
        }
        let keys = keys.into_iter().map(|row| (row.key, (row.workspace, row.record))).collect();
        let mut rows = Vec::new();
        let records = records.into_iter().zip(held);
        rows.extend(
            records.map(|(RecordRow { workspace, record }, keys)| (workspace, MovedRow::Record { record, keys })),
        );
        rows.extend(tickets.into_iter().map(|TicketRow { workspace, ticket }| (workspace, MovedRow::Ticket(ticket))));
        rows.extend(
            messages.into_iter().map(|MessageRow { workspace, message }| (workspace, MovedRow::Message(message))),
        );
        rows.extend(events.into_iter().map(|event| (event.workspace, MovedRow::Event(event))));
        rows.extend(answers.into_iter().map(|AnswerRow { key, answer }| {
            (key.workspace, MovedRow::Answer { actor: key.actor, key: key.key, answer })
        }));
        let counters = heads.into_iter().map(|(workspace, Head { last_seq, last_number })| {
            // Commits do not move the routing cursor.
            let before = present.counters(workspace)?.unwrap_or_default();
            Ok((workspace, Counters { last_seq, last_number, ..before }))
        });
        let counters = counters.collect::<Result<_, StoreError>>()?;
        Ok(Self { released: given_up, removed, keys, rows, counters })
    }
}
