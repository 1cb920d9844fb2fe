//! A second factor beside the mailbox: codes of an app, recovery codes, and who has still to show one.
//!
//! Whoever has a second factor and has not shown it in their session is a [`Claimant`] and nobody yet: only
//! [`Claimant::into_identity`] makes an [`Identity`] of a session, and it refuses such a one.

mod cost;
mod enrol;
pub(crate) mod notice;
mod recovery;
mod reset;
mod session;
mod show;
mod totp;

use std::time::Duration;

use connect_core::store::Session;
use connect_core::user::{StrongMethod, User};
use connect_core::{Error, Random, Result, SessionId, Timestamp, UserId};

use crate::auth::{Auth, Client, Identity};

pub use enrol::{BegunApp, EnrolledApp, FactorStatus};
pub use reset::Reset;
pub use totp::{AppSecret, step_at};

/// How long a second factor counts as shown recently.
const RECENT: Duration = Duration::from_secs(10 * 60);

/// Somebody whose session is good, and who may still have to show a second factor. Until then they can show it, sign
/// out, and see who they are.
#[derive(Debug, Clone)]
pub struct Claimant {
    pub(crate) identity: Identity,
    pub(crate) awaited: bool,
}

impl Claimant {
    /// Who they say they are.
    pub fn user(&self) -> &User {
        &self.identity.user
    }

    /// Their session.
    pub fn session(&self) -> SessionId {
        self.identity.session.id
    }

    /// How they signed in.
    pub fn method(&self) -> &str {
        &self.identity.session.method
    }

    /// Whether a second factor was shown in their session.
    pub fn is_strong(&self) -> bool {
        self.identity.session.strong_at.is_some()
    }

    /// Whether a second factor has still to be shown.
    pub fn is_awaited(&self) -> bool {
        self.awaited
    }

    /// The person, unless a second factor has still to be shown: [`Error::SecondFactorRequired`].
    pub fn into_identity(self) -> Result<Identity> {
        if self.awaited { Err(Error::SecondFactorRequired) } else { Ok(self.identity) }
    }

    /// The same, in a request of this client.
    #[must_use]
    pub fn in_request(self, client: &Client, random: &dyn Random) -> Self {
        Self { identity: self.identity.in_request(client, random), ..self }
    }
}

impl From<Identity> for Claimant {
    /// Somebody who is known has nothing left to show.
    fn from(identity: Identity) -> Self {
        Self { identity, awaited: false }
    }
}

impl Auth {
    /// Whether a second factor has still to be shown in a session: by whoever has an app for codes. Somebody with
    /// passkeys only signs in with a code by e-mail as well; a workspace may ask them for more.
    pub async fn awaits_second_factor(&self, session: &Session) -> Result<bool> {
        let was_shown = session.strong_at.is_some();
        Ok(!was_shown && self.inner.desk.users().second_factor(session.user).await?.app.is_some())
    }

    /// Whether a person changes what they can show with that only: whoever has an app, and whoever has passkeys, or a
    /// provider that vouches for one, and works where a second factor is asked for. Else a mailbox would be enough to
    /// get another one.
    async fn is_bound(&self, user: UserId) -> Result<bool> {
        let users = self.inner.desk.users();
        let methods = users.strong_methods(user).await?;
        Ok(methods.contains(&StrongMethod::Totp) || (!methods.is_empty() && users.must_be_strong(user).await?))
    }

    /// Whether a session may get its person another way in that counts as a second factor: anybody's where they have
    /// none to show, else one in which it was shown lately.
    pub(crate) async fn may_get_stronger(&self, session: &Session) -> Result<bool> {
        let now = self.inner.desk.now();
        // A proof of the future is none: a clock was wrong.
        let is_recent = |at: Timestamp| at <= now && now.since(at) <= RECENT;
        Ok(session.strong_at.is_some_and(is_recent) || !self.is_bound(session.user).await?)
    }

    /// What a person can show now; recovery codes are not among it.
    pub async fn shown_methods(&self, claimant: &Claimant) -> Result<Vec<StrongMethod>> {
        self.inner.desk.users().shown_methods(claimant.identity.user.id).await
    }

    /// Refuses what changes second factors, or the rules about them, unless the person has proved lately who they
    /// are: with their second factor, if they have an app, or passkeys and a workspace that asks for one; else as for
    /// [`Auth::require_recent`].
    pub async fn require_recent_strong(&self, identity: &Identity) -> Result<()> {
        if !self.is_bound(identity.user.id).await? {
            return self.require_recent(identity);
        }
        if self.may_get_stronger(&identity.session).await? { Ok(()) } else { Err(Error::SecondFactorRequired) }
    }
}
