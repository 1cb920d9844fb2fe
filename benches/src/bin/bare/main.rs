//! The bare server the desk is compared with: axum and sqlx, one statement a request, no desk around it.
//!
//! `bare DATABASE ADDRESS`: DATABASE is a new SQLite file, or the `postgres://…` address of a database in which
//! it makes a schema `bare`. It fills its tables with tickets of its own.

mod postgres;
mod sqlite;
mod statements;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use statements::TICKETS;

#[derive(Clone)]
struct Bare {
    database: Database,
    next: Arc<AtomicI64>,
}

#[derive(Clone)]
enum Database {
    Sqlite(sqlite::Pools),
    Postgres(postgres::Pool),
}

type Failure = (StatusCode, String);

fn failure(error: sqlx::Error) -> Failure {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

async fn list(State(bare): State<Bare>) -> Result<Json<Value>, Failure> {
    let data = match &bare.database {
        Database::Sqlite(pools) => sqlite::list(&pools.reads).await,
        Database::Postgres(pool) => postgres::list(pool).await,
    };
    Ok(Json(json!({"data": data.map_err(failure)?})))
}

async fn read(State(bare): State<Bare>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    let ticket = match &bare.database {
        Database::Sqlite(pools) => sqlite::read(&pools.reads, id).await,
        Database::Postgres(pool) => postgres::read(pool, id).await,
    };
    Ok(Json(ticket.map_err(failure)?))
}

async fn create(State(bare): State<Bare>, Json(body): Json<Value>) -> Result<(StatusCode, Json<Value>), Failure> {
    let number = bare.next.fetch_add(1, Ordering::Relaxed);
    let (subject, text) = (body["subject"].as_str().unwrap_or_default(), body["body"].as_str().unwrap_or_default());
    let created = match &bare.database {
        Database::Sqlite(pools) => sqlite::create(pools, number, subject, text).await,
        Database::Postgres(pool) => postgres::create(pool, number, subject, text).await,
    };
    created.map_err(failure)?;
    Ok((StatusCode::CREATED, Json(json!({"number": number, "subject": subject}))))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (place, address) = (arguments.next().context("a database")?, arguments.next().context("an address")?);
    let database = if place.starts_with("postgres://") {
        Database::Postgres(postgres::open(&place).await?)
    } else {
        Database::Sqlite(sqlite::open(&place).await?)
    };
    let bare = Bare { database, next: Arc::new(AtomicI64::new(TICKETS + 1)) };
    let router = Router::new()
        .route("/list", get(list))
        .route("/read/{id}", get(read))
        .route("/create", post(create))
        .with_state(bare);
    let listener = tokio::net::TcpListener::bind(&address).await?;
    axum::serve(listener, router).await?;
    Ok(())
}
