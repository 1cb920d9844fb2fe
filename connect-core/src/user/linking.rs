//! Finding users by their accounts elsewhere, and linking those.

use super::linked::{AccountKey, LinkedAccount, LinkedAccounts};
use super::{Profile, User, Users};
use crate::change::{ChangeSet, RecordChange};
use crate::desk::Tries;
use crate::record::RecordKind;
use crate::{Actor, Error, Result, UserId, WorkspaceId};

impl Users<'_> {
    /// The user whom an account signs in.
    pub async fn by_account(&self, key: &AccountKey) -> Result<Option<User>> {
        let store = self.desk.store();
        let found = store.find(WorkspaceId::DIRECTORY, LinkedAccounts::KIND, key.record_key()).await?;
        match found {
            Some(record) => self.desk.user(record.read::<LinkedAccounts>()?.user).await,
            None => Ok(None),
        }
    }

    /// The accounts that sign a user in.
    pub async fn accounts(&self, user: UserId) -> Result<Vec<LinkedAccount>> {
        Ok(self.linked(user).await?.accounts)
    }

    /// Links an account to a user; whoever calls has made sure that both are one person. Answers whether it is
    /// new. Refused when it is somebody else's, or when the user has another one of the same provider.
    pub async fn link(&self, user: UserId, key: &AccountKey) -> Result<bool> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let linked = self.linked(user).await?;
            let Some(change) =
                linked.link(key.clone(), &self.desk.moment_of(Actor::User(user)).because(self.cause.clone()))?
            else {
                return Ok(false);
            };
            match self.write(user, change).await {
                Ok(true) => return Ok(true),
                Err(Error::Taken { .. }) if self.by_account(key).await?.is_some_and(|known| known.id != user) => {
                    return Err(Error::refused("account_taken", "this account signs somebody else in"));
                }
                Ok(false) | Err(Error::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets the account of a provider sign the user in no more.
    pub async fn unlink(&self, user: UserId, provider: &str) -> Result<()> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let Some(change) = self.linked(user).await?.unlink(provider) else {
                return Err(Error::NotFound("account"));
            };
            if self.write(user, change).await? {
                return Ok(());
            }
        }
    }

    /// Notes that the provider of a linked account has said that a second factor was shown there.
    pub async fn vouch(&self, user: UserId, key: &AccountKey) -> Result<()> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let Some(change) = self.linked(user).await?.vouch(key) else { return Ok(()) };
            if self.write(user, change).await? {
                return Ok(());
            }
        }
    }

    /// Lets no account sign the user in any more.
    pub async fn unlink_all(&self, user: UserId) -> Result<()> {
        for account in self.accounts(user).await? {
            match self.unlink(user, &account.key.provider).await {
                Ok(()) | Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes over what a provider says of a person: name, picture and language, and nothing else.
    pub async fn follow(&self, user: UserId, profile: &Profile) -> Result<User> {
        let profile = profile.clone();
        self.change(user, Actor::System, move |user| user.follow(&profile)).await
    }

    async fn linked(&self, user: UserId) -> Result<LinkedAccounts> {
        let id = LinkedAccounts::id_of(user);
        let record = self.desk.store().record(WorkspaceId::DIRECTORY, LinkedAccounts::KIND, id).await?;
        Ok(record.map(|record| record.read()).transpose()?.unwrap_or_else(|| LinkedAccounts::none_of(user)))
    }

    pub(super) async fn write(&self, user: UserId, change: RecordChange) -> Result<bool> {
        let moment = self.desk.moment_of(Actor::User(user)).because(self.cause.clone());
        let changes = ChangeSet::new(&moment).record(change, &moment);
        Ok(self.desk.commit_to(WorkspaceId::DIRECTORY, changes).await?.is_some())
    }
}
