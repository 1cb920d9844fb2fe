//! The passkeys of somebody who is signed in.

use connect_core::user::{Passkey, StrongMethod};
use connect_core::{Name, PasskeyId, Result};

use crate::auth::{Auth, Identity};
use crate::unbroken::unbroken;

impl Auth {
    /// The passkeys that sign a person in, oldest first.
    pub async fn passkeys(&self, identity: &Identity) -> Result<Vec<Passkey>> {
        self.inner.desk.users().passkeys(identity.user.id).await
    }

    /// Gives a passkey another name.
    pub async fn rename_passkey(&self, identity: &Identity, id: PasskeyId, name: &Name) -> Result<()> {
        self.inner.desk.users().because(identity.cause.clone()).rename_passkey(identity.user.id, id, name).await
    }

    /// Lets a passkey sign the person in no more, which ends their other sessions unless they are kept: one of them may
    /// be its doing. It needs a recent proof ([`Auth::require_recent_strong`]), and the person is told by mail. A code by
    /// mail remains a way in. Refused if it is the last second factor and a workspace asks for one.
    pub async fn remove_passkey(&self, identity: &Identity, id: PasskeyId, keep_sessions: bool) -> Result<()> {
        let (auth, identity) = (self.clone(), identity.clone());
        unbroken(async move { auth.removed_passkey(&identity, id, keep_sessions).await }).await
    }

    async fn removed_passkey(&self, identity: &Identity, id: PasskeyId, keep_sessions: bool) -> Result<()> {
        self.require_recent_strong(identity).await?;
        let (users, user) = (self.inner.desk.users().because(identity.cause.clone()), identity.user.id);
        if matches!(users.passkeys(user).await?.as_slice(), [last] if last.id == id) {
            users.may_lose(user, StrongMethod::Passkey).await?;
        }
        users.remove_passkey(user, id).await?;
        if users.shown_methods(user).await?.is_empty() {
            // Recovery codes go with the last of what they stand in for.
            users.change_second_factor(user, |factor, _| factor.clear()).await?;
        }
        if !keep_sessions {
            self.end_sessions_but(identity, identity.session.id).await?;
        }
        Ok(())
    }
}
