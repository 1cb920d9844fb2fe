//! Sending over one channel: how much at once, whose turn it is, and how an attempt ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{Instrument, debug, error, info_span, warn};

use super::dispatcher::Dispatcher;
use super::{Composed, Outcome};
use crate::delivery::{Claim, Claimed, Delivery, Recipient, Settlement};
use crate::mail_event::MailReference;
use crate::notify::{Channel, ChannelLimits, Handed, Outgoing, SendFailure};
use crate::suppression::SuppressionReason;
use crate::{Error, PushDeviceId, Result, Timestamp, WorkspaceId};

/// How many workers may be lost with a delivery before it is set aside: it may be what ends them.
const MOST_LOST: u32 = 5;

/// How many deliveries may be taken up and not settled, for each worker: a store that is slow must not have a heap of them,
/// which would all be sent again after a crash.
const MOST_UNSETTLED: usize = 4;

/// What is being sent over a channel.
#[derive(Debug)]
struct Shared {
    channel: Arc<dyn Channel>,
    limits: ChannelLimits,
    /// How many are being sent, by workspace.
    busy: Mutex<HashMap<WorkspaceId, usize>>,
    /// How many were taken up and are not settled, by workspace.
    unsettled: Mutex<HashMap<WorkspaceId, usize>>,
    freed: Notify,
    /// Until when nothing more is taken up, where there is a rate.
    next_at: Mutex<Option<Instant>>,
}

impl Shared {
    fn busy(&self) -> MutexGuard<'_, HashMap<WorkspaceId, usize>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsettled(&self) -> MutexGuard<'_, HashMap<WorkspaceId, usize>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The workers of a channel.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    shared: Arc<Shared>,
}

/// The place of a worker, given back once it has sent or when it is dropped; and that of a delivery that is not settled, until
/// it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    workspace: WorkspaceId,
    is_sending: bool,
}

fn one_less(counts: &mut HashMap<WorkspaceId, usize>, workspace: WorkspaceId) {
    if let Some(count) = counts.get_mut(&workspace) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&workspace);
        }
    }
}

impl Place {
    /// It has been sent: the worker is free.
    fn sent(&mut self) {
        if std::mem::take(&mut self.is_sending) {
            one_less(&mut self.shared.busy(), self.workspace);
            self.shared.freed.notify_one();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sent();
        one_less(&mut self.shared.unsettled(), self.workspace);
    }
}

impl Sender {
    pub(super) fn new(channel: Arc<dyn Channel>) -> Self {
        let limits = channel.limits();
        let shared = Shared {
            channel,
            limits,
            busy: Mutex::default(),
            unsettled: Mutex::default(),
            freed: Notify::new(),
            next_at: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(super) fn name(&self) -> &'static str {
        self.shared.channel.name()
    }

    pub(super) fn channel(&self) -> &Arc<dyn Channel> {
        &self.shared.channel
    }

    /// Waits until a worker is free again.
    pub(super) async fn freed(&self) {
        self.shared.freed.notified().await;
    }

    /// The workspaces of which something is under way.
    pub(super) fn busy(&self) -> Vec<WorkspaceId> {
        self.shared.unsettled().keys().copied().collect()
    }

    /// A place for a delivery of this workspace.
    pub(super) fn place(&self, workspace: WorkspaceId) -> Place {
        *self.shared.busy().entry(workspace).or_default() += 1;
        *self.shared.unsettled().entry(workspace).or_default() += 1;
        Place { shared: self.shared.clone(), workspace, is_sending: true }
    }

    /// How many may be taken up for the sake of the store, while so many are not settled.
    pub(super) fn room(&self, unsettled: usize) -> usize {
        (self.shared.limits.concurrency.max(1) * MOST_UNSETTLED).saturating_sub(unsettled)
    }

    /// What may be taken up now, if anything may, while so many are taken up and not settled.
    ///
    /// One workspace has three quarters of the workers at most, so that another one's first delivery never waits for all
    /// of a flood that is sent slowly.
    pub(super) fn claim(&self, now: Timestamp, lease: Duration, unsettled: usize) -> Option<Claim> {
        let busy = self.shared.busy();
        let all = self.shared.limits.concurrency.max(1);
        let mut limit = all.saturating_sub(busy.values().sum()).min(self.room(unsettled));
        if let Some(rate) = self.shared.limits.per_second {
            limit = limit.min(usize::try_from(rate.max(1)).unwrap_or(usize::MAX));
        }
        if limit == 0 {
            return None;
        }
        let share = (all * 3 / 4).max(1);
        // Of what is not settled it has no more than that either.
        let unsettled = self.shared.unsettled();
        let has_all = |workspace: &WorkspaceId, count: usize| {
            busy.get(workspace).is_some_and(|sending| *sending >= share) || count >= share * MOST_UNSETTLED
        };
        let except =
            unsettled.iter().filter(|(workspace, count)| has_all(workspace, **count)).map(|(id, _)| *id).collect();
        // Of none that may still take, more than its share would be sent.
        let most = busy.values().filter(|count| **count < share).max().copied().unwrap_or(0);
        let claim =
            Claim { channel: self.name().to_owned(), now, lease, limit, each: (share - most).min(limit), except };
        Some(claim)
    }

    /// Notes that so many were taken up.
    pub(super) fn took(&self, count: usize) {
        if let Some(rate) = self.shared.limits.per_second
            && count > 0
        {
            let wait = Duration::from_secs(1) / rate.max(1) * u32::try_from(count).unwrap_or(u32::MAX);
            *self.shared.next_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + wait);
        }
    }

    /// How long nothing may be taken up, for the sake of the rate.
    pub(super) fn too_soon(&self) -> Option<Duration> {
        let next = (*self.shared.next_at.lock().unwrap_or_else(PoisonError::into_inner))?;
        let wait = next.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }
}

/// How an attempt went, and whether its recipient turned out to be gone.
struct Attempted {
    settlement: Settlement,
    gone: bool,
    /// Whether its address is mailed nothing.
    suppressed: bool,
    devices: Vec<PushDeviceId>,
}

impl Dispatcher {
    /// Sends one delivery and settles it. The place of its worker, if it has one, is free once it has been sent: another one
    /// is sent while this one's settling waits for the store.
    pub(super) async fn deliver(
        &self,
        channel: &dyn Channel,
        Claimed { delivery, token }: Claimed,
        place: Option<Place>,
    ) {
        let span = info_span!(
            "deliver", delivery = %delivery.id, channel = delivery.channel, workspace = %delivery.workspace,
            request_id = delivery.request_id,
        );
        self.delivered(channel, delivery, token, place).instrument(span).await;
    }

    async fn delivered(&self, channel: &dyn Channel, delivery: Delivery, token: u32, mut place: Option<Place>) {
        let (meter, begun) = (self.desk.meter(), Instant::now());
        if delivery.attempts == 1 {
            // The claim has moved the time it was due at; since it was planned is what there is to tell.
            meter.began(&delivery.channel, self.desk.now().since(delivery.created_at));
        }
        let Attempted { settlement, gone, suppressed, devices } = self.attempt(channel, &delivery).await;
        if let Some(place) = &mut place {
            place.sent();
        }
        let failure = match &settlement {
            Settlement::Failed { error, .. } => Some(error.clone()),
            _ => None,
        };
        let outcome = match &settlement {
            Settlement::Sent { .. } => {
                debug!("sent");
                Outcome::Sent
            }
            Settlement::Retry { error, at } => {
                warn!(%error, again_at = %at, attempt = token, "not sent, will try again");
                Outcome::Retried
            }
            Settlement::Failed { error, .. } => {
                error!(%error, attempt = token, "not sent, given up");
                Outcome::Failed
            }
            Settlement::Dropped { reason, .. } => {
                debug!(%reason, "not sent, no longer due");
                Outcome::Dropped
            }
        };
        let is_refused = outcome == Outcome::Failed || outcome == Outcome::Dropped && suppressed;
        if is_refused && delivery.channel == "mail" {
            // Refused at the door is come back; and what is not even tried, its writer is to know of, too. Told before it is
            // settled, so that a crash in between tells it again, under its key.
            let reason = gone.then_some(SuppressionReason::HardBounce);
            match self.desk.came_back(&delivery, None, reason, failure.unwrap_or_default()).await {
                Ok(()) => {}
                // What is stored does not read, and will not the next time: the mail must not be taken up for ever.
                Err(error @ Error::Internal(_)) => error!(%error, "that a mail came back cannot be told"),
                Err(error) => {
                    warn!(%error, "that a mail came back could not be told; it is taken up again when its lease ends");
                    meter.ended(&delivery.channel, Outcome::Retried, begun.elapsed());
                    return;
                }
            }
        }
        let outcome = match self.desk.store().settle(delivery.workspace, delivery.id, token, settlement).await {
            Ok(true) => outcome,
            Ok(false) => {
                warn!("another worker has taken this delivery over, or it was settled by hand");
                Outcome::Overtaken
            }
            Err(error) => {
                // The lease ends and it is sent again, under the same id.
                warn!(%error, "the outcome could not be kept");
                Outcome::Retried
            }
        };
        meter.ended(&delivery.channel, outcome, begun.elapsed());
        let Some(subscriber) = self.desk.subscribers().iter().find(|s| s.name() == delivery.subscriber) else { return };
        if outcome == Outcome::Failed
            && let Err(error) = subscriber.given_up(&self.desk, &delivery, gone).await
        {
            warn!(%error, "what follows from giving up could not be done");
        }
        if !devices.is_empty()
            && let Err(error) = subscriber.devices_gone(&self.desk, &delivery, &devices).await
        {
            warn!(%error, "devices that are gone could not be forgotten");
        }
    }

    async fn attempt(&self, channel: &dyn Channel, delivery: &Delivery) -> Attempted {
        let mut attempted = Attempted {
            settlement: Settlement::Sent { at: self.desk.now() },
            gone: false,
            suppressed: false,
            devices: Vec::new(),
        };
        attempted.settlement = self.settlement(channel, delivery, &mut attempted).await;
        attempted
    }

    async fn settlement(&self, channel: &dyn Channel, delivery: &Delivery, seen: &mut Attempted) -> Settlement {
        let at = self.desk.now();
        let lost = delivery.lost();
        // What rings for a consumer is never given up: the events behind it wait for it.
        if lost >= MOST_LOST && !matches!(delivery.recipient, Recipient::Host) {
            let error = format!("set aside: {lost} workers took it up and were not heard of again");
            return Settlement::Failed { at, error };
        }
        let Some(subscriber) = self.desk.subscribers().iter().find(|s| s.name() == delivery.subscriber) else {
            return Settlement::Failed { at, error: format!("no subscriber is called {}", delivery.subscriber) };
        };
        let limit = self.settings.lease.mul_f32(0.8);
        let work = async {
            let outgoing = match subscriber.compose(&self.desk, delivery).await {
                Ok(Composed::Send(outgoing)) => outgoing,
                Ok(Composed::Drop(reason)) => return Settlement::Dropped { at, reason: reason.to_owned() },
                Err(error @ Error::Internal(_)) => return Settlement::Failed { at, error: error.to_string() },
                Err(error) => return self.again(channel, delivery, error.to_string(), None),
            };
            let outgoing = match self.addressed(outgoing, delivery).await {
                Ok(Ok(outgoing)) => outgoing,
                Ok(Err(reason)) => {
                    seen.suppressed = true;
                    return Settlement::Dropped { at, reason: reason.refusal().to_owned() };
                }
                Err(error) => return self.again(channel, delivery, error.to_string(), None),
            };
            match channel.send(&outgoing).await {
                Ok(Handed { gone }) => {
                    seen.devices = gone;
                    Settlement::Sent { at: self.desk.now() }
                }
                Err(SendFailure::Gone(error)) => {
                    seen.gone = true;
                    Settlement::Failed { at: self.desk.now(), error }
                }
                Err(SendFailure::Permanent(error)) => Settlement::Failed { at: self.desk.now(), error },
                Err(SendFailure::Retry(error)) => self.again(channel, delivery, error, None),
                Err(SendFailure::RetryAfter(error, wait)) => self.again(channel, delivery, error, Some(wait)),
            }
        };
        match tokio::time::timeout(limit, work).await {
            Ok(settlement) => settlement,
            Err(_) => self.again(channel, delivery, "no answer in time".to_owned(), None),
        }
    }

    /// Marks a mail, so that what becomes of it can be told; or why its address is mailed nothing.
    async fn addressed(&self, outgoing: Outgoing, delivery: &Delivery) -> Result<Result<Outgoing, SuppressionReason>> {
        let Outgoing::Mail(mut mail) = outgoing else { return Ok(Ok(outgoing)) };
        mail.reference = Some(MailReference { workspace: delivery.workspace, delivery: delivery.id });
        if delivery.workspace != WorkspaceId::DIRECTORY
            && let Some(suppressed) = self.desk.suppressed(delivery.workspace, &mail.to).await?
        {
            return Ok(Err(suppressed.reason));
        }
        Ok(Ok(Outgoing::Mail(mail)))
    }

    fn again(&self, channel: &dyn Channel, delivery: &Delivery, error: String, asked: Option<Duration>) -> Settlement {
        let now = self.desk.now();
        let (since, attempts) = delivery.tried();
        match channel.limits().backoff.wait(attempts, now.since(since), self.desk.random()) {
            Some(wait) => Settlement::Retry { at: now.plus(wait.max(asked.unwrap_or_default())), error },
            None => Settlement::Failed { at: now, error },
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    /// Four at once.
    #[derive(Debug)]
    struct Four;

    #[async_trait]
    impl Channel for Four {
        fn name(&self) -> &'static str {
            "four"
        }

        fn limits(&self) -> ChannelLimits {
            ChannelLimits::at_once(4)
        }

        async fn send(&self, _: &Outgoing) -> Result<Handed, SendFailure> {
            Ok(Handed::default())
        }

        async fn probe(&self) -> Result<(), SendFailure> {
            Ok(())
        }
    }

    fn claim(sender: &Sender, unsettled: usize) -> Option<Claim> {
        sender.claim(Timestamp::default(), Duration::from_secs(60), unsettled)
    }

    #[test]
    fn a_worker_is_free_once_it_has_sent_and_what_is_not_settled_counts_all_the_same() {
        let (sender, flood) = (Sender::new(Arc::new(Four)), WorkspaceId::from_bits(1));
        let mut places: Vec<Place> = (0..4).map(|_| sender.place(flood)).collect();
        assert!(claim(&sender, 4).is_none(), "all workers are busy");
        places.iter_mut().for_each(Place::sent);
        let next = claim(&sender, 4).expect("they are free again");
        assert_eq!((next.limit, next.each, next.except), (4, 3, Vec::new()));
        assert_eq!(sender.busy(), [flood], "whoever has nothing under way goes first");
        for _ in 4..12 {
            let mut place = sender.place(flood);
            place.sent();
            places.push(place);
        }
        let next = claim(&sender, 12).expect("there is room for others");
        assert_eq!((next.limit, next.except), (4, vec![flood]), "three quarters of what is not settled is its share");
        assert!(claim(&sender, 16).is_none(), "the store is to catch up first");
        drop(places);
        assert_eq!((sender.busy(), claim(&sender, 0).expect("all is free").except), (Vec::new(), Vec::new()));
    }
}
