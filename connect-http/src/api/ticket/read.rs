use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::shape::response;
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/tickets/{ticket}`: by id or by number.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Response, Problem> {
    let view = app.desk().tickets(&scope.access).get(scope.ticket()?).await?;
    Ok(response(StatusCode::OK, &view))
}
