//! Making, listing, changing and removing teams, and who is in them.

use std::collections::BTreeSet;

use super::{MAX_MEMBERS, Team};
use crate::change::ChangeSet;
use crate::desk::Tries;
use crate::member::Member;
use crate::page::decode_id;
use crate::record::{Record, RecordKind};
use crate::store::RecordList;
use crate::ticket::{Category, TicketFilter, TicketList};
use crate::user::User;
use crate::{
    Access, Action, Desk, Error, Limit, Name, Page, Result, TeamId, UserId, Version, decode_cursor, encode_cursor,
};

/// The teams of a workspace, as one access sees them.
#[derive(Debug)]
pub struct Teams<'a> {
    desk: &'a Desk,
    access: &'a Access,
}

impl Desk {
    /// The teams of the access's workspace.
    pub fn teams<'a>(&'a self, access: &'a Access) -> Teams<'a> {
        Teams { desk: self, access }
    }
}

impl Teams<'_> {
    /// Makes a team.
    pub async fn create(&self, name: Name) -> Result<Team> {
        self.desk.demand(self.access, Action::ManageMembers)?;
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            return Ok(earlier.records.first().ok_or(Error::NotFound("team"))?.read()?);
        }
        let moment = self.desk.moment(self.access);
        let (team, change) = Team::create(name, &moment);
        let committed = self.desk.commit(self.access, ChangeSet::new(&moment).record(change, &moment)).await?;
        // A twin with the same idempotency key may have been quicker: then this is its team.
        let record = committed.and_then(|committed| committed.records.into_iter().next());
        record.map_or(Ok(team), |record| Ok(record.read()?))
    }

    /// A page of teams, oldest first.
    pub async fn list(&self, cursor: Option<&str>, limit: Limit) -> Result<Page<Team>> {
        self.desk.demand(self.access, Action::ReadMembers)?;
        let list = RecordList { ids: None, after: cursor.map(decode_id::<TeamId>).transpose()?, limit };
        let records = self.desk.store().records(self.access.workspace_id(), Team::KIND, list).await?;
        let page = Page::cut(records, limit, |record| record.id.clone());
        let rows = page.rows.iter().map(Record::read).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: page.next })
    }

    /// One team.
    pub async fn get(&self, id: TeamId) -> Result<Team> {
        self.desk.demand(self.access, Action::ReadMembers)?;
        self.find(id).await
    }

    /// Gives a team another name.
    pub async fn rename(&self, id: TeamId, name: Option<Name>, seen: Option<Version>) -> Result<Team> {
        self.desk.demand(self.access, Action::ManageMembers)?;
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            return Ok(earlier.records.first().ok_or(Error::NotFound("team"))?.read()?);
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let team = self.find(id).await?;
            let Some(change) = team.rename(name.clone(), seen)? else { return Ok(team) };
            let moment = self.desk.moment(self.access);
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if let Some(committed) = self.desk.commit(self.access, changes).await? {
                return committed.records.first().map_or(Ok(team), |record| Ok(record.read()?));
            }
        }
    }

    /// Removes a team and lets its members go. Refused while a ticket that is not closed stands in it; closed
    /// ones keep its id, until somebody says anew who works on them.
    pub async fn remove(&self, id: TeamId) -> Result<()> {
        self.desk.demand(self.access, Action::ManageMembers)?;
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let team = self.find(id).await?;
            let members = self.in_team(id).await?;
            let filter = TicketFilter {
                team: Some(Some(id)),
                not_categories: BTreeSet::from([Category::Closed]),
                ..TicketFilter::default()
            };
            let list = TicketList { filter, limit: Limit::ONE, ..TicketList::default() };
            if !self.desk.store().tickets(self.access.workspace_id(), list).await?.is_empty() {
                return Err(Error::refused("team_in_use", "tickets stand in this team: move or close them first"));
            }
            let moment = self.desk.moment(self.access);
            let mut changes = ChangeSet::new(&moment).record(team.remove(), &moment);
            for member in members {
                changes = changes.record(member.leave_team(id), &moment);
            }
            if self.desk.commit(self.access, changes).await?.is_some() {
                return Ok(());
            }
        }
    }

    /// A page of the members of a team, with their users.
    pub async fn members(&self, id: TeamId, cursor: Option<&str>, limit: Limit) -> Result<Page<(Member, User)>> {
        self.desk.demand(self.access, Action::ReadMembers)?;
        self.find(id).await?;
        let after: Option<UserId> = cursor.map(decode_cursor).transpose()?;
        let mut members = self.in_team(id).await?;
        members.retain(|member| after.is_none_or(|after| member.user > after));
        let more = members.len() > limit.get();
        members.truncate(limit.get());
        let next = members.last().filter(|_| more).map(|member| encode_cursor(&member.user));
        let mut users = self.desk.users().by_ids(members.iter().map(|m| m.user).collect::<BTreeSet<_>>()).await?;
        let rows = members.into_iter().filter_map(|member| users.remove(&member.user).map(|user| (member, user)));
        Ok(Page { rows: rows.collect(), next })
    }

    /// Takes a member into a team; nothing happens if they are in it.
    pub async fn add_member(&self, id: TeamId, user: UserId) -> Result<()> {
        self.set_member(id, user, true).await
    }

    /// Takes a member out of a team; nothing happens if they are not in it. Tickets that they work on stay theirs.
    pub async fn remove_member(&self, id: TeamId, user: UserId) -> Result<()> {
        self.set_member(id, user, false).await
    }

    async fn set_member(&self, id: TeamId, user: UserId, is_in: bool) -> Result<()> {
        self.desk.demand(self.access, Action::ManageMembers)?;
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let workspace = self.access.workspace_id();
            let record = self.desk.store().record(workspace, Member::KIND, user.to_string()).await?;
            let member: Option<Member> = record.map(|record| record.read()).transpose()?;
            // Of a team that was removed at the same moment somebody can still be taken out.
            if is_in || member.as_ref().is_none_or(|member| !member.teams.contains(&id)) {
                self.find(id).await?;
            }
            let member = member.ok_or(Error::NotFound("member"))?;
            if member.teams.contains(&id) == is_in {
                return Ok(());
            }
            if is_in && member.narrowed {
                // They get to see more by it.
                self.desk.members(self.access).may_take(&member).await?;
            }
            let change = if is_in {
                if self.in_team(id).await?.len() >= MAX_MEMBERS {
                    let detail = format!("a team has at most {MAX_MEMBERS} members");
                    return Err(Error::refused("too_many_members", detail));
                }
                member.join_team(id)?
            } else {
                member.leave_team(id)
            };
            let moment = self.desk.moment(self.access);
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if self.desk.commit(self.access, changes).await?.is_some() {
                return Ok(());
            }
        }
    }

    async fn find(&self, id: TeamId) -> Result<Team> {
        let record = self.desk.store().record(self.access.workspace_id(), Team::KIND, id.to_string()).await?;
        Ok(record.ok_or(Error::NotFound("team"))?.read()?)
    }

    /// The members of a team, in the order of their ids.
    async fn in_team(&self, id: TeamId) -> Result<Vec<Member>> {
        let mut members =
            self.desk.members_where(self.access.workspace_id(), |member| member.teams.contains(&id)).await?;
        members.sort_by_key(|member| member.user);
        Ok(members)
    }
}
