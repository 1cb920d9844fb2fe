//! Listing, inviting, changing and removing members.

use std::collections::BTreeSet;

use super::{Invitation, InvitationToken, Member, Offer};
use crate::change::ChangeSet;
use crate::desk::Tries;
use crate::domain::Departed;
use crate::page::decode_id;
use crate::record::{Record, RecordKind};
use crate::role::{CustomRole, Permissions};
use crate::store::RecordList;
use crate::user::{ProvenMailbox, User};
use crate::{
    Access, Action, EmailAddress, Error, InvitationId, Limit, Page, Result, Role, RoleId, Standing, UserId, Version,
    WorkspaceId,
};

fn role_gone() -> Error {
    Error::refused("role_gone", "the role of this invitation is no more: ask for a new one")
}

/// The members of a workspace, as one access sees them.
#[derive(Debug)]
pub struct Members<'a> {
    desk: &'a crate::Desk,
    access: &'a Access,
}

impl crate::Desk {
    /// The members of the access's workspace.
    pub fn members<'a>(&'a self, access: &'a Access) -> Members<'a> {
        Members { desk: self, access }
    }
}

impl Members<'_> {
    /// A page of members with their users.
    pub async fn list(&self, cursor: Option<&str>, limit: Limit) -> Result<Page<(Member, User)>> {
        self.desk.demand(self.access, Action::ReadMembers)?;
        let after = cursor.map(decode_id::<UserId>).transpose()?;
        let list = RecordList { ids: None, after, limit };
        let records = self.desk.store().records(self.access.workspace_id(), Member::KIND, list).await?;
        let page = Page::cut(records, limit, |record| record.id.clone());
        let members = page.rows.iter().map(Record::read).collect::<Result<Vec<Member>, _>>()?;
        let mut users = self.desk.users().by_ids(members.iter().map(|m| m.user).collect::<BTreeSet<_>>()).await?;
        let rows = members.into_iter().filter_map(|member| users.remove(&member.user).map(|user| (member, user)));
        Ok(Page { rows: rows.collect(), next: page.next })
    }

    /// One member with their user.
    pub async fn get(&self, user: UserId) -> Result<(Member, User)> {
        self.desk.demand(self.access, Action::ReadMembers)?;
        self.view(user).await
    }

    /// A member as whoever changes them sees them.
    async fn view(&self, user: UserId) -> Result<(Member, User)> {
        let member = self.find(user).await?.ok_or(Error::NotFound("member"))?;
        let user = self.desk.user(user).await?.ok_or(Error::NotFound("member"))?;
        Ok((member, user))
    }

    /// Gives a member another role.
    pub async fn change_role(&self, user: UserId, role: Role) -> Result<(Member, User)> {
        self.give(user, role, None).await
    }

    /// Gives a member a custom role.
    pub async fn give_role(&self, user: UserId, role: RoleId) -> Result<(Member, User)> {
        self.give(user, Role::Viewer, Some(role)).await
    }

    async fn give(&self, user: UserId, role: Role, custom: Option<RoleId>) -> Result<(Member, User)> {
        self.desk.demand(self.access, Action::ManageMembers)?;
        if self.desk.replayed(self.access).await?.is_some() {
            return self.view(user).await;
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            // Read before the owners are counted: whoever changes them meanwhile breaks this version.
            let workspace =
                self.desk.workspace(self.access.workspace_id()).await?.ok_or(Error::NotFound("workspace"))?;
            let member = self.find(user).await?.ok_or(Error::NotFound("member"))?;
            let custom = self.custom(custom).await?;
            let (by, owners) = (self.granter()?, self.owners().await?);
            let change = match &custom {
                Some(custom) => member.take_custom(custom, by, owners)?,
                None => member.change_role(role, by, owners)?,
            };
            let Some(change) = change else { return self.view(user).await };
            self.may_take(&member).await?;
            let base = custom.as_ref().map_or(role, |custom| custom.base);
            self.desk.may_give(self.access, base, custom.as_ref().map(|custom| &custom.permissions))?;
            let moment = self.desk.moment(self.access);
            let mut changes = ChangeSet::new(&moment).record(change, &moment);
            if let Some(custom) = custom {
                // Neither changed nor removed meanwhile.
                changes = changes.guard(&custom);
            }
            if member.role == Role::Owner {
                changes = changes.guard(&workspace);
            }
            if self.desk.commit(self.access, changes).await?.is_some() {
                return self.view(user).await;
            }
        }
    }

    /// Holds a member to the tickets of their teams and those assigned to them, or lets them see all again.
    pub async fn narrow(&self, user: UserId, narrowed: bool) -> Result<(Member, User)> {
        self.desk.demand(self.access, Action::ManageMembers)?;
        if self.desk.replayed(self.access).await?.is_some() {
            return self.view(user).await;
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let member = self.find(user).await?.ok_or(Error::NotFound("member"))?;
            let Some(change) = member.narrow(narrowed, self.granter()?)? else { return self.view(user).await };
            if !narrowed {
                // They get what their role gives, which is not for everybody to give.
                self.may_take(&member).await?;
            }
            let moment = self.desk.moment(self.access);
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if self.desk.commit(self.access, changes).await?.is_some() {
                return self.view(user).await;
            }
        }
    }

    /// Makes another member the owner in the place of the caller, who becomes an admin: both or neither.
    pub async fn transfer_ownership(&self, to: UserId) -> Result<(Member, User)> {
        // Before the right is asked for: who has handed over has it no more.
        if self.desk.replayed(self.access).await?.is_some() {
            return self.view(to).await;
        }
        self.desk.demand(self.access, Action::TransferOwnership)?;
        let caller = self.access.user().ok_or(Error::Forbidden(Action::TransferOwnership.as_str()))?;
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let workspace =
                self.desk.workspace(self.access.workspace_id()).await?.ok_or(Error::NotFound("workspace"))?;
            // As they are now, not as they were when the caller was let in.
            let owner = self.find(caller).await?.ok_or(Error::Forbidden(Action::TransferOwnership.as_str()))?;
            let member = self.find(to).await?.ok_or(Error::NotFound("member"))?;
            let (raised, lowered) = owner.hand_over(&member)?;
            let moment = self.desk.moment(self.access);
            let mut changes = ChangeSet::new(&moment);
            if let Some(raised) = raised {
                changes = changes.record(raised, &moment);
            }
            let changes = changes.record(lowered, &moment).guard(&workspace);
            if self.desk.commit(self.access, changes).await?.is_some() {
                return self.view(to).await;
            }
        }
    }

    /// Removes a member, or lets the caller leave.
    pub async fn remove(&self, user: UserId) -> Result<()> {
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        // Leaving is for the person, not for a program that acts for them.
        let leaves = self.access.user() == Some(user) && self.access.key().is_none();
        if !leaves {
            self.desk.demand(self.access, Action::ManageMembers)?;
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let workspace =
                self.desk.workspace(self.access.workspace_id()).await?.ok_or(Error::NotFound("workspace"))?;
            let member = self.find(user).await?.ok_or(Error::NotFound("member"))?;
            let by = if leaves { Some(member.role) } else { self.granter()? };
            let change = member.remove(by, leaves, self.owners().await?)?;
            if !leaves {
                self.may_take(&member).await?;
            }
            let moment = self.desk.moment(self.access);
            let mut changes = ChangeSet::new(&moment).record(change, &moment);
            let address = self.desk.user(user).await?.map(|user| Departed::id_of_address(&user.email));
            for id in address.into_iter().chain([Departed::id_of(user)]) {
                let earlier = self.departed(id.clone()).await?;
                let expected = earlier.map_or(Version::ABSENT, |departed| departed.version);
                changes = changes.along(&Departed { id, version: expected.next() }, expected);
            }
            if member.role == Role::Owner {
                changes = changes.guard(&workspace);
            }
            if self.desk.commit(self.access, changes).await?.is_some() {
                return Ok(());
            }
        }
    }

    /// Invites somebody by mail. An open invitation of the same address is replaced.
    ///
    /// `token` makes the secret of the link from the invitation's id, so that the mail can be written
    /// later without the secret being stored.
    pub async fn invite(
        &self,
        email: EmailAddress,
        offer: Offer,
        token: impl Fn(InvitationId) -> InvitationToken,
    ) -> Result<Invitation> {
        self.desk.demand(self.access, Action::ManageMembers)?;
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            let record = earlier.records.iter().find(|r| r.kind == Invitation::KIND);
            return Ok(record.ok_or(Error::NotFound("invitation"))?.read()?);
        }
        if let Some(user) = self.desk.users().find(&email).await?
            && self.find(user.id).await?.is_some()
        {
            return Err(Error::refused("already_member", "this person is a member already"));
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let (role, custom) = match offer {
                Offer::Role(role) => (role, None),
                Offer::Custom(id) => (Role::Viewer, self.custom(Some(id)).await?),
            };
            let base = custom.as_ref().map_or(role, |custom| custom.base);
            self.desk.may_give(self.access, base, custom.as_ref().map(|custom| &custom.permissions))?;
            let by = self.granter()?.and_then(|role| self.access.user().map(|user| (user, role)));
            let moment = self.desk.moment(self.access);
            let offered = (role, custom.as_ref());
            let (invitation, change) = Invitation::create(email.clone(), offered, by, &token, &moment)?;
            let key = Invitation::email_key(&email);
            let open = self.desk.store().find(self.access.workspace_id(), Invitation::KIND, key).await?;
            let mut changes = ChangeSet::new(&moment);
            if let Some(record) = open {
                changes = changes.record(record.read::<Invitation>()?.revoke(), &moment);
            }
            match self.desk.commit(self.access, changes.record(change, &moment)).await {
                Ok(Some(committed)) => {
                    // A twin with the same key may have been quicker: then this is its invitation.
                    let record = committed.records.iter().find(|record| record.kind == Invitation::KIND);
                    return record.map_or(Ok(invitation), |record| Ok(record.read()?));
                }
                Ok(None) | Err(Error::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A page of open invitations.
    pub async fn invitations(&self, cursor: Option<&str>, limit: Limit) -> Result<Page<Invitation>> {
        self.desk.demand(self.access, Action::ManageMembers)?;
        let list = RecordList { ids: None, after: cursor.map(decode_id::<InvitationId>).transpose()?, limit };
        let records = self.desk.store().records(self.access.workspace_id(), Invitation::KIND, list).await?;
        let page = Page::cut(records, limit, |record| record.id.clone());
        let rows = page.rows.iter().map(Record::read).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: page.next })
    }

    /// Withdraws an invitation.
    pub async fn revoke_invitation(&self, id: InvitationId) -> Result<()> {
        self.desk.demand(self.access, Action::ManageMembers)?;
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let record = self.desk.store().record(self.access.workspace_id(), Invitation::KIND, id.to_string()).await?;
            let invitation: Invitation = record.ok_or(Error::NotFound("invitation"))?.read()?;
            let moment = self.desk.moment(self.access);
            let changes = ChangeSet::new(&moment).record(invitation.revoke(), &moment);
            if self.desk.commit(self.access, changes).await?.is_some() {
                return Ok(());
            }
        }
    }

    /// The role by which the caller grants: none for the host, which may grant all.
    pub(crate) fn granter(&self) -> Result<Option<Role>> {
        match self.access.standing() {
            Standing::Member(role) => Ok(Some(role)),
            Standing::Host => Ok(None),
            Standing::Contact => Err(Error::Forbidden(Action::ManageMembers.as_str())),
        }
    }

    /// Refuses to take a role from somebody who may do what the caller may not.
    pub(crate) async fn may_take(&self, member: &Member) -> Result<()> {
        let limits = self.desk.limits_of(self.access.workspace_id(), member).await?;
        self.desk.may_give(self.access, member.role, limits.as_ref())
    }

    async fn custom(&self, id: Option<RoleId>) -> Result<Option<CustomRole>> {
        let Some(id) = id else { return Ok(None) };
        let role = self.desk.roles(self.access).find(id).await?;
        let missing = || Error::invalid("role_id", "missing", "there is no such role");
        role.map(Some).ok_or_else(missing)
    }

    async fn find(&self, user: UserId) -> Result<Option<Member>> {
        let record = self.desk.store().record(self.access.workspace_id(), Member::KIND, user.to_string()).await?;
        Ok(record.map(|record| record.read()).transpose()?)
    }

    /// Whether they were a member before.
    async fn departed(&self, id: String) -> Result<Option<Departed>> {
        let record = self.desk.store().record(self.access.workspace_id(), Departed::KIND, id).await?;
        Ok(record.map(|record| record.read()).transpose()?)
    }

    async fn owners(&self) -> Result<usize> {
        let workspace = self.access.workspace_id();
        Ok(self.desk.members_where(workspace, |member| member.role == Role::Owner).await?.len())
    }
}

impl crate::Desk {
    /// The members of a workspace of whom something holds.
    pub(crate) async fn members_where(
        &self,
        workspace: WorkspaceId,
        holds: impl Fn(&Member) -> bool,
    ) -> Result<Vec<Member>> {
        let mut list = RecordList { ids: None, after: None, limit: Limit::MAX };
        let mut found = Vec::new();
        loop {
            let records = self.store().records(workspace, Member::KIND, list.clone()).await?;
            let page = Page::cut(records, Limit::MAX, |record| record.id.clone());
            for record in &page.rows {
                found.extend(Some(record.read::<Member>()?).filter(|member| holds(member)));
            }
            if page.next.is_none() {
                return Ok(found);
            }
            list.after = page.rows.last().map(|record| record.id.clone());
        }
    }

    /// Adds the user as a member without an invitation: for hosts that keep their own users, and for
    /// set-up. An existing member keeps the role they have.
    pub async fn add_member(&self, host: &Access, user: UserId, role: Role) -> Result<()> {
        if host.standing() != Standing::Host {
            return Err(Error::Forbidden(Action::ManageMembers.as_str()));
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            if self.store().record(host.workspace_id(), Member::KIND, user.to_string()).await?.is_some() {
                return Ok(());
            }
            let moment = self.moment(host);
            let (_, change) = Member::add(user, role, &moment);
            if self.commit(host, ChangeSet::new(&moment).record(change, &moment)).await?.is_some() {
                return Ok(());
            }
        }
    }

    /// Accepts an invitation: the person must have proven the mailbox it is bound to.
    pub async fn accept_invitation(
        &self,
        person: &ProvenMailbox,
        workspace: &str,
        id: InvitationId,
        token: &InvitationToken,
    ) -> Result<Role> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let host = self.host(workspace).await.map_err(|_| Error::NotFound("invitation"))?;
            let record = self.store().record(host.workspace_id(), Invitation::KIND, id.to_string()).await?;
            let invitation: Invitation = record.ok_or(Error::NotFound("invitation"))?.read()?;
            // As it is now, not as it was when it was promised.
            let custom = match invitation.custom {
                Some(role) => Some(self.roles(&host).find(role).await?.ok_or_else(role_gone)?),
                None => None,
            };
            let limits = custom.as_ref().map(|custom| &custom.permissions);
            let inviter = match invitation.invited_by {
                Some(user) => Some(self.still_invites(host.workspace_id(), user, invitation.role, limits).await?),
                None => None,
            };
            let moment = self.moment_of(crate::Actor::User(person.user())).because(person.cause().clone());
            let accepted = invitation.accept(token, person.user(), person.mailbox(), inviter, self.now())?;
            let mut changes = ChangeSet::new(&moment).record(accepted, &moment);
            if self.store().record(host.workspace_id(), Member::KIND, person.user().to_string()).await?.is_none() {
                let (_, added) = match &custom {
                    Some(custom) => Member::add_custom(person.user(), custom, &moment),
                    None => Member::add(person.user(), invitation.role, &moment),
                };
                changes = changes.record(added, &moment);
                if let Some(custom) = custom {
                    // Neither changed nor removed meanwhile.
                    changes = changes.guard(&custom);
                }
            }
            match self.commit_to(host.workspace_id(), changes).await {
                Ok(Some(_)) => return Ok(invitation.role),
                Ok(None) | Err(Error::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The role of whoever invited, if they may still give the role of the invitation. Who is disabled gives none.
    async fn still_invites(
        &self,
        workspace: WorkspaceId,
        inviter: UserId,
        role: Role,
        offered: Option<&Permissions>,
    ) -> Result<Option<Role>> {
        if self.user(inviter).await?.is_none_or(|user| user.disabled) {
            return Ok(None);
        }
        let record = self.store().record(workspace, Member::KIND, inviter.to_string()).await?;
        let Some(inviter) = record.map(|record| record.read::<Member>()).transpose()? else { return Ok(None) };
        let limits = self.limits_of(workspace, &inviter).await?;
        let may = |action| self.role_may(inviter.role, limits.as_ref(), action);
        let gives_all = Action::ALL.iter().all(|action| may(*action) || !self.role_may(role, offered, *action));
        Ok(Some(inviter.role).filter(|_| may(Action::ManageMembers) && gives_all))
    }

    /// Whether an open invitation waits for this address in any workspace.
    pub async fn is_invited(&self, email: &EmailAddress) -> Result<bool> {
        let open = self.store().locate(Invitation::KIND, Invitation::email_key(email)).await?;
        for (_, record) in open {
            if record.read::<Invitation>()?.is_open(self.now()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
