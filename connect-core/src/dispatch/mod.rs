//! What follows a change: events become deliveries, deliveries are sent.
//!
//! Two steps, both repeatable after a crash. *Routing* reads a workspace's new events, asks each
//! subscriber for its plan, and queues the deliveries together with the moved cursor. *Sending* takes
//! what is due under a lease, composes it, hands it to its channel and settles it.

mod backoff;
mod dispatcher;

use async_trait::async_trait;

use crate::delivery::{Delivery, Recipient};
use crate::event::Event;
use crate::notify::Outgoing;
use crate::{Desk, MessageId, Result, TicketId};

pub use backoff::Backoff;
pub use dispatcher::{DispatchSettings, Dispatcher, Running};

/// A delivery that a subscriber wants for an event.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) topic: &'static str,
    pub(crate) channel: &'static str,
    pub(crate) recipient: Recipient,
    pub(crate) ticket: Option<TicketId>,
    pub(crate) message: Option<MessageId>,
}

impl Plan {
    /// A mail about a topic to somebody.
    pub fn mail(topic: &'static str, recipient: Recipient) -> Self {
        Self { topic, channel: "mail", recipient, ticket: None, message: None }
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
/// `plan` is pure: the same event gives the same plans, whenever and however often it is asked. A plan
/// holds references only. `compose` reads what they refer to as it is now; an error means "try later".
#[async_trait]
pub trait Subscriber: std::fmt::Debug + Send + Sync {
    /// A stable name; deliveries remember it.
    fn name(&self) -> &'static str;

    /// What is to be sent because of an event.
    fn plan(&self, event: &Event) -> Vec<Plan>;

    /// What exactly is to be sent.
    async fn compose(&self, desk: &Desk, delivery: &Delivery) -> Result<Composed>;
}
