use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `DELETE …/invitations/{invitation}`: withdraws it.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<()>) -> Result<StatusCode, Problem> {
    let invitation = scope.id("invitation", "invitation")?;
    app.desk().members(&scope.access.once(command.key)).revoke_invitation(invitation).await?;
    Ok(StatusCode::NO_CONTENT)
}
