use axum::Json;
use axum::extract::State;
use connect_core::EmailAddress;
use serde::Deserialize;
use serde_json::Value;

use crate::api::shape::{List, limit};
use crate::app::App;
use crate::extract::{Params, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    cursor: Option<String>,
    limit: Option<u64>,
    email: Option<String>,
    external_id: Option<String>,
}

/// `GET …/contacts`: all of them, or the one of an address or an id of the host.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    Params(query): Params<Query>,
) -> Result<Json<List<Value>>, Problem> {
    let limit = limit(query.limit)?;
    let contacts = app.desk().contacts(&scope.access);
    let one = match (&query.email, &query.external_id) {
        (None, None) => {
            let page = contacts.list(query.cursor.as_deref(), limit).await?;
            return Ok(Json(List::of(page, super::shape)));
        }
        (Some(email), _) => contacts.by_email(&EmailAddress::parse("email", email)?).await?,
        (None, Some(id)) => contacts.by_external_id(id).await?,
    };
    let fits = |c: &connect_core::contact::Contact| query.external_id.is_none() || c.external_id == query.external_id;
    Ok(Json(List { data: one.into_iter().filter(fits).map(super::shape).collect(), next_cursor: None }))
}
