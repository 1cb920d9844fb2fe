use axum::extract::State;
use axum::response::Response;
use connect_core::domain::parse_domain;
use http::StatusCode;
use serde::Deserialize;

use crate::app::App;
use crate::extract::{Command, PersonScope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    domain: String,
}

/// `POST …/domains`: names a domain, and answers with the word that proves it.
pub(crate) async fn handle(
    State(app): State<App>,
    caller: PersonScope,
    command: Command<Body>,
) -> Result<Response, Problem> {
    let name = parse_domain("domain", &command.value.domain)?;
    let access = caller.changes_sign_in(&app)?.once(command.key);
    let domain = app.desk().domains(&access).create(name).await?;
    Ok(super::response(StatusCode::CREATED, domain))
}
