//! Quotas in the database: exact for all nodes that share it.

use async_trait::async_trait;
use connect_core::store::{Quota, Verdict};
use connect_core::{RateLimiter, StoreError, Timestamp};
use sqlx::Row;

use super::PostgresStore;
use crate::sql::{safe, store_error};

#[async_trait]
impl RateLimiter for PostgresStore {
    async fn take(&self, key: String, quota: Quota, now: Timestamp) -> Result<Verdict, StoreError> {
        let sql = self.inner.sql.clone();
        let row = self
            .write_one(move |connection| {
                let (sql, key) = (sql.clone(), key.clone());
                Box::pin(async move {
                    sqlx::query(safe(&sql.take_quota))
                        .bind(key)
                        .bind(i64::from(quota.limit))
                        .bind(now.as_micros())
                        .bind(now.plus(quota.window).as_micros())
                        .fetch_one(connection)
                        .await
                })
            })
            .await?;
        let read = || -> Result<Verdict, sqlx::Error> {
            let count = u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or(u32::MAX);
            Ok(Verdict {
                allowed: row.try_get(1)?,
                remaining: quota.limit.saturating_sub(count),
                reset: Timestamp::from_micros(row.try_get(2)?).since(now),
            })
        };
        read().map_err(store_error)
    }

    async fn give_back(&self, key: String, now: Timestamp) -> Result<(), StoreError> {
        let sql = self.inner.sql.clone();
        self.write_one(move |connection| {
            let (sql, key) = (sql.clone(), key.clone());
            Box::pin(async move {
                let query = sqlx::query(safe(&sql.give_back_quota)).bind(key).bind(now.as_micros());
                query.execute(connection).await.map(|_| ())
            })
        })
        .await
    }
}
