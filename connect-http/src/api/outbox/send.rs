use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::Value;

use crate::api::message::create::answered;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `POST …/tickets/{ticket}/outbox/{held}/send`: at once; answers the message that it has become.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<()>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (ticket, id) = (scope.ticket()?, scope.id("held", "waiting answer")?);
    let access = scope.access.once(command.key);
    let answer = app.desk().tickets(&access).send_now(ticket, id).await?;
    Ok((StatusCode::CREATED, Json(answered(&app, &access, answer).await?)))
}
