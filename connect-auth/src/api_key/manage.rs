//! Making and rotating keys: for people who have proven lately who they are.

use std::time::Duration;

use connect_core::api_key::{ApiKey, NewApiKey};
use connect_core::{Access, Action, ApiKeyId, Error, Result};

use super::ApiKeyToken;
use crate::auth::{Auth, Identity};

/// A key with its new secret.
#[derive(Debug, Clone)]
pub struct IssuedKey {
    /// The key.
    pub key: ApiKey,
    /// What its holder shows; it is not known afterwards. None when this repeats an earlier call, whose answer
    /// had it.
    pub token: Option<ApiKeyToken>,
}

impl IssuedKey {
    fn new(key: ApiKey, token: Option<ApiKeyToken>) -> Self {
        let token = token.filter(|token| token.trace() == key.secret);
        Self { key, token }
    }
}

impl Auth {
    /// Makes a key of this person's own, in the workspace of their access.
    pub async fn create_api_key(&self, identity: &Identity, access: &Access, new: NewApiKey) -> Result<IssuedKey> {
        self.may_issue(identity, access)?;
        let (desk, limits) = (&self.inner.desk, &self.inner.settings.api_keys);
        let mut token = None;
        let draw = |id: ApiKeyId| token.insert(ApiKeyToken::draw(id, desk.random())).trace();
        let key = desk.api_keys(access).create(new, limits, draw).await?;
        Ok(IssuedKey::new(key, token))
    }

    /// Gives a key of this person's own another secret.
    pub async fn rotate_api_key(
        &self,
        identity: &Identity,
        access: &Access,
        id: ApiKeyId,
        overlap: Option<Duration>,
    ) -> Result<IssuedKey> {
        self.may_issue(identity, access)?;
        let (desk, limits) = (&self.inner.desk, &self.inner.settings.api_keys);
        let token = ApiKeyToken::draw(id, desk.random());
        let key = desk.api_keys(access).rotate(id, overlap, limits, token.trace()).await?;
        Ok(IssuedKey::new(key, Some(token)))
    }

    /// Whether this person may be given a secret now, with this access, which must be their own.
    fn may_issue(&self, identity: &Identity, access: &Access) -> Result<()> {
        let own = access.user() == Some(identity.user.id);
        if !own || !self.inner.desk.may(access, Action::ManageApiKeys) {
            return Err(Error::Forbidden(Action::ManageApiKeys.as_str()));
        }
        self.require_recent(identity)
    }
}
