use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::app::App;
use crate::extract::PersonScope;
use crate::problem::Problem;

/// `GET …/api-keys/{key}`.
pub(crate) async fn handle(
    State(app): State<App>,
    PersonScope { scope, .. }: PersonScope,
) -> Result<Json<Value>, Problem> {
    let key = app.desk().api_keys(&scope.access).get(scope.id("key", "api key")?).await?;
    Ok(Json(super::shape(key)))
}
