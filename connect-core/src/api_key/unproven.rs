//! Keys that were made on an account before the holder of its mailbox came.

use super::ApiKey;
use crate::change::ChangeSet;
use crate::desk::Tries;
use crate::event::Cause;
use crate::member::Member;
use crate::record::{Record, RecordKind};
use crate::store::RecordList;
use crate::{Actor, ApiKeyId, Desk, Limit, Page, Result, UserId, WorkspaceId};

impl Desk {
    /// Ends the keys of a user that were made before the holder of their mailbox was seen, in all workspaces. Keys
    /// that came with their workspace from another desk, which had seen the holder, are not among them.
    ///
    /// Once the user is proven these keys are of no use anyway ([`ApiKey::is_planted`]); so they are in no list either.
    pub async fn end_unproven_keys(&self, user: UserId, cause: &Cause) -> Result<()> {
        for (workspace, _) in self.store().locate(Member::KIND, Member::user_key(user)).await? {
            for key in self.unproven_keys(workspace, user).await? {
                self.end_key(workspace, key, user, cause).await?;
            }
        }
        Ok(())
    }

    async fn unproven_keys(&self, workspace: WorkspaceId, user: UserId) -> Result<Vec<ApiKeyId>> {
        let mut list = RecordList { ids: None, after: None, limit: Limit::MAX };
        let mut found = Vec::new();
        loop {
            let records = self.store().records(workspace, ApiKey::KIND, list.clone()).await?;
            let page = Page::cut(records, Limit::MAX, |record| record.id.clone());
            for key in page.rows.iter().map(Record::read::<ApiKey>) {
                let key = key?;
                if key.owner == user && key.unproven {
                    found.push(key.id);
                }
            }
            if page.next.is_none() {
                return Ok(found);
            }
            list.after = page.rows.last().map(|record| record.id.clone());
        }
    }

    async fn end_key(&self, workspace: WorkspaceId, id: ApiKeyId, user: UserId, cause: &Cause) -> Result<()> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let Some(record) = self.store().record(workspace, ApiKey::KIND, id.to_string()).await? else {
                return Ok(());
            };
            let moment = self.moment_of(Actor::User(user)).because(cause.clone());
            let changes = ChangeSet::new(&moment).record(record.read::<ApiKey>()?.revoke(), &moment);
            if self.commit_to(workspace, changes).await?.is_some() {
                self.forget_admitted();
                return Ok(());
            }
        }
    }
}
