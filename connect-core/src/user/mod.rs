//! Users: people who sign in, one per e-mail address, across workspaces.

mod factor;
mod linked;
mod linking;
mod passkey;
mod profile;
mod service;
mod strength;

use serde::{Deserialize, Serialize};

use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::{EmailAddress, Name, Timestamp, UserId, Version};

pub use factor::{CodeApp, PendingApp, SecondFactor};
pub use linked::{AccountKey, LinkedAccount, LinkedAccounts};
pub use passkey::{CredentialId, NewPasskey, Passkey, Passkeys};
pub use profile::{Locale, PictureUrl, Profile};
pub use service::{ProvenMailbox, Users};
pub use strength::StrongMethod;

/// A person who signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Where they get mail; unique everywhere in its canonical form.
    pub email: EmailAddress,
    /// What they are called.
    pub name: Name,
    /// Whether they may no longer sign in.
    #[serde(default)]
    pub disabled: bool,
    /// Whether the holder of the mailbox has been seen. An account may be made for somebody before they come.
    #[serde(default = "proven")]
    pub proven: bool,
    /// The addresses the user had before, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<EmailAddress>,
    /// Where their picture is, if a sign-in provider has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<PictureUrl>,
    /// Their language, if they or a sign-in provider have told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// Whether they have chosen the language themselves: then no provider changes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_locale: bool,
    /// The name that a sign-in provider gave last: as long as the user goes by it, it follows the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_name: Option<Name>,
    /// How often the user was written.
    pub version: Version,
    /// Since when the user exists.
    pub created_at: Timestamp,
}

/// Users of before this was noted were made by a proof.
fn proven() -> bool {
    true
}

impl RecordKind for User {
    const KIND: &'static str = "user";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        // All users are in one partition, the directory.
        vec![RecordKey::in_workspace(Self::email_key(&self.email))]
    }
}

impl User {
    /// The key a user is found by.
    pub(crate) fn email_key(email: &EmailAddress) -> String {
        format!("email:{}", email.canonical())
    }

    /// Decides what a new user is who has proven the mailbox.
    pub fn create(email: EmailAddress, name: Name, moment: &Moment) -> (Self, RecordChange) {
        Self::made(email, name, true, moment)
    }

    /// Decides what a user is whom nobody has seen yet.
    pub fn register(email: EmailAddress, name: Name, moment: &Moment) -> (Self, RecordChange) {
        Self::made(email, name, false, moment)
    }

    fn made(email: EmailAddress, name: Name, proven: bool, moment: &Moment) -> (Self, RecordChange) {
        let user = Self {
            id: moment.ids().user(),
            email,
            name,
            disabled: false,
            proven,
            former: Vec::new(),
            avatar_url: None,
            locale: None,
            own_locale: false,
            synced_name: None,
            version: Version::FIRST,
            created_at: moment.now(),
        };
        let change = RecordChange::insert(&user, Fact::UserCreated { user: user.id });
        (user, change)
    }

    /// Decides to take over a user who exists elsewhere, as they are.
    pub(crate) fn adopted(&self) -> RecordChange {
        // Who vouches for them is the other desk: this one has not seen them yet.
        let user = Self { version: Version::FIRST, proven: false, former: Vec::new(), ..self.clone() };
        RecordChange::insert(&user, Fact::UserCreated { user: user.id })
    }

    /// Decides that the holder of the mailbox was seen; none when that is known.
    pub fn set_proven(&self) -> Option<RecordChange> {
        let next = Self { version: self.version.next(), proven: true, ..self.clone() };
        let fact = Fact::UserUpdated { user: self.id, fields: vec!["proven".to_owned()] };
        (!self.proven).then(|| RecordChange::update(&next, self.version, fact))
    }

    /// Decides another address, which was proven; none when it is the one they have. The old one is kept, so
    /// that it can be told.
    pub fn change_email(&self, email: EmailAddress) -> Option<RecordChange> {
        let is_new = email.canonical() != self.email.canonical();
        let mut next = Self { version: self.version.next(), email, proven: true, ..self.clone() };
        next.former.push(self.email.clone());
        let fact = Fact::UserAddressChanged { user: self.id, nth: self.former.len() };
        is_new.then(|| RecordChange::update(&next, self.version, fact))
    }

    /// Decides a new name; none when it is the old one.
    pub fn rename(&self, name: Name) -> Option<RecordChange> {
        let next = Self { version: self.version.next(), name, ..self.clone() };
        let fact = Fact::UserUpdated { user: self.id, fields: vec!["name".to_owned()] };
        (next.name != self.name).then(|| RecordChange::update(&next, self.version, fact))
    }

    /// Decides another name and language; none when both are the old ones.
    pub fn describe(&self, name: Option<Name>, locale: Option<Locale>) -> Option<RecordChange> {
        let mut next = Self { version: self.version.next(), ..self.clone() };
        let mut fields = Vec::new();
        if let Some(name) = name.filter(|name| *name != self.name) {
            next.name = name;
            fields.push("name".to_owned());
        }
        if locale.is_some() && locale != self.locale {
            next.locale = locale;
            next.own_locale = true;
            fields.push("locale".to_owned());
        }
        let is_new = !fields.is_empty();
        let fact = Fact::UserUpdated { user: self.id, fields };
        is_new.then(|| RecordChange::update(&next, self.version, fact))
    }

    /// Decides whether the user may sign in; none when nothing changes.
    pub fn set_disabled(&self, disabled: bool) -> Option<RecordChange> {
        let next = Self { version: self.version.next(), disabled, ..self.clone() };
        let fact = Fact::UserUpdated { user: self.id, fields: vec!["disabled".to_owned()] };
        (disabled != self.disabled).then(|| RecordChange::update(&next, self.version, fact))
    }
}
