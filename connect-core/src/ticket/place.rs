//! Who works on a ticket: which team, and which of its members.

use super::{Ticket, TicketPatch, Tickets};
use crate::member::Member;
use crate::record::RecordKind;
use crate::team::Team;
use crate::{Error, Result, TeamId, UserId};

impl Tickets<'_> {
    /// Where a new ticket goes: refused if the team or the assignee is not of this workspace, or the one not of
    /// the other. Answers who works on it: whoever is narrowed to their teams and names no place takes it on, so
    /// that it does not vanish from before their eyes.
    pub(super) async fn place_of_new(
        &self,
        team: Option<TeamId>,
        mut assignee: Option<UserId>,
    ) -> Result<Option<UserId>> {
        if let Some(within) = self.access.narrowed() {
            if team.is_none() && assignee.is_none() {
                assignee = Some(within.assignee);
            }
            if !within.holds_place(team, assignee) {
                return Err(Error::invalid("team_id", "not_yours", "must be a team of yours, or the ticket your own"));
            }
        }
        if let Some(team) = team {
            self.check_team(team).await?;
        }
        if let Some(user) = assignee {
            self.check_assignee(user, team).await?;
        }
        Ok(assignee)
    }

    /// A patch with all that follows from where the ticket is and where it goes, as they are at this version.
    pub(super) async fn placed(&self, ticket: &Ticket, mut patch: TicketPatch) -> Result<TicketPatch> {
        if patch.team.is_none()
            && let Some(team) = ticket.team
            && self.team(team).await?.is_none()
        {
            // A team that is no more lets go of a ticket as soon as somebody says who works on it.
            patch.team = Some(None);
        }
        let team = patch.team.unwrap_or(ticket.team);
        let moves = team != ticket.team;
        if let Some(team) = team.filter(|_| moves) {
            self.check_team(team).await?;
        }
        match (patch.assignee, ticket.assignee) {
            (Some(Some(user)), present) if moves || present != Some(user) => self.check_assignee(user, team).await?,
            (None, Some(user)) if moves => {
                let stays = match team {
                    Some(team) => self.member(user).await?.is_some_and(|member| member.teams.contains(&team)),
                    None => true,
                };
                patch.outsider = (!stays).then_some(user);
            }
            _ => {}
        }
        patch.seen.get_or_insert(ticket.version);
        Ok(patch)
    }

    async fn check_team(&self, team: TeamId) -> Result<()> {
        match self.team(team).await? {
            Some(_) => Ok(()),
            None => Err(Error::invalid("team_id", "missing", "there is no such team")),
        }
    }

    async fn check_assignee(&self, user: UserId, team: Option<TeamId>) -> Result<()> {
        match self.member(user).await? {
            Some(member) if member.role < crate::Role::Member => {
                Err(Error::invalid("assignee_id", "cannot_work", "a viewer cannot work on tickets"))
            }
            Some(member) if team.is_some_and(|team| !member.teams.contains(&team)) => {
                Err(Error::invalid("assignee_id", "not_in_team", "is not in the team of the ticket"))
            }
            Some(_) => Ok(()),
            None => Err(Error::invalid("assignee_id", "missing", "there is no such member")),
        }
    }

    async fn member(&self, user: UserId) -> Result<Option<Member>> {
        let record = self.desk.store().record(self.access.workspace_id(), Member::KIND, user.to_string()).await?;
        Ok(record.map(|record| record.read()).transpose()?)
    }

    async fn team(&self, team: TeamId) -> Result<Option<Team>> {
        let record = self.desk.store().record(self.access.workspace_id(), Team::KIND, team.to_string()).await?;
        Ok(record.map(|record| record.read()).transpose()?)
    }
}
