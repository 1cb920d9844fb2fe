//! Failures of a client, counted before anything is looked at and given back for what was right: so that neither
//! guesses nor the journal's rows about them are without end.

use connect_core::Result;
use tracing::warn;

use crate::auth::{Auth, Client};

/// What failures are counted under: the client, and on IPv6 the site it is in.
fn keys(client: &Client) -> (String, Option<String>) {
    (format!("fail-ip:{}", client.quota_key()), client.site_key().map(|site| format!("fail-site:{site}")))
}

impl Auth {
    /// Takes a failure from the share of a client and of its site, before it is known whether it is one.
    pub(crate) async fn count_failure(&self, client: &Client) -> Result<()> {
        let quotas = &self.inner.settings.quotas;
        let (ip, site) = keys(client);
        self.count(ip, quotas.failures_per_ip).await?;
        if let Some(site) = site {
            self.count(site, quotas.failures_per_site).await?;
        }
        Ok(())
    }

    /// Gives it back. What was right is done and its answer known nowhere else, so a fault only keeps one failure more.
    pub(crate) async fn forgive_failure(&self, client: &Client) {
        let (ip, site) = keys(client);
        for key in std::iter::once(ip).chain(site) {
            if let Err(error) = self.inner.limiter.give_back(key, self.inner.desk.now()).await {
                warn!(%error, "what was right stays counted as a failure");
            }
        }
    }
}
