//! Signing in with an account at a provider: OpenID Connect, and plain OAuth 2 with GitHub.
//!
//! A browser is sent to the provider ([`Auth::start_oauth`](crate::Auth::start_oauth)) and comes back with a code
//! ([`Auth::finish_oauth`](crate::Auth::finish_oauth)). What must fit together between the two is kept on the
//! server, sealed, for ten minutes, and taken once. The provider's tokens are used for this one answer and kept
//! nowhere. Whatever does not hold ends in one and the same [`OAuthError::Refused`]; what it was is told to the
//! journal only.

mod accounts;
mod callback;
mod discovery;
mod domain;
mod exchange;
mod flow;
mod github;
mod id_token;
mod identity;
mod link;
mod provider;
mod start;

use std::sync::Arc;

use connect_core::event::Fact;
use connect_core::{Error, StoreError};

use crate::auth::{Auth, Client};
use crate::fetch::{Fetch, FetchError};
use crate::refusals::Refused;

pub use callback::{OAuthAnswer, OAuthOutcome};
pub use flow::BrowserSecret;
pub use provider::{BadProvider, Provider, ProviderKind};
pub use start::{StartOAuth, StartedOAuth};

/// The providers of a desk, and the way to them.
#[derive(Debug, Clone)]
pub(crate) struct Providers {
    pub(crate) all: Vec<Arc<Provider>>,
    pub(crate) fetch: Arc<dyn Fetch>,
}

impl Providers {
    pub(crate) fn new(all: Vec<Provider>, fetch: Arc<dyn Fetch>) -> Result<Self, BadProvider> {
        for (place, provider) in all.iter().enumerate() {
            provider.check()?;
            if all[..place].iter().any(|other| other.id == provider.id) {
                return Err(BadProvider { id: provider.id.clone(), rule: "has a name that another one has" });
            }
        }
        Ok(Self { all: all.into_iter().map(Arc::new).collect(), fetch })
    }
}

/// Why a sign-in with a provider came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    /// Something did not hold: which of all things is not told.
    #[error("signing in with this provider did not work")]
    Refused,
    /// The provider knows no address of the person that could be asked for a code.
    #[error("the provider tells no address of yours: sign in with a code, and link the account then")]
    NoAddress,
    /// Something else.
    #[error(transparent)]
    Other(#[from] Error),
}

/// The same within this module, with the word for the journal.
#[derive(Debug)]
enum Failure {
    Refused(&'static str),
    NoAddress,
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        tracing::warn!(%error, "a sign-in provider cannot be asked");
        Self::Refused("provider_unreachable")
    }
}

impl Auth {
    /// The providers people may sign in with.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.inner.providers.iter().flat_map(|providers| providers.all.iter().map(AsRef::as_ref))
    }

    fn provider(&self, id: &str) -> Result<(Arc<Provider>, &dyn Fetch), Error> {
        let providers = self.inner.providers.as_ref().ok_or(Error::NotFound("provider"))?;
        let found = providers.all.iter().find(|provider| provider.id == id).ok_or(Error::NotFound("provider"))?;
        Ok((found.clone(), providers.fetch.as_ref()))
    }

    /// Where a provider sends people back to: an address of its own, below the desk's public one.
    pub fn redirect_uri(&self, provider: &Provider) -> String {
        self.inner.desk.link(&format!("/api/v1/auth/oauth/{}/callback", provider.id))
    }

    /// What is told of a failure, after the journal has it.
    async fn refuse(&self, provider: &str, client: &Client, failure: Failure) -> OAuthError {
        let (reason, error) = match failure {
            Failure::Refused(reason) => (reason, OAuthError::Refused),
            Failure::NoAddress => ("no_address", OAuthError::NoAddress),
            Failure::Other(error) => return error.into(),
        };
        let fact = Fact::AuthProviderRefused { provider: provider.to_owned(), reason: reason.to_owned() };
        self.refused(client, Refused::default(), None, fact).await;
        error
    }
}
