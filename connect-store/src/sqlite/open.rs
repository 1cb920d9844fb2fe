//! Opening the file: settings, migrations, and what can be wrong with it.

use std::borrow::Cow;
use std::fmt::Write;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqlSafeStr};

use super::SqliteStore;
use super::sql::Sql;
use super::writer::Writer;
use crate::readers::Readers;
use crate::sql::{hexadecimal, safe};

/// The migrations in their order; `{p}` stands for the prefix.
const MIGRATIONS: [(i64, &str, &str); 5] = [
    (1, "first", include_str!("../../migrations/sqlite/0001_first.sql")),
    (2, "flows", include_str!("../../migrations/sqlite/0002_flows.sql")),
    (3, "audit", include_str!("../../migrations/sqlite/0003_audit.sql")),
    (4, "teams", include_str!("../../migrations/sqlite/0004_teams.sql")),
    (5, "turns", include_str!("../../migrations/sqlite/0005_turns.sql")),
];

/// How a file is opened.
#[derive(Debug, Clone)]
pub struct SqliteSettings {
    /// What the names of all tables begin with: 1 to 30 of `a-z` and `_`. `connect_` unless said.
    pub prefix: String,
    /// How many connections read. 4 unless said.
    pub readers: u32,
    /// Whether a commit answers only when it is on the disk (`synchronous=FULL`). Without it the last
    /// moments before a loss of power may be lost, though nothing is damaged. True unless said.
    pub durable: bool,
    /// How long to wait for a lock that another process holds on the file. 5 s unless said.
    pub busy_timeout: Duration,
    /// Most changes written in one transaction. 128 unless said.
    pub group: usize,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self {
            prefix: "connect_".to_owned(),
            readers: 4,
            durable: true,
            busy_timeout: Duration::from_secs(5),
            group: 128,
        }
    }
}

/// Why a file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// The prefix is not one.
    #[error("the table prefix must be 1 to 30 of a-z and _")]
    BadPrefix,
    /// The folder or file cannot be used.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A newer version of Connect has written the file.
    #[error("the database has schema version {found}, this program knows versions up to {known}: use a newer program")]
    TooNew {
        /// The version found.
        found: i64,
        /// The newest one known.
        known: i64,
    },
    /// A migration was changed after it had been applied.
    #[error("migration {0} of the database is not the one this program knows")]
    Altered(i64),
    /// The database does not answer as it should.
    #[error("the database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
}

/// The migrations as SQL for tables of this prefix, in their order: version, name, text.
fn migrations(prefix: &str) -> Vec<(i64, &'static str, String)> {
    MIGRATIONS.iter().map(|(version, name, text)| (*version, *name, text.replace("{p}", prefix))).collect()
}

/// All that makes an empty file ready, as one script.
pub fn script(prefix: &str) -> String {
    let mut script = format!(
        "CREATE TABLE {prefix}migrations (\n    version BIGINT PRIMARY KEY,\n    description TEXT NOT NULL,\n    \
         installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,\n    success BOOLEAN NOT NULL,\n    \
         checksum BLOB NOT NULL,\n    execution_time BIGINT NOT NULL\n);\n"
    );
    for migration in list(prefix) {
        let checksum = hexadecimal(&migration.checksum);
        let (version, name) = (migration.version, &migration.description);
        let _ = write!(
            script,
            "\n-- {version:04} {name}\n{}\nINSERT INTO {prefix}migrations (version, description, success, checksum, execution_time)\n    \
             VALUES ({version}, '{name}', true, x'{checksum}', 0);\n",
            migration.sql.as_str()
        );
    }
    script
}

fn list(prefix: &str) -> Vec<Migration> {
    migrations(prefix)
        .into_iter()
        .map(|(version, name, text)| {
            let text = AssertSqlSafe(text).into_sql_str();
            Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text, false)
        })
        .collect()
}

impl SqliteStore {
    /// Opens a file, making it and its folder if need be, and brings its schema up to date.
    pub async fn open(path: impl AsRef<Path>, settings: SqliteSettings) -> Result<Self, SqliteError> {
        let path = path.as_ref();
        let io = |cause| SqliteError::Io { path: path.to_owned(), cause };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        // SQLite takes no lock for the switch to WAL and for migrations as a whole, so two programs that
        // open a new file at once would disturb each other.
        let lock = File::create(path.with_added_extension("lock")).map_err(io)?;
        take(&lock).await.map_err(io)?;
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let opened = Self::open_with(options, settings).await;
        drop(lock);
        opened
    }

    /// A store in the file of a pool that the host has, with tables of their own beside the host's.
    ///
    /// The store opens connections of its own to that file; the host's pool stays the host's.
    pub async fn from_pool(pool: &SqlitePool, settings: SqliteSettings) -> Result<Self, SqliteError> {
        let options = pool.connect_options().as_ref().clone();
        Self::open_with(options, settings).await
    }

    async fn open_with(options: SqliteConnectOptions, settings: SqliteSettings) -> Result<Self, SqliteError> {
        let prefix = &settings.prefix;
        if prefix.is_empty() || prefix.len() > 30 || !prefix.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            return Err(SqliteError::BadPrefix);
        }
        let synchronous = if settings.durable { SqliteSynchronous::Full } else { SqliteSynchronous::Normal };
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .foreign_keys(true)
            .busy_timeout(settings.busy_timeout)
            .pragma("trusted_schema", "OFF")
            // 16 MiB of log between two checkpoints instead of 4: a page that changes often is copied back less often.
            .pragma("wal_autocheckpoint", "4000")
            .disable_statement_logging();
        let mut connection = writing(options.clone()).connect().await?;
        migrate(&mut connection, prefix).await?;
        let sql = Sql::new(prefix);
        // Fails now, and in words, if the file is damaged where it matters first.
        sqlx::query(safe(&sql.ready)).execute(&mut connection).await?;
        let reads = SqlitePoolOptions::new()
            .max_connections(settings.readers.max(1))
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .acquire_timeout(super::PATIENCE)
            .connect_with(options.clone().pragma("query_only", "ON").statement_cache_capacity(256))
            .await?;
        let writer = Writer::start(connection, options, sql.clone(), settings.group.max(1));
        Ok(Self { sql, reads: Arc::new(Readers::own(reads)), writer })
    }
}

/// Takes the lock of the file, without blocking the thread: whoever holds it may need this very thread to
/// go on. Gives up after half a minute.
async fn take(lock: &File) -> std::io::Result<()> {
    for _ in 0..1500 {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        "another program has been opening this file for half a minute",
    ))
}

async fn migrate(connection: &mut sqlx::SqliteConnection, prefix: &str) -> Result<(), SqliteError> {
    let table = format!("{prefix}migrations");
    let exists = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1")
        .bind(&table)
        .fetch_one(&mut *connection)
        .await?;
    if exists > 0 {
        let newest = AssertSqlSafe(format!("SELECT coalesce(max(version), 0) FROM {table}"));
        let found: i64 = sqlx::query_scalar(newest).fetch_one(&mut *connection).await?;
        let known = MIGRATIONS[MIGRATIONS.len() - 1].0;
        if found > known {
            return Err(SqliteError::TooNew { found, known });
        }
        if found == known {
            return Ok(());
        }
    }
    let mut migrator = Migrator::with_migrations(list(prefix));
    migrator.dangerous_set_table_name(table);
    // The plain `run` asks for a bound that no future of a borrowed connection can prove; this is what it calls.
    migrator.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::VersionMismatch(version) => SqliteError::Altered(version),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => SqliteError::Database(error),
        other => SqliteError::Database(sqlx::Error::Migrate(Box::new(other))),
    })
}

/// The writing connection keeps more pages at hand than SQLite's usual 2 MiB: every commit touches indexes.
fn writing(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.statement_cache_capacity(256).pragma("cache_size", "-8192")
}

/// Opens the writing connection again after it broke.
pub(super) async fn reopen(options: SqliteConnectOptions) -> Result<sqlx::SqliteConnection, sqlx::Error> {
    let mut connection = writing(options).connect().await?;
    connection.ping().await?;
    Ok(connection)
}
