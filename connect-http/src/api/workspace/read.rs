use axum::Json;
use axum::extract::State;
use connect_core::{Action, Error};
use serde_json::Value;

use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET /workspaces/{workspace}`.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Json<Value>, Problem> {
    // Whoever is let in may read it, but for a key that was not given this.
    if !app.desk().may(&scope.access, Action::ReadWorkspace) {
        return Err(Error::Forbidden(Action::ReadWorkspace.as_str()).into());
    }
    Ok(Json(super::shape(scope.access.workspace(), super::role(&scope.access))))
}
