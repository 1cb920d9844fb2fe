//! The passkeys of somebody who is signed in.

use connect_core::user::Passkey;
use connect_core::{Name, PasskeyId, Result};

use crate::auth::{Auth, Identity};

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
    /// be its doing. It needs a recent proof, and the person is told by mail. A code by mail remains a way in.
    pub async fn remove_passkey(&self, identity: &Identity, id: PasskeyId, keep_sessions: bool) -> Result<()> {
        self.require_recent(identity)?;
        self.inner.desk.users().because(identity.cause.clone()).remove_passkey(identity.user.id, id).await?;
        if !keep_sessions {
            self.end_sessions_but(identity, identity.session.id).await?;
        }
        Ok(())
    }
}
