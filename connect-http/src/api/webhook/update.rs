use axum::extract::State;
use axum::response::Response;
use connect_core::Version;
use connect_core::webhook::{WebhookPatch, WebhookUrl};
use http::StatusCode;
use serde::Deserialize;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    url: Option<String>,
    description: Option<String>,
    types: Option<Vec<String>>,
    enabled: Option<bool>,
    version: Option<u64>,
}

/// `PATCH …/webhooks/{webhook}`. `If-Match`, or `version` in the body, names the version seen.
pub(crate) async fn handle(
    State(app): State<App>,
    mut scope: Scope,
    command: Command<Body>,
) -> Result<Response, Problem> {
    let Body { url, description, types, enabled, version } = command.value;
    let patch = WebhookPatch {
        url: url.map(|url| WebhookUrl::parse("url", &url)).transpose()?,
        description: description.map(|text| text.trim().to_owned()),
        types,
        enabled,
        seen: command.seen.or(version.map(Version::new)),
    };
    let id = scope.id("webhook", "webhook")?;
    scope.access = scope.access.once(command.key);
    let webhook = super::of(&app, &scope).update(id, patch).await?;
    Ok(super::response(StatusCode::OK, &webhook, None))
}
