//! The one task that writes.
//!
//! Callers send what they want written and wait for the answer; a caller that goes away disturbs
//! nothing. Jobs that wait are written in one transaction: change sets judged and written as a group,
//! everything else one after the other under a savepoint of its own. Nobody is answered before the
//! transaction is on the disk.

use std::future::Future;
use std::pin::Pin;

use connect_core::{ChangeParts, CommitError, Committed, StoreError, WorkspaceId};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use super::commit::commit_group;
use super::open;
use super::sql::Sql;
use crate::sql::{safe, store_error};

/// Jobs that may wait before callers wait to hand theirs in.
const QUEUE: usize = 4096;
/// Transactions between two clean-ups of ended answers.
const CLEAN_EVERY: u32 = 512;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Answer = oneshot::Sender<Result<Committed, CommitError>>;

/// One write that is not a change set.
trait Work: Send {
    /// Writes, and keeps the result until it is known whether the transaction held.
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<(), sqlx::Error>>;
    /// Answers the caller.
    fn finish(self: Box<Self>, error: Option<StoreError>);
}

enum Job {
    Commit { workspace: WorkspaceId, changes: ChangeParts, answer: Answer },
    Work(Box<dyn Work>),
    Close(oneshot::Sender<()>),
}

/// A handle to the task.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection, options: SqliteConnectOptions, sql: Sql, group: usize) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let task = Task { connection: Some(connection), options, sql, group, waiting, transactions: 0 };
        tokio::spawn(task.run());
        Self { jobs }
    }

    pub(super) async fn commit(&self, workspace: WorkspaceId, changes: ChangeParts) -> Result<Committed, CommitError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Commit { workspace, changes, answer }).await?;
        answered.await.unwrap_or(Err(CommitError::Unknown))
    }

    /// Writes something in a transaction. The closure may be called twice, when others in the same
    /// transaction fail; what its first call wrote is then undone.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Work(Box::new(Pending { work, result: None, answer }))).await?;
        answered.await.unwrap_or_else(|_| Err(StoreError::unavailable("the writer has stopped")))
    }

    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.send(Job::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }

    async fn send(&self, job: Job) -> Result<(), StoreError> {
        self.jobs.send(job).await.map_err(|_| StoreError::unavailable("the store is closed"))
    }
}

struct Pending<T, F> {
    work: F,
    result: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Pending<T, F>
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + 'static,
{
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin(async move {
            self.result = Some((self.work)(connection).await?);
            Ok(())
        })
    }

    fn finish(self: Box<Self>, error: Option<StoreError>) {
        let result = match (error, self.result) {
            (None, Some(result)) => Ok(result),
            (Some(error), _) => Err(error),
            (None, None) => Err(StoreError::unavailable("the write was not carried out")),
        };
        let _ = self.answer.send(result);
    }
}

struct Task {
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    sql: Sql,
    group: usize,
    waiting: mpsc::Receiver<Job>,
    transactions: u32,
}

impl Task {
    async fn run(mut self) {
        while let Some(first) = self.waiting.recv().await {
            let mut jobs = vec![first];
            while jobs.len() < self.group
                && let Ok(job) = self.waiting.try_recv()
            {
                jobs.push(job);
            }
            let (commits, works, close) = sort(jobs);
            self.write(commits, works).await;
            if let Some(done) = close {
                if let Some(connection) = self.connection.take() {
                    let _ = connection.close().await;
                }
                let _ = done.send(());
                return;
            }
        }
    }

    async fn write(&mut self, commits: Vec<(WorkspaceId, ChangeParts, Answer)>, works: Vec<Box<dyn Work>>) {
        if commits.is_empty() && works.is_empty() {
            return;
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => match open::reopen(self.options.clone()).await {
                Ok(connection) => connection,
                Err(error) => return refuse(commits, works, &error),
            },
        };
        let broken = self.transaction(&mut connection, commits, works).await;
        if broken {
            warn!("the writing connection broke and is opened again");
            let _ = connection.close_hard().await;
        } else {
            self.connection = Some(connection);
        }
    }

    /// Writes a group in one transaction; answers whether the connection is of no more use.
    async fn transaction(
        &mut self,
        connection: &mut SqliteConnection,
        commits: Vec<(WorkspaceId, ChangeParts, Answer)>,
        mut works: Vec<Box<dyn Work>>,
    ) -> bool {
        if let Err(error) = sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await {
            refuse(commits, works, &error);
            return sqlx::query("ROLLBACK").execute(&mut *connection).await.is_err()
                && connection.ping().await.is_err();
        }
        let (changes, answers): (Vec<_>, Vec<_>) =
            commits.into_iter().map(|(workspace, changes, answer)| ((workspace, changes), answer)).unzip();
        let outcomes = match commit_group(&mut *connection, &self.sql, changes).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let rolled_back = roll_back(connection).await;
                let cause = error.to_string();
                answers.into_iter().for_each(|answer| {
                    let _ = answer.send(Err(CommitError::Store(StoreError::unavailable(cause.clone()))));
                });
                works.into_iter().for_each(|work| work.finish(Some(StoreError::unavailable(cause.clone()))));
                return !rolled_back;
            }
        };
        let mut failed: Vec<Option<sqlx::Error>> = Vec::with_capacity(works.len());
        for (place, work) in works.iter_mut().enumerate() {
            match under_savepoint(connection, place, work.as_mut()).await {
                Ok(outcome) => failed.push(outcome.err()),
                // SQLite has given the whole transaction up: nothing of it may be taken for done.
                Err(error) => {
                    let rolled_back = roll_back(connection).await;
                    let cause = error.to_string();
                    warn!(%cause, "a transaction was given up");
                    answers.into_iter().for_each(|answer| {
                        let _ = answer.send(Err(CommitError::Store(StoreError::unavailable(cause.clone()))));
                    });
                    works.into_iter().for_each(|work| work.finish(Some(StoreError::unavailable(cause.clone()))));
                    return !rolled_back;
                }
            }
        }
        self.transactions = self.transactions.wrapping_add(1);
        if self.transactions.is_multiple_of(CLEAN_EVERY) {
            self.clean(connection).await;
        }
        let committed = sqlx::query("COMMIT").execute(&mut *connection).await;
        let mut usable = true;
        if let Err(error) = &committed {
            warn!(%error, "a transaction could not be committed");
            usable = roll_back(connection).await;
        }
        let cause = committed.err().map(|error| error.to_string());
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            let outcome = match &cause {
                Some(cause) => Err(CommitError::Store(StoreError::unavailable(cause.clone()))),
                None => outcome,
            };
            let _ = answer.send(outcome);
        }
        for (work, failed) in works.into_iter().zip(failed) {
            let error = cause.clone().map(StoreError::unavailable).or_else(|| failed.map(store_error));
            work.finish(error);
        }
        !usable
    }

    /// Removes answers whose time is over. Failing is no harm: they do not count any more.
    async fn clean(&self, connection: &mut SqliteConnection) {
        let now = "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)";
        if let Ok(now) = sqlx::query_scalar::<_, i64>(now).fetch_one(&mut *connection).await {
            let cleaned = sqlx::query(safe(&self.sql.drop_ended_answers)).bind(now).execute(&mut *connection).await;
            if let Err(error) = cleaned {
                warn!(%error, "ended answers could not be removed");
            }
        }
    }
}

type Sorted = (Vec<(WorkspaceId, ChangeParts, Answer)>, Vec<Box<dyn Work>>, Option<oneshot::Sender<()>>);

fn sort(jobs: Vec<Job>) -> Sorted {
    let (mut commits, mut works, mut close) = (Vec::new(), Vec::new(), None);
    for job in jobs {
        match job {
            Job::Commit { workspace, changes, answer } => commits.push((workspace, changes, answer)),
            Job::Work(work) => works.push(work),
            Job::Close(done) => close = Some(done),
        }
    }
    (commits, works, close)
}

fn refuse(commits: Vec<(WorkspaceId, ChangeParts, Answer)>, works: Vec<Box<dyn Work>>, error: &sqlx::Error) {
    let cause = error.to_string();
    warn!(%cause, "the database takes no writes");
    for (_, _, answer) in commits {
        let _ = answer.send(Err(CommitError::Store(StoreError::unavailable(cause.clone()))));
    }
    for work in works {
        work.finish(Some(StoreError::unavailable(cause.clone())));
    }
}

async fn roll_back(connection: &mut SqliteConnection) -> bool {
    // SQLite has rolled back by itself after some errors; then there is nothing to roll back, and that is fine.
    let rolled_back = sqlx::query("ROLLBACK").execute(&mut *connection).await.is_ok();
    rolled_back || connection.ping().await.is_ok()
}

/// Carries out one work so that it can fail alone. The outer error means that the transaction is lost.
async fn under_savepoint(
    connection: &mut SqliteConnection,
    place: usize,
    work: &mut dyn Work,
) -> Result<Result<(), sqlx::Error>, sqlx::Error> {
    let name = |verb: &str| AssertSqlSafe(format!("{verb} work_{place}"));
    sqlx::query(name("SAVEPOINT")).execute(&mut *connection).await?;
    let outcome = work.run(&mut *connection).await;
    if outcome.is_err() {
        sqlx::query(name("ROLLBACK TO")).execute(&mut *connection).await?;
    }
    sqlx::query(name("RELEASE")).execute(&mut *connection).await?;
    Ok(outcome)
}
