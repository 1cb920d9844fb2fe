use axum::Json;
use axum::extract::State;
use connect_core::Page;
use serde_json::Value;

use super::shape;
use crate::api::shape::List;
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/push-devices`: oldest first.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Json<List<Value>>, Problem> {
    let rows = app.desk().push_devices(&scope.access).list().await?;
    Ok(Json(List::of(Page { rows, next: None }, |device| shape(&device))))
}
