use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/teams/{team}`.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Response, Problem> {
    let team = app.desk().teams(&scope.access).get(scope.id("team", "team")?).await?;
    Ok(super::response(StatusCode::OK, team))
}
