//! One change set judged against what is known.

use std::collections::HashMap;

use connect_core::store::StoredAnswer;
use connect_core::{ChangeParts, CommitError, Committed, TicketId, Timestamp, Version, WorkspaceId};

use super::known::{AnswerRef, Head, KeyRef, Known};
use super::rows::{AnswerRow, KeyRow, MessageRow, RecordRow, Rows, TicketRow};

/// What this change set would make different, until all of it is judged.
#[derive(Default)]
struct Delta {
    tickets: HashMap<TicketId, Version>,
    records: HashMap<String, Option<Version>>,
    keys: HashMap<KeyRef, Option<(WorkspaceId, String)>>,
}

/// Judges a change set. If it is kept, its rows are added and `known` moves on, so that the next one of
/// the group is judged as if this one were stored. If it is refused, nothing is different.
pub fn judge(
    known: &mut Known,
    rows: &mut Rows,
    workspace: WorkspaceId,
    changes: ChangeParts,
) -> Result<Committed, CommitError> {
    let ChangeParts { tickets, messages, records, mut events, once } = changes;
    let now = events.first().map_or(Timestamp::default(), |event| event.at);

    let answer_ref =
        once.as_ref().map(|once| AnswerRef { workspace, actor: once.actor.to_string(), key: once.key.clone() });
    if let (Some(once), Some(key)) = (&once, &answer_ref)
        && let Some(answer) = known.answers.get(key).filter(|answer| now < answer.expires_at)
    {
        if answer.request_hash != once.request_hash {
            return Err(CommitError::KeyReused);
        }
        return Ok(Committed { replayed: true, ..answer.committed.clone() });
    }

    let mut delta = Delta::default();
    let mut new = Rows::default();
    for write in records {
        let id = write.record.id.clone();
        expect(known.record(&delta, workspace, &id), write.expected, &id)?;
        // All keys of the record go, and those it holds from now on come.
        known.release(&mut delta, workspace, &id);
        new.released.push((workspace, id.clone()));
        if write.removed {
            delta.records.insert(id.clone(), None);
            new.removed.push((workspace, id));
            continue;
        }
        for key in write.keys {
            let key = KeyRef::new(workspace, key.scope, &write.record.kind, &key.key);
            if known.key(&delta, &key).is_some_and(|holder| *holder != (workspace, id.clone())) {
                return Err(CommitError::Taken { kind: key.kind, key: key.key });
            }
            delta.keys.insert(key.clone(), Some((workspace, id.clone())));
            new.keys.push(KeyRow { key, workspace, record: id.clone() });
        }
        delta.records.insert(id, Some(write.record.version));
        new.records.push(RecordRow { workspace, record: write.record });
    }

    let mut head = known.heads.get(&workspace).copied().unwrap_or_default();
    for mut write in tickets {
        let id = write.ticket.id;
        expect(known.ticket(&delta, workspace, id), write.expected, &id.to_string())?;
        let contact = write.ticket.contact.to_string();
        if known.record(&delta, workspace, &contact).is_none() {
            return Err(CommitError::Missing { what: contact });
        }
        if write.expected == Version::ABSENT {
            head.last_number += 1;
            write.ticket.number = head.last_number;
        }
        delta.tickets.insert(id, write.ticket.version);
        new.tickets.push(TicketRow { workspace, ticket: write.ticket });
    }
    for message in messages {
        if known.ticket(&delta, workspace, message.ticket).is_none() {
            return Err(CommitError::Missing { what: message.ticket.to_string() });
        }
        new.messages.push(MessageRow { workspace, message });
    }
    for event in &mut events {
        head.last_seq += 1;
        event.workspace = workspace;
        event.seq = head.last_seq;
    }

    let committed = Committed {
        last_seq: head.last_seq,
        tickets: new.tickets.iter().map(|row| row.ticket.clone()).collect(),
        messages: new.messages.iter().map(|row| row.message.clone()).collect(),
        records: new.records.iter().map(|row| row.record.clone()).collect(),
        replayed: false,
    };
    if let (Some(once), Some(key)) = (once, answer_ref) {
        let answer =
            StoredAnswer { request_hash: once.request_hash, committed: committed.clone(), expires_at: once.expires_at };
        known.answers.insert(key.clone(), answer.clone());
        new.answers.push(AnswerRow { key, answer });
    }
    new.events = events;
    known.accept(delta, workspace, head);
    rows.add(new, workspace, head);
    Ok(committed)
}

fn expect(present: Option<Version>, expected: Version, what: &str) -> Result<(), CommitError> {
    if present.unwrap_or(Version::ABSENT) == expected {
        Ok(())
    } else {
        Err(CommitError::Conflict { what: what.to_owned() })
    }
}

impl Known {
    fn record(&self, delta: &Delta, workspace: WorkspaceId, id: &str) -> Option<Version> {
        match delta.records.get(id) {
            Some(version) => *version,
            None => self.records.get(&(workspace, id.to_owned())).copied(),
        }
    }

    fn ticket(&self, delta: &Delta, workspace: WorkspaceId, id: TicketId) -> Option<Version> {
        delta.tickets.get(&id).copied().or_else(|| self.tickets.get(&(workspace, id)).copied())
    }

    fn key<'a>(&'a self, delta: &'a Delta, key: &KeyRef) -> Option<&'a (WorkspaceId, String)> {
        match delta.keys.get(key) {
            Some(holder) => holder.as_ref(),
            None => self.keys.get(key),
        }
    }

    fn release(&self, delta: &mut Delta, workspace: WorkspaceId, record: &str) {
        let is_held = |holder: &(WorkspaceId, String)| holder.0 == workspace && holder.1 == record;
        for (key, _) in self.keys.iter().filter(|(_, holder)| is_held(holder)) {
            delta.keys.entry(key.clone()).or_insert(None);
        }
        for holder in delta.keys.values_mut() {
            if holder.as_ref().is_some_and(is_held) {
                *holder = None;
            }
        }
    }

    fn accept(&mut self, delta: Delta, workspace: WorkspaceId, head: Head) {
        self.heads.insert(workspace, head);
        self.tickets.extend(delta.tickets.into_iter().map(|(id, version)| ((workspace, id), version)));
        for (id, version) in delta.records {
            match version {
                Some(version) => self.records.insert((workspace, id), version),
                None => self.records.remove(&(workspace, id)),
            };
        }
        for (key, holder) in delta.keys {
            match holder {
                Some(holder) => self.keys.insert(key, holder),
                None => self.keys.remove(&key),
            };
        }
    }
}

impl Rows {
    fn add(&mut self, new: Self, workspace: WorkspaceId, head: Head) {
        let Self { heads: _, released, removed, records, keys, tickets, messages, events, answers } = new;
        match self.heads.iter_mut().find(|(id, _)| *id == workspace) {
            Some((_, known)) => *known = head,
            None => self.heads.push((workspace, head)),
        }
        self.released.extend(released);
        self.removed.extend(removed);
        self.records.extend(records);
        self.keys.extend(keys);
        self.tickets.extend(tickets);
        self.messages.extend(messages);
        self.events.extend(events);
        self.answers.extend(answers);
    }
}
