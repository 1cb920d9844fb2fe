//! What a key adds to the access of its owner: a limit.

use std::time::Duration;

use super::{ApiKey, Scopes};
use crate::change::ChangeSet;
use crate::record::RecordKind;
use crate::user::ProvenMailbox;
use crate::{Access, ApiKeyId, Desk, Error, Result, Standing, WorkspaceId};

/// A key, and what it covers.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) id: ApiKeyId,
    pub(crate) scopes: Scopes,
}

impl Desk {
    /// A key by its id, and the workspace it is of: one read of the store. It tells nothing about whether
    /// whoever names it may use it.
    pub async fn find_api_key(&self, id: ApiKeyId) -> Result<Option<(WorkspaceId, ApiKey)>> {
        let found = self.store().locate(ApiKey::KIND, ApiKey::id_key(id)).await?;
        let first = found.first().map(|(workspace, record)| record.read().map(|key| (*workspace, key)));
        Ok(first.transpose()?)
    }

    /// Lets a program that has shown a key into the workspace of the key, for no more than the key covers.
    /// `owner` must be the key's owner, whom the caller has found to be no disabled user.
    ///
    /// [`Error::NotFound`] if the owner is no member there, or was none for a while since the key was made: who
    /// leaves and comes back makes new keys. [`Error::SecondFactorEnrolmentRequired`] if the workspace asks for a
    /// second factor and the owner has none.
    pub async fn admit_key(&self, owner: &ProvenMailbox, workspace: WorkspaceId, key: &ApiKey) -> Result<Access> {
        let name = workspace.to_string();
        let access = match self.admit(owner, &name).await {
            // A program shows no second factor: its key is as strong as what its owner has set up.
            Err(Error::SecondFactorEnrolmentRequired | Error::SecondFactorRequired) => {
                if !self.users().is_strong(owner.user()).await? {
                    return Err(Error::SecondFactorEnrolmentRequired);
                }
                self.admit(&owner.clone().with_second_factor(), &name).await?
            }
            admitted => admitted?,
        };
        let is_member = matches!(access.standing(), Standing::Member(_));
        let all_along = access.member_since().is_some_and(|since| since <= key.created_at);
        if owner.user() != key.owner || !is_member || !all_along {
            return Err(Error::NotFound("workspace"));
        }
        Ok(access.by_key(Grant { id: key.id, scopes: key.scopes.clone() }))
    }

    /// Notes that a key is used now, if that was not noted lately. Somebody else who changes the key at this
    /// moment is let through; the next use is noted then.
    pub async fn note_api_key_use(&self, access: &Access, key: &ApiKey, lately: Duration) -> Result<()> {
        let Some(change) = key.used(self.now(), lately) else { return Ok(()) };
        let moment = self.moment(access);
        let changes = ChangeSet::new(&moment).record(change, &moment);
        self.commit_to(access.workspace_id(), changes).await.map(|_| ())
    }
}
