use axum::Json;
use axum::extract::State;
use connect_core::FieldError;
use connect_core::delivery::{Delivery, DeliveryState};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::shape::{List, Time};
use crate::app::App;
use crate::extract::{Params, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
pub(crate) struct Query {
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<u64>,
}

fn shape(delivery: Delivery) -> Value {
    json!({
        "id": delivery.id, "event": delivery.event, "ticket_id": delivery.ticket, "state": delivery.state,
        "attempts": delivery.attempts, "detail": delivery.detail, "created_at": Time(delivery.created_at),
        "due_at": (delivery.state == DeliveryState::Queued).then_some(Time(delivery.due_at)),
        "settled_at": delivery.settled_at.map(Time),
    })
}

/// `GET …/webhooks/{webhook}/deliveries?state=&cursor=&limit=`: what it was told, newest first.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    Params(query): Params<Query>,
) -> Result<Json<List<Value>>, Problem> {
    let id = scope.id("webhook", "webhook")?;
    let unknown = || FieldError::new("state", "unknown", "must be queued, sent, failed or dropped");
    let state = query.state.map(|word| DeliveryState::parse(&word).ok_or_else(unknown)).transpose()?;
    let limit = query.limit.map_or(Ok(connect_core::Limit::default()), connect_core::Limit::new)?;
    let page = super::of(&app, &scope).deliveries(id, state, query.cursor.as_deref(), limit).await?;
    Ok(Json(List::of(page, shape)))
}
