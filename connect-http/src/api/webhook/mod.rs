//! Webhooks: other systems that are told of what happens.

pub(super) mod create;
pub(super) mod deliveries;
pub(super) mod list;
pub(super) mod read;
pub(super) mod remove;
pub(super) mod replay;
pub(super) mod rotate;
pub(super) mod update;

use axum::Json;
use axum::response::{IntoResponse, Response};
use connect_core::Desk;
use connect_core::webhook::{Secret, Webhook, Webhooks};
use http::StatusCode;
use http::header::ETAG;
use serde_json::{Value, json};

use super::shape::Time;
use crate::app::App;
use crate::extract::Scope;

/// The webhooks that a request is about.
fn of<'a>(app: &'a App, scope: &'a Scope) -> Webhooks<'a> {
    let desk: &Desk = app.desk();
    desk.webhooks(&scope.access, app.auth().webhook_keys())
}

/// Without the secret, which is told when it is made.
fn shape(webhook: &Webhook) -> Value {
    json!({
        "id": webhook.id, "url": webhook.url, "description": webhook.description, "types": webhook.types,
        "enabled": webhook.enabled, "switched_off": webhook.switched_off, "created_by": webhook.created_by,
        "version": webhook.version, "created_at": Time(webhook.created_at),
    })
}

/// One webhook as a response, with its version as the ETag, and its secret where that is new.
fn response(status: StatusCode, webhook: &Webhook, secret: Option<&Secret>) -> Response {
    let etag = format!("\"{}\"", webhook.version);
    let mut body = shape(webhook);
    if let Some(secret) = secret {
        body["secret"] = json!(secret.text());
    }
    (status, [(ETAG, etag)], Json(body)).into_response()
}
