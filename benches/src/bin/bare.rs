//! The bare server the desk is compared with: axum and sqlx, one statement a request, no desk around it.
//!
//! `bare FILE ADDRESS`: FILE is a new SQLite file, which it fills with tickets of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};

const TICKETS: i64 = 10_000;

const SCHEMA: &str = "
CREATE TABLE contact (workspace_id TEXT, id TEXT, name TEXT, email TEXT, PRIMARY KEY (workspace_id, id)) STRICT;
CREATE TABLE ticket (workspace_id TEXT, id TEXT, number INTEGER, subject TEXT, status TEXT, category TEXT, priority TEXT,
    assignee_id TEXT, team_id TEXT, labels TEXT, channel TEXT, opened_by TEXT, contact_id TEXT, version INTEGER,
    created_at TEXT, updated_at TEXT, first_reply_at TEXT, last_customer_at TEXT, last_agent_at TEXT, waiting_since TEXT,
    resolved_at TEXT, closed_at TEXT, PRIMARY KEY (workspace_id, id)) STRICT;
CREATE INDEX ticket_updated ON ticket (workspace_id, updated_at, id);
CREATE TABLE message (workspace_id TEXT, id TEXT, ticket_id TEXT, kind TEXT, body TEXT, created_at TEXT,
    PRIMARY KEY (workspace_id, id)) STRICT;
CREATE INDEX message_ticket ON message (workspace_id, ticket_id, id);
CREATE TABLE event (workspace_id TEXT, seq INTEGER, ticket_id TEXT, type TEXT, doc TEXT,
    PRIMARY KEY (workspace_id, seq)) STRICT;
";

macro_rules! ticket_sql {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.number, t.subject, t.status, t.category, t.priority, t.assignee_id, t.team_id, t.labels, ",
            "t.channel, t.opened_by, t.version, t.created_at, t.updated_at, t.first_reply_at, t.last_customer_at, ",
            "t.last_agent_at, t.waiting_since, t.resolved_at, t.closed_at, c.id, c.name, c.email FROM ticket t ",
            "JOIN contact c ON c.workspace_id = t.workspace_id AND c.id = t.contact_id WHERE t.workspace_id = $1 ",
            $rest
        )
    };
}

const LIST: &str = ticket_sql!("ORDER BY t.updated_at DESC, t.id DESC LIMIT 50");
const READ: &str = ticket_sql!("AND t.id = $2");

#[derive(Clone)]
struct Bare {
    reads: SqlitePool,
    writes: SqlitePool,
    next: Arc<AtomicI64>,
}

type Failure = (StatusCode, String);

fn failure(error: sqlx::Error) -> Failure {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

fn shape(row: &SqliteRow) -> Result<Value, sqlx::Error> {
    let text = |place: usize| row.try_get::<Option<String>, _>(place);
    Ok(json!({
        "id": text(0)?, "number": row.try_get::<i64, _>(1)?, "subject": text(2)?, "status": text(3)?,
        "category": text(4)?, "priority": text(5)?, "assignee_id": text(6)?, "team_id": text(7)?, "labels": text(8)?,
        "channel": text(9)?, "opened_by": text(10)?, "version": row.try_get::<i64, _>(11)?, "created_at": text(12)?,
        "updated_at": text(13)?, "first_reply_at": text(14)?, "last_customer_at": text(15)?,
        "last_agent_at": text(16)?, "waiting_since": text(17)?, "resolved_at": text(18)?, "closed_at": text(19)?,
        "contact": {"id": text(20)?, "name": text(21)?, "email": text(22)?},
    }))
}

async fn list(State(bare): State<Bare>) -> Result<Json<Value>, Failure> {
    let rows = sqlx::query(LIST).bind("load").fetch_all(&bare.reads).await.map_err(failure)?;
    let data = rows.iter().map(shape).collect::<Result<Vec<_>, _>>().map_err(failure)?;
    Ok(Json(json!({"data": data})))
}

async fn read(State(bare): State<Bare>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    let row = sqlx::query(READ).bind("load").bind(id).fetch_one(&bare.reads).await.map_err(failure)?;
    Ok(Json(shape(&row).map_err(failure)?))
}

/// The three inserts of a create: ticket, message, event.
async fn insert(connection: &mut SqliteConnection, number: i64, subject: &str, body: &str) -> Result<(), sqlx::Error> {
    let (id, message) = (format!("tkt_{number:026}"), format!("msg_{number:026}"));
    let now = "2026-01-01T09:00:00.000000Z";
    sqlx::query(
        "INSERT INTO ticket VALUES ($1, $2, $3, $4, 'new', 'new', 'normal', NULL, NULL, '[]', 'api', 'host', $5, 1, $6, $7,
         NULL, $6, NULL, $6, NULL, NULL)",
    )
    .bind("load")
    .bind(&id)
    .bind(number)
    .bind(subject)
    .bind(format!("ctc_{:026}", number % 500))
    .bind(now)
    .bind(format!("2026-01-01T09:00:{number:08}Z"))
    .execute(&mut *connection)
    .await?;
    sqlx::query("INSERT INTO message VALUES ($1, $2, $3, 'reply', $4, $5)")
        .bind("load")
        .bind(&message)
        .bind(&id)
        .bind(body)
        .bind(now)
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO event VALUES ($1, $2, $3, 'ticket.opened', $4)")
        .bind("load")
        .bind(number)
        .bind(&id)
        .bind(format!("{{\"message\":\"{message}\"}}"))
        .execute(connection)
        .await
        .map(|_| ())
}

async fn create(State(bare): State<Bare>, Json(body): Json<Value>) -> Result<(StatusCode, Json<Value>), Failure> {
    let number = bare.next.fetch_add(1, Ordering::Relaxed);
    let (subject, text) = (body["subject"].as_str().unwrap_or_default(), body["body"].as_str().unwrap_or_default());
    let mut transaction = bare.writes.begin_with("BEGIN IMMEDIATE").await.map_err(failure)?;
    insert(&mut transaction, number, subject, text).await.map_err(failure)?;
    transaction.commit().await.map_err(failure)?;
    Ok((StatusCode::CREATED, Json(json!({"number": number, "subject": subject}))))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (file, address) = (arguments.next().context("a file")?, arguments.next().context("an address")?);
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let writes = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
    sqlx::raw_sql(SCHEMA).execute(&writes).await?;
    let mut transaction = writes.begin().await?;
    for number in 0..500 {
        sqlx::query("INSERT INTO contact VALUES ('load', $1, 'Carla Customer', $2)")
            .bind(format!("ctc_{number:026}"))
            .bind(format!("customer{number}@load.example"))
            .execute(&mut *transaction)
            .await?;
    }
    let body = "The parcel was to come on Monday and it is not here yet. ".repeat(4);
    for number in 1..=TICKETS {
        insert(&mut transaction, number, &format!("Order {number} has not arrived, what can be done?"), &body).await?;
        for part in 1..3 {
            sqlx::query(
                "INSERT INTO message VALUES ('load', $1, $2, 'reply', 'It is on its way again.', '2026-01-01')",
            )
            .bind(format!("msg_{part}_{number:024}"))
            .bind(format!("tkt_{number:026}"))
            .execute(&mut *transaction)
            .await?;
        }
    }
    transaction.commit().await?;
    let reads = SqlitePoolOptions::new().max_connections(4).connect_with(options.read_only(true)).await?;
    let bare = Bare { reads, writes, next: Arc::new(AtomicI64::new(TICKETS + 1)) };
    let router = Router::new()
        .route("/list", get(list))
        .route("/read/{id}", get(read))
        .route("/create", post(create))
        .with_state(bare);
    let listener = tokio::net::TcpListener::bind(&address).await?;
    axum::serve(listener, router).await?;
    Ok(())
}
