//! Finding, making and changing users.

use std::collections::{BTreeSet, HashMap};

use super::{Locale, User};
use crate::change::{ChangeSet, Moment, RecordChange};
use crate::desk::Tries;
use crate::event::Cause;
use crate::record::RecordKind;
use crate::store::RecordList;
use crate::{Actor, Desk, EmailAddress, Error, Limit, Name, Result, UserId, WorkspaceId};

/// The proof that somebody holds a mailbox, and the user they are.
///
/// Whoever makes one vouches for it: `connect-auth` does after a right code, a host after its own login.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ProvenMailbox {
    user: UserId,
    mailbox: EmailAddress,
    strong: bool,
    cause: Cause,
}

impl ProvenMailbox {
    /// Vouches that this user has proven this mailbox.
    pub fn attest(user: &User) -> Self {
        Self { user: user.id, mailbox: user.email.clone(), strong: false, cause: Cause::default() }
    }

    /// Vouches besides that this user has shown a second factor. Workspaces may ask for it.
    pub fn with_second_factor(mut self) -> Self {
        self.strong = true;
        self
    }

    /// Whether a second factor was shown.
    pub fn is_strong(&self) -> bool {
        self.strong
    }

    /// The same person because of a request of which this is known; what they cause will carry it.
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }

    /// What is known of the request.
    pub(crate) fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The user.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The mailbox.
    pub fn mailbox(&self) -> &EmailAddress {
        &self.mailbox
    }
}

/// The users of a desk.
#[derive(Debug)]
pub struct Users<'a> {
    pub(super) desk: &'a Desk,
    pub(super) cause: Cause,
}

impl Desk {
    /// The users.
    pub fn users(&self) -> Users<'_> {
        Users { desk: self, cause: Cause::default() }
    }
}

impl Users<'_> {
    /// The same because of a request of which this is known.
    #[must_use]
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }

    /// The user of an address.
    pub async fn find(&self, email: &EmailAddress) -> Result<Option<User>> {
        let record = self.desk.store().find(WorkspaceId::DIRECTORY, User::KIND, User::email_key(email)).await?;
        Ok(record.map(|record| record.read()).transpose()?)
    }

    /// The user of an address that was proven, made when there is none yet.
    pub async fn find_or_create(&self, email: &EmailAddress, name: Option<Name>) -> Result<User> {
        self.obtain(email, name, User::create).await
    }

    /// The user of an address that nobody has proven yet, made when there is none. When its holder first signs
    /// in, everything that was opened on the account before ends.
    pub async fn register(&self, email: &EmailAddress, name: Option<Name>) -> Result<User> {
        self.obtain(email, name, User::register).await
    }

    async fn obtain(
        &self,
        email: &EmailAddress,
        name: Option<Name>,
        make: fn(EmailAddress, Name, &Moment) -> (User, RecordChange),
    ) -> Result<User> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            if let Some(user) = self.find(email).await? {
                return Ok(user);
            }
            let moment = self.desk.moment_of(Actor::System).because(self.cause.clone());
            let name = name.clone().unwrap_or_else(|| Name::from_address(email));
            let (user, change) = make(email.clone(), name, &moment);
            let changes = ChangeSet::new(&moment).record(change, &moment);
            match self.desk.commit_to(WorkspaceId::DIRECTORY, changes).await {
                Ok(Some(_)) => return Ok(user),
                Ok(None) | Err(Error::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes a user over from another desk, with the same id; answers the id of whoever has the address.
    pub async fn adopt(&self, user: User) -> Result<UserId> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            if let Some(known) = self.find(&user.email).await? {
                return Ok(known.id);
            }
            if let Some(known) = self.desk.user(user.id).await? {
                // The same person, who has another address by now.
                return Ok(known.id);
            }
            let moment = self.desk.moment_of(Actor::Host);
            let changes = ChangeSet::new(&moment).record(user.adopted(), &moment);
            match self.desk.commit_to(WorkspaceId::DIRECTORY, changes).await {
                Ok(Some(_)) => return Ok(user.id),
                Ok(None) | Err(Error::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Users by id.
    pub async fn by_ids(&self, ids: BTreeSet<UserId>) -> Result<HashMap<UserId, User>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let ids = ids.iter().map(ToString::to_string).collect();
        let list = RecordList { ids: Some(ids), after: None, limit: Limit::MAX };
        let records = self.desk.store().records(WorkspaceId::DIRECTORY, User::KIND, list).await?;
        let users = records.iter().map(|record| record.read::<User>().map(|user| (user.id, user)));
        Ok(users.collect::<Result<_, _>>()?)
    }

    /// Gives the person another name.
    pub async fn rename(&self, user: UserId, name: Name) -> Result<User> {
        self.change(user, Actor::User(user), |user| user.rename(name.clone())).await
    }

    /// Gives the user another name, or another language, or both.
    pub async fn describe(&self, user: UserId, name: Option<Name>, locale: Option<Locale>) -> Result<User> {
        self.change(user, Actor::User(user), |user| user.describe(name.clone(), locale.clone())).await
    }

    /// Notes that the holder of the user's mailbox was seen.
    pub async fn set_proven(&self, user: UserId) -> Result<User> {
        self.change(user, Actor::User(user), User::set_proven).await
    }

    /// Gives the user an address that was proven, unless it was changed `changes` times no more: whoever was
    /// quicker wins. [`Error::Taken`] if somebody else has it.
    pub async fn change_email(&self, user: UserId, changes: usize, email: &EmailAddress) -> Result<User> {
        let is_first = |user: &User| user.former.len() == changes;
        let decide = |user: &User| is_first(user).then(|| user.change_email(email.clone())).flatten();
        let changed = self.change(user, Actor::User(user), decide).await?;
        if changed.email == *email { Ok(changed) } else { Err(Error::Contended) }
    }

    /// Lets the user sign in no more, or again.
    pub async fn set_disabled(&self, user: UserId, disabled: bool) -> Result<User> {
        self.change(user, Actor::Host, |user| user.set_disabled(disabled)).await
    }

    pub(super) async fn change(
        &self,
        id: UserId,
        actor: Actor,
        decide: impl Fn(&User) -> Option<RecordChange>,
    ) -> Result<User> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let user = self.desk.user(id).await?.ok_or(Error::NotFound("user"))?;
            let Some(change) = decide(&user) else { return Ok(user) };
            let moment = self.desk.moment_of(actor).because(self.cause.clone());
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if let Some(committed) = self.desk.commit_to(WorkspaceId::DIRECTORY, changes).await? {
                return committed.records.first().map_or(Ok(user), |record| Ok(record.read()?));
            }
        }
    }
}
