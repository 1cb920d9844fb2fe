//! The newest events of a workspace, read once by this process however many follow them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tracing::warn;

use super::Event;
use crate::store::{EventList, Signal, Signals};
use crate::{Desk, Limit, Result, StoreError, WorkspaceId};

/// How long at most until a new event is read when no hint arrives.
const POLL: Duration = Duration::from_secs(2);
/// Events that are kept for those who follow. Whoever is further behind reads the store.
const KEPT: usize = 1024;

/// Events without a gap, up to the newest that was read.
#[derive(Debug, Default)]
struct Recent {
    /// The number before the first event that is kept.
    before: u64,
    events: VecDeque<Arc<Event>>,
}

impl Recent {
    fn last(&self) -> u64 {
        self.before + self.events.len() as u64
    }

    fn push(&mut self, event: Event) {
        // Numbers are dense: what is not the next one is no continuation, and begins anew.
        if event.seq != self.last() + 1 {
            (self.before, self.events) = (event.seq - 1, VecDeque::new());
        }
        self.events.push_back(Arc::new(event));
        if self.events.len() > KEPT {
            self.events.pop_front();
            self.before += 1;
        }
    }

    /// The events behind a number, at most so many; none if they are not kept.
    fn behind(&self, after: u64, most: usize) -> Option<Vec<Arc<Event>>> {
        let skipped = usize::try_from(after.checked_sub(self.before)?).ok()?;
        Some(self.events.iter().skip(skipped).take(most).cloned().collect())
    }
}

/// The newest events of a workspace.
#[derive(Debug)]
pub(super) struct Line {
    workspace: WorkspaceId,
    recent: Mutex<Recent>,
    last: watch::Sender<u64>,
}

/// The lines of the workspaces that somebody follows now.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    live: Mutex<HashMap<WorkspaceId, Weak<Line>>>,
}

impl Line {
    /// Tells the number of the newest event, and when there is a newer one.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// The events behind a number, if they are kept.
    pub(super) fn behind(&self, after: u64, most: usize) -> Option<Vec<Arc<Event>>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).behind(after, most)
    }

    fn newest(&self) -> u64 {
        *self.last.borrow()
    }

    /// Reads what is new.
    async fn read_on(&self, desk: &Desk) -> Result<(), StoreError> {
        loop {
            let list = EventList { after: self.newest(), limit: Limit::MAX, ..EventList::default() };
            let events = desk.store().events(self.workspace, list).await?;
            let Some(last) = events.last().map(|event| event.seq) else { return Ok(()) };
            let more = events.len() > Limit::MAX.get();
            {
                let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
                events.into_iter().for_each(|event| recent.push(event));
            }
            self.last.send_replace(last);
            if !more {
                return Ok(());
            }
        }
    }
}

/// Reads on for as long as somebody follows.
async fn run(line: Weak<Line>, desk: Desk, mut signals: Signals) {
    while let Some(line) = line.upgrade() {
        if let Err(error) = line.read_on(&desk).await {
            warn!(workspace = %line.workspace, %error, "following waits for the store");
        }
        let (workspace, newest) = (line.workspace, line.newest());
        // Nobody who follows is kept alive by the waiting.
        drop(line);
        let told = async {
            while let Some(signal) = signals.next().await {
                match signal {
                    Signal::Look(hint) if hint.workspace != workspace || hint.seq <= newest => {}
                    Signal::Look(_) | Signal::LookEverywhere => return,
                }
            }
            std::future::pending().await
        };
        let _ = tokio::time::timeout(POLL, told).await;
    }
}

impl Desk {
    /// The line of a workspace whose newest event has this number.
    pub(super) fn line(&self, workspace: WorkspaceId, last: u64) -> Arc<Line> {
        let mut live = self.lines().live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = live.get(&workspace).and_then(Weak::upgrade) {
            return line;
        }
        live.retain(|_, line| line.strong_count() > 0);
        let recent = Mutex::new(Recent { before: last, events: VecDeque::new() });
        let line = Arc::new(Line { workspace, recent, last: watch::Sender::new(last) });
        live.insert(workspace, Arc::downgrade(&line));
        // Subscribed before the first read: what is committed in between is heard of.
        tokio::spawn(run(Arc::downgrade(&line), self.clone(), self.feed().subscribe()));
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Fact;
    use crate::{Actor, EventId, Timestamp};

    fn event(seq: u64) -> Event {
        Event {
            workspace: WorkspaceId::from_bits(1),
            seq,
            id: EventId::from_bits(u128::from(seq)),
            actor: Actor::Host,
            key: None,
            at: Timestamp::default(),
            ticket: None,
            ticket_version: None,
            request_id: None,
            method: None,
            origin_hash: None,
            fact: Fact::WorkspaceCreated {},
            origin: None,
        }
    }

    fn numbers(recent: &Recent, after: u64, most: usize) -> Option<Vec<u64>> {
        recent.behind(after, most).map(|events| events.iter().map(|event| event.seq).collect())
    }

    #[test]
    fn what_is_kept_has_no_gap_and_what_is_not_is_told() {
        let mut recent = Recent { before: 7, events: VecDeque::new() };
        assert_eq!(numbers(&recent, 7, 9), Some(vec![]), "nothing new");
        assert_eq!(numbers(&recent, 6, 9), None, "further back than is kept");
        (8..=10).for_each(|seq| recent.push(event(seq)));
        assert_eq!(numbers(&recent, 7, 9), Some(vec![8, 9, 10]));
        assert_eq!(numbers(&recent, 8, 1), Some(vec![9]));
        assert_eq!(numbers(&recent, 10, 9), Some(vec![]));
        (11..=2000).for_each(|seq| recent.push(event(seq)));
        assert_eq!(numbers(&recent, 2000 - KEPT as u64 - 1, 1), None, "the oldest have gone");
        assert_eq!(numbers(&recent, 2000 - KEPT as u64, 1), Some(vec![2001 - KEPT as u64]));
        recent.push(event(5000));
        assert_eq!(
            (numbers(&recent, 2000, 9), numbers(&recent, 4999, 9)),
            (None, Some(vec![5000])),
            "a gap begins anew"
        );
    }
}
