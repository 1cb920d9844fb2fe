use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::api::shape::List;
use crate::app::App;
use crate::extract::Person;
use crate::problem::Problem;

/// `GET /workspaces`: those the caller is a member of.
pub(crate) async fn handle(State(app): State<App>, caller: Person) -> Result<Json<List<Value>>, Problem> {
    let found = app.desk().workspaces().of(&caller.identity.person()).await?;
    let data = found.iter().map(|(workspace, role)| super::shape(workspace, role.as_str())).collect();
    Ok(Json(List { data, next_cursor: None }))
}
