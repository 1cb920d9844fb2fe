//! Naming, proving and removing domains, and who joins by them.

use std::time::Duration;

use super::{Departed, MAX_DOMAINS, MailDomain};
use crate::change::{ChangeSet, RecordChange};
use crate::desk::Tries;
use crate::event::Cause;
use crate::member::{Invitation, Member};
use crate::record::{Record, RecordKind};
use crate::store::RecordList;
use crate::user::User;
use crate::{Access, Action, Actor, Desk, DomainId, Error, Limit, Result, Role, Version, WorkspaceId};

/// For how long a proof is taken as one without looking again.
const PROVEN_FOR: Duration = Duration::from_secs(24 * 3600);

/// The domains of a workspace, as one access sees them.
#[derive(Debug)]
pub struct Domains<'a> {
    desk: &'a Desk,
    access: &'a Access,
}

/// A domain that somebody may join a workspace by.
#[derive(Debug, Clone)]
pub struct OpenDomain {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The domain.
    pub domain: MailDomain,
    /// Whether its proof is old, and has to be looked at again first.
    pub is_stale: bool,
}

impl Desk {
    /// The domains of the access's workspace.
    pub fn domains<'a>(&'a self, access: &'a Access) -> Domains<'a> {
        Domains { desk: self, access }
    }

    /// The workspaces that somebody with a mailbox of this domain may join.
    pub async fn open_domains(&self, name: &str) -> Result<Vec<OpenDomain>> {
        let mut open = Vec::new();
        for (workspace, record) in self.store().locate(MailDomain::KIND, MailDomain::name_key(name)).await? {
            let domain: MailDomain = record.read()?;
            let Some(proven_at) = domain.proven_at.filter(|_| domain.joins_as.is_some()) else { continue };
            // One that is just being imported is not there yet for anybody.
            if self.store().counters(workspace).await?.is_none() {
                continue;
            }
            let is_stale = self.now().since(proven_at) >= PROVEN_FOR;
            open.push(OpenDomain { workspace, domain, is_stale });
        }
        Ok(open)
    }

    /// Makes somebody a member whose provider has just vouched for a mailbox of an open domain. Answers whether they
    /// are a new one: not if they are or were a member, or the domain is not open any more.
    pub async fn join_by_domain(&self, user: &User, open: &OpenDomain, cause: &Cause) -> Result<bool> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let (store, workspace) = (self.store(), open.workspace);
            let record = store.record(workspace, MailDomain::KIND, open.domain.id.to_string()).await?;
            let domain = record.map(|record| record.read::<MailDomain>()).transpose()?;
            let domain = domain.filter(|domain| domain.proven_at.is_some() && domain.name == user.email.domain());
            let Some((domain, role)) = domain.and_then(|domain| Some((domain.clone(), domain.joins_as?))) else {
                return Ok(false);
            };
            if self.is_or_was_member(workspace, user).await? {
                return Ok(false);
            }
            // Whoever is invited becomes what the invitation says.
            let invited = store.find(workspace, Invitation::KIND, Invitation::email_key(&user.email)).await?;
            let invited = invited.map(|record| record.read::<Invitation>()).transpose()?;
            if invited.is_some_and(|invitation| invitation.is_open(self.now())) {
                return Ok(false);
            }
            let moment = self.moment_of(Actor::User(user.id)).because(cause.clone());
            let (_, added) = Member::add(user.id, role, &moment);
            // Of a domain that is closed meanwhile nobody joins any more.
            let changes = ChangeSet::new(&moment).record(added, &moment).guard(&domain);
            match self.commit_to(workspace, changes).await {
                Ok(Some(_)) => return Ok(true),
                Ok(None) | Err(Error::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether somebody is a member of a workspace, or was one, under this account or another one of their address.
    pub async fn is_or_was_member(&self, workspace: WorkspaceId, user: &User) -> Result<bool> {
        let departed = [Departed::id_of(user.id), Departed::id_of_address(&user.email)];
        let kinds = departed.map(|id| (Departed::KIND, id));
        for (kind, id) in kinds.into_iter().chain([(Member::KIND, user.id.to_string())]) {
            if self.store().record(workspace, kind, id).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Notes that the word of a domain was seen at its place now. Who came by when it was looked at is nothing for the
    /// workspace's journal: perhaps they do not join.
    pub async fn domain_seen(&self, open: &OpenDomain) -> Result<()> {
        let record = self.store().record(open.workspace, MailDomain::KIND, open.domain.id.to_string()).await?;
        let Some(domain) = record.map(|record| record.read::<MailDomain>()).transpose()? else { return Ok(()) };
        let moment = self.moment_of(Actor::System);
        let changes = ChangeSet::new(&moment).record(domain.prove(self.now()), &moment);
        // Somebody else may have noted it, or changed the domain: then the next look will.
        self.commit_to(open.workspace, changes).await.map(|_| ())
    }
}

impl Domains<'_> {
    /// Names a domain.
    pub async fn create(&self, name: String) -> Result<MailDomain> {
        if self.list().await?.len() >= MAX_DOMAINS && self.desk.replayed(self.access).await?.is_none() {
            return Err(Error::refused("too_many_domains", format!("a workspace has at most {MAX_DOMAINS} domains")));
        }
        let random = self.desk.random();
        self.desk.make(self.access, |moment| Ok(MailDomain::create(name, random, moment))).await
    }

    /// All of them, oldest first.
    pub async fn list(&self) -> Result<Vec<MailDomain>> {
        self.desk.demand(self.access, Action::UpdateWorkspace)?;
        let list = RecordList { ids: None, after: None, limit: Limit::MAX };
        let records = self.desk.store().records(self.access.workspace_id(), MailDomain::KIND, list).await?;
        Ok(records.iter().map(Record::read).collect::<Result<_, _>>()?)
    }

    /// One of them.
    pub async fn get(&self, id: DomainId) -> Result<MailDomain> {
        self.desk.demand(self.access, Action::UpdateWorkspace)?;
        self.desk.one(self.access, id.to_string()).await
    }

    /// Notes that the word was seen at its place, by whoever has looked.
    pub async fn prove(&self, id: DomainId) -> Result<MailDomain> {
        self.change(id, |domain| Ok(Some(domain.prove(self.desk.now())))).await
    }

    /// Says what people of the domain join as; none: they do not.
    pub async fn let_join(&self, id: DomainId, joins_as: Option<Role>, seen: Option<Version>) -> Result<MailDomain> {
        // It gives a role to whoever comes, so it is for those who may give it to somebody they know.
        if let Some(role) = joins_as {
            self.desk.demand(self.access, Action::ManageMembers)?;
            self.desk.may_give(self.access, role, None)?;
        }
        self.change(id, |domain| domain.let_join(joins_as, seen)).await
    }

    /// Removes it.
    pub async fn remove(&self, id: DomainId) -> Result<()> {
        self.desk.demand(self.access, Action::UpdateWorkspace)?;
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        self.change(id, |domain| Ok(Some(domain.remove()))).await.map(|_| ())
    }

    async fn change(
        &self,
        id: DomainId,
        decide: impl Fn(&MailDomain) -> Result<Option<RecordChange>>,
    ) -> Result<MailDomain> {
        self.desk.demand(self.access, Action::UpdateWorkspace)?;
        self.desk.edit(self.access, id.to_string(), |domain: &MailDomain, _| decide(domain)).await
    }
}
