//! Routing, claiming and settling deliveries, one statement each.

use connect_core::delivery::{
    Claim, Claimed, Delivery, DeliveryList, DeliveryState, QueueDepth, Requeued, Reset, Route, Settlement,
};
use connect_core::store::Unrouted;
use connect_core::{DeliveryId, Limit, StoreError, Timestamp, UserId, WorkspaceId};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::read::workspace_id;
use super::{PostgresStore, journal, row_doc, rows};
use crate::sql::{int, one_more, safe, store_error, uint};

pub(super) async fn unrouted(store: &PostgresStore, limit: Limit) -> Result<Vec<Unrouted>, StoreError> {
    let query = sqlx::query(safe(&store.inner.sql.unrouted)).bind(int(limit.get() as u64));
    let found = store.all(query).await?;
    found
        .iter()
        .map(|row| {
            Ok(Unrouted {
                workspace: workspace_id(row, 0)?,
                routed: uint(row.try_get(1).map_err(store_error)?),
                last: uint(row.try_get(2).map_err(store_error)?),
            })
        })
        .collect()
}

/// A delivery: its document, and what has changed since it was planned.
pub(super) fn delivery(row: &PgRow) -> Result<Delivery, StoreError> {
    let mut delivery: Delivery = row_doc(row)?;
    let state: &str = row.try_get(1).map_err(store_error)?;
    delivery.state = serde_json::from_value(state.into()).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    delivery.attempts = u32::try_from(row.try_get::<i64, _>(2).map_err(store_error)?).unwrap_or(u32::MAX);
    delivery.due_at = Timestamp::from_micros(row.try_get(3).map_err(store_error)?);
    delivery.detail = row.try_get(4).map_err(store_error)?;
    delivery.settled_at = row.try_get::<Option<i64>, _>(5).map_err(store_error)?.map(Timestamp::from_micros);
    delivery.answered = u32::try_from(row.try_get::<i64, _>(6).map_err(store_error)?).unwrap_or(u32::MAX);
    delivery.read_at = row.try_get::<Option<i64>, _>(7).map_err(store_error)?.map(Timestamp::from_micros);
    let (at, attempts): (Option<i64>, Option<i64>) =
        (row.try_get(8).map_err(store_error)?, row.try_get(9).map_err(store_error)?);
    delivery.requeued = at.zip(attempts).map(|(at, attempts)| Requeued {
        at: Timestamp::from_micros(at),
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
    });
    Ok(delivery)
}

pub(super) async fn route(store: &PostgresStore, workspace: WorkspaceId, route: Route) -> Result<bool, StoreError> {
    let Route { from, to, deliveries, seal } = route;
    let list = rows::deliveries(&deliveries).map_err(store_error)?;
    let sql = store.inner.sql.clone();
    let moved: i64 = store
        .write_one(move |connection| {
            let (sql, list, (after, last, mac)) = (sql.clone(), list.clone(), journal::columns(seal.as_slice()));
            Box::pin(async move {
                sqlx::query_scalar(safe(&sql.route))
                    .bind(workspace.to_string())
                    .bind(int(from))
                    .bind(int(to))
                    .bind(list)
                    .bind(after)
                    .bind(last)
                    .bind(mac)
                    .fetch_one(connection)
                    .await
            })
        })
        .await?;
    Ok(moved > 0)
}

pub(super) async fn claim(store: &PostgresStore, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
    let Claim { channel, now, lease, limit, each, except } = claim;
    let except: Vec<String> = except.iter().map(ToString::to_string).collect();
    // Looking first spares an idle desk the write.
    let due = sqlx::query(safe(&store.inner.sql.any_due)).bind(now.as_micros()).bind(channel.clone());
    if !store.one(due).await?.try_get::<bool, _>(0).map_err(store_error)? {
        return Ok(Vec::new());
    }
    let sql = store.inner.sql.clone();
    let taken = store
        .write_one(move |connection| {
            let (sql, channel, except) = (sql.clone(), channel.clone(), except.clone());
            Box::pin(async move {
                sqlx::query(safe(&sql.claim))
                    .bind(now.as_micros())
                    .bind(now.plus(lease).as_micros())
                    .bind(int(limit as u64))
                    .bind(channel)
                    .bind(int(each as u64))
                    .bind(except)
                    .fetch_all(connection)
                    .await
            })
        })
        .await?;
    let read = taken.iter().filter_map(|row| match delivery(row) {
        Ok(delivery) => Some(Claimed { token: delivery.attempts, delivery }),
        // One row that does not read must not hold up all others.
        Err(error) => {
            tracing::error!(%error, "a delivery does not read and is passed over");
            None
        }
    });
    let mut claimed: Vec<Claimed> = read.collect();
    claimed.sort_by_key(|claimed| claimed.delivery.id);
    Ok(claimed)
}

pub(super) async fn settle(
    store: &PostgresStore,
    workspace: WorkspaceId,
    id: DeliveryId,
    token: u32,
    settlement: Settlement,
) -> Result<bool, StoreError> {
    let (state, due_at, detail, settled_at) = match settlement {
        Settlement::Sent { at } => (DeliveryState::Sent, None, None, Some(at)),
        Settlement::Retry { at, error } => (DeliveryState::Queued, Some(at), Some(error), None),
        Settlement::Failed { at, error } => (DeliveryState::Failed, None, Some(error), Some(at)),
        Settlement::Dropped { at, reason } => (DeliveryState::Dropped, None, Some(reason), Some(at)),
    };
    let sql = store.inner.sql.clone();
    let settled = store
        .write_one(move |connection| {
            let (sql, detail) = (sql.clone(), detail.clone());
            Box::pin(async move {
                sqlx::query(safe(&sql.settle))
                    .bind(workspace.to_string())
                    .bind(id.to_string())
                    .bind(i64::from(token))
                    .bind(state.as_str())
                    .bind(due_at.map(Timestamp::as_micros))
                    .bind(detail)
                    .bind(settled_at.map(Timestamp::as_micros))
                    .execute(connection)
                    .await
            })
        })
        .await?;
    Ok(settled.rows_affected() > 0)
}

/// What the other side has said became of deliveries.
async fn report(
    store: &PostgresStore,
    workspace: WorkspaceId,
    ids: Vec<String>,
    state: DeliveryState,
    detail: String,
) -> Result<u64, StoreError> {
    let from: Vec<&'static str> = state.reported_from().iter().map(|from| from.as_str()).collect();
    let sql = store.inner.sql.clone();
    let changed = store.write_one(move |connection| {
        let (sql, ids, detail, from) = (sql.clone(), ids.clone(), detail.clone(), from.clone());
        Box::pin(async move {
            let query = sqlx::query(safe(&sql.report)).bind(workspace.to_string()).bind(ids).bind(state.as_str());
            query.bind(detail).bind(from).execute(connection).await
        })
    });
    Ok(changed.await?.rows_affected())
}

pub(super) async fn reset(
    store: &PostgresStore,
    workspace: WorkspaceId,
    ids: Vec<DeliveryId>,
    reset: Reset,
) -> Result<u64, StoreError> {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let (state, due_at, settled_at, detail, from) = match reset {
        Reset::Drop { at, reason } => {
            (DeliveryState::Dropped, None, Some(at), Some(reason), [DeliveryState::Queued, DeliveryState::Failed])
        }
        Reset::Requeue { at } => {
            (DeliveryState::Queued, Some(at), None, None, [DeliveryState::Failed, DeliveryState::Dropped])
        }
        Reset::Report { state, detail } => return report(store, workspace, ids, state, detail).await,
    };
    let sql = store.inner.sql.clone();
    let changed = store
        .write_one(move |connection| {
            let (sql, ids, detail) = (sql.clone(), ids.clone(), detail.clone());
            Box::pin(async move {
                sqlx::query(safe(&sql.reset))
                    .bind(workspace.to_string())
                    .bind(ids)
                    .bind(state.as_str())
                    .bind(due_at.map(Timestamp::as_micros))
                    .bind(settled_at.map(Timestamp::as_micros))
                    .bind(detail)
                    .bind(from.map(DeliveryState::as_str).to_vec())
                    .execute(connection)
                    .await
            })
        })
        .await?;
    Ok(changed.rows_affected())
}

pub(super) async fn mark_read(
    store: &PostgresStore,
    workspace: WorkspaceId,
    user: UserId,
    channel: &'static str,
    ids: Option<Vec<DeliveryId>>,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let ids = ids.map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    let sql = store.inner.sql.clone();
    let read = store
        .write_one(move |connection| {
            let (sql, ids) = (sql.clone(), ids.clone());
            Box::pin(async move {
                let query = sqlx::query(safe(&sql.mark_read)).bind(workspace.to_string()).bind(user.to_string());
                query.bind(channel).bind(at.as_micros()).bind(ids).execute(connection).await
            })
        })
        .await?;
    Ok(read.rows_affected())
}

pub(super) async fn queue(store: &PostgresStore) -> Result<Vec<QueueDepth>, StoreError> {
    store.all(sqlx::query(safe(&store.inner.sql.queue))).await?.iter().map(depth).collect()
}

fn depth(row: &PgRow) -> Result<QueueDepth, StoreError> {
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
    store: &PostgresStore,
    workspace: WorkspaceId,
    list: DeliveryList,
) -> Result<Vec<Delivery>, StoreError> {
    let DeliveryList { messages, state, channel, recipient, unread, before, limit } = list;
    let messages = messages.map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    let sql = &store.inner.sql;
    let statement = match (recipient, &messages) {
        (Some(_), _) => &sql.deliveries_of_recipient,
        (None, Some(_)) => &sql.deliveries_of_messages,
        (None, None) => &sql.deliveries,
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
    store.all(query).await?.iter().map(delivery).collect()
}
