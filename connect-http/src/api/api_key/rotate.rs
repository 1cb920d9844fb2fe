use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::extract::{Command, PersonScope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    overlap_seconds: Option<u64>,
}

/// `POST …/api-keys/{key}/rotate`: another secret; the old one counts for the overlap. The answer is the only
/// one that has the key itself.
pub(crate) async fn handle(
    State(app): State<App>,
    PersonScope { scope, person }: PersonScope,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    let id = scope.id("key", "api key")?;
    let overlap = command.value.overlap_seconds.map(Duration::from_secs);
    let access = scope.access.once(command.key);
    let issued = app.auth().rotate_api_key(&person.identity, &access, id, overlap).await?;
    Ok(Json(super::issued(issued)))
}
