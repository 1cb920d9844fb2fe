use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `DELETE …/members/{member}`: removes a member, or the caller leaves.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<()>) -> Result<StatusCode, Problem> {
    let member = scope.id("member", "member")?;
    app.desk().members(&scope.access.once(command.key)).remove(member).await?;
    Ok(StatusCode::NO_CONTENT)
}
