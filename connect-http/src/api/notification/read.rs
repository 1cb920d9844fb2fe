use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `POST …/notifications/{notification}/read`. Repeated, it changes nothing.
pub(crate) async fn one(State(app): State<App>, scope: Scope, _: Command<()>) -> Result<Json<Value>, Problem> {
    let id = scope.id("notification", "notification")?;
    let read = app.desk().notifications(&scope.access).read(id).await?;
    Ok(Json(json!({ "read": u8::from(read) })))
}

/// `POST …/notifications/read`: all of them.
pub(crate) async fn all(State(app): State<App>, scope: Scope, _: Command<()>) -> Result<Json<Value>, Problem> {
    let read = app.desk().notifications(&scope.access).read_all().await?;
    Ok(Json(json!({ "read": read })))
}
