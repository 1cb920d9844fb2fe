//! The maps behind the memory store.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::str::FromStr;

use connect_core::delivery::Delivery;
use connect_core::event::Event;
use connect_core::message::Message;
use connect_core::record::Record;
use connect_core::store::{Counters, MovedRow, Part, Seal, TicketRow};
use connect_core::ticket::Ticket;
use connect_core::{DeliveryId, MessageId, StoreError, TicketId, WorkspaceId};

use crate::group::{Documents, KeyRef, Lookup};
use crate::scan;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) heads: BTreeMap<WorkspaceId, Counters>,
    pub(super) tickets: BTreeMap<(WorkspaceId, TicketId), Ticket>,
    pub(super) messages: BTreeMap<(WorkspaceId, MessageId), Message>,
    /// The messages of each ticket.
    threads: HashMap<(WorkspaceId, TicketId), BTreeSet<MessageId>>,
    pub(super) events: BTreeMap<(WorkspaceId, u64), Event>,
    pub(super) records: BTreeMap<(WorkspaceId, String), Record>,
    pub(super) keys: BTreeMap<KeyRef, (WorkspaceId, String)>,
    /// Answers for idempotency keys, by their places.
    pub(super) answers: BTreeMap<(WorkspaceId, String), MovedRow>,
    pub(super) deliveries: BTreeMap<(WorkspaceId, DeliveryId), Delivery>,
    delivery_keys: HashSet<(WorkspaceId, String)>,
    /// Seals, by where they begin.
    seals: BTreeMap<(WorkspaceId, u64), Seal>,
}

impl Lookup for State {
    fn counters(&self, workspace: WorkspaceId) -> Result<Option<Counters>, StoreError> {
        Ok(self.heads.get(&workspace).copied())
    }

    fn holder(&self, key: &KeyRef) -> Result<Option<(WorkspaceId, String)>, StoreError> {
        Ok(self.keys.get(key).cloned())
    }

    fn row(&self, workspace: WorkspaceId, part: Part, place: &str) -> Result<Option<MovedRow>, StoreError> {
        Ok(match part {
            Part::Records => {
                self.records.get(&(workspace, place.to_owned())).map(|record| self.moved(workspace, record))
            }
            Part::Tickets => at(&self.tickets, workspace, place).map(MovedRow::Ticket),
            Part::Messages => at(&self.messages, workspace, place).map(MovedRow::Message),
            Part::Events => at(&self.events, workspace, place).map(MovedRow::Event),
            Part::Answers => self.answers.get(&(workspace, place.to_owned())).cloned(),
            Part::Deliveries => at(&self.deliveries, workspace, place).map(MovedRow::Delivery),
            Part::Seals => at(&self.seals, workspace, place).map(MovedRow::Seal),
        })
    }
}

/// The row of a map whose key is written so.
fn at<K: FromStr + Ord, T: Clone>(
    rows: &BTreeMap<(WorkspaceId, K), T>,
    workspace: WorkspaceId,
    key: &str,
) -> Option<T> {
    rows.get(&(workspace, key.parse().ok()?)).cloned()
}

impl State {
    /// Writes what a change set or an import comes down to. What can be refused was refused before.
    pub(super) fn apply(&mut self, documents: Documents) {
        let Documents { released, removed, keys, rows, counters } = documents;
        for key in released {
            self.keys.remove(&key);
        }
        for id in removed {
            self.records.remove(&id);
        }
        self.keys.extend(keys);
        for (workspace, row) in rows {
            let place = row.place();
            match row {
                MovedRow::Record { record, keys: _ } => {
                    self.records.insert((workspace, place), record);
                }
                MovedRow::Ticket(ticket) => {
                    self.tickets.insert((workspace, ticket.id), ticket);
                }
                MovedRow::Message(message) => {
                    self.threads.entry((workspace, message.ticket)).or_default().insert(message.id);
                    self.messages.insert((workspace, message.id), message);
                }
                MovedRow::Event(event) => {
                    self.events.insert((workspace, event.seq), event);
                }
                MovedRow::Answer { .. } => {
                    self.answers.insert((workspace, place), row);
                }
                MovedRow::Delivery(delivery) => {
                    if self.delivery_keys.insert((workspace, delivery.unique_key())) {
                        self.deliveries.insert((workspace, delivery.id), delivery);
                    }
                }
                MovedRow::Seal(seal) => {
                    self.seals.insert((workspace, seal.after), seal);
                }
            }
        }
        self.heads.extend(counters);
    }

    pub(super) fn tickets_of(&self, workspace: WorkspaceId) -> impl Iterator<Item = &Ticket> {
        let range = (workspace, TicketId::from_bits(0))..=(workspace, TicketId::from_bits(u128::MAX));
        self.tickets.range(range).map(|(_, ticket)| ticket)
    }

    pub(super) fn records_of(&self, workspace: WorkspaceId) -> impl Iterator<Item = &Record> {
        let own = self.records.range((workspace, String::new())..).take_while(move |((at, _), _)| *at == workspace);
        own.map(|(_, record)| record)
    }

    pub(super) fn deliveries_of(&self, workspace: WorkspaceId) -> impl DoubleEndedIterator<Item = &Delivery> {
        let range = (workspace, DeliveryId::from_bits(0))..=(workspace, DeliveryId::from_bits(u128::MAX));
        self.deliveries.range(range).map(|(_, delivery)| delivery)
    }

    /// Writes deliveries that are there already; answers how many.
    pub(super) fn rewrite(&mut self, changed: Vec<Delivery>) -> u64 {
        let count = changed.len() as u64;
        self.deliveries.extend(changed.into_iter().map(|delivery| ((delivery.workspace, delivery.id), delivery)));
        count
    }

    /// The messages of a ticket.
    pub(super) fn thread(&self, workspace: WorkspaceId, ticket: TicketId) -> impl Iterator<Item = &Message> {
        let ids = self.threads.get(&(workspace, ticket)).into_iter().flatten();
        ids.filter_map(move |id| self.messages.get(&(workspace, *id)))
    }

    /// The events of a workspace from this number on.
    pub(super) fn journal(&self, workspace: WorkspaceId, from: u64) -> impl Iterator<Item = &Event> {
        self.events.range((workspace, from)..=(workspace, u64::MAX)).map(|(_, event)| event)
    }

    /// The seals on that journal.
    pub(super) fn seals_of(&self, workspace: WorkspaceId) -> impl DoubleEndedIterator<Item = &Seal> {
        self.seals.range((workspace, 0)..=(workspace, u64::MAX)).map(|(_, seal)| seal)
    }

    pub(super) fn with_contact(&self, workspace: WorkspaceId, ticket: &Ticket) -> Result<TicketRow, StoreError> {
        let contact = self.records.get(&(workspace, ticket.contact.to_string()));
        scan::with_contact(ticket.clone(), contact.cloned())
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
