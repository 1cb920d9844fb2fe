//! `GET …/audit`: what happened in the workspace, who did it and from where.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use connect_core::FieldError;
use http::HeaderMap;
use http::header::ACCEPT;

use super::csv;
use super::query::Query;
use super::shape::shape;
use crate::api::message::shape::People;
use crate::api::shape::List;
use crate::app::App;
use crate::extract::{Params, Scope};
use crate::problem::Problem;

/// Whether a table is asked for, by the query or else by the header.
fn wants_csv(query: &Query, headers: &HeaderMap) -> Result<bool, Problem> {
    match query.format.as_deref() {
        Some("csv") => Ok(true),
        Some("json") => Ok(false),
        Some(_) => Err(FieldError::new("format", "bad_value", "must be json or csv").into()),
        None => {
            let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
            let mut kinds = accept.split(',').filter_map(|kind| kind.split(';').next());
            Ok(kinds.any(|kind| kind.trim().eq_ignore_ascii_case("text/csv")))
        }
    }
}

/// A page as JSON; as a table all that fits, or one page where a limit is given.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    let list = query.list(&app, &scope).await?;
    if wants_csv(&query, &headers)? {
        return csv::answer(app, scope, list, query.cursor, query.limit.is_some()).await;
    }
    let page = app.desk().audit(&scope.access).list(&list, query.cursor.as_deref()).await?;
    let people = People::look_up(&app, &scope.access, page.rows.iter().map(|event| event.actor)).await?;
    Ok(Json(List::of(page, |event| shape(&event, &people))).into_response())
}
