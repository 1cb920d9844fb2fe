//! API keys. Who holds one cannot get here with it: all of it is for people.

pub(super) mod create;
pub(super) mod list;
pub(super) mod read;
pub(super) mod revoke;
pub(super) mod rotate;

use connect_auth::{ApiKeyToken, IssuedKey};
use connect_core::api_key::ApiKey;
use serde_json::{Value, json};

use super::shape::Time;

/// Without anything that could stand in for its secret.
fn shape(key: ApiKey) -> Value {
    json!({
        "id": key.id, "name": key.name, "owner_id": key.owner, "scopes": key.scopes,
        "prefix": ApiKeyToken::prefix(key.id), "last_four": key.secret.last_four,
        "networks": key.networks, "created_at": Time(key.created_at), "rotated_at": Time(key.rotated_at),
        "expires_at": key.expires_at.map(Time), "last_used_at": key.last_used_at.map(Time),
        "overlap_ends_at": key.replaced.map(|replaced| Time(replaced.ends_at)),
    })
}

/// The one answer that has the key itself; a repeat of the same call gets `null` in its place.
fn issued(issued: IssuedKey) -> Value {
    let mut shape = shape(issued.key);
    shape["token"] = json!(issued.token.map(|token| token.text()));
    shape
}
