//! Contacts: people who ask for help.

mod service;

use serde::{Deserialize, Serialize};

use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::user::Locale;
use crate::{ContactId, EmailAddress, Error, FieldError, Name, Result, Timestamp, Version};

pub use service::Contacts;

/// Free facts about a contact, kept as the host gave them.
pub type Traits = serde_json::Map<String, serde_json::Value>;

/// A person who asks for help; not a user, though the same person may be both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Their id.
    pub id: ContactId,
    /// What they are called.
    pub name: Name,
    /// Where they get mail; unique in the workspace in its canonical form.
    pub email: Option<EmailAddress>,
    /// What the host calls them; unique in the workspace.
    pub external_id: Option<String>,
    /// Free facts.
    #[serde(default)]
    pub traits: Traits,
    /// The language they read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// How often the contact was written.
    pub version: Version,
    /// Since when the contact exists.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl RecordKind for Contact {
    const KIND: &'static str = "contact";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        let email = self.email.as_ref().map(Self::email_key);
        let external = self.external_id.as_deref().map(Self::external_key);
        email.into_iter().chain(external).map(RecordKey::in_workspace).collect()
    }
}

/// What a new contact needs: a name, and an address or an id of the host to find them by.
#[derive(Debug, Clone)]
pub struct NewContact {
    /// What they are called.
    pub name: Name,
    /// Where they get mail.
    pub email: Option<EmailAddress>,
    /// What the host calls them.
    pub external_id: Option<String>,
    /// Free facts.
    pub traits: Traits,
    /// The language they read.
    pub locale: Option<Locale>,
}

/// What may change about a contact. The outer `None` leaves a field, the inner one clears it.
#[derive(Debug, Clone, Default)]
pub struct ContactPatch {
    /// A new name.
    pub name: Option<Name>,
    /// A new address.
    pub email: Option<Option<EmailAddress>>,
    /// A new id of the host.
    pub external_id: Option<Option<String>>,
    /// All free facts anew.
    pub traits: Option<Traits>,
    /// Another language.
    pub locale: Option<Option<Locale>>,
    /// The version the caller saw; another one refuses the change.
    pub seen: Option<Version>,
}

impl Contact {
    /// The key a contact is found by.
    pub fn email_key(email: &EmailAddress) -> String {
        format!("email:{}", email.canonical())
    }

    pub(crate) fn external_key(id: &str) -> String {
        format!("external:{id}")
    }

    /// Whether a contact may have this id of the host.
    pub(crate) fn is_external_id(id: &str) -> bool {
        !id.is_empty() && id.len() <= 200 && !id.chars().any(char::is_control)
    }

    /// Decides what a new contact is.
    pub fn create(new: NewContact, moment: &Moment) -> Result<(Self, RecordChange)> {
        let contact = Self {
            id: moment.ids().contact(),
            name: new.name,
            email: new.email,
            external_id: new.external_id,
            traits: new.traits,
            locale: new.locale,
            version: Version::FIRST,
            created_at: moment.now(),
            updated_at: moment.now(),
        };
        contact.check()?;
        let change = RecordChange::insert(&contact, Fact::ContactCreated { contact: contact.id });
        Ok((contact, change))
    }

    /// Decides a change; none when nothing is different.
    pub fn update(&self, patch: ContactPatch, now: Timestamp) -> Result<Option<RecordChange>> {
        if let Some(seen) = patch.seen
            && seen != self.version
        {
            return Err(Error::RecordMismatch { current: self.version });
        }
        let mut next = self.clone();
        let mut fields = Vec::new();
        let mut changed = |name: &str, is: bool| {
            if is {
                fields.push(name.to_owned());
            }
        };
        if let Some(name) = patch.name {
            changed("name", name != self.name);
            next.name = name;
        }
        if let Some(email) = patch.email {
            changed("email", email.as_ref().map(EmailAddress::as_str) != self.email.as_ref().map(EmailAddress::as_str));
            next.email = email;
        }
        if let Some(external_id) = patch.external_id {
            changed("external_id", external_id != self.external_id);
            next.external_id = external_id;
        }
        if let Some(traits) = patch.traits {
            changed("traits", traits != self.traits);
            next.traits = traits;
        }
        if let Some(locale) = patch.locale {
            changed("locale", locale != self.locale);
            next.locale = locale;
        }
        if fields.is_empty() {
            return Ok(None);
        }
        next.check()?;
        next.version = self.version.next();
        next.updated_at = now;
        Ok(Some(RecordChange::update(&next, self.version, Fact::ContactUpdated { contact: self.id, fields })))
    }

    fn check(&self) -> Result<()> {
        let mut errors = Vec::new();
        if self.email.is_none() && self.external_id.is_none() {
            errors.push(FieldError::new("email", "required", "a contact needs an e-mail address or an external_id"));
        }
        if let Some(id) = &self.external_id
            && !Self::is_external_id(id)
        {
            errors.push(FieldError::new(
                "external_id",
                "out_of_range",
                "must have 1 to 200 bytes and no control characters",
            ));
        }
        if self.traits.len() > 100 || serde_json::to_string(&self.traits).map_or(0, |t| t.len()) > 16 * 1024 {
            errors.push(FieldError::new("traits", "too_long", "must have at most 100 entries and 16 KiB"));
        }
        if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
    }
}
