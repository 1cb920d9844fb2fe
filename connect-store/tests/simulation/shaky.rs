//! A store that makes every caller wait, and fails now and then: before it has done what it was asked for, or after.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use connect_core::delivery::{Claim, Claimed, Delivery, DeliveryList, QueueDepth, Reset, Route, Settlement};
use connect_core::event::Event;
use connect_core::message::Message;
use connect_core::record::Record;
use connect_core::store::{
    Counters, EventList, ExportList, Import, MessageList, MovedRow, OriginList, RecordList, Seal, SealList,
    StoredAnswer, TicketKey, TicketRow, Unrouted,
};
use connect_core::ticket::TicketList;
use connect_core::{
    Actor, ChangeSet, CommitError, Committed, DeliveryId, Limit, MessageId, Store, StoreError, Timestamp, UserId,
    WorkspaceId,
};
use connect_store::MemoryStore;

use crate::Dice;

type Answer<T> = Result<T, StoreError>;

#[derive(Debug)]
pub(crate) struct Shaky {
    store: Arc<MemoryStore>,
    dice: Dice,
    calm: AtomicBool,
    failures: AtomicU64,
}

impl Shaky {
    pub(crate) fn new(store: Arc<MemoryStore>, dice: Dice) -> Self {
        Self { store, dice, calm: AtomicBool::new(false), failures: AtomicU64::new(0) }
    }

    /// From now on nothing fails.
    pub(crate) fn calm(&self) {
        self.calm.store(true, Ordering::SeqCst);
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::SeqCst)
    }

    async fn moment(&self) -> Answer<()> {
        tokio::task::yield_now().await;
        if !self.calm.load(Ordering::SeqCst) && self.dice.below(25) == 0 {
            self.failures.fetch_add(1, Ordering::SeqCst);
            return Err(StoreError::unavailable("shaken"));
        }
        Ok(())
    }

    /// What was done, unless the answer gets lost.
    async fn told<T>(&self, answer: Answer<T>) -> Answer<T> {
        self.moment().await?;
        answer
    }
}

#[async_trait]
impl Store for Shaky {
    async fn commit(&self, workspace: WorkspaceId, changes: ChangeSet) -> Result<Committed, CommitError> {
        self.moment().await?;
        self.store.commit(workspace, changes).await
    }
    async fn answer(&self, workspace: WorkspaceId, actor: Actor, key: String) -> Answer<Option<StoredAnswer>> {
        self.moment().await?;
        self.store.answer(workspace, actor, key).await
    }
    async fn ticket(&self, workspace: WorkspaceId, key: TicketKey) -> Answer<Option<TicketRow>> {
        self.moment().await?;
        self.store.ticket(workspace, key).await
    }
    async fn tickets(&self, workspace: WorkspaceId, list: TicketList) -> Answer<Vec<TicketRow>> {
        self.moment().await?;
        self.store.tickets(workspace, list).await
    }
    async fn message(&self, workspace: WorkspaceId, id: MessageId) -> Answer<Option<Message>> {
        self.moment().await?;
        self.store.message(workspace, id).await
    }
    async fn messages(&self, workspace: WorkspaceId, list: MessageList) -> Answer<Vec<Message>> {
        self.moment().await?;
        self.store.messages(workspace, list).await
    }
    async fn events(&self, workspace: WorkspaceId, list: EventList) -> Answer<Vec<Event>> {
        self.moment().await?;
        self.store.events(workspace, list).await
    }
    async fn record(&self, workspace: WorkspaceId, kind: &'static str, id: String) -> Answer<Option<Record>> {
        self.moment().await?;
        self.store.record(workspace, kind, id).await
    }
    async fn records(&self, workspace: WorkspaceId, kind: &'static str, list: RecordList) -> Answer<Vec<Record>> {
        self.moment().await?;
        self.store.records(workspace, kind, list).await
    }
    async fn find(&self, workspace: WorkspaceId, kind: &'static str, key: String) -> Answer<Option<Record>> {
        self.moment().await?;
        self.store.find(workspace, kind, key).await
    }
    async fn locate(&self, kind: &'static str, key: String) -> Answer<Vec<(WorkspaceId, Record)>> {
        self.moment().await?;
        self.store.locate(kind, key).await
    }
    async fn workspaces(&self, after: Option<WorkspaceId>, limit: Limit) -> Answer<Vec<WorkspaceId>> {
        self.moment().await?;
        self.store.workspaces(after, limit).await
    }
    async fn unrouted(&self, limit: Limit) -> Answer<Vec<Unrouted>> {
        self.moment().await?;
        self.store.unrouted(limit).await
    }
    async fn route(&self, workspace: WorkspaceId, route: Route) -> Answer<bool> {
        self.moment().await?;
        let routed = self.store.route(workspace, route).await;
        self.told(routed).await
    }
    async fn seals(&self, workspace: WorkspaceId, list: SealList) -> Answer<Vec<Seal>> {
        self.moment().await?;
        self.store.seals(workspace, list).await
    }
    async fn forget_origins(&self, workspace: WorkspaceId, list: OriginList) -> Answer<u64> {
        self.moment().await?;
        self.store.forget_origins(workspace, list).await
    }
    async fn claim(&self, claim: Claim) -> Answer<Vec<Claimed>> {
        self.moment().await?;
        let claimed = self.store.claim(claim).await;
        self.told(claimed).await
    }
    async fn settle(&self, workspace: WorkspaceId, id: DeliveryId, token: u32, how: Settlement) -> Answer<bool> {
        self.moment().await?;
        let settled = self.store.settle(workspace, id, token, how).await;
        self.told(settled).await
    }
    async fn reset(&self, workspace: WorkspaceId, ids: Vec<DeliveryId>, reset: Reset) -> Answer<u64> {
        self.moment().await?;
        self.store.reset(workspace, ids, reset).await
    }
    async fn mark_read(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        channel: &'static str,
        ids: Option<Vec<DeliveryId>>,
        at: Timestamp,
    ) -> Answer<u64> {
        self.moment().await?;
        self.store.mark_read(workspace, user, channel, ids, at).await
    }
    async fn queue(&self) -> Answer<Vec<QueueDepth>> {
        self.moment().await?;
        self.store.queue().await
    }
    async fn deliveries(&self, workspace: WorkspaceId, list: DeliveryList) -> Answer<Vec<Delivery>> {
        self.moment().await?;
        self.store.deliveries(workspace, list).await
    }
    async fn counters(&self, workspace: WorkspaceId) -> Answer<Option<Counters>> {
        self.moment().await?;
        self.store.counters(workspace).await
    }
    async fn export(&self, workspace: WorkspaceId, list: ExportList) -> Answer<Vec<MovedRow>> {
        self.moment().await?;
        self.store.export(workspace, list).await
    }
    async fn import(&self, workspace: WorkspaceId, import: Import) -> Result<(), CommitError> {
        self.store.import(workspace, import).await
    }
    async fn ready(&self) -> Answer<()> {
        self.moment().await
    }
}
