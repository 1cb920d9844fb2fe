use axum::extract::State;
use axum::response::Response;
use connect_core::{Name, Version};
use http::StatusCode;
use serde::Deserialize;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    name: Option<String>,
    version: Option<u64>,
}

/// `PATCH …/teams/{team}`: another name. `If-Match`, or `version` in the body, names the version seen.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<Body>) -> Result<Response, Problem> {
    let name = command.value.name.map(|name| Name::parse("name", &name)).transpose()?;
    let seen = command.seen.or(command.value.version.map(Version::new));
    let id = scope.id("team", "team")?;
    let team = app.desk().teams(&scope.access.once(command.key)).rename(id, name, seen).await?;
    Ok(super::response(StatusCode::OK, team))
}
