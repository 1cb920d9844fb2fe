use axum::Json;
use axum::extract::State;
use connect_core::EmailAddress;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::shape;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    email: String,
}

/// `POST …/suppressions`: nothing is mailed to the address from now on.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let email = EmailAddress::parse("email", &command.value.email)?;
    let access = scope.access.once(command.key);
    let added = app.desk().suppressions(&access).add(email).await?;
    Ok((StatusCode::CREATED, Json(shape(&added))))
}
