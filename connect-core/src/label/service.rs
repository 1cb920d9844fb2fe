//! Making and listing labels.

use std::collections::BTreeSet;

use super::Label;
use crate::change::{ChangeSet, Moment};
use crate::page::decode_id;
use crate::record::{Record, RecordKind};
use crate::store::RecordList;
use crate::{Access, Action, Desk, Error, LabelId, LabelName, Limit, Page, Result};

/// The labels of a workspace, as one access sees them.
#[derive(Debug)]
pub struct Labels<'a> {
    desk: &'a Desk,
    access: &'a Access,
}

impl Desk {
    /// The labels of the access's workspace.
    pub fn labels<'a>(&'a self, access: &'a Access) -> Labels<'a> {
        Labels { desk: self, access }
    }
}

impl Labels<'_> {
    /// Makes a label.
    pub async fn create(&self, name: LabelName, color: Option<String>) -> Result<Label> {
        self.desk.demand(self.access, Action::WriteLabels)?;
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            return Ok(earlier.records.first().ok_or(Error::NotFound("label"))?.read()?);
        }
        let moment = self.desk.moment(self.access);
        let (label, change) = Label::create(name, color, &moment)?;
        let committed = self.desk.commit(self.access, ChangeSet::new(&moment).record(change, &moment)).await?;
        let record = committed.and_then(|committed| committed.records.into_iter().next());
        record.map_or(Ok(label), |record| Ok(record.read()?))
    }

    /// A page of labels, oldest first.
    pub async fn list(&self, cursor: Option<&str>, limit: Limit) -> Result<Page<Label>> {
        self.desk.demand(self.access, Action::ReadLabels)?;
        let list = RecordList { ids: None, after: cursor.map(decode_id::<LabelId>).transpose()?, limit };
        let records = self.desk.store().records(self.access.workspace_id(), Label::KIND, list).await?;
        let page = Page::cut(records, limit, |record| record.id.clone());
        let rows = page.rows.iter().map(Record::read).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: page.next })
    }

    /// Adds the labels that do not exist yet to a change set: a label is made by its first use.
    pub(crate) async fn ensure(
        &self,
        mut changes: ChangeSet,
        names: &BTreeSet<LabelName>,
        moment: &Moment<'_>,
    ) -> Result<ChangeSet> {
        for name in names {
            let key = Label::name_key(name);
            if self.desk.store().find(self.access.workspace_id(), Label::KIND, key).await?.is_none() {
                self.desk.demand(self.access, Action::WriteLabels)?;
                let (_, change) = Label::create(name.clone(), None, moment)?;
                changes = changes.record(change, moment);
            }
        }
        Ok(changes)
    }
}
