//! Labels.

pub(super) mod create;
pub(super) mod list;

use connect_core::label::Label;
use serde_json::{Value, json};

use super::shape::Time;

fn shape(label: Label) -> Value {
    json!({
        "id": label.id, "name": label.name, "color": label.color, "version": label.version,
        "created_at": Time(label.created_at),
    })
}
