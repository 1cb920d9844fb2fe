//! A walk over all workspaces, for what a timer does in each of them.

use std::vec::IntoIter;

use crate::{Desk, Limit, Result, WorkspaceId};

/// All workspaces but the directory, oldest first. One that comes to be meanwhile may be missed.
#[derive(Debug)]
pub struct EveryWorkspace<'a> {
    desk: &'a Desk,
    page: IntoIter<WorkspaceId>,
    last: Option<WorkspaceId>,
    ended: bool,
}

impl Desk {
    /// A walk over all workspaces.
    pub fn every_workspace(&self) -> EveryWorkspace<'_> {
        EveryWorkspace { desk: self, page: Vec::new().into_iter(), last: None, ended: false }
    }
}

impl EveryWorkspace<'_> {
    /// The next one; none at the end.
    pub async fn next(&mut self) -> Result<Option<WorkspaceId>> {
        loop {
            if let Some(next) = self.page.next() {
                self.last = Some(next);
                return Ok(Some(next));
            }
            if self.ended {
                return Ok(None);
            }
            let page = self.desk.store().workspaces(self.last, Limit::MAX).await?;
            // A store answers with one more than is asked for, if there are more.
            self.ended = page.len() <= Limit::MAX.get();
            self.page = page.into_iter();
        }
    }
}
