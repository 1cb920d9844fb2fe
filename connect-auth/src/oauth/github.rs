//! GitHub, which has no ID tokens: its API is asked who came.

use connect_core::user::Profile;
use serde::Deserialize;

use super::Failure;
use super::discovery::get;
use super::identity::{Address, Proven, address, profile};
use super::provider::Provider;
use crate::fetch::Fetch;

#[derive(Deserialize)]
struct Person {
    id: u64,
    login: String,
    name: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Deserialize)]
struct Mailbox {
    email: String,
    primary: bool,
    verified: bool,
}

/// Who the holder of this token is: the account's number, which stays when its names change, and its verified
/// primary address.
pub(super) async fn who(fetch: &dyn Fetch, provider: &Provider, api: &str, token: &str) -> Result<Proven, Failure> {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("accept", "application/vnd.github+json"),
        ("x-github-api-version", "2022-11-28"),
    ];
    let person: Person = get(fetch, &format!("{api}/user"), &headers).await?;
    let mailboxes: Vec<Mailbox> = get(fetch, &format!("{api}/user/emails"), &headers).await?;
    let primary = mailboxes.into_iter().find(|mailbox| mailbox.primary && mailbox.verified);
    let name = person.name.filter(|name| !name.trim().is_empty()).unwrap_or(person.login);
    let profile: Profile = profile(Some(&name), person.avatar_url.as_deref(), None);
    let email = primary.and_then(|mailbox| address(&mailbox.email));
    let email = email.map(|email| Address { email, verified: true });
    Ok(Proven { key: provider.account(person.id.to_string()), email, profile, strong_at: None })
}
