use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `DELETE …/invitations/{invitation}`: withdraws it.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, _: Command<()>) -> Result<StatusCode, Problem> {
    app.desk().members(&scope.access).revoke_invitation(scope.id("invitation", "invitation")?).await?;
    Ok(StatusCode::NO_CONTENT)
}
