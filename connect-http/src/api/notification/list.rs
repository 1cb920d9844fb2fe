use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::extract::{Params, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    unread: bool,
    cursor: Option<String>,
    limit: Option<u64>,
}

/// `GET …/notifications?unread=&cursor=&limit=`: newest first, with how many are unread, counted up to 100.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    Params(query): Params<Query>,
) -> Result<Json<Value>, Problem> {
    let limit = query.limit.map_or(Ok(connect_core::Limit::default()), connect_core::Limit::new)?;
    let notices = app.desk().notifications(&scope.access);
    let page = notices.list(query.unread, query.cursor.as_deref(), limit).await?;
    let data: Vec<Value> = page.rows.into_iter().map(super::shape).collect();
    Ok(Json(json!({"data": data, "next_cursor": page.next, "unread": notices.unread().await?})))
}
