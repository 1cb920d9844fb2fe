use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `DELETE …/roles/{role}`: refused while a member has it.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<()>) -> Result<StatusCode, Problem> {
    let role = scope.id("role", "role")?;
    app.desk().roles(&scope.access.once(command.key)).remove(role).await?;
    Ok(StatusCode::NO_CONTENT)
}
