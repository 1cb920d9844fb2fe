//! A storage adapter that lives outside of Connect: `Store` and `AuthStore` on the embedded key-value store
//! redb. `docs/writing-a-store.md` walks through it.
//!
//! | file | what it holds |
//! |---|---|
//! | `lib.rs` | the handle, threads and transactions, the port's methods |
//! | `keys.rs` | the tables and their keys |
//! | `transaction.rs` | rows in and out of a transaction |
//! | `commit.rs` | change sets |
//! | `read.rs` | tickets, messages, events, records |
//! | `dispatch.rs` | routing, claiming, settling |
//! | `transfer.rs` | export and import |
//! | `auth.rs` | challenges, sessions, budgets |
//!
//! It is complete and right, and simple on purpose. One change set is one synced write. A list of tickets or
//! of records walks those of its workspace, a search their messages too, and signing in walks the challenges
//! that have not been swept. That is fine for thousands of rows, not for millions.

mod auth;
mod commit;
mod dispatch;
mod keys;
mod read;
mod transaction;
mod transfer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use connect_core::delivery::{Claim, Claimed, Delivery, DeliveryList, Route, Settlement};
use connect_core::event::Event;
use connect_core::message::Message;
use connect_core::record::Record;
use connect_core::store::{
    Counters, EventList, ExportList, Import, MessageList, MovedRow, RecordList, StoredAnswer, TicketKey, TicketRow,
    Unrouted,
};
use connect_core::ticket::TicketList;
use connect_core::{
    Actor, ChangeSet, CommitError, Committed, DeliveryId, Limit, MessageId, Store, StoreError, WorkspaceId,
};
use connect_store::group::AnswerRef;
use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use tokio::task::spawn_blocking;

use transaction::{Reads, failed};

/// A store in one file. Clones are handles on the same open file; redb lets one process open it.
///
/// After an error of the disk redb takes no writes until the file is opened anew: every write is then
/// answered [`StoreError::Unavailable`], and the process is to be restarted.
#[derive(Clone)]
pub struct RedbStore {
    database: Arc<Database>,
    /// Writers wait here and not on a thread: redb writes one transaction at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbStore").finish_non_exhaustive()
    }
}

impl RedbStore {
    /// Opens a file, or makes it. It blocks for a moment, longer if the file was not closed properly.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let database = Database::create(path).map_err(failed)?;
        let transaction = database.begin_write().map_err(failed)?;
        for table in keys::ALL {
            transaction.open_table(table).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        Ok(Self { database: Arc::new(database), turn: Arc::default() })
    }

    /// Reads one state, beside whatever is being written.
    async fn read<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        F: FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let database = self.database.clone();
        let job = move || -> Result<T, StoreError> { job(&database.begin_read().map_err(failed)?) };
        spawn_blocking(job).await.unwrap_or_else(|error| Err(StoreError::unavailable(error)))
    }

    /// Writes in a transaction of its own, which is undone if the job fails. A caller that goes away while it
    /// waits for its turn has written nothing; once the thread has started, the job ends whoever waits for it.
    async fn write<T, F>(&self, job: F) -> Result<T, CommitError>
    where
        F: FnOnce(&WriteTransaction) -> Result<T, CommitError> + Send + 'static,
        T: Send + 'static,
    {
        let turn = self.turn.clone().lock_owned().await;
        let database = self.database.clone();
        let job = move || -> Result<T, CommitError> {
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
}

/// A failed write that is no change set.
fn plain(error: CommitError) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        other => StoreError::unavailable(other),
    }
}

#[async_trait]
impl Store for RedbStore {
    async fn commit(&self, workspace: WorkspaceId, changes: ChangeSet) -> Result<Committed, CommitError> {
        let changes = changes.into_parts();
        self.write(move |to| commit::commit(to, workspace, changes)).await
    }

    async fn answer(
        &self,
        workspace: WorkspaceId,
        actor: Actor,
        key: String,
    ) -> Result<Option<StoredAnswer>, StoreError> {
        let key = AnswerRef { workspace, actor: actor.to_string(), key };
        self.read(move |from| commit::answer(from, &key)).await
    }

    async fn ticket(&self, workspace: WorkspaceId, key: TicketKey) -> Result<Option<TicketRow>, StoreError> {
        self.read(move |from| read::ticket(from, workspace, key)).await
    }

    async fn tickets(&self, workspace: WorkspaceId, list: TicketList) -> Result<Vec<TicketRow>, StoreError> {
        self.read(move |from| read::tickets(from, workspace, &list)).await
    }

    async fn message(&self, workspace: WorkspaceId, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.read(move |from| from.get(keys::MESSAGES, &keys::place(workspace, id))).await
    }

    async fn messages(&self, workspace: WorkspaceId, list: MessageList) -> Result<Vec<Message>, StoreError> {
        self.read(move |from| read::messages(from, workspace, &list)).await
    }

    async fn events(&self, workspace: WorkspaceId, list: EventList) -> Result<Vec<Event>, StoreError> {
        self.read(move |from| read::events(from, workspace, &list)).await
    }

    async fn record(
        &self,
        workspace: WorkspaceId,
        kind: &'static str,
        id: String,
    ) -> Result<Option<Record>, StoreError> {
        self.read(move |from| read::record(from, workspace, kind, &id)).await
    }

    async fn records(
        &self,
        workspace: WorkspaceId,
        kind: &'static str,
        list: RecordList,
    ) -> Result<Vec<Record>, StoreError> {
        self.read(move |from| read::records(from, workspace, kind, list)).await
    }

    async fn find(
        &self,
        workspace: WorkspaceId,
        kind: &'static str,
        key: String,
    ) -> Result<Option<Record>, StoreError> {
        self.read(move |from| read::find(from, workspace, kind, &key)).await
    }

    async fn locate(&self, kind: &'static str, key: String) -> Result<Vec<(WorkspaceId, Record)>, StoreError> {
        self.read(move |from| read::locate(from, kind, &key)).await
    }

    async fn workspaces(&self, after: Option<WorkspaceId>, limit: Limit) -> Result<Vec<WorkspaceId>, StoreError> {
        let after = after.unwrap_or(WorkspaceId::DIRECTORY);
        let heads = self.read(move |from| read::heads(from, Some(after), limit.get() + 1, |_| true)).await?;
        Ok(heads.into_iter().map(|(workspace, _)| workspace).collect())
    }

    async fn unrouted(&self, limit: Limit) -> Result<Vec<Unrouted>, StoreError> {
        self.read(move |from| dispatch::unrouted(from, limit)).await
    }

    async fn route(&self, workspace: WorkspaceId, route: Route) -> Result<bool, StoreError> {
        self.write(move |to| Ok(dispatch::route(to, workspace, route)?)).await.map_err(plain)
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        let now = claim.now;
        // Looking first spares an idle desk a synced write at every poll.
        if !self.read(move |from| dispatch::is_any_due(from, now)).await? {
            return Ok(Vec::new());
        }
        self.write(move |to| Ok(dispatch::claim(to, &claim)?)).await.map_err(plain)
    }

    async fn settle(
        &self,
        workspace: WorkspaceId,
        id: DeliveryId,
        token: u32,
        settlement: Settlement,
    ) -> Result<bool, StoreError> {
        self.write(move |to| Ok(dispatch::settle(to, workspace, id, token, settlement)?)).await.map_err(plain)
    }

    async fn deliveries(&self, workspace: WorkspaceId, list: DeliveryList) -> Result<Vec<Delivery>, StoreError> {
        self.read(move |from| dispatch::list(from, workspace, &list)).await
    }

    async fn counters(&self, workspace: WorkspaceId) -> Result<Option<Counters>, StoreError> {
        self.read(move |from| from.get(keys::HEADS, &workspace.to_string())).await
    }

    async fn export(&self, workspace: WorkspaceId, list: ExportList) -> Result<Vec<MovedRow>, StoreError> {
        self.read(move |from| transfer::export(from, workspace, list)).await
    }

    async fn import(&self, workspace: WorkspaceId, import: Import) -> Result<(), CommitError> {
        self.write(move |to| transfer::import(to, workspace, import)).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        // A transaction that begins, reads, is committed and synced: what every write needs.
        self.write(|to| Ok(read::heads(to, None, 1, |_| true).map(|_| ())?)).await.map_err(plain)
    }
}
