//! Rows as they are stored: out of this store, and into it.

use std::collections::BTreeSet;

use connect_core::record::{KeyScope, Record, RecordKey};
use connect_core::store::{Counters, ExportList, Import, MovedRow, Part};
use connect_core::{CommitError, StoreError, Version, WorkspaceId};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::commit::{self, stored_answer};
use super::rows::{self, Arguments};
use super::{PostgresStore, code, dispatch, journal, row_doc};
use crate::group::{self, Incoming};
use crate::sql::{int, one_more, read_doc, safe, store_error, uint};

pub(super) async fn counters(store: &PostgresStore, workspace: WorkspaceId) -> Result<Option<Counters>, StoreError> {
    let query = sqlx::query(safe(&store.inner.sql.counters)).bind(workspace.to_string());
    let row = store.optional(query).await?;
    let read = |row: PgRow| -> Result<Counters, sqlx::Error> {
        Ok(Counters {
            last_seq: uint(row.try_get(0)?),
            last_number: uint(row.try_get(1)?),
            routed_seq: uint(row.try_get(2)?),
        })
    };
    row.map(read).transpose().map_err(store_error)
}

pub(super) async fn export(
    store: &PostgresStore,
    workspace: WorkspaceId,
    list: ExportList,
) -> Result<Vec<MovedRow>, StoreError> {
    let ExportList { part, after, limit } = list;
    let sql = &store.inner.sql;
    let statement = match part {
        Part::Records => &sql.export_records,
        Part::Tickets => &sql.export_tickets,
        Part::Messages => &sql.export_messages,
        Part::Events => &sql.events,
        Part::Answers => &sql.export_answers,
        Part::Deliveries => &sql.export_deliveries,
        Part::Seals => &sql.export_seals,
    };
    let after = after.unwrap_or_default();
    let query = sqlx::query(safe(statement)).bind(workspace.to_string());
    let query = match part {
        Part::Events => {
            let none: Vec<String> = Vec::new();
            query.bind(after.parse::<i64>().unwrap_or(0)).bind(one_more(limit)).bind(false).bind(none)
        }
        // The first seal begins at 0.
        Part::Seals => query.bind(after.parse::<i64>().unwrap_or(-1)).bind(one_more(limit)),
        Part::Answers => {
            let (actor, key) = after.split_once('\n').unwrap_or_default();
            query.bind(actor.to_owned()).bind(key.to_owned()).bind(one_more(limit))
        }
        Part::Records | Part::Tickets | Part::Messages | Part::Deliveries => query.bind(after).bind(one_more(limit)),
    };
    let found = store.all(query).await?;
    found.iter().map(|row| moved(part, row)).collect()
}

fn moved(part: Part, row: &PgRow) -> Result<MovedRow, StoreError> {
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
        Part::Deliveries => MovedRow::Delivery(dispatch::delivery(row)?),
        Part::Seals => MovedRow::Seal(journal::seal(row)?),
    })
}

fn record(row: &PgRow) -> Result<MovedRow, StoreError> {
    let record = Record {
        kind: row.try_get(0).map_err(store_error)?,
        id: row.try_get(1).map_err(store_error)?,
        version: Version::new(uint(row.try_get(2).map_err(store_error)?)),
        doc: row.try_get(3).map_err(store_error)?,
    };
    let mut keys = Vec::new();
    for (place, scope) in [(4, KeyScope::Workspace), (5, KeyScope::Everywhere)] {
        let texts: Vec<String> = read_doc(row.try_get(place).map_err(store_error)?)?;
        keys.extend(texts.into_iter().map(|key| RecordKey { scope, key }));
    }
    Ok(MovedRow::Record { record, keys })
}

pub(super) async fn import(store: &PostgresStore, workspace: WorkspaceId, import: Import) -> Result<(), CommitError> {
    if counters(store, workspace).await?.is_some() {
        return Err(CommitError::Conflict { what: workspace.to_string() });
    }
    let mut incoming = Incoming::sort(workspace, import)?;
    let sql = store.inner.sql.clone();
    for (part, statement) in [
        (Part::Records, &sql.present_records),
        (Part::Tickets, &sql.present_tickets),
        (Part::Messages, &sql.present_messages),
        (Part::Events, &sql.present_events),
        (Part::Answers, &sql.present_answers),
        (Part::Seals, &sql.present_seals),
    ] {
        let places = incoming.places(part);
        if places.is_empty() {
            continue;
        }
        let query = sqlx::query(safe(statement)).bind(workspace.to_string()).bind(places);
        let rows = store.all(query).await?;
        let place = |row: &PgRow| row.try_get::<String, _>(0).map_err(store_error);
        let present = rows.iter().map(place).collect::<Result<BTreeSet<_>, _>>()?;
        incoming.leave_out(part, &present);
    }
    let Incoming { rows, deliveries, seals, counters } = incoming;
    let arguments = Arguments::of(&rows, |_| group::Head::default(), true).map_err(store_error)?;
    let deliveries = rows::deliveries(&deliveries).map_err(store_error)?;
    let written = store.write(move |connection| {
        let (sql, arguments, deliveries) = (sql.clone(), arguments.clone(), deliveries.clone());
        let (after, last, mac) = journal::columns(&seals);
        Box::pin(async move {
            commit::write_rows(&mut *connection, &sql, arguments, 3000).await?;
            sqlx::query(safe(&sql.import_deliveries))
                .bind(workspace.to_string())
                .bind(deliveries)
                .execute(&mut *connection)
                .await?;
            let query = sqlx::query(safe(&sql.put_seals)).bind(workspace.to_string());
            query.bind(after).bind(last).bind(mac).execute(&mut *connection).await?;
            if let Some(Counters { last_seq, last_number, routed_seq }) = counters {
                sqlx::query(safe(&sql.make_heads)).bind(vec![workspace.to_string()]).execute(&mut *connection).await?;
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
    let Some(sql) = cause.downcast_ref::<sqlx::Error>() else { return error.into() };
    let detail = sql.as_database_error().map(ToString::to_string).unwrap_or_default();
    match code(sql).as_deref() {
        Some("23503") => CommitError::Missing { what: detail },
        Some("23505") => CommitError::Taken { kind: "record".to_owned(), key: detail },
        _ => error.into(),
    }
}
