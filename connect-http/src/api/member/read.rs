use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/members/{member}`.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Json<Value>, Problem> {
    let found = app.desk().members(&scope.access).get(scope.id("member", "member")?).await?;
    Ok(Json(super::shape(found)))
}
