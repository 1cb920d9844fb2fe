//! The maps behind the memory store.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use connect_core::contact::Contact;
use connect_core::delivery::Delivery;
use connect_core::event::Event;
use connect_core::message::{Message, MessageKind};
use connect_core::record::Record;
use connect_core::store::{StoredAnswer, TicketRow};
use connect_core::ticket::{Ticket, TicketFilter};
use connect_core::{CommitError, DeliveryId, MessageId, StoreError, TicketId, WorkspaceId, search};

use crate::group::{self, AnswerRef, Head, KeyRef, Known, Rows, Wanted};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) heads: BTreeMap<WorkspaceId, Head>,
    pub(super) routed: HashMap<WorkspaceId, u64>,
    pub(super) tickets: BTreeMap<(WorkspaceId, TicketId), Ticket>,
    pub(super) messages: BTreeMap<(WorkspaceId, MessageId), Message>,
    pub(super) events: HashMap<WorkspaceId, Vec<Event>>,
    pub(super) records: BTreeMap<(WorkspaceId, String), Record>,
    pub(super) keys: BTreeMap<KeyRef, (WorkspaceId, String)>,
    pub(super) answers: HashMap<AnswerRef, StoredAnswer>,
    pub(super) deliveries: BTreeMap<(WorkspaceId, DeliveryId), Delivery>,
    pub(super) delivery_keys: HashSet<(WorkspaceId, String)>,
    /// Folded words of messages, public and internal.
    words: HashMap<(WorkspaceId, TicketId), Vec<(MessageKind, String)>>,
}

impl State {
    /// What the change sets of a group depend on.
    pub(super) fn known(&self, wanted: &Wanted) -> Known {
        let Wanted { heads, tickets, records, keys, answers } = wanted;
        Known {
            heads: heads.iter().filter_map(|id| self.heads.get(id).map(|head| (*id, *head))).collect(),
            tickets: tickets.iter().filter_map(|id| self.tickets.get(id).map(|t| (*id, t.version))).collect(),
            records: records.iter().filter_map(|id| self.records.get(id).map(|r| (id.clone(), r.version))).collect(),
            // The keys that are asked for, and those that the written records hold now.
            keys: self
                .keys
                .iter()
                .filter(|(key, holder)| keys.contains(key) || records.contains(*holder))
                .map(|(key, holder)| (key.clone(), holder.clone()))
                .collect(),
            answers: answers.iter().filter_map(|key| self.answers.get(key).map(|a| (key.clone(), a.clone()))).collect(),
        }
    }

    /// Writes the rows of a group. All that can be refused is refused before the first row is written.
    pub(super) fn apply(&mut self, rows: Rows) -> Result<(), CommitError> {
        let Rows { heads, released, removed, records, keys, tickets, messages, events, answers } = rows;
        let twice = messages.iter().find(|row| self.messages.contains_key(&(row.workspace, row.message.id)));
        if let Some(row) = twice {
            return Err(CommitError::Conflict { what: row.message.id.to_string() });
        }
        self.heads.extend(heads);
        let released: BTreeSet<_> = released.into_iter().collect();
        self.keys.retain(|_, holder| !released.contains(holder));
        for id in removed {
            self.records.remove(&id);
        }
        for row in records {
            self.records.insert((row.workspace, row.record.id.clone()), row.record);
        }
        self.keys.extend(keys.into_iter().map(|row| (row.key, (row.workspace, row.record))));
        for row in tickets {
            self.tickets.insert((row.workspace, row.ticket.id), row.ticket);
        }
        for row in messages {
            let words = (row.message.kind, search::indexed(row.message.body.as_str()));
            self.words.entry((row.workspace, row.message.ticket)).or_default().push(words);
            self.messages.insert((row.workspace, row.message.id), row.message);
        }
        for event in events {
            self.events.entry(event.workspace).or_default().push(event);
        }
        self.answers.extend(answers.into_iter().map(|row| (row.key, row.answer)));
        Ok(())
    }

    pub(super) fn in_workspace(&self, workspace: WorkspaceId) -> impl Iterator<Item = &Ticket> {
        let range = (workspace, TicketId::from_bits(0))..=(workspace, TicketId::from_bits(u128::MAX));
        self.tickets.range(range).map(|(_, ticket)| ticket)
    }

    pub(super) fn with_contact(&self, workspace: WorkspaceId, ticket: &Ticket) -> Result<TicketRow, StoreError> {
        let record = self.records.get(&(workspace, ticket.contact.to_string()));
        let record = record.ok_or_else(|| StoreError::Corrupt(format!("{} has no contact", ticket.id)))?;
        Ok(TicketRow { ticket: ticket.clone(), contact: record.read::<Contact>()? })
    }

    pub(super) fn words_fit(&self, workspace: WorkspaceId, ticket: &Ticket, filter: &TicketFilter) -> bool {
        if filter.words.is_empty() {
            return true;
        }
        let own = group::TicketRow { workspace, ticket: ticket.clone() }.words();
        let messages = self.words.get(&(workspace, ticket.id)).into_iter().flatten();
        let visible = messages.filter(|(kind, _)| filter.search_notes || *kind == MessageKind::Reply);
        filter.words_stand_in(std::iter::once(own.as_str()).chain(visible.map(|(_, words)| words.as_str())))
    }

    /// The records that hold a key, whatever its scope, oldest workspace first.
    pub(super) fn holders(&self, kind: &str, key: &str) -> Vec<(WorkspaceId, Record)> {
        let held = self.keys.iter().filter(|(known, _)| known.kind == kind && known.key == key);
        let mut found: Vec<_> =
            held.filter_map(|(_, holder)| self.records.get(holder).map(|record| (holder.0, record.clone()))).collect();
        found.sort_by_key(|(workspace, _)| *workspace);
        found
    }
}
