use axum::Json;
use axum::extract::State;
use connect_core::Name;
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::extract::{Command, Person};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    name: String,
}

/// `PATCH /me`: another name.
pub(crate) async fn handle(
    State(app): State<App>,
    caller: Person,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    let name = Name::parse("name", &command.value.name)?;
    let user = app.desk().users().because(caller.identity.cause.clone()).rename(caller.identity.user.id, name).await?;
    Ok(Json(super::shape(&user)))
}
