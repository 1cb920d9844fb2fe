use axum::Json;
use axum::extract::State;
use connect_core::Page;
use serde_json::Value;

use crate::api::shape::List;
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/webhooks`: all of them; a workspace has few.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Json<List<Value>>, Problem> {
    let rows = super::of(&app, &scope).list().await?;
    Ok(Json(List::of(Page { rows, next: None }, |webhook| super::shape(&webhook))))
}
