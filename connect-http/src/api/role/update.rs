use axum::extract::State;
use axum::response::Response;
use connect_core::role::{Permissions, RolePatch};
use connect_core::{Name, Version};
use http::StatusCode;
use serde::Deserialize;

use crate::api::shape::Fields;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    name: Option<String>,
    permissions: Option<Vec<String>>,
    version: Option<u64>,
}

/// `PATCH …/roles/{role}`: for all who have it. `If-Match`, or `version` in the body, names the version seen.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<Body>) -> Result<Response, Problem> {
    let Body { name, permissions, version } = command.value;
    let mut fields = Fields::default();
    let patch = RolePatch {
        name: name.and_then(|name| fields.read(Name::parse("name", &name))),
        permissions: permissions.and_then(|words| fields.read_all(Permissions::parse("permissions", &words))),
        seen: command.seen.or(version.map(Version::new)),
    };
    fields.finish()?;
    let id = scope.id("role", "role")?;
    let access = scope.access.clone().once(command.key);
    let roles = app.desk().roles(&access);
    if patch.permissions.is_some() {
        scope.may_grant(&app, roles.get(id).await?.base)?;
    }
    Ok(super::response(StatusCode::OK, roles.update(id, patch).await?))
}
