use axum::Json;
use axum::extract::State;
use connect_core::{FieldError, Role};
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    role: Option<Role>,
    narrowed: Option<bool>,
}

/// `PATCH …/members/{member}`: another role, or whether they are held to the tickets of their teams.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    let member = scope.id("member", "member")?;
    let Body { role, narrowed } = command.value;
    if let Some(role) = role {
        scope.may_grant(&app, role)?;
    }
    let access = scope.access.once(command.key);
    let members = app.desk().members(&access);
    let changed = match (role, narrowed) {
        (Some(role), None) => members.change_role(member, role).await?,
        (None, Some(narrowed)) => members.narrow(member, narrowed).await?,
        _ => return Err(FieldError::new("role", "ambiguous", "must come with no other field, or not at all").into()),
    };
    Ok(Json(super::shape(changed)))
}
