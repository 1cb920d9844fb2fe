//! PostgreSQL: a store that several nodes share.
//!
//! A change set costs two round trips: one statement reads what waiting change sets depend on, one writes
//! them as a group ([`commit`](self)). Between the two nothing is locked; the head row of a workspace is
//! locked only within the second, which is a transaction of its own. So no transaction is ever open
//! between two messages to the server, and none can be left open.
//!
//! All writing runs on tasks of the store's own. A caller that goes away disturbs nothing, and a connection
//! that is lost in the middle leaves no doubt: the writer looks whether its events are there before it
//! writes again.

mod auth;
mod clock;
mod commit;
mod dispatch;
mod feed;
mod journal;
mod limiter;
mod lookup;
mod open;
mod read;
mod rows;
mod sql;
mod tickets;
mod transfer;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use connect_core::ticket::TicketList;
use connect_core::{ChangeSet, CommitError, Committed, StoreError, WorkspaceId};
use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgPool, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{Connection, Row};

use crate::readers::{Reader, Readers};
use crate::sql::{read_doc, store_error};

pub use clock::DatabaseClock;
pub use feed::PostgresFeed;
pub use open::{PostgresError, PostgresSettings, script};

use lookup::Lookups;
use sql::Sql;
use writer::Writers;

/// A store in a PostgreSQL database. Cheap to clone; clones are one store.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sql: Sql,
    /// For reads; the host's, where the host has one.
    reads: Arc<Readers<Postgres>>,
    /// For writes that are not change sets; used only on tasks that nobody cancels.
    writes: PgPool,
    writers: Writers,
    lookups: Lookups,
    timeout: Duration,
    clock: Arc<DatabaseClock>,
}

impl PostgresStore {
    /// Writes a change set within a transaction of the caller's, on a connection to the same database.
    ///
    /// Nothing is visible until the caller commits; after a rollback nothing has happened. Until then the
    /// workspace's head row is locked: other commits to the workspace wait, so commit soon. After
    /// [`CommitError::Store`] the transaction is of no more use and the caller rolls back; after the other
    /// errors it may go on.
    ///
    /// Nobody is woken: where the change should be seen at once, publish a hint to the desk's feed after the
    /// commit; else it is seen when the nodes poll.
    pub async fn commit_in(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        changes: ChangeSet,
    ) -> Result<Committed, CommitError> {
        let group = vec![(workspace, changes.into_parts())];
        let sql = &self.inner.sql;
        let mut outcomes = commit::commit_locked(connection, sql, group)
            .await
            .map_err(|error| CommitError::Store(store_error(error)))?;
        outcomes.pop().unwrap_or(Err(CommitError::Unknown))
    }

    /// How the server would find a page of tickets: its plan, as text.
    #[doc(hidden)]
    pub async fn explain(&self, workspace: WorkspaceId, list: TicketList) -> Result<String, StoreError> {
        tickets::explain(self, workspace, &list).await
    }

    /// The clock of the database, for all nodes that share it.
    pub fn clock(&self) -> Arc<DatabaseClock> {
        self.inner.clock.clone()
    }

    /// Finishes what waits to be written and closes all connections but those of a host's pool.
    pub async fn close(&self) {
        self.inner.writers.close().await;
        self.inner.clock.stop();
        self.inner.writes.close().await;
        self.inner.reads.close().await;
    }

    /// All rows of a read, given up when the server does not answer in time.
    async fn all(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, StoreError> {
        let mut reader = reading(&self.inner.reads, self.inner.timeout).await?;
        let rows = tokio::time::timeout(self.inner.timeout, query.fetch_all(reader.connection())).await;
        was_read(rows, reader)
    }

    /// The row of a read, if there is one.
    async fn optional(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Option<PgRow>, StoreError> {
        let mut reader = reading(&self.inner.reads, self.inner.timeout).await?;
        let row = tokio::time::timeout(self.inner.timeout, query.fetch_optional(reader.connection())).await;
        was_read(row, reader)
    }

    /// The row of a read.
    async fn one(&self, query: Query<'_, Postgres, PgArguments>) -> Result<PgRow, StoreError> {
        let mut reader = reading(&self.inner.reads, self.inner.timeout).await?;
        let row = tokio::time::timeout(self.inner.timeout, query.fetch_one(reader.connection())).await;
        was_read(row, reader)
    }

    /// A write of several statements in a transaction of its own, on a task that nobody cancels. What was
    /// decided against by a deadlock or a serialization failure is tried again.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + Sync + 'static,
    {
        let work = Arc::new(work);
        self.on_a_task(move |connection| {
            let work = work.clone();
            Box::pin(async move {
                let mut transaction = connection.begin().await?;
                let answer = work(&mut transaction).await?;
                transaction.commit().await?;
                Ok(answer)
            })
        })
        .await
    }

    /// A write of one statement, likewise.
    async fn write_one<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + Sync + 'static,
    {
        self.on_a_task(work).await
    }

    async fn on_a_task<T, F>(&self, attempt: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + Sync + 'static,
    {
        let (pool, patience) = (self.inner.writes.clone(), self.inner.timeout);
        let task = tokio::spawn(async move {
            let mut tries = 0;
            loop {
                tries += 1;
                let mut connection = pool.acquire().await.map_err(store_error)?;
                let answer = tokio::time::timeout(patience, attempt(&mut connection)).await;
                match answer {
                    Ok(Err(error)) if tries < TRIES && is_serialization_failure(&error) => {
                        drop(connection);
                        tokio::time::sleep(Duration::from_millis(5 * tries)).await;
                    }
                    answer => return answered(answer, connection),
                }
            }
        });
        match task.await {
            Ok(answer) => answer,
            Err(_) => Err(StoreError::unavailable("the write did not end well")),
        }
    }
}

/// A connection to read over, if one is free in time.
async fn reading(readers: &Readers<Postgres>, timeout: Duration) -> Result<Reader<'_, Postgres>, StoreError> {
    tokio::time::timeout(timeout, readers.take()).await.map_err(|_| no_answer())?.map_err(store_error)
}

/// What came of a read. A connection whose answer did not come in time is closed.
fn was_read<T>(
    answer: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    reader: Reader<'_, Postgres>,
) -> Result<T, StoreError> {
    match answer {
        Ok(answer) => reader.done(answer).map_err(store_error),
        Err(_) => {
            reader.abandon();
            Err(no_answer())
        }
    }
}

/// What came of a query. A connection whose answer did not come in time is of no more use: it is closed, and
/// not given back to the pool, which would wait for it.
fn answered<T>(
    answer: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    connection: PoolConnection<Postgres>,
) -> Result<T, StoreError> {
    match answer {
        Ok(answer) => answer.map_err(store_error),
        Err(_) => {
            drop(connection.detach());
            Err(no_answer())
        }
    }
}

/// How often a write is tried that lost against others.
const TRIES: u64 = 10;

fn no_answer() -> StoreError {
    StoreError::unavailable("the database did not answer in time")
}

/// Whether the server decided against this transaction because of others (40001, 40P01): it may be tried
/// again as it is.
fn is_serialization_failure(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some("40001" | "40P01"))
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(String::from)
}

/// The first column of a row as the document of a noun.
fn row_doc<T: serde::de::DeserializeOwned>(row: &PgRow) -> Result<T, StoreError> {
    read_doc(row.try_get(0).map_err(store_error)?)
}
