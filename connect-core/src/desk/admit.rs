//! Who is let into a workspace.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::Desk;
use crate::contact::Contact;
use crate::member::Member;
use crate::record::{Record, RecordKind};
use crate::user::{ProvenMailbox, User};
use crate::workspace::Workspace;
use crate::{Access, Actor, Error, Result, Slug, Standing, Timestamp, UserId, WorkspaceId};

/// How long an admission is taken as known without looking again. Changes made by this process are seen
/// at once; this is the delay for changes made by another one (`docs/security.md`, revocation).
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// Most admissions kept at once.
const CAPACITY: usize = 10_000;

type Known = HashMap<(UserId, String), (Access, Timestamp)>;

/// Admissions that were looked up within the last second.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    pub(super) epoch: AtomicU64,
    known: RwLock<(u64, Known)>,
}

impl Desk {
    /// Lets a signed-in person into a workspace, as a member or else as a customer. `workspace` is an id
    /// or a slug.
    ///
    /// [`Error::NotFound`] both when there is no such workspace and when the person does not belong there;
    /// [`Error::SecondFactorRequired`] for a member who has not shown the second factor that it asks for, and
    /// [`Error::SecondFactorEnrolmentRequired`] for one who has none to show.
    pub async fn admit(&self, person: &ProvenMailbox, workspace: &str) -> Result<Access> {
        let key = (person.user(), workspace.to_owned());
        let now = self.now();
        let epoch = self.admission_epoch();
        if let Some(access) = self.known_admission(&key, epoch, now) {
            return self.entered(access, person).await;
        }
        let access = self.look_up(person, workspace).await?;
        self.remember_admission(key, &access, epoch, now);
        self.entered(access, person).await
    }

    fn known_admission(&self, key: &(UserId, String), epoch: u64, now: Timestamp) -> Option<Access> {
        let cache = self.inner.admitted.known.read().unwrap_or_else(PoisonError::into_inner);
        let (access, at) = cache.1.get(key).filter(|_| cache.0 == epoch)?;
        (now >= *at && now.since(*at) < KNOWN_FOR).then(|| access.clone())
    }

    fn remember_admission(&self, key: (UserId, String), access: &Access, epoch: u64, now: Timestamp) {
        let mut cache = self.inner.admitted.known.write().unwrap_or_else(PoisonError::into_inner);
        if cache.0 != epoch || cache.1.len() >= CAPACITY {
            *cache = (epoch, HashMap::new());
        }
        // What was looked up before a change must not be taken for what holds after it.
        if self.admission_epoch() == epoch {
            cache.1.insert(key, (access.clone(), now));
        }
    }

    /// The last step of every admission of a person, remembered or not: a workspace that asks its team for a second
    /// factor lets nobody of it in without.
    async fn entered(&self, access: Access, person: &ProvenMailbox) -> Result<Access> {
        let is_team = matches!(access.standing(), Standing::Member(_));
        if is_team && access.workspace().require_second_factor && !person.is_strong() {
            return Err(self.users().lacking(person.user()).await?);
        }
        Ok(access.strong(person.is_strong()).because(person.cause().clone()))
    }

    async fn look_up(&self, person: &ProvenMailbox, workspace: &str) -> Result<Access> {
        let found = self.find_workspace(workspace).await?.ok_or(Error::NotFound("workspace"))?;
        let (id, user) = (found.id, person.user());
        if let Some(record) = self.store().record(id, Member::KIND, user.to_string()).await? {
            let member: Member = record.read()?;
            let access = Access::new(Arc::new(found), Actor::User(user), Standing::Member(member.role));
            let limits = self.limits_of(id, &member).await?;
            return Ok(access.since(member.created_at).limited_to(limits).within(member.within()));
        }
        let key = Contact::email_key(person.mailbox());
        if let Some(record) = self.store().find(id, Contact::KIND, key).await? {
            let contact: Contact = record.read()?;
            return Ok(Access::new(Arc::new(found), Actor::Contact(contact.id), Standing::Contact));
        }
        Err(Error::NotFound("workspace"))
    }

    /// Lets the embedding application itself into a workspace, with all rights.
    pub async fn host(&self, workspace: &str) -> Result<Access> {
        let found = self.find_workspace(workspace).await?.ok_or(Error::NotFound("workspace"))?;
        Ok(Access::new(Arc::new(found), Actor::Host, Standing::Host))
    }

    /// A workspace by id or slug. It tells nothing about who may come in.
    pub async fn find_workspace(&self, workspace: &str) -> Result<Option<Workspace>> {
        if let Ok(id) = workspace.parse::<WorkspaceId>() {
            return self.workspace(id).await;
        }
        let Ok(slug) = Slug::parse("workspace", workspace) else { return Ok(None) };
        let found = self.store().locate(Workspace::KIND, Workspace::slug_key(&slug)).await?;
        Ok(found.first().map(|(_, record)| record.read()).transpose()?)
    }

    /// A workspace by id.
    pub async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>> {
        let record = self.store().record(id, Workspace::KIND, id.to_string()).await?;
        Ok(record.as_ref().map(Record::read).transpose()?)
    }

    /// A user by id.
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        let record = self.store().record(WorkspaceId::DIRECTORY, User::KIND, id.to_string()).await?;
        Ok(record.as_ref().map(Record::read).transpose()?)
    }

    pub(crate) fn forget_admitted(&self) {
        self.inner.admitted.epoch.fetch_add(1, Ordering::AcqRel);
    }
}
