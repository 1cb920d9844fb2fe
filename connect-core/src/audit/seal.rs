//! Sealing what is routed.

use super::canonical::canonical;
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

impl Desk {
    /// The seal on events that are about to be routed; none where the journal is not sealed. It is kept by the
    /// route, so it counts only if nobody else has routed them.
    pub(crate) async fn seal(&self, at: Unrouted, events: &[Event]) -> Result<Option<Seal>, StoreError> {
        let (Some(sealer), Some(last)) = (self.sealer(), events.last()) else { return Ok(None) };
        let list = SealList { newest_first: true, limit: Limit::ONE, ..SealList::default() };
        let newest = self.store().seals(at.workspace, list).await?.into_iter().next();
        // What was routed is sealed. If not, the gap is not filled but stays, for whoever verifies the journal.
        if newest.as_ref().is_some_and(|seal| seal.last < at.routed) {
            tracing::error!(workspace = %at.workspace, up_to = at.routed, "the newest seal of the journal is missing");
        }
        let previous = newest.map(|seal| seal.mac).unwrap_or_default();
        let parts = parts(at.workspace, &previous, at.routed, last.seq, events);
        let mac = hexadecimal(&sealer.seal(&slices(&parts)));
        Ok(Some(Seal { after: at.routed, last: last.seq, mac }))
    }
}
