use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, PersonScope};
use crate::problem::Problem;

/// `DELETE …/domains/{domain}`: nobody joins by it any more; who has joined stays.
pub(crate) async fn handle(
    State(app): State<App>,
    caller: PersonScope,
    command: Command<()>,
) -> Result<StatusCode, Problem> {
    let id = caller.scope.id("domain", "domain")?;
    let access = caller.changes_sign_in(&app)?.once(command.key);
    app.desk().domains(&access).remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
