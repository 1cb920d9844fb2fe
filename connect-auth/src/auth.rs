//! The service that knows who somebody is.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use connect_core::audit::Sealer;
use connect_core::dispatch::Subscriber;
use connect_core::event::{Cause, Origin};
use connect_core::store::{Quota, Session, Verdict};
use connect_core::user::{ProvenMailbox, User};
use connect_core::{AuthStore, Desk, Error, Random, RateLimiter, Result, Spent, Timestamp};

use crate::alarm::Alarm;
use crate::api_key::KnownKeys;
use crate::mail::AuthMail;
use crate::refusals::Refusals;
use crate::second_factor::Claimant;
use crate::{AuthSettings, BadSetting, KeyRing};

/// What is known of the client behind a request.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its address, as established by the server.
    pub ip: Option<IpAddr>,
    /// What it calls itself.
    pub agent: Option<String>,
    /// The id of the request.
    pub request_id: Option<Arc<str>>,
    /// What the desk gave the browser so that it is known again, if it has such a thing.
    pub device: Option<String>,
    /// How many bits of an IPv6 address tell clients apart.
    pub ipv6_prefix: u8,
}

impl Default for Client {
    fn default() -> Self {
        Self { ip: None, agent: None, request_id: None, device: None, ipv6_prefix: AuthSettings::IPV6_PREFIX }
    }
}

impl Client {
    /// The key its address is counted under: an IPv6 address counts with its /64 or what else is set, a mapped
    /// one as IPv4, and a missing one is one client like any other.
    pub fn quota_key(&self) -> String {
        match self.ip.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => ip.to_string(),
            Some(IpAddr::V6(ip)) => network(ip, self.ipv6_prefix),
            None => "unknown".to_owned(),
        }
    }

    /// The key of the site an IPv6 address belongs to: a /48, of which one customer of a provider may have all
    /// 65,536 networks.
    pub fn site_key(&self) -> Option<String> {
        match self.ip?.to_canonical() {
            IpAddr::V4(_) => None,
            IpAddr::V6(ip) => Some(network(ip, 48)),
        }
    }

    /// What events keep of it; `method` is by what the actor proved who they are.
    pub fn cause(&self, method: Option<&str>, random: &dyn Random) -> Cause {
        let is_known = self.ip.is_some() || self.agent.is_some();
        Cause {
            request_id: self.request_id.clone(),
            method: method.map(Arc::from),
            origin: is_known.then(|| Arc::new(Origin::new(self.ip, self.agent.as_deref(), random))),
        }
    }
}

/// The network an address is in, as text.
fn network(ip: Ipv6Addr, prefix: u8) -> String {
    let behind = u128::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
    format!("{}/{prefix}", Ipv6Addr::from_bits(ip.to_bits() & !behind))
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Who.
    pub user: Arc<User>,
    /// By which session.
    pub session: Arc<Session>,
    /// Because of which request: what they cause will carry it.
    pub cause: Cause,
}

impl Identity {
    /// The same person, in a request of this client.
    #[must_use]
    pub fn in_request(mut self, client: &Client, random: &dyn Random) -> Self {
        self.cause = client.cause(Some(&self.session.method), random);
        self
    }

    /// The proof that the desk asks for.
    pub fn person(&self) -> ProvenMailbox {
        let person = ProvenMailbox::attest(&self.user).because(self.cause.clone());
        if self.session.strong_at.is_some() { person.with_second_factor() } else { person }
    }
}

pub(crate) struct Known {
    pub(crate) claimant: Claimant,
    pub(crate) at: Timestamp,
    pub(crate) epoch: u64,
}

/// Puts the service together.
#[derive(Debug, Clone)]
pub struct AuthBuilder {
    store: Arc<dyn AuthStore>,
    limiter: Arc<dyn RateLimiter>,
    request_limiter: Arc<dyn RateLimiter>,
    pub(crate) keys: KeyRing,
    settings: Arc<AuthSettings>,
    #[cfg(feature = "oidc")]
    providers: Option<crate::oauth::Providers>,
}

impl AuthBuilder {
    /// Providers people may sign in with, and what asks them. Names must differ.
    #[cfg(feature = "oidc")]
    pub fn providers(
        mut self,
        providers: Vec<crate::oauth::Provider>,
        fetch: Arc<dyn crate::fetch::Fetch>,
    ) -> Result<Self, crate::oauth::BadProvider> {
        self.providers = Some(crate::oauth::Providers::new(providers, fetch)?);
        Ok(self)
    }

    /// Another limiter for requests than for sign-ins: one that is quicker, or that goes on when the other
    /// does not answer.
    #[must_use]
    pub fn request_limiter(mut self, limiter: Arc<dyn RateLimiter>) -> Self {
        self.request_limiter = limiter;
        self
    }

    /// The subscriber that mails codes and invitations; give it to the desk's builder.
    pub fn mail(&self) -> Arc<dyn Subscriber> {
        let (store, limiter) = (self.store.clone(), self.limiter.clone());
        Arc::new(AuthMail { store, limiter, keys: self.keys.clone(), settings: self.settings.clone() })
    }

    /// What seals the journal with the server's secret; give it to the desk's builder.
    pub fn sealer(&self) -> Arc<dyn Sealer> {
        Arc::new(self.keys.clone())
    }

    /// The service, for this desk.
    pub fn build(self, desk: Desk) -> Auth {
        #[cfg(feature = "oidc")]
        let providers = self.providers;
        #[cfg(feature = "passkeys")]
        let relying_party = crate::passkey::RelyingParty::of(&desk);
        let Self { store, limiter, request_limiter, keys, settings, .. } = self;
        Auth {
            inner: Arc::new(Inner {
                desk,
                store,
                limiter,
                request_limiter,
                keys,
                settings,
                #[cfg(feature = "oidc")]
                providers,
                #[cfg(feature = "passkeys")]
                relying_party,
                known: RwLock::default(),
                known_keys: KnownKeys::default(),
                generation: AtomicU64::default(),
                alarm: Alarm::default(),
                refusals: Refusals::default(),
            }),
        }
    }
}

/// Signs people in and knows them again. Cheap to clone; clones are one service.
#[derive(Debug, Clone)]
pub struct Auth {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) desk: Desk,
    pub(crate) store: Arc<dyn AuthStore>,
    pub(crate) limiter: Arc<dyn RateLimiter>,
    pub(crate) request_limiter: Arc<dyn RateLimiter>,
    pub(crate) keys: KeyRing,
    pub(crate) settings: Arc<AuthSettings>,
    #[cfg(feature = "oidc")]
    pub(crate) providers: Option<crate::oauth::Providers>,
    /// Whom passkeys are made for; none where the desk's address lets browsers make none.
    #[cfg(feature = "passkeys")]
    pub(crate) relying_party: Option<crate::passkey::RelyingParty>,
    /// Sessions that were looked up within the last second, by the hash of their token.
    pub(crate) known: RwLock<HashMap<[u8; 32], Known>>,
    pub(crate) known_keys: KnownKeys,
    /// Rises with every revocation by this process.
    pub(crate) generation: AtomicU64,
    /// Whether far too many codes are wrong.
    pub(crate) alarm: Alarm,
    pub(crate) refusals: Refusals,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Auth {
    /// Starts to build the service. Settings outside their limits are refused.
    pub fn builder(
        store: Arc<dyn AuthStore>,
        limiter: Arc<dyn RateLimiter>,
        keys: KeyRing,
        settings: AuthSettings,
    ) -> Result<AuthBuilder, BadSetting> {
        settings.check()?;
        Ok(Self::unchecked(store, limiter, keys, settings))
    }

    /// The same, whatever the settings are.
    pub(crate) fn unchecked(
        store: Arc<dyn AuthStore>,
        limiter: Arc<dyn RateLimiter>,
        keys: KeyRing,
        settings: AuthSettings,
    ) -> AuthBuilder {
        let request_limiter = limiter.clone();
        AuthBuilder {
            store,
            limiter,
            request_limiter,
            keys,
            settings: Arc::new(settings),
            #[cfg(feature = "oidc")]
            providers: None,
        }
    }

    /// The desk people sign in to.
    pub fn desk(&self) -> &Desk {
        &self.inner.desk
    }

    /// The settings in force.
    pub fn settings(&self) -> &AuthSettings {
        &self.inner.settings
    }

    /// Counts a request of this caller; refused when there are too many. The key names the session of
    /// somebody who is signed in, or an API key, else the client's address.
    pub async fn count_request(&self, caller: String) -> Result<Verdict> {
        let limiter = &self.inner.request_limiter;
        let quota = self.inner.settings.quotas.requests;
        let key = format!("request:{caller}");
        let verdict = limiter.take(key.clone(), quota, self.inner.desk.now()).await?;
        if verdict.allowed { Ok(verdict) } else { Err(refused(&key, quota, verdict)) }
    }

    /// Counts one more; refused when there are too many. Where the limiter does not answer nothing counts
    /// as allowed.
    ///
    /// The refusal tells the quota, so the key must be the caller's own: their address, their session. What is
    /// counted under somebody else's address is taken with [`Self::take`] and mutes.
    pub(crate) async fn count(&self, key: String, quota: Quota) -> Result<Verdict> {
        let verdict = self.take(key.clone(), quota).await?;
        if verdict.allowed { Ok(verdict) } else { Err(refused(&key, quota, verdict)) }
    }

    pub(crate) async fn take(&self, key: String, quota: Quota) -> Result<Verdict> {
        Ok(self.inner.limiter.take(key, quota, self.inner.desk.now()).await?)
    }

    /// Removes codes, sessions, budgets and flows that have ended; for a timer of the host's.
    pub async fn sweep(&self) -> Result<u64> {
        self.tell_suppressed().await;
        Ok(self.inner.store.sweep(self.inner.desk.now()).await?)
    }
}

/// A refusal that names the quota as its key does, up to the first colon.
fn refused(key: &str, quota: Quota, verdict: Verdict) -> Error {
    let policy = key.split(':').next().unwrap_or_default().to_owned();
    Error::RateLimited { retry_after: verdict.reset, spent: Spent { policy, quota } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(ip: &str) -> Client {
        Client { ip: Some(ip.parse().expect("an address")), ..Client::default() }
    }

    #[test]
    fn sec_69_ipv6_counts_by_its_network_and_mapped_addresses_as_ipv4() {
        for (ip, key, site) in [
            ("192.0.2.7", "192.0.2.7", None),
            ("::ffff:192.0.2.7", "192.0.2.7", None),
            ("::ffff:c000:207", "192.0.2.7", None),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64", Some("2001:db8:1::/48")),
            ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64", Some("2001:db8:1::/48")),
            ("2001:0db8:0001:0003:0::1", "2001:db8:1:3::/64", Some("2001:db8:1::/48")),
            ("2001:db8:2::1", "2001:db8:2::/64", Some("2001:db8:2::/48")),
            ("::1", "::/64", Some("::/48")),
        ] {
            assert_eq!((client(ip).quota_key().as_str(), client(ip).site_key().as_deref()), (key, site), "{ip}");
        }
        let wide = Client { ipv6_prefix: 56, ..client("2001:db8:1:2ff::1") };
        assert_eq!(wide.quota_key(), "2001:db8:1:200::/56");
        assert_eq!(Client::default().quota_key(), "unknown", "a missing address is one client, not none");
        for prefix in [0, 128, 255] {
            // Settings do not allow these; none of them may panic.
            Client { ipv6_prefix: prefix, ..client("2001:db8::1") }.quota_key();
        }
    }
}
