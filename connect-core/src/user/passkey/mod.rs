//! Passkeys: keys that the devices of a user hold, and that sign them in.

mod service;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::change::{Moment, RecordChange};
use crate::event::{Fact, hexadecimal};
use crate::record::{RecordKey, RecordKind};
use crate::{Error, Name, PasskeyId, Result, Timestamp, UserId, Version};

/// Most passkeys of a user: more than anybody has devices.
const MOST: usize = 20;

/// What the key of a device is known by: SHA-256 over the id that the device gave it, in hexadecimal. Ids of
/// devices have any length up to a kilobyte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialId(String);

impl CredentialId {
    /// Of the id as the device gave it.
    pub fn of(given: &[u8]) -> Self {
        Self(hexadecimal(&Sha256::digest(given)))
    }

    /// The key it is found by.
    fn record_key(&self) -> String {
        format!("credential:{}", self.0)
    }
}

/// A key that a device has made, and whose holder has just proved to have it.
#[derive(Debug, Clone)]
pub struct NewPasskey {
    /// What its holder calls it.
    pub name: Name,
    /// What it is known by.
    pub credential_id: CredentialId,
    /// Its public part, as whoever checks signatures with it writes that.
    pub credential: Value,
}

/// A key that signs a user in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// Its id.
    pub id: PasskeyId,
    /// What its holder calls it.
    pub name: Name,
    /// What it is known by.
    pub credential_id: CredentialId,
    /// Its public part and how often it has signed, as whoever checks its signatures writes that.
    pub credential: Value,
    /// Since when.
    pub added_at: Timestamp,
    /// When it last proved who its holder is.
    #[serde(default)]
    pub used_at: Option<Timestamp>,
}

/// All passkeys of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkeys {
    /// Whose.
    pub user: UserId,
    /// Which, oldest first.
    pub passkeys: Vec<Passkey>,
    /// How often the list was written.
    pub version: Version,
}

impl RecordKind for Passkeys {
    const KIND: &'static str = "passkey";

    fn id(&self) -> String {
        Self::id_of(self.user)
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        // All users are in one partition, the directory: no two of them have one key.
        self.passkeys.iter().map(|passkey| RecordKey::in_workspace(passkey.credential_id.record_key())).collect()
    }
}

impl Passkeys {
    /// The list of a user; ids are unique over all kinds, and the user has one already.
    fn id_of(user: UserId) -> String {
        format!("passkeys_{user}")
    }

    /// The list of somebody who has none.
    fn none_of(user: UserId) -> Self {
        Self { user, passkeys: Vec::new(), version: Version::ABSENT }
    }

    fn next(&self) -> Self {
        Self { version: self.version.next(), ..self.clone() }
    }

    fn find(&self, id: PasskeyId) -> Result<&Passkey> {
        self.passkeys.iter().find(|passkey| passkey.id == id).ok_or(Error::NotFound("passkey"))
    }

    /// Decides that one more signs the user in.
    pub fn add(&self, new: NewPasskey, moment: &Moment) -> Result<(Passkey, RecordChange)> {
        let NewPasskey { name, credential_id, credential } = new;
        if self.passkeys.iter().any(|passkey| passkey.credential_id == credential_id) {
            return Err(Error::refused("passkey_known", "this passkey signs you in already"));
        }
        if self.passkeys.len() >= MOST {
            return Err(Error::refused("too_many_passkeys", "remove one of your passkeys first"));
        }
        let id = moment.ids().passkey();
        let passkey = Passkey { id, name, credential_id, credential, added_at: moment.now(), used_at: None };
        let mut next = self.next();
        next.passkeys.push(passkey.clone());
        let fact = Fact::PasskeyAdded { user: self.user, passkey: id };
        Ok((passkey, RecordChange::update(&next, self.version, fact)))
    }

    /// Decides another name for one; none when it is the old one.
    pub fn rename(&self, id: PasskeyId, name: &Name) -> Result<Option<RecordChange>> {
        if self.find(id)?.name == *name {
            return Ok(None);
        }
        let mut next = self.next();
        next.passkeys.iter_mut().filter(|passkey| passkey.id == id).for_each(|passkey| passkey.name = name.clone());
        let fact = Fact::PasskeyRenamed { user: self.user, passkey: id };
        Ok(Some(RecordChange::update(&next, self.version, fact)))
    }

    /// Decides that one signs the user in no more.
    pub fn remove(&self, id: PasskeyId) -> Result<RecordChange> {
        self.find(id)?;
        let mut next = self.next();
        next.passkeys.retain(|passkey| passkey.id != id);
        Ok(RecordChange::update(&next, self.version, Fact::PasskeyRemoved { user: self.user, passkey: id }))
    }

    /// Decides that one has proved who its holder is, and is from now on what is told of it.
    fn used(&self, id: PasskeyId, credential: &Value, now: Timestamp) -> RecordChange {
        let mut next = self.next();
        for passkey in next.passkeys.iter_mut().filter(|passkey| passkey.id == id) {
            (passkey.credential, passkey.used_at) = (credential.clone(), Some(now));
        }
        RecordChange::update(&next, self.version, Fact::PasskeyUsed { user: self.user, passkey: id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ManualClock, SeededRandom};
    use crate::{Actor, Ids};
    use std::sync::Arc;

    fn new(given: &[u8]) -> NewPasskey {
        let name = Name::parse("name", "My phone").expect("a name");
        NewPasskey { name, credential_id: CredentialId::of(given), credential: Value::Null }
    }

    #[test]
    fn sec_85_a_credential_is_a_key_of_its_own_whatever_its_length() {
        let long = vec![7; 1023];
        let keys: Vec<String> = [&b""[..], b"a", b"ab", &long].map(|given| CredentialId::of(given).record_key()).into();
        for (place, key) in keys.iter().enumerate() {
            assert_eq!(key.len(), "credential:".len() + 64, "short enough for any index");
            assert!(!keys[..place].contains(key));
        }
    }

    #[test]
    fn a_user_has_so_many_passkeys_and_each_once() {
        let ids = Ids::new(Arc::new(ManualClock::default()), Arc::new(SeededRandom::new(1)));
        let moment = Moment::new(&ids, Timestamp::from_micros(5), Actor::System);
        let mut list = Passkeys::none_of(ids.user());
        assert!(matches!(list.remove(ids.passkey()), Err(Error::NotFound(_))));
        for n in 0..20_u8 {
            let (passkey, _) = list.add(new(&[n]), &moment).expect("there is room");
            list.passkeys.push(passkey);
            assert!(matches!(list.add(new(&[n]), &moment), Err(Error::Refused { code: "passkey_known", .. })));
        }
        assert!(matches!(list.add(new(&[20]), &moment), Err(Error::Refused { code: "too_many_passkeys", .. })));
        let first = list.passkeys[0].id;
        assert!(list.rename(first, &new(&[]).name).is_ok_and(|change| change.is_none()), "the name it has");
        let other = Name::parse("name", "Key ring").expect("a name");
        assert!(list.rename(first, &other).is_ok_and(|change| change.is_some()));
        assert!(list.remove(first).is_ok());
        assert_eq!(list.keys().len(), 20);
    }
}
