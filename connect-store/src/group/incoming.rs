//! Rows that come from another store.

use std::collections::BTreeSet;

use connect_core::delivery::Delivery;
use connect_core::store::{Counters, Import, MovedRow, Part, Seal, answer_place};
use connect_core::{CommitError, StoreError, WorkspaceId};

use super::{AnswerRef, AnswerRow, KeyRef, KeyRow, Lookup, MessageRow, RecordRow, Rows, TicketRow};

/// An import as the rows that an adapter writes.
#[derive(Debug, Default)]
pub struct Incoming {
    /// What goes the way of a commit, but for the head row.
    pub rows: Rows,
    /// Deliveries.
    pub deliveries: Vec<Delivery>,
    /// Seals on the journal.
    pub seals: Vec<Seal>,
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
                MovedRow::Seal(seal) => incoming.seals.push(seal),
            }
        }
        if incoming.counters.is_some_and(|counters| counters.last_seq == 0) {
            return Err(StoreError::Corrupt("a workspace has at least one event".to_owned()).into());
        }
        Ok(incoming)
    }

    /// What of an import is still to be written: all of it is checked, and nothing is left for the database
    /// to refuse. For an adapter whose database knows neither foreign keys nor unique ones.
    pub fn admit(workspace: WorkspaceId, import: Import, present: &impl Lookup) -> Result<Self, CommitError> {
        if present.counters(workspace)?.is_some() {
            return Err(CommitError::Conflict { what: workspace.to_string() });
        }
        let mut incoming = Self::sort(workspace, import)?;
        for part in Part::ALL {
            let mut taken = BTreeSet::new();
            for place in incoming.places(part) {
                if present.row(workspace, part, &place)?.is_some() {
                    taken.insert(place);
                }
            }
            incoming.leave_out(part, &taken);
        }
        let Rows { records, keys, tickets, messages, .. } = &incoming.rows;
        let mut held = BTreeSet::new();
        for row in keys {
            if !held.insert(&row.key) || present.holder(&row.key)?.is_some() {
                return Err(CommitError::Taken { kind: row.key.kind.clone(), key: row.key.key.clone() });
            }
        }
        let records: BTreeSet<&str> = records.iter().map(|row| row.record.id.as_str()).collect();
        for row in tickets {
            let contact = row.ticket.contact.to_string();
            if !records.contains(contact.as_str()) && present.row(workspace, Part::Records, &contact)?.is_none() {
                return Err(CommitError::Missing { what: contact });
            }
        }
        let tickets: BTreeSet<_> = tickets.iter().map(|row| row.ticket.id).collect();
        for row in messages {
            let ticket = row.message.ticket;
            if !tickets.contains(&ticket) && present.row(workspace, Part::Tickets, &ticket.to_string())?.is_none() {
                return Err(CommitError::Missing { what: ticket.to_string() });
            }
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
            Part::Seals => self.seals.iter().map(Seal::place).collect(),
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
            Part::Seals => self.seals.retain(|seal| !taken.contains(&seal.place())),
        }
    }
}
