//! Opening the database: settings, migrations, and what can be wrong with it.

use std::borrow::Cow;
use std::fmt::Write;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use connect_core::StoreError;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Postgres, SqlSafeStr};
use tracing::warn;

use super::clock::DatabaseClock;
use super::lookup::Lookups;
use super::sql::Sql;
use super::writer::Writers;
use super::{Inner, PostgresStore};
use crate::readers::Readers;
use crate::sql::hexadecimal;

/// The migrations in their order; `{s}` stands for the schema.
const MIGRATIONS: [(i64, &str, &str); 6] = [
    (1, "first", include_str!("../../migrations/postgres/0001_first.sql")),
    (2, "flows", include_str!("../../migrations/postgres/0002_flows.sql")),
    (3, "audit", include_str!("../../migrations/postgres/0003_audit.sql")),
    (4, "columns", include_str!("../../migrations/postgres/0004_columns.sql")),
    (5, "teams", include_str!("../../migrations/postgres/0005_teams.sql")),
    (6, "turns", include_str!("../../migrations/postgres/0006_turns.sql")),
];

/// How a database is used.
#[derive(Debug, Clone)]
pub struct PostgresSettings {
    /// The schema of all tables: 1 to 40 of `a-z`, `0-9` and `_`, beginning with a letter. `connect` unless
    /// said. It is made if need be.
    pub schema: String,
    /// How many connections read. 8 unless said. Of no effect with a host's pool.
    pub readers: u32,
    /// How many connections commit; each workspace belongs to one of them. 3 unless said.
    pub committers: usize,
    /// How many connections do all other writing, such as sign-ins and deliveries. 4 unless said.
    pub writers: u32,
    /// How long a call may take before it is answered that the store is unavailable. 5 s unless said. A
    /// commit may take twice as long.
    pub timeout: Duration,
    /// Most change sets written in one statement. 128 unless said.
    pub group: usize,
    /// Whether the schema is brought up to date when the store is opened. True unless said; where the
    /// program's user may not do so, run the printed migrations as another one.
    pub migrate: bool,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self {
            schema: "connect".to_owned(),
            readers: 8,
            committers: 3,
            writers: 4,
            timeout: Duration::from_secs(5),
            group: 128,
            migrate: true,
        }
    }
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The address is not one. It is not shown: it may hold a password.
    #[error("the address of the database is not of the form postgres://user:password@host:port/database: {0}")]
    BadUrl(String),
    /// The name of the schema is not one.
    #[error("the schema must be 1 to 40 of a-z, 0-9 and _, beginning with a letter, and not with pg_")]
    BadSchema,
    /// Nothing answers, or it refuses.
    #[error("{host}:{port} cannot be used: {cause}")]
    Unreachable {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Why.
        cause: String,
    },
    /// A newer version of Connect has written the schema.
    #[error("the schema {schema} has version {found}, this program knows versions up to {known}: use a newer program")]
    TooNew {
        /// The schema.
        schema: String,
        /// The version found.
        found: i64,
        /// The newest one known.
        known: i64,
    },
    /// The schema is behind, and is not to be brought up to date.
    #[error("the schema {schema} has version {found}, this program needs {known}: run the migrations")]
    TooOld {
        /// The schema.
        schema: String,
        /// The version found; 0 if there is none.
        found: i64,
        /// The one needed.
        known: i64,
    },
    /// A migration was changed after it had been applied.
    #[error("migration {0} of the schema is not the one this program knows")]
    Altered(i64),
    /// Another program has been migrating the schema for too long.
    #[error("another program has been migrating the schema {0} for a minute")]
    Busy(String),
    /// The database does not answer as it should.
    #[error("the database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
}

/// The migrations as SQL for this schema, in their order: version, name, text.
fn migrations(schema: &str) -> Vec<(i64, &'static str, String)> {
    MIGRATIONS.iter().map(|(version, name, text)| (*version, *name, text.replace("{s}", schema))).collect()
}

/// All that makes an empty database ready, as one script for whoever may change its schema; the program then
/// needs no such right.
pub fn script(schema: &str) -> String {
    let mut script = format!(
        "CREATE SCHEMA IF NOT EXISTS {schema};\nCREATE TABLE {schema}.migrations (\n    version bigint PRIMARY KEY,\n    \
         description text NOT NULL,\n    installed_on timestamptz NOT NULL DEFAULT now(),\n    success boolean NOT NULL,\n    \
         checksum bytea NOT NULL,\n    execution_time bigint NOT NULL\n);\n"
    );
    for migration in list(schema) {
        let checksum = hexadecimal(&migration.checksum);
        let (version, name) = (migration.version, &migration.description);
        let _ = write!(
            script,
            "\n-- {version:04} {name}\n{}\nINSERT INTO {schema}.migrations (version, description, success, checksum, execution_time)\n    \
             VALUES ({version}, '{name}', true, '\\x{checksum}', 0);\n",
            migration.sql.as_str()
        );
    }
    script
}

fn list(schema: &str) -> Vec<Migration> {
    migrations(schema)
        .into_iter()
        .map(|(version, name, text)| {
            let text = AssertSqlSafe(text).into_sql_str();
            Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text, false)
        })
        .collect()
}

impl PostgresStore {
    /// Opens a database by its address, and brings the schema up to date.
    pub async fn connect(url: &str, settings: PostgresSettings) -> Result<Self, PostgresError> {
        let options = PgConnectOptions::from_str(url).map_err(|error| PostgresError::BadUrl(error.to_string()))?;
        let reads = Readers::own(pool(settings.readers).connect_lazy_with(quiet(options.clone())));
        Self::open(options, reads, settings).await
    }

    /// A store in the database of a pool that the host has, in a schema of its own beside the host's.
    ///
    /// Reads go over the host's pool. Writing has connections of its own: a connection that was left inside
    /// a transaction by somebody else could swallow what is written over it.
    pub async fn from_pool(pool: &PgPool, settings: PostgresSettings) -> Result<Self, PostgresError> {
        Self::open(pool.connect_options().as_ref().clone(), Readers::of_host(pool.clone()), settings).await
    }

    async fn open(
        options: PgConnectOptions,
        reads: Readers<Postgres>,
        settings: PostgresSettings,
    ) -> Result<Self, PostgresError> {
        let reads = Arc::new(reads);
        let schema = settings.schema.as_str();
        let is_name = schema.len() <= 40
            && schema.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && schema.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
            && !schema.starts_with("pg_");
        if !is_name {
            return Err(PostgresError::BadSchema);
        }
        let options = quiet(options).application_name("connect");
        let unreachable = |cause: String| PostgresError::Unreachable {
            host: options.get_host().to_owned(),
            port: options.get_port(),
            cause,
        };
        let mut connection = match tokio::time::timeout(settings.timeout * 2, options.connect()).await {
            Ok(connected) => connected.map_err(|error| unreachable(error.to_string()))?,
            Err(_) => return Err(unreachable("no answer in time".to_owned())),
        };
        prepare(&mut connection, schema, settings.migrate).await?;
        advise(&mut connection).await;
        let sql = Sql::new(schema);
        // Fails now, and in words, if the tables cannot be read.
        sqlx::query(crate::sql::safe(&sql.ready)).execute(&mut connection).await?;
        let limited = pool(settings.writers).after_connect(|connection, _| Box::pin(limit(connection)));
        let writes = limited.connect_lazy_with(options.clone());
        let clock = Arc::new(DatabaseClock::start(connection, options.clone()).await?);
        let writers = Writers::start(&options, &sql, settings.committers, settings.group.max(1), settings.timeout);
        let lookups = Lookups::start(reads.clone(), sql.clone(), settings.timeout);
        let inner = Inner { sql, reads, writes, writers, lookups, timeout: settings.timeout, clock };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What a feed for the nodes that share this database needs to know: how to connect, and the name of
    /// the channel.
    pub(super) fn feed_options(&self) -> (PgConnectOptions, String) {
        (self.inner.writes.connect_options().as_ref().clone(), format!("{}_hints", self.inner.sql.place))
    }

    /// Whether what is written now is written: the server may be a standby, or set to read only.
    pub(super) async fn can_write(&self) -> Result<(), StoreError> {
        let statement = self.inner.sql.can_write.clone();
        self.write_one(move |connection| {
            let statement = statement.clone();
            Box::pin(async move { sqlx::query(crate::sql::safe(&statement)).execute(connection).await.map(|_| ()) })
        })
        .await
    }
}

fn pool(size: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(size.max(1))
        // A connection that broke is found out by using it: a ping before each use would be one more round trip.
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(3))
        .idle_timeout(Duration::from_secs(600))
}

/// What the server itself ends: the waiting for a lock, and a transaction of a node that is no more there.
pub(super) async fn limit(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let limits =
        "SET lock_timeout = '3s'; SET statement_timeout = '15s'; SET idle_in_transaction_session_timeout = '10s'";
    sqlx::raw_sql(limits).execute(connection).await.map(|_| ())
}

fn quiet(options: PgConnectOptions) -> PgConnectOptions {
    options.disable_statement_logging().statement_cache_capacity(200)
}

/// Brings the schema up to date, one program at a time.
async fn prepare(connection: &mut PgConnection, schema: &str, migrate: bool) -> Result<(), PostgresError> {
    let known = MIGRATIONS[MIGRATIONS.len() - 1].0;
    let found = version(connection, schema).await?;
    if found > known {
        return Err(PostgresError::TooNew { schema: schema.to_owned(), found, known });
    }
    if found == known {
        return Ok(());
    }
    if !migrate {
        return Err(PostgresError::TooOld { schema: schema.to_owned(), found, known });
    }
    lock(connection, schema).await?;
    let migrated = run(connection, schema).await;
    let unlock = "SELECT pg_advisory_unlock(hashtext('connect'), hashtext($1))";
    sqlx::query(unlock).bind(schema).execute(&mut *connection).await?;
    migrated
}

/// The newest migration that was applied; 0 if none was.
async fn version(connection: &mut PgConnection, schema: &str) -> Result<i64, PostgresError> {
    let exists = "SELECT to_regclass($1) IS NOT NULL";
    let table = format!("{schema}.migrations");
    if !sqlx::query_scalar::<_, bool>(exists).bind(&table).fetch_one(&mut *connection).await? {
        return Ok(0);
    }
    let newest = AssertSqlSafe(format!("SELECT coalesce(max(version), 0) FROM {table}"));
    Ok(sqlx::query_scalar(newest).fetch_one(connection).await?)
}

async fn lock(connection: &mut PgConnection, schema: &str) -> Result<(), PostgresError> {
    let lock = "SELECT pg_try_advisory_lock(hashtext('connect'), hashtext($1))";
    for _ in 0..600 {
        if sqlx::query_scalar::<_, bool>(lock).bind(schema).fetch_one(&mut *connection).await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(PostgresError::Busy(schema.to_owned()))
}

async fn run(connection: &mut PgConnection, schema: &str) -> Result<(), PostgresError> {
    sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {schema}"))).execute(&mut *connection).await?;
    let mut migrator = Migrator::with_migrations(list(schema));
    migrator.dangerous_set_table_name(format!("{schema}.migrations"));
    // The lock of this schema is held already; the migrator's own would be one for the whole database, and
    // the host's migrations use it too.
    migrator.set_locking(false);
    connection.ensure_migrations_table(&format!("{schema}.migrations")).await.map_err(migrate_error)?;
    migrator.run_direct(None, connection, false).await.map_err(migrate_error)
}

fn migrate_error(error: MigrateError) -> PostgresError {
    match error {
        MigrateError::VersionMismatch(version) => PostgresError::Altered(version),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => PostgresError::Database(error),
        other => PostgresError::Database(sqlx::Error::Migrate(Box::new(other))),
    }
}

/// Says so when the server is set to forget acknowledged commits at a loss of power.
async fn advise(connection: &mut PgConnection) {
    let settings = "SELECT name FROM pg_settings
        WHERE name IN ('synchronous_commit', 'fsync', 'full_page_writes') AND setting = 'off' ORDER BY name";
    match sqlx::query_scalar::<_, String>(settings).fetch_all(&mut *connection).await {
        Ok(off) if !off.is_empty() => {
            warn!(off = off.join(", "), "the server may lose acknowledged changes when it loses power");
        }
        Ok(_) => {}
        Err(error) => warn!(%error, "the server's durability is not known"),
    }
    let _ = connection.ping().await;
}
