//! The ports to where state lives.

mod auth;
mod blob;
mod feed;
mod limit;
mod seal;
mod transfer;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::change::{ChangeSet, Committed};
use crate::contact::Contact;
use crate::delivery::{Claim, Claimed, Delivery, DeliveryList, QueueDepth, Reset, Route, Settlement};
use crate::event::Event;
use crate::message::Message;
use crate::record::Record;
use crate::ticket::{Ticket, TicketList};
use crate::{Actor, DeliveryId, Limit, MessageId, TicketId, Timestamp, UserId, WorkspaceId};

pub use auth::{AuthStore, Budget, Challenge, ChallengeSeen, CodeForm, Flow, Resend, Revoke, Session};
pub use blob::{BlobError, BlobInfo, BlobKey, BlobRead, BlobStore, BlobStream, verified};
pub use feed::{Fanout, Hint, LiveFeed, LocalFeed, NotASign, Sign, Signal, Signals, Signs};
pub use limit::{Quota, RateLimiter, Verdict};
pub use seal::{OriginList, Seal, SealList};
pub use transfer::{Counters, ExportList, Import, MovedRow, Part, answer_place};

/// Why a store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or not now: trying again later is right.
    #[error("the store is unavailable: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored does not read.
    #[error("stored data does not read: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// It cannot be reached, because of this.
    pub fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(cause.into())
    }
}

/// Why a change set was not kept. Nothing of it is stored, but for [`CommitError::Unknown`].
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A version that was to be replaced is not the present one. Decide again on fresh state.
    #[error("{what} has changed")]
    Conflict {
        /// The id of the ticket or record.
        what: String,
    },
    /// Another record holds a unique key.
    #[error("{key} of a {kind} is taken")]
    Taken {
        /// The kind of the record.
        kind: String,
        /// The key.
        key: String,
    },
    /// The change refers to something that this workspace does not have.
    #[error("{what} is not in this workspace")]
    Missing {
        /// Its id.
        what: String,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The store failed before the change was kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The connection broke during the commit: kept or not is unknown.
    #[error("the outcome of the commit is unknown")]
    Unknown,
}

/// A ticket by id or by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketKey {
    /// By id.
    Id(TicketId),
    /// By number.
    Number(u64),
}

/// A ticket with its contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRow {
    /// The ticket.
    pub ticket: Ticket,
    /// Who asks.
    pub contact: Contact,
}

/// Messages of one ticket to be read, oldest first.
#[derive(Debug, Clone)]
pub struct MessageList {
    /// The ticket.
    pub ticket: TicketId,
    /// These only; at most 201.
    pub ids: Option<Vec<MessageId>>,
    /// After this message.
    pub after: Option<MessageId>,
    /// Whether internal notes are among them.
    pub notes: bool,
    /// How many at most.
    pub limit: Limit,
}

/// Events to be read, oldest first.
#[derive(Debug, Clone, Default)]
pub struct EventList {
    /// Of this ticket only.
    pub ticket: Option<TicketId>,
    /// Only those that customers and viewers may see: [`Fact::is_public`](crate::event::Fact::is_public).
    pub public: bool,
    /// After this number.
    pub after: u64,
    /// How many at most.
    pub limit: Limit,
}

/// Records of one kind to be read, in the order of their ids.
#[derive(Debug, Clone, Default)]
pub struct RecordList {
    /// These only; at most 1,000.
    pub ids: Option<Vec<String>>,
    /// After this id.
    pub after: Option<String>,
    /// How many at most.
    pub limit: Limit,
}

/// The answer that was kept for an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The hash of the request it answers.
    pub request_hash: String,
    /// What the commit made.
    pub committed: Committed,
    /// Until when it counts.
    pub expires_at: Timestamp,
}

/// How far a workspace's events have been routed to deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unrouted {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The last event that was routed.
    pub routed: u64,
    /// The last event there is.
    pub last: u64,
}

/// Where tickets, messages, events, records and deliveries live.
///
/// # Contract
///
/// - **Atomic.** [`commit`](Self::commit) keeps all parts of a change set or none, and answers only when
///   they would survive the loss of power.
/// - **Versions.** A write names the version it replaces; if another one is there, nothing is kept and
///   the answer is [`CommitError::Conflict`]. Among parallel writers exactly one wins.
/// - **Eventless.** A change set may hold records and no event, that of a consumer that has moved on: it is kept like any
///   other, and numbers nothing.
/// - **Order.** Events of a workspace are numbered 1, 2, 3 … without a gap, in the order in which their
///   commits become visible. Who has seen number n never later finds one below n. Tickets are numbered
///   likewise.
/// - **Append-only.** Events and seals are added and read. Nothing here changes or removes one, but for
///   [`forget_origins`](Self::forget_origins), which no seal is over.
/// - **Once.** A change set with an idempotency key that was used before by the same actor in the same
///   workspace writes nothing: it answers what the earlier commit answered if the request hash is the
///   same, else [`CommitError::KeyReused`]. Keys past their end are as if they had never been.
/// - **Tenancy.** Every method but [`locate`](Self::locate), [`workspaces`](Self::workspaces),
///   [`unrouted`](Self::unrouted), [`claim`](Self::claim) and [`queue`](Self::queue) sees one workspace only: an id of
///   another one is answered as one that does not exist.
/// - **Cancellation.** A caller may drop the future at any moment: the change is then kept whole or not
///   at all, and nothing else is disturbed.
/// - Lists answer at most one row more than their limit, so that the caller sees whether there is more.
/// - May be called from any task, in parallel.
///
/// The conformance kit of `connect-store` checks all of it.
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync {
    /// Keeps a change set, whole or not at all.
    async fn commit(&self, workspace: WorkspaceId, changes: ChangeSet) -> Result<Committed, CommitError>;

    /// The answer that was kept for an idempotency key. One past its end may still be answered.
    async fn answer(
        &self,
        workspace: WorkspaceId,
        actor: Actor,
        key: String,
    ) -> Result<Option<StoredAnswer>, StoreError>;

    /// One ticket.
    async fn ticket(&self, workspace: WorkspaceId, key: TicketKey) -> Result<Option<TicketRow>, StoreError>;

    /// A page of tickets.
    async fn tickets(&self, workspace: WorkspaceId, list: TicketList) -> Result<Vec<TicketRow>, StoreError>;

    /// One message.
    async fn message(&self, workspace: WorkspaceId, id: MessageId) -> Result<Option<Message>, StoreError>;

    /// A page of messages.
    async fn messages(&self, workspace: WorkspaceId, list: MessageList) -> Result<Vec<Message>, StoreError>;

    /// A page of events.
    async fn events(&self, workspace: WorkspaceId, list: EventList) -> Result<Vec<Event>, StoreError>;

    /// One record.
    async fn record(
        &self,
        workspace: WorkspaceId,
        kind: &'static str,
        id: String,
    ) -> Result<Option<Record>, StoreError>;

    /// A page of records of a kind.
    async fn records(
        &self,
        workspace: WorkspaceId,
        kind: &'static str,
        list: RecordList,
    ) -> Result<Vec<Record>, StoreError>;

    /// The record of a workspace that holds a key.
    async fn find(&self, workspace: WorkspaceId, kind: &'static str, key: String)
    -> Result<Option<Record>, StoreError>;

    /// The records that hold a key, in whatever workspace, oldest workspace first; at most 200.
    ///
    /// The one read over all tenants: sign-in asks it where a person belongs, and what a slug means.
    async fn locate(&self, kind: &'static str, key: String) -> Result<Vec<(WorkspaceId, Record)>, StoreError>;

    /// Workspaces in the order of their ids, without the directory.
    async fn workspaces(&self, after: Option<WorkspaceId>, limit: Limit) -> Result<Vec<WorkspaceId>, StoreError>;

    /// Workspaces, the directory among them, that have events which are not routed yet.
    async fn unrouted(&self, limit: Limit) -> Result<Vec<Unrouted>, StoreError>;

    /// Queues deliveries, keeps the seal and moves the routing cursor, all or nothing. Answers `false`, and does
    /// nothing, if the cursor is not where the caller thinks. A delivery whose unique key exists is left as it
    /// is.
    async fn route(&self, workspace: WorkspaceId, route: Route) -> Result<bool, StoreError>;

    /// Seals on the journal of a workspace.
    async fn seals(&self, workspace: WorkspaceId, list: SealList) -> Result<Vec<Seal>, StoreError>;

    /// Removes the [origins](crate::event::Event::origin) of events, and nothing else of them; answers how many
    /// there were. The one thing of the journal that can be removed.
    async fn forget_origins(&self, workspace: WorkspaceId, list: OriginList) -> Result<u64, StoreError>;

    /// Takes deliveries of a channel that are due, or whose lease has ended, for as long as the lease lasts. No
    /// delivery is taken twice within its lease. Each taking counts an attempt and gets a token of its own.
    ///
    /// Workspaces take turns: the first of each that is due goes before the second of any, however many wait; within a
    /// workspace what has waited longest goes first.
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError>;

    /// Says how a delivery went. Answers `false`, and does nothing, if the token is not that of the newest
    /// taking or the delivery is settled already.
    async fn settle(
        &self,
        workspace: WorkspaceId,
        id: DeliveryId,
        token: u32,
        settlement: Settlement,
    ) -> Result<bool, StoreError>;

    /// Queues or drops deliveries by hand, as [`Reset::apply`] says; answers how many it changed. Whoever is just sending
    /// one cannot settle it any more.
    async fn reset(&self, workspace: WorkspaceId, ids: Vec<DeliveryId>, reset: Reset) -> Result<u64, StoreError>;

    /// Notes that a user has read deliveries of a channel, these or all; answers how many were unread. What was read
    /// keeps its time.
    async fn mark_read(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        channel: &'static str,
        ids: Option<Vec<DeliveryId>>,
        at: Timestamp,
    ) -> Result<u64, StoreError>;

    /// What waits in each channel, over all workspaces.
    async fn queue(&self) -> Result<Vec<QueueDepth>, StoreError>;

    /// Deliveries of a workspace, newest first.
    async fn deliveries(&self, workspace: WorkspaceId, list: DeliveryList) -> Result<Vec<Delivery>, StoreError>;

    /// The counters of a workspace; none if there is no such workspace.
    async fn counters(&self, workspace: WorkspaceId) -> Result<Option<Counters>, StoreError>;

    /// Rows of a workspace as they are stored, in the order of their places.
    async fn export(&self, workspace: WorkspaceId, list: ExportList) -> Result<Vec<MovedRow>, StoreError>;

    /// Writes rows as they were read elsewhere, all or none, with their keys, numbers and searched words. A
    /// row whose place is taken already is left as it is, so that an import may be repeated from any point.
    /// [`CommitError::Conflict`] if the workspace has counters already, [`CommitError::Taken`] if another
    /// record holds one of the keys, [`CommitError::Missing`] if a row refers to one that is not there.
    async fn import(&self, workspace: WorkspaceId, import: Import) -> Result<(), CommitError>;

    /// Whether the store can serve now: a small read, and that it can be written.
    async fn ready(&self) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    /// The methods of the port, as they stand in this file.
    fn methods() -> Vec<&'static str> {
        let text = include_str!("mod.rs");
        let port =
            text.split("pub trait Store:").nth(1).and_then(|rest| rest.split("\n}\n").next()).unwrap_or_default();
        let names = port.split("async fn ").skip(1);
        names.filter_map(|rest| rest.split('(').next()).collect()
    }

    #[test]
    fn sec_82_nothing_in_the_port_changes_or_removes_an_event() {
        let methods = methods();
        assert!(methods.contains(&"events") && methods.contains(&"seals") && methods.len() > 20, "{methods:?}");
        let about: Vec<&str> = methods
            .into_iter()
            .filter(|name| ["event", "seal", "journal", "origin", "audit"].iter().any(|word| name.contains(word)))
            .collect();
        // Two reads, and the one removal that no seal is over.
        assert_eq!(about, ["events", "seals", "forget_origins"]);
    }
}
