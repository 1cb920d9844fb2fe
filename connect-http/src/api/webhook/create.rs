use axum::extract::State;
use axum::response::Response;
use connect_core::webhook::{NewWebhook, WebhookUrl};
use http::StatusCode;
use serde::Deserialize;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    url: String,
    #[serde(default)]
    description: String,
    types: Vec<String>,
}

/// `POST …/webhooks`: makes one, and answers with its secret, this once.
pub(crate) async fn handle(
    State(app): State<App>,
    mut scope: Scope,
    command: Command<Body>,
) -> Result<Response, Problem> {
    let Body { url, description, types } = command.value;
    let new = NewWebhook { url: WebhookUrl::parse("url", &url)?, description: description.trim().to_owned(), types };
    scope.access = scope.access.once(command.key);
    let (webhook, secret) = super::of(&app, &scope).create(new).await?;
    Ok(super::response(StatusCode::CREATED, &webhook, Some(&secret)))
}
