//! The person who calls.

#[cfg(feature = "oidc")]
pub(super) mod accounts;
pub(super) mod change_email;
#[cfg(feature = "passkeys")]
pub(super) mod passkeys;
pub(super) mod read;
pub(super) mod recovery_codes;
pub(super) mod second_factor;
pub(super) mod update;

use connect_core::user::User;
use serde_json::{Value, json};

/// A user as the API shows them to themselves.
pub(crate) fn shape(user: &User) -> Value {
    json!({
        "id": user.id, "email": user.email.as_str(), "name": user.name,
        "avatar_url": user.avatar_url, "locale": user.locale,
    })
}
