//! What was answered to each ticket's commit, and whether the database agrees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use connect_core::event::{Event, Fact};
use connect_core::store::EventList;
use connect_core::ticket::{SortKey, Ticket, TicketCursor, TicketList, TicketSort};
use connect_core::{CommitError, Committed, Limit, Store, TicketId, WorkspaceId};

use crate::world::recovered;

/// How a commit ended, as far as its caller knows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// Nobody was told: the caller went away, or the outcome is unknown.
    Unknown,
    /// It was acknowledged, with this event and this number.
    Kept { seq: u64, number: u64 },
    /// It was refused, for this reason.
    Refused(String),
}

/// The tickets of one workspace, each opened by a commit of its own.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<TicketId, Known>>);

impl Ledger {
    fn set(&self, id: TicketId, known: Known) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, known);
    }

    /// A commit is about to be asked for.
    pub(crate) fn begin(&self, id: TicketId) {
        self.set(id, Known::Unknown);
    }

    /// It was answered.
    pub(crate) fn end(&self, id: TicketId, outcome: &Result<Committed, CommitError>) {
        match outcome {
            Ok(committed) => {
                let [ticket] = committed.tickets.as_slice() else {
                    panic!("a commit of one ticket must answer with it; it answered {committed:?}");
                };
                assert_eq!(ticket.id, id, "a commit must answer with its own ticket");
                self.set(id, Known::Kept { seq: committed.last_seq, number: ticket.number });
            }
            Err(CommitError::Unknown) => self.set(id, Known::Unknown),
            Err(CommitError::Store(error)) => self.set(id, Known::Refused(error.to_string())),
            Err(other) => panic!("nothing but the store stands against this commit; it answered {other:?}"),
        }
    }

    fn count(&self, is: impl Fn(&Known) -> bool) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().filter(|known| is(known)).count()
    }

    pub(crate) fn kept(&self) -> usize {
        self.count(|known| matches!(known, Known::Kept { .. }))
    }

    pub(crate) fn unknown(&self) -> usize {
        self.count(|known| *known == Known::Unknown)
    }

    pub(crate) fn refused(&self) -> usize {
        self.count(|known| matches!(known, Known::Refused(_)))
    }

    /// Acknowledged ones are there once, refused ones are not, unknown ones at most once; journal and
    /// numbers have no hole.
    pub(crate) async fn check(&self, store: &impl Store, workspace: WorkspaceId) {
        let (events, tickets) = (events(store, workspace).await, tickets(store, workspace).await);
        let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>(), "the journal must have no hole");
        let numbers: Vec<u64> = tickets.iter().map(|ticket| ticket.number).collect();
        assert_eq!(numbers, (1..=tickets.len() as u64).collect::<Vec<_>>(), "ticket numbers must have no hole");
        let mut ids = BTreeSet::new();
        for event in &events {
            assert!(ids.insert(event.id), "an event must be there once; {} is there twice", event.id);
        }
        let mut opened: BTreeMap<TicketId, Vec<u64>> = BTreeMap::new();
        for event in &events {
            if let (Fact::TicketOpened { .. }, Some(ticket)) = (&event.fact, event.ticket) {
                opened.entry(ticket).or_default().push(event.seq);
            }
        }
        let stored: BTreeMap<TicketId, u64> = tickets.iter().map(|ticket| (ticket.id, ticket.number)).collect();
        assert_eq!(
            stored.keys().collect::<Vec<_>>(),
            opened.keys().collect::<Vec<_>>(),
            "tickets and their events must be kept together"
        );
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in stored.keys() {
            assert!(known.contains_key(id), "nobody opened the ticket {id}");
        }
        for (id, known) in known.iter() {
            let seen = (opened.get(id).map_or(&[][..], Vec::as_slice), stored.get(id));
            match known {
                Known::Kept { seq, number } => {
                    assert_eq!(
                        seen,
                        (&[*seq][..], Some(number)),
                        "{id} was acknowledged and must be there once, as told"
                    );
                }
                Known::Refused(why) => {
                    assert_eq!(seen, (&[][..], None), "{id} was refused ({why}) and must not be there");
                }
                Known::Unknown => {
                    assert!(seen.0.len() <= 1, "{id} must be there at most once; its events are {:?}", seen.0);
                }
            }
        }
    }
}

/// The whole journal.
pub(crate) async fn events(store: &impl Store, workspace: WorkspaceId) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    loop {
        let after = all.last().map_or(0, |event| event.seq);
        let list = || EventList { after, limit: Limit::MAX, ..EventList::default() };
        let page = recovered("reading the journal", || store.events(workspace, list())).await;
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// All tickets in the order of their numbers.
pub(crate) async fn tickets(store: &impl Store, workspace: WorkspaceId) -> Vec<Ticket> {
    let sort = TicketSort { key: SortKey::Number, descending: false };
    let mut all: Vec<Ticket> = Vec::new();
    loop {
        let after = all.last().map(|last| TicketCursor { sort, value: sort.value(last), id: last.id });
        let list = || TicketList { sort, after, limit: Limit::MAX, ..TicketList::default() };
        let page = recovered("reading tickets", || store.tickets(workspace, list())).await;
        if page.is_empty() {
            return all;
        }
        all.extend(page.into_iter().map(|row| row.ticket));
    }
}
