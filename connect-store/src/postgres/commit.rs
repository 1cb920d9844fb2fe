//! A group of change sets: one statement reads what they depend on, one writes them.

use connect_core::store::StoredAnswer;
use connect_core::{ChangeParts, CommitError, Committed, EventId, TicketId, Timestamp, Version, WorkspaceId};
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::rows::{Argument, Arguments};
use super::sql::Sql;
use crate::group::{AnswerRef, Head, KeyRef, Known, Rows, Wanted, judge};
use crate::sql::{int, read_doc, safe};

pub(super) type Outcome = Result<Committed, CommitError>;
pub(super) type Group = Vec<(WorkspaceId, ChangeParts)>;

/// How long the write waits for a head row that somebody else has locked, such as a host in a transaction
/// of its own.
const LOCK_WAIT_MS: i32 = 3000;

/// A group after it was judged, before it is written.
pub(super) struct Judged {
    pub(super) outcomes: Vec<Outcome>,
    rows: Rows,
    seen: std::collections::HashMap<WorkspaceId, Head>,
}

impl Judged {
    /// Whether there is anything to write.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One event by which it is known whether the group was written: its place and its id.
    pub(super) fn witness(&self) -> Option<(WorkspaceId, u64, EventId)> {
        self.rows.events.last().map(|event| (event.workspace, event.seq, event.id))
    }
}

/// Reads what the change sets depend on and judges them, without a lock.
pub(super) async fn judge_group(connection: &mut PgConnection, sql: &Sql, group: Group) -> Result<Judged, sqlx::Error> {
    let mut wanted = Wanted::default();
    group.iter().for_each(|(workspace, changes)| wanted.add(*workspace, changes));
    let mut known = load(connection, sql, &wanted).await?;
    let seen = known.heads.clone();
    let mut rows = Rows::default();
    let outcomes =
        group.into_iter().map(|(workspace, changes)| judge(&mut known, &mut rows, workspace, changes)).collect();
    Ok(Judged { outcomes, rows, seen })
}

/// Writes a judged group in one statement, which is a transaction of its own unless the caller has one.
/// Refused with SQLSTATE CN001 when another commit came in between.
pub(super) async fn write_group(connection: &mut PgConnection, sql: &Sql, judged: &Judged) -> Result<(), sqlx::Error> {
    let seen = |workspace| judged.seen.get(&workspace).copied().unwrap_or_default();
    write_rows(connection, sql, Arguments::of(&judged.rows, seen, false)?, LOCK_WAIT_MS).await
}

pub(super) async fn write_rows(
    connection: &mut PgConnection,
    sql: &Sql,
    arguments: Arguments,
    wait_ms: i32,
) -> Result<(), sqlx::Error> {
    let mut query = sqlx::query(safe(&sql.write_group));
    for argument in arguments.0 {
        query = match argument {
            Argument::Texts(column) => query.bind(column),
            Argument::MaybeTexts(column) => query.bind(column),
            Argument::Ints(column) => query.bind(column),
            Argument::Json(rows) => query.bind(rows),
        };
    }
    query.bind(wait_ms).execute(connection).await.map(|_| ())
}

/// Judges and writes change sets within a transaction that is open, with the head rows locked first.
pub(super) async fn commit_locked(
    connection: &mut PgConnection,
    sql: &Sql,
    group: Group,
) -> Result<Vec<Outcome>, sqlx::Error> {
    let workspaces: Vec<String> = group.iter().map(|(workspace, _)| workspace.to_string()).collect();
    sqlx::query(safe(&sql.make_heads)).bind(&workspaces).execute(&mut *connection).await?;
    sqlx::query(safe(&sql.lock_heads)).bind(&workspaces).execute(&mut *connection).await?;
    let judged = judge_group(connection, sql, group).await?;
    if !judged.is_empty() {
        let seen = |workspace| judged.seen.get(&workspace).copied().unwrap_or_default();
        write_rows(connection, sql, Arguments::of(&judged.rows, seen, false)?, 0).await?;
    }
    Ok(judged.outcomes)
}

/// Whether a group was written, told by one of its events. The head row is locked for it, so that a
/// statement of a connection that was lost has ended before this answers.
pub(super) async fn was_written(
    connection: &mut PgConnection,
    sql: &Sql,
    witness: (WorkspaceId, u64, EventId),
) -> Result<bool, sqlx::Error> {
    let (workspace, seq, id) = witness;
    sqlx::query(safe(&sql.lock_heads)).bind(vec![workspace.to_string()]).execute(&mut *connection).await?;
    let row =
        sqlx::query(safe(&sql.event)).bind(workspace.to_string()).bind(int(seq)).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(false) };
    let event: connect_core::event::Event = decode(row.try_get(0)?)?;
    Ok(event.id == id)
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    read_doc(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn column<T: DeserializeOwned>(row: &PgRow, place: usize) -> Result<T, sqlx::Error> {
    decode(row.try_get(place)?)
}

/// Scope, kind and key, and the record that holds it.
type Key = (String, String, String, WorkspaceId, String);
/// Workspace, actor and key; request hash, what was committed, end.
type Answer = (WorkspaceId, String, String, String, String, i64);

async fn load(connection: &mut PgConnection, sql: &Sql, wanted: &Wanted) -> Result<Known, sqlx::Error> {
    let Wanted { heads, tickets, records, keys, answers } = wanted;
    let texts = |list: Vec<String>| list;
    let (everywhere, within): (Vec<&KeyRef>, Vec<&KeyRef>) = keys.iter().partition(|key| key.scope.is_empty());
    let row = sqlx::query(safe(&sql.known))
        .bind(texts(heads.iter().map(ToString::to_string).collect()))
        .bind(texts(tickets.iter().map(|(workspace, _)| workspace.to_string()).collect()))
        .bind(texts(tickets.iter().map(|(_, id)| id.to_string()).collect()))
        .bind(texts(records.iter().map(|(workspace, _)| workspace.to_string()).collect()))
        .bind(texts(records.iter().map(|(_, id)| id.clone()).collect()))
        .bind(texts(within.iter().map(|key| key.scope.clone()).collect()))
        .bind(texts(within.iter().map(|key| key.kind.clone()).collect()))
        .bind(texts(within.iter().map(|key| key.key.clone()).collect()))
        .bind(texts(everywhere.iter().map(|key| key.kind.clone()).collect()))
        .bind(texts(everywhere.iter().map(|key| key.key.clone()).collect()))
        .bind(texts(answers.iter().map(|key| key.workspace.to_string()).collect()))
        .bind(texts(answers.iter().map(|key| key.actor.clone()).collect()))
        .bind(texts(answers.iter().map(|key| key.key.clone()).collect()))
        .fetch_one(connection)
        .await?;
    let mut known = Known::default();
    for (workspace, last_seq, last_number) in column::<Vec<(WorkspaceId, u64, u64)>>(&row, 0)? {
        known.heads.insert(workspace, Head { last_seq, last_number });
    }
    for (workspace, id, version) in column::<Vec<(WorkspaceId, TicketId, u64)>>(&row, 1)? {
        known.tickets.insert((workspace, id), Version::new(version));
    }
    for (workspace, id, version) in column::<Vec<(WorkspaceId, String, u64)>>(&row, 2)? {
        known.records.insert((workspace, id), Version::new(version));
    }
    for place in [3, 4] {
        for (scope, kind, key, workspace, record) in column::<Vec<Key>>(&row, place)? {
            known.keys.insert(KeyRef { scope, kind, key }, (workspace, record));
        }
    }
    for (workspace, actor, key, request_hash, committed, expires_at) in column::<Vec<Answer>>(&row, 5)? {
        let (committed, expires_at) = (decode(&committed)?, Timestamp::from_micros(expires_at));
        known.answers.insert(AnswerRef { workspace, actor, key }, StoredAnswer { request_hash, committed, expires_at });
    }
    Ok(known)
}

/// An answer in three columns from here: hash, what was committed, end.
pub(super) fn stored_answer(row: &PgRow, from: usize) -> Result<StoredAnswer, sqlx::Error> {
    Ok(StoredAnswer {
        request_hash: row.try_get(from)?,
        committed: column(row, from + 1)?,
        expires_at: Timestamp::from_micros(row.try_get(from + 2)?),
    })
}
