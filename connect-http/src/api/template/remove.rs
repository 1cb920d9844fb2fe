use axum::extract::State;
use http::StatusCode;

use super::place;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `DELETE …/templates/{topic}/{language}`: the words of another language, or the desk's own, are used again.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<()>) -> Result<StatusCode, Problem> {
    let (topic, language) = place(&app, &scope)?;
    let access = scope.access.once(command.key);
    app.desk().templates(&access).remove(topic, &language).await?;
    Ok(StatusCode::NO_CONTENT)
}
