//! The caller's accounts at sign-in providers.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::shape::{List, Time};
use crate::app::App;
use crate::extract::{Command, Person};
use crate::problem::Problem;

/// `GET /me/accounts`: the accounts that sign the caller in.
pub(crate) async fn list(State(app): State<App>, caller: Person) -> Result<Json<List<Value>>, Problem> {
    let accounts = app.auth().accounts(&caller.identity).await?;
    let shape = accounts.iter().map(|one| json!({"provider": one.key.provider, "linked_at": Time(one.linked_at)}));
    Ok(Json(List { data: shape.collect(), next_cursor: None }))
}

/// `DELETE /me/accounts/{provider}`: that account signs the caller in no more.
pub(crate) async fn unlink(
    State(app): State<App>,
    caller: Person,
    Path(provider): Path<String>,
    _: Command<()>,
) -> Result<StatusCode, Problem> {
    app.auth().unlink_account(&caller.identity, &provider).await?;
    Ok(StatusCode::NO_CONTENT)
}
