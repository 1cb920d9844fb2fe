//! What one command changes, as one value that a store keeps whole or not at all.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{Cause, Event, Fact};
use crate::message::Message;
use crate::record::{Record, RecordKey, RecordKind};
use crate::ticket::{Ticket, TicketChange};
use crate::{Access, Actor, ApiKeyId, Ids, Timestamp, Version, WorkspaceId};

/// When and by whom a decision is made, and the ids it may use. Decisions take it instead of a clock.
#[derive(Debug)]
pub struct Moment<'a> {
    ids: &'a Ids,
    now: Timestamp,
    actor: Actor,
    key: Option<ApiKeyId>,
    cause: Cause,
}

impl<'a> Moment<'a> {
    /// A moment of this actor.
    pub fn new(ids: &'a Ids, now: Timestamp, actor: Actor) -> Self {
        Self { ids, now, actor, key: None, cause: Cause::default() }
    }

    /// The same moment within a request, whose id the events will carry.
    #[must_use]
    pub fn for_request(mut self, id: Option<Arc<str>>) -> Self {
        self.cause.request_id = id;
        self
    }

    /// The same moment because of a request of which this is known; the events will carry it.
    #[must_use]
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }

    /// The same moment of a program that acts by a key on the actor's behalf.
    #[must_use]
    pub fn by_key(mut self, key: Option<ApiKeyId>) -> Self {
        self.key = key;
        self
    }

    pub(crate) fn of(access: &Access, ids: &'a Ids, now: Timestamp) -> Self {
        Self { ids, now, actor: access.actor(), key: access.key(), cause: access.cause().clone() }
    }

    /// The source of new ids.
    pub fn ids(&self) -> &Ids {
        self.ids
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Who acts.
    pub fn actor(&self) -> Actor {
        self.actor
    }
}

/// A change of one record, with its event. Made by the decisions of the record's noun only.
#[derive(Debug, Clone)]
pub struct RecordChange {
    write: RecordWrite,
    fact: Fact,
}

impl RecordChange {
    pub(crate) fn insert<T: RecordKind>(noun: &T, fact: Fact) -> Self {
        Self::write(noun, Version::ABSENT, false, fact)
    }

    pub(crate) fn update<T: RecordKind>(noun: &T, expected: Version, fact: Fact) -> Self {
        Self::write(noun, expected, false, fact)
    }

    pub(crate) fn remove<T: RecordKind>(noun: &T, fact: Fact) -> Self {
        Self::write(noun, noun.version(), true, fact)
    }

    fn write<T: RecordKind>(noun: &T, expected: Version, removed: bool, fact: Fact) -> Self {
        let keys = if removed { Vec::new() } else { noun.keys() };
        Self { write: RecordWrite { record: Record::of(noun), expected, removed, keys }, fact }
    }
}

/// A noun that can be written again with nothing but its version changed.
pub(crate) trait Versioned {
    fn at_version(&self, version: Version) -> Self;
}

/// One record to be written.
#[derive(Debug, Clone)]
pub struct RecordWrite {
    /// The record as it will be; when it is removed, as it was.
    pub record: Record,
    /// The version that must be there; [`Version::ABSENT`] when none may be.
    pub expected: Version,
    /// Whether it goes.
    pub removed: bool,
    /// The keys it holds from now on, instead of all earlier ones.
    pub keys: Vec<RecordKey>,
}

/// One ticket to be written.
#[derive(Debug, Clone)]
pub struct TicketWrite {
    /// The ticket as it will be. A new one has the number 0 and gets its own by the commit.
    pub ticket: Ticket,
    /// The version that must be there; [`Version::ABSENT`] when none may be.
    pub expected: Version,
}

/// A claim on an idempotency key: the same key and request are carried out once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// Who uses the key; keys of different actors are different.
    pub actor: Actor,
    /// The key, as the caller chose it.
    pub key: String,
    /// SHA-256 over what was asked, in hexadecimal.
    pub request_hash: String,
    /// Until when the answer is kept.
    pub expires_at: Timestamp,
}

/// Everything one command changes. It is built from decisions only, so no state is written without
/// its event.
#[derive(Debug)]
pub struct ChangeSet {
    tickets: Vec<TicketWrite>,
    messages: Vec<Message>,
    records: Vec<RecordWrite>,
    events: Vec<Event>,
    once: Option<Once>,
    moment: (Timestamp, Actor, Option<ApiKeyId>, Cause),
}

/// The parts of a [`ChangeSet`]. Adapters take it apart field by field, without `..`, so that a part
/// added later breaks their build instead of being lost.
#[derive(Debug, Clone)]
pub struct ChangeParts {
    /// Tickets, at most one write each.
    pub tickets: Vec<TicketWrite>,
    /// New messages.
    pub messages: Vec<Message>,
    /// Records, at most one write each.
    pub records: Vec<RecordWrite>,
    /// Events in order. Their workspace and number are set by the commit.
    pub events: Vec<Event>,
    /// The idempotency key.
    pub once: Option<Once>,
}

impl ChangeSet {
    /// Nothing yet, at this moment.
    pub fn new(moment: &Moment) -> Self {
        Self {
            tickets: Vec::new(),
            messages: Vec::new(),
            records: Vec::new(),
            events: Vec::new(),
            once: None,
            moment: (moment.now, moment.actor, moment.key, moment.cause.clone()),
        }
    }

    /// Adds a change of a record.
    #[must_use]
    pub fn record(mut self, change: RecordChange, moment: &Moment) -> Self {
        self.records.push(change.write);
        self.push(change.fact, None, moment);
        self
    }

    /// Adds a change of a record that belongs to a ticket, of which it changes nothing.
    #[must_use]
    pub(crate) fn record_about(mut self, change: RecordChange, ticket: &Ticket, moment: &Moment) -> Self {
        self.records.push(change.write);
        self.push(change.fact, Some((ticket.id, ticket.version)), moment);
        self
    }

    /// Adds a change of a ticket.
    #[must_use]
    pub fn ticket(mut self, change: TicketChange, moment: &Moment) -> Self {
        let (ticket, expected, messages, facts) = change.into_parts();
        for fact in facts {
            self.push(fact, Some((ticket.id, ticket.version)), moment);
        }
        self.messages.extend(messages);
        self.tickets.push(TicketWrite { ticket, expected });
        self
    }

    /// Makes the change depend on a record being as it was read: of two change sets that guard the same
    /// version only one is kept. The record's version rises, nothing else changes.
    #[must_use]
    pub(crate) fn guard<T: RecordKind + Versioned>(self, noun: &T) -> Self {
        let expected = noun.version();
        self.along(&noun.at_version(expected.next()), expected)
    }

    /// Adds a record that changes along with something else, whose event tells of it: an attachment with the
    /// message that carries it.
    #[must_use]
    pub(crate) fn along<T: RecordKind>(mut self, next: &T, expected: Version) -> Self {
        let write = RecordWrite { record: Record::of(next), expected, removed: false, keys: next.keys() };
        self.records.push(write);
        self
    }

    /// Adds a fact that changes no state of the desk, such as a sign-in.
    #[must_use]
    pub fn fact(mut self, fact: Fact, moment: &Moment) -> Self {
        self.push(fact, None, moment);
        self
    }

    /// Adds a fact about a ticket that changes nothing of it.
    #[must_use]
    pub(crate) fn fact_about(mut self, fact: Fact, ticket: &Ticket, moment: &Moment) -> Self {
        self.push(fact, Some((ticket.id, ticket.version)), moment);
        self
    }

    /// Claims an idempotency key.
    #[must_use]
    pub fn once(mut self, once: Option<Once>) -> Self {
        self.once = once;
        self
    }

    /// Whether it tells facts and changes no state.
    pub(crate) fn is_facts_only(&self) -> bool {
        self.tickets.is_empty() && self.messages.is_empty() && self.records.is_empty() && self.once.is_none()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The parts, for adapters.
    pub fn into_parts(self) -> ChangeParts {
        let Self { tickets, messages, records, events, once, moment: _ } = self;
        ChangeParts { tickets, messages, records, events, once }
    }

    fn push(&mut self, fact: Fact, ticket: Option<(crate::TicketId, Version)>, moment: &Moment) {
        let (at, actor, key, cause) = &self.moment;
        self.events.push(Event {
            workspace: WorkspaceId::DIRECTORY,
            seq: 0,
            id: moment.ids.event(),
            actor: *actor,
            key: *key,
            at: *at,
            ticket: ticket.map(|(id, _)| id),
            ticket_version: ticket.map(|(_, version)| version),
            request_id: cause.request_id.as_deref().map(str::to_owned),
            method: cause.method.as_deref().map(str::to_owned),
            origin_hash: cause.origin.as_ref().map(|origin| origin.commitment()),
            fact,
            origin: cause.origin.as_deref().cloned(),
        });
    }
}

/// What a commit made of a change set. It is also what is kept for an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Committed {
    /// The number of its last event.
    pub last_seq: u64,
    /// The tickets as they are stored, numbered.
    pub tickets: Vec<Ticket>,
    /// The messages as they are stored.
    pub messages: Vec<Message>,
    /// The records as they are stored, without removed ones.
    pub records: Vec<Record>,
    /// Whether this is the answer of an earlier commit with the same idempotency key.
    #[serde(default, skip_serializing)]
    pub replayed: bool,
}
