//! Everything in memory: for tests and demonstrations. Nothing survives the process.

mod auth;
mod state;
mod transfer;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use connect_core::delivery::{Claim, Claimed, Delivery, DeliveryList, DeliveryState, Route, Settlement};
use connect_core::event::Event;
use connect_core::message::{Message, MessageKind};
use connect_core::record::Record;
use connect_core::store::{
    Counters, EventList, ExportList, Import, MessageList, MovedRow, RecordList, StoredAnswer, TicketKey, TicketRow, Unrouted,
};
use connect_core::ticket::TicketList;
use connect_core::{
    Actor, ChangeSet, CommitError, Committed, DeliveryId, Limit, MessageId, Store, StoreError, WorkspaceId,
};

use crate::group::{AnswerRef, Rows, Wanted, judge};
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

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, workspace: WorkspaceId, changes: ChangeSet) -> Result<Committed, CommitError> {
        let parts = changes.into_parts();
        let mut wanted = Wanted::default();
        wanted.add(workspace, &parts);
        let mut state = self.state();
        let mut known = state.known(&wanted);
        let mut rows = Rows::default();
        let committed = judge(&mut known, &mut rows, workspace, parts)?;
        state.apply(rows)?;
        Ok(committed)
    }

    async fn answer(
        &self,
        workspace: WorkspaceId,
        actor: Actor,
        key: String,
    ) -> Result<Option<StoredAnswer>, StoreError> {
        Ok(self.state().answers.get(&AnswerRef { workspace, actor: actor.to_string(), key }).cloned())
    }

    async fn ticket(&self, workspace: WorkspaceId, key: TicketKey) -> Result<Option<TicketRow>, StoreError> {
        let state = self.state();
        let ticket = match key {
            TicketKey::Id(id) => state.tickets.get(&(workspace, id)),
            TicketKey::Number(number) => state.in_workspace(workspace).find(|ticket| ticket.number == number),
        };
        ticket.map(|ticket| state.with_contact(workspace, ticket)).transpose()
    }

    async fn tickets(&self, workspace: WorkspaceId, list: TicketList) -> Result<Vec<TicketRow>, StoreError> {
        let state = self.state();
        let TicketList { filter, sort, after, limit } = list;
        let mut found: Vec<_> = state
            .in_workspace(workspace)
            .filter(|ticket| filter.fits(ticket) && state.words_fit(workspace, ticket, &filter))
            .collect();
        found.sort_by_key(|ticket| (sort.value(ticket), ticket.id));
        if sort.descending {
            found.reverse();
        }
        let is_after = |ticket: &connect_core::ticket::Ticket| {
            after.is_none_or(|after| {
                let (here, there) = ((sort.value(ticket), ticket.id), (after.value, after.id));
                if sort.descending { here < there } else { here > there }
            })
        };
        let page = found.into_iter().filter(|ticket| is_after(ticket)).take(limit.get() + 1);
        page.map(|ticket| state.with_contact(workspace, ticket)).collect()
    }

    async fn message(&self, workspace: WorkspaceId, id: MessageId) -> Result<Option<Message>, StoreError> {
        Ok(self.state().messages.get(&(workspace, id)).cloned())
    }

    async fn messages(&self, workspace: WorkspaceId, list: MessageList) -> Result<Vec<Message>, StoreError> {
        let MessageList { ticket, ids, after, notes, limit } = list;
        let state = self.state();
        let found = state.messages.iter().filter(|((at, id), message)| {
            *at == workspace
                && message.ticket == ticket
                && ids.as_ref().is_none_or(|ids| ids.contains(id))
                && after.is_none_or(|after| *id > after)
                && (notes || message.kind == MessageKind::Reply)
        });
        Ok(found.map(|(_, message)| message.clone()).take(limit.get() + 1).collect())
    }

    async fn events(&self, workspace: WorkspaceId, list: EventList) -> Result<Vec<Event>, StoreError> {
        let EventList { ticket, public, after, limit } = list;
        let state = self.state();
        let found = state.events.get(&workspace).into_iter().flatten();
        let found = found
            .filter(|e| e.seq > after && (ticket.is_none() || e.ticket == ticket) && (!public || e.fact.is_public()));
        Ok(found.take(limit.get() + 1).cloned().collect())
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
        let RecordList { ids, after, limit } = list;
        let most = ids.as_ref().map_or(limit.get() + 1, Vec::len);
        let state = self.state();
        let found = state.records.iter().filter(|((at, id), record)| {
            *at == workspace
                && record.kind == kind
                && ids.as_ref().is_none_or(|ids| ids.contains(id))
                && after.as_ref().is_none_or(|after| id > after)
        });
        Ok(found.map(|(_, record)| record.clone()).take(most).collect())
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
        let all = state.heads.iter().map(|(workspace, head)| Unrouted {
            workspace: *workspace,
            routed: state.routed.get(workspace).copied().unwrap_or(0),
            last: head.last_seq,
        });
        Ok(all.filter(|at| at.routed < at.last).take(limit.get()).collect())
    }

    async fn route(&self, workspace: WorkspaceId, route: Route) -> Result<bool, StoreError> {
        let Route { from, to, deliveries } = route;
        let mut state = self.state();
        let last = state.heads.get(&workspace).map_or(0, |head| head.last_seq);
        let cursor = state.routed.entry(workspace).or_insert(0);
        if *cursor != from || to > last {
            return Ok(false);
        }
        *cursor = to;
        for delivery in deliveries {
            if state.delivery_keys.insert((workspace, delivery.unique_key())) {
                state.deliveries.insert((workspace, delivery.id), delivery);
            }
        }
        Ok(true)
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        let mut state = self.state();
        let mut due: Vec<&mut Delivery> = state
            .deliveries
            .values_mut()
            .filter(|d| d.state == DeliveryState::Queued && d.due_at <= claim.now)
            .collect();
        due.sort_by_key(|delivery| (delivery.due_at, delivery.id));
        let taken = due.into_iter().take(claim.limit).map(|delivery| {
            delivery.attempts += 1;
            delivery.due_at = claim.now.plus(claim.lease);
            Claimed { delivery: delivery.clone(), token: delivery.attempts }
        });
        Ok(taken.collect())
    }

    async fn settle(
        &self,
        workspace: WorkspaceId,
        id: DeliveryId,
        token: u32,
        settlement: Settlement,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(delivery) = state.deliveries.get_mut(&(workspace, id)) else { return Ok(false) };
        if delivery.state != DeliveryState::Queued || delivery.attempts != token {
            return Ok(false);
        }
        *delivery = settlement.apply(delivery.clone());
        Ok(true)
    }

    async fn deliveries(&self, workspace: WorkspaceId, list: DeliveryList) -> Result<Vec<Delivery>, StoreError> {
        let DeliveryList { messages, state: wanted, limit } = list;
        let state = self.state();
        let found = state.deliveries.iter().rev().filter(|((at, _), delivery)| {
            *at == workspace
                && messages.as_ref().is_none_or(|ids| delivery.message.is_some_and(|id| ids.contains(&id)))
                && wanted.is_none_or(|wanted| delivery.state == wanted)
        });
        Ok(found.map(|(_, delivery)| delivery.clone()).take(limit.get() + 1).collect())
    }

    async fn counters(&self, workspace: WorkspaceId) -> Result<Option<Counters>, StoreError> {
        Ok(self.state().counters(workspace))
    }

    async fn export(&self, workspace: WorkspaceId, list: ExportList) -> Result<Vec<MovedRow>, StoreError> {
        self.state().export(workspace, &list)
    }

    async fn import(&self, workspace: WorkspaceId, import: Import) -> Result<(), CommitError> {
        self.state().import(workspace, import)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
