//! What follows a change: events become deliveries, deliveries are sent.
//!
//! Two steps, both repeatable after a crash. *Routing* reads a workspace's new events, asks each
//! subscriber for its plan, and queues the deliveries together with the moved cursor. *Sending* takes
//! what is due under a lease, composes it, hands it to its channel and settles it.

mod backoff;
mod consumer;
mod dispatcher;
mod meter;
mod sender;

use std::time::Duration;

use async_trait::async_trait;

use crate::delivery::{Delivery, Recipient};
use crate::event::Event;
use crate::notify::Outgoing;
use crate::{Desk, MessageId, PushDeviceId, Result, TicketId, WorkspaceId};

pub use backoff::Backoff;
pub(crate) use consumer::Consuming;
pub use consumer::{Behind, Consumer};
pub use dispatcher::{DispatchSettings, Dispatcher, Running};
pub use meter::{Measured, Meter, Outcome};

/// The channel of what is shown in the desk itself. Nothing is sent over it: a delivery is there as soon as its event is
/// routed, and its reader reads it.
pub const IN_APP: &str = "in_app";

/// A delivery that a subscriber wants for an event.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) event: u64,
    pub(crate) topic: &'static str,
    pub(crate) channel: &'static str,
    pub(crate) recipient: Recipient,
    pub(crate) ticket: Option<TicketId>,
    pub(crate) message: Option<MessageId>,
    pub(crate) after: Duration,
}

impl Plan {
    /// A mail about a topic to somebody, because of an event.
    pub fn mail(event: &Event, topic: &'static str, recipient: Recipient) -> Self {
        Self::over("mail", event, topic, recipient)
    }

    /// Something over another channel.
    pub fn over(channel: &'static str, event: &Event, topic: &'static str, recipient: Recipient) -> Self {
        Self { event: event.seq, topic, channel, recipient, ticket: None, message: None, after: Duration::ZERO }
    }

    /// To be sent no sooner than this after it is planned.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.after = wait;
        self
    }

    /// What the delivery is about.
    #[must_use]
    pub fn about(mut self, ticket: Option<TicketId>, message: Option<MessageId>) -> Self {
        (self.ticket, self.message) = (ticket, message);
        self
    }
}

/// What a delivery turned out to be when it was composed.
#[derive(Debug)]
pub enum Composed {
    /// This is to be sent.
    Send(Outgoing),
    /// There is nothing to send any more, for this reason.
    Drop(&'static str),
}

/// Somebody who follows the journal and has things sent.
///
/// # Contract
///
/// `plan` changes nothing: it may be asked any number of times for the same events, of which it gets each at least once
/// and in order, and a delivery that was planned before is not planned again. It may read what decides who wants to be
/// told. A plan holds references only, and names an event among those that were asked about. `compose` reads what they
/// refer to as it is now. An error of either means "try later"; while a plan fails, nothing of that workspace is routed.
#[async_trait]
pub trait Subscriber: std::fmt::Debug + Send + Sync {
    /// A stable name; deliveries remember it.
    fn name(&self) -> &'static str;

    /// What is to be sent because of these events of a workspace.
    async fn plan(&self, desk: &Desk, workspace: WorkspaceId, events: &[Event]) -> Result<Vec<Plan>>;

    /// What exactly is to be sent.
    async fn compose(&self, desk: &Desk, delivery: &Delivery) -> Result<Composed>;

    /// Takes note that devices of a delivery's recipient turned out to be gone, with the same caveat as
    /// [`given_up`](Self::given_up). Nothing unless said.
    async fn devices_gone(&self, _desk: &Desk, _delivery: &Delivery, _gone: &[PushDeviceId]) -> Result<()> {
        Ok(())
    }

    /// Takes note of a delivery that was given up; `gone` where the recipient is no more. A crash may keep this from
    /// being told, so it must only be what the next such delivery would do as well. Nothing unless said.
    async fn given_up(&self, _desk: &Desk, _delivery: &Delivery, _gone: bool) -> Result<()> {
        Ok(())
    }
}
