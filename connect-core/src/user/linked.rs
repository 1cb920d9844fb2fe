//! Accounts elsewhere that a user signs in with.

use serde::{Deserialize, Serialize};

use super::StrongMethod;
use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::{Error, Result, Timestamp, UserId, Version};

/// What an account at a provider is known by. An address is no part of it: addresses change hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountKey {
    /// The provider, by the name it has in the settings of the desk.
    pub provider: String,
    /// Who speaks for the account, as configured.
    pub issuer: String,
    /// Whom it means there; it never changes and is never given to anybody else.
    pub subject: String,
}

impl AccountKey {
    /// The key it is found by: a list, so that no two accounts look alike.
    pub(crate) fn record_key(&self) -> String {
        let parts = [&self.provider, &self.issuer, &self.subject];
        format!("account:{}", serde_json::to_string(&parts).unwrap_or_default())
    }
}

/// An account that signs a user in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedAccount {
    /// Which.
    pub key: AccountKey,
    /// Since when.
    pub linked_at: Timestamp,
    /// Whether the provider has ever said that the person showed a second factor there.
    #[serde(default)]
    pub vouched: bool,
}

/// All accounts of a user: at most one of each provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedAccounts {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub accounts: Vec<LinkedAccount>,
    /// How often the list was written.
    pub version: Version,
}

impl RecordKind for LinkedAccounts {
    const KIND: &'static str = "linked_accounts";

    fn id(&self) -> String {
        Self::id_of(self.user)
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        self.accounts.iter().map(|account| RecordKey::in_workspace(account.key.record_key())).collect()
    }
}

impl LinkedAccounts {
    /// The list of a user; ids are unique over all kinds, and the user has one already.
    pub(crate) fn id_of(user: UserId) -> String {
        format!("accounts_{user}")
    }

    /// The list of somebody who has none.
    pub(crate) fn none_of(user: UserId) -> Self {
        Self { user, accounts: Vec::new(), version: Version::ABSENT }
    }

    /// Decides to link an account; none when it is linked already. There is one of each provider, so that it is
    /// plain which one a person signs in with.
    pub fn link(&self, key: AccountKey, moment: &Moment) -> Result<Option<RecordChange>> {
        match self.accounts.iter().find(|account| account.key.provider == key.provider) {
            Some(known) if known.key == key => return Ok(None),
            Some(_) => return Err(Error::refused("provider_linked", "another account of this provider is linked")),
            None => {}
        }
        let fact = Fact::AccountLinked { user: self.user, provider: key.provider.clone() };
        let mut next = Self { version: self.version.next(), ..self.clone() };
        next.accounts.push(LinkedAccount { key, linked_at: moment.now(), vouched: false });
        Ok(Some(RecordChange::update(&next, self.version, fact)))
    }

    /// Decides to note that the provider has said of an account that a second factor was shown there; none when that
    /// is known, or the account is not linked.
    pub fn vouch(&self, key: &AccountKey) -> Option<RecordChange> {
        let mut next = Self { version: self.version.next(), ..self.clone() };
        let account = next.accounts.iter_mut().find(|account| account.key == *key && !account.vouched)?;
        account.vouched = true;
        let fact = Fact::SecondFactorEnrolled { user: self.user, method: StrongMethod::Provider };
        Some(RecordChange::update(&next, self.version, fact))
    }

    /// Decides that the account of this provider signs the user in no more; none when there is none.
    pub fn unlink(&self, provider: &str) -> Option<RecordChange> {
        let mut next = Self { version: self.version.next(), ..self.clone() };
        next.accounts.retain(|account| account.key.provider != provider);
        let fact = Fact::AccountUnlinked { user: self.user, provider: provider.to_owned() };
        (next.accounts.len() < self.accounts.len()).then(|| RecordChange::update(&next, self.version, fact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ManualClock, SeededRandom};
    use crate::{Actor, Ids};
    use std::sync::Arc;

    fn key(provider: &str, issuer: &str, subject: &str) -> AccountKey {
        AccountKey { provider: provider.into(), issuer: issuer.into(), subject: subject.into() }
    }

    #[test]
    fn sec_46_provider_issuer_and_subject_together_are_the_key() {
        let keys = [
            key("a", "https://x.example", "1"),
            key("b", "https://x.example", "1"),
            key("a", "https://y.example", "1"),
            key("a", "https://x.example", "2"),
            key("a", "https://x.example\",\"1", ""),
        ];
        let texts: std::collections::BTreeSet<String> = keys.iter().map(AccountKey::record_key).collect();
        assert_eq!(texts.len(), keys.len(), "{texts:?}");
    }

    #[test]
    fn a_user_has_one_account_of_each_provider() {
        let ids = Ids::new(Arc::new(ManualClock::default()), Arc::new(SeededRandom::new(1)));
        let moment = Moment::new(&ids, Timestamp::from_micros(5), Actor::System);
        let none = LinkedAccounts::none_of(ids.user());
        assert!(none.link(key("a", "i", "1"), &moment).is_ok_and(|change| change.is_some()));
        assert!(none.unlink("a").is_none());
        let linked = LinkedAccount { key: key("a", "i", "1"), linked_at: moment.now(), vouched: false };
        let one = LinkedAccounts { accounts: vec![linked], version: Version::FIRST, ..none };
        assert!(one.link(key("a", "i", "1"), &moment).is_ok_and(|change| change.is_none()), "again");
        assert!(one.link(key("a", "i", "2"), &moment).is_err(), "another account of the same provider");
        assert!(one.link(key("b", "i", "2"), &moment).is_ok_and(|change| change.is_some()));
        assert!(one.unlink("b").is_none() && one.unlink("a").is_some());
        assert!(one.vouch(&key("a", "i", "1")).is_some() && one.vouch(&key("a", "i", "2")).is_none());
    }
}
