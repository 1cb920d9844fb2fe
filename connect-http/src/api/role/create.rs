use axum::extract::State;
use axum::response::Response;
use connect_core::role::{NewRole, Permissions};
use connect_core::{Name, Role};
use http::StatusCode;
use serde::Deserialize;

use crate::api::shape::Fields;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    name: String,
    base: Role,
    permissions: Vec<String>,
}

/// `POST …/roles`.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<Body>) -> Result<Response, Problem> {
    let Body { name, base, permissions } = command.value;
    let mut fields = Fields::default();
    let name = fields.read(Name::parse("name", &name));
    let permissions = fields.read_all(Permissions::parse("permissions", &permissions));
    fields.finish()?;
    let (Some(name), Some(permissions)) = (name, permissions) else { return Err(Problem::invalid(Vec::new())) };
    scope.may_grant(&app, base)?;
    let new = NewRole { name, base, permissions };
    let role = app.desk().roles(&scope.access.once(command.key)).create(new).await?;
    Ok(super::response(StatusCode::CREATED, role))
}
