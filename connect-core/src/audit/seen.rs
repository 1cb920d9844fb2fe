//! What this process has seen of the seals: what the store must not be behind.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::WorkspaceId;
use crate::store::Seal;

/// Most workspaces that are remembered. Of one that is forgotten the next route begins anew.
const CAPACITY: usize = 10_000;

/// Where a journal stood when this process routed it last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The last event that was routed.
    pub(super) routed: u64,
    /// The newest seal of the store.
    pub(super) newest: Option<Seal>,
    /// The newest seal that there ever was. The next one is over it, also when the store has none any more: what
    /// began anew would look as if nothing had been sealed before.
    pub(super) mac: String,
}

/// What was seen, by workspace.
#[derive(Debug, Default)]
pub(crate) struct SeenSeals(Mutex<HashMap<WorkspaceId, Seen>>);

impl SeenSeals {
    pub(super) fn get(&self, workspace: WorkspaceId) -> Option<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&workspace).cloned()
    }

    pub(super) fn put(&self, workspace: WorkspaceId, seen: Seen) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CAPACITY
            && !known.contains_key(&workspace)
            && let Some(other) = known.keys().next().copied()
        {
            known.remove(&other);
        }
        known.insert(workspace, seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_has_a_bound() {
        let seen = SeenSeals::default();
        for bits in 0..u128::try_from(CAPACITY).expect("fits") + 5 {
            seen.put(WorkspaceId::from_bits(bits), Seen { routed: 7, ..Seen::default() });
            assert_eq!(seen.get(WorkspaceId::from_bits(bits)).map(|seen| seen.routed), Some(7), "the newest is there");
        }
        assert_eq!(seen.0.lock().expect("not poisoned").len(), CAPACITY);
    }
}
