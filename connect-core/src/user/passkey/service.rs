//! Finding users by their passkeys, and changing those.

use serde_json::Value;

use super::{CredentialId, NewPasskey, Passkey, Passkeys};
use crate::desk::Tries;
use crate::record::RecordKind;
use crate::user::Users;
use crate::{Actor, Error, Name, PasskeyId, Result, UserId, WorkspaceId};

impl Users<'_> {
    /// The passkeys of a user, oldest first.
    pub async fn passkeys(&self, user: UserId) -> Result<Vec<Passkey>> {
        Ok(self.passkey_list(user).await?.passkeys)
    }

    /// Adds a passkey of which whoever calls has made sure that the user holds it. Refused when it signs somebody
    /// in already.
    pub async fn add_passkey(&self, user: UserId, new: &NewPasskey) -> Result<Passkey> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let moment = self.desk.moment_of(Actor::User(user)).because(self.cause.clone());
            let (passkey, change) = self.passkey_list(user).await?.add(new.clone(), &moment)?;
            match self.write(user, change).await {
                Ok(true) => return Ok(passkey),
                Err(Error::Taken { .. }) if self.holder(&new.credential_id).await?.is_some_and(|l| l.user != user) => {
                    return Err(Error::refused("passkey_known", "this passkey signs somebody in already"));
                }
                Ok(false) | Err(Error::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives a passkey of the user another name.
    pub async fn rename_passkey(&self, user: UserId, id: PasskeyId, name: &Name) -> Result<()> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let Some(change) = self.passkey_list(user).await?.rename(id, name)? else { return Ok(()) };
            if self.write(user, change).await? {
                return Ok(());
            }
        }
    }

    /// Lets a passkey sign the user in no more.
    pub async fn remove_passkey(&self, user: UserId, id: PasskeyId) -> Result<()> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let change = self.passkey_list(user).await?.remove(id)?;
            if self.write(user, change).await? {
                return Ok(());
            }
        }
    }

    /// Lets no passkey sign the user in any more.
    pub async fn remove_all_passkeys(&self, user: UserId) -> Result<()> {
        for passkey in self.passkeys(user).await? {
            match self.remove_passkey(user, passkey.id).await {
                Ok(()) | Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Has somebody judge whether a passkey has proved who its holder is, and notes its new state, which the judge
    /// answers. Where it was used at the same time elsewhere it is judged again as it is then, so that no state
    /// counts twice. None if the passkey is nobody's.
    pub async fn use_passkey<E: From<Error>>(
        &self,
        credential_id: &CredentialId,
        judge: impl Fn(UserId, &Passkey) -> Result<Value, E> + Send + Sync,
    ) -> Result<Option<(UserId, PasskeyId)>, E> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let Some(list) = self.holder(credential_id).await? else { return Ok(None) };
            let Some(passkey) = list.passkeys.iter().find(|known| known.credential_id == *credential_id) else {
                return Ok(None);
            };
            let credential = judge(list.user, passkey)?;
            if self.write(list.user, list.used(passkey.id, &credential, self.desk.now())).await? {
                return Ok(Some((list.user, passkey.id)));
            }
        }
    }

    async fn holder(&self, credential_id: &CredentialId) -> Result<Option<Passkeys>> {
        let (kind, key) = (Passkeys::KIND, credential_id.record_key());
        let found = self.desk.store().find(WorkspaceId::DIRECTORY, kind, key).await?;
        Ok(found.map(|record| record.read()).transpose()?)
    }

    async fn passkey_list(&self, user: UserId) -> Result<Passkeys> {
        let id = Passkeys::id_of(user);
        let record = self.desk.store().record(WorkspaceId::DIRECTORY, Passkeys::KIND, id).await?;
        Ok(record.map(|record| record.read()).transpose()?.unwrap_or_else(|| Passkeys::none_of(user)))
    }
}
