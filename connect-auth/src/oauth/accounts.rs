//! The accounts of somebody who is signed in.

use connect_core::store::Revoke;
use connect_core::user::{LinkedAccount, StrongMethod};
use connect_core::{Error, Result};

use crate::auth::{Auth, Identity};
use crate::unbroken::unbroken;

impl Auth {
    /// The accounts that sign a person in.
    pub async fn accounts(&self, identity: &Identity) -> Result<Vec<LinkedAccount>> {
        let mut accounts = self.inner.desk.users().accounts(identity.user.id).await?;
        // That at the host is no way to sign in here, and cannot be taken away here.
        accounts.retain(|account| !account.key.is_the_hosts());
        Ok(accounts)
    }

    /// Lets an account sign the person in no more, which ends their other sessions: one of them may be its doing.
    /// It needs a recent proof. A code by mail remains a way in.
    pub async fn unlink_account(&self, identity: &Identity, provider: &str) -> Result<()> {
        self.require_recent_strong(identity).await?;
        let linked = self.inner.desk.users().accounts(identity.user.id).await?;
        if linked.iter().any(|account| account.key.provider == provider && account.key.is_the_hosts()) {
            return Err(Error::NotFound("account"));
        }
        if linked.iter().any(|account| account.key.provider == provider && account.vouched)
            && linked.iter().filter(|account| account.vouched).count() == 1
        {
            self.inner.desk.users().may_lose(identity.user.id, StrongMethod::Provider).await?;
        }
        let (auth, provider, cause) = (self.clone(), provider.to_owned(), identity.cause.clone());
        let (user, others) = (identity.user.id, Revoke::AllBut(identity.session.id));
        unbroken(async move {
            let users = auth.inner.desk.users().because(cause.clone());
            auth.ending_sessions(user, others, cause, users.unlink(user, &provider)).await
        })
        .await
    }
}
