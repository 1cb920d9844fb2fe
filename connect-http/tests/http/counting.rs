//! A store that counts how often it is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use connect_core::delivery::{Claim, Claimed, Delivery, DeliveryList, Route, Settlement};
use connect_core::event::Event;
use connect_core::message::Message;
use connect_core::record::Record;
use connect_core::store::{
    Counters, EventList, ExportList, Import, MessageList, MovedRow, OriginList, RecordList, Seal, SealList,
    StoredAnswer, TicketKey, TicketRow, Unrouted,
};
use connect_core::ticket::TicketList;
use connect_core::{
    Actor, ChangeSet, CommitError, Committed, DeliveryId, Limit, MessageId, Store, StoreError, WorkspaceId,
};
use connect_store::MemoryStore;

/// A memory store, and how often each kind of read was asked for since it was last looked at.
#[derive(Debug)]
pub struct Counting {
    store: Arc<MemoryStore>,
    located: AtomicUsize,
    others: AtomicUsize,
}

impl Counting {
    pub fn new(store: Arc<MemoryStore>) -> Self {
        Self { store, located: AtomicUsize::new(0), others: AtomicUsize::new(0) }
    }

    /// Reads over all workspaces, and other reads.
    pub fn take(&self) -> (usize, usize) {
        (self.located.swap(0, Ordering::SeqCst), self.others.swap(0, Ordering::SeqCst))
    }

    fn read(&self) -> &MemoryStore {
        self.others.fetch_add(1, Ordering::SeqCst);
        &self.store
    }
}

type Read<T> = Result<T, StoreError>;

#[async_trait]
impl Store for Counting {
    async fn commit(&self, workspace: WorkspaceId, changes: ChangeSet) -> Result<Committed, CommitError> {
        self.store.commit(workspace, changes).await
    }
    async fn answer(&self, workspace: WorkspaceId, actor: Actor, key: String) -> Read<Option<StoredAnswer>> {
        self.read().answer(workspace, actor, key).await
    }
    async fn ticket(&self, workspace: WorkspaceId, key: TicketKey) -> Read<Option<TicketRow>> {
        self.read().ticket(workspace, key).await
    }
    async fn tickets(&self, workspace: WorkspaceId, list: TicketList) -> Read<Vec<TicketRow>> {
        self.read().tickets(workspace, list).await
    }
    async fn message(&self, workspace: WorkspaceId, id: MessageId) -> Read<Option<Message>> {
        self.read().message(workspace, id).await
    }
    async fn messages(&self, workspace: WorkspaceId, list: MessageList) -> Read<Vec<Message>> {
        self.read().messages(workspace, list).await
    }
    async fn events(&self, workspace: WorkspaceId, list: EventList) -> Read<Vec<Event>> {
        self.read().events(workspace, list).await
    }
    async fn record(&self, workspace: WorkspaceId, kind: &'static str, id: String) -> Read<Option<Record>> {
        self.read().record(workspace, kind, id).await
    }
    async fn records(&self, workspace: WorkspaceId, kind: &'static str, list: RecordList) -> Read<Vec<Record>> {
        self.read().records(workspace, kind, list).await
    }
    async fn find(&self, workspace: WorkspaceId, kind: &'static str, key: String) -> Read<Option<Record>> {
        self.read().find(workspace, kind, key).await
    }
    async fn locate(&self, kind: &'static str, key: String) -> Read<Vec<(WorkspaceId, Record)>> {
        self.located.fetch_add(1, Ordering::SeqCst);
        self.store.locate(kind, key).await
    }
    async fn workspaces(&self, after: Option<WorkspaceId>, limit: Limit) -> Read<Vec<WorkspaceId>> {
        self.read().workspaces(after, limit).await
    }
    async fn unrouted(&self, limit: Limit) -> Read<Vec<Unrouted>> {
        self.read().unrouted(limit).await
    }
    async fn route(&self, workspace: WorkspaceId, route: Route) -> Read<bool> {
        self.store.route(workspace, route).await
    }
    async fn seals(&self, workspace: WorkspaceId, list: SealList) -> Read<Vec<Seal>> {
        self.read().seals(workspace, list).await
    }
    async fn forget_origins(&self, workspace: WorkspaceId, list: OriginList) -> Read<u64> {
        self.store.forget_origins(workspace, list).await
    }
    async fn claim(&self, claim: Claim) -> Read<Vec<Claimed>> {
        self.store.claim(claim).await
    }
    async fn settle(&self, workspace: WorkspaceId, id: DeliveryId, token: u32, settlement: Settlement) -> Read<bool> {
        self.store.settle(workspace, id, token, settlement).await
    }
    async fn deliveries(&self, workspace: WorkspaceId, list: DeliveryList) -> Read<Vec<Delivery>> {
        self.read().deliveries(workspace, list).await
    }
    async fn counters(&self, workspace: WorkspaceId) -> Read<Option<Counters>> {
        self.read().counters(workspace).await
    }
    async fn export(&self, workspace: WorkspaceId, list: ExportList) -> Read<Vec<MovedRow>> {
        self.read().export(workspace, list).await
    }
    async fn import(&self, workspace: WorkspaceId, import: Import) -> Result<(), CommitError> {
        self.store.import(workspace, import).await
    }
    async fn ready(&self) -> Read<()> {
        self.store.ready().await
    }
}
