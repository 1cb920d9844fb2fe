use axum::Json;
use serde_json::Value;

use crate::extract::Scope;

/// `GET /workspaces/{workspace}`.
pub(crate) async fn handle(scope: Scope) -> Json<Value> {
    Json(super::shape(scope.access.workspace(), super::role(&scope.access)))
}
