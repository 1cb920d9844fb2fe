use axum::Json;
use axum::extract::State;
use connect_core::Actor;
use serde_json::{Value, json};

use crate::api::message::shape::People;
use crate::api::shape::List;
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/tickets/{ticket}/presence`: who looks at the ticket or answers it now, the caller among them.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Json<List<Value>>, Problem> {
    let present = app.desk().tickets(&scope.access).present(scope.ticket()?).await?;
    let people = People::look_up(&app, &scope.access, present.iter().map(|sign| Actor::User(sign.user))).await?;
    let shape = |sign: &connect_core::presence::Presence| json!({"user": {"id": sign.user, "name": people.name(Actor::User(sign.user))}, "state": sign.word()});
    Ok(Json(List { data: present.iter().map(shape).collect(), next_cursor: None }))
}
