use axum::extract::State;
use axum::response::Response;
use connect_core::Version;
use connect_core::template::Draft;
use serde::Deserialize;

use super::{place, response};
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    subject: String,
    text: String,
    mjml: Option<String>,
    version: Option<u64>,
}

/// `PUT …/templates/{topic}/{language}`. `If-Match`, or `version` in the body, names the version seen.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<Body>) -> Result<Response, Problem> {
    let (topic, language) = place(&app, &scope)?;
    let Body { subject, text, mjml, version } = command.value;
    let access = scope.access.once(command.key);
    let seen = command.seen.or(version.map(Version::new));
    let draft = Draft { subject, text, mjml };
    Ok(response(&app.desk().templates(&access).write(topic, &language, draft, seen).await?, &language))
}
