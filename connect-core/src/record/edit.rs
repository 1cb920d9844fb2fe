//! Making, reading and changing a record: the same steps for every noun that is kept as one.

use super::RecordKind;
use crate::change::{ChangeSet, Moment, RecordChange};
use crate::desk::Tries;
use crate::{Access, Desk, Error, Result};

impl Desk {
    /// Makes a record. Asked again with the same idempotency key, it answers what was made then.
    pub(crate) async fn make<T: RecordKind>(
        &self,
        access: &Access,
        decide: impl FnOnce(&Moment) -> Result<(T, RecordChange)>,
    ) -> Result<T> {
        if let Some(earlier) = self.replayed(access).await? {
            return Ok(earlier.records.first().ok_or(Error::NotFound(T::KIND))?.read()?);
        }
        let moment = self.moment(access);
        let (made, change) = decide(&moment)?;
        let committed = self.commit(access, ChangeSet::new(&moment).record(change, &moment)).await?;
        // A twin with the same key may have been quicker: then this is its record.
        let record = committed.and_then(|committed| committed.records.into_iter().next());
        record.map_or(Ok(made), |record| Ok(record.read()?))
    }

    /// One record of the access's workspace.
    pub(crate) async fn one<T: RecordKind>(&self, access: &Access, id: String) -> Result<T> {
        let record = self.store().record(access.workspace_id(), T::KIND, id).await?;
        Ok(record.ok_or(Error::NotFound(T::KIND))?.read()?)
    }

    /// Changes a record, or removes it: decides again on fresh state when somebody else was quicker. Answers the record
    /// as it is then, or as it was before it went.
    pub(crate) async fn edit<T: RecordKind>(
        &self,
        access: &Access,
        id: String,
        decide: impl Fn(&T, &Moment) -> Result<Option<RecordChange>>,
    ) -> Result<T> {
        if let Some(earlier) = self.replayed(access).await? {
            return match earlier.records.first() {
                Some(record) => Ok(record.read()?),
                None => self.one(access, id).await,
            };
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let present: T = self.one(access, id.clone()).await?;
            let moment = self.moment(access);
            let Some(change) = decide(&present, &moment)? else { return Ok(present) };
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if let Some(committed) = self.commit(access, changes).await? {
                return committed.records.first().map_or(Ok(present), |record| Ok(record.read()?));
            }
        }
    }
}
