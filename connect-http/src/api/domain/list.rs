use axum::Json;
use axum::extract::State;
use connect_core::Page;
use serde_json::Value;

use crate::api::shape::List;
use crate::app::App;
use crate::extract::PersonScope;
use crate::problem::Problem;

/// `GET …/domains`: all of them; a workspace has few.
pub(crate) async fn handle(State(app): State<App>, caller: PersonScope) -> Result<Json<List<Value>>, Problem> {
    let rows = app.desk().domains(&caller.scope.access).list().await?;
    Ok(Json(List::of(Page { rows, next: None }, super::shape)))
}
