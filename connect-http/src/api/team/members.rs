use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::Value;

use crate::api::member;
use crate::api::shape::{List, Paging};
use crate::app::App;
use crate::extract::{Command, Params, Scope};
use crate::problem::Problem;

/// `GET …/teams/{team}/members`.
pub(crate) async fn list(
    State(app): State<App>,
    scope: Scope,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Value>>, Problem> {
    let team = scope.id("team", "team")?;
    let page = app.desk().teams(&scope.access).members(team, paging.cursor.as_deref(), paging.limit()?).await?;
    Ok(Json(List::of(page, member::shape)))
}

/// `PUT …/teams/{team}/members/{member}`: takes a member into the team.
pub(crate) async fn add(State(app): State<App>, scope: Scope, command: Command<()>) -> Result<StatusCode, Problem> {
    let (team, member) = (scope.id("team", "team")?, scope.id("member", "member")?);
    app.desk().teams(&scope.access.once(command.key)).add_member(team, member).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE …/teams/{team}/members/{member}`: takes a member out of it. Tickets that they work on stay theirs.
pub(crate) async fn remove(State(app): State<App>, scope: Scope, command: Command<()>) -> Result<StatusCode, Problem> {
    let (team, member) = (scope.id("team", "team")?, scope.id("member", "member")?);
    app.desk().teams(&scope.access.once(command.key)).remove_member(team, member).await?;
    Ok(StatusCode::NO_CONTENT)
}
