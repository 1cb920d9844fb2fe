use axum::Json;
use axum::extract::State;
use connect_core::EmailAddress;
use serde::Deserialize;
use serde_json::Value;

use super::shape;
use crate::api::shape::{List, limit};
use crate::app::App;
use crate::extract::{Params, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    email: Option<String>,
    cursor: Option<String>,
    limit: Option<u64>,
}

/// `GET …/suppressions?email=&cursor=&limit=`: all of them, or that of an address.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    Params(query): Params<Query>,
) -> Result<Json<List<Value>>, Problem> {
    let suppressions = app.desk().suppressions(&scope.access);
    if let Some(email) = query.email {
        let found = suppressions.find(&EmailAddress::parse("email", &email)?).await?;
        return Ok(Json(List { data: found.iter().map(shape).collect(), next_cursor: None }));
    }
    let page = suppressions.list(query.cursor.as_deref(), limit(query.limit)?).await?;
    Ok(Json(List::of(page, |one| shape(&one))))
}
