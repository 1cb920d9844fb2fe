use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::shape::shapes;
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/tickets/{ticket}/messages/{message}`.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Json<Value>, Problem> {
    let id = scope.id("message", "message")?;
    let message = app.desk().tickets(&scope.access).message(scope.ticket()?, id).await?;
    Ok(Json(shapes(&app, &scope.access, &[message]).await?.pop().unwrap_or_default()))
}
