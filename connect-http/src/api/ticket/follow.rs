use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `GET …/tickets/{ticket}/follow`: whether the caller is told of what is said on it.
pub(crate) async fn read(State(app): State<App>, scope: Scope) -> Result<Json<Value>, Problem> {
    let follows = app.desk().tickets(&scope.access).follows(scope.ticket()?).await?;
    Ok(Json(json!({ "following": follows })))
}

/// `PUT …/tickets/{ticket}/follow`.
pub(crate) async fn begin(app: State<App>, scope: Scope, command: Command<()>) -> Result<Json<Value>, Problem> {
    set(app, scope, command, true).await
}

/// `DELETE …/tickets/{ticket}/follow`: not told any more, even of a ticket that the caller has written on.
pub(crate) async fn end(app: State<App>, scope: Scope, command: Command<()>) -> Result<Json<Value>, Problem> {
    set(app, scope, command, false).await
}

async fn set(
    State(app): State<App>,
    scope: Scope,
    command: Command<()>,
    follows: bool,
) -> Result<Json<Value>, Problem> {
    let ticket = scope.ticket()?;
    let access = scope.access.once(command.key);
    app.desk().tickets(&access).follow(ticket, follows).await?;
    Ok(Json(json!({ "following": follows })))
}
