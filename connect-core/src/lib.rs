//! The heart of Connect, a support desk that lives inside a Rust application: the domain, the pure
//! decisions, the services that carry them out, and every port (trait) to the outside.
//!
//! Every change takes one road: an [`Access`] says who asks, in which workspace; a service of the
//! [`Desk`] loads, lets a pure function decide, and hands the resulting [`ChangeSet`] to
//! [`Store::commit`], which keeps state, messages and events together or not at all. What follows a
//! change (mail, later webhooks and push) reads the events afterwards, in [`dispatch`].
//!
//! The default build does no input or output of its own: no driver, no TLS, no HTTP client. Time is a
//! [`Clock`], randomness is a [`Random`], storage is a [`Store`].
//!
//! # Errors
//!
//! Fallible services answer [`Error`], whose variants are outcomes a caller can act on. Ports answer
//! [`StoreError`], [`CommitError`] or [`SendFailure`](notify::SendFailure). This is said once here and
//! not at every function.

pub mod access;
mod address;
pub mod api_key;
pub mod attachment;
pub mod audit;
mod change;
pub mod contact;
pub mod delivery;
pub mod desk;
pub mod dispatch;
pub mod domain;
mod error;
pub mod event;
pub mod fetch;
mod field;
pub mod id;
pub mod identify;
pub mod label;
pub mod mail_event;
pub mod member;
pub mod message;
pub mod notice;
pub mod notify;
pub mod outbox;
mod page;
pub mod presence;
pub mod push;
mod random;
pub mod record;
pub mod role;
pub mod search;
pub mod store;
pub mod suppression;
pub mod team;
pub mod template;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod text;
pub mod ticket;
mod time;
pub mod user;
pub mod webhook;
pub mod workspace;

pub use access::{Access, Action, Actor, IdempotencyKey, Policy, Role, Standing};
pub use address::EmailAddress;
pub use change::{ChangeParts, ChangeSet, Committed, Moment, Once, RecordChange, RecordWrite, TicketWrite};
pub use desk::{Desk, DeskBuilder, DeskSettings};
pub use error::{Error, Result, Spent};
pub use field::FieldError;
pub use id::{
    ApiKeyId, AttachmentId, ChallengeId, ContactId, DeliveryId, DeviceId, DomainId, EventId, HeldReplyId, Ids,
    InvitationId, LabelId, MessageId, PasskeyId, PushDeviceId, RoleId, SessionId, SuppressionId, TeamId, TicketId,
    UserId, WebhookId, WorkspaceId,
};
pub use identify::{HostActor, HostCustomer, HostUser, Identify};
pub use page::{Limit, Page, decode_cursor, encode_cursor};
pub use random::{OsRandom, Random};
pub use store::{AuthStore, BlobStore, CommitError, LiveFeed, RateLimiter, Store, StoreError};
pub use text::{Body, LabelName, Name, Slug, Subject};
pub use time::{Clock, SystemClock, Timestamp, Version};
