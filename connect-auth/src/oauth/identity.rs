//! Who came back from a provider.

use connect_core::user::{AccountKey, Locale, PictureUrl, Profile};
use connect_core::{EmailAddress, Name, Timestamp};
use openidconnect::core::CoreJsonWebKeySet;
use serde::{Deserialize, Serialize};

use super::exchange::Tokens;
use super::id_token::{Claims, subject, verified};
use super::provider::{GOOGLES_OWN, Provider, ProviderKind};
use super::start::Transaction;
use super::{Failure, discovery, github};
use crate::fetch::Fetch;

/// An account whose holder this browser is, as the provider has proved.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Proven {
    pub(super) key: AccountKey,
    pub(super) email: Option<Address>,
    pub(super) profile: Profile,
    /// When a second factor was shown at the provider, if it says that one was.
    #[serde(default)]
    pub(super) strong_at: Option<Timestamp>,
}

/// An address as the provider tells it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) email: EmailAddress,
    /// Whether the provider says that the person has proved to hold it.
    pub(super) verified: bool,
}

impl Provider {
    pub(super) fn account(&self, subject: String) -> AccountKey {
        AccountKey { provider: self.id.clone(), issuer: self.issuer(), subject }
    }
}

/// What the tokens prove.
pub(super) async fn proven(
    fetch: &dyn Fetch,
    provider: &Provider,
    transaction: &Transaction,
    tokens: Tokens,
    now: Timestamp,
) -> Result<Proven, Failure> {
    if let ProviderKind::GitHub { api, .. } = &provider.kind {
        return github::who(fetch, provider, api, &tokens.access).await;
    }
    let keys = transaction.endpoints.keys.as_deref().ok_or(Failure::Refused("discovery_endpoint"))?;
    let token = tokens.id.ok_or(Failure::Refused("id_token"))?;
    // Asked for every time: a key that the provider has withdrawn is worth nothing at once.
    let keys: CoreJsonWebKeySet = discovery::get(fetch, keys, &[]).await?;
    let claims = verified(provider, keys, &token, &transaction.nonce, now)?;
    let key = provider.account(subject(provider, &claims)?);
    let strong_at = strong_at(provider, &claims, now);
    Ok(Proven { key, email: told_address(provider, &claims), profile: told_profile(&claims), strong_at })
}

/// When a second factor was shown, if the provider says so in the configured words. Where it does not say when, it was
/// now: that is what the answer is about.
fn strong_at(provider: &Provider, claims: &Claims, now: Timestamp) -> Option<Timestamp> {
    let acr = claims.auth_context_ref().map(|acr| acr.as_str());
    let amr = claims.auth_method_refs().into_iter().flatten().map(|amr| amr.as_str());
    let at = claims.auth_time().map(|at| Timestamp::from_micros(at.timestamp_micros()));
    provider.is_strong(acr, amr).then(|| at.unwrap_or(now).min(now))
}

fn told_address(provider: &Provider, claims: &Claims) -> Option<Address> {
    let email = address(claims.email()?.as_str())?;
    let verified = claims.email_verified() == Some(true) && speaks_for(&provider.kind, &email, claims);
    Some(Address { email, verified })
}

/// Whether what a provider says of this address tells who holds it now.
fn speaks_for(kind: &ProviderKind, email: &EmailAddress, claims: &Claims) -> bool {
    match kind {
        // Whoever administers an Entra tenant may write any address into that claim.
        ProviderKind::Microsoft { .. } => false,
        // An account at Google may have an address of any domain, verified once by a mail to it. Only `hd` says that
        // it belongs to the Workspace that has the domain.
        ProviderKind::Google => {
            let (domain, workspace) = (email.domain(), claims.additional_claims().hd.as_deref());
            GOOGLES_OWN.contains(&domain.as_str()) || workspace.is_some_and(|hd| hd.eq_ignore_ascii_case(&domain))
        }
        ProviderKind::GitHub { .. } | ProviderKind::Oidc { .. } => true,
    }
}

fn told_profile(claims: &Claims) -> Profile {
    let name = claims.name().and_then(|name| name.get(None)).map(|name| name.as_str());
    let picture = claims.picture().and_then(|picture| picture.get(None)).map(|picture| picture.as_str());
    profile(name, picture, claims.locale().map(|locale| locale.as_str()))
}

/// An address, if it is a plain one.
pub(super) fn address(text: &str) -> Option<EmailAddress> {
    EmailAddress::parse("email", text).ok()
}

/// A profile of whatever of it can be used.
pub(super) fn profile(name: Option<&str>, picture: Option<&str>, locale: Option<&str>) -> Profile {
    Profile {
        name: name.and_then(|name| Name::parse("name", &name.chars().take(100).collect::<String>()).ok()),
        avatar_url: picture.and_then(|url| PictureUrl::parse("avatar_url", url).ok()),
        locale: locale.and_then(|locale| Locale::parse("locale", locale).ok()),
    }
}
