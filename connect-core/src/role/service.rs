//! Making, listing, changing, giving and removing custom roles.

use super::{CustomRole, Giver, NewRole, Permissions, RolePatch};
use crate::change::ChangeSet;
use crate::desk::Tries;
use crate::member::Member;
use crate::page::decode_id;
use crate::record::{Record, RecordKind};
use crate::store::RecordList;
use crate::{Access, Action, Desk, Error, Limit, Page, Result, Role, RoleId, Standing, WorkspaceId};

/// The custom roles of a workspace, as one access sees them.
#[derive(Debug)]
pub struct Roles<'a> {
    desk: &'a Desk,
    access: &'a Access,
}

impl Desk {
    /// The custom roles of the access's workspace.
    pub fn roles<'a>(&'a self, access: &'a Access) -> Roles<'a> {
        Roles { desk: self, access }
    }

    /// What a member is limited to, if their role is a custom one. One that is gone limits to nothing at all.
    pub(crate) async fn limits_of(&self, workspace: WorkspaceId, member: &Member) -> Result<Option<Permissions>> {
        let Some(id) = member.custom else { return Ok(None) };
        let record = self.store().record(workspace, CustomRole::KIND, id.to_string()).await?;
        let role = record.map(|record| record.read::<CustomRole>()).transpose()?;
        Ok(Some(role.map(|role| role.permissions).unwrap_or_default()))
    }

    /// Whether somebody of this role may do this, held to these limits.
    pub(crate) fn role_may(&self, role: Role, limits: Option<&Permissions>, action: Action) -> bool {
        self.policy().allows(Standing::Member(role), action) && limits.is_none_or(|limits| limits.contains(action))
    }

    /// Refuses who would give, or take, a role that may do what they may not do themselves.
    pub(crate) fn may_give(&self, access: &Access, role: Role, limits: Option<&Permissions>) -> Result<()> {
        let beyond = |action: &&Action| self.role_may(role, limits, **action) && !self.may(access, **action);
        match Action::ALL.iter().find(beyond) {
            Some(_) => Err(Error::Forbidden("a role that may do more than you may")),
            None => Ok(()),
        }
    }
}

impl Roles<'_> {
    /// Makes a role.
    pub async fn create(&self, new: NewRole) -> Result<CustomRole> {
        self.desk.demand(self.access, Action::ManageMembers)?;
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            return Ok(earlier.records.first().ok_or(Error::NotFound("role"))?.read()?);
        }
        let moment = self.desk.moment(self.access);
        let (role, change) = CustomRole::create(new, &self.giver()?, &moment)?;
        let committed = self.desk.commit(self.access, ChangeSet::new(&moment).record(change, &moment)).await?;
        // A twin with the same idempotency key may have been quicker: then this is its role.
        let record = committed.and_then(|committed| committed.records.into_iter().next());
        record.map_or(Ok(role), |record| Ok(record.read()?))
    }

    /// A page of roles, oldest first.
    pub async fn list(&self, cursor: Option<&str>, limit: Limit) -> Result<Page<CustomRole>> {
        self.desk.demand(self.access, Action::ReadMembers)?;
        let list = RecordList { ids: None, after: cursor.map(decode_id::<RoleId>).transpose()?, limit };
        let records = self.desk.store().records(self.access.workspace_id(), CustomRole::KIND, list).await?;
        let page = Page::cut(records, limit, |record| record.id.clone());
        let rows = page.rows.iter().map(Record::read).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: page.next })
    }

    /// One role.
    pub async fn get(&self, id: RoleId) -> Result<CustomRole> {
        self.desk.demand(self.access, Action::ReadMembers)?;
        self.find(id).await?.ok_or(Error::NotFound("role"))
    }

    /// Changes a role, for all who have it: from their next request on.
    pub async fn update(&self, id: RoleId, patch: RolePatch) -> Result<CustomRole> {
        self.desk.demand(self.access, Action::ManageMembers)?;
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            return Ok(earlier.records.first().ok_or(Error::NotFound("role"))?.read()?);
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let role = self.find(id).await?.ok_or(Error::NotFound("role"))?;
            let Some(change) = role.update(patch.clone(), &self.giver()?)? else { return Ok(role) };
            let moment = self.desk.moment(self.access);
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if let Some(committed) = self.desk.commit(self.access, changes).await? {
                return committed.records.first().map_or(Ok(role), |record| Ok(record.read()?));
            }
        }
    }

    /// Removes a role. Refused while a member has it.
    pub async fn remove(&self, id: RoleId) -> Result<()> {
        self.desk.demand(self.access, Action::ManageMembers)?;
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            // Read before its members are looked for: who is given it meanwhile breaks this version.
            let role = self.find(id).await?.ok_or(Error::NotFound("role"))?;
            self.desk.may_give(self.access, role.base, Some(&role.permissions))?;
            let workspace = self.access.workspace_id();
            if !self.desk.members_where(workspace, |member| member.custom == Some(id)).await?.is_empty() {
                return Err(Error::refused("role_in_use", "members have this role: give them another one first"));
            }
            let moment = self.desk.moment(self.access);
            let changes = ChangeSet::new(&moment).record(role.remove(), &moment);
            if self.desk.commit(self.access, changes).await?.is_some() {
                return Ok(());
            }
        }
    }

    fn giver(&self) -> Result<Giver<impl Fn(Action) -> bool, impl Fn(Role, Action) -> bool>> {
        let rank = self.desk.members(self.access).granter()?;
        Ok(Giver {
            rank,
            may: |action: Action| self.desk.may(self.access, action),
            base_may: |base: Role, action: Action| self.desk.role_may(base, None, action),
        })
    }

    pub(crate) async fn find(&self, id: RoleId) -> Result<Option<CustomRole>> {
        let workspace = self.access.workspace_id();
        let record = self.desk.store().record(workspace, CustomRole::KIND, id.to_string()).await?;
        Ok(record.map(|record| record.read()).transpose()?)
    }
}
