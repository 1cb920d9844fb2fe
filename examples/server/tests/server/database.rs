//! A schema of one's own on the PostgreSQL server of the test run.

use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

fn url() -> String {
    #[allow(clippy::disallowed_methods)]
    let url = std::env::var("CONNECT_TEST_POSTGRES_URL");
    url.expect("CONNECT_TEST_POSTGRES_URL names a PostgreSQL server; `cargo xtask test` starts one")
}

/// A schema that is dropped at the end.
pub struct Schema {
    pub name: String,
    url: String,
}

impl Schema {
    pub fn new(name: &str) -> Self {
        Self { name: format!("{name}_{}", std::process::id()), url: url() }
    }

    /// What makes a server use it.
    pub fn settings(&self) -> [(&'static str, &str); 2] {
        [("CONNECT_DATABASE_URL", &self.url), ("CONNECT_DATABASE_SCHEMA", &self.name)]
    }

    async fn connect() -> PgConnection {
        PgConnectOptions::from_str(&url()).expect("an address").connect().await.expect("connected")
    }

    /// How many of the servers' connections wait inside a transaction.
    pub async fn idle_in_transaction(&self) -> i64 {
        let statement = "SELECT count(*) FROM pg_stat_activity
            WHERE application_name = 'connect' AND state LIKE 'idle in transaction%' AND query LIKE '%' || $1 || '%'";
        let mut connection = Self::connect().await;
        sqlx::query_scalar(statement).bind(&self.name).fetch_one(&mut connection).await.expect("asked")
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let statement = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut connection = Self::connect().await;
                let _ = sqlx::query("SET lock_timeout = '5s'").execute(&mut connection).await;
                let _ = sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await;
                let _ = connection.close().await;
            });
        });
        let _ = thread.join();
    }
}
