//! The token itself: how it is made, and how it is read.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connect_core::{EmailAddress, HostCustomer, Name, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a token begins with. It is a part of what is signed, and the only word about how: a token has no say in
/// that.
const PREFIX: &str = "cw1";
/// How long a token may last.
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// How much the host's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(30);
/// Longest token that is looked at.
const MOST: usize = 4096;

/// A key that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a widget key must have an id of 1 to 32 of a-z, 0-9, _ and -, and a secret of at least 32 bytes")]
pub struct BadWidgetKey;

/// A secret that a host shares with its desk, and the id by which tokens name it. Whoever has it can be any customer
/// of the desk.
#[derive(Clone, PartialEq, Eq)]
pub struct WidgetKey {
    id: String,
    key: [u8; 64],
}

impl std::fmt::Debug for WidgetKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WidgetKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a token says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    /// The workspace it is for, by id or slug.
    workspace: String,
    /// The host's own id of the customer.
    external_id: String,
    /// When it was made and when it ends, in seconds since 1970.
    issued_at: u64,
    expires_at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verified_email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_micros() / 1_000_000).unwrap_or(0)
}

fn at(seconds: u64) -> Option<Timestamp> {
    i64::try_from(seconds).ok()?.checked_mul(1_000_000).map(Timestamp::from_micros)
}

impl WidgetKey {
    /// A key of this id and secret.
    pub fn new(id: &str, secret: impl AsRef<[u8]>) -> Result<Self, BadWidgetKey> {
        let secret = secret.as_ref();
        let is_id = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        if !(1..=32).contains(&id.len()) || !id.bytes().all(is_id) || secret.len() < 32 {
            return Err(BadWidgetKey);
        }
        // The key as HMAC makes it (RFC 2104), so that setting it up cannot fail.
        let mut key = [0_u8; 64];
        match key.get_mut(..secret.len()) {
            Some(start) => start.copy_from_slice(secret),
            None => key[..32].copy_from_slice(&Sha256::digest(secret)),
        }
        Ok(Self { id: id.to_owned(), key })
    }

    /// The id by which tokens name it.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(signed.as_bytes());
        mac
    }

    /// Makes a token for a customer who is signed in at the host now. It ends after this while, or after ten minutes.
    pub fn mint(&self, customer: &HostCustomer, now: Timestamp, lifetime: Duration) -> String {
        let issued_at = seconds(now);
        let claims = Claims {
            workspace: customer.workspace.clone(),
            external_id: customer.external_id.clone(),
            issued_at,
            expires_at: issued_at.saturating_add(lifetime.min(LONGEST).as_secs()),
            verified_email: customer.verified_email.as_ref().map(|email| email.as_str().to_owned()),
            name: customer.name.as_ref().map(|name| name.as_str().to_owned()),
        };
        self.sign(&serde_json::to_vec(&claims).unwrap_or_default())
    }

    fn sign(&self, claims: &[u8]) -> String {
        let signed = format!("{PREFIX}.{}.{}", self.id, URL_SAFE_NO_PAD.encode(claims));
        let mac = self.mac(&signed).finalize().into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// Whom a token of this key names that holds now, and when it ends: for hosts that look at their own.
    pub fn read(&self, text: &str, now: Timestamp) -> Option<(HostCustomer, Timestamp)> {
        open(std::slice::from_ref(self), text, now)
    }

    /// Whether a text means to be such a token.
    pub fn is_token(text: &str) -> bool {
        text.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// Whom a token names that one of the keys has signed and that holds now, and when it ends. Nothing that it says is
/// read before its MAC was found right, in constant time.
pub(super) fn open(keys: &[WidgetKey], text: &str, now: Timestamp) -> Option<(HostCustomer, Timestamp)> {
    let (signed, mac) = text.rsplit_once('.').filter(|_| text.len() <= MOST)?;
    let mut parts = signed.split('.');
    let (Some(PREFIX), Some(id), Some(claims), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let key = keys.iter().find(|key| key.id == id)?;
    key.mac(signed).verify_slice(&URL_SAFE_NO_PAD.decode(mac).ok()?).ok()?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let (issued, ends) = (at(claims.issued_at)?, at(claims.expires_at)?);
    if issued > now.plus(AHEAD) || ends <= issued.max(now) || ends.since(issued) > LONGEST {
        return None;
    }
    let is_id = (1..=200).contains(&claims.external_id.len()) && !claims.external_id.chars().any(char::is_control);
    let customer = HostCustomer {
        workspace: claims.workspace,
        external_id: Some(claims.external_id).filter(|_| is_id)?,
        verified_email: claims.verified_email.map(|text| EmailAddress::parse("email", &text)).transpose().ok()?,
        name: claims.name.map(|text| Name::parse("name", &text)).transpose().ok()?,
    };
    Some((customer, ends))
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
