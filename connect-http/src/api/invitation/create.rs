use axum::Json;
use axum::extract::State;
use connect_core::{EmailAddress, Role};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    email: String,
    role: Role,
}

/// `POST …/invitations`: invites somebody by mail.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let email = EmailAddress::parse("email", &command.value.email)?;
    scope.may_grant(&app, command.value.role)?;
    let access = scope.access.once(command.key);
    let invitation = app.auth().invite(&access, email, command.value.role).await?;
    Ok((StatusCode::CREATED, Json(super::shape(invitation))))
}
