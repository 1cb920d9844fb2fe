//! Addresses that the workspace mails nothing to.

pub(super) mod add;
pub(super) mod list;
pub(super) mod remove;

use connect_core::suppression::Suppression;
use serde_json::{Value, json};

use super::shape::Time;

fn shape(one: &Suppression) -> Value {
    json!({
        "id": one.id, "email": one.email.as_str(), "reason": one.reason, "delivery_id": one.delivery, "detail": one.detail,
        "created_at": Time(one.created_at),
    })
}
