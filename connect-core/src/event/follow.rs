//! Following the events of a workspace as they happen.

use std::collections::HashMap;
use std::time::Duration;

use super::{Event, Fact};
use crate::store::{EventList, Signal, Signals, TicketKey};
use crate::{Access, Action, Desk, Limit, Result, TicketId, WorkspaceId};

/// How long at most until a new event is seen when no hint arrives.
const POLL: Duration = Duration::from_secs(2);
/// Tickets of which it is remembered whether they are seen, while somebody follows who does not see all.
const REMEMBERED: usize = 1000;

/// The events of a workspace, one after the other, from a place on: what the access may see of them, each
/// once and in order. The truth is read from the store; hints only say when to look.
#[derive(Debug)]
pub struct Follower {
    desk: Desk,
    access: Access,
    workspace: WorkspaceId,
    notes: bool,
    audit: bool,
    after: u64,
    signals: Signals,
    seen: HashMap<TicketId, bool>,
}

impl Desk {
    /// Follows the events of the access's workspace, after this number; from now on if there is none. None if
    /// the number lies beyond the newest event: it is of another life of the workspace, such as before a
    /// restore, and whoever holds it has to read everything anew.
    pub async fn follow(&self, access: &Access, after: Option<u64>) -> Result<Option<Follower>> {
        self.demand(access, Action::ReadTickets)?;
        // Subscribed first: what is committed between the look and the wait is heard of.
        let signals = self.feed().subscribe();
        let workspace = access.workspace_id();
        let last = self.store().counters(workspace).await?.map_or(0, |counters| counters.last_seq);
        if after.is_some_and(|after| after > last) {
            return Ok(None);
        }
        Ok(Some(Follower {
            desk: self.clone(),
            access: access.clone(),
            workspace,
            notes: self.may(access, Action::ReadNotes),
            audit: self.may(access, Action::ReadAudit),
            after: after.unwrap_or(last),
            signals,
            seen: HashMap::new(),
        }))
    }
}

impl Follower {
    /// The number of the last event that was looked at.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// Waits until there may be something new. May be dropped while it waits; nothing is lost.
    pub async fn changed(&mut self) {
        let (workspace, after) = (self.workspace, self.after);
        let told = async {
            while let Some(signal) = self.signals.next().await {
                match signal {
                    Signal::Look(hint) if hint.workspace != workspace || hint.seq <= after => {}
                    Signal::Look(_) | Signal::LookEverywhere => return,
                }
            }
            std::future::pending().await
        };
        let _ = tokio::time::timeout(POLL, told).await;
    }

    /// The events that have come since, as many as a page holds; empty if there are none now.
    pub async fn next(&mut self) -> Result<Vec<Event>> {
        let limit = Limit::MAX;
        loop {
            // All of them, so that the place moves on behind those that are not to be seen.
            let list = EventList { ticket: None, public: false, after: self.after, limit };
            let mut events = self.desk.store().events(self.workspace, list).await?;
            let more = events.len() > limit.get();
            events.truncate(limit.get());
            let Some(last) = events.last().map(|event| event.seq) else { return Ok(Vec::new()) };
            let mut seen = Vec::with_capacity(events.len());
            for event in events {
                if self.may_see(&event).await? {
                    seen.push(event);
                }
            }
            // Only now: after an error the same events are looked at again.
            self.after = last;
            if !seen.is_empty() || !more {
                return Ok(seen);
            }
        }
    }

    async fn may_see(&mut self, event: &Event) -> Result<bool> {
        if !self.notes && !event.fact.is_public() {
            return Ok(false);
        }
        let Some(ticket) = event.ticket else { return Ok(self.audit) };
        if self.access.sees_all_tickets() {
            return Ok(true);
        }
        // Whose ticket it is may be different from here on.
        if matches!(event.fact, Fact::TicketAssigned { .. } | Fact::TicketMoved { .. }) {
            self.seen.remove(&ticket);
        }
        if let Some(seen) = self.seen.get(&ticket) {
            return Ok(*seen);
        }
        let row = self.desk.store().ticket(self.workspace, TicketKey::Id(ticket)).await?;
        let seen = row.is_some_and(|row| self.access.sees(&row.ticket));
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(ticket, seen);
        Ok(seen)
    }
}
