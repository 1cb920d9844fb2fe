//! Many tickets at once: copies that the database itself makes of tickets a desk has written.
//!
//! A copy has an id, a number and times of its own; subject, contact and all else are those of its template.
//! Only rows of tickets are made: no messages, no events, nothing to search. A list needs none of them, and
//! they would take many times as long.

use anyhow::Context;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::server::{Place, Schema};

/// Copies made in one statement.
const CHUNK: u64 = 50_000;

/// Microseconds between two copies.
const APART: u64 = 100;

const ALPHABET: &str = "0123456789abcdefghjkmnpqrstvwxyz";

/// The document of a copy: that of its template with other values in the same places.
const DOC: &str = r#"replace(replace(replace(replace(t.doc, t.id, n.id),
    '"number":' || CAST(t.number AS TEXT) || ',', '"number":' || CAST(n.g AS TEXT) || ','),
    CAST(t.created_at AS TEXT), CAST(n.made AS TEXT)), CAST(t.updated_at AS TEXT), CAST(n.made AS TEXT))"#;

/// What differs between the databases.
struct Dialect {
    /// What stands before the names of the tables.
    place: String,
    columns: &'static str,
    values: &'static str,
    /// Numbers `g` from `{from}` to `{to}`.
    numbers: &'static str,
}

const SQLITE_NUMBERS: &str =
    "(WITH RECURSIVE c(g) AS (SELECT {from} UNION ALL SELECT g + 1 FROM c WHERE g < {to}) SELECT g FROM c) s";
const POSTGRES_NUMBERS: &str = "generate_series({from}::bigint, {to}::bigint) AS s(g)";

impl Dialect {
    fn sqlite() -> Self {
        Self {
            place: "connect_".to_owned(),
            columns: "workspace_id, id, contact_id, version, doc",
            values: "t.workspace_id, n.id, t.contact_id, t.version",
            numbers: SQLITE_NUMBERS,
        }
    }

    fn postgres(schema: &str) -> Self {
        Self {
            place: format!("{schema}."),
            columns: "workspace_id, id, number, contact_id, version, category, assignee_id, priority, created_at, \
                      updated_at, labels, doc",
            values: "t.workspace_id, n.id, n.g, t.contact_id, t.version, t.category, t.assignee_id, t.priority, \
                     n.made, n.made, t.labels",
            numbers: POSTGRES_NUMBERS,
        }
    }

    /// When the newest template was written.
    fn newest(&self, workspace: &str) -> String {
        format!("SELECT max(updated_at) FROM {}ticket WHERE workspace_id = '{workspace}'", self.place)
    }

    /// Makes the copies with these numbers, all newer than `since`, a whole millisecond.
    fn copies(&self, workspace: &str, templates: u64, since: i64, from: u64, to: u64) -> String {
        let Self { place, columns, values, numbers } = self;
        let numbers = numbers.replace("{from}", &from.to_string()).replace("{to}", &to.to_string());
        let made = format!("{since} + g * {APART}");
        // As real ids: 48 bits of milliseconds, then what is unique within one. So they sort by time.
        let id = format!("'tkt_' || {} || 'e000000000' || {}", base32(&format!("({made}) / 1000"), 10), base32("g", 6));
        format!(
            "INSERT INTO {place}ticket ({columns}) SELECT {values}, {DOC}
             FROM (SELECT g, {id} AS id, {made} AS made FROM {numbers}) n CROSS JOIN {place}ticket t
             WHERE t.workspace_id = '{workspace}' AND t.number = (n.g - 1) % {templates} + 1"
        )
    }

    /// The next ticket of the desk gets the number after the last copy's.
    fn head(&self, workspace: &str, total: u64) -> String {
        format!("UPDATE {}head SET last_number = {total} WHERE workspace_id = '{workspace}'", self.place)
    }
}

/// The last so many digits of a number in Crockford's base 32, as SQL that both databases know.
fn base32(value: &str, digits: u32) -> String {
    let digit = |place: u32| format!("substr('{ALPHABET}', CAST((({value}) >> {}) & 31 AS INTEGER) + 1, 1)", place * 5);
    (0..digits).rev().map(digit).collect::<Vec<_>>().join(" || ")
}

/// The first whole millisecond after an instant.
fn next_millisecond(newest: i64) -> i64 {
    (newest / 1000 + 1) * 1000
}

/// The numbers of the copies, chunk by chunk: first and last.
fn chunks(templates: u64, total: u64) -> impl Iterator<Item = (u64, u64)> {
    (templates + 1..=total).step_by(usize::try_from(CHUNK).unwrap_or(1)).map(move |from| {
        let to = (from + CHUNK - 1).min(total);
        (from, to)
    })
}

/// Copies the templates, which are numbered from 1, until the workspace has so many tickets. No server may
/// run here meanwhile.
pub(crate) async fn copy(place: &Place, workspace: &str, templates: u64, total: u64) -> anyhow::Result<()> {
    match &place.postgres {
        None => sqlite(place, workspace, templates, total).await,
        Some(schema) => postgres(schema, workspace, templates, total).await,
    }
    .context("filling the database")
}

async fn sqlite(place: &Place, workspace: &str, templates: u64, total: u64) -> anyhow::Result<()> {
    let dialect = Dialect::sqlite();
    let mut connection = SqliteConnectOptions::new()
        .filename(place.file())
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", "-262144")
        .connect()
        .await?;
    let newest: i64 = sqlx::query_scalar(AssertSqlSafe(dialect.newest(workspace))).fetch_one(&mut connection).await?;
    for (from, to) in chunks(templates, total) {
        let copies = dialect.copies(workspace, templates, next_millisecond(newest), from, to);
        sqlx::query(AssertSqlSafe(copies)).execute(&mut connection).await?;
    }
    sqlx::query(AssertSqlSafe(dialect.head(workspace, total))).execute(&mut connection).await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

async fn postgres(schema: &Schema, workspace: &str, templates: u64, total: u64) -> anyhow::Result<()> {
    let dialect = Dialect::postgres(&schema.name);
    let mut connection = PgConnection::connect(&schema.url).await?;
    let newest: i64 = sqlx::query_scalar(AssertSqlSafe(dialect.newest(workspace))).fetch_one(&mut connection).await?;
    for (from, to) in chunks(templates, total) {
        let copies = dialect.copies(workspace, templates, next_millisecond(newest), from, to);
        sqlx::query(AssertSqlSafe(copies)).execute(&mut connection).await?;
    }
    sqlx::query(AssertSqlSafe(dialect.head(workspace, total))).execute(&mut connection).await?;
    // What the server would do by itself in a while, and not in the middle of a measured stretch.
    let vacuum = format!("VACUUM (ANALYZE) {0}ticket, {0}record", dialect.place);
    sqlx::raw_sql(AssertSqlSafe(vacuum)).execute(&mut connection).await?;
    sqlx::query("CHECKPOINT").execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
