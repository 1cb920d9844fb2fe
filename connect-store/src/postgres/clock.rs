//! The clock of the database: one time for all nodes that share it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use connect_core::{Clock, Timestamp};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::task::JoinHandle;
use tracing::{debug, warn};

/// How often the database is asked.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// How long it may take to answer. A later answer would be wrong by up to that.
const ANSWER: Duration = Duration::from_secs(2);

/// Tells the time of the database server.
///
/// The server is asked every ten seconds; in between this node's monotonic clock goes on from its last
/// answer. So leases, codes and sessions are timed alike on every node, to within a round trip, and a
/// node whose own clock is wrong or is set while it runs does no harm. While the server does not answer,
/// the time goes on.
#[derive(Debug)]
pub struct DatabaseClock {
    anchor: std::sync::Arc<Mutex<Anchor>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy)]
struct Anchor {
    at: Instant,
    time: Timestamp,
}

impl DatabaseClock {
    pub(super) async fn start(mut connection: PgConnection, options: PgConnectOptions) -> Result<Self, sqlx::Error> {
        let anchor = std::sync::Arc::new(Mutex::new(ask(&mut connection).await?));
        let known = anchor.clone();
        let task = tokio::spawn(async move {
            let mut connection = Some(connection);
            loop {
                tokio::time::sleep(ASK_EVERY).await;
                let answer = tokio::time::timeout(ANSWER, async {
                    let mut open = match connection.take() {
                        Some(open) => open,
                        None => options.connect().await?,
                    };
                    let answer = ask(&mut open).await?;
                    connection = Some(open);
                    Ok::<_, sqlx::Error>(answer)
                });
                match answer.await {
                    Ok(Ok(answer)) => *known.lock().unwrap_or_else(PoisonError::into_inner) = answer,
                    Ok(Err(error)) => warn!(%error, "the database does not tell its time"),
                    Err(_) => debug!("the database takes long to tell its time"),
                }
            }
        });
        Ok(Self { anchor, task })
    }

    /// Asks no more; the time goes on.
    pub(super) fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for DatabaseClock {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        let Anchor { at, time } = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        time.plus(at.elapsed())
    }
}

async fn ask(connection: &mut PgConnection) -> Result<Anchor, sqlx::Error> {
    let before = Instant::now();
    let statement = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    let micros: i64 = sqlx::query_scalar(statement).fetch_one(connection).await?;
    // The server looked at its clock somewhere on the way: half of it is the best guess.
    Ok(Anchor { at: before + before.elapsed() / 2, time: Timestamp::from_micros(micros) })
}
