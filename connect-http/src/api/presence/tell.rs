use axum::extract::State;
use connect_core::presence::Doing;
use http::StatusCode;
use serde::Deserialize;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    state: Doing,
}

/// `PUT …/tickets/{ticket}/presence`: the caller looks at the ticket, or answers it. It holds for 30 s.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<StatusCode, Problem> {
    app.desk().tickets(&scope.access).be_present(scope.ticket()?, Some(command.value.state)).await?;
    Ok(StatusCode::NO_CONTENT)
}
