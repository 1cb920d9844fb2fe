use axum::extract::State;
use axum::response::Response;
use connect_core::Name;
use http::StatusCode;
use serde::Deserialize;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    name: String,
}

/// `POST …/teams`.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<Body>) -> Result<Response, Problem> {
    let name = Name::parse("name", &command.value.name)?;
    let team = app.desk().teams(&scope.access.once(command.key)).create(name).await?;
    Ok(super::response(StatusCode::CREATED, team))
}
