//! Rows with their indexes. What a change set comes down to is said by `connect_store::group`; here is what it
//! asks about the present state, and what is written in the end. On an error the transaction is given up.

use connect_core::WorkspaceId;
use connect_core::delivery::{Delivery, DeliveryState};
use connect_core::store::{Counters, MovedRow, Part};
use connect_store::group::{Documents, KeyRef, Lookup, other_name};
use redb::WriteTransaction;

use crate::Result;
use crate::table::{DUE, HEADS, INDEX, KEYS, ROWS, document, due, row, unique};

/// The present state, within the transaction that writes the next one.
pub(crate) struct Present<'a>(pub(crate) &'a WriteTransaction);

impl Lookup for Present<'_> {
    fn counters(&self, workspace: WorkspaceId) -> Result<Option<Counters>> {
        Ok(HEADS.get(self.0, workspace)?.map(|(_, counters)| counters))
    }

    fn row(&self, workspace: WorkspaceId, part: Part, place: &str) -> Result<Option<MovedRow>> {
        ROWS.get(self.0, row(workspace, part, place))
    }

    fn holder(&self, key: &KeyRef) -> Result<Option<(WorkspaceId, String)>> {
        KEYS.get(self.0, unique(&key.kind, &key.key, &key.scope))
    }
}

/// Writes documents. They are taken apart without `..`, so that a part added later breaks the build here.
pub(crate) fn write(to: &WriteTransaction, documents: Documents) -> Result<()> {
    let Documents { released, removed, keys, rows, counters } = documents;
    released.iter().try_for_each(|key| KEYS.remove(to, unique(&key.kind, &key.key, &key.scope)).map(drop))?;
    removed.iter().try_for_each(|(workspace, id)| ROWS.remove(to, row(*workspace, Part::Records, id)).map(drop))?;
    keys.iter().try_for_each(|(key, holder)| KEYS.put(to, unique(&key.kind, &key.key, &key.scope), holder))?;
    for (workspace, new) in rows {
        match other_name(&new).map(|name| row(workspace, new.part(), name)) {
            // There is such a delivery already: it is left as it is.
            Some(name) if new.part() == Part::Deliveries && INDEX.get(to, &name)?.is_some() => continue,
            Some(name) => INDEX.put(to, name, &row(workspace, new.part(), new.place()))?,
            None => {}
        }
        put(to, workspace, new)?;
    }
    counters.into_iter().try_for_each(|(workspace, counters)| HEADS.put(to, workspace, &(workspace, counters)))
}

/// Keeps a row in place of what it was before. A delivery that is queued stands among what is due.
pub(crate) fn put(to: &WriteTransaction, workspace: WorkspaceId, new: MovedRow) -> Result<()> {
    let at = row(workspace, new.part(), new.place());
    if let MovedRow::Delivery(new) = &new {
        document::<Delivery>(to, &at)?.map_or(Ok(None), |old| DUE.remove(to, due(old.due_at, &at)))?;
        if new.state == DeliveryState::Queued {
            DUE.put(to, due(new.due_at, &at), &(new.due_at, at.clone()))?;
        }
    }
    ROWS.put(to, at, &new)
}
