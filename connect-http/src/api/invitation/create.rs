use axum::Json;
use axum::extract::State;
use connect_core::member::Offer;
use connect_core::{EmailAddress, FieldError, Role};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::api::shape::id;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    email: String,
    role: Option<Role>,
    role_id: Option<String>,
}

/// `POST …/invitations`: invites somebody by mail, to a built-in role or to a custom one.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let email = EmailAddress::parse("email", &command.value.email)?;
    let offer = match (command.value.role, &command.value.role_id) {
        (Some(role), None) => Offer::Role(role),
        (None, Some(text)) => Offer::Custom(id("role_id", text)?),
        (None, None) => return Err(FieldError::new("role", "required", "say as what: role or role_id").into()),
        (Some(_), Some(_)) => return Err(FieldError::new("role", "ambiguous", "either role or role_id").into()),
    };
    scope.may_offer(&app, offer).await?;
    let access = scope.access.once(command.key);
    let invitation = app.auth().invite(&access, email, offer).await?;
    Ok((StatusCode::CREATED, Json(super::shape(invitation))))
}
