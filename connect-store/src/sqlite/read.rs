//! The port's reads, one statement each.

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
    Version, WorkspaceId,
};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{SqliteStore, commit, dispatch, journal, row_doc, tickets, transfer};
use crate::sql::{int, one_more, safe, store_error, uint};

fn record(row: &SqliteRow) -> Result<Record, StoreError> {
    let read = || {
        Ok(Record {
            kind: row.try_get(0)?,
            id: row.try_get(1)?,
            version: Version::new(uint(row.try_get(2)?)),
            doc: row.try_get(3)?,
        })
    };
    read().map_err(store_error)
}

pub(super) fn workspace_id(row: &SqliteRow, place: usize) -> Result<WorkspaceId, StoreError> {
    let text: &str = row.try_get(place).map_err(store_error)?;
    text.parse().map_err(|error| StoreError::Corrupt(format!("{error}")))
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, workspace: WorkspaceId, changes: ChangeSet) -> Result<Committed, CommitError> {
        self.writer.commit(workspace, changes.into_parts()).await
    }

    async fn answer(
        &self,
        workspace: WorkspaceId,
        actor: Actor,
        key: String,
    ) -> Result<Option<StoredAnswer>, StoreError> {
        let query = sqlx::query(safe(&self.sql.answer)).bind(workspace.to_string()).bind(actor.to_string()).bind(key);
        let row = self.optional(query).await?;
        row.map(|row| commit::stored_answer(&row, 0)).transpose().map_err(store_error)
    }

    async fn ticket(&self, workspace: WorkspaceId, key: TicketKey) -> Result<Option<TicketRow>, StoreError> {
        tickets::one(self, workspace, key).await
    }

    async fn tickets(&self, workspace: WorkspaceId, list: TicketList) -> Result<Vec<TicketRow>, StoreError> {
        tickets::page(self, workspace, list).await
    }

    async fn message(&self, workspace: WorkspaceId, id: MessageId) -> Result<Option<Message>, StoreError> {
        let query = sqlx::query(safe(&self.sql.message)).bind(workspace.to_string()).bind(id.to_string());
        let row = self.optional(query).await?;
        row.as_ref().map(row_doc).transpose()
    }

    async fn messages(&self, workspace: WorkspaceId, list: MessageList) -> Result<Vec<Message>, StoreError> {
        let MessageList { ticket, ids, after, notes, limit } = list;
        let statement = if ids.is_some() { &self.sql.messages_by_id } else { &self.sql.messages };
        let mut query = sqlx::query(safe(statement))
            .bind(workspace.to_string())
            .bind(ticket.to_string())
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(notes)
            .bind(one_more(limit));
        if let Some(ids) = ids {
            query = query.bind(serde_json::to_string(&ids).unwrap_or_default());
        }
        let rows = self.all(query).await?;
        rows.iter().map(row_doc).collect()
    }

    async fn events(&self, workspace: WorkspaceId, list: EventList) -> Result<Vec<Event>, StoreError> {
        journal::events(self, workspace, list).await
    }

    async fn record(
        &self,
        workspace: WorkspaceId,
        kind: &'static str,
        id: String,
    ) -> Result<Option<Record>, StoreError> {
        let query = sqlx::query(safe(&self.sql.record)).bind(workspace.to_string()).bind(kind).bind(id);
        self.optional(query).await?.as_ref().map(record).transpose()
    }

    async fn records(
        &self,
        workspace: WorkspaceId,
        kind: &'static str,
        list: RecordList,
    ) -> Result<Vec<Record>, StoreError> {
        let RecordList { ids, after, limit } = list;
        let after = after.unwrap_or_default();
        let query = match &ids {
            None => sqlx::query(safe(&self.sql.records))
                .bind(workspace.to_string())
                .bind(kind)
                .bind(after)
                .bind(one_more(limit)),
            Some(ids) => sqlx::query(safe(&self.sql.records_by_id))
                .bind(workspace.to_string())
                .bind(kind)
                .bind(serde_json::to_string(ids).unwrap_or_default())
                .bind(after),
        };
        self.all(query).await?.iter().map(record).collect()
    }

    async fn find(
        &self,
        workspace: WorkspaceId,
        kind: &'static str,
        key: String,
    ) -> Result<Option<Record>, StoreError> {
        let query = sqlx::query(safe(&self.sql.find)).bind(workspace.to_string()).bind(kind).bind(key);
        self.optional(query).await?.as_ref().map(record).transpose()
    }

    async fn locate(&self, kind: &'static str, key: String) -> Result<Vec<(WorkspaceId, Record)>, StoreError> {
        let most = int(Limit::MAX.get() as u64);
        let query = sqlx::query(safe(&self.sql.locate)).bind(kind).bind(key).bind(most);
        let rows = self.all(query).await?;
        rows.iter().map(|row| Ok((workspace_id(row, 4)?, record(row)?))).collect()
    }

    async fn workspaces(&self, after: Option<WorkspaceId>, limit: Limit) -> Result<Vec<WorkspaceId>, StoreError> {
        let after = after.unwrap_or(WorkspaceId::DIRECTORY).to_string();
        let query = sqlx::query(safe(&self.sql.workspaces)).bind(after).bind(one_more(limit));
        let rows = self.all(query).await?;
        rows.iter().map(|row| workspace_id(row, 0)).collect()
    }

    async fn unrouted(&self, limit: Limit) -> Result<Vec<Unrouted>, StoreError> {
        dispatch::unrouted(self, limit).await
    }

    async fn route(&self, workspace: WorkspaceId, route: Route) -> Result<bool, StoreError> {
        dispatch::route(self, workspace, route).await
    }

    async fn seals(&self, workspace: WorkspaceId, list: SealList) -> Result<Vec<Seal>, StoreError> {
        journal::seals(self, workspace, list).await
    }

    async fn forget_origins(&self, workspace: WorkspaceId, list: OriginList) -> Result<u64, StoreError> {
        journal::forget_origins(self, workspace, list).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        dispatch::claim(self, claim).await
    }

    async fn settle(
        &self,
        workspace: WorkspaceId,
        id: DeliveryId,
        token: u32,
        settlement: Settlement,
    ) -> Result<bool, StoreError> {
        dispatch::settle(self, workspace, id, token, settlement).await
    }

    async fn reset(&self, workspace: WorkspaceId, ids: Vec<DeliveryId>, reset: Reset) -> Result<u64, StoreError> {
        dispatch::reset(self, workspace, ids, reset).await
    }

    async fn mark_read(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        channel: &'static str,
        ids: Option<Vec<DeliveryId>>,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        dispatch::mark_read(self, workspace, user, channel, ids, at).await
    }

    async fn queue(&self) -> Result<Vec<QueueDepth>, StoreError> {
        dispatch::queue(self).await
    }

    async fn deliveries(&self, workspace: WorkspaceId, list: DeliveryList) -> Result<Vec<Delivery>, StoreError> {
        dispatch::list(self, workspace, list).await
    }

    async fn counters(&self, workspace: WorkspaceId) -> Result<Option<Counters>, StoreError> {
        transfer::counters(self, workspace).await
    }

    async fn export(&self, workspace: WorkspaceId, list: ExportList) -> Result<Vec<MovedRow>, StoreError> {
        transfer::export(self, workspace, list).await
    }

    async fn import(&self, workspace: WorkspaceId, import: Import) -> Result<(), CommitError> {
        transfer::import(self, workspace, import).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.optional(sqlx::query(safe(&self.sql.ready))).await?;
        let statement = self.sql.can_write.clone();
        self.writer
            .write(move |connection| {
                let statement = statement.clone();
                Box::pin(async move { sqlx::query(safe(&statement)).execute(connection).await.map(|_| ()) })
            })
            .await
    }
}
