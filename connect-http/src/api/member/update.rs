use axum::Json;
use axum::extract::State;
use connect_core::Role;
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    role: Role,
}

/// `PATCH …/members/{member}`: another role.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    let member = scope.id("member", "member")?;
    scope.may_grant(&app, command.value.role)?;
    let access = scope.access.once(command.key);
    let changed = app.desk().members(&access).change_role(member, command.value.role).await?;
    Ok(Json(super::shape(changed)))
}
