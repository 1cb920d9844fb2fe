//! What change sets depend on, and what the store says about it.

use std::collections::{BTreeSet, HashMap};

use connect_core::record::{KeyScope, Record, RecordKey};
use connect_core::store::{Counters, Part, StoredAnswer, answer_place};
use connect_core::ticket::Ticket;
use connect_core::{ChangeParts, StoreError, TicketId, Version, WorkspaceId};

use super::{Document, Lookup};

/// The head row of a workspace: its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// The number of the last event.
    pub last_seq: u64,
    /// The number of the last ticket.
    pub last_number: u64,
}

impl From<Counters> for Head {
    fn from(counters: Counters) -> Self {
        Self { last_seq: counters.last_seq, last_number: counters.last_number }
    }
}

/// A unique key with its scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyRef {
    /// Text of the workspace's id, or empty for a key that is unique everywhere.
    pub scope: String,
    /// The kind of the record.
    pub kind: String,
    /// The key.
    pub key: String,
}

impl KeyRef {
    /// A key of a record of this workspace.
    pub fn new(workspace: WorkspaceId, scope: KeyScope, kind: &str, key: &str) -> Self {
        let scope = match scope {
            KeyScope::Workspace => workspace.to_string(),
            KeyScope::Everywhere => String::new(),
        };
        Self { scope, kind: kind.to_owned(), key: key.to_owned() }
    }

    /// The key as its record names it.
    pub fn record_key(&self) -> RecordKey {
        let scope = if self.scope.is_empty() { KeyScope::Everywhere } else { KeyScope::Workspace };
        RecordKey { scope, key: self.key.clone() }
    }
}

/// An idempotency key with its scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnswerRef {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Text of the actor.
    pub actor: String,
    /// The key.
    pub key: String,
}

/// What has to be read before change sets can be judged.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Head rows.
    pub heads: BTreeSet<WorkspaceId>,
    /// Versions of tickets.
    pub tickets: BTreeSet<(WorkspaceId, TicketId)>,
    /// Versions of records.
    pub records: BTreeSet<(WorkspaceId, String)>,
    /// Holders of unique keys.
    pub keys: BTreeSet<KeyRef>,
    /// Answers kept for idempotency keys.
    pub answers: BTreeSet<AnswerRef>,
}

impl Wanted {
    /// Adds what a change set depends on.
    pub fn add(&mut self, workspace: WorkspaceId, changes: &ChangeParts) {
        let ChangeParts { tickets, messages, records, events: _, once } = changes;
        self.heads.insert(workspace);
        for write in tickets {
            self.tickets.insert((workspace, write.ticket.id));
            self.records.insert((workspace, write.ticket.contact.to_string()));
        }
        self.tickets.extend(messages.iter().map(|message| (workspace, message.ticket)));
        for write in records {
            self.records.insert((workspace, write.record.id.clone()));
            let kind = &write.record.kind;
            self.keys.extend(write.keys.iter().map(|key| KeyRef::new(workspace, key.scope, kind, &key.key)));
        }
        if let Some(once) = once {
            self.answers.insert(AnswerRef { workspace, actor: once.actor.to_string(), key: once.key.clone() });
        }
    }
}

/// What the store says. What is absent from a map does not exist.
#[derive(Debug, Default)]
pub struct Known {
    /// Head rows.
    pub heads: HashMap<WorkspaceId, Head>,
    /// Versions of tickets.
    pub tickets: HashMap<(WorkspaceId, TicketId), Version>,
    /// Versions of records.
    pub records: HashMap<(WorkspaceId, String), Version>,
    /// The record that holds a unique key.
    pub keys: HashMap<KeyRef, (WorkspaceId, String)>,
    /// Answers kept for idempotency keys.
    pub answers: HashMap<AnswerRef, StoredAnswer>,
}

impl Known {
    /// Reads what is wanted, one row at a time.
    pub fn load(wanted: &Wanted, present: &impl Lookup) -> Result<Self, StoreError> {
        let Wanted { heads, tickets, records, keys, answers } = wanted;
        let mut known = Self::default();
        for workspace in heads {
            known.heads.extend(present.counters(*workspace)?.map(|counters| (*workspace, Head::from(counters))));
        }
        for (workspace, id) in tickets {
            let row = present.row(*workspace, Part::Tickets, &id.to_string())?;
            known.tickets.extend(row.and_then(Ticket::out_of).map(|ticket| ((*workspace, *id), ticket.version)));
        }
        for (workspace, id) in records {
            let row = present.row(*workspace, Part::Records, id)?;
            known.records.extend(row.and_then(Record::out_of).map(|record| ((*workspace, id.clone()), record.version)));
        }
        for key in keys {
            known.keys.extend(present.holder(key)?.map(|holder| (key.clone(), holder)));
        }
        for key in answers {
            let row = present.row(key.workspace, Part::Answers, &answer_place(&key.actor, &key.key))?;
            known.answers.extend(row.and_then(StoredAnswer::out_of).map(|answer| (key.clone(), answer)));
        }
        Ok(known)
    }
}
