use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `DELETE …/webhooks/{webhook}`: what was not sent yet is dropped.
pub(crate) async fn handle(
    State(app): State<App>,
    mut scope: Scope,
    command: Command<()>,
) -> Result<StatusCode, Problem> {
    let id = scope.id("webhook", "webhook")?;
    scope.access = scope.access.once(command.key);
    super::of(&app, &scope).remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
