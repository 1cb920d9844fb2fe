//! Making, listing and changing workspaces.

use super::{NewWorkspace, Workspace, WorkspacePatch};
use crate::change::ChangeSet;
use crate::desk::Tries;
use crate::member::Member;
use crate::record::RecordKind;
use crate::user::ProvenMailbox;
use crate::{Access, Action, Actor, Desk, Error, IdempotencyKey, Limit, Result, Role, Standing};

/// The workspaces of a desk.
#[derive(Debug)]
pub struct Workspaces<'a> {
    desk: &'a Desk,
}

impl Desk {
    /// The workspaces.
    pub fn workspaces(&self) -> Workspaces<'_> {
        Workspaces { desk: self }
    }
}

impl Workspaces<'_> {
    /// Makes a workspace, whose owner the person becomes.
    pub async fn create(
        &self,
        person: &ProvenMailbox,
        new: NewWorkspace,
        once: Option<IdempotencyKey>,
    ) -> Result<Workspace> {
        let actor = Actor::User(person.user());
        if let Some(earlier) = self.replayed(actor, &new, once.as_ref()).await? {
            return Ok(earlier);
        }
        let moment = self.desk.moment_of(actor).because(person.cause().clone());
        let (workspace, created) = Workspace::create(new.clone(), &moment);
        let (_, owner) = Member::add(person.user(), Role::Owner, &moment);
        let access = Access::new(workspace.clone().into(), actor, Standing::Member(Role::Owner)).once(once.clone());
        let changes = ChangeSet::new(&moment).record(created, &moment).record(owner, &moment);
        match self.desk.commit(&access, changes).await {
            Ok(_) => Ok(workspace),
            // A twin of this call with the same key may have been quicker.
            Err(error @ Error::Taken { .. }) => self.replayed(actor, &new, once.as_ref()).await?.ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// The workspace an earlier call with this key made. The key lives in the workspace it made, which the
    /// slug leads to.
    async fn replayed(
        &self,
        actor: Actor,
        new: &NewWorkspace,
        once: Option<&IdempotencyKey>,
    ) -> Result<Option<Workspace>> {
        let Some(once) = once else { return Ok(None) };
        let Some(workspace) = self.desk.find_workspace(new.slug.as_str()).await? else { return Ok(None) };
        let answer = self.desk.store().answer(workspace.id, actor, once.key.clone()).await?;
        match answer.filter(|answer| self.desk.now() < answer.expires_at) {
            Some(answer) if answer.request_hash == once.request_hash => Ok(Some(workspace)),
            Some(_) => Err(Error::KeyReused),
            None => Ok(None),
        }
    }

    /// The workspaces a person is a member of, with the role.
    pub async fn of(&self, person: &ProvenMailbox) -> Result<Vec<(Workspace, Role)>> {
        let members = self.desk.store().locate(Member::KIND, Member::user_key(person.user())).await?;
        let mut found = Vec::with_capacity(members.len());
        for (workspace, record) in members {
            let member: Member = record.read()?;
            if let Some(workspace) = self.desk.workspace(workspace).await? {
                found.push((workspace, member.role));
            }
        }
        Ok(found)
    }

    /// The workspaces where a person is a customer.
    pub async fn as_customer(&self, person: &ProvenMailbox) -> Result<Vec<Workspace>> {
        use crate::contact::Contact;
        let contacts = self.desk.store().locate(Contact::KIND, Contact::email_key(person.mailbox())).await?;
        let mut found = Vec::with_capacity(contacts.len());
        for (workspace, _) in contacts {
            found.extend(self.desk.workspace(workspace).await?);
        }
        Ok(found)
    }

    /// Whether there is any workspace yet.
    pub async fn any(&self) -> Result<bool> {
        Ok(!self.desk.store().workspaces(None, Limit::default()).await?.is_empty())
    }

    /// Changes the workspace.
    pub async fn update(&self, access: &Access, patch: WorkspacePatch) -> Result<Workspace> {
        self.desk.demand(access, Action::UpdateWorkspace)?;
        if let Some(earlier) = self.desk.replayed(access).await? {
            return earlier.records.first().map_or(Ok(access.workspace().clone()), |record| Ok(record.read()?));
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let workspace = self.desk.workspace(access.workspace_id()).await?.ok_or(Error::NotFound("workspace"))?;
            let Some(change) = workspace.update(patch.clone())? else { return Ok(workspace) };
            // Whoever asks others for a second factor has shown one; so nobody locks themselves out, either.
            let is_policy = patch.require_second_factor.is_some_and(|asked| asked != workspace.require_second_factor);
            if is_policy && access.standing() != Standing::Host && !access.is_strong() {
                return Err(match access.actor() {
                    Actor::User(user) => self.desk.users().lacking(user).await?,
                    _ => Error::SecondFactorEnrolmentRequired,
                });
            }
            let moment = self.desk.moment(access);
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if let Some(committed) = self.desk.commit(access, changes).await? {
                let record = committed.records.iter().find(|r| r.kind == Workspace::KIND);
                return record.map_or(Ok(workspace), |record| Ok(record.read()?));
            }
        }
    }
}
