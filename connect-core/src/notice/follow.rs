//! Following a ticket: being told of what is said on it without working on it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::change::{ChangeSet, RecordChange};
use crate::desk::Tries;
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::store::TicketKey;
use crate::ticket::Tickets;
use crate::{Action, Desk, Error, Result, TicketId, UserId, Version, WorkspaceId};

/// Most members that follow one ticket, or have ceased to.
const MAX_FOLLOWERS: usize = 200;

/// Who follows a ticket of their own will, and who does not any more though they have written on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Followers {
    ticket: TicketId,
    pub(super) following: BTreeSet<UserId>,
    pub(super) left: BTreeSet<UserId>,
    version: Version,
}

impl RecordKind for Followers {
    const KIND: &'static str = "followers";

    fn id(&self) -> String {
        Self::id_of(self.ticket)
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl Followers {
    fn id_of(ticket: TicketId) -> String {
        format!("followers_{ticket}")
    }

    /// Those of a ticket.
    pub(super) async fn of(desk: &Desk, workspace: WorkspaceId, ticket: TicketId) -> Result<Self> {
        let record = desk.store().record(workspace, Self::KIND, Self::id_of(ticket)).await?;
        let none = || Self { ticket, following: BTreeSet::new(), left: BTreeSet::new(), version: Version::ABSENT };
        Ok(record.map(|record| record.read()).transpose()?.unwrap_or_else(none))
    }

    /// Decides that somebody follows or leaves; none when they do already.
    fn set(&self, user: UserId, follows: bool) -> Result<Option<RecordChange>> {
        let mut next = Self { version: self.version.next(), ..self.clone() };
        let (to, from) =
            if follows { (&mut next.following, &mut next.left) } else { (&mut next.left, &mut next.following) };
        from.remove(&user);
        if !to.insert(user) {
            return Ok(None);
        }
        if follows && to.len() > MAX_FOLLOWERS {
            return Err(Error::refused("too_many_followers", format!("at most {MAX_FOLLOWERS} follow a ticket")));
        }
        let ticket = self.ticket;
        let fact = if follows { Fact::TicketFollowed { ticket, user } } else { Fact::TicketLeft { ticket, user } };
        Ok(Some(RecordChange::update(&next, self.version, fact)))
    }
}

impl Tickets<'_> {
    fn follower(&self, action: Action) -> Result<UserId> {
        self.desk.demand(self.access, action)?;
        self.access.user().ok_or(Error::Forbidden(action.as_str()))
    }

    /// Whether the caller is told of what is said on a ticket: because they follow it, or work on it or have written on it
    /// and have not left.
    pub async fn follows(&self, key: TicketKey) -> Result<bool> {
        let (user, row) = (self.follower(Action::ReadNotifications)?, self.get(key).await?);
        let workspace = self.access.workspace_id();
        let followers = Followers::of(self.desk, workspace, row.ticket.id).await?;
        if followers.following.contains(&user) || followers.left.contains(&user) {
            return Ok(followers.following.contains(&user));
        }
        Ok(super::plan::writers(self.desk, workspace, row.ticket.id).await?.0.contains(&user))
    }

    /// Has the caller told of what is said on a ticket, or not any more.
    pub async fn follow(&self, key: TicketKey, follows: bool) -> Result<()> {
        let (user, row) = (self.follower(Action::ChooseNotifications)?, self.get(key).await?);
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let present = Followers::of(self.desk, self.access.workspace_id(), row.ticket.id).await?;
            let Some(change) = present.set(user, follows)? else { return Ok(()) };
            let moment = self.desk.moment(self.access);
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if self.desk.commit(self.access, changes).await?.is_some() {
                return Ok(());
            }
        }
    }
}
