use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/roles/{role}`.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Response, Problem> {
    let role = app.desk().roles(&scope.access).get(scope.id("role", "role")?).await?;
    Ok(super::response(StatusCode::OK, role))
}
