//! Records by their unique keys: what callers wait for at the same time is asked for in one statement.
//!
//! Every ticket that is opened begins with such a read. Under load a statement costs the server and the
//! driver more than the row it answers, so those that meet share one; alone, a read goes out at once.

use std::sync::Arc;
use std::time::Duration;

use connect_core::record::Record;
use connect_core::{StoreError, WorkspaceId};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, Row};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::sql::Sql;
use super::{code, no_answer, read, reading, was_read};
use crate::readers::Readers;
use crate::sql::{safe, store_error};

/// Statements under way at once. More of them would only mean that fewer callers share one.
const AT_ONCE: usize = 2;
/// Most callers that share a statement.
const MOST: usize = 64;
/// Callers that may wait before others wait to be let in.
const QUEUE: usize = 1024;

type Found = Result<Option<Record>, StoreError>;

/// What one caller looks for.
struct Wanted {
    workspace: String,
    kind: &'static str,
    key: String,
    answer: oneshot::Sender<Found>,
}

/// The handle to the task that asks.
#[derive(Debug)]
pub(super) struct Lookups {
    waiting: mpsc::Sender<Wanted>,
    patience: Duration,
}

impl Lookups {
    /// Starts the task; it ends with the handle.
    pub(super) fn start(reads: Arc<Readers<Postgres>>, sql: Sql, timeout: Duration) -> Self {
        let (waiting, queue) = mpsc::channel(QUEUE);
        tokio::spawn(serve(queue, Arc::new(Asker { reads, sql, timeout })));
        Self { waiting, patience: 2 * timeout }
    }

    /// The record that holds a key in a workspace. Waiting for a turn may take as long as the statement.
    pub(super) async fn find(&self, workspace: WorkspaceId, kind: &'static str, key: String) -> Found {
        let closed = || StoreError::unavailable("the store is closed");
        let (answer, answered) = oneshot::channel();
        let wanted = Wanted { workspace: workspace.to_string(), kind, key, answer };
        let asked = async {
            self.waiting.send(wanted).await.map_err(|_| closed())?;
            answered.await.map_err(|_| closed())?
        };
        tokio::time::timeout(self.patience, asked).await.map_err(|_| no_answer())?
    }
}

async fn serve(mut queue: mpsc::Receiver<Wanted>, asker: Arc<Asker>) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut batch = Vec::new();
    while let Ok(turn) = turns.clone().acquire_owned().await {
        if queue.recv_many(&mut batch, MOST).await == 0 {
            return;
        }
        let (batch, asker) = (std::mem::take(&mut batch), asker.clone());
        tokio::spawn(async move {
            asker.answer(batch).await;
            drop(turn);
        });
    }
}

struct Asker {
    reads: Arc<Readers<Postgres>>,
    sql: Sql,
    timeout: Duration,
}

impl Asker {
    async fn answer(&self, mut batch: Vec<Wanted>) {
        batch.retain(|wanted| !wanted.answer.is_closed());
        if batch.is_empty() {
            return;
        }
        // One key that the server does not take, such as one with a NUL, must not fail the others: it is found by
        // halving, one statement after the other, so that nobody outside this batch waits for a connection.
        let mut batches = vec![batch];
        while let Some(mut batch) = batches.pop() {
            match self.ask(&batch).await {
                Ok(found) => {
                    for (wanted, found) in batch.into_iter().zip(found) {
                        let _ = wanted.answer.send(found);
                    }
                }
                Err(Failure::Key(_)) if batch.len() > 1 => {
                    let second = batch.split_off(batch.len() / 2);
                    batches.extend([second, batch]);
                }
                // What fails for another reason would fail again, and take as long.
                Err(Failure::Key(error) | Failure::Store(error)) => {
                    for wanted in batch {
                        let _ = wanted.answer.send(Err(once_more(&error)));
                    }
                }
            }
        }
    }

    /// What was found for each, in their order.
    async fn ask(&self, batch: &[Wanted]) -> Result<Vec<Found>, Failure> {
        let texts = |text: fn(&Wanted) -> &str| batch.iter().map(|wanted| text(wanted).to_owned()).collect::<Vec<_>>();
        let query = sqlx::query(safe(&self.sql.find))
            .bind(texts(|wanted| &wanted.workspace))
            .bind(texts(|wanted| wanted.kind))
            .bind(texts(|wanted| &wanted.key));
        let mut reader = reading(&self.reads, self.timeout).await?;
        let rows = tokio::time::timeout(self.timeout, query.fetch_all(reader.connection())).await;
        if let Ok(Err(error)) = &rows
            && is_about_data(error)
        {
            return was_read(rows, reader).map(|_: Vec<PgRow>| Vec::new()).map_err(Failure::Key);
        }
        let mut found: Vec<Found> = batch.iter().map(|_| Ok(None)).collect();
        for row in was_read(rows, reader)? {
            if let Some(place) = place(&row)?.and_then(|place| found.get_mut(place)) {
                *place = read::record(&row).map(Some);
            }
        }
        Ok(found)
    }
}

/// Why a statement failed.
enum Failure {
    /// The server does not take one of the keys.
    Key(StoreError),
    /// For all of its callers.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The same error for another caller.
fn once_more(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(cause) => StoreError::unavailable(cause.to_string()),
        StoreError::Corrupt(told) => StoreError::Corrupt(told.clone()),
    }
}

/// Whether the server refuses what it was given (SQLSTATE class 22).
fn is_about_data(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code.starts_with("22"))
}

/// The place of the caller a row is for; the server counts from 1.
fn place(row: &PgRow) -> Result<Option<usize>, StoreError> {
    let place: i64 = row.try_get(4).map_err(store_error)?;
    Ok(usize::try_from(place).ok().and_then(|place| place.checked_sub(1)))
}
