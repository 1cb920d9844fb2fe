//! What a host hangs on the journal: every event, once per cursor.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::debug;

use super::{Backoff, Composed, Plan, Subscriber};
use crate::change::ChangeSet;
use crate::delivery::{Delivery, DeliveryList, DeliveryState, Recipient};
use crate::event::Event;
use crate::notify::{Channel, ChannelLimits, Handed, Outgoing, SendFailure};
use crate::record::{RecordKey, RecordKind};
use crate::store::EventList;
use crate::{Actor, CommitError, Desk, Error, Limit, Result, StoreError, Timestamp, Version, WorkspaceId};

/// Events that are handed over at once, at most.
const BATCH: u64 = 100;
/// For how long nobody else hands over, once somebody has begun a batch.
const HELD_FOR: Duration = Duration::from_secs(60);
/// How long one delivery goes on handing over before it lets another workspace's have its place.
/// A call that begins at its end still fits into what a delivery may take, 48 s at the usual lease.
const SPELL: Duration = Duration::from_secs(15);
/// How often it is looked whether another node has done it already.
const LOOK: Duration = Duration::from_millis(50);

/// Somebody who reads the whole journal: what a host keeps in step with the desk, such as its own search or ledger.
///
/// # Contract
///
/// Events of a workspace, [the directory's](WorkspaceId::DIRECTORY) among them, are handed over in order and without a
/// gap, from the first on, and never by two nodes at once unless one of them takes longer than a minute. Where it stands
/// is kept for each workspace under the consumer's name, and moves when `take` has answered `Ok`; so an event comes again
/// only if `take` failed, or the process died before that was kept. Whoever must not act twice tells repeats by
/// [`Event::id`], or keeps the last [`Event::seq`] with what it writes. While it fails, it is asked again after waits of
/// up to 5 minutes, for as long as it takes, and gets nothing later of that workspace. A call ends within 30 s. A consumer that
/// is added to a desk with a history gets that of a workspace with the next thing that happens there.
#[async_trait]
pub trait Consumer: std::fmt::Debug + Send + Sync {
    /// A stable name that no channel has; where it stands is kept under it.
    fn name(&self) -> &'static str;

    /// Takes the next events of a workspace. An error means "later"; its text is kept for whoever looks.
    async fn take(&self, desk: &Desk, workspace: WorkspaceId, events: &[Event]) -> Result<(), String>;
}

/// Where a consumer stands in the journal of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    consumer: String,
    /// The last event that it took.
    after: u64,
    /// Until when somebody is handing over what follows.
    held_until: Option<Timestamp>,
    /// Tells two apart who begin at the same place at the same instant.
    holder: u64,
    version: Version,
}

impl RecordKind for Cursor {
    const KIND: &'static str = "cursor";

    fn id(&self) -> String {
        Self::id_of(&self.consumer)
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl Cursor {
    fn id_of(consumer: &str) -> String {
        format!("cursor_{consumer}")
    }

    fn begin(consumer: &str) -> Self {
        Self { consumer: consumer.to_owned(), after: 0, held_until: None, holder: 0, version: Version::ABSENT }
    }
}

/// What is to be handed to a consumer: the events of a workspace, up to one of them at least.
#[derive(Debug, Clone)]
pub struct Behind {
    desk: Desk,
    workspace: WorkspaceId,
    upto: u64,
}

/// A consumer as the dispatcher knows it: each batch that is routed rings once, and who answers reads on from the cursor.
#[derive(Debug, Clone)]
pub(crate) struct Consuming(pub(crate) Arc<dyn Consumer>);

#[async_trait]
impl Subscriber for Consuming {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    async fn plan(&self, _: &Desk, _: WorkspaceId, events: &[Event]) -> Result<Vec<Plan>> {
        let last = events.last();
        Ok(last.map(|event| Plan::over(self.0.name(), event, "events", Recipient::Host)).into_iter().collect())
    }

    async fn compose(&self, desk: &Desk, delivery: &Delivery) -> Result<Composed> {
        if self.cursor(desk, delivery.workspace).await?.after >= delivery.event {
            return Ok(Composed::Drop("taken with earlier events"));
        }
        let later = DeliveryList {
            channel: Some(delivery.channel.clone()),
            state: Some(DeliveryState::Queued),
            ..DeliveryList::default()
        };
        // By the event, not by the id: ids follow the clock, which may have been set back.
        let later = desk.store().deliveries(delivery.workspace, later).await?;
        if later.iter().any(|later| later.event > delivery.event) {
            return Ok(Composed::Drop("a later one rings for these events, too"));
        }
        let behind = Behind { desk: desk.clone(), workspace: delivery.workspace, upto: delivery.event };
        Ok(Composed::Send(Outgoing::Events(Box::new(behind))))
    }
}

#[async_trait]
impl Channel for Consuming {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn limits(&self) -> ChannelLimits {
        // It is never given up: what is behind it waits for it.
        let steps = [1, 2, 5, 15, 60, 300].into_iter().map(Duration::from_secs).collect();
        ChannelLimits { backoff: Backoff::new(steps, Duration::MAX), ..ChannelLimits::at_once(4) }
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<Handed, SendFailure> {
        let Outgoing::Events(behind) = outgoing else {
            return Err(SendFailure::Permanent("these are no events".to_owned()));
        };
        let begun = Instant::now();
        loop {
            let cursor = self.cursor(&behind.desk, behind.workspace).await.map_err(later)?;
            if cursor.after >= behind.upto {
                return Ok(Handed::default());
            }
            if begun.elapsed() > SPELL {
                return Err(SendFailure::RetryAfter("there is more than fits".to_owned(), Duration::ZERO));
            }
            if !self.hand_over(behind, cursor).await? {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    async fn probe(&self) -> Result<(), SendFailure> {
        Ok(())
    }
}

fn later(error: impl Into<Error>) -> SendFailure {
    SendFailure::Retry(error.into().to_string())
}

impl Consuming {
    async fn cursor(&self, desk: &Desk, workspace: WorkspaceId) -> Result<Cursor, StoreError> {
        let id = Cursor::id_of(self.0.name());
        let record = desk.store().record(workspace, Cursor::KIND, id).await?;
        record.map_or_else(|| Ok(Cursor::begin(self.0.name())), |record| record.read())
    }

    /// Hands over the events behind a cursor, if nobody else does; answers whether it did.
    async fn hand_over(&self, behind: &Behind, cursor: Cursor) -> Result<bool, SendFailure> {
        let Behind { desk, workspace, .. } = behind;
        let now = desk.now();
        // A clock that was set back must not keep the cursor held for much longer than it ever is; one that is a little behind
        // another node's must not take it for that.
        if cursor.held_until.is_some_and(|until| now < until && until <= now.plus(HELD_FOR * 2)) {
            return Ok(false);
        }
        let holder = u64::from_le_bytes(desk.random().bytes());
        let held = Cursor { held_until: Some(now.plus(HELD_FOR)), holder, ..cursor };
        let Some(held) = keep(desk, *workspace, held).await.map_err(later)? else { return Ok(false) };
        let list = EventList { after: held.after, limit: Limit::new(BATCH).map_err(later)?, ..EventList::default() };
        let mut events = desk.store().events(*workspace, list.clone()).await.map_err(later)?;
        events.truncate(list.limit.get());
        let taken = self.0.take(desk, *workspace, &events).await;
        let after = events.last().filter(|_| taken.is_ok()).map_or(held.after, |event| event.seq);
        let free = Cursor { after, held_until: None, ..held };
        if keep(desk, *workspace, free).await.map_err(later)?.is_none() {
            debug!(consumer = self.0.name(), %workspace, "another node has taken over");
        }
        taken.map(|()| true).map_err(SendFailure::Retry)
    }
}

/// Writes a cursor in the place of the one that was read; none if somebody else was quicker. It tells of no change of the
/// desk, so no event is written of it: an event of a move would move the next one.
async fn keep(desk: &Desk, workspace: WorkspaceId, cursor: Cursor) -> Result<Option<Cursor>> {
    let expected = cursor.version;
    let next = Cursor { version: expected.next(), ..cursor };
    let changes = ChangeSet::new(&desk.moment_of(Actor::System)).along(&next, expected);
    match desk.store().commit(workspace, changes).await {
        Ok(_) => Ok(Some(next)),
        Err(CommitError::Conflict { .. }) => Ok(None),
        Err(CommitError::Store(error)) => Err(error.into()),
        Err(error) => Err(Error::Internal(error.to_string())),
    }
}
