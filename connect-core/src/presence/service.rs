//! Telling where one is, and hearing of others.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::broadcast;

use super::{Boards, Doing, Presence};
use crate::store::{Sign, Signs};
use crate::ticket::{TicketRef, Tickets};
use crate::{Action, Clock, Desk, Error, Result, WorkspaceId};

/// How often it is looked whose time is over.
const SWEEP: Duration = Duration::from_secs(5);

impl Tickets<'_> {
    /// Tells that the caller is at a ticket, or has gone. It lasts for [`LASTS`](super::LASTS); told again, it goes on.
    pub async fn be_present(&self, key: TicketRef, doing: Option<Doing>) -> Result<()> {
        let user = self.access.user().ok_or(Error::Forbidden(Action::ReadMembers.as_str()))?;
        self.demand_presence()?;
        if doing == Some(Doing::Replying) && !self.desk.may(self.access, Action::WriteNotes) {
            self.desk.demand(self.access, Action::ReplyToTickets)?;
        }
        let row = self.load(key).await?;
        self.desk.listen_for_presence();
        let node = self.desk.boards().node;
        let sign = Presence { workspace: self.access.workspace_id(), ticket: row.ticket.id, user, doing, node };
        if self.desk.boards().note_own(sign, self.desk.now()) {
            self.desk.feed().tell(Sign::Presence(sign));
        }
        Ok(())
    }

    /// Who is at a ticket now, as far as this process has heard.
    pub async fn present(&self, key: TicketRef) -> Result<Vec<Presence>> {
        self.demand_presence()?;
        let row = self.load(key).await?;
        self.desk.listen_for_presence();
        Ok(self.desk.boards().present(self.access.workspace_id(), Some(row.ticket.id), self.desk.now()))
    }

    fn demand_presence(&self) -> Result<()> {
        self.desk.demand(self.access, Action::ReadMembers)?;
        self.desk.demand(self.access, Action::ReadTickets)
    }
}

impl Desk {
    /// Who is at the tickets of a workspace, and what changes of it from now on.
    pub(crate) fn follow_presence(&self, workspace: WorkspaceId) -> (broadcast::Receiver<Sign>, Vec<Presence>) {
        self.listen_for_presence();
        let changes = self.boards().follow(workspace);
        let present = self.boards().present(workspace, None, self.now());
        (changes, present)
    }

    /// Begins to hear of other nodes, once.
    fn listen_for_presence(&self) {
        let boards = self.boards();
        if !boards.is_listening.swap(true, Ordering::AcqRel) {
            tokio::spawn(listen(Arc::downgrade(boards), self.clock().clone(), self.feed().listen()));
        }
    }
}

/// Takes note of what is told, for as long as the desk is there.
async fn listen(boards: Weak<Boards>, clock: Arc<dyn Clock>, mut signs: Signs) {
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let sign = tokio::select! {
            sign = signs.next() => match sign {
                Some(sign) => Some(sign),
                None => return,
            },
            _ = sweep.tick() => None,
        };
        let Some(boards) = boards.upgrade() else { return };
        match sign {
            Some(Sign::Presence(sign)) if sign.node == boards.node => {}
            Some(Sign::Presence(sign)) => boards.note(sign, clock.now()),
            Some(Sign::Noticed { workspace, user }) => boards.noticed(workspace, user),
            None => boards.sweep(clock.now()),
        }
    }
}
