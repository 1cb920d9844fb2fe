use axum::Json;
use axum::extract::State;
use connect_core::event::Fact;
use serde_json::{Value, json};

use crate::api::attachment::shape::Place;
use crate::api::message::shape::{People, shape};
use crate::api::shape::{List, Paging, Time};
use crate::app::App;
use crate::extract::{Params, Scope};
use crate::problem::Problem;

/// What changed, field by field.
pub(crate) fn changes(fact: &Fact) -> Option<Value> {
    let change = |field: &str, from: Value, to: Value| Some(json!([{"field": field, "from": from, "to": to}]));
    match fact {
        Fact::TicketAssigned { from, to } => change("assignee_id", json!(from), json!(to)),
        Fact::TicketMoved { from, to } => change("team_id", json!(from), json!(to)),
        Fact::TicketStatusChanged { from, to, .. } => change("status", json!(from), json!(to)),
        Fact::TicketPriorityChanged { from, to } => change("priority", json!(from), json!(to)),
        Fact::TicketSubjectChanged {} => Some(json!([{"field": "subject"}])),
        Fact::TicketLabelled { label } => change("labels", Value::Null, json!(label)),
        Fact::TicketUnlabelled { label } => change("labels", json!(label), Value::Null),
        _ => None,
    }
}

/// `GET …/tickets/{ticket}/timeline`: what happened, oldest first.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Value>>, Problem> {
    let tickets = app.desk().tickets(&scope.access);
    let page = tickets.timeline(scope.ticket()?, paging.cursor.as_deref(), paging.limit()?).await?;
    let mut actors = Vec::with_capacity(page.rows.len());
    for entry in &page.rows {
        actors.push(entry.event.actor);
        actors.extend(entry.message.as_ref().map(|message| message.author));
    }
    let people = People::look_up(&app, &scope.access, actors.into_iter()).await?;
    let place = Place::new(app.desk(), &scope.access);
    Ok(Json(List::of(page, |entry| {
        let mut line = json!({
            "position": entry.event.seq, "type": entry.event.fact.name(), "actor": people.shape(entry.event.actor),
            "at": Time(entry.event.at),
        });
        if let Some(changes) = changes(&entry.event.fact) {
            line["changes"] = changes;
        }
        if let Some(key) = entry.event.key.filter(|_| scope.access.contact().is_none()) {
            line["key_id"] = json!(key);
        }
        if let Some(message) = &entry.message {
            line["message"] = shape(message, &people, &place, None);
        }
        line
    })))
}
