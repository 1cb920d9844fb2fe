//! Sealing what is routed.

use super::canonical::canonical;
use super::seen::Seen;
use crate::event::{Event, hexadecimal};
use crate::store::{Seal, SealList, Unrouted};
use crate::{Desk, Limit, StoreError, WorkspaceId};

/// Makes and checks keyed hashes, with a key that is not in the store.
///
/// # Contract
///
/// The hash is over the list of parts: two lists that differ anywhere have different hashes. Whoever has the
/// store alone can neither make nor check one. A key that was replaced still checks what it made.
pub trait Sealer: std::fmt::Debug + Send + Sync {
    /// The hash of these parts under the newest key.
    fn seal(&self, parts: &[&[u8]]) -> [u8; 32];

    /// Whether one of the keys made this hash of these parts. Compares in constant time.
    fn is_seal(&self, parts: &[&[u8]], mac: &[u8; 32]) -> bool;
}

/// What a seal is over: where, the seal before it, from where to where, and each event.
pub(super) fn parts(workspace: WorkspaceId, previous: &str, after: u64, last: u64, events: &[Event]) -> Vec<Vec<u8>> {
    let mut parts = vec![
        workspace.to_string().into_bytes(),
        previous.as_bytes().to_vec(),
        after.to_be_bytes().to_vec(),
        last.to_be_bytes().to_vec(),
    ];
    parts.extend(events.iter().map(canonical));
    parts
}

pub(super) fn slices(parts: &[Vec<u8>]) -> Vec<&[u8]> {
    parts.iter().map(Vec::as_slice).collect()
}

/// What a route does to the seals, and what is to be remembered of it once the store has taken it.
#[derive(Debug, Default)]
pub(crate) struct Sealing {
    seal: Option<Seal>,
    /// Why none goes along.
    doubt: Option<&'static str>,
    seen: Seen,
}

impl Sealing {
    /// The seal that goes along with the route, if one does.
    pub(crate) fn take(&mut self) -> Option<Seal> {
        self.seal.take()
    }
}

impl Desk {
    /// The seal on events that are about to be routed; none where the journal is not sealed. It is kept by the
    /// route, so it counts only if nobody else has routed them.
    ///
    /// No seal is made where the store is behind what this process has seen: somebody may have set it back to
    /// alter what follows, and a new seal would bless it. The gap stays, for whoever verifies the journal.
    pub(crate) async fn seal(&self, at: Unrouted, events: &[Event]) -> Result<Sealing, StoreError> {
        let (Some(sealer), Some(last)) = (self.sealer(), events.last()) else { return Ok(Sealing::default()) };
        let list = SealList { newest_first: true, limit: Limit::ONE, ..SealList::default() };
        let newest = self.store().seals(at.workspace, list).await?.into_iter().next();
        let seen = self.seen_seals().get(at.workspace);
        let doubt = self.doubt(at, newest.as_ref(), seen.as_ref()).await?;
        let previous = newest.as_ref().map(|seal| seal.mac.clone()).or(seen.map(|seen| seen.mac)).unwrap_or_default();
        if doubt.is_some() {
            let seen = Seen { routed: last.seq, newest, mac: previous };
            return Ok(Sealing { seal: None, doubt, seen });
        }
        // What was routed is sealed. If not, the gap is not filled but stays.
        if newest.as_ref().is_some_and(|seal| seal.last < at.routed) {
            tracing::error!(workspace = %at.workspace, up_to = at.routed, "the newest seal of the journal is missing");
        }
        let parts = parts(at.workspace, &previous, at.routed, last.seq, events);
        let mac = hexadecimal(&sealer.seal(&slices(&parts)));
        let seal = Seal { after: at.routed, last: last.seq, mac: mac.clone() };
        let seen = Seen { routed: last.seq, newest: Some(seal.clone()), mac };
        Ok(Sealing { seal: Some(seal), doubt: None, seen })
    }

    /// Why the store cannot be as this process left it, or as another one has left it since.
    async fn doubt(
        &self,
        at: Unrouted,
        newest: Option<&Seal>,
        seen: Option<&Seen>,
    ) -> Result<Option<&'static str>, StoreError> {
        if newest.is_some_and(|seal| seal.last > at.routed) {
            return Ok(Some("events that are sealed are said not to be routed"));
        }
        let Some(seen) = seen else { return Ok(None) };
        if at.routed < seen.routed {
            return Ok(Some("events that were routed are said not to be"));
        }
        let Some(known) = &seen.newest else { return Ok(None) };
        if newest == Some(known) {
            return Ok(None);
        }
        // Another node may have gone on; then the seal is still there.
        let list = SealList { from: known.after, newest_first: false, limit: Limit::ONE };
        let there = self.store().seals(at.workspace, list).await?.into_iter().next();
        Ok((there.as_ref() != Some(known)).then_some("a seal that was there is there no more"))
    }

    /// Remembers a route that the store has taken.
    pub(crate) fn sealed(&self, at: Unrouted, sealing: Sealing) {
        if self.sealer().is_none() {
            return;
        }
        if let Some(doubt) = sealing.doubt {
            tracing::error!(
                workspace = %at.workspace, after = at.routed,
                "the journal was set back, and what follows is not sealed: {doubt}"
            );
        }
        self.seen_seals().put(at.workspace, sealing.seen);
    }
}
