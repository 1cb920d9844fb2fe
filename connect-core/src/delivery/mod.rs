//! Deliveries: outgoing copies to one recipient over one channel, each with its state.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::store::Seal;
use crate::{
    ChallengeId, ContactId, DeliveryId, InvitationId, Limit, MessageId, PushDeviceId, TicketId, Timestamp, UserId,
    WebhookId, WorkspaceId,
};

/// Whom a delivery is for. A reference: the address is looked up when it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// A customer.
    Contact(ContactId),
    /// A user.
    User(UserId),
    /// Whoever asked for a sign-in code.
    Challenge(ChallengeId),
    /// Whoever is invited.
    Invitation(InvitationId),
    /// Another system.
    Webhook(WebhookId),
    /// A consumer of the host's own.
    Host,
    /// A device of a user.
    Device {
        /// Whose.
        user: UserId,
        /// Which.
        device: PushDeviceId,
    },
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Contact(id) => id.fmt(f),
            Self::User(id) => id.fmt(f),
            Self::Challenge(id) => id.fmt(f),
            Self::Invitation(id) => id.fmt(f),
            Self::Webhook(id) => id.fmt(f),
            Self::Host => f.write_str("host"),
            Self::Device { device, .. } => device.fmt(f),
        }
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// To be sent, or being sent.
    Queued,
    /// Handed over to the outside.
    Sent,
    /// Given up, with its cause.
    Failed,
    /// Not sent, and rightly so: its reason fell away.
    Dropped,
    /// Taken over, and with its reader: so the other side says.
    Delivered,
    /// Taken over, and on its way: the reader's side does not take it yet.
    Deferred,
    /// It came back.
    Bounced,
    /// Its reader has complained of it.
    Complained,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sent,
        Self::Failed,
        Self::Dropped,
        Self::Delivered,
        Self::Deferred,
        Self::Bounced,
        Self::Complained,
    ];

    /// The state of this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether it was handed over, whatever became of it.
    pub const fn is_handed_over(self) -> bool {
        matches!(self, Self::Sent | Self::Delivered | Self::Deferred | Self::Bounced | Self::Complained)
    }

    /// From which states the other side's word leads to this one. What is worse is believed later, too; what is better
    /// is not, as words overtake one another.
    pub const fn reported_from(self) -> &'static [Self] {
        match self {
            Self::Deferred => &[Self::Sent],
            Self::Delivered => &[Self::Sent, Self::Deferred],
            Self::Bounced => &[Self::Sent, Self::Deferred, Self::Delivered],
            Self::Complained => &[Self::Sent, Self::Deferred, Self::Delivered, Self::Bounced],
            Self::Queued | Self::Sent | Self::Failed | Self::Dropped => &[],
        }
    }

    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Delivered => "delivered",
            Self::Deferred => "deferred",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
        }
    }
}

/// One outgoing copy. It holds references only; what is sent is composed when it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id, the same over all attempts: outside systems tell repeats by it.
    pub id: DeliveryId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Who planned it and composes it: [`Subscriber::name`](crate::dispatch::Subscriber::name).
    pub subscriber: String,
    /// What about, in the subscriber's words.
    pub topic: String,
    /// Over which channel: [`Channel::name`](crate::notify::Channel::name).
    pub channel: String,
    /// For whom.
    pub recipient: Recipient,
    /// The event it follows.
    pub event: u64,
    /// The request that caused the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The ticket it is about.
    pub ticket: Option<TicketId>,
    /// The message it carries.
    pub message: Option<MessageId>,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was taken up.
    pub attempts: u32,
    /// When it is due, or when the present lease ends.
    pub due_at: Timestamp,
    /// What went wrong last, or why it was not sent.
    pub detail: Option<String>,
    /// When it was planned.
    pub created_at: Timestamp,
    /// When it was settled.
    pub settled_at: Option<Timestamp>,
    /// How often it had been taken up when a worker last said how it went.
    #[serde(default)]
    pub answered: u32,
    /// When its reader read it, of what is shown in the desk itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// When it was last queued again by hand, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requeued: Option<Requeued>,
}

/// That a delivery was queued again by hand: its waits, and the time until it is given up, begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requeued {
    /// When.
    pub at: Timestamp,
    /// How often it had been taken up then.
    pub attempts: u32,
}

impl Delivery {
    /// How many workers took it up one after the other, before the present one, of whom nothing was heard again.
    pub fn lost(&self) -> u32 {
        self.attempts.saturating_sub(1).saturating_sub(self.answered)
    }

    /// Since when it is tried, and how often it was.
    pub fn tried(&self) -> (Timestamp, u32) {
        match self.requeued {
            Some(Requeued { at, attempts }) => (at, self.attempts.saturating_sub(attempts)),
            None => (self.created_at, self.attempts),
        }
    }

    /// The user it is for, if it is for one.
    pub fn user(&self) -> Option<UserId> {
        match self.recipient {
            Recipient::User(user) | Recipient::Device { user, .. } => Some(user),
            _ => None,
        }
    }

    /// What there can be only one of in a workspace: one event reaches a recipient once over a channel.
    pub fn unique_key(&self) -> String {
        format!("{}/{}/{}/{}", self.event, self.channel, self.recipient, self.topic)
    }
}

/// Deliveries to be queued for the events after `from` up to `to`, and the seal on these events.
#[derive(Debug, Clone)]
pub struct Route {
    /// Where the routing cursor must stand.
    pub from: u64,
    /// Where it will stand.
    pub to: u64,
    /// What to queue.
    pub deliveries: Vec<Delivery>,
    /// The seal, where the journal is sealed.
    pub seal: Option<Seal>,
}

/// A request for work of one channel.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The channel.
    pub channel: String,
    /// The present instant.
    pub now: Timestamp,
    /// For how long the work is taken.
    pub lease: Duration,
    /// How many at most.
    pub limit: usize,
    /// How many at most of one workspace.
    pub each: usize,
    /// Workspaces that have their share of the workers already.
    pub except: Vec<WorkspaceId>,
}

/// What is done with deliveries from outside their sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reset {
    /// What was given up or dropped is to be sent after all.
    Requeue {
        /// From when on.
        at: Timestamp,
    },
    /// What waits or was given up is not to be sent.
    Drop {
        /// When this was said.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// The other side has said what became of something that was handed over.
    Report {
        /// What: see [`DeliveryState::reported_from`].
        state: DeliveryState,
        /// In its words.
        detail: String,
    },
}

impl Reset {
    /// The delivery after this; none if it changes nothing of it.
    pub fn apply(&self, delivery: &Delivery) -> Option<Delivery> {
        let mut next = delivery.clone();
        match (self, delivery.state) {
            (Self::Requeue { at }, DeliveryState::Failed | DeliveryState::Dropped) => {
                (next.state, next.due_at, next.settled_at) = (DeliveryState::Queued, *at, None);
                next.requeued = Some(Requeued { at: *at, attempts: next.attempts });
            }
            (Self::Drop { at, reason }, DeliveryState::Queued | DeliveryState::Failed) => {
                (next.state, next.settled_at, next.detail) = (DeliveryState::Dropped, Some(*at), Some(reason.clone()));
            }
            (Self::Report { state, detail }, from) if state.reported_from().contains(&from) => {
                (next.state, next.detail) = (*state, Some(detail.clone()));
            }
            _ => return None,
        }
        next.answered = next.attempts;
        Some(next)
    }
}

/// How much of a channel waits, over all workspaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDepth {
    /// The channel.
    pub channel: String,
    /// How many deliveries wait, or are being sent.
    pub queued: u64,
    /// How many were given up.
    pub failed: u64,
    /// The earliest time at which one of those that wait is, or was, due.
    pub oldest_due: Option<Timestamp>,
}

/// A delivery that was taken up.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The delivery.
    pub delivery: Delivery,
    /// Proves the taking when the delivery is settled.
    pub token: u32,
}

/// How a delivery went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// Handed over.
    Sent {
        /// When.
        at: Timestamp,
    },
    /// Try again.
    Retry {
        /// When.
        at: Timestamp,
        /// What went wrong.
        error: String,
    },
    /// Given up.
    Failed {
        /// When.
        at: Timestamp,
        /// What went wrong.
        error: String,
    },
    /// Not to be sent any more.
    Dropped {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

impl Settlement {
    /// The delivery as it stands after this.
    #[must_use]
    pub fn apply(self, mut delivery: Delivery) -> Delivery {
        let (state, at, detail) = match self {
            Self::Sent { at } => (DeliveryState::Sent, at, None),
            Self::Retry { at, error } => (DeliveryState::Queued, at, Some(error)),
            Self::Failed { at, error } => (DeliveryState::Failed, at, Some(error)),
            Self::Dropped { at, reason } => (DeliveryState::Dropped, at, Some(reason)),
        };
        delivery.state = state;
        delivery.detail = detail;
        delivery.answered = delivery.attempts;
        if state == DeliveryState::Queued {
            delivery.due_at = at;
        } else {
            delivery.settled_at = Some(at);
        }
        delivery
    }
}

/// Deliveries to be read, newest first.
#[derive(Debug, Clone, Default)]
pub struct DeliveryList {
    /// Of these messages only.
    pub messages: Option<Vec<MessageId>>,
    /// In this state only.
    pub state: Option<DeliveryState>,
    /// Over this channel only.
    pub channel: Option<String>,
    /// For this recipient only.
    pub recipient: Option<Recipient>,
    /// Only those that were not read yet.
    pub unread: bool,
    /// Older than this one.
    pub before: Option<DeliveryId>,
    /// How many at most.
    pub limit: Limit,
}
