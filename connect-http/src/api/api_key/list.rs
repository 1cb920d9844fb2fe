use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::api::shape::{List, Paging};
use crate::app::App;
use crate::extract::{Params, PersonScope};
use crate::problem::Problem;

/// `GET …/api-keys`.
pub(crate) async fn handle(
    State(app): State<App>,
    PersonScope { scope, .. }: PersonScope,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Value>>, Problem> {
    let page = app.desk().api_keys(&scope.access).list(paging.cursor.as_deref(), paging.limit()?).await?;
    Ok(Json(List::of(page, super::shape)))
}
