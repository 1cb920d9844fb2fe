//! The bare server's PostgreSQL schema: one pool for everything.

use std::str::FromStr;

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};

crate::statements::statements!(PgPool, PgConnection, PgRow);

/// The connections to the server.
pub(crate) type Pool = PgPool;

/// How many connections the pool has: what sqlx does unless told otherwise.
const CONNECTIONS: u32 = 10;

pub(crate) async fn open(url: &str) -> Result<Pool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?.options([("search_path", "bare")]);
    // Like the desk's pools it does not ask a connection whether it is alive before each use.
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .min_connections(CONNECTIONS)
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    sqlx::raw_sql("CREATE SCHEMA bare").execute(&pool).await?;
    let schema = crate::statements::SCHEMA.replace("{int}", "bigint").replace("{strict}", "");
    sqlx::raw_sql(AssertSqlSafe(schema)).execute(&pool).await?;
    let mut transaction = pool.begin().await?;
    fill(&mut transaction).await?;
    transaction.commit().await?;
    sqlx::raw_sql("VACUUM (ANALYZE) contact, ticket, message").execute(&pool).await?;
    Ok(pool)
}

/// A transaction of three inserts: `BEGIN`, one statement a table, `COMMIT`.
pub(crate) async fn create(pool: &Pool, number: i64, subject: &str, body: &str) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    insert(&mut transaction, number, subject, body).await?;
    transaction.commit().await
}
