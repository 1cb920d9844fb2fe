use axum::Json;
use axum::extract::State;
use connect_core::{DeliveryId, FieldError, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::shape;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    delivery_ids: Option<Vec<String>>,
    since: Option<String>,
}

/// `POST …/webhooks/{webhook}/replay`: has what was given up or dropped sent after all: these deliveries, or all since a
/// time. Repeated, it finds nothing left to do, so it needs no idempotency key.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    let id = scope.id("webhook", "webhook")?;
    let Body { delivery_ids, since } = command.value;
    let read = |texts: Vec<String>| {
        texts.iter().map(|text| shape::id::<DeliveryId>("delivery_ids", text)).collect::<Result<Vec<_>, _>>()
    };
    let ids = delivery_ids.map(read).transpose()?;
    if ids.as_ref().is_some_and(|ids| ids.len() > 200) {
        return Err(FieldError::new("delivery_ids", "too_many", "must be at most 200").into());
    }
    let bad = || FieldError::new("since", "invalid", "must be a time such as 2026-01-01T00:00:00Z");
    let since = since.map(|text| Timestamp::parse(&text).ok_or_else(bad)).transpose()?;
    let replayed = super::of(&app, &scope).replay(id, ids, since).await?;
    Ok(Json(json!({ "replayed": replayed })))
}
