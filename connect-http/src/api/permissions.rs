//! What each route of the API needs, as data: one row a method and template. A test compares the table with the
//! routes, so that none is without a row, and another asks at every row on every footing.

use std::fmt::{self, Write};

use connect_core::Action;
use http::Method;

/// What a caller needs for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it says itself what it takes.
    Public,
    /// To be a person who has signed in, if only with a first factor; no API key is.
    FirstFactor,
    /// To be a person who is signed in; no API key is.
    SignedIn,
    /// The same, and that it is theirs. To others it does not exist.
    Own,
    /// That the policy allows this in the workspace. To whoever does not belong there it does not exist.
    Action(Action),
    /// That the policy allows one of these.
    AnyOf(&'static [Action]),
    /// That the policy allows all of these.
    AllOf(&'static [Action]),
    /// Nothing where it is the caller's own, else that the policy allows this.
    OwnOr(Action),
    /// That the policy allows this, and that it is the caller's own.
    OwnAnd(Action),
    /// That the policy allows this; to whoever it does not, the thing does not exist.
    Seen(Action),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("nothing"),
            Self::FirstFactor => f.write_str("to be signed in, if only with a first factor"),
            Self::SignedIn => f.write_str("to be signed in"),
            Self::Own => f.write_str("to be signed in, and that it is one's own"),
            Self::Action(action) => write!(f, "`{}`", action.as_str()),
            Self::AnyOf(actions) => f.write_str(&words(actions).join(" or ")),
            Self::AllOf(actions) => f.write_str(&words(actions).join(" and ")),
            Self::OwnOr(action) => write!(f, "`{}`, unless it is one's own", action.as_str()),
            Self::OwnAnd(action) => write!(f, "`{}`, and that it is one's own", action.as_str()),
            Self::Seen(action) => write!(f, "`{}`, else it does not exist", action.as_str()),
        }
    }
}

fn words(actions: &[Action]) -> Vec<String> {
    actions.iter().map(|action| format!("`{}`", action.as_str())).collect()
}

/// To be told of a ticket is for who may see it.
const FOLLOW: Need = Need::AllOf(&[Action::ReadNotifications, Action::ReadTickets]);
const CHOOSE: Need = Need::AllOf(&[Action::ChooseNotifications, Action::ReadTickets]);

/// Who is at a ticket is for the team to know.
const PRESENCE: Need = Need::AllOf(&[Action::ReadMembers, Action::ReadTickets]);

/// One row: a route, and what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The method.
    pub method: Method,
    /// The template of its path, below `/api/v1`.
    pub path: &'static str,
    /// What it needs.
    pub need: Need,
}

const fn row(method: Method, path: &'static str, need: Need) -> Permission {
    Permission { method, path, need }
}

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

/// Every route of the API, in the order of the page that has them.
pub const PERMISSIONS: &[Permission] = &[
    row(GET, "/auth/oauth/{provider}/start", Need::Public),
    row(GET, "/auth/oauth/{provider}/callback", Need::Public),
    row(GET, "/me/accounts", Need::SignedIn),
    row(DELETE, "/me/accounts/{provider}", Need::Own),
    row(POST, "/auth/passkeys/start", Need::Public),
    row(POST, "/auth/passkeys/finish", Need::Public),
    row(GET, "/me/passkeys", Need::SignedIn),
    row(POST, "/me/passkeys/start", Need::SignedIn),
    row(POST, "/me/passkeys/finish", Need::SignedIn),
    row(PATCH, "/me/passkeys/{passkey}", Need::Own),
    row(DELETE, "/me/passkeys/{passkey}", Need::Own),
    #[cfg(feature = "mail-events")]
    row(POST, "/mail-events/{source}", Need::Public),
    row(POST, "/auth/otp/request", Need::Public),
    row(POST, "/auth/otp/verify", Need::Public),
    row(GET, "/auth/second-factor", Need::FirstFactor),
    row(POST, "/auth/second-factor", Need::FirstFactor),
    row(POST, "/auth/second-factor/reset", Need::FirstFactor),
    row(POST, "/auth/logout", Need::FirstFactor),
    row(GET, "/auth/sessions", Need::SignedIn),
    row(DELETE, "/auth/sessions", Need::SignedIn),
    row(DELETE, "/auth/sessions/{session}", Need::Own),
    row(GET, "/me", Need::SignedIn),
    row(PATCH, "/me", Need::SignedIn),
    row(POST, "/me/email", Need::SignedIn),
    row(GET, "/me/second-factor", Need::SignedIn),
    row(POST, "/me/second-factor", Need::SignedIn),
    row(DELETE, "/me/second-factor", Need::SignedIn),
    row(POST, "/me/second-factor/confirm", Need::SignedIn),
    row(GET, "/me/recovery-codes", Need::SignedIn),
    row(POST, "/me/recovery-codes", Need::SignedIn),
    row(GET, "/workspaces", Need::SignedIn),
    row(POST, "/workspaces", Need::SignedIn),
    row(GET, "/workspaces/{workspace}", Need::Action(Action::ReadWorkspace)),
    row(PATCH, "/workspaces/{workspace}", Need::Action(Action::UpdateWorkspace)),
    row(GET, "/workspaces/{workspace}/domains", Need::Action(Action::UpdateWorkspace)),
    row(POST, "/workspaces/{workspace}/domains", Need::Action(Action::UpdateWorkspace)),
    row(GET, "/workspaces/{workspace}/domains/{domain}", Need::Action(Action::UpdateWorkspace)),
    row(PATCH, "/workspaces/{workspace}/domains/{domain}", Need::Action(Action::UpdateWorkspace)),
    row(DELETE, "/workspaces/{workspace}/domains/{domain}", Need::Action(Action::UpdateWorkspace)),
    row(POST, "/workspaces/{workspace}/domains/{domain}/verify", Need::Action(Action::UpdateWorkspace)),
    row(GET, "/workspaces/{workspace}/members", Need::Action(Action::ReadMembers)),
    row(GET, "/workspaces/{workspace}/members/{member}", Need::Action(Action::ReadMembers)),
    row(PATCH, "/workspaces/{workspace}/members/{member}", Need::Action(Action::ManageMembers)),
    row(DELETE, "/workspaces/{workspace}/members/{member}", Need::OwnOr(Action::ManageMembers)),
    row(POST, "/workspaces/{workspace}/members/{member}/transfer-ownership", Need::Action(Action::TransferOwnership)),
    row(GET, "/workspaces/{workspace}/roles", Need::Action(Action::ReadMembers)),
    row(POST, "/workspaces/{workspace}/roles", Need::Action(Action::ManageMembers)),
    row(GET, "/workspaces/{workspace}/roles/{role}", Need::Action(Action::ReadMembers)),
    row(PATCH, "/workspaces/{workspace}/roles/{role}", Need::Action(Action::ManageMembers)),
    row(DELETE, "/workspaces/{workspace}/roles/{role}", Need::Action(Action::ManageMembers)),
    row(GET, "/workspaces/{workspace}/teams", Need::Action(Action::ReadMembers)),
    row(POST, "/workspaces/{workspace}/teams", Need::Action(Action::ManageMembers)),
    row(GET, "/workspaces/{workspace}/teams/{team}", Need::Action(Action::ReadMembers)),
    row(PATCH, "/workspaces/{workspace}/teams/{team}", Need::Action(Action::ManageMembers)),
    row(DELETE, "/workspaces/{workspace}/teams/{team}", Need::Action(Action::ManageMembers)),
    row(GET, "/workspaces/{workspace}/teams/{team}/members", Need::Action(Action::ReadMembers)),
    row(PUT, "/workspaces/{workspace}/teams/{team}/members/{member}", Need::Action(Action::ManageMembers)),
    row(DELETE, "/workspaces/{workspace}/teams/{team}/members/{member}", Need::Action(Action::ManageMembers)),
    row(GET, "/workspaces/{workspace}/invitations", Need::Action(Action::ManageMembers)),
    row(POST, "/workspaces/{workspace}/invitations", Need::Action(Action::ManageMembers)),
    row(DELETE, "/workspaces/{workspace}/invitations/{invitation}", Need::Action(Action::ManageMembers)),
    row(POST, "/workspaces/{workspace}/invitations/{invitation}/accept", Need::Own),
    row(GET, "/workspaces/{workspace}/api-keys", Need::Action(Action::ManageApiKeys)),
    row(POST, "/workspaces/{workspace}/api-keys", Need::Action(Action::ManageApiKeys)),
    row(GET, "/workspaces/{workspace}/api-keys/{key}", Need::Action(Action::ManageApiKeys)),
    row(DELETE, "/workspaces/{workspace}/api-keys/{key}", Need::Action(Action::ManageApiKeys)),
    row(POST, "/workspaces/{workspace}/api-keys/{key}/rotate", Need::OwnAnd(Action::ManageApiKeys)),
    row(GET, "/workspaces/{workspace}/contacts", Need::Action(Action::ReadContacts)),
    row(POST, "/workspaces/{workspace}/contacts", Need::Action(Action::WriteContacts)),
    row(GET, "/workspaces/{workspace}/contacts/{contact}", Need::OwnOr(Action::ReadContacts)),
    row(PATCH, "/workspaces/{workspace}/contacts/{contact}", Need::Action(Action::WriteContacts)),
    row(
        POST,
        "/workspaces/{workspace}/attachments",
        Need::AnyOf(&[Action::ReplyToTickets, Action::OpenTickets, Action::WriteNotes]),
    ),
    row(GET, "/workspaces/{workspace}/attachments/{attachment}", Need::Seen(Action::ReadTickets)),
    row(POST, "/workspaces/{workspace}/attachments/{attachment}/link", Need::Seen(Action::ReadTickets)),
    row(GET, "/workspaces/{workspace}/labels", Need::Action(Action::ReadLabels)),
    row(POST, "/workspaces/{workspace}/labels", Need::Action(Action::WriteLabels)),
    row(GET, "/workspaces/{workspace}/webhooks", Need::Action(Action::ManageWebhooks)),
    row(POST, "/workspaces/{workspace}/webhooks", Need::Action(Action::ManageWebhooks)),
    row(GET, "/workspaces/{workspace}/webhooks/{webhook}", Need::Action(Action::ManageWebhooks)),
    row(PATCH, "/workspaces/{workspace}/webhooks/{webhook}", Need::Action(Action::ManageWebhooks)),
    row(DELETE, "/workspaces/{workspace}/webhooks/{webhook}", Need::Action(Action::ManageWebhooks)),
    row(GET, "/workspaces/{workspace}/webhooks/{webhook}/deliveries", Need::Action(Action::ManageWebhooks)),
    row(POST, "/workspaces/{workspace}/webhooks/{webhook}/replay", Need::Action(Action::ManageWebhooks)),
    row(POST, "/workspaces/{workspace}/webhooks/{webhook}/rotate-secret", Need::Action(Action::ManageWebhooks)),
    row(GET, "/workspaces/{workspace}/notifications", Need::Action(Action::ReadNotifications)),
    row(POST, "/workspaces/{workspace}/notifications/read", Need::Action(Action::ReadNotifications)),
    row(POST, "/workspaces/{workspace}/notifications/{notification}/read", Need::Action(Action::ReadNotifications)),
    row(GET, "/workspaces/{workspace}/notification-settings", Need::Action(Action::ReadNotifications)),
    row(PUT, "/workspaces/{workspace}/notification-settings", Need::Action(Action::ChooseNotifications)),
    row(GET, "/workspaces/{workspace}/push-key", Need::Action(Action::ChooseNotifications)),
    row(GET, "/workspaces/{workspace}/push-devices", Need::Action(Action::ChooseNotifications)),
    row(POST, "/workspaces/{workspace}/push-devices", Need::Action(Action::ChooseNotifications)),
    row(DELETE, "/workspaces/{workspace}/push-devices/{device}", Need::Action(Action::ChooseNotifications)),
    row(GET, "/workspaces/{workspace}/templates", Need::Action(Action::ManageMail)),
    row(GET, "/workspaces/{workspace}/templates/{topic}/{language}", Need::Action(Action::ManageMail)),
    row(PUT, "/workspaces/{workspace}/templates/{topic}/{language}", Need::Action(Action::ManageMail)),
    row(DELETE, "/workspaces/{workspace}/templates/{topic}/{language}", Need::Action(Action::ManageMail)),
    row(POST, "/workspaces/{workspace}/templates/{topic}/{language}/preview", Need::Action(Action::ManageMail)),
    row(POST, "/workspaces/{workspace}/templates/{topic}/{language}/test", Need::Action(Action::ManageMail)),
    row(GET, "/workspaces/{workspace}/suppressions", Need::Action(Action::ManageMail)),
    row(POST, "/workspaces/{workspace}/suppressions", Need::Action(Action::ManageMail)),
    row(DELETE, "/workspaces/{workspace}/suppressions/{suppression}", Need::Action(Action::ManageMail)),
    row(GET, "/workspaces/{workspace}/audit", Need::Action(Action::ReadAudit)),
    row(GET, "/workspaces/{workspace}/live", Need::Action(Action::ReadTickets)),
    row(GET, "/workspaces/{workspace}/tickets", Need::Action(Action::ReadTickets)),
    row(POST, "/workspaces/{workspace}/tickets", Need::Action(Action::OpenTickets)),
    row(GET, "/workspaces/{workspace}/tickets/{ticket}", Need::Action(Action::ReadTickets)),
    row(PATCH, "/workspaces/{workspace}/tickets/{ticket}", Need::Action(Action::UpdateTickets)),
    row(GET, "/workspaces/{workspace}/tickets/{ticket}/timeline", Need::Action(Action::ReadTickets)),
    row(PUT, "/workspaces/{workspace}/tickets/{ticket}/labels/{label}", Need::Action(Action::UpdateTickets)),
    row(DELETE, "/workspaces/{workspace}/tickets/{ticket}/labels/{label}", Need::Action(Action::UpdateTickets)),
    row(GET, "/workspaces/{workspace}/tickets/{ticket}/follow", FOLLOW),
    row(PUT, "/workspaces/{workspace}/tickets/{ticket}/follow", CHOOSE),
    row(DELETE, "/workspaces/{workspace}/tickets/{ticket}/follow", CHOOSE),
    row(GET, "/workspaces/{workspace}/tickets/{ticket}/presence", PRESENCE),
    row(PUT, "/workspaces/{workspace}/tickets/{ticket}/presence", PRESENCE),
    row(DELETE, "/workspaces/{workspace}/tickets/{ticket}/presence", PRESENCE),
    row(GET, "/workspaces/{workspace}/tickets/{ticket}/messages", Need::Action(Action::ReadTickets)),
    // An internal note needs `notes.write` in its place; the desk asks for it by what the message is.
    row(
        POST,
        "/workspaces/{workspace}/tickets/{ticket}/messages",
        Need::AnyOf(&[Action::ReplyToTickets, Action::WriteNotes]),
    ),
    row(GET, "/workspaces/{workspace}/tickets/{ticket}/messages/{message}", Need::Action(Action::ReadTickets)),
    // What is not sent yet is the team's, as notes are.
    row(GET, "/workspaces/{workspace}/tickets/{ticket}/outbox", Need::AllOf(&[Action::ReadTickets, Action::ReadNotes])),
    row(DELETE, "/workspaces/{workspace}/tickets/{ticket}/outbox/{held}", Need::OwnOr(Action::ManageMembers)),
    row(POST, "/workspaces/{workspace}/tickets/{ticket}/outbox/{held}/send", Need::OwnAnd(Action::ReplyToTickets)),
];

/// The table in Markdown.
pub fn permissions_markdown() -> String {
    let mut text = String::from("| route below `/api/v1` | needs |\n|---|---|\n");
    for Permission { method, path, need } in PERMISSIONS {
        let _ = writeln!(text, "| `{method} {path}` | {need} |");
    }
    text
}
