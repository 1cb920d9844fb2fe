//! Who asks, in which workspace, allowed what.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api_key::Grant;
use crate::event::Cause;
use crate::role::Permissions;
use crate::ticket::Within;
use crate::workspace::Workspace;
use crate::{ApiKeyId, ContactId, Timestamp, UserId, WorkspaceId};

/// What a member is in a workspace. The order is that of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads, but sees no internal notes.
    Viewer,
    /// Works tickets and contacts: an agent.
    Member,
    /// All but ownership and the deletion of the workspace.
    Admin,
    /// Everything.
    Owner,
}

impl Role {
    /// Every role, weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role of this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// Who did something; kept in every event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A member of the workspace, or a user acting outside any.
    User(UserId),
    /// A customer.
    Contact(ContactId),
    /// The application that embeds the desk.
    Host,
    /// The desk itself: timers, sign-in, sending.
    System,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Contact(id) => id.fmt(f),
            Self::Host => f.write_str("host"),
            Self::System => f.write_str("system"),
        }
    }
}

impl std::str::FromStr for Actor {
    type Err = crate::id::NotAnId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "host" => Ok(Self::Host),
            "system" => Ok(Self::System),
            other => match other.parse() {
                Ok(id) => Ok(Self::Contact(id)),
                Err(_) => other.parse().map(Self::User),
            },
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// What can be allowed or not. Contacts are held to their own tickets besides.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {$($(#[$doc])* $name,)+}

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word used in documents and messages.
            pub const fn as_str(self) -> &'static str {
                match self {$(Self::$name => $text,)+}
            }
        }
    };
}

actions! {
    /// See the workspace's name and settings.
    ReadWorkspace = "workspace.read";
    /// Change them.
    UpdateWorkspace = "workspace.update";
    /// See who works here.
    ReadMembers = "members.read";
    /// Invite, change roles, remove.
    ManageMembers = "members.manage";
    /// Make another member the owner in one's own place.
    TransferOwnership = "ownership.transfer";
    /// See, make, rotate and revoke API keys.
    ManageApiKeys = "api_keys.manage";
    /// See, make, change and replay webhooks.
    ManageWebhooks = "webhooks.manage";
    /// See, write and try the templates of mail; see whom no mail is sent to, and change that.
    ManageMail = "mail.manage";
    /// See what one is told of.
    ReadNotifications = "notifications.read";
    /// Choose what one is told of, when, and on which devices.
    ChooseNotifications = "notifications.choose";
    /// See contacts.
    ReadContacts = "contacts.read";
    /// Create and change contacts.
    WriteContacts = "contacts.write";
    /// See labels.
    ReadLabels = "labels.read";
    /// Create labels.
    WriteLabels = "labels.write";
    /// See tickets, their public messages and their timeline.
    ReadTickets = "tickets.read";
    /// Open a ticket.
    OpenTickets = "tickets.open";
    /// Answer in public.
    ReplyToTickets = "tickets.reply";
    /// Change status, priority, assignee, subject and labels.
    UpdateTickets = "tickets.update";
    /// See internal notes.
    ReadNotes = "notes.read";
    /// Write internal notes.
    WriteNotes = "notes.write";
    /// See the journal of the workspace.
    ReadAudit = "audit.read";
}

impl Action {
    /// The action of this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text)
    }

    /// Whether this is for owners alone: no custom role may ever have it.
    pub const fn is_for_owners(self) -> bool {
        matches!(self, Self::TransferOwnership)
    }

    /// Whether this reaches the tickets of every team, or the people of the workspace: nobody who is narrowed to
    /// their own teams may do it, whatever their role.
    pub const fn spans_teams(self) -> bool {
        matches!(self, Self::ReadAudit | Self::ManageMembers | Self::ManageMail)
    }

    /// Whether an API key may be given this at all. Keys work and read; they never administer, so what is
    /// not named here is for people only.
    pub const fn is_for_keys(self) -> bool {
        matches!(
            self,
            Self::ReadWorkspace
                | Self::ReadMembers
                | Self::ReadNotifications
                | Self::ReadContacts
                | Self::WriteContacts
                | Self::ReadLabels
                | Self::WriteLabels
                | Self::ReadTickets
                | Self::OpenTickets
                | Self::ReplyToTickets
                | Self::UpdateTickets
                | Self::ReadNotes
                | Self::WriteNotes
                | Self::ReadAudit
        )
    }
}

/// On what footing somebody acts in a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A member of this role.
    Member(Role),
    /// A customer, held to their own tickets.
    Contact,
    /// The embedding application, which may do everything.
    Host,
}

/// Decides what a standing may do.
///
/// # Contract
///
/// Quick, as it is asked on every call, and pure but for the time, should that matter to it: at one instant it
/// answers the same for the same arguments. It allows nothing it does not know. What a custom role or an API key
/// leaves out is not allowed, whatever it answers.
pub trait Policy: std::fmt::Debug + Send + Sync {
    /// Whether somebody of this standing may do this.
    fn allows(&self, standing: Standing, action: Action) -> bool;
}

/// The proof that somebody was let into one workspace: who, where, on what footing.
///
/// Services take it instead of ids, so nothing is read or written without it. It is made by
/// [`Desk::admit`](crate::Desk::admit) for a person whose identity was proven, by
/// [`Desk::admit_key`](crate::Desk::admit_key) for a program that holds a key of such a person, and by
/// [`Desk::host`](crate::Desk::host) for the embedding application.
#[derive(Debug, Clone)]
pub struct Access {
    workspace: Arc<Workspace>,
    actor: Actor,
    standing: Standing,
    since: Option<Timestamp>,
    key: Option<Arc<Grant>>,
    limits: Option<Arc<Permissions>>,
    within: Option<Arc<Within>>,
    strong: bool,
    cause: Cause,
    idempotency: Option<IdempotencyKey>,
}

/// A caller's promise that calls with this key are one and the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key, 1 to 255 bytes, as the caller chose it.
    pub key: String,
    /// SHA-256 over what is asked, in hexadecimal: the same key with another one is refused.
    pub request_hash: String,
}

impl Access {
    pub(crate) fn new(workspace: Arc<Workspace>, actor: Actor, standing: Standing) -> Self {
        Self {
            workspace,
            actor,
            standing,
            since: None,
            key: None,
            limits: None,
            within: None,
            strong: false,
            cause: Cause::default(),
            idempotency: None,
        }
    }

    /// The same access of somebody who belongs here since then.
    pub(crate) fn since(mut self, since: Timestamp) -> Self {
        self.since = Some(since);
        self
    }

    /// The same access of somebody of whom it is known whether they have shown a second factor.
    pub(crate) fn strong(mut self, strong: bool) -> Self {
        self.strong = strong;
        self
    }

    /// The same access for whoever holds a key of this person: nothing but what the key was given.
    pub(crate) fn by_key(mut self, grant: Grant) -> Self {
        self.key = Some(Arc::new(grant));
        self
    }

    /// The same access of a member whose role is a custom one: nothing but its permissions.
    pub(crate) fn limited_to(mut self, permissions: Option<Permissions>) -> Self {
        self.limits = permissions.map(Arc::new);
        self
    }

    /// The same access of a member who works only these tickets.
    pub(crate) fn within(mut self, tickets: Option<Within>) -> Self {
        self.within = tickets.map(Arc::new);
        self
    }

    /// The same access on behalf of a request, whose id every event it causes will carry.
    #[must_use]
    pub fn for_request(mut self, id: impl Into<Arc<str>>) -> Self {
        self.cause.request_id = Some(id.into());
        self
    }

    /// The same access because of a request of which this is known; every event it causes will carry it.
    #[must_use]
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }

    /// The same access for one command that is to be carried out once, however often it is sent.
    ///
    /// The first command of this access that commits keeps its answer under the key for 24 hours; the
    /// same command with the same key gets that answer and does nothing.
    #[must_use]
    pub fn once(mut self, key: Option<IdempotencyKey>) -> Self {
        self.idempotency = match &self.key {
            // Programs choose their idempotency keys on their own: two of one owner must not meet.
            Some(grant) => key.map(|once| IdempotencyKey { key: format!("{} {}", grant.id, once.key), ..once }),
            None => key,
        };
        self
    }

    /// The workspace.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The id of the workspace.
    pub fn workspace_id(&self) -> WorkspaceId {
        self.workspace.id
    }

    /// Who acts.
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// On what footing.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// The role, if it is a member's access.
    pub fn role(&self) -> Option<Role> {
        match self.standing {
            Standing::Member(role) => Some(role),
            Standing::Contact | Standing::Host => None,
        }
    }

    /// The user behind a member's access.
    pub fn user(&self) -> Option<UserId> {
        match self.actor {
            Actor::User(user) => Some(user),
            _ => None,
        }
    }

    /// The API key by which a program acts for the user, if it is not the user.
    pub fn key(&self) -> Option<ApiKeyId> {
        self.key.as_ref().map(|grant| grant.id)
    }

    /// Whether the person has shown a second factor. No program has.
    pub fn is_strong(&self) -> bool {
        self.strong && self.key.is_none()
    }

    /// Whether what lets the caller in covers this: a session covers all that its person may do, a key what
    /// it was given; and a custom role its permissions.
    pub(crate) fn covers(&self, action: Action) -> bool {
        self.key.as_ref().is_none_or(|grant| grant.scopes.contains(action))
            && self.limits.as_ref().is_none_or(|limits| limits.contains(action))
            && (self.within.is_none() || !action.spans_teams())
    }

    /// The tickets that the access is held to, if it is narrowed to those of teams.
    pub fn narrowed(&self) -> Option<&Within> {
        self.within.as_deref()
    }

    /// Whether another access of the same caller lets them do and see the same: if not, what lasts begins anew.
    pub fn is_on_the_footing_of(&self, other: &Self) -> bool {
        (self.standing, self.actor, &self.within, &self.limits)
            == (other.standing, other.actor, &other.within, &other.limits)
    }

    /// Since when the member belongs here.
    pub(crate) fn member_since(&self) -> Option<Timestamp> {
        self.since
    }

    /// The contact behind a customer's access.
    pub fn contact(&self) -> Option<ContactId> {
        match self.actor {
            Actor::Contact(contact) => Some(contact),
            _ => None,
        }
    }

    pub(crate) fn idempotency(&self) -> Option<&IdempotencyKey> {
        self.idempotency.as_ref()
    }

    pub(crate) fn cause(&self) -> &Cause {
        &self.cause
    }
}
