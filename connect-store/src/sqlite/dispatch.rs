//! Routing, claiming and settling deliveries.

use connect_core::delivery::{
    Claim, Claimed, Delivery, DeliveryList, DeliveryState, QueueDepth, Reset, Route, Settlement,
};
use connect_core::store::Unrouted;
use connect_core::{DeliveryId, Limit, StoreError, Timestamp, UserId, WorkspaceId};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::read::workspace_id;
use super::{SqliteStore, journal, row_doc};
use crate::sql::{int, one_more, safe, store_error, uint};

pub(super) async fn unrouted(store: &SqliteStore, limit: Limit) -> Result<Vec<Unrouted>, StoreError> {
    let query = sqlx::query(safe(&store.sql.unrouted)).bind(int(limit.get() as u64));
    let rows = store.all(query).await?;
    rows.iter()
        .map(|row| {
            Ok(Unrouted {
                workspace: workspace_id(row, 0)?,
                routed: uint(row.try_get(1).map_err(store_error)?),
                last: uint(row.try_get(2).map_err(store_error)?),
            })
        })
        .collect()
}

fn doc(delivery: &Delivery) -> Result<String, sqlx::Error> {
    serde_json::to_string(delivery).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

fn read(row: &SqliteRow) -> Result<Delivery, sqlx::Error> {
    row_doc(row).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// Deliveries as `put_deliveries` takes them.
pub(super) fn rows(workspace: WorkspaceId, deliveries: &[Delivery]) -> Result<String, StoreError> {
    let rows: Vec<_> = deliveries
        .iter()
        .map(|delivery| (workspace, delivery.id, delivery.unique_key(), delivery.message, delivery))
        .collect();
    serde_json::to_string(&rows).map_err(StoreError::unavailable)
}

pub(super) async fn route(store: &SqliteStore, workspace: WorkspaceId, route: Route) -> Result<bool, StoreError> {
    let sql = store.sql.clone();
    let Route { from, to, deliveries, seal } = route;
    let (rows, seals) = (rows(workspace, &deliveries)?, journal::rows(seal.as_slice())?);
    let (any, sealed) = (!deliveries.is_empty(), seal.is_some());
    store
        .writer
        .write(move |connection| {
            let (sql, rows, seals) = (sql.clone(), rows.clone(), seals.clone());
            Box::pin(async move {
                let moved = sqlx::query(safe(&sql.move_cursor))
                    .bind(workspace.to_string())
                    .bind(int(from))
                    .bind(int(to))
                    .execute(&mut *connection)
                    .await?;
                if moved.rows_affected() == 0 {
                    return Ok(false);
                }
                if any {
                    sqlx::query(safe(&sql.put_deliveries)).bind(rows).execute(&mut *connection).await?;
                }
                if sealed {
                    let query = sqlx::query(safe(&sql.put_seals)).bind(workspace.to_string()).bind(seals);
                    query.execute(&mut *connection).await?;
                }
                Ok(true)
            })
        })
        .await
}

pub(super) async fn claim(store: &SqliteStore, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
    let Claim { channel, now, lease, limit, each, except } = claim;
    let (limit, each) = (int(limit as u64), int(each as u64));
    let except = serde_json::to_string(&except).map_err(StoreError::unavailable)?;
    // Looking first spares an idle desk the write.
    let due = sqlx::query(safe(&store.sql.any_due)).bind(channel.clone()).bind(now.as_micros());
    if store.optional(due).await?.is_none() {
        return Ok(Vec::new());
    }
    let sql = store.sql.clone();
    store
        .writer
        .write(move |connection| {
            let (sql, channel, except) = (sql.clone(), channel.clone(), except.clone());
            Box::pin(async move {
                let query = sqlx::query(safe(&sql.due_deliveries)).bind(channel).bind(now.as_micros());
                let query = query.bind(each).bind(except).bind(limit);
                let mut taken = Vec::new();
                for row in query.fetch_all(&mut *connection).await? {
                    let mut delivery = match read(&row) {
                        Ok(delivery) => delivery,
                        // One row that does not read must not hold up all others.
                        Err(error) => {
                            tracing::error!(%error, "a delivery does not read and is passed over");
                            let (workspace, id): (String, String) = (row.try_get(1)?, row.try_get(2)?);
                            let query = sqlx::query(safe(&sql.pass_delivery_over)).bind(workspace).bind(id);
                            query.bind(now.plus(lease).as_micros()).execute(&mut *connection).await?;
                            continue;
                        }
                    };
                    delivery.attempts += 1;
                    delivery.due_at = now.plus(lease);
                    update(connection, &sql.update_delivery, &delivery).await?;
                    taken.push(Claimed { token: delivery.attempts, delivery });
                }
                Ok(taken)
            })
        })
        .await
}

async fn update(
    connection: &mut SqliteConnection,
    statement: &std::sync::Arc<str>,
    delivery: &Delivery,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(safe(statement)).bind(delivery.workspace.to_string()).bind(delivery.id.to_string());
    query.bind(doc(delivery)?).execute(connection).await.map(|_| ())
}

pub(super) async fn settle(
    store: &SqliteStore,
    workspace: WorkspaceId,
    id: DeliveryId,
    token: u32,
    settlement: Settlement,
) -> Result<bool, StoreError> {
    let sql = store.sql.clone();
    store
        .writer
        .write(move |connection| {
            let (sql, settlement) = (sql.clone(), settlement.clone());
            Box::pin(async move {
                let query = sqlx::query(safe(&sql.delivery)).bind(workspace.to_string()).bind(id.to_string());
                let Some(row) = query.fetch_optional(&mut *connection).await? else { return Ok(false) };
                let delivery = read(&row)?;
                if delivery.state != DeliveryState::Queued || delivery.attempts != token {
                    return Ok(false);
                }
                update(connection, &sql.update_delivery, &settlement.apply(delivery)).await?;
                Ok(true)
            })
        })
        .await
}

pub(super) async fn reset(
    store: &SqliteStore,
    workspace: WorkspaceId,
    ids: Vec<DeliveryId>,
    reset: Reset,
) -> Result<u64, StoreError> {
    let sql = store.sql.clone();
    store
        .writer
        .write(move |connection| {
            let (sql, ids, reset) = (sql.clone(), ids.clone(), reset.clone());
            Box::pin(async move {
                let mut changed = 0;
                for id in ids {
                    let query = sqlx::query(safe(&sql.delivery)).bind(workspace.to_string()).bind(id.to_string());
                    let Some(row) = query.fetch_optional(&mut *connection).await? else { continue };
                    if let Some(delivery) = reset.apply(&read(&row)?) {
                        update(connection, &sql.update_delivery, &delivery).await?;
                        changed += 1;
                    }
                }
                Ok(changed)
            })
        })
        .await
}

pub(super) async fn mark_read(
    store: &SqliteStore,
    workspace: WorkspaceId,
    user: UserId,
    channel: &'static str,
    ids: Option<Vec<DeliveryId>>,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let sql = store.sql.clone();
    let ids = ids.map(|ids| serde_json::to_string(&ids)).transpose().map_err(StoreError::unavailable)?;
    store
        .writer
        .write(move |connection| {
            let (sql, ids) = (sql.clone(), ids.clone());
            Box::pin(async move {
                let query = sqlx::query(safe(&sql.mark_read)).bind(workspace.to_string()).bind(user.to_string());
                let query = query.bind(channel).bind(at.as_micros()).bind(ids);
                Ok(query.execute(connection).await?.rows_affected())
            })
        })
        .await
}

pub(super) async fn queue(store: &SqliteStore) -> Result<Vec<QueueDepth>, StoreError> {
    store.all(sqlx::query(safe(&store.sql.queue))).await?.iter().map(depth).collect()
}

fn depth(row: &SqliteRow) -> Result<QueueDepth, StoreError> {
    let number = |place| row.try_get(place).map_err(store_error).map(uint);
    let oldest: Option<i64> = row.try_get(3).map_err(store_error)?;
    Ok(QueueDepth {
        channel: row.try_get(0).map_err(store_error)?,
        queued: number(1)?,
        failed: number(2)?,
        oldest_due: oldest.map(Timestamp::from_micros),
    })
}

pub(super) async fn list(
    store: &SqliteStore,
    workspace: WorkspaceId,
    list: DeliveryList,
) -> Result<Vec<Delivery>, StoreError> {
    let DeliveryList { messages, state, channel, recipient, unread, before, limit } = list;
    let messages = messages.map(|ids| serde_json::to_string(&ids)).transpose().map_err(StoreError::unavailable)?;
    let statement = match (recipient, &messages) {
        (Some(_), _) => &store.sql.deliveries_of_recipient,
        (None, Some(_)) => &store.sql.deliveries_of_messages,
        (None, None) => &store.sql.deliveries,
    };
    let mut query = sqlx::query(safe(statement))
        .bind(workspace.to_string())
        .bind(state.map(DeliveryState::as_str))
        .bind(one_more(limit))
        .bind(channel)
        .bind(unread)
        .bind(before.map(|before| before.to_string()));
    if let Some(recipient) = recipient {
        query = query.bind(recipient.to_string()).bind(messages);
    } else if let Some(messages) = messages {
        query = query.bind(messages);
    }
    let rows = store.all(query).await?;
    rows.iter().map(row_doc).collect()
}
