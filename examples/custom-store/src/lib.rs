//! A storage adapter that lives outside of Connect: `Store` and `AuthStore` on the embedded key-value store
//! redb. `docs/writing-a-store.md` walks through it.
//!
//! It is complete and right, and simple on purpose. One change set is one synced write. Lists walk their
//! workspace, a search its messages too, signing in walks challenges and sessions: fine for thousands of rows.

mod auth;
mod rows;
mod store;
mod table;

use std::path::Path;
use std::sync::Arc;

use connect_core::{CommitError, StoreError};
use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use tokio::task::spawn_blocking;

use table::failed;

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A store in one file. Clones are handles on the same open file; redb lets one process open it.
///
/// After an error of the disk every write is [`StoreError::Unavailable`] until the process is restarted.
#[derive(Clone, Debug)]
pub struct RedbStore {
    database: Arc<Database>,
    /// Writers wait here and not on a thread: redb writes one transaction at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl RedbStore {
    /// Opens a file, or makes it. It blocks for a moment, longer if the file was not closed properly.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let database = Database::create(path).map_err(failed)?;
        let transaction = database.begin_write().map_err(failed)?;
        table::ALL.iter().try_for_each(|table| transaction.open_table(*table).map(|_| ())).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(Self { database: Arc::new(database), turn: Arc::default() })
    }

    /// Reads one state, beside whatever is being written.
    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&ReadTransaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let database = self.database.clone();
        let job = move || job(&database.begin_read().map_err(failed)?);
        spawn_blocking(job).await.unwrap_or_else(|error| Err(StoreError::unavailable(error)))
    }

    /// Writes in a transaction of its own, which is undone if the job fails. A caller that goes away while it
    /// waits for its turn has written nothing; once the thread has started, the job ends whoever waits for it.
    async fn change<T: Send + 'static>(
        &self,
        job: impl FnOnce(&WriteTransaction) -> Result<T, CommitError> + Send + 'static,
    ) -> Result<T, CommitError> {
        let turn = self.turn.clone().lock_owned().await;
        let database = self.database.clone();
        let job = move || {
            let _turn = turn;
            let transaction = database.begin_write().map_err(failed)?;
            let outcome = job(&transaction)?;
            // The default durability: this answers when the file is synced.
            transaction.commit().map_err(|error| {
                tracing::error!(%error, "a transaction broke while it was committed");
                CommitError::Unknown
            })?;
            Ok(outcome)
        };
        spawn_blocking(job).await.unwrap_or(Err(CommitError::Unknown))
    }

    /// Writes what is no change set.
    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&WriteTransaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.change(move |to| Ok(job(to)?)).await.map_err(|error| match error {
            CommitError::Store(error) => error,
            other => StoreError::unavailable(other),
        })
    }
}
