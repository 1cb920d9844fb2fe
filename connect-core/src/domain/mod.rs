//! Mail domains that a workspace has proved to be its own: whoever signs in with the provider of such a domain joins
//! without an invitation.
//!
//! That a domain is a workspace's is shown by a secret word at an address of that domain, which only whoever runs it
//! can put there. It says nothing of how people sign in elsewhere: it acts on this workspace only.

mod service;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::change::{Moment, RecordChange, Versioned};
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::{DomainId, EmailAddress, Error, FieldError, Random, Result, Role, Timestamp, UserId, Version};

pub use service::{Domains, OpenDomain};

/// Most domains of a workspace.
pub const MAX_DOMAINS: usize = 20;

/// Reads a domain, as it stands behind the `@` of an address; in its ASCII form, in small letters.
pub fn parse_domain(field: &'static str, text: &str) -> Result<String, FieldError> {
    let invalid = || FieldError::new(field, "invalid", "must be a domain such as example.com");
    let address = EmailAddress::parse(field, &format!("postmaster@{}", text.trim())).map_err(|_| invalid())?;
    Ok(address.domain())
}

/// A domain that a workspace has named, and may have proved to be its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailDomain {
    /// Its id.
    pub id: DomainId,
    /// The domain, in its ASCII form.
    pub name: String,
    /// The word that proves it: 192 random bits. It is shown to who manages the workspace and is no secret of
    /// theirs: what counts is where it stands.
    pub word: String,
    /// When it was last seen at its place; none while it never was.
    pub proven_at: Option<Timestamp>,
    /// What people of the domain join as; none while they do not.
    pub joins_as: Option<Role>,
    /// How often it was written.
    pub version: Version,
    /// Since when it is named.
    pub created_at: Timestamp,
}

impl RecordKind for MailDomain {
    const KIND: &'static str = "domain";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![RecordKey::in_workspace(Self::name_key(&self.name))]
    }
}

impl Versioned for MailDomain {
    fn at_version(&self, version: Version) -> Self {
        Self { version, ..self.clone() }
    }
}

impl MailDomain {
    /// The key it is found by, over all workspaces.
    pub(crate) fn name_key(name: &str) -> String {
        format!("domain:{name}")
    }

    /// The address at which its word must stand. Always HTTPS, and always the domain itself.
    pub fn place(&self) -> String {
        format!("https://{}/.well-known/connect-domain.txt", self.name)
    }

    /// Whether this is what stands at its place: its word, alone on a line.
    pub fn is_proved_by(&self, text: &str) -> bool {
        text.lines().any(|line| line.trim() == self.word)
    }

    /// Decides what a newly named domain is. Nothing follows from it yet.
    pub(crate) fn create(name: String, random: &dyn Random, moment: &Moment) -> (Self, RecordChange) {
        let bits: [u8; 24] = random.bytes();
        let domain = Self {
            id: moment.ids().domain(),
            name,
            word: format!("connect-domain={}", URL_SAFE_NO_PAD.encode(bits)),
            proven_at: None,
            joins_as: None,
            version: Version::FIRST,
            created_at: moment.now(),
        };
        let change = RecordChange::insert(&domain, Fact::DomainAdded { domain: domain.id });
        (domain, change)
    }

    /// Decides that the word was seen at its place now.
    pub(crate) fn prove(&self, now: Timestamp) -> RecordChange {
        let next = Self { proven_at: Some(now), version: self.version.next(), ..self.clone() };
        RecordChange::update(&next, self.version, Fact::DomainProven { domain: self.id })
    }

    /// Decides what people of the domain join as; none when nothing is different. Nobody becomes an admin by an
    /// address.
    pub(crate) fn let_join(&self, joins_as: Option<Role>, seen: Option<Version>) -> Result<Option<RecordChange>> {
        if seen.is_some_and(|seen| seen != self.version) {
            return Err(Error::RecordMismatch { current: self.version });
        }
        if joins_as == self.joins_as {
            return Ok(None);
        }
        match joins_as {
            Some(Role::Admin | Role::Owner) => {
                return Err(FieldError::new("joins_as", "too_strong", "must be viewer or member").into());
            }
            Some(_) if self.proven_at.is_none() => {
                return Err(Error::refused("domain_unproven", "first show that the domain is yours"));
            }
            Some(Role::Viewer | Role::Member) | None => {}
        }
        let next = Self { joins_as, version: self.version.next(), ..self.clone() };
        Ok(Some(RecordChange::update(&next, self.version, Fact::DomainJoinChanged { domain: self.id, role: joins_as })))
    }

    /// Decides that it is no more. Who has joined by it stays.
    pub(crate) fn remove(&self) -> RecordChange {
        RecordChange::remove(self, Fact::DomainRemoved { domain: self.id })
    }
}

/// That somebody was a member once: they come back by an invitation only, not by their domain. There is one for the user,
/// and one for the address that they had: an account can be made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Departed {
    pub(crate) id: String,
    pub(crate) version: Version,
}

impl RecordKind for Departed {
    const KIND: &'static str = "departed";

    fn id(&self) -> String {
        self.id.clone()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl Departed {
    /// Its id; ids are unique over all kinds, and the member has the user's.
    pub(crate) fn id_of(user: UserId) -> String {
        format!("departed_{user}")
    }

    /// The id of that of an address, which is no part of it.
    pub(crate) fn id_of_address(email: &EmailAddress) -> String {
        format!("departed_{}", URL_SAFE_NO_PAD.encode(Sha256::digest(email.canonical())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::{ManualClock, SeededRandom};
    use crate::{Actor, Ids};

    fn named() -> MailDomain {
        let random = Arc::new(SeededRandom::new(5));
        let ids = Ids::new(Arc::new(ManualClock::default()), random.clone());
        let moment = Moment::new(&ids, Timestamp::default(), Actor::Host);
        MailDomain::create("acme.example".to_owned(), random.as_ref(), &moment).0
    }

    #[test]
    fn domains_are_read_as_those_of_addresses() {
        assert_eq!(parse_domain("domain", " ACME.example "), Ok("acme.example".to_owned()));
        assert_eq!(parse_domain("domain", "xn--mnchen-3ya.example"), Ok("xn--mnchen-3ya.example".to_owned()));
        for wrong in [
            "",
            "acme",
            "acme.example/x",
            "a@b.example",
            "https://acme.example",
            "127.0.0.1",
            "[::1]",
            "münchen.example",
            "a b.example",
        ] {
            assert!(parse_domain("domain", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sec_51_only_its_own_word_on_a_line_of_its_own_proves_a_domain() {
        let domain = named();
        let word = domain.word.clone();
        for good in [word.clone(), format!("hello\r\n{word}\r\n"), format!("  {word}  ")] {
            assert!(domain.is_proved_by(&good), "{good}");
        }
        for bad in [
            String::new(),
            word[..word.len() - 1].to_owned(),
            format!("{word}x"),
            format!("x {word}"),
            word.to_uppercase(),
        ] {
            assert!(!domain.is_proved_by(&bad), "{bad}");
        }
        assert_eq!(domain.place(), "https://acme.example/.well-known/connect-domain.txt");
    }

    #[test]
    fn sec_51_nobody_joins_by_a_domain_that_is_not_proved_nor_as_an_admin() {
        let domain = named();
        assert!(domain.let_join(Some(Role::Viewer), None).is_err(), "not proved yet");
        let proven = MailDomain { proven_at: Some(Timestamp::default()), ..domain };
        for role in Role::ALL {
            assert_eq!(proven.let_join(Some(role), None).is_ok(), role < Role::Admin, "{role:?}");
        }
        assert!(proven.let_join(None, None).expect("allowed").is_none());
        assert!(proven.let_join(Some(Role::Viewer), Some(Version::new(9))).is_err(), "another version was seen");
    }
}
