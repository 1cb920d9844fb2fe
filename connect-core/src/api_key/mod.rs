//! API keys: by which programs act in one workspace on behalf of a member.
//!
//! What a key may do is what it was given *and* what its owner may do at that moment. It ends with the
//! owner's membership, at its own end, or when it is revoked. Of its secret only a hash is stored.

mod decide;
#[cfg(test)]
mod decide_tests;
mod grant;
mod network;
mod scopes;
mod service;
mod unproven;

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::record::{RecordKey, RecordKind};
use crate::user::User;
use crate::{ApiKeyId, Name, Timestamp, UserId, Version};

pub use decide::{KeyLimits, KeyOwner, NewApiKey};
pub(crate) use grant::Grant;
pub use network::Network;
pub use scopes::Scopes;
pub use service::ApiKeys;

/// How much of use must pass before it is written down. Every time is an event of the journal, so it is rare.
pub const USE_IS_TOLD_AFTER: Duration = Duration::from_secs(3600);

/// A key by which a program acts for its owner, in one workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id, the public part of what its holder shows.
    pub id: ApiKeyId,
    /// What it is called.
    pub name: Name,
    /// On whose behalf it acts.
    pub owner: UserId,
    /// What it may do, as far as its owner may.
    pub scopes: Scopes,
    /// What is kept of its secret.
    pub secret: SecretTrace,
    /// The secret it had before, while that still counts.
    #[serde(default)]
    pub replaced: Option<Replaced>,
    /// The only networks it may be used from; none named means from anywhere.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it got its present secret.
    pub rotated_at: Timestamp,
    /// When it ends; none if it does not by itself.
    pub expires_at: Option<Timestamp>,
    /// Whether it was made, or given its present secret, while nobody had seen the holder of its owner's mailbox.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
    /// When it was last used, to about an hour.
    #[serde(default)]
    pub last_used_at: Option<Timestamp>,
    /// How often it was written.
    pub version: Version,
}

/// What is kept of a secret: enough to know it again, too little to use it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretTrace {
    /// SHA-256 of the secret, in hexadecimal.
    pub hash: String,
    /// The last four characters of what the holder shows, by which people tell keys apart.
    pub last_four: String,
}

impl std::fmt::Debug for SecretTrace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretTrace(…{})", self.last_four)
    }
}

/// A secret that was replaced and counts for a while longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// What is kept of it.
    pub secret: SecretTrace,
    /// Until when it counts.
    pub ends_at: Timestamp,
}

impl RecordKind for ApiKey {
    const KIND: &'static str = "api_key";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        // Everywhere, as whoever shows a key names no workspace that could be relied on.
        vec![RecordKey::everywhere(Self::id_key(self.id))]
    }
}

impl ApiKey {
    /// The key a key is found by, over all workspaces.
    pub(crate) fn id_key(id: ApiKeyId) -> String {
        format!("id:{id}")
    }

    /// Whether it was made before the holder of its owner's mailbox came, who has come since: it is as good as
    /// revoked, however it came to be.
    pub fn is_planted(&self, owner: &User) -> bool {
        self.unproven && owner.proven
    }

    /// Whether it has not ended by itself.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it may be used from this address. One that is not known is in no network.
    pub fn lets_in(&self, ip: Option<IpAddr>) -> bool {
        self.networks.is_empty() || ip.is_some_and(|ip| self.networks.iter().any(|network| network.contains(ip)))
    }

    /// What is kept of the secrets that count now: the present one, and for a while the one before.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &SecretTrace> {
        let replaced = self.replaced.as_ref().filter(|replaced| now < replaced.ends_at);
        std::iter::once(&self.secret).chain(replaced.map(|replaced| &replaced.secret))
    }
}
