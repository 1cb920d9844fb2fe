//! Change sets: what they depend on is read, they are judged, and what is kept is written.

use connect_core::event::Event;
use connect_core::message::Message;
use connect_core::record::{KeyScope, Record, RecordKey};
use connect_core::store::{Counters, StoredAnswer};
use connect_core::ticket::Ticket;
use connect_core::{ChangeParts, CommitError, Committed, StoreError, TicketId, WorkspaceId};
use connect_store::group::{AnswerRef, Head, KeyRef, Known, Rows, Wanted, judge};
use redb::WriteTransaction;
use serde::{Deserialize, Serialize};

use crate::keys::{self, place};
use crate::transaction::{Reads, Writes};

/// A record with the keys it holds, so that they can be taken from it again.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) record: Record,
    pub(crate) keys: Vec<RecordKey>,
}

impl Kept {
    fn refs(&self, workspace: WorkspaceId) -> impl Iterator<Item = KeyRef> {
        self.keys.iter().map(move |key| KeyRef::new(workspace, key.scope, &self.record.kind, &key.key))
    }
}

/// The record that holds a unique key.
pub(crate) type Holder = (WorkspaceId, String);

/// Judges and writes one change set. On an error the transaction must be given up.
pub(crate) fn commit(
    to: &WriteTransaction,
    workspace: WorkspaceId,
    changes: ChangeParts,
) -> Result<Committed, CommitError> {
    let mut wanted = Wanted::default();
    wanted.add(workspace, &changes);
    let mut known = known(to, &wanted)?;
    let mut rows = Rows::default();
    let committed = judge(&mut known, &mut rows, workspace, changes)?;
    write(to, rows)?;
    Ok(committed)
}

/// The answer that is kept for an idempotency key.
pub(crate) fn answer(from: &impl Reads, key: &AnswerRef) -> Result<Option<StoredAnswer>, StoreError> {
    let kept = from.get::<(String, String, StoredAnswer)>(keys::ANSWERS, &keys::answer(key))?;
    Ok(kept.map(|(_, _, answer)| answer))
}

fn known(from: &impl Reads, wanted: &Wanted) -> Result<Known, StoreError> {
    let Wanted { heads, tickets, records, keys: asked, answers } = wanted;
    let mut known = Known::default();
    for workspace in heads {
        if let Some(counters) = from.get::<Counters>(keys::HEADS, &workspace.to_string())? {
            let head = Head { last_seq: counters.last_seq, last_number: counters.last_number };
            known.heads.insert(*workspace, head);
        }
    }
    for (workspace, id) in tickets {
        if let Some(ticket) = from.get::<Ticket>(keys::TICKETS, &place(*workspace, id))? {
            known.tickets.insert((*workspace, *id), ticket.version);
        }
    }
    for (workspace, id) in records {
        if let Some(kept) = from.get::<Kept>(keys::RECORDS, &place(*workspace, id))? {
            known.records.insert((*workspace, id.clone()), kept.record.version);
        }
    }
    for key in asked {
        if let Some(holder) = from.get::<Holder>(keys::KEYS, &keys::key(key))? {
            known.keys.insert(key.clone(), holder);
        }
    }
    for key in answers {
        if let Some(answer) = answer(from, key)? {
            known.answers.insert(key.clone(), answer);
        }
    }
    Ok(known)
}

/// Writes rows. They are taken apart without `..`, so that one added later breaks the build here.
fn write(to: &WriteTransaction, rows: Rows) -> Result<(), CommitError> {
    let Rows { heads, released, removed, records, keys: held, tickets, messages, events, answers } = rows;
    for (workspace, id) in released {
        if let Some(kept) = to.get::<Kept>(keys::RECORDS, &place(workspace, id))? {
            kept.refs(workspace).try_for_each(|key| to.remove(keys::KEYS, &keys::key(&key)))?;
        }
    }
    for (workspace, id) in removed {
        to.remove(keys::RECORDS, &place(workspace, id))?;
    }
    for row in records {
        let own = held.iter().filter(|key| key.workspace == row.workspace && key.record == row.record.id);
        let own = own.map(|row| {
            let scope = if row.key.scope.is_empty() { KeyScope::Everywhere } else { KeyScope::Workspace };
            RecordKey { scope, key: row.key.key.clone() }
        });
        let kept = Kept { keys: own.collect(), record: row.record };
        put_record(to, row.workspace, &kept)?;
    }
    for row in tickets {
        put_ticket(to, row.workspace, &row.ticket)?;
    }
    for row in messages {
        if to.get::<Message>(keys::MESSAGES, &place(row.workspace, row.message.id))?.is_some() {
            return Err(CommitError::Conflict { what: row.message.id.to_string() });
        }
        put_message(to, row.workspace, &row.message)?;
    }
    for event in events {
        put_event(to, &event)?;
    }
    for row in answers {
        put_answer(to, &row.key, &row.answer)?;
    }
    for (workspace, head) in heads {
        let (Head { last_seq, last_number }, at) = (head, workspace.to_string());
        let kept = to.get::<Counters>(keys::HEADS, &at)?.unwrap_or_default();
        to.put(keys::HEADS, &at, &Counters { last_seq, last_number, ..kept })?;
    }
    Ok(())
}

pub(crate) fn put_record(to: &WriteTransaction, workspace: WorkspaceId, kept: &Kept) -> Result<(), StoreError> {
    for key in kept.refs(workspace) {
        to.put(keys::KEYS, &keys::key(&key), &(workspace, &kept.record.id))?;
    }
    to.put(keys::RECORDS, &place(workspace, &kept.record.id), kept)
}

pub(crate) fn put_ticket(to: &WriteTransaction, workspace: WorkspaceId, ticket: &Ticket) -> Result<(), StoreError> {
    let at = place(workspace, ticket.id);
    to.put(keys::NUMBERS, &place(workspace, keys::number(ticket.number)), &at)?;
    to.put(keys::TICKETS, &at, ticket)
}

pub(crate) fn put_message(to: &WriteTransaction, workspace: WorkspaceId, message: &Message) -> Result<(), StoreError> {
    let at = place(workspace, message.id);
    to.put(keys::THREADS, &place(workspace, below(message.ticket, message.id)), &at)?;
    to.put(keys::MESSAGES, &at, message)
}

pub(crate) fn put_event(to: &WriteTransaction, event: &Event) -> Result<(), StoreError> {
    let at = place(event.workspace, keys::number(event.seq));
    if let Some(ticket) = event.ticket {
        to.put(keys::HISTORIES, &place(event.workspace, below(ticket, keys::number(event.seq))), &at)?;
    }
    to.put(keys::EVENTS, &at, event)
}

pub(crate) fn put_answer(to: &WriteTransaction, key: &AnswerRef, answer: &StoredAnswer) -> Result<(), StoreError> {
    to.put(keys::ANSWERS, &keys::answer(key), &(&key.actor, &key.key, answer))
}

/// Where something of a ticket stands within its workspace.
pub(crate) fn below(ticket: TicketId, rest: impl std::fmt::Display) -> String {
    format!("{ticket}\n{rest}")
}
