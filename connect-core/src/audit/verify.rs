//! Whether the journal is what was sealed.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::seal::{parts, slices};
use super::{Head, Sealer};
use crate::event::Event;
use crate::store::{EventList, Seal, SealList};
use crate::{Desk, Error, Limit, Result, WorkspaceId};

/// Most events that one seal is over; a seal that claims more was not made here.
const MOST_UNDER_A_SEAL: u64 = 1000;

/// Most flaws that are told of one journal.
const MOST_FLAWS: usize = 100;

/// Something that is wrong with a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// An event is not there, or another one stands in its place.
    #[error("event {0} is missing, or not in its place")]
    Missing(u64),
    /// One of these events, their seal, or the seal before it is not what it was; or it was sealed with a key that
    /// is not here.
    #[error("events {first} to {last} are not as they were sealed")]
    Altered {
        /// The first one.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// The client of an event is another one than it came with.
    #[error("the origin of event {0} is not the one it came with")]
    Origin(u64),
    /// These events have no seal and should have one.
    #[error("the seal on events {first} to {last} is missing")]
    Unsealed {
        /// The first one.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// The seal that ends with this event is not the one that was noted elsewhere.
    #[error("no seal that ends with event {0} is the one that was noted")]
    Head(u64),
}

impl Flaw {
    /// The number of the first event that cannot be trusted.
    pub const fn first(self) -> u64 {
        match self {
            Self::Missing(seq) | Self::Origin(seq) | Self::Head(seq) => seq,
            Self::Altered { first, .. } | Self::Unsealed { first, .. } => first,
        }
    }
}

/// What became of verifying the journal of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// How many events it has, as it says itself.
    pub events: u64,
    /// Behind which event sealing began: 0, unless the journal is older than its seals. What was there already is
    /// in its place, and nobody can tell whether it was altered.
    pub began: u64,
    /// The last event that is under a good seal.
    pub sealed: u64,
    /// The last good seal: what is to be noted elsewhere, so that a journal whose end was cut off together with
    /// its seals is told.
    pub head: Option<Head>,
    /// What is wrong, in the order of events; at most 100 flaws. None if all is well.
    pub flaws: Vec<Flaw>,
}

/// On the way through a journal, from seal to seal.
struct Walk<'a> {
    desk: &'a Desk,
    sealer: &'a dyn Sealer,
    workspace: WorkspaceId,
    began: u64,
    /// Where the last seal ends.
    at: u64,
    /// The last seal, good or not.
    last: Option<Seal>,
    /// The last good seal.
    head: Option<Head>,
    /// Heads that were noted and not met yet.
    noted: HashSet<Head>,
    flaws: Vec<Flaw>,
}

impl Desk {
    /// Reads the journal of a workspace from its beginning to its end and checks every seal. What follows the last
    /// seal is not sealed yet, but must be there.
    ///
    /// The first seal may begin behind some events, which are older than the seals of this desk. That it is the
    /// first is part of what it is made of: removing the ones before it does not make it so.
    pub async fn verify_journal(&self, workspace: WorkspaceId) -> Result<Verified> {
        self.verify_against(workspace, Vec::new()).await
    }

    /// The same, and whether the journal still has the heads that were noted of it: each must be met on the way.
    /// So it tells a journal that was set back, or sealed anew by a desk that did not know.
    pub async fn verify_against(&self, workspace: WorkspaceId, noted: Vec<Head>) -> Result<Verified> {
        let Some(sealer) = self.sealer() else { return Err(Error::refused("not_sealed", "the desk has no sealer")) };
        // Read first: what is added while the journal is read does not count.
        let counters = self.store().counters(workspace).await?.ok_or(Error::NotFound("workspace"))?;
        let noted = noted.into_iter().collect();
        let mut walk =
            Walk { desk: self, sealer, workspace, began: 0, at: 0, last: None, head: None, noted, flaws: Vec::new() };
        walk.sealed(counters.routed_seq).await?;
        walk.present(walk.at, counters.last_seq).await?;
        walk.missed();
        let Walk { began, head, flaws, .. } = walk;
        let sealed = head.as_ref().map_or(0, |head| head.last);
        Ok(Verified { workspace, events: counters.last_seq, began, sealed, head, flaws })
    }
}

impl Walk<'_> {
    fn found(&mut self, flaw: Flaw) {
        if self.flaws.len() < MOST_FLAWS {
            self.flaws.push(flaw);
        }
    }

    /// Goes from seal to seal; all that was routed must be under one.
    async fn sealed(&mut self, routed: u64) -> Result<()> {
        let mut from = 0;
        loop {
            let list = SealList { from, newest_first: false, limit: Limit::MAX };
            let mut seals = self.desk.store().seals(self.workspace, list).await?;
            let more = seals.len() > Limit::MAX.get();
            seals.truncate(Limit::MAX.get());
            from = seals.last().map_or(from, |seal| seal.after + 1);
            for seal in seals {
                self.seal(seal).await?;
            }
            if !more {
                break;
            }
        }
        if self.at < routed {
            self.found(Flaw::Unsealed { first: self.at + 1, last: routed });
        }
        Ok(())
    }

    /// Whatever is wrong with a seal, the next one is checked against what stands there.
    async fn seal(&mut self, seal: Seal) -> Result<()> {
        match seal.after.cmp(&self.at) {
            Ordering::Equal => {}
            Ordering::Greater if self.last.is_none() => {
                self.began = seal.after;
                self.present(0, seal.after).await?;
            }
            Ordering::Greater => {
                self.found(Flaw::Unsealed { first: self.at + 1, last: seal.after });
                self.present(self.at, seal.after).await?;
            }
            Ordering::Less => self.found(Flaw::Altered { first: seal.after + 1, last: self.at }),
        }
        let altered = Flaw::Altered { first: seal.after + 1, last: seal.last };
        if seal.last <= seal.after || seal.last - seal.after > MOST_UNDER_A_SEAL {
            self.found(altered);
            self.at = seal.after;
        } else {
            self.at = seal.last;
            match self.events(seal.after, seal.last).await? {
                Ok(events) if self.is_good(&seal, &events) => {
                    self.origins(&events);
                    self.head = Some(Head::from(&seal));
                }
                Ok(_) => self.found(altered),
                Err(flaw) => self.found(flaw),
            }
        }
        self.noted.remove(&Head::from(&seal));
        self.last = Some(seal);
        Ok(())
    }

    /// The heads that were not met.
    fn missed(&mut self) {
        let mut missed: Vec<u64> = self.noted.iter().map(|head| head.last).collect();
        missed.sort_unstable();
        missed.dedup();
        for last in missed {
            self.found(Flaw::Head(last));
        }
    }

    fn is_good(&self, seal: &Seal, events: &[Event]) -> bool {
        let previous = self.last.as_ref().map_or("", |seal| seal.mac.as_str());
        let parts = parts(self.workspace, previous, seal.after, seal.last, events);
        bytes(&seal.mac).is_some_and(|mac| self.sealer.is_seal(&slices(&parts), &mac))
    }

    fn origins(&mut self, events: &[Event]) {
        for event in events.iter().filter(|event| !event.has_true_origin()) {
            self.found(Flaw::Origin(event.seq));
        }
    }

    /// Events without a seal must be there, too.
    async fn present(&mut self, after: u64, last: u64) -> Result<()> {
        let mut at = after;
        while at < last {
            let to = last.min(at + Limit::MAX.get() as u64);
            match self.events(at, to).await? {
                Ok(events) => self.origins(&events),
                Err(flaw) => {
                    self.found(flaw);
                    break;
                }
            }
            at = to;
        }
        Ok(())
    }

    /// The events after a number up to another one, each in its place.
    async fn events(&self, after: u64, to: u64) -> Result<Result<Vec<Event>, Flaw>> {
        let mut events: Vec<Event> = Vec::new();
        loop {
            let at = events.last().map_or(after, |event| event.seq);
            if at >= to {
                return Ok(Ok(events));
            }
            let list = EventList { after: at, limit: Limit::MAX, ..EventList::default() };
            let rows = self.desk.store().events(self.workspace, list).await?;
            if rows.is_empty() {
                return Ok(Err(Flaw::Missing(at + 1)));
            }
            for (event, expected) in rows.into_iter().zip(at + 1..=to) {
                if event.seq != expected || event.workspace != self.workspace {
                    return Ok(Err(Flaw::Missing(expected)));
                }
                events.push(event);
            }
        }
    }
}

/// The bytes of a hash in hexadecimal.
fn bytes(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let byte = |place: usize| u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
    bytes?.try_into().ok()
}
