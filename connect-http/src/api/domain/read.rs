use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::app::App;
use crate::extract::PersonScope;
use crate::problem::Problem;

/// `GET …/domains/{domain}`.
pub(crate) async fn handle(State(app): State<App>, caller: PersonScope) -> Result<Response, Problem> {
    let scope = caller.scope;
    let domain = app.desk().domains(&scope.access).get(scope.id("domain", "domain")?).await?;
    Ok(super::response(StatusCode::OK, domain))
}
