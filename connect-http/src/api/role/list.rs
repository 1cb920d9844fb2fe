use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::api::shape::{List, Paging};
use crate::app::App;
use crate::extract::{Params, Scope};
use crate::problem::Problem;

/// `GET …/roles`.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Value>>, Problem> {
    let page = app.desk().roles(&scope.access).list(paging.cursor.as_deref(), paging.limit()?).await?;
    Ok(Json(List::of(page, super::shape)))
}
