//! The tasks that route and send.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, error, warn};

use super::sender::Sender;
use super::{IN_APP, Plan};
use crate::delivery::{Claim, Delivery, DeliveryState, Route};
use crate::event::Event;
use crate::store::{EventList, Sign, Signals, Unrouted};
use crate::{Desk, Error, Limit, Result, StoreError, UserId, WorkspaceId};

/// Events routed in one step.
const BATCH: usize = 200;
/// Workspaces that are routed at once.
const ROUTED_AT_ONCE: usize = 8;

/// How the dispatcher works. How much of a channel is done at once, and when it is tried again, the channel says:
/// [`Channel::limits`](crate::notify::Channel::limits).
#[derive(Debug, Clone)]
pub struct DispatchSettings {
    /// How long at most until new work is seen when no wake-up arrives. Wake-ups are hints; this is what
    /// counts.
    pub poll: Duration,
    /// How long wake-ups are gathered before they are followed, so that a burst is routed at once.
    pub debounce: Duration,
    /// How long a delivery is taken for. After a crash it is taken again when this has passed.
    pub lease: Duration,
}

impl Default for DispatchSettings {
    fn default() -> Self {
        Self { poll: Duration::from_secs(1), debounce: Duration::from_millis(25), lease: Duration::from_secs(60) }
    }
}

/// Routes events and sends deliveries of one desk.
#[derive(Debug, Clone)]
pub struct Dispatcher {
    pub(super) desk: Desk,
    pub(super) settings: Arc<DispatchSettings>,
    /// Tells the senders that something was queued.
    queued: Arc<Notify>,
}

/// A dispatcher at work.
#[derive(Debug)]
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Takes up nothing new, waits for what is being sent, and ends.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                error!(%error, "the dispatcher did not end well");
            }
        }
    }
}

impl Dispatcher {
    pub(crate) fn new(desk: Desk, settings: DispatchSettings) -> Self {
        Self { desk, settings: Arc::new(settings), queued: Arc::default() }
    }

    /// Starts to work: a task that routes, and one for each channel, so that a slow one holds up no other.
    #[must_use]
    pub fn start(self) -> Running {
        let (stop, stopped) = watch::channel(false);
        let senders = self.senders();
        let mut tasks = vec![tokio::spawn(self.clone().run_router(stopped.clone()))];
        tasks.extend(senders.into_iter().map(|sender| tokio::spawn(self.clone().run_sender(sender, stopped.clone()))));
        Running { stop, tasks }
    }

    /// One for each channel; of two with one name the first.
    fn senders(&self) -> Vec<Sender> {
        let mut senders: Vec<Sender> = Vec::new();
        for channel in self.desk.channels() {
            if senders.iter().all(|sender| sender.name() != channel.name()) {
                senders.push(Sender::new(channel.clone()));
            }
        }
        senders
    }

    async fn run_router(self, mut stopped: watch::Receiver<bool>) {
        let mut wake = self.desk.feed().subscribe();
        while !*stopped.borrow() {
            let more = self.route().await.unwrap_or_else(|error| {
                warn!(%error, "routing waits for the store");
                false
            });
            if !more {
                self.rest(&mut wake, &mut stopped).await;
            }
        }
    }

    /// Waits for something to route.
    async fn rest(&self, wake: &mut Signals, stopped: &mut watch::Receiver<bool>) {
        tokio::select! {
            _ = stopped.changed() => return,
            // A feed that is gone wakes nobody; polling goes on.
            Some(_) = wake.next() => {}
            () = tokio::time::sleep(self.settings.poll) => {}
        }
        tokio::select! {
            _ = stopped.changed() => {}
            () = tokio::time::sleep(self.settings.debounce) => {}
        }
        // What was told meanwhile is covered by the look that follows.
        while wake.next().now_or_never().flatten().is_some() {}
    }

    async fn run_sender(self, sender: Sender, mut stopped: watch::Receiver<bool>) {
        let mut sending = JoinSet::new();
        while !*stopped.borrow() {
            while sending.try_join_next().is_some() {}
            // Asked for before the look: what is queued in between is not missed.
            let queued = self.queued.notified();
            tokio::pin!(queued);
            queued.as_mut().enable();
            let more = self.send_due(&sender, &mut sending).await.unwrap_or_else(|error| {
                warn!(%error, channel = sender.name(), "sending waits for the store");
                false
            });
            if !more {
                tokio::select! {
                    _ = stopped.changed() => {}
                    () = queued => {}
                    () = sender.freed() => {}
                    Some(_) = sending.join_next(), if sender.room(sending.len()) == 0 => {}
                    () = tokio::time::sleep(self.settings.poll) => {}
                }
            }
            if let Some(wait) = sender.too_soon() {
                tokio::select! {
                    _ = stopped.changed() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
        while sending.join_next().await.is_some() {}
    }

    /// Starts to send what is due and fits; answers whether there may be more at once.
    async fn send_due(&self, sender: &Sender, sending: &mut JoinSet<()>) -> Result<bool, StoreError> {
        let Some(claim) = sender.claim(self.desk.now(), self.settings.lease, sending.len()) else { return Ok(false) };
        let limit = claim.limit;
        let busy = sender.busy();
        // Whoever has nothing under way goes before everybody who has, however long theirs has waited.
        let mut claimed = if busy.is_empty() {
            Vec::new()
        } else {
            self.desk.store().claim(Claim { except: busy, ..claim.clone() }).await?
        };
        if claimed.len() < limit {
            let rest = limit - claimed.len();
            let claim = Claim { limit: rest, each: claim.each.min(rest), ..claim };
            claimed.extend(self.desk.store().claim(claim).await?);
        }
        // What was left for the sake of shares may be taken now.
        let more = !claimed.is_empty();
        sender.took(claimed.len());
        for claimed in claimed {
            let (this, place) = (self.clone(), sender.place(claimed.delivery.workspace));
            let channel = sender.channel().clone();
            sending.spawn(async move { this.deliver(channel.as_ref(), claimed, Some(place)).await });
        }
        Ok(more)
    }

    /// Routes and sends everything there is to do now, in this task; for tests and commands.
    pub async fn drain(&self) -> Result<usize, StoreError> {
        let (senders, mut sent) = (self.senders(), 0);
        loop {
            let mut idle = !self.route().await?;
            for sender in &senders {
                let claim = Claim {
                    channel: sender.name().to_owned(),
                    now: self.desk.now(),
                    lease: self.settings.lease,
                    limit: BATCH,
                    each: BATCH,
                    except: Vec::new(),
                };
                for claimed in self.desk.store().claim(claim).await? {
                    (idle, sent) = (false, sent + 1);
                    self.deliver(sender.channel().as_ref(), claimed, None).await;
                }
            }
            if idle {
                return Ok(sent);
            }
        }
    }

    /// Routes one batch of each workspace that has new events; answers whether any cursor moved.
    pub(crate) async fn route(&self) -> Result<bool, StoreError> {
        let behind = self.desk.store().unrouted(Limit::MAX).await?;
        // Several at once, so that one whose planning takes long does not hold up all others.
        let routed = stream::iter(behind).map(|at| self.routed(at)).buffer_unordered(ROUTED_AT_ONCE);
        Ok(routed.fold(false, |any, moved| async move { any | moved }).await)
    }

    /// Routes one workspace. Its trouble, be it a panic of a subscriber, is not the others'.
    async fn routed(&self, at: Unrouted) -> bool {
        match AssertUnwindSafe(self.route_workspace(at)).catch_unwind().await {
            Ok(Ok(routed)) => routed,
            Ok(Err(error)) => {
                error!(workspace = %at.workspace, %error, "events could not be routed");
                false
            }
            Err(_) => {
                error!(workspace = %at.workspace, "a subscriber broke down, events could not be routed");
                false
            }
        }
    }

    async fn route_workspace(&self, at: Unrouted) -> Result<bool> {
        let list = EventList { after: at.routed, limit: Limit::MAX, ..EventList::default() };
        let mut events = self.desk.store().events(at.workspace, list).await?;
        events.truncate(BATCH);
        let Some(last) = events.last().map(|event| event.seq) else { return Ok(false) };
        let deliveries = self.plan(at.workspace, &events).await?;
        let planned: Vec<String> = deliveries.iter().map(|delivery| delivery.channel.clone()).collect();
        let told: BTreeSet<UserId> =
            deliveries.iter().filter(|one| one.channel == IN_APP).filter_map(Delivery::user).collect();
        let mut sealing = self.desk.seal(at, &events).await?;
        let route = Route { from: at.routed, to: last, deliveries, seal: sealing.take() };
        let routed = self.desk.store().route(at.workspace, route).await?;
        if routed {
            self.desk.sealed(at, sealing);
            self.desk.meter().routed(last - at.routed, planned.into_iter());
            self.queued.notify_waiters();
            told.into_iter().for_each(|user| self.desk.feed().tell(Sign::Noticed { workspace: at.workspace, user }));
        } else {
            debug!(workspace = %at.workspace, "another node routed these events");
        }
        Ok(routed)
    }

    async fn plan(&self, workspace: WorkspaceId, events: &[Event]) -> Result<Vec<Delivery>> {
        let mut deliveries = Vec::new();
        for subscriber in self.desk.subscribers() {
            for plan in subscriber.plan(&self.desk, workspace, events).await? {
                let name = subscriber.name();
                let Some(event) = events.iter().find(|event| event.seq == plan.event) else {
                    return Err(Error::Internal(format!(
                        "{name} plans for event {}, which it was not asked",
                        plan.event
                    )));
                };
                deliveries.push(self.delivery(event, name, plan));
            }
        }
        Ok(deliveries)
    }

    fn delivery(&self, event: &Event, subscriber: &str, plan: Plan) -> Delivery {
        let now = self.desk.now();
        let (state, detail) = if plan.channel == IN_APP {
            (DeliveryState::Sent, None)
        } else if self.desk.channels().iter().any(|channel| channel.name() == plan.channel) {
            (DeliveryState::Queued, None)
        } else {
            (DeliveryState::Failed, Some(format!("no channel is called {}", plan.channel)))
        };
        Delivery {
            id: self.desk.ids().delivery(),
            workspace: event.workspace,
            subscriber: subscriber.to_owned(),
            topic: plan.topic.to_owned(),
            channel: plan.channel.to_owned(),
            recipient: plan.recipient,
            event: plan.event,
            request_id: event.request_id.clone(),
            ticket: plan.ticket,
            message: plan.message,
            state,
            attempts: 0,
            due_at: now.plus(plan.after),
            detail,
            created_at: now,
            settled_at: (state != DeliveryState::Queued).then_some(now),
            answered: 0,
            read_at: None,
            requeued: None,
        }
    }
}
