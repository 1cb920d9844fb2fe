//! The shop as it was before it had a desk: users and orders of its own, in its own tables.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use sqlx::SqlitePool;

use crate::login::Login;
use crate::support::{self, Support};

/// The shop.
#[derive(Debug, Clone)]
pub struct Shop {
    /// Its login, and with it its database.
    pub login: Login,
    /// Its desk.
    pub support: Arc<Support>,
}

/// Makes the shop's own tables, with two customers, an order each, and two people who work there.
pub async fn prepare(pool: &SqlitePool) -> sqlx::Result<()> {
    let sql = "CREATE TABLE shop_user (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, staff BOOLEAN NOT NULL);
        CREATE TABLE shop_session (token TEXT PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES shop_user,
            since INTEGER NOT NULL DEFAULT (unixepoch()));
        CREATE TABLE shop_order (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES shop_user, item TEXT NOT NULL,
            problems INTEGER NOT NULL DEFAULT 0);
        INSERT INTO shop_user VALUES (1, 'ada@shop.example', 'Ada Ashdown', false), (2, 'bob@shop.example', 'Bob Birch', false),
            (3, 'boss@shop.example', 'Bea Boss', true), (4, 'sam@shop.example', 'Sam Support', true);
        INSERT INTO shop_order (id, user_id, item) VALUES (7, 1, 'a teapot'), (8, 2, 'two cups');";
    sqlx::raw_sql(sql).execute(pool).await.map(|_| ())
}

/// The shop's own paths.
pub fn routes(shop: Shop) -> Router {
    Router::new().route("/", get(front)).route("/orders/{order}/problem", post(report)).with_state(shop)
}

async fn front() -> Html<&'static str> {
    Html(concat!(
        "<!doctype html><title>The shop</title><h1>The shop</h1>",
        "<p><a href=/login>Sign in</a> · <a href=/help>Help</a> · <a href=/support>The desk</a></p>",
        "<form method=post action=/logout><button>Sign out</button></form>",
    ))
}

/// A customer of the shop says that an order of theirs went wrong: it is marked, and a ticket is opened, both in one
/// transaction of the shop's own.
async fn report(
    State(shop): State<Shop>,
    Path(order): Path<i64>,
    headers: HeaderMap,
    text: String,
) -> Result<Json<Value>, StatusCode> {
    let unavailable = |_| StatusCode::SERVICE_UNAVAILABLE;
    let user = shop.login.who(&headers).await.map_err(unavailable)?.ok_or(StatusCode::UNAUTHORIZED)?;
    // It will write: SQLite wants to know that before the first reading.
    let mut transaction = shop.login.pool.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let sql = "UPDATE shop_order SET problems = problems + 1 WHERE id = $1 AND user_id = $2 RETURNING item";
    let marked = sqlx::query_scalar(sql).bind(order).bind(user.id).fetch_optional(&mut *transaction).await;
    let item: String = marked.map_err(unavailable)?.ok_or(StatusCode::NOT_FOUND)?;
    let about = format!("Order {order}: {item}");
    // Whatever fails from here on, the mark goes with it: a transaction that is dropped is rolled back.
    let opened = support::open_ticket(&shop.support, &mut transaction, &user, &about, &text).await;
    let (workspace, committed) = opened.map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)?;
    transaction.commit().await.map_err(unavailable)?;
    shop.support.desk.committed(workspace, &committed);
    Ok(Json(json!({"ticket": committed.tickets.first().map(|ticket| ticket.number)})))
}
