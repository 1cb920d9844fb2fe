use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/webhooks/{webhook}`.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Response, Problem> {
    let webhook = super::of(&app, &scope).get(scope.id("webhook", "webhook")?).await?;
    Ok(super::response(StatusCode::OK, &webhook, None))
}
