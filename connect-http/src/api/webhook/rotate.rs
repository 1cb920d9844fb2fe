use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `POST …/webhooks/{webhook}/rotate-secret`: another secret, told this once. For a day calls are signed with both.
pub(crate) async fn handle(
    State(app): State<App>,
    mut scope: Scope,
    command: Command<()>,
) -> Result<Response, Problem> {
    let id = scope.id("webhook", "webhook")?;
    scope.access = scope.access.once(command.key);
    let (webhook, secret) = super::of(&app, &scope).rotate(id).await?;
    Ok(super::response(StatusCode::OK, &webhook, Some(&secret)))
}
