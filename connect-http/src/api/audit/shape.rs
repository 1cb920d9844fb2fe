//! An event as the audit log shows it.

use connect_core::event::{Event, visible};
use serde_json::{Value, json};

use crate::api::message::shape::People;
use crate::api::shape::Time;

/// What became of it, in a word.
pub(crate) fn result(event: &Event) -> &'static str {
    if event.fact.is_refusal() { "refused" } else { "done" }
}

pub(crate) fn shape(event: &Event, people: &People) -> Value {
    let origin = event.origin.as_ref();
    // Written out when they were taken; rows that came by an import may hold anything.
    let shown = |text: Option<&String>| text.map(|text| visible(text));
    json!({
        "position": event.seq,
        "id": event.id,
        "at": Time(event.at),
        "type": event.fact.name(),
        "result": result(event),
        "actor": people.shape(event.actor),
        "target": event.target(),
        "ticket_id": event.ticket,
        "details": event.fact.details(),
        "method": event.method,
        "address": shown(origin.and_then(|origin| origin.address.as_ref())),
        "agent": shown(origin.and_then(|origin| origin.agent.as_ref())),
        "request_id": shown(event.request_id.as_ref()),
    })
}
