use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `DELETE …/push-devices/{device}`.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<()>) -> Result<StatusCode, Problem> {
    let id = scope.id("device", "push device")?;
    let access = scope.access.once(command.key);
    app.desk().push_devices(&access).remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
