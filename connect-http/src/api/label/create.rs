use axum::Json;
use axum::extract::State;
use connect_core::LabelName;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    name: String,
    color: Option<String>,
}

/// `POST …/labels`.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let name = LabelName::parse("name", &command.value.name)?;
    let access = scope.access.once(command.key);
    let label = app.desk().labels(&access).create(name, command.value.color).await?;
    Ok((StatusCode::CREATED, Json(super::shape(label))))
}
