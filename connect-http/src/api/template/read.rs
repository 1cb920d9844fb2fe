use axum::extract::State;
use axum::response::Response;

use super::{place, response};
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/templates/{topic}/{language}`: what a reader of the language gets.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Response, Problem> {
    let (topic, language) = place(&app, &scope)?;
    Ok(response(&app.desk().templates(&scope.access).get(topic, &language).await?, &language))
}
