//! The bare server's SQLite file: a reading pool and one writing connection.

use sqlx::AssertSqlSafe;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};

crate::statements::statements!(SqlitePool, SqliteConnection, SqliteRow);

/// The connections to the file.
#[derive(Clone)]
pub(crate) struct Pools {
    pub(crate) reads: SqlitePool,
    writes: SqlitePool,
}

pub(crate) async fn open(file: &str) -> Result<Pools, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let writes = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
    let schema = crate::statements::SCHEMA.replace("{int}", "INTEGER").replace("{strict}", "STRICT");
    sqlx::raw_sql(AssertSqlSafe(schema)).execute(&writes).await?;
    let mut transaction = writes.begin().await?;
    fill(&mut transaction).await?;
    transaction.commit().await?;
    let reads = SqlitePoolOptions::new().max_connections(4).connect_with(options.read_only(true)).await?;
    Ok(Pools { reads, writes })
}

pub(crate) async fn create(pools: &Pools, number: i64, subject: &str, body: &str) -> Result<(), sqlx::Error> {
    let mut transaction = pools.writes.begin_with("BEGIN IMMEDIATE").await?;
    insert(&mut transaction, number, subject, body).await?;
    transaction.commit().await
}
