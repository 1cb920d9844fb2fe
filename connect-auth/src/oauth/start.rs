//! Sending a browser to a provider.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connect_core::{Random, SessionId, UserId};
use serde::{Deserialize, Serialize};

use super::discovery::{self, Endpoints};
use super::flow::{self, BrowserSecret};
use super::{Failure, OAuthError, exchange};
use crate::auth::{Auth, Client, Identity};

/// The kind of a flow that waits for its browser to come back.
pub(super) const FLOW: &str = "oauth";

/// A browser wants to be sent to a provider.
#[derive(Debug, Clone)]
pub struct StartOAuth {
    /// The provider's name in the settings.
    pub provider: String,
    /// Where to go afterwards: a path of the desk, checked by whoever asks.
    pub to: String,
    /// The workspace whose customers' page it is asked from, by id or slug.
    pub workspace: Option<String>,
    /// Somebody who is signed in and wants the account linked. Without it, signing in is wanted.
    pub link: Option<Identity>,
    /// Who asks.
    pub client: Client,
}

/// A browser is to be sent on.
#[derive(Debug, Clone)]
pub struct StartedOAuth {
    /// Where to.
    pub url: String,
    /// What the browser keeps until it comes back.
    pub browser: BrowserSecret,
    /// For how long.
    pub lifetime: Duration,
}

/// What must fit together when the browser comes back.
#[derive(Serialize, Deserialize)]
pub(super) struct Transaction {
    pub(super) provider: String,
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) endpoints: Endpoints,
    pub(super) to: String,
    pub(super) workspace: Option<String>,
    /// By whom and from which session an account is to be linked.
    pub(super) link: Option<(UserId, SessionId)>,
}

fn draw(random: &dyn Random) -> String {
    URL_SAFE_NO_PAD.encode(random.bytes::<32>())
}

impl Auth {
    /// Begins a sign-in with a provider, or the linking of an account to somebody who has recently proved who
    /// they are. State, nonce and the secret for the code are drawn for it alone.
    pub async fn start_oauth(&self, start: StartOAuth) -> Result<StartedOAuth, OAuthError> {
        let (provider, client) = (start.provider.clone(), start.client.clone());
        self.provider(&provider)?;
        self.count(format!("oauth-ip:{}", client.quota_key()), self.inner.settings.quotas.oauth_starts).await?;
        if let Some(site) = client.site_key() {
            self.count(format!("oauth-site:{site}"), self.inner.settings.quotas.oauth_starts_per_site).await?;
        }
        match self.started(start).await {
            Ok(started) => Ok(started),
            Err(failure) => Err(self.refuse(&provider, &client, failure).await),
        }
    }

    async fn started(&self, start: StartOAuth) -> Result<StartedOAuth, Failure> {
        let StartOAuth { provider, to, workspace, link, client: _ } = start;
        let (provider, fetch) = self.provider(&provider)?;
        if let Some(identity) = &link {
            self.require_recent_strong(identity).await?;
        }
        let random = self.inner.desk.random();
        let transaction = Transaction {
            provider: provider.id.clone(),
            state: draw(random),
            nonce: draw(random),
            verifier: draw(random),
            endpoints: discovery::endpoints(fetch, &provider).await?,
            to,
            workspace,
            link: link.map(|identity| (identity.user.id, identity.session.id)),
        };
        let url = exchange::authorize_url(&provider, &self.redirect_uri(&provider), &transaction)?;
        let browser = BrowserSecret::draw(random);
        self.keep_flow(FLOW, &browser, &transaction.state, &transaction).await?;
        Ok(StartedOAuth { url, browser, lifetime: flow::LIFETIME })
    }
}
