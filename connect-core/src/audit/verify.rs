//! Whether the journal is what was sealed.

use super::Sealer;
use super::seal::{parts, slices};
use crate::event::Event;
use crate::store::{EventList, Seal, SealList};
use crate::{Desk, Error, Limit, Result, WorkspaceId};

/// Most events that one seal is over; a seal that claims more was not made here.
const MOST_UNDER_A_SEAL: u64 = 1000;

/// What is wrong with a journal, at the first place where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// An event is not there, or another one stands in its place.
    #[error("event {0} is missing, or not in its place")]
    Missing(u64),
    /// One of these events, or their seal, is not what it was; or it was sealed with a key that is not here.
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
}

impl Flaw {
    /// The number of the first event that cannot be trusted.
    pub const fn first(self) -> u64 {
        match self {
            Self::Missing(seq) | Self::Origin(seq) => seq,
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
    /// Up to which event the seals were found good.
    pub sealed: u64,
    /// The last good seal: what is to be noted elsewhere, so that a journal whose end was cut off together with
    /// its seals is told.
    pub head: Option<Seal>,
    /// The first flaw; none if all is well.
    pub flaw: Option<Flaw>,
}

struct Walk<'a> {
    desk: &'a Desk,
    sealer: &'a dyn Sealer,
    workspace: WorkspaceId,
    head: Option<Seal>,
}

impl Desk {
    /// Reads the journal of a workspace from its beginning and checks every seal. What follows the last seal is
    /// not sealed yet, but must be there.
    pub async fn verify_journal(&self, workspace: WorkspaceId) -> Result<Verified> {
        let Some(sealer) = self.sealer() else { return Err(Error::refused("not_sealed", "the desk has no sealer")) };
        // Read first: what is added while the journal is read does not count.
        let counters = self.store().counters(workspace).await?.ok_or(Error::NotFound("workspace"))?;
        let mut walk = Walk { desk: self, sealer, workspace, head: None };
        let flaw = walk.sealed(counters.routed_seq).await?;
        let flaw = match flaw {
            Some(flaw) => Some(flaw),
            None => walk.rest(counters.last_seq).await?,
        };
        let sealed = walk.at();
        Ok(Verified { workspace, events: counters.last_seq, sealed, head: walk.head, flaw })
    }
}

impl Walk<'_> {
    /// The last event that was found well sealed.
    fn at(&self) -> u64 {
        self.head.as_ref().map_or(0, |seal| seal.last)
    }

    /// Goes from seal to seal; all that was routed must be under one.
    async fn sealed(&mut self, routed: u64) -> Result<Option<Flaw>> {
        loop {
            let list = SealList { from: self.at(), newest_first: false, limit: Limit::MAX };
            let seals = self.desk.store().seals(self.workspace, list).await?;
            if seals.is_empty() {
                let at = self.at();
                return Ok((at < routed).then_some(Flaw::Unsealed { first: at + 1, last: routed }));
            }
            for seal in seals {
                if let Some(flaw) = self.seal(seal).await? {
                    return Ok(Some(flaw));
                }
            }
        }
    }

    async fn seal(&mut self, seal: Seal) -> Result<Option<Flaw>> {
        let at = self.at();
        let altered = Flaw::Altered { first: at + 1, last: seal.last };
        if seal.after > at {
            return Ok(Some(Flaw::Unsealed { first: at + 1, last: seal.after }));
        }
        if seal.after < at || seal.last <= at || seal.last - at > MOST_UNDER_A_SEAL {
            return Ok(Some(altered));
        }
        let events = match self.events(at, seal.last).await? {
            Ok(events) => events,
            Err(flaw) => return Ok(Some(flaw)),
        };
        let previous = self.head.as_ref().map_or("", |seal| seal.mac.as_str());
        let parts = parts(self.workspace, previous, at, seal.last, &events);
        if !bytes(&seal.mac).is_some_and(|mac| self.sealer.is_seal(&slices(&parts), &mac)) {
            return Ok(Some(altered));
        }
        let false_origin = events.iter().find(|event| !event.has_true_origin());
        let flaw = false_origin.map(|event| Flaw::Origin(event.seq));
        if flaw.is_none() {
            self.head = Some(seal);
        }
        Ok(flaw)
    }

    /// The events behind the last seal: they must be there.
    async fn rest(&self, last: u64) -> Result<Option<Flaw>> {
        let mut at = self.at();
        while at < last {
            let to = last.min(at + Limit::MAX.get() as u64);
            match self.events(at, to).await? {
                Ok(events) => match events.iter().find(|event| !event.has_true_origin()) {
                    Some(event) => return Ok(Some(Flaw::Origin(event.seq))),
                    None => at = to,
                },
                Err(flaw) => return Ok(Some(flaw)),
            }
        }
        Ok(None)
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
