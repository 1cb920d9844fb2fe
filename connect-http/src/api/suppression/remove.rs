use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `DELETE …/suppressions/{suppression}`: the address is mailed to again.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<()>) -> Result<StatusCode, Problem> {
    let id = scope.id("suppression", "suppression")?;
    let access = scope.access.once(command.key);
    app.desk().suppressions(&access).remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
