//! Small aggregates that are stored whole: contacts, members, labels, workspaces, users, invitations.
//!
//! An adapter keeps a [`Record`] as text with a version and its unique keys, and knows nothing of its
//! fields; so a new kind of record touches no adapter and no migration.

mod edit;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{StoreError, Version};

/// A kind of record: a noun with an id, a version and unique keys.
pub trait RecordKind: Serialize + DeserializeOwned {
    /// The name of the kind.
    const KIND: &'static str;

    /// The id, unique in the workspace over all kinds.
    fn id(&self) -> String;

    /// How often it was written.
    fn version(&self) -> Version;

    /// What no other record of the kind may have.
    fn keys(&self) -> Vec<RecordKey>;
}

/// How far a key is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Among the records of its kind in its workspace.
    Workspace,
    /// Among the records of its kind everywhere.
    Everywhere,
}

/// A value that at most one record of a kind may hold, and by which it is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordKey {
    /// How far it is unique.
    pub scope: KeyScope,
    /// The value, such as `email:ada@example.org`.
    pub key: String,
}

impl RecordKey {
    /// A key that is unique in the workspace.
    pub fn in_workspace(key: impl Into<String>) -> Self {
        Self { scope: KeyScope::Workspace, key: key.into() }
    }

    /// A key that is unique everywhere.
    pub fn everywhere(key: impl Into<String>) -> Self {
        Self { scope: KeyScope::Everywhere, key: key.into() }
    }
}

/// A record as adapters see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// How often it was written.
    pub version: Version,
    /// All of it, as JSON.
    pub doc: String,
}

impl Record {
    /// A noun as its record.
    pub fn of<T: RecordKind>(noun: &T) -> Self {
        Self {
            kind: T::KIND.to_owned(),
            id: noun.id(),
            version: noun.version(),
            doc: serde_json::to_string(noun).unwrap_or_default(),
        }
    }

    /// A record as its noun.
    pub fn read<T: RecordKind>(&self) -> Result<T, StoreError> {
        if self.kind != T::KIND {
            return Err(StoreError::Corrupt(format!("{} is a {}, not a {}", self.id, self.kind, T::KIND)));
        }
        serde_json::from_str(&self.doc)
            .map_err(|error| StoreError::Corrupt(format!("{} {}: {error}", self.kind, self.id)))
    }
}
