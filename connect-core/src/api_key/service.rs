//! Making, listing, rotating and revoking keys.

use std::time::Duration;

use super::{ApiKey, KeyLimits, KeyOwner, NewApiKey, SecretTrace};
use crate::change::ChangeSet;
use crate::desk::Tries;
use crate::page::decode_id;
use crate::record::{Record, RecordKind};
use crate::store::RecordList;
use crate::{Access, Action, ApiKeyId, Desk, Error, Limit, Page, Result};

/// The API keys of a workspace, as one access sees them. No key sees any.
#[derive(Debug)]
pub struct ApiKeys<'a> {
    desk: &'a Desk,
    access: &'a Access,
}

impl Desk {
    /// The API keys of the access's workspace.
    pub fn api_keys<'a>(&'a self, access: &'a Access) -> ApiKeys<'a> {
        ApiKeys { desk: self, access }
    }
}

impl ApiKeys<'_> {
    /// Makes a key of the caller's own. `secret` makes its secret from its id, and tells what is kept of it.
    pub async fn create(
        &self,
        new: NewApiKey,
        limits: &KeyLimits,
        secret: impl FnOnce(ApiKeyId) -> SecretTrace,
    ) -> Result<ApiKey> {
        self.desk.demand(self.access, Action::ManageApiKeys)?;
        let owner = self.owner().await?;
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            return Ok(earlier.records.first().ok_or(Error::NotFound("api key"))?.read()?);
        }
        let moment = self.desk.moment(self.access);
        let may = |action| self.desk.may(self.access, action);
        let (key, change) = ApiKey::create(new, owner, may, limits, secret, &moment)?;
        let committed = self.desk.commit(self.access, ChangeSet::new(&moment).record(change, &moment)).await?;
        // A twin with the same idempotency key may have been quicker: then this is its key.
        let record = committed.and_then(|committed| committed.records.into_iter().next());
        record.map_or(Ok(key), |record| Ok(record.read()?))
    }

    /// A page of keys, oldest first.
    pub async fn list(&self, cursor: Option<&str>, limit: Limit) -> Result<Page<ApiKey>> {
        self.desk.demand(self.access, Action::ManageApiKeys)?;
        let list = RecordList { ids: None, after: cursor.map(decode_id::<ApiKeyId>).transpose()?, limit };
        let records = self.desk.store().records(self.access.workspace_id(), ApiKey::KIND, list).await?;
        let page = Page::cut(records, limit, |record| record.id.clone());
        let rows = page.rows.iter().map(Record::read).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: page.next })
    }

    /// One key.
    pub async fn get(&self, id: ApiKeyId) -> Result<ApiKey> {
        self.desk.demand(self.access, Action::ManageApiKeys)?;
        self.find(id).await
    }

    /// Gives a key of the caller's own another secret; the old one counts for the overlap.
    pub async fn rotate(
        &self,
        id: ApiKeyId,
        overlap: Option<Duration>,
        limits: &KeyLimits,
        secret: SecretTrace,
    ) -> Result<ApiKey> {
        self.desk.demand(self.access, Action::ManageApiKeys)?;
        let by = self.owner().await?;
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            return Ok(earlier.records.first().ok_or(Error::NotFound("api key"))?.read()?);
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let key = self.find(id).await?;
            let moment = self.desk.moment(self.access);
            let (next, change) = key.rotate(by, overlap, limits, secret.clone(), moment.now())?;
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if let Some(committed) = self.desk.commit(self.access, changes).await? {
                // Without an overlap the old secret is of no use at once.
                self.desk.forget_admitted();
                return committed.records.first().map_or(Ok(next), |record| Ok(record.read()?));
            }
        }
    }

    /// Ends a key: at once on this node, within a second on others.
    pub async fn revoke(&self, id: ApiKeyId) -> Result<()> {
        self.desk.demand(self.access, Action::ManageApiKeys)?;
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let key = self.find(id).await?;
            let moment = self.desk.moment(self.access);
            let changes = ChangeSet::new(&moment).record(key.revoke(), &moment);
            if self.desk.commit(self.access, changes).await?.is_some() {
                self.desk.forget_admitted();
                return Ok(());
            }
        }
    }

    /// Whose a key is that the caller makes: a person's, never a program's or the host's.
    async fn owner(&self) -> Result<KeyOwner> {
        let forbidden = || Error::Forbidden(Action::ManageApiKeys.as_str());
        let user = self.desk.user(self.access.user().ok_or_else(forbidden)?).await?.ok_or_else(forbidden)?;
        Ok(KeyOwner { user: user.id, proven: user.proven })
    }

    async fn find(&self, id: ApiKeyId) -> Result<ApiKey> {
        let record = self.desk.store().record(self.access.workspace_id(), ApiKey::KIND, id.to_string()).await?;
        Ok(record.ok_or(Error::NotFound("api key"))?.read()?)
    }
}
