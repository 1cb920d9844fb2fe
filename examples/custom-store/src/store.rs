//! The port of the desk's state. Which rows fit, and in which order, is said by `connect_store::scan`.

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
    Actor, ChangeSet, CommitError, Committed, DeliveryId, Limit, MessageId, Store, Timestamp, UserId, WorkspaceId,
};
use connect_store::group::{Document, Documents};
use connect_store::scan;
use redb::WriteTransaction;

use crate::rows::{self, Present};
use crate::table::{DUE, HEADS, INDEX, KEYS, ROWS, Reads, document, part, row, thread, unique};
use crate::{RedbStore, Result};

fn with_contact(from: &impl Reads, workspace: WorkspaceId, ticket: Ticket) -> Result<TicketRow> {
    let contact = document(from, row(workspace, Part::Records, ticket.contact))?;
    scan::with_contact(ticket, contact)
}

fn record(from: &impl Reads, workspace: WorkspaceId, kind: &str, id: &str) -> Result<Option<Record>> {
    let found = document::<Record>(from, row(workspace, Part::Records, id))?;
    Ok(found.filter(|record| record.kind == kind))
}

/// Deliveries whose time has come, of whatever channel. A lease is nothing but a later due time.
fn due_by(from: &impl Reads, now: Timestamp) -> Result<Vec<Delivery>> {
    let is_due = |row: &Result<(Timestamp, String)>| !row.as_ref().is_ok_and(|(at, _)| *at > now);
    let due: Vec<_> = DUE.walk(from, "", None, |rows| rows.take_while(is_due).collect::<Result<_>>())?;
    // One row that does not read must not hold up all others.
    Ok(due.into_iter().filter_map(|(_, at)| document(from, at).ok().flatten()).collect())
}

/// Writes those deliveries of a workspace of which something is to be different; answers how many.
fn rewrite(to: &WriteTransaction, workspace: WorkspaceId, next: impl Fn(&Delivery) -> Option<Delivery>) -> Result<u64> {
    let all: Vec<Delivery> = part(to, workspace, None, |rows| rows.collect())?;
    let changed = all.iter().filter_map(next);
    changed.map(|delivery| rows::put(to, workspace, MovedRow::Delivery(delivery)).map(|()| 1)).sum()
}

#[async_trait]
impl Store for RedbStore {
    async fn commit(&self, workspace: WorkspaceId, changes: ChangeSet) -> Result<Committed, CommitError> {
        let changes = changes.into_parts();
        self.change(move |to| {
            let (committed, documents) = Documents::of_changes(workspace, changes, &Present(to))?;
            Ok(rows::write(to, documents).map(|()| committed)?)
        })
        .await
    }

    async fn answer(&self, workspace: WorkspaceId, actor: Actor, key: String) -> Result<Option<StoredAnswer>> {
        let at = row(workspace, Part::Answers, answer_place(&actor.to_string(), &key));
        self.read(move |from| document(from, at)).await
    }

    async fn ticket(&self, workspace: WorkspaceId, key: TicketKey) -> Result<Option<TicketRow>> {
        self.read(move |from| {
            let at = match key {
                TicketKey::Id(id) => Some(row(workspace, Part::Tickets, id)),
                TicketKey::Number(n) => INDEX.get(from, row(workspace, Part::Tickets, format_args!("{n:020}")))?,
            };
            let ticket = at.map_or(Ok(None), |at| document(from, at))?;
            ticket.map(|ticket| with_contact(from, workspace, ticket)).transpose()
        })
        .await
    }

    async fn tickets(&self, workspace: WorkspaceId, list: TicketList) -> Result<Vec<TicketRow>> {
        self.read(move |from| {
            let messages_of = |of: &Ticket| thread::<Message, _>(from, (workspace, of.id), None, |rows| rows.collect());
            let page = part(from, workspace, None, |rows| scan::tickets(rows, &list, messages_of))?;
            page.into_iter().map(|ticket| with_contact(from, workspace, ticket)).collect()
        })
        .await
    }

    async fn message(&self, workspace: WorkspaceId, id: MessageId) -> Result<Option<Message>> {
        self.read(move |from| document(from, row(workspace, Part::Messages, id))).await
    }

    async fn messages(&self, workspace: WorkspaceId, list: MessageList) -> Result<Vec<Message>> {
        let (ticket, after) = ((workspace, list.ticket), list.after.map(|after| after.to_string()));
        self.read(move |from| thread(from, ticket, after, |rows| scan::messages(rows, &list))).await
    }

    async fn events(&self, workspace: WorkspaceId, list: EventList) -> Result<Vec<Event>> {
        let after = Some(format!("{:020}", list.after));
        self.read(move |from| match list.ticket {
            None => part(from, workspace, after, |rows| scan::events(rows, &list)),
            Some(ticket) => thread(from, (workspace, ticket), after, |rows| scan::events(rows, &list)),
        })
        .await
    }

    async fn record(&self, workspace: WorkspaceId, kind: &'static str, id: String) -> Result<Option<Record>> {
        self.read(move |from| record(from, workspace, kind, &id)).await
    }

    async fn records(&self, workspace: WorkspaceId, kind: &'static str, list: RecordList) -> Result<Vec<Record>> {
        let after = list.after.clone();
        self.read(move |from| part(from, workspace, after, |rows| scan::records(rows, kind, &list))).await
    }

    async fn find(&self, workspace: WorkspaceId, kind: &'static str, key: String) -> Result<Option<Record>> {
        self.read(move |from| {
            // A key may be held elsewhere too, or only there: then it is not here.
            let is_here = |(at, _): &(WorkspaceId, String)| *at == workspace;
            let held = KEYS.walk(from, &unique(kind, &key, ""), None, |rows| scan::first(rows, 1, is_here))?;
            held.first().map_or(Ok(None), |(_, id)| record(from, workspace, kind, id))
        })
        .await
    }

    async fn locate(&self, kind: &'static str, key: String) -> Result<Vec<(WorkspaceId, Record)>> {
        self.read(move |from| {
            let held: Vec<_> = KEYS.walk(from, &unique(kind, &key, ""), None, |rows| rows.collect())?;
            let found = held.iter().map(|(at, id)| Ok(record(from, *at, kind, id)?.map(|record| (*at, record))));
            found.filter_map(Result::transpose).take(Limit::MAX.get()).collect()
        })
        .await
    }

    async fn workspaces(&self, after: Option<WorkspaceId>, limit: Limit) -> Result<Vec<WorkspaceId>> {
        let (after, most) = (Some(after.unwrap_or(WorkspaceId::DIRECTORY).to_string()), limit.get() + 1);
        self.read(move |from| HEADS.walk(from, "", after, |all| all.take(most).map(|at| Ok(at?.0)).collect())).await
    }

    async fn unrouted(&self, limit: Limit) -> Result<Vec<Unrouted>> {
        self.read(move |from| HEADS.walk(from, "", None, |rows| scan::unrouted(rows, limit))).await
    }

    async fn route(&self, workspace: WorkspaceId, route: Route) -> Result<bool> {
        self.write(move |to| {
            let Some(documents) = Documents::of_route(workspace, route, &Present(to))? else { return Ok(false) };
            rows::write(to, documents).map(|()| true)
        })
        .await
    }

    async fn seals(&self, workspace: WorkspaceId, list: SealList) -> Result<Vec<Seal>> {
        self.read(move |from| part(from, workspace, None, |rows| scan::seals(rows, &list))).await
    }

    async fn forget_origins(&self, workspace: WorkspaceId, list: OriginList) -> Result<u64> {
        self.write(move |to| {
            let bare = part(to, workspace, None, |rows| scan::without_origins::<Event>(rows, &list))?;
            bare.into_iter().map(|event| rows::put(to, workspace, MovedRow::Event(event)).map(|()| 1)).sum()
        })
        .await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>> {
        let asked = claim.clone();
        // Looking first spares an idle desk a synced write at every poll.
        if !self.read(move |from| Ok(due_by(from, asked.now)?.iter().any(|row| scan::is_due(row, &asked)))).await? {
            return Ok(Vec::new());
        }
        self.write(move |to| {
            let due = due_by(to, claim.now)?.into_iter().filter(|delivery| scan::is_due(delivery, &claim)).collect();
            let taken = scan::in_turn(due, &claim);
            for Claimed { delivery, .. } in &taken {
                rows::put(to, delivery.workspace, MovedRow::Delivery(delivery.clone()))?;
            }
            Ok(taken)
        })
        .await
    }

    async fn settle(&self, workspace: WorkspaceId, id: DeliveryId, token: u32, how: Settlement) -> Result<bool> {
        self.write(move |to| {
            let taken = document(to, row(workspace, Part::Deliveries, id))?;
            let Some(settled) = scan::settled(taken, token, how) else { return Ok(false) };
            rows::put(to, workspace, MovedRow::Delivery(settled)).map(|()| true)
        })
        .await
    }

    async fn reset(&self, workspace: WorkspaceId, ids: Vec<DeliveryId>, reset: Reset) -> Result<u64> {
        let next = move |row: &Delivery| if ids.contains(&row.id) { reset.apply(row) } else { None };
        self.write(move |to| rewrite(to, workspace, next)).await
    }

    async fn mark_read(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        channel: &'static str,
        ids: Option<Vec<DeliveryId>>,
        at: Timestamp,
    ) -> Result<u64> {
        let next = move |row: &Delivery| scan::read(row, user, channel, ids.as_deref(), at);
        self.write(move |to| rewrite(to, workspace, next)).await
    }

    async fn queue(&self) -> Result<Vec<QueueDepth>> {
        let delivery = |row: Result<MovedRow>| row.map(Delivery::out_of).transpose();
        self.read(move |from| ROWS.walk(from, "", None, |rows| scan::queue(rows.filter_map(delivery)))).await
    }

    async fn deliveries(&self, workspace: WorkspaceId, list: DeliveryList) -> Result<Vec<Delivery>> {
        self.read(move |from| part(from, workspace, None, |rows| scan::deliveries(rows.rev(), &list))).await
    }

    async fn counters(&self, workspace: WorkspaceId) -> Result<Option<Counters>> {
        self.read(move |from| Ok(HEADS.get(from, workspace)?.map(|(_, counters)| counters))).await
    }

    async fn export(&self, workspace: WorkspaceId, list: ExportList) -> Result<Vec<MovedRow>> {
        let (prefix, most) = (row(workspace, list.part, ""), list.limit.get() + 1);
        self.read(move |from| ROWS.walk(from, &prefix, list.after, |rows| rows.take(most).collect())).await
    }

    async fn import(&self, workspace: WorkspaceId, import: Import) -> Result<(), CommitError> {
        self.change(move |to| Ok(rows::write(to, Documents::of_import(workspace, import, &Present(to))?)?)).await
    }

    async fn ready(&self) -> Result<()> {
        // A transaction that begins, reads, is committed and synced: what every write needs.
        self.write(|to| HEADS.get(to, "").map(|_| ())).await
    }
}
