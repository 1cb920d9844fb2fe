//! A group of change sets, written set-wise: one statement a table, whatever the size of the group.

use std::sync::Arc;

use connect_core::event::Fact;
use connect_core::message::MessageKind;
use connect_core::store::StoredAnswer;
use connect_core::{ChangeParts, CommitError, Committed, Version, WorkspaceId, search};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::sql::Sql;
use crate::group::{AnswerRef, Head, KeyRef, Known, MessageRow, Rows, TicketRow, Wanted, judge};
use crate::sql::{int, read_doc, safe, uint};

type Outcome = Result<Committed, CommitError>;

/// Judges and writes change sets within the transaction that is open on the connection. Each has an
/// outcome of its own; an error means that the transaction is of no more use.
pub(super) async fn commit_group(
    connection: &mut SqliteConnection,
    sql: &Sql,
    group: Vec<(WorkspaceId, ChangeParts)>,
) -> Result<Vec<Outcome>, sqlx::Error> {
    if group.is_empty() {
        return Ok(Vec::new());
    }
    let mut wanted = Wanted::default();
    group.iter().for_each(|(workspace, changes)| wanted.add(*workspace, changes));
    let mut known = load(connection, sql, &wanted).await?;
    let mut rows = Rows::default();
    let judged =
        group.into_iter().map(|(workspace, changes)| judge(&mut known, &mut rows, workspace, changes)).collect();
    write(connection, sql, &rows, Indexing::Changes).await?;
    Ok(judged)
}

fn json<T: Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

fn parsed<T: std::str::FromStr>(row: &SqliteRow, place: usize) -> Result<T, sqlx::Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    row.try_get::<&str, _>(place)?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn version(row: &SqliteRow, place: usize) -> Result<Version, sqlx::Error> {
    Ok(Version::new(uint(row.try_get(place)?)))
}

async fn load(connection: &mut SqliteConnection, sql: &Sql, wanted: &Wanted) -> Result<Known, sqlx::Error> {
    let Wanted { heads, tickets, records, keys, answers } = wanted;
    let mut known = Known::default();
    let mut ask = async |statement: &Arc<str>, first: String, second: Option<String>| {
        let query = sqlx::query(safe(statement)).bind(first);
        let query = if let Some(second) = second { query.bind(second) } else { query };
        query.fetch_all(&mut *connection).await
    };
    for row in ask(&sql.known_heads, json(heads)?, None).await? {
        let head = Head { last_seq: uint(row.try_get(1)?), last_number: uint(row.try_get(2)?) };
        known.heads.insert(parsed(&row, 0)?, head);
    }
    if !tickets.is_empty() {
        for row in ask(&sql.known_tickets, json(tickets)?, None).await? {
            known.tickets.insert((parsed(&row, 0)?, parsed(&row, 1)?), version(&row, 2)?);
        }
    }
    if !records.is_empty() {
        for row in ask(&sql.known_records, json(records)?, None).await? {
            known.records.insert((parsed(&row, 0)?, row.try_get(1)?), version(&row, 2)?);
        }
    }
    if !keys.is_empty() {
        let keys: Vec<_> = keys.iter().map(|key| (&key.scope, &key.kind, &key.key)).collect();
        for row in ask(&sql.known_keys, json(&keys)?, Some(json(records)?)).await? {
            let key = KeyRef { scope: row.try_get(0)?, kind: row.try_get(1)?, key: row.try_get(2)? };
            known.keys.insert(key, (parsed(&row, 3)?, row.try_get(4)?));
        }
    }
    if !answers.is_empty() {
        let answers: Vec<_> = answers.iter().map(|key| (key.workspace, &key.actor, &key.key)).collect();
        for row in ask(&sql.known_answers, json(&answers)?, None).await? {
            let key = AnswerRef { workspace: parsed(&row, 0)?, actor: row.try_get(1)?, key: row.try_get(2)? };
            known.answers.insert(key, stored_answer(&row, 3)?);
        }
    }
    Ok(known)
}

/// An answer in three columns from here: hash, what was committed, end.
pub(super) fn stored_answer(row: &SqliteRow, from: usize) -> Result<StoredAnswer, sqlx::Error> {
    let committed: &str = row.try_get(from + 1)?;
    Ok(StoredAnswer {
        request_hash: row.try_get(from)?,
        committed: read_doc(committed).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        expires_at: connect_core::Timestamp::from_micros(row.try_get(from + 2)?),
    })
}

/// Which tickets the search has to learn anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Indexing {
    /// Those that are new or have another subject.
    Changes,
    /// All of them: they come from elsewhere.
    Import,
}

pub(super) async fn write(
    connection: &mut SqliteConnection,
    sql: &Sql,
    rows: &Rows,
    indexing: Indexing,
) -> Result<(), sqlx::Error> {
    let Rows { heads, released, removed, records, keys, tickets, messages, events, answers } = rows;
    if rows.is_empty() && indexing == Indexing::Changes {
        return Ok(());
    }
    let mut run = async |statement: &Arc<str>, argument: String| {
        sqlx::query(safe(statement)).bind(argument).execute(&mut *connection).await.map(|_| ())
    };
    if !released.is_empty() {
        run(&sql.release_keys, json(released)?).await?;
    }
    if !removed.is_empty() {
        run(&sql.remove_records, json(removed)?).await?;
    }
    if !records.is_empty() {
        let mut list = Vec::with_capacity(records.len());
        for row in records {
            let record = &row.record;
            let doc: &RawValue = serde_json::from_str(&record.doc).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
            list.push((row.workspace, &record.id, &record.kind, record.version, doc));
        }
        run(&sql.put_records, json(&list)?).await?;
    }
    if !keys.is_empty() {
        let list: Vec<_> =
            keys.iter().map(|row| (&row.key.scope, &row.key.kind, &row.key.key, row.workspace, &row.record)).collect();
        run(&sql.put_keys, json(&list)?).await?;
    }
    if !tickets.is_empty() {
        let list: Vec<_> = tickets
            .iter()
            .map(|row| (row.workspace, row.ticket.id, row.ticket.contact, row.ticket.version, &row.ticket))
            .collect();
        run(&sql.put_tickets, json(&list)?).await?;
    }
    if !messages.is_empty() {
        let list: Vec<_> = messages
            .iter()
            .map(|row| (row.workspace, row.message.id, row.message.ticket, row.message.kind, &row.message))
            .collect();
        run(&sql.put_messages, json(&list)?).await?;
    }
    let list: Vec<_> = events
        .iter()
        .map(|event| (event.workspace, event.seq, event.ticket, event.fact.name(), event.lasting(), &event.origin))
        .collect();
    run(&sql.put_events, json(&list)?).await?;
    if !answers.is_empty() {
        let list: Vec<_> = answers
            .iter()
            .map(|row| {
                let (key, answer) = (&row.key, &row.answer);
                let end = answer.expires_at.as_micros();
                (key.workspace, &key.actor, &key.key, &answer.request_hash, &answer.committed, end)
            })
            .collect();
        run(&sql.put_answers, json(&list)?).await?;
    }
    let list: Vec<_> =
        heads.iter().map(|(workspace, head)| (workspace, int(head.last_seq), int(head.last_number))).collect();
    run(&sql.put_heads, json(&list)?).await?;
    index(connection, sql, rows, indexing).await
}

/// What a search is bound to: the workspace's id without the underscore that would split it in two.
pub(super) fn search_scope(workspace: WorkspaceId) -> String {
    workspace.to_string().replace('_', "")
}

/// Keeps the words of new messages, and of tickets that are new or have another subject.
async fn index(
    connection: &mut SqliteConnection,
    sql: &Sql,
    rows: &Rows,
    indexing: Indexing,
) -> Result<(), sqlx::Error> {
    let mut run = async |statement: &Arc<str>, argument: &str| {
        sqlx::query(safe(statement)).bind(argument.to_owned()).execute(&mut *connection).await.map(|_| ())
    };
    let message = |row: &MessageRow| {
        let words = search::indexed(row.message.body.as_str());
        let (public, internal) = match row.message.kind {
            MessageKind::Reply => (words, String::new()),
            MessageKind::Note => (String::new(), words),
        };
        (search_scope(row.workspace), public, internal, row.message.ticket)
    };
    if !rows.messages.is_empty() {
        run(&sql.index_messages, &json(&rows.messages.iter().map(message).collect::<Vec<_>>())?).await?;
    }
    let is_renamed = |row: &TicketRow| {
        rows.events.iter().any(|event| {
            event.workspace == row.workspace
                && event.ticket == Some(row.ticket.id)
                && event.fact == Fact::TicketSubjectChanged {}
        })
    };
    let is_new = |row: &&TicketRow| indexing == Indexing::Import || row.is_new();
    let words = |row: &TicketRow| (row.workspace, row.ticket.id, search_scope(row.workspace), row.words());
    let renamed: Vec<_> = rows.tickets.iter().filter(|row| !is_new(row) && is_renamed(row)).map(words).collect();
    if !renamed.is_empty() {
        run(&sql.forget_tickets, &json(&renamed)?).await?;
    }
    let own: Vec<_> = rows.tickets.iter().filter(is_new).map(words).chain(renamed).collect();
    if !own.is_empty() {
        run(&sql.index_tickets, &json(&own)?).await?;
    }
    Ok(())
}
