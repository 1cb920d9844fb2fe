use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::shapes;
use crate::api::shape::List;
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/tickets/{ticket}/outbox`: oldest first, all at once.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Json<List<Value>>, Problem> {
    let held = app.desk().tickets(&scope.access).held(scope.ticket()?).await?;
    Ok(Json(List { data: shapes(&app, &scope.access, &held).await?, next_cursor: None }))
}
