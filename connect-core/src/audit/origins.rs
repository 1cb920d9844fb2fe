//! The end of what is personal in the journal: the addresses and names of clients.

use crate::store::OriginList;
use crate::{Actor, Desk, Limit, Result, Timestamp, WorkspaceId};

/// Most rounds in one workspace at a time; what is left waits for the next time.
const ROUNDS: usize = 500;

impl Desk {
    /// Removes the origins of all events before this instant, in every workspace and in the directory; answers how
    /// many. For a timer of the host's. The seals stay good.
    pub async fn forget_origins(&self, before: Timestamp) -> Result<u64> {
        let mut forgotten = self.forget_in(WorkspaceId::DIRECTORY, before).await?;
        let mut after = None;
        loop {
            let mut workspaces = self.store().workspaces(after, Limit::MAX).await?;
            let more = workspaces.len() > Limit::MAX.get();
            workspaces.truncate(Limit::MAX.get());
            for workspace in &workspaces {
                forgotten += self.forget_in(*workspace, before).await?;
            }
            after = workspaces.last().copied();
            if !more {
                return Ok(forgotten);
            }
        }
    }

    /// Removes the origins of all that one actor did in a workspace, or in the directory: part of erasing a
    /// person.
    pub async fn forget_origins_of(&self, workspace: WorkspaceId, actor: Actor) -> Result<u64> {
        self.forget_through(workspace, u64::MAX, Some(actor)).await
    }

    async fn forget_in(&self, workspace: WorkspaceId, before: Timestamp) -> Result<u64> {
        let Some(counters) = self.store().counters(workspace).await? else { return Ok(0) };
        let through = self.first_since(workspace, before, counters.last_seq).await?.saturating_sub(1);
        self.forget_through(workspace, through, None).await
    }

    async fn forget_through(&self, workspace: WorkspaceId, through: u64, actor: Option<Actor>) -> Result<u64> {
        let mut forgotten = 0;
        for _ in 0..ROUNDS {
            let list = OriginList { through, actor, limit: Limit::MAX };
            let removed = self.store().forget_origins(workspace, list).await?;
            forgotten += removed;
            if removed < Limit::MAX.get() as u64 {
                break;
            }
        }
        Ok(forgotten)
    }
}
