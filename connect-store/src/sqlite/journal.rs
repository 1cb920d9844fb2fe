//! The journal: its events, the seals on it, and the end of origins.

use connect_core::event::Event;
use connect_core::store::{EventList, OriginList, Seal, SealList};
use connect_core::{Actor, StoreError, WorkspaceId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{SqliteStore, row_doc};
use crate::sql::{int, one_more, read_doc, safe, store_error, uint};

/// An event in two columns: its document, and the client it came from.
pub(super) fn event(row: &SqliteRow) -> Result<Event, StoreError> {
    let event: Event = row_doc(row)?;
    let origin: Option<&str> = row.try_get(1).map_err(store_error)?;
    Ok(Event { origin: origin.map(read_doc).transpose()?, ..event })
}

pub(super) async fn events(
    store: &SqliteStore,
    workspace: WorkspaceId,
    list: EventList,
) -> Result<Vec<Event>, StoreError> {
    let EventList { ticket, public, after, limit } = list;
    let statement = if ticket.is_some() { &store.sql.events_of_ticket } else { &store.sql.events };
    let mut query =
        sqlx::query(safe(statement)).bind(workspace.to_string()).bind(int(after)).bind(one_more(limit)).bind(public);
    if let Some(ticket) = ticket {
        query = query.bind(ticket.to_string());
    }
    let rows = store.all(query).await?;
    rows.iter().map(event).collect()
}

/// A seal in three columns: where it begins, where it ends, its hash.
pub(super) fn seal(row: &SqliteRow) -> Result<Seal, StoreError> {
    let read = || Ok(Seal { after: uint(row.try_get(0)?), last: uint(row.try_get(1)?), mac: row.try_get(2)? });
    read().map_err(store_error)
}

/// Seals as `put_seals` takes them.
pub(super) fn rows(seals: &[Seal]) -> Result<String, StoreError> {
    let rows: Vec<_> = seals.iter().map(|seal| (int(seal.after), int(seal.last), &seal.mac)).collect();
    serde_json::to_string(&rows).map_err(StoreError::unavailable)
}

pub(super) async fn seals(
    store: &SqliteStore,
    workspace: WorkspaceId,
    list: SealList,
) -> Result<Vec<Seal>, StoreError> {
    let SealList { from, newest_first, limit } = list;
    let statement = if newest_first { &store.sql.newest_seals } else { &store.sql.seals };
    let query = sqlx::query(safe(statement)).bind(workspace.to_string()).bind(int(from)).bind(one_more(limit));
    let rows = store.all(query).await?;
    rows.iter().map(seal).collect()
}

pub(super) async fn forget_origins(
    store: &SqliteStore,
    workspace: WorkspaceId,
    list: OriginList,
) -> Result<u64, StoreError> {
    let OriginList { through, actor, limit } = list;
    let (statement, actor) = (store.sql.forget_origins.clone(), actor.as_ref().map(Actor::to_string));
    store
        .writer
        .write(move |connection| {
            let (statement, actor) = (statement.clone(), actor.clone());
            Box::pin(async move {
                let query = sqlx::query(safe(&statement)).bind(workspace.to_string()).bind(int(through));
                let done = query.bind(actor).bind(int(limit.get() as u64)).execute(connection).await?;
                Ok(done.rows_affected())
            })
        })
        .await
}
