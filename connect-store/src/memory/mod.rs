//! Everything in memory: for tests and demonstrations. Nothing survives the process.

mod auth;
mod state;
mod transfer;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use connect_core::delivery::{Claim, Claimed, Delivery, DeliveryList, QueueDepth, Reset, Route, Settlement};
use connect_core::event::Event;
use connect_core::message::Message;
use connect_core::record::Record;
use connect_core::store::{
    Counters, EventList, ExportList, Import, MessageList, MovedRow, OriginList, Part, RecordList, Seal, SealList,
    StoredAnswer, TicketKey, TicketRow, Unrouted, answer_place,
};
use connect_core::ticket::{Ticket, TicketList};
use connect_core::{
    Actor, ChangeSet, CommitError, Committed, DeliveryId, Limit, MessageId, Store, StoreError, Timestamp, UserId,
    WorkspaceId,
};

use crate::group::{Document, Documents, Lookup};
use crate::scan;
use state::State;

/// A store in memory. Clones of an `Arc` of it are one store.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    auth: Mutex<auth::AuthState>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rows out of the lock.
fn owned<T: Clone>(page: Result<Vec<&T>, StoreError>) -> Result<Vec<T>, StoreError> {
    Ok(page?.into_iter().cloned().collect())
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, workspace: WorkspaceId, changes: ChangeSet) -> Result<Committed, CommitError> {
        let mut state = self.state();
        let (committed, documents) = Documents::of_changes(workspace, changes.into_parts(), &*state)?;
        state.apply(documents);
        Ok(committed)
    }

    async fn answer(
        &self,
        workspace: WorkspaceId,
        actor: Actor,
        key: String,
    ) -> Result<Option<StoredAnswer>, StoreError> {
        let row = self.state().row(workspace, Part::Answers, &answer_place(&actor.to_string(), &key))?;
        Ok(row.and_then(StoredAnswer::out_of))
    }

    async fn ticket(&self, workspace: WorkspaceId, key: TicketKey) -> Result<Option<TicketRow>, StoreError> {
        let state = self.state();
        let ticket = match key {
            TicketKey::Id(id) => state.tickets.get(&(workspace, id)),
            TicketKey::Number(number) => state.tickets_of(workspace).find(|ticket| ticket.number == number),
        };
        ticket.map(|ticket| state.with_contact(workspace, ticket)).transpose()
    }

    async fn tickets(&self, workspace: WorkspaceId, list: TicketList) -> Result<Vec<TicketRow>, StoreError> {
        let state = self.state();
        let messages_of = |ticket: &Ticket| Ok(state.thread(workspace, ticket.id).collect());
        let page = scan::tickets::<_, &Message>(state.tickets_of(workspace).map(Ok), &list, messages_of)?;
        page.into_iter().map(|ticket| state.with_contact(workspace, ticket)).collect()
    }

    async fn message(&self, workspace: WorkspaceId, id: MessageId) -> Result<Option<Message>, StoreError> {
        Ok(self.state().messages.get(&(workspace, id)).cloned())
    }

    async fn messages(&self, workspace: WorkspaceId, list: MessageList) -> Result<Vec<Message>, StoreError> {
        let state = self.state();
        owned(scan::messages(state.thread(workspace, list.ticket).map(Ok), &list))
    }

    async fn events(&self, workspace: WorkspaceId, list: EventList) -> Result<Vec<Event>, StoreError> {
        let state = self.state();
        owned(scan::events(state.journal(workspace, list.after).map(Ok), &list))
    }

    async fn record(
        &self,
        workspace: WorkspaceId,
        kind: &'static str,
        id: String,
    ) -> Result<Option<Record>, StoreError> {
        Ok(self.state().records.get(&(workspace, id)).filter(|record| record.kind == kind).cloned())
    }

    async fn records(
        &self,
        workspace: WorkspaceId,
        kind: &'static str,
        list: RecordList,
    ) -> Result<Vec<Record>, StoreError> {
        let state = self.state();
        owned(scan::records(state.records_of(workspace).map(Ok), kind, &list))
    }

    async fn find(
        &self,
        workspace: WorkspaceId,
        kind: &'static str,
        key: String,
    ) -> Result<Option<Record>, StoreError> {
        let state = self.state();
        let mut found = state.holders(kind, &key).into_iter().filter(|(at, _)| *at == workspace);
        Ok(found.next().map(|(_, record)| record))
    }

    async fn locate(&self, kind: &'static str, key: String) -> Result<Vec<(WorkspaceId, Record)>, StoreError> {
        let mut found = self.state().holders(kind, &key);
        found.truncate(Limit::MAX.get());
        Ok(found)
    }

    async fn workspaces(&self, after: Option<WorkspaceId>, limit: Limit) -> Result<Vec<WorkspaceId>, StoreError> {
        let after = after.unwrap_or(WorkspaceId::DIRECTORY);
        Ok(self.state().heads.keys().copied().filter(|id| *id > after).take(limit.get() + 1).collect())
    }

    async fn unrouted(&self, limit: Limit) -> Result<Vec<Unrouted>, StoreError> {
        let state = self.state();
        scan::unrouted(state.heads.iter().map(|(workspace, counters)| Ok((*workspace, *counters))), limit)
    }

    async fn route(&self, workspace: WorkspaceId, route: Route) -> Result<bool, StoreError> {
        let mut state = self.state();
        let documents = Documents::of_route(workspace, route, &*state)?;
        let fits = documents.is_some();
        documents.into_iter().for_each(|documents| state.apply(documents));
        Ok(fits)
    }

    async fn seals(&self, workspace: WorkspaceId, list: SealList) -> Result<Vec<Seal>, StoreError> {
        let state = self.state();
        owned(scan::seals(state.seals_of(workspace).map(Ok), &list))
    }

    async fn forget_origins(&self, workspace: WorkspaceId, list: OriginList) -> Result<u64, StoreError> {
        let mut state = self.state();
        let bare = scan::without_origins(state.journal(workspace, 0).map(Ok), &list)?;
        let count = bare.len() as u64;
        state.events.extend(bare.into_iter().map(|event| ((workspace, event.seq), event)));
        Ok(count)
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        let mut state = self.state();
        let due = state.deliveries.values().filter(|delivery| scan::is_due(delivery, &claim)).cloned().collect();
        let taken = scan::in_turn(due, &claim);
        let rows = taken.iter().map(|taken| ((taken.delivery.workspace, taken.delivery.id), taken.delivery.clone()));
        state.deliveries.extend(rows);
        Ok(taken)
    }

    async fn settle(
        &self,
        workspace: WorkspaceId,
        id: DeliveryId,
        token: u32,
        settlement: Settlement,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let settled = scan::settled(state.deliveries.get(&(workspace, id)).cloned(), token, settlement);
        let is_settled = settled.is_some();
        state.deliveries.extend(settled.map(|delivery| ((workspace, id), delivery)));
        Ok(is_settled)
    }

    async fn reset(&self, workspace: WorkspaceId, ids: Vec<DeliveryId>, reset: Reset) -> Result<u64, StoreError> {
        let mut state = self.state();
        let named = ids.iter().filter_map(|id| state.deliveries.get(&(workspace, *id)));
        let changed = named.filter_map(|delivery| reset.apply(delivery)).collect();
        Ok(state.rewrite(changed))
    }

    async fn mark_read(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        channel: &'static str,
        ids: Option<Vec<DeliveryId>>,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut state = self.state();
        let all = state.deliveries_of(workspace);
        let read = all.filter_map(|delivery| scan::read(delivery, user, channel, ids.as_deref(), at)).collect();
        Ok(state.rewrite(read))
    }

    async fn queue(&self) -> Result<Vec<QueueDepth>, StoreError> {
        scan::queue(self.state().deliveries.values().map(Ok))
    }

    async fn deliveries(&self, workspace: WorkspaceId, list: DeliveryList) -> Result<Vec<Delivery>, StoreError> {
        let state = self.state();
        owned(scan::deliveries(state.deliveries_of(workspace).rev().map(Ok), &list))
    }

    async fn counters(&self, workspace: WorkspaceId) -> Result<Option<Counters>, StoreError> {
        Ok(self.state().heads.get(&workspace).copied())
    }

    async fn export(&self, workspace: WorkspaceId, list: ExportList) -> Result<Vec<MovedRow>, StoreError> {
        Ok(self.state().export(workspace, &list))
    }

    async fn import(&self, workspace: WorkspaceId, import: Import) -> Result<(), CommitError> {
        let mut state = self.state();
        let documents = Documents::of_import(workspace, import, &*state)?;
        state.apply(documents);
        Ok(())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
