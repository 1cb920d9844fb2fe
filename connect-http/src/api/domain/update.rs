use axum::extract::State;
use axum::response::Response;
use connect_core::{Role, Version};
use http::StatusCode;
use serde::{Deserialize, Deserializer};

use crate::app::App;
use crate::extract::{Command, PersonScope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// Must be there: null says that nobody joins.
    #[serde(deserialize_with = "stated")]
    joins_as: Option<Role>,
    version: Option<u64>,
}

/// A value that may be null and may not be left out.
fn stated<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Role>, D::Error> {
    Option::deserialize(value)
}

/// `PATCH …/domains/{domain}`: what people of the domain join as. `If-Match`, or `version` in the body, names the
/// version seen.
pub(crate) async fn handle(
    State(app): State<App>,
    caller: PersonScope,
    command: Command<Body>,
) -> Result<Response, Problem> {
    let id = caller.scope.id("domain", "domain")?;
    let seen = command.seen.or(command.value.version.map(Version::new));
    let access = caller.changes_sign_in(&app)?.once(command.key);
    let domain = app.desk().domains(&access).let_join(id, command.value.joins_as, seen).await?;
    Ok(super::response(StatusCode::OK, domain))
}
