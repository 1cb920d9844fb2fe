//! What a member is told of in the desk, and what they have chosen to be told of.

pub(super) mod list;
pub(super) mod read;
pub(super) mod settings;

use connect_core::notice::Notice;
use serde_json::{Value, json};

use super::shape::Time;

fn shape(notice: Notice) -> Value {
    let Notice { delivery, ticket, actor } = notice;
    let ticket = ticket.map(|ticket| json!({"id": ticket.id, "number": ticket.number, "subject": ticket.subject}));
    json!({
        "id": delivery.id, "topic": delivery.topic, "event": delivery.event, "ticket": ticket,
        "message_id": delivery.message, "actor": actor, "created_at": Time(delivery.created_at),
        "read_at": delivery.read_at.map(Time),
    })
}
