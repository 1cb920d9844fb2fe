use axum::extract::State;
use axum::response::Response;
use connect_core::LabelName;
use http::StatusCode;

use super::shape::response;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

async fn set(app: &App, scope: Scope, command: Command<()>, on: bool) -> Result<Response, Problem> {
    let label = LabelName::parse("label", scope.segment("label").unwrap_or_default())?;
    let (ticket, seen) = (scope.ticket()?, command.seen);
    let view = app.desk().tickets(&scope.access.once(command.key)).set_label(ticket, label, on, seen).await?;
    Ok(response(StatusCode::OK, &view))
}

/// `PUT …/tickets/{ticket}/labels/{label}`: puts a label on; it is made by its first use.
pub(crate) async fn put_on(State(app): State<App>, scope: Scope, command: Command<()>) -> Result<Response, Problem> {
    set(&app, scope, command, true).await
}

/// `DELETE …/tickets/{ticket}/labels/{label}`: takes it off.
pub(crate) async fn take_off(State(app): State<App>, scope: Scope, command: Command<()>) -> Result<Response, Problem> {
    set(&app, scope, command, false).await
}
