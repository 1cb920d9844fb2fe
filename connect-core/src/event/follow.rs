//! Following the events of a workspace as they happen.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use super::line::Line;
use super::{Event, Fact};
use crate::store::{EventList, Sign, TicketKey};
use crate::{Access, Action, Desk, Error, Limit, Result, TicketId, UserId, WorkspaceId};

/// How long one wait for something new lasts at most, so that whoever follows comes to look at other things, too.
const WAIT: Duration = Duration::from_secs(2);
/// Signs of presence that are kept for whoever does not ask for them: as many as a workspace can have, and some.
const MAX_SIGNS: usize = 2000;
/// Tickets of which it is remembered whether they are seen, while somebody follows who does not see all.
const REMEMBERED: usize = 1000;

/// The events of a workspace, one after the other, from a place on: what the access may see of them, each
/// once and in order. New ones are read from the store once for all who follow them in this process; who is further
/// behind reads them by themselves.
#[derive(Debug)]
pub struct Follower {
    desk: Desk,
    access: Access,
    workspace: WorkspaceId,
    notes: bool,
    audit: bool,
    after: u64,
    line: Arc<Line>,
    newest: watch::Receiver<u64>,
    seen: HashMap<TicketId, bool>,
    /// Who comes and goes at tickets, and who is told something; for the team.
    changes: Option<broadcast::Receiver<Sign>>,
    signs: VecDeque<Sign>,
    /// Whether who is at a ticket is theirs to know.
    people: bool,
    /// Whose notices are.
    reader: Option<UserId>,
    /// Whether changes were missed, as nobody took them up in time.
    is_behind: bool,
}

impl Desk {
    /// Follows the events of the access's workspace, after this number; from now on if there is none. None if
    /// the number lies beyond the newest event: it is of another life of the workspace, such as before a
    /// restore, and whoever holds it has to read everything anew.
    pub async fn follow(&self, access: &Access, after: Option<u64>) -> Result<Option<Follower>> {
        self.demand(access, Action::ReadTickets)?;
        let workspace = access.workspace_id();
        let last = self.store().counters(workspace).await?.map_or(0, |counters| counters.last_seq);
        if after.is_some_and(|after| after > last) {
            return Ok(None);
        }
        let line = self.line(workspace, last);
        let people = self.may(access, Action::ReadMembers);
        let reader = access.user().filter(|_| self.may(access, Action::ReadNotifications));
        let (mut changes, mut signs) = (None, VecDeque::new());
        if people || reader.is_some() {
            let (following, present) = self.follow_presence(workspace);
            changes = Some(following);
            signs.extend(present.into_iter().filter(|_| people).map(Sign::Presence));
        }
        Ok(Some(Follower {
            desk: self.clone(),
            access: access.clone(),
            workspace,
            notes: self.may(access, Action::ReadNotes),
            audit: self.may(access, Action::ReadAudit),
            after: after.unwrap_or(last),
            newest: line.watch(),
            line,
            seen: HashMap::new(),
            changes,
            signs,
            people,
            reader,
            is_behind: false,
        }))
    }
}

impl Follower {
    /// The number of the last event that was looked at.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// Waits until there may be something new, or a while has passed. May be dropped while it waits; nothing is lost.
    pub async fn changed(&mut self) {
        let after = self.after;
        tokio::select! {
            _ = self.newest.wait_for(|newest| *newest > after) => {}
            sign = next(&mut self.changes) => match sign {
                Some(sign) if self.signs.len() < MAX_SIGNS => self.signs.push_back(sign),
                _ => (self.is_behind, self.signs) = (true, VecDeque::new()),
            },
            () = tokio::time::sleep(WAIT) => {}
        }
    }

    /// Who has come to a ticket, or gone, since this was last asked: at first all who are there now. And whether the access's
    /// own user was told something. For the team; held to the tickets that the access sees. [`Error::Unavailable`] to
    /// whoever was too slow: they have to follow anew.
    pub async fn signs(&mut self) -> Result<Vec<Sign>> {
        if self.is_behind {
            return Err(Error::Unavailable("too many people came and went meanwhile".to_owned()));
        }
        let mut seen = Vec::new();
        while let Some(sign) = self.signs.front().copied() {
            let is_theirs = match sign {
                Sign::Presence(presence) => self.people && self.sees(presence.ticket).await?,
                Sign::Noticed { user, .. } => self.reader == Some(user),
            };
            if is_theirs {
                seen.push(sign);
            }
            self.signs.pop_front();
        }
        Ok(seen)
    }

    /// The events that have come since, as many as a page holds; empty if there are none now.
    pub async fn next(&mut self) -> Result<Vec<Arc<Event>>> {
        loop {
            // All of them, so that the place moves on behind those that are not to be seen.
            let events = match self.line.behind(self.after, Limit::MAX.get()) {
                Some(events) => events,
                None => self.read().await?,
            };
            let Some(last) = events.last().map(|event| event.seq) else { return Ok(Vec::new()) };
            let mut seen = Vec::with_capacity(events.len());
            for event in events {
                if self.may_see(&event).await? {
                    seen.push(event);
                }
            }
            // Only now: after an error the same events are looked at again.
            self.after = last;
            if !seen.is_empty() {
                return Ok(seen);
            }
        }
    }

    async fn read(&self) -> Result<Vec<Arc<Event>>> {
        let limit = Limit::MAX;
        let list = EventList { ticket: None, public: false, after: self.after, limit };
        let events = self.desk.store().events(self.workspace, list).await?;
        Ok(events.into_iter().take(limit.get()).map(Arc::new).collect())
    }

    async fn may_see(&mut self, event: &Event) -> Result<bool> {
        if !self.notes && !event.fact.is_public() {
            return Ok(false);
        }
        let Some(ticket) = event.ticket else { return Ok(self.audit) };
        // Whose ticket it is may be different from here on.
        if matches!(event.fact, Fact::TicketAssigned { .. } | Fact::TicketMoved { .. }) {
            self.seen.remove(&ticket);
        }
        self.sees(ticket).await
    }

    async fn sees(&mut self, ticket: TicketId) -> Result<bool> {
        if self.access.sees_all_tickets() {
            return Ok(true);
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

/// The next sign, or none if some were missed; waits for ever where none come.
async fn next(changes: &mut Option<broadcast::Receiver<Sign>>) -> Option<Sign> {
    let Some(changes) = changes else { return std::future::pending().await };
    match changes.recv().await {
        Ok(sign) => Some(sign),
        Err(broadcast::error::RecvError::Lagged(_)) => None,
        Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
    }
}
