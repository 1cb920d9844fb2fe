use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `DELETE …/tickets/{ticket}/outbox/{held}`: it is never sent.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<()>) -> Result<StatusCode, Problem> {
    let (ticket, id) = (scope.ticket()?, scope.id("held", "waiting answer")?);
    let access = scope.access.once(command.key);
    app.desk().tickets(&access).withdraw(ticket, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
