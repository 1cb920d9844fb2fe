//! Rows as they are stored: out of this store, and into it.

use std::collections::BTreeSet;

use connect_core::record::{KeyScope, Record, RecordKey};
use connect_core::store::{Counters, ExportList, Import, MovedRow, Part};
use connect_core::{CommitError, StoreError, Version, WorkspaceId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::commit::{self, Indexing, stored_answer};
use super::{SqliteStore, dispatch, journal, row_doc};
use crate::group::Incoming;
use crate::sql::{int, one_more, read_doc, safe, store_error, uint, write_doc};

pub(super) async fn counters(store: &SqliteStore, workspace: WorkspaceId) -> Result<Option<Counters>, StoreError> {
    let query = sqlx::query(safe(&store.sql.counters)).bind(workspace.to_string());
    let row = store.optional(query).await?;
    let read = |row: SqliteRow| -> Result<Counters, sqlx::Error> {
        Ok(Counters {
            last_seq: uint(row.try_get(0)?),
            last_number: uint(row.try_get(1)?),
            routed_seq: uint(row.try_get(2)?),
        })
    };
    row.map(read).transpose().map_err(store_error)
}

pub(super) async fn export(
    store: &SqliteStore,
    workspace: WorkspaceId,
    list: ExportList,
) -> Result<Vec<MovedRow>, StoreError> {
    let ExportList { part, after, limit } = list;
    let statement = match part {
        Part::Records => &store.sql.export_records,
        Part::Tickets => &store.sql.export_tickets,
        Part::Messages => &store.sql.export_messages,
        Part::Events => &store.sql.events,
        Part::Answers => &store.sql.export_answers,
        Part::Deliveries => &store.sql.export_deliveries,
        Part::Seals => &store.sql.export_seals,
    };
    let after = after.unwrap_or_default();
    let query = sqlx::query(safe(statement)).bind(workspace.to_string());
    let query = match part {
        Part::Events => query.bind(after.parse::<i64>().unwrap_or(0)).bind(one_more(limit)).bind(false),
        // The first seal begins at 0.
        Part::Seals => query.bind(after.parse::<i64>().unwrap_or(-1)).bind(one_more(limit)),
        Part::Answers => {
            let (actor, key) = after.split_once('\n').unwrap_or_default();
            query.bind(actor.to_owned()).bind(key.to_owned()).bind(one_more(limit))
        }
        Part::Records | Part::Tickets | Part::Messages | Part::Deliveries => query.bind(after).bind(one_more(limit)),
    };
    let rows = store.all(query).await?;
    rows.iter().map(|row| moved(part, row)).collect()
}

fn moved(part: Part, row: &SqliteRow) -> Result<MovedRow, StoreError> {
    Ok(match part {
        Part::Records => record(row)?,
        Part::Tickets => MovedRow::Ticket(row_doc(row)?),
        Part::Messages => MovedRow::Message(row_doc(row)?),
        Part::Events => MovedRow::Event(journal::event(row)?),
        Part::Answers => MovedRow::Answer {
            actor: row.try_get(0).map_err(store_error)?,
            key: row.try_get(1).map_err(store_error)?,
            answer: stored_answer(row, 2).map_err(store_error)?,
        },
        Part::Deliveries => MovedRow::Delivery(row_doc(row)?),
        Part::Seals => MovedRow::Seal(journal::seal(row)?),
    })
}

fn record(row: &SqliteRow) -> Result<MovedRow, StoreError> {
    let record = Record {
        kind: row.try_get(0).map_err(store_error)?,
        id: row.try_get(1).map_err(store_error)?,
        version: Version::new(uint(row.try_get(2).map_err(store_error)?)),
        doc: row.try_get(3).map_err(store_error)?,
    };
    let held: Vec<(String, String)> = read_doc(row.try_get(4).map_err(store_error)?)?;
    let key = |(scope, key): (String, String)| RecordKey {
        scope: if scope.is_empty() { KeyScope::Everywhere } else { KeyScope::Workspace },
        key,
    };
    let mut keys: Vec<RecordKey> = held.into_iter().map(key).collect();
    keys.sort();
    Ok(MovedRow::Record { record, keys })
}

pub(super) async fn import(store: &SqliteStore, workspace: WorkspaceId, import: Import) -> Result<(), CommitError> {
    if counters(store, workspace).await?.is_some() {
        return Err(CommitError::Conflict { what: workspace.to_string() });
    }
    let mut incoming = Incoming::sort(workspace, import)?;
    let sql = store.sql.clone();
    for (part, statement) in [
        (Part::Records, &sql.present_records),
        (Part::Tickets, &sql.present_tickets),
        (Part::Messages, &sql.present_messages),
        (Part::Events, &sql.present_events),
        (Part::Answers, &sql.present_answers),
        (Part::Seals, &sql.present_seals),
    ] {
        let places = write_doc(&incoming.places(part)).map_err(store_error)?;
        let query = sqlx::query(safe(statement)).bind(workspace.to_string()).bind(places);
        let rows = store.all(query).await?;
        let present: Result<BTreeSet<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        incoming.leave_out(part, &present.map_err(store_error)?);
    }
    let Incoming { rows, deliveries, seals, counters } = incoming;
    let (deliveries, seals) = (dispatch::rows(workspace, &deliveries)?, journal::rows(&seals)?);
    let rows = std::sync::Arc::new(rows);
    let written = store.writer.write(move |connection| {
        let (sql, rows, deliveries, seals) = (sql.clone(), rows.clone(), deliveries.clone(), seals.clone());
        Box::pin(async move {
            commit::write(&mut *connection, &sql, &rows, Indexing::Import).await?;
            sqlx::query(safe(&sql.put_deliveries)).bind(deliveries).execute(&mut *connection).await?;
            let query = sqlx::query(safe(&sql.put_seals)).bind(workspace.to_string()).bind(seals);
            query.execute(&mut *connection).await?;
            if let Some(Counters { last_seq, last_number, routed_seq }) = counters {
                sqlx::query(safe(&sql.open_workspace))
                    .bind(workspace.to_string())
                    .bind(int(last_seq))
                    .bind(int(last_number))
                    .bind(int(routed_seq))
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        })
    });
    written.await.map_err(refusal)
}

/// What the database says of a row that does not fit.
fn refusal(error: StoreError) -> CommitError {
    let StoreError::Unavailable(cause) = &error else { return error.into() };
    let told = cause.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    match told {
        Some(told) if told.is_foreign_key_violation() => CommitError::Missing { what: told.to_string() },
        Some(told) if told.is_unique_violation() => {
            CommitError::Taken { kind: "record".to_owned(), key: told.to_string() }
        }
        _ => error.into(),
    }
}
