//! Rows that come from another store.

use std::collections::BTreeSet;

use connect_core::delivery::Delivery;
use connect_core::store::{Counters, Import, MovedRow, Part, answer_place};
use connect_core::{CommitError, StoreError, WorkspaceId};

use super::{AnswerRef, AnswerRow, KeyRef, KeyRow, MessageRow, RecordRow, Rows, TicketRow};

/// An import as the rows that an adapter writes.
#[derive(Debug, Default)]
pub struct Incoming {
    /// What goes the way of a commit, but for the head row.
    pub rows: Rows,
    /// Deliveries.
    pub deliveries: Vec<Delivery>,
    /// The counters that open the workspace, once everything is there.
    pub counters: Option<Counters>,
}

impl Incoming {
    /// Sorts an import by table. Refused if a row says that it belongs to another workspace.
    pub fn sort(workspace: WorkspaceId, import: Import) -> Result<Self, CommitError> {
        let foreign = |what: String| CommitError::Missing { what };
        let mut incoming = Self { counters: import.counters, ..Self::default() };
        let rows = &mut incoming.rows;
        for row in import.rows {
            match row {
                MovedRow::Record { record, keys } => {
                    for key in keys {
                        let key = KeyRef::new(workspace, key.scope, &record.kind, &key.key);
                        rows.keys.push(KeyRow { key, workspace, record: record.id.clone() });
                    }
                    rows.records.push(RecordRow { workspace, record });
                }
                MovedRow::Ticket(ticket) => rows.tickets.push(TicketRow { workspace, ticket }),
                MovedRow::Message(message) => rows.messages.push(MessageRow { workspace, message }),
                MovedRow::Event(event) if event.workspace != workspace => {
                    return Err(foreign(event.workspace.to_string()));
                }
                MovedRow::Event(event) => rows.events.push(event),
                MovedRow::Answer { actor, key, answer } => {
                    rows.answers.push(AnswerRow { key: AnswerRef { workspace, actor, key }, answer });
                }
                MovedRow::Delivery(delivery) if delivery.workspace != workspace => {
                    return Err(foreign(delivery.workspace.to_string()));
                }
                MovedRow::Delivery(delivery) => incoming.deliveries.push(delivery),
            }
        }
        if incoming.counters.is_some_and(|counters| counters.last_seq == 0) {
            return Err(StoreError::Corrupt("a workspace has at least one event".to_owned()).into());
        }
        Ok(incoming)
    }

    /// Where the rows of a part stand.
    pub fn places(&self, part: Part) -> Vec<String> {
        let Rows { records, tickets, messages, events, answers, .. } = &self.rows;
        match part {
            Part::Records => records.iter().map(|row| row.record.id.clone()).collect(),
            Part::Tickets => tickets.iter().map(|row| row.ticket.id.to_string()).collect(),
            Part::Messages => messages.iter().map(|row| row.message.id.to_string()).collect(),
            Part::Events => events.iter().map(|event| format!("{:020}", event.seq)).collect(),
            Part::Answers => answers.iter().map(|row| answer_place(&row.key.actor, &row.key.key)).collect(),
            Part::Deliveries => self.deliveries.iter().map(|delivery| delivery.id.to_string()).collect(),
        }
    }

    /// Leaves out the rows of a part whose places are taken: they were imported before.
    pub fn leave_out(&mut self, part: Part, taken: &BTreeSet<String>) {
        let Rows { records, keys, tickets, messages, events, answers, .. } = &mut self.rows;
        match part {
            Part::Records => {
                records.retain(|row| !taken.contains(&row.record.id));
                keys.retain(|row| !taken.contains(&row.record));
            }
            Part::Tickets => tickets.retain(|row| !taken.contains(&row.ticket.id.to_string())),
            Part::Messages => messages.retain(|row| !taken.contains(&row.message.id.to_string())),
            Part::Events => events.retain(|event| !taken.contains(&format!("{:020}", event.seq))),
            Part::Answers => answers.retain(|row| !taken.contains(&answer_place(&row.key.actor, &row.key.key))),
            Part::Deliveries => self.deliveries.retain(|delivery| !taken.contains(&delivery.id.to_string())),
        }
    }
}
