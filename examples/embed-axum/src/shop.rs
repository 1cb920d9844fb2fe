//! The shop as it was before it had a desk: users and orders of its own, in its own table.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use connect_core::Desk;
use serde_json::{Value, json};
use sqlx::{Row, SqlitePool};

use crate::support;

/// The shop.
#[derive(Debug, Clone)]
pub struct Shop {
    /// Its database.
    pub pool: SqlitePool,
    /// Its desk.
    pub desk: Arc<Desk>,
}

/// Makes the shop's own tables, with two users and an order each.
pub async fn prepare(pool: &SqlitePool) -> sqlx::Result<()> {
    let sql = "CREATE TABLE shop_user (id INTEGER PRIMARY KEY, email TEXT NOT NULL);
        CREATE TABLE shop_order (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES shop_user, item TEXT NOT NULL);
        INSERT INTO shop_user VALUES (1, 'ada@shop.example'), (2, 'bob@shop.example');
        INSERT INTO shop_order VALUES (7, 1, 'a teapot'), (8, 2, 'two cups');";
    sqlx::raw_sql(sql).execute(pool).await.map(|_| ())
}

/// The shop's own paths.
pub fn routes(shop: Shop) -> Router {
    Router::new()
        .route("/", get(|| async { "The shop. Help is under /support." }))
        .route("/orders/{order}/problem", post(report))
        .with_state(shop)
}

/// A customer of the shop says that an order went wrong: a ticket is opened from the shop's own code.
async fn report(State(shop): State<Shop>, Path(order): Path<i64>, text: String) -> Result<Json<Value>, StatusCode> {
    let sql = "SELECT u.email, o.item FROM shop_order o JOIN shop_user u ON u.id = o.user_id WHERE o.id = $1";
    let row = sqlx::query(sql).bind(order).fetch_optional(&shop.pool).await;
    let row = row.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?.ok_or(StatusCode::NOT_FOUND)?;
    let (email, item): (String, String) = (row.get(0), row.get(1));
    let access = shop.desk.host("shop").await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let about = format!("Order {order}: {item}");
    let number = support::open_ticket(&shop.desk, &access, &email, &about, &text).await;
    Ok(Json(json!({"ticket": number.map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)?})))
}
