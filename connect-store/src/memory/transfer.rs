//! Rows as they are stored: out of this store, and into it.

use std::collections::BTreeSet;

use connect_core::record::{KeyScope, RecordKey};
use connect_core::store::{Counters, ExportList, Import, MovedRow, Part};
use connect_core::{CommitError, StoreError, WorkspaceId};

use super::state::State;
use crate::group::{Head, Incoming, KeyRef};

impl State {
    pub(super) fn counters(&self, workspace: WorkspaceId) -> Option<Counters> {
        self.heads.get(&workspace).map(|head| Counters {
            last_seq: head.last_seq,
            last_number: head.last_number,
            routed_seq: self.routed.get(&workspace).copied().unwrap_or(0),
        })
    }

    pub(super) fn export(&self, workspace: WorkspaceId, list: &ExportList) -> Result<Vec<MovedRow>, StoreError> {
        let mut rows: Vec<MovedRow> = match list.part {
            Part::Records => {
                let own = self.records.iter().filter(|((at, _), _)| *at == workspace);
                own.map(|(place, record)| MovedRow::Record { record: record.clone(), keys: self.keys_of(place) }).collect()
            }
            Part::Tickets => self.in_workspace(workspace).cloned().map(MovedRow::Ticket).collect(),
            Part::Messages => {
                let own = self.messages.iter().filter(|((at, _), _)| *at == workspace);
                own.map(|(_, message)| MovedRow::Message(message.clone())).collect()
            }
            Part::Events => self.events.get(&workspace).into_iter().flatten().cloned().map(MovedRow::Event).collect(),
            Part::Answers => {
                let own = self.answers.iter().filter(|(key, _)| key.workspace == workspace);
                own.map(|(key, answer)| MovedRow::Answer {
                    actor: key.actor.clone(),
                    key: key.key.clone(),
                    answer: answer.clone(),
                })
                .collect()
            }
            Part::Deliveries => {
                let own = self.deliveries.iter().filter(|((at, _), _)| *at == workspace);
                own.map(|(_, delivery)| MovedRow::Delivery(delivery.clone())).collect()
            }
        };
        rows.sort_by_cached_key(MovedRow::place);
        rows.retain(|row| list.after.as_ref().is_none_or(|after| row.place() > *after));
        rows.truncate(list.limit.get() + 1);
        Ok(rows)
    }

    fn keys_of(&self, holder: &(WorkspaceId, String)) -> Vec<RecordKey> {
        let held = self.keys.iter().filter(|(_, by)| *by == holder).map(|(key, _)| {
            let scope = if key.scope.is_empty() { KeyScope::Everywhere } else { KeyScope::Workspace };
            RecordKey { scope, key: key.key.clone() }
        });
        let mut keys: Vec<_> = held.collect();
        keys.sort();
        keys
    }

    pub(super) fn import(&mut self, workspace: WorkspaceId, import: Import) -> Result<(), CommitError> {
        if self.heads.contains_key(&workspace) {
            return Err(CommitError::Conflict { what: workspace.to_string() });
        }
        let mut incoming = Incoming::sort(workspace, import)?;
        for part in Part::ALL {
            let present = self.present(workspace, part, &incoming.places(part));
            incoming.leave_out(part, &present);
        }
        let Incoming { rows, deliveries, counters } = incoming;
        let taken = |key: &KeyRef| self.keys.contains_key(key);
        if let Some(row) = rows.keys.iter().find(|row| taken(&row.key)) {
            return Err(CommitError::Taken { kind: row.key.kind.clone(), key: row.key.key.clone() });
        }
        let arriving: BTreeSet<&str> = rows.records.iter().map(|row| row.record.id.as_str()).collect();
        for row in &rows.tickets {
            let contact = row.ticket.contact.to_string();
            if !arriving.contains(contact.as_str()) && !self.records.contains_key(&(workspace, contact.clone())) {
                return Err(CommitError::Missing { what: contact });
            }
        }
        for row in &rows.messages {
            let ticket = row.message.ticket;
            let arrives = rows.tickets.iter().any(|row| row.ticket.id == ticket);
            if !arrives && !self.tickets.contains_key(&(workspace, ticket)) {
                return Err(CommitError::Missing { what: ticket.to_string() });
            }
        }
        self.apply(rows)?;
        for delivery in deliveries {
            self.delivery_keys.insert((workspace, delivery.unique_key()));
            self.deliveries.insert((workspace, delivery.id), delivery);
        }
        if let Some(Counters { last_seq, last_number, routed_seq }) = counters {
            self.heads.insert(workspace, Head { last_seq, last_number });
            self.routed.insert(workspace, routed_seq);
        }
        Ok(())
    }

    fn present(&self, workspace: WorkspaceId, part: Part, places: &[String]) -> BTreeSet<String> {
        let is_there = |place: &&String| match part {
            Part::Records => self.records.contains_key(&(workspace, (*place).clone())),
            Part::Tickets => place.parse().is_ok_and(|id| self.tickets.contains_key(&(workspace, id))),
            Part::Messages => place.parse().is_ok_and(|id| self.messages.contains_key(&(workspace, id))),
            Part::Deliveries => place.parse().is_ok_and(|id| self.deliveries.contains_key(&(workspace, id))),
            Part::Events => {
                let seq = place.parse::<u64>().unwrap_or(0);
                self.events.get(&workspace).is_some_and(|events| events.iter().any(|event| event.seq == seq))
            }
            Part::Answers => self.answers.keys().any(|key| {
                key.workspace == workspace && connect_core::store::answer_place(&key.actor, &key.key) == **place
            }),
        };
        places.iter().filter(is_there).cloned().collect()
    }
}
