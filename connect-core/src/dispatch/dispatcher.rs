//! The task that routes and sends.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{Instrument, debug, error, info_span, warn};

use super::{Backoff, Composed};
use crate::delivery::{Claim, Claimed, Delivery, DeliveryState, Route, Settlement};
use crate::notify::SendFailure;
use crate::store::{EventList, Signals, Unrouted};
use crate::{Desk, Error, Limit, Result, StoreError, WorkspaceId};

/// Events routed in one step.
const BATCH: usize = 200;

/// How the dispatcher works.
#[derive(Debug, Clone)]
pub struct DispatchSettings {
    /// How long at most until new work is seen when no wake-up arrives. Wake-ups are hints; this is what
    /// counts.
    pub poll: Duration,
    /// How long wake-ups are gathered before they are followed, so that a burst is routed at once.
    pub debounce: Duration,
    /// How long a delivery is taken for. After a crash it is taken again when this has passed.
    pub lease: Duration,
    /// How many deliveries are sent at once.
    pub concurrency: usize,
    /// When to try again.
    pub backoff: Backoff,
}

impl Default for DispatchSettings {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            debounce: Duration::from_millis(25),
            lease: Duration::from_secs(60),
            concurrency: 8,
            backoff: Backoff::default(),
        }
    }
}

/// Routes events and sends deliveries of one desk.
#[derive(Debug, Clone)]
pub struct Dispatcher {
    desk: Desk,
    settings: Arc<DispatchSettings>,
}

/// A dispatcher at work.
#[derive(Debug)]
pub struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Takes up nothing new, waits for what is being sent, and ends.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        if let Err(error) = self.task.await {
            error!(%error, "the dispatcher did not end well");
        }
    }
}

impl Dispatcher {
    pub(crate) fn new(desk: Desk, settings: DispatchSettings) -> Self {
        Self { desk, settings: Arc::new(settings) }
    }

    /// Starts to work, on a task of its own.
    #[must_use]
    pub fn start(self) -> Running {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(self.run(stopped));
        Running { stop, task }
    }

    async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut wake = self.desk.feed().subscribe();
        let freed = Arc::new(Notify::new());
        let permits = Arc::new(Semaphore::new(self.settings.concurrency));
        let mut sending = JoinSet::new();
        while !*stopped.borrow() {
            while sending.try_join_next().is_some() {}
            let more = match self.step(&permits, &freed, &mut sending).await {
                Ok(more) => more,
                Err(error) => {
                    warn!(%error, "dispatching waits for the store");
                    false
                }
            };
            if !more {
                self.pause(&mut wake, &freed, &mut stopped).await;
            }
        }
        while sending.join_next().await.is_some() {}
    }

    async fn pause(&self, wake: &mut Signals, freed: &Notify, stopped: &mut watch::Receiver<bool>) {
        tokio::select! {
            _ = stopped.changed() => return,
            // A feed that is gone wakes nobody; polling goes on.
            Some(_) = wake.next() => {}
            () = freed.notified() => {}
            () = tokio::time::sleep(self.settings.poll) => {}
        }
        tokio::select! {
            _ = stopped.changed() => {}
            () = tokio::time::sleep(self.settings.debounce) => {}
        }
        // What was told meanwhile is covered by the look that follows.
        while wake.next().now_or_never().flatten().is_some() {}
    }

    /// Routes what is new and starts to send what is due; answers whether there is more at once.
    async fn step(
        &self,
        permits: &Arc<Semaphore>,
        freed: &Arc<Notify>,
        sending: &mut JoinSet<()>,
    ) -> Result<bool, StoreError> {
        // Whatever is wrong with routing, what is queued already goes on its way.
        let mut more = self.route().await.unwrap_or_else(|error| {
            warn!(%error, "routing waits for the store");
            false
        });
        let free = permits.available_permits();
        if free == 0 {
            return Ok(false);
        }
        let claim = Claim { now: self.desk.now(), lease: self.settings.lease, limit: free };
        let claimed = self.desk.store().claim(claim).await?;
        more |= claimed.len() == free;
        for claimed in claimed {
            // Permits are only taken here, so as many as were free still are.
            let Ok(permit) = permits.clone().try_acquire_owned() else { break };
            let (this, freed) = (self.clone(), freed.clone());
            let span = info_span!("deliver", delivery = %claimed.delivery.id, channel = claimed.delivery.channel);
            sending.spawn(
                async move {
                    this.deliver(claimed).await;
                    drop(permit);
                    // Others may have waited for the permit.
                    freed.notify_one();
                }
                .instrument(span),
            );
        }
        Ok(more)
    }

    /// Routes and sends everything there is to do now, in this task; for tests and commands.
    pub async fn drain(&self) -> Result<usize, StoreError> {
        let mut sent = 0;
        loop {
            let routed = self.route().await?;
            let claim = Claim { now: self.desk.now(), lease: self.settings.lease, limit: self.settings.concurrency };
            let claimed = self.desk.store().claim(claim).await?;
            if claimed.is_empty() && !routed {
                return Ok(sent);
            }
            sent += claimed.len();
            for claimed in claimed {
                self.deliver(claimed).await;
            }
        }
    }

    /// Routes one batch of each workspace that has new events; answers whether any cursor moved.
    async fn route(&self) -> Result<bool, StoreError> {
        let mut moved = false;
        for at in self.desk.store().unrouted(Limit::MAX).await? {
            match self.route_workspace(at).await {
                Ok(routed) => moved |= routed,
                // One workspace's trouble is not the others'.
                Err(error) => error!(workspace = %at.workspace, %error, "events could not be routed"),
            }
        }
        Ok(moved)
    }

    async fn route_workspace(&self, at: Unrouted) -> Result<bool, StoreError> {
        let list = EventList { after: at.routed, limit: Limit::MAX, ..EventList::default() };
        let events = self.desk.store().events(at.workspace, list).await?;
        let Some(last) = events.iter().take(BATCH).next_back() else { return Ok(false) };
        let deliveries = events.iter().take(BATCH).flat_map(|event| self.plan(at.workspace, event)).collect();
        let mut sealing = self.desk.seal(at, events.get(..BATCH).unwrap_or(&events)).await?;
        let route = Route { from: at.routed, to: last.seq, deliveries, seal: sealing.take() };
        let routed = self.desk.store().route(at.workspace, route).await?;
        if routed {
            self.desk.sealed(at, sealing);
        } else {
            debug!(workspace = %at.workspace, "another node routed these events");
        }
        Ok(routed)
    }

    fn plan(&self, workspace: WorkspaceId, event: &crate::event::Event) -> Vec<Delivery> {
        let plans = self.desk.subscribers().iter().flat_map(|s| s.plan(event).into_iter().map(|plan| (s.name(), plan)));
        plans
            .map(|(subscriber, plan)| Delivery {
                id: self.desk.ids().delivery(),
                workspace,
                subscriber: subscriber.to_owned(),
                topic: plan.topic.to_owned(),
                channel: plan.channel.to_owned(),
                recipient: plan.recipient,
                event: event.seq,
                ticket: plan.ticket,
                message: plan.message,
                state: DeliveryState::Queued,
                attempts: 0,
                due_at: self.desk.now(),
                detail: None,
                created_at: self.desk.now(),
                settled_at: None,
            })
            .collect()
    }

    async fn deliver(&self, Claimed { delivery, token }: Claimed) {
        let settlement = self.attempt(&delivery).await;
        match &settlement {
            Settlement::Sent { .. } => debug!("sent"),
            Settlement::Retry { error, at } => {
                warn!(%error, again_at = %at, attempt = token, "not sent, will try again")
            }
            Settlement::Failed { error, .. } => error!(%error, attempt = token, "not sent, given up"),
            Settlement::Dropped { reason, .. } => debug!(%reason, "not sent, no longer due"),
        }
        match self.desk.store().settle(delivery.workspace, delivery.id, token, settlement).await {
            Ok(true) => {}
            Ok(false) => warn!("another worker has taken this delivery over"),
            // The lease ends and it is sent again, under the same id.
            Err(error) => warn!(%error, "the outcome could not be kept"),
        }
    }

    async fn attempt(&self, delivery: &Delivery) -> Settlement {
        let at = self.desk.now();
        let Some(subscriber) = self.desk.subscribers().iter().find(|s| s.name() == delivery.subscriber) else {
            return Settlement::Failed { at, error: format!("no subscriber is called {}", delivery.subscriber) };
        };
        let outgoing = match subscriber.compose(&self.desk, delivery).await {
            Ok(Composed::Send(outgoing)) => outgoing,
            Ok(Composed::Drop(reason)) => return Settlement::Dropped { at, reason: reason.to_owned() },
            Err(error @ Error::Internal(_)) => return Settlement::Failed { at, error: error.to_string() },
            Err(error) => return self.again(delivery, error.to_string()),
        };
        let Some(channel) = self.desk.channels().iter().find(|c| c.name() == delivery.channel) else {
            return Settlement::Failed { at, error: format!("no channel is called {}", delivery.channel) };
        };
        match tokio::time::timeout(self.settings.lease.mul_f32(0.8), channel.send(&outgoing)).await {
            Ok(Ok(())) => Settlement::Sent { at: self.desk.now() },
            Ok(Err(SendFailure::Permanent(error))) => Settlement::Failed { at: self.desk.now(), error },
            Ok(Err(SendFailure::Retry(error))) => self.again(delivery, error),
            Err(_) => self.again(delivery, "no answer in time".to_owned()),
        }
    }

    fn again(&self, delivery: &Delivery, error: String) -> Settlement {
        let now = self.desk.now();
        match self.settings.backoff.wait(delivery.attempts, now.since(delivery.created_at), self.desk.random()) {
            Some(wait) => Settlement::Retry { at: now.plus(wait), error },
            None => Settlement::Failed { at: now, error },
        }
    }
}
