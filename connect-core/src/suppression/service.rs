//! Reading and changing the list.

use super::{Suppression, SuppressionReason};
use crate::page::decode_id;
use crate::record::RecordKind;
use crate::store::RecordList;
use crate::{Access, Action, Desk, EmailAddress, Error, Limit, Page, Result, SuppressionId, WorkspaceId};

/// The suppression list of a workspace.
#[derive(Debug)]
pub struct Suppressions<'a> {
    desk: &'a Desk,
    access: &'a Access,
}

impl Desk {
    /// The suppression list of the access's workspace.
    pub fn suppressions<'a>(&'a self, access: &'a Access) -> Suppressions<'a> {
        Suppressions { desk: self, access }
    }

    /// The entry of an address, if it has one.
    pub(crate) async fn suppressed(&self, workspace: WorkspaceId, email: &EmailAddress) -> Result<Option<Suppression>> {
        let found = self.store().find(workspace, Suppression::KIND, Suppression::email_key(email)).await?;
        Ok(found.map(|record| record.read()).transpose()?)
    }
}

impl Suppressions<'_> {
    fn admit(&self) -> Result<()> {
        self.desk.demand(self.access, Action::ManageMail)
    }

    /// A page of it, in the order in which it was written.
    pub async fn list(&self, cursor: Option<&str>, limit: Limit) -> Result<Page<Suppression>> {
        self.admit()?;
        let after = cursor.map(decode_id::<SuppressionId>).transpose()?;
        let list = RecordList { ids: None, after, limit };
        let records = self.desk.store().records(self.access.workspace_id(), Suppression::KIND, list).await?;
        let rows = records.iter().map(crate::record::Record::read).collect::<Result<Vec<Suppression>, _>>()?;
        Ok(Page::cut(rows, limit, |one| one.id.to_string()))
    }

    /// The entry of an address, if it has one.
    pub async fn find(&self, email: &EmailAddress) -> Result<Option<Suppression>> {
        self.admit()?;
        self.desk.suppressed(self.access.workspace_id(), email).await
    }

    /// Adds an address by hand. One that is there already is [`Error::Taken`].
    pub async fn add(&self, email: EmailAddress) -> Result<Suppression> {
        self.admit()?;
        let made = self.desk.make(self.access, |moment| {
            Ok(Suppression::begin(email, SuppressionReason::Manual, (None, String::new()), moment))
        });
        made.await.map_err(|error| match error {
            Error::Taken { .. } => Error::Taken { field: "email" },
            error => error,
        })
    }

    /// Takes one off: it is mailed to again, until it bounces again.
    pub async fn remove(&self, id: SuppressionId) -> Result<()> {
        self.admit()?;
        let removed: Result<Suppression> =
            self.desk.edit(self.access, id.to_string(), |present: &Suppression, _| Ok(Some(present.end()))).await;
        match removed {
            Ok(_) => Ok(()),
            // Asked again with the same key.
            Err(Error::NotFound(_)) if self.desk.replayed(self.access).await?.is_some() => Ok(()),
            Err(error) => Err(error),
        }
    }
}
