use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::shape::shapes;
use crate::api::shape::{List, Paging};
use crate::app::App;
use crate::extract::{Params, Scope};
use crate::problem::Problem;

/// `GET …/tickets/{ticket}/messages`: oldest first.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Value>>, Problem> {
    let tickets = app.desk().tickets(&scope.access);
    let page = tickets.messages(scope.ticket()?, paging.cursor.as_deref(), paging.limit()?).await?;
    let data = shapes(&app, &scope.access, &page.rows).await?;
    Ok(Json(List { data, next_cursor: page.next }))
}
