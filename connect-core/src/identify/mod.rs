//! The host's own login in the place of the desk's: the port by which the desk asks, and whom it may be told of.

mod admit;

use async_trait::async_trait;
use http::request::Parts;

use crate::user::{AccountKey, Locale};
use crate::{EmailAddress, Name, Result, Timestamp};

/// The provider under which a host's own ids of its users are kept. No provider of the settings can be called so.
const HOST: &str = "@host";

/// Somebody who is signed in at the host and is a user on the desk: one of the team, as a rule.
///
/// What they may do there is what the memberships of the user say. The host makes somebody a member with
/// [`Desk::add_member`](crate::Desk::add_member).
#[derive(Clone, PartialEq, Eq)]
pub struct HostUser {
    /// The host's own id of them. It never changes, and is never given to anybody else.
    pub external_id: String,
    /// Their address, **which the host has made sure of**: whoever has it on the desk already is taken for them when
    /// they come for the first time. Later it is not looked at.
    pub email: EmailAddress,
    /// What they are called. The name on the desk follows, until the person chooses another one there.
    pub name: Option<Name>,
    /// Their language; it is followed, too.
    pub locale: Option<Locale>,
    /// When they last proved to the host who they are. Without it they never have lately, and can do nothing for
    /// which the desk asks for that.
    pub proven_at: Option<Timestamp>,
}

/// Somebody who is signed in at the host and asks for help: a contact of one workspace.
#[derive(Clone, PartialEq, Eq)]
pub struct HostCustomer {
    /// The workspace they ask, by id or slug.
    pub workspace: String,
    /// The host's own id of them: 1 to 200 bytes. It never changes, and is never given to anybody else.
    pub external_id: String,
    /// Their address, **which the host has made sure of**, or none: a contact who has it already, and whom the host
    /// has not named yet, is taken for them when they come for the first time. Later it is not looked at.
    pub verified_email: Option<EmailAddress>,
    /// What they are called, should they be new.
    pub name: Option<Name>,
}

impl std::fmt::Debug for HostUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostUser").field("external_id", &self.external_id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for HostCustomer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("HostCustomer");
        shown.field("workspace", &self.workspace).field("external_id", &self.external_id).finish_non_exhaustive()
    }
}

impl HostUser {
    /// What the user's account at the host is known by.
    pub fn account(&self) -> AccountKey {
        AccountKey { provider: HOST.to_owned(), issuer: String::new(), subject: self.external_id.clone() }
    }
}

impl AccountKey {
    /// Whether it is an account of the embedding application's own, which nobody can unlink on the desk.
    pub fn is_the_hosts(&self) -> bool {
        self.provider == HOST
    }
}

/// Whom the host vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostActor {
    /// A user of the desk.
    User(HostUser),
    /// A customer of one workspace.
    Customer(HostCustomer),
}

/// Knows who is signed in at the host.
///
/// # Contract
///
/// - It is asked about every request that brings nothing of the desk's own: no good session, and no `Authorization`
///   header at all. It reads what is the host's, such as a cookie, or what a layer of the host has put among the
///   request's extensions. The path is the one below the place where the desk is mounted.
/// - It answers for somebody whose login holds now. Who has signed out at the host is nobody at the next request.
/// - It may be asked several times about one request, and changes nothing by being asked.
/// - About a request whose answer lasts (a live stream) it is asked again every few seconds, then with method, path
///   and headers only: what a layer has put among the extensions was true when the request came. An implementation
///   that knows nobody by the headers alone has such streams ended, and clients come back.
/// - An error says that it cannot be known now. It is never taken for a yes.
/// - What it answers is taken at its word. It must not take an address that its user has not proven for theirs.
///
/// The desk refuses what would change something unless it comes from a page of its own or of an allowed origin, so
/// an implementation need not look at where a request comes from.
#[async_trait]
pub trait Identify: std::fmt::Debug + Send + Sync {
    /// Who sends this, if they are signed in at the host.
    async fn identify(&self, request: &Parts) -> Result<Option<HostActor>>;
}
