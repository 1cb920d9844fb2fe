use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use connect_core::FieldError;
use connect_core::ticket::{TicketFilter, TicketList, TicketSort, parse_query};
use serde::Deserialize;

use super::shape::Shape;
use crate::api::shape::{List, limit};
use crate::app::App;
use crate::extract::{Params, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    q: Option<String>,
    status: Option<String>,
    assignee: Option<String>,
    team: Option<String>,
    sort: Option<String>,
    cursor: Option<String>,
    limit: Option<u64>,
}

/// The filter of query text and the short forms beside it.
fn filter(query: &Query, scope: &Scope) -> Result<TicketFilter, Problem> {
    let me = scope.access.user();
    let mut filter = parse_query(query.q.as_deref().unwrap_or_default(), me)?;
    for (key, value) in [("status", &query.status), ("assignee", &query.assignee), ("team", &query.team)] {
        let Some(value) = value else { continue };
        if value.contains(|c: char| c.is_whitespace() || c == '"') {
            return Err(FieldError::new(key, "unknown", "must be one word").into());
        }
        let named = |error: FieldError| FieldError { field: key.to_owned(), ..error };
        let short = parse_query(&format!("{key}:{value}"), me).map_err(named)?;
        filter.categories.extend(short.categories);
        filter.assignee = short.assignee.or(filter.assignee);
        filter.team = short.team.or(filter.team);
    }
    Ok(filter)
}

/// `GET …/tickets?q=&status=&assignee=&team=&sort=&cursor=&limit=`.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    let sort = query.sort.as_deref().map(TicketSort::parse).transpose()?.unwrap_or_default();
    let list = TicketList { filter: filter(&query, &scope)?, sort, after: None, limit: limit(query.limit)? };
    let page = app.desk().tickets(&scope.access).list(list, query.cursor.as_deref()).await?;
    let data = page.rows.iter().map(|row| Shape::new(&row.ticket, &row.contact)).collect();
    Ok(Json(List { data, next_cursor: page.next }).into_response())
}
