//! API keys: programs that act for a member, in one workspace.

mod manage;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use connect_core::api_key::{ApiKey, USE_IS_TOLD_AFTER};
use connect_core::user::{ProvenMailbox, User};
use connect_core::{Access, ApiKeyId, Error, Result, Timestamp, WorkspaceId};
use subtle::{Choice, ConstantTimeEq};

use crate::auth::{Auth, Client};

pub use manage::IssuedKey;
pub use token::ApiKeyToken;

/// How long a key is taken as known without asking the store. What this process changes is seen at once; this
/// is the delay for changes by another one.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// Most keys known at once.
const CAPACITY: usize = 10_000;
/// The method by which a program proves who it is, as the journal names it.
pub const KEY_METHOD: &str = "api_key";

/// Keys that were looked up within the last second.
pub(crate) type KnownKeys = RwLock<HashMap<ApiKeyId, KnownKey>>;

#[derive(Clone)]
pub(crate) struct KnownKey {
    workspace: WorkspaceId,
    key: Arc<ApiKey>,
    owner: Arc<User>,
    at: Timestamp,
    epoch: u64,
}

/// A program that has shown a good key.
#[derive(Debug, Clone)]
pub struct KeyIdentity {
    /// The key.
    pub key: Arc<ApiKey>,
    /// On whose behalf it acts.
    pub owner: Arc<User>,
    /// What it may do: in the key's workspace, as far as the key covers it and the owner may.
    pub access: Access,
    hash: Arc<str>,
}

/// What of a request decides whether a key is good.
struct Shown<'a> {
    hash: &'a str,
    client: &'a Client,
    now: Timestamp,
}

impl Shown<'_> {
    /// Whether this is a secret of the key that counts now, shown in time and from where it may be used.
    fn fits(&self, key: &ApiKey) -> bool {
        // Hashes are compared in constant time, and all of them.
        let no = Choice::from(0);
        let secrets = key.secrets(self.now);
        let is_secret = secrets.fold(no, |found, known| found | known.hash.as_bytes().ct_eq(self.hash.as_bytes()));
        bool::from(is_secret) && key.is_live(self.now) && key.lets_in(self.client.ip)
    }
}

impl Auth {
    /// Who shows this key; none if it is not good: unknown, altered, ended, revoked, not for this network, or of
    /// an owner who has left or is disabled. Which of them is not told.
    ///
    /// A known key costs no read of the store for a second; one that is not costs one, and its owner and their
    /// membership what they cost a session.
    pub async fn authenticate_key(&self, token: &ApiKeyToken, client: &Client) -> Result<Option<KeyIdentity>> {
        let hash = token.hash();
        let shown = Shown { hash: &hash, client, now: self.inner.desk.now() };
        if let Some(known) = self.known_key(token.id(), shown.now) {
            return if shown.fits(&known.key) { self.admitted(known, &shown).await } else { Ok(None) };
        }
        let Some(known) = self.look_up_key(token.id(), &shown).await? else { return Ok(None) };
        let Some(identity) = self.admitted(known.clone(), &shown).await? else { return Ok(None) };
        self.remember_key(known);
        if let Err(error) = self.inner.desk.note_api_key_use(&identity.access, &identity.key, USE_IS_TOLD_AFTER).await {
            // A desk that cannot write can still be read.
            tracing::warn!(%error, "the use of a key was not noted");
        }
        Ok(Some(identity))
    }

    /// The same program as it may act now, if its key is still good: for requests that last.
    pub async fn renew_key(&self, identity: &KeyIdentity, client: &Client) -> Result<Option<KeyIdentity>> {
        let shown = Shown { hash: &identity.hash, client, now: self.inner.desk.now() };
        match self.look_up_key(identity.key.id, &shown).await? {
            Some(known) => self.admitted(known, &shown).await,
            None => Ok(None),
        }
    }

    fn known_key(&self, id: ApiKeyId, now: Timestamp) -> Option<KnownKey> {
        let epoch = self.inner.desk.admission_epoch();
        let known = self.inner.known_keys.read().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |known: &&KnownKey| known.epoch == epoch && now >= known.at && now.since(known.at) < KNOWN_FOR;
        known.get(&id).filter(is_fresh).cloned()
    }

    /// Reads a key. Only for one that fits is its owner read, too: guesses cost one read and nothing more.
    async fn look_up_key(&self, id: ApiKeyId, shown: &Shown<'_>) -> Result<Option<KnownKey>> {
        let desk = &self.inner.desk;
        // Before the key is read: what is read before a change counts no more after it.
        let epoch = desk.admission_epoch();
        let Some((workspace, key)) = desk.find_api_key(id).await? else { return Ok(None) };
        if !shown.fits(&key) {
            return Ok(None);
        }
        let is_good = |owner: &User| !owner.disabled && !key.is_planted(owner);
        let Some(owner) = desk.user(key.owner).await?.filter(is_good) else { return Ok(None) };
        Ok(Some(KnownKey { workspace, key: Arc::new(key), owner: Arc::new(owner), at: shown.now, epoch }))
    }

    fn remember_key(&self, key: KnownKey) {
        let mut known = self.inner.known_keys.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CAPACITY {
            known.clear();
        }
        known.insert(key.key.id, key);
    }

    async fn admitted(&self, known: KnownKey, shown: &Shown<'_>) -> Result<Option<KeyIdentity>> {
        let KnownKey { workspace, key, owner, .. } = known;
        match self.inner.desk.admit_key(&ProvenMailbox::attest(&owner), workspace, &key).await {
            Ok(access) => {
                let access = access.because(shown.client.cause(Some(KEY_METHOD), self.inner.desk.random()));
                Ok(Some(KeyIdentity { key, owner, access, hash: shown.hash.into() }))
            }
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl KeyIdentity {
    /// Whether this names the workspace of the key, by its id or its slug.
    pub fn is_of(&self, workspace: &str) -> bool {
        let own = self.access.workspace();
        workspace == own.slug.as_str() || workspace.parse::<WorkspaceId>() == Ok(own.id)
    }
}
