use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `DELETE …/teams/{team}`: refused while a ticket that is not closed stands in it.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<()>) -> Result<StatusCode, Problem> {
    let team = scope.id("team", "team")?;
    app.desk().teams(&scope.access.once(command.key)).remove(team).await?;
    Ok(StatusCode::NO_CONTENT)
}
