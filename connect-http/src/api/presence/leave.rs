use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `DELETE …/tickets/{ticket}/presence`: the caller has gone.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, _: Command<()>) -> Result<StatusCode, Problem> {
    app.desk().tickets(&scope.access).be_present(scope.ticket()?, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
