//! The end of what is personal in the journal: the addresses and names of clients.

use crate::store::OriginList;
use crate::{Actor, Desk, Limit, Result, Timestamp, WorkspaceId};

/// Most rounds in one workspace at a time: of a journal that has very many, the others get their turn before its end.
const ROUNDS: usize = 500;

/// What became of removing old origins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How many were removed.
    pub origins: u64,
    /// Whether there may be more: then it is to be done again soon.
    pub left: bool,
}

impl Desk {
    /// Removes the origins of all events before this instant, in every workspace and in the directory, up to 100,000
    /// in each. For a timer of the host's. The seals stay good.
    ///
    /// A workspace where it fails does not keep the others from theirs: the first error is answered at the end.
    pub async fn forget_origins(&self, before: Timestamp) -> Result<Forgotten> {
        let mut all = self.forget_in(WorkspaceId::DIRECTORY, before).await;
        let mut workspaces = self.every_workspace();
        while let Some(workspace) = workspaces.next().await? {
            let here = self.forget_in(workspace, before).await;
            all = match (all, here) {
                (Ok(all), Ok(here)) => {
                    Ok(Forgotten { origins: all.origins + here.origins, left: all.left || here.left })
                }
                (Err(first), _) | (Ok(_), Err(first)) => Err(first),
            };
        }
        all
    }

    /// Removes the origins of all that one actor did in a workspace, or in the directory: part of erasing a
    /// person. Answers how many.
    pub async fn forget_origins_of(&self, workspace: WorkspaceId, actor: Actor) -> Result<u64> {
        Ok(self.forget_through(workspace, u64::MAX, Some(actor), usize::MAX).await?.origins)
    }

    async fn forget_in(&self, workspace: WorkspaceId, before: Timestamp) -> Result<Forgotten> {
        let Some(counters) = self.store().counters(workspace).await? else { return Ok(Forgotten::default()) };
        let through = self.first_since(workspace, before, counters.last_seq).await?.saturating_sub(1);
        self.forget_through(workspace, through, None, ROUNDS).await
    }

    async fn forget_through(
        &self,
        workspace: WorkspaceId,
        through: u64,
        actor: Option<Actor>,
        rounds: usize,
    ) -> Result<Forgotten> {
        let mut origins = 0;
        for _ in 0..rounds {
            let list = OriginList { through, actor, limit: Limit::MAX };
            let removed = self.store().forget_origins(workspace, list).await?;
            origins += removed;
            if removed < Limit::MAX.get() as u64 {
                return Ok(Forgotten { origins, left: false });
            }
        }
        Ok(Forgotten { origins, left: true })
    }
}
