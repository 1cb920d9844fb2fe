//! The devices of the caller that are sent messages.

pub(super) mod add;
pub(super) mod key;
pub(super) mod list;
pub(super) mod remove;

use connect_core::push::PushDevice;
use serde_json::{Value, json};

use super::shape::Time;

/// Without what it is reached by: whoever has that can send to it.
fn shape(device: &PushDevice) -> Value {
    json!({
        "id": device.id, "name": device.name, "service": device.reach.channel(), "created_at": Time(device.created_at),
    })
}
