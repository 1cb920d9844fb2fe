use axum::Json;
use axum::extract::State;
use connect_core::member::Offer;
use connect_core::{FieldError, Role, RoleId};
use serde::Deserialize;
use serde_json::Value;

use crate::api::shape::id;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    role: Option<Role>,
    role_id: Option<String>,
    narrowed: Option<bool>,
}

/// `PATCH …/members/{member}`: another role, a custom one, or whether they are held to the tickets of their teams.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    let member = scope.id("member", "member")?;
    let access = scope.access.clone().once(command.key);
    let members = app.desk().members(&access);
    let changed = match command.value {
        Body { role: Some(role), role_id: None, narrowed: None } => {
            scope.may_grant(&app, role)?;
            members.change_role(member, role).await?
        }
        Body { role: None, role_id: Some(text), narrowed: None } => {
            let role: RoleId = id("role_id", &text)?;
            scope.may_offer(&app, Offer::Custom(role)).await?;
            members.give_role(member, role).await?
        }
        Body { role: None, role_id: None, narrowed: Some(narrowed) } => members.narrow(member, narrowed).await?,
        Body { role: None, role_id: None, narrowed: None } => {
            return Err(FieldError::new("role", "required", "say what is to change: role, role_id or narrowed").into());
        }
        _ => return Err(FieldError::new("role", "ambiguous", "change one of role, role_id and narrowed").into()),
    };
    Ok(Json(super::shape(changed)))
}
