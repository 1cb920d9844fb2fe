//! Stores that count how often they are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use connect_core::delivery::{Claim, Claimed, Delivery, DeliveryList, QueueDepth, Reset, Route, Settlement};
use connect_core::event::Event;
use connect_core::message::Message;
use connect_core::record::Record;
use connect_core::store::{
    Budget, Challenge, ChallengeSeen, Counters, EventList, ExportList, Flow, Import, MessageList, MovedRow, OriginList,
    RecordList, Resend, Revoke, Seal, SealList, Session, StoredAnswer, TicketKey, TicketRow, Unrouted,
};
use connect_core::ticket::TicketList;
use connect_core::{
    Actor, AuthStore, ChallengeId, ChangeSet, CommitError, Committed, DeliveryId, Limit, MessageId, SessionId, Store,
    StoreError, Timestamp, UserId, WorkspaceId,
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
    async fn reset(&self, workspace: WorkspaceId, ids: Vec<DeliveryId>, reset: Reset) -> Read<u64> {
        self.store.reset(workspace, ids, reset).await
    }
    async fn mark_read(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        channel: &'static str,
        ids: Option<Vec<DeliveryId>>,
        at: Timestamp,
    ) -> Read<u64> {
        self.store.mark_read(workspace, user, channel, ids, at).await
    }
    async fn queue(&self) -> Read<Vec<QueueDepth>> {
        self.read().queue().await
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

/// The same for sign-ins: reads, and everything else.
#[derive(Debug)]
pub struct CountingAuth {
    store: Arc<MemoryStore>,
    reads: AtomicUsize,
    writes: AtomicUsize,
}

impl CountingAuth {
    pub fn new(store: Arc<MemoryStore>) -> Self {
        Self { store, reads: AtomicUsize::new(0), writes: AtomicUsize::new(0) }
    }

    /// Reads, and writes.
    pub fn take(&self) -> (usize, usize) {
        (self.reads.swap(0, Ordering::SeqCst), self.writes.swap(0, Ordering::SeqCst))
    }

    fn read(&self) -> &MemoryStore {
        self.reads.fetch_add(1, Ordering::SeqCst);
        &self.store
    }

    fn write(&self) -> &MemoryStore {
        self.writes.fetch_add(1, Ordering::SeqCst);
        &self.store
    }
}

#[async_trait]
impl AuthStore for CountingAuth {
    async fn put_challenge(&self, challenge: Challenge, cap: u32) -> Read<bool> {
        self.write().put_challenge(challenge, cap).await
    }
    async fn challenge(&self, id: ChallengeId) -> Read<Option<Challenge>> {
        self.read().challenge(id).await
    }
    async fn resend(&self, resend: Resend, now: Timestamp) -> Read<Option<Challenge>> {
        self.write().resend(resend, now).await
    }
    async fn attempt(&self, id: ChallengeId, secret_hash: [u8; 32], now: Timestamp) -> Read<ChallengeSeen> {
        self.write().attempt(id, secret_hash, now).await
    }
    async fn consume(
        &self,
        id: ChallengeId,
        session: Session,
        replaces: Option<SessionId>,
        now: Timestamp,
    ) -> Read<bool> {
        self.write().consume(id, session, replaces, now).await
    }
    async fn renew(&self, session: Session, replaces: Option<SessionId>, now: Timestamp) -> Read<bool> {
        self.write().renew(session, replaces, now).await
    }
    async fn spend(&self, account: String, budget: Budget, now: Timestamp) -> Read<bool> {
        self.write().spend(account, budget, now).await
    }
    async fn give_back(&self, account: String, units: u32, now: Timestamp) -> Read<()> {
        AuthStore::give_back(self.write(), account, units, now).await
    }
    async fn spent(&self, account: String, now: Timestamp) -> Read<u32> {
        self.read().spent(account, now).await
    }
    async fn session(&self, token_hash: [u8; 32]) -> Read<Option<Session>> {
        self.read().session(token_hash).await
    }
    async fn touch(&self, id: SessionId, now: Timestamp, idle_ends_at: Timestamp) -> Read<bool> {
        self.write().touch(id, now, idle_ends_at).await
    }
    async fn sessions(&self, user: UserId, now: Timestamp) -> Read<Vec<Session>> {
        self.read().sessions(user, now).await
    }
    async fn revoke(&self, user: UserId, which: Revoke) -> Read<u64> {
        self.write().revoke(user, which).await
    }
    async fn put_flow(&self, flow: Flow, now: Timestamp) -> Read<bool> {
        self.write().put_flow(flow, now).await
    }
    async fn take_flow(&self, id_hash: [u8; 32], now: Timestamp) -> Read<Option<Flow>> {
        self.write().take_flow(id_hash, now).await
    }
    async fn sweep(&self, now: Timestamp) -> Read<u64> {
        self.write().sweep(now).await
    }
}
