//! The journal: its events, the seals on it, and the end of origins.

use connect_core::event::{Event, Fact};
use connect_core::store::{EventList, OriginList, Seal, SealList};
use connect_core::{Actor, StoreError, WorkspaceId};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::read::texts;
use super::{PostgresStore, row_doc};
use crate::sql::{int, one_more, read_doc, safe, store_error, uint};

/// An event in two columns: its document, and the client it came from.
pub(super) fn event(row: &PgRow) -> Result<Event, StoreError> {
    let event: Event = row_doc(row)?;
    let origin: Option<&str> = row.try_get(1).map_err(store_error)?;
    Ok(Event { origin: origin.map(read_doc).transpose()?, ..event })
}

pub(super) async fn events(
    store: &PostgresStore,
    workspace: WorkspaceId,
    list: EventList,
) -> Result<Vec<Event>, StoreError> {
    let EventList { ticket, public, after, limit } = list;
    let sql = &store.inner.sql;
    let statement = if ticket.is_some() { &sql.events_of_ticket } else { &sql.events };
    let mut query = sqlx::query(safe(statement))
        .bind(workspace.to_string())
        .bind(int(after))
        .bind(one_more(limit))
        .bind(public)
        .bind(texts(&Fact::PUBLIC_TYPES));
    if let Some(ticket) = ticket {
        query = query.bind(ticket.to_string());
    }
    let rows = store.all(query).await?;
    rows.iter().map(event).collect()
}

/// A seal in three columns: where it begins, where it ends, its hash.
pub(super) fn seal(row: &PgRow) -> Result<Seal, StoreError> {
    let read = || Ok(Seal { after: uint(row.try_get(0)?), last: uint(row.try_get(1)?), mac: row.try_get(2)? });
    read().map_err(store_error)
}

/// Seals as `put_seals` and `route` take them: where they begin, where they end, their hashes.
pub(super) fn columns(seals: &[Seal]) -> (Vec<i64>, Vec<i64>, Vec<String>) {
    let after = seals.iter().map(|seal| int(seal.after)).collect();
    let last = seals.iter().map(|seal| int(seal.last)).collect();
    (after, last, seals.iter().map(|seal| seal.mac.clone()).collect())
}

pub(super) async fn seals(
    store: &PostgresStore,
    workspace: WorkspaceId,
    list: SealList,
) -> Result<Vec<Seal>, StoreError> {
    let SealList { from, newest_first, limit } = list;
    let sql = &store.inner.sql;
    let statement = if newest_first { &sql.newest_seals } else { &sql.seals };
    let query = sqlx::query(safe(statement)).bind(workspace.to_string()).bind(int(from)).bind(one_more(limit));
    let rows = store.all(query).await?;
    rows.iter().map(seal).collect()
}

pub(super) async fn forget_origins(
    store: &PostgresStore,
    workspace: WorkspaceId,
    list: OriginList,
) -> Result<u64, StoreError> {
    let OriginList { through, actor, limit } = list;
    let (sql, actor) = (store.inner.sql.clone(), actor.as_ref().map(Actor::to_string));
    let done = store
        .write_one(move |connection| {
            let (sql, actor) = (sql.clone(), actor.clone());
            Box::pin(async move {
                let query = sqlx::query(safe(&sql.forget_origins)).bind(workspace.to_string()).bind(int(through));
                query.bind(actor).bind(int(limit.get() as u64)).execute(connection).await
            })
        })
        .await?;
    Ok(done.rows_affected())
}
