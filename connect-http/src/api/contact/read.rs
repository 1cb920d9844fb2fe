use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/contacts/{contact}`.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Json<Value>, Problem> {
    let contact = app.desk().contacts(&scope.access).get(scope.id("contact", "contact")?).await?;
    Ok(Json(super::shape(contact)))
}
