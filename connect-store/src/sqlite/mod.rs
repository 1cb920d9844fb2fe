//! One SQLite file: no second service, and an acknowledged change survives the loss of power.
//!
//! All writing goes through one task that owns the one writing connection ([`writer`](self)). Whatever
//! waits while a commit reaches the disk is written together in the next transaction, so the cost of a
//! synced write is shared. Reads use a pool of their own and never wait for a writer (WAL).

mod auth;
mod commit;
mod dispatch;
mod journal;
mod open;
mod read;
mod sql;
mod tickets;
mod transfer;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use connect_core::{ChangeSet, CommitError, Committed, StoreError, WorkspaceId};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use crate::readers::{Reader, Readers};
use crate::sql::{read_doc, store_error};

pub use open::{SqliteError, SqliteSettings, script};

use sql::Sql;
use writer::Writer;

/// How long a read waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// A store in one SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    sql: Sql,
    reads: Arc<Readers<Sqlite>>,
    writer: Writer,
}

impl SqliteStore {
    /// Writes a change set within a transaction of the caller's, on a connection to the same file.
    ///
    /// Nothing is visible until the caller commits. The transaction should have begun with
    /// `BEGIN IMMEDIATE`: one that has read before it writes is refused by SQLite when somebody else
    /// wrote meanwhile. After an error the caller rolls back.
    pub async fn commit_in(
        &self,
        connection: &mut SqliteConnection,
        workspace: WorkspaceId,
        changes: ChangeSet,
    ) -> Result<Committed, CommitError> {
        let mut outcomes = commit::commit_group(connection, &self.sql, vec![(workspace, changes.into_parts())])
            .await
            .map_err(|error| CommitError::Store(store_error(error)))?;
        outcomes.pop().unwrap_or(Err(CommitError::Unknown))
    }

    /// Lets the file have at most so many pages of 4 KiB; writes beyond answer that the disk is full. A way
    /// to keep a desk from filling a disk it shares.
    pub async fn limit_pages(&self, pages: i64) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let pragma = AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
                    sqlx::query(pragma).execute(connection).await.map(|_| ())
                })
            })
            .await
    }

    /// Finishes what waits to be written and closes the file.
    pub async fn close(&self) {
        self.writer.close().await;
        self.reads.close().await;
    }

    async fn reading(&self) -> Result<Reader<'_, Sqlite>, StoreError> {
        let taken = tokio::time::timeout(PATIENCE, self.reads.take()).await;
        taken.map_err(|_| StoreError::unavailable("too many read at once"))?.map_err(store_error)
    }

    /// All rows of a read.
    async fn all(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<Vec<SqliteRow>, StoreError> {
        let mut reader = self.reading().await?;
        let rows = query.fetch_all(reader.connection()).await;
        reader.done(rows).map_err(store_error)
    }

    /// The row of a read, if there is one.
    async fn optional(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<Option<SqliteRow>, StoreError> {
        let mut reader = self.reading().await?;
        let row = query.fetch_optional(reader.connection()).await;
        reader.done(row).map_err(store_error)
    }

    /// The row of a read.
    async fn one(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<SqliteRow, StoreError> {
        let mut reader = self.reading().await?;
        let row = query.fetch_one(reader.connection()).await;
        reader.done(row).map_err(store_error)
    }
}

/// The first column of a row as the document of a noun.
fn row_doc<T: serde::de::DeserializeOwned>(row: &SqliteRow) -> Result<T, StoreError> {
    read_doc(row.try_get::<&str, _>(0).map_err(store_error)?)
}
