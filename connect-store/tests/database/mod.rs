//! A PostgreSQL server for tests: schemas of their own in the one that `cargo xtask test` starts.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use connect_core::{OsRandom, Random};
use connect_store::{PostgresSettings, PostgresStore};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// The address of the server.
pub(crate) fn url() -> String {
    #[allow(clippy::disallowed_methods)]
    let url = std::env::var("CONNECT_TEST_POSTGRES_URL");
    url.expect("CONNECT_TEST_POSTGRES_URL names a PostgreSQL server; `cargo xtask test` starts one")
}

/// A schema that is dropped at the end.
#[derive(Debug, Clone)]
pub(crate) struct Schema(Arc<Name>);

#[derive(Debug)]
struct Name(String);

impl Schema {
    /// One that nobody else uses.
    pub(crate) fn new() -> Self {
        let mut random = [0; 8];
        OsRandom.fill(&mut random);
        let own = u64::from_le_bytes(random);
        Self(Arc::new(Name(format!("t{}_{own:x}", COUNT.fetch_add(1, Ordering::Relaxed)))))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.0
    }

    pub(crate) fn settings(&self) -> PostgresSettings {
        PostgresSettings {
            schema: self.name().to_owned(),
            readers: 4,
            committers: 2,
            writers: 3,
            ..PostgresSettings::default()
        }
    }

    pub(crate) async fn open(&self) -> PostgresStore {
        PostgresStore::connect(&url(), self.settings()).await.expect("the database opens")
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let statement = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.0);
        // Dropped inside or outside a runtime: a thread of its own has neither trouble.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let options = PgConnectOptions::from_str(&url()).expect("an address");
                if let Ok(mut connection) = options.connect().await {
                    let _ = sqlx::query("SET lock_timeout = '5s'").execute(&mut connection).await;
                    let _ = sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await;
                    let _ = connection.close().await;
                }
            });
        });
        let _ = thread.join();
    }
}
