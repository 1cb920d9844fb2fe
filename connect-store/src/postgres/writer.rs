//! The tasks that commit. Each workspace belongs to one of them, so within a node its commits never meet;
//! what waits for the same task is written as a group.

use std::collections::BTreeMap;
use std::time::Duration;

use connect_core::{ChangeParts, CommitError, Committed, StoreError, WorkspaceId};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::warn;

use super::commit::{self, Group, Judged, Outcome};
use super::sql::Sql;
use super::{TRIES, code, is_serialization_failure, no_answer, open};
use crate::sql::{safe, store_error};

/// Commits that may wait for a task before callers wait to hand theirs in.
const QUEUE: usize = 1024;
/// Groups between two clean-ups of ended answers.
const CLEAN_EVERY: u32 = 512;
/// For how long a lost connection is made good before the outcome counts as unknown.
const RESOLVE: Duration = Duration::from_secs(20);
/// How long one statement may take before its connection counts as lost.
const STATEMENT: Duration = Duration::from_secs(10);

type Answer = oneshot::Sender<Outcome>;

enum Job {
    Commit { workspace: WorkspaceId, changes: ChangeParts, answer: Answer },
    Close(oneshot::Sender<()>),
}

/// Handles to the tasks.
#[derive(Debug)]
pub(super) struct Writers {
    tasks: Vec<mpsc::Sender<Job>>,
    timeout: Duration,
}

impl Writers {
    pub(super) fn start(options: &PgConnectOptions, sql: &Sql, count: usize, group: usize, timeout: Duration) -> Self {
        let tasks = (0..count.max(1))
            .map(|_| {
                let (jobs, waiting) = mpsc::channel(QUEUE);
                let (options, sql) = (options.clone(), sql.clone());
                tokio::spawn(Task { connection: None, options, sql, group, waiting, groups: 0 }.run());
                jobs
            })
            .collect();
        Self { tasks, timeout }
    }

    pub(super) async fn commit(&self, workspace: WorkspaceId, changes: ChangeParts) -> Result<Committed, CommitError> {
        let closed = || CommitError::Store(StoreError::unavailable("the store is closed"));
        // The end of an id is random.
        let place = usize::try_from(workspace.bits() % self.tasks.len().max(1) as u128).unwrap_or(0);
        let task = self.tasks.get(place).ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        let sent = tokio::time::timeout(self.timeout, task.send(Job::Commit { workspace, changes, answer })).await;
        sent.map_err(|_| CommitError::Store(no_answer()))?.map_err(|_| closed())?;
        match tokio::time::timeout(self.timeout * 2, answered).await {
            Ok(Ok(outcome)) => outcome,
            // It waits still, and may yet be kept.
            Ok(Err(_)) | Err(_) => Err(CommitError::Unknown),
        }
    }

    pub(super) async fn close(&self) {
        for task in &self.tasks {
            let (done, closed) = oneshot::channel();
            if task.send(Job::Close(done)).await.is_ok() {
                let _ = closed.await;
            }
        }
    }
}

struct Task {
    connection: Option<PgConnection>,
    options: PgConnectOptions,
    sql: Sql,
    group: usize,
    waiting: mpsc::Receiver<Job>,
    groups: u32,
}

/// Why a group was not written.
enum Trouble {
    /// Somebody else was first, or the server decided against it: judge again.
    Again,
    /// The server refused it; nothing is written.
    Refused(sqlx::Error),
    /// Somebody else, such as a host in a transaction of its own, holds a head row; nothing is written.
    Locked(sqlx::Error),
    /// The connection was lost before anything was sent that writes.
    Unreachable(sqlx::Error),
    /// The connection was lost while it was written.
    Lost(Judged),
    /// The same, and whether it was written could not be found out.
    Unknown,
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
            let (mut group, mut answers, mut close) = (Group::new(), Vec::new(), None);
            for job in jobs {
                match job {
                    // Nobody waits for it any more and nothing of it was done.
                    Job::Commit { answer, .. } if answer.is_closed() => {}
                    Job::Commit { workspace, changes, answer } => {
                        group.push((workspace, changes));
                        answers.push(answer);
                    }
                    Job::Close(done) => close = Some(done),
                }
            }
            let outcomes = self.write_all(group).await;
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                let _ = answer.send(outcome);
            }
            self.clean().await;
            if let Some(done) = close {
                if let Some(connection) = self.connection.take() {
                    let _ = connection.close().await;
                }
                let _ = done.send(());
                return;
            }
        }
    }

    /// Writes a group; where the server refuses it as a whole, each of its change sets alone, so that one
    /// that cannot be stored does not take others with it.
    async fn write_all(&mut self, group: Group) -> Vec<Outcome> {
        if group.is_empty() {
            return Vec::new();
        }
        let all = group.len();
        match self.write(group.clone()).await {
            Ok(outcomes) => outcomes,
            Err(Trouble::Locked(_)) if group.iter().any(|(workspace, _)| *workspace != group[0].0) => {
                self.write_apart(group).await
            }
            Err(Trouble::Refused(_)) if all > 1 => {
                let mut outcomes = Vec::with_capacity(all);
                for one in group {
                    let outcome = self.write(vec![one]).await;
                    outcomes.push(outcome.map_or_else(
                        |trouble| Err(outcome_of(trouble)),
                        |mut list| list.pop().unwrap_or(Err(CommitError::Unknown)),
                    ));
                }
                outcomes
            }
            Err(trouble) => refused(trouble, all),
        }
    }

    /// Writes the change sets of each workspace on their own: one workspace that is locked does not hold up
    /// the others.
    async fn write_apart(&mut self, group: Group) -> Vec<Outcome> {
        let mut by_workspace: BTreeMap<WorkspaceId, (Vec<usize>, Group)> = BTreeMap::new();
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(group.len());
        for (place, (workspace, changes)) in group.into_iter().enumerate() {
            let (places, sets) = by_workspace.entry(workspace).or_default();
            places.push(place);
            sets.push((workspace, changes));
            outcomes.push(Err(CommitError::Unknown));
        }
        for (_, (places, sets)) in by_workspace {
            let count = sets.len();
            let written = self.write(sets).await.unwrap_or_else(|trouble| refused(trouble, count));
            for (place, outcome) in places.into_iter().zip(written) {
                outcomes[place] = outcome;
            }
        }
        outcomes
    }

    async fn write(&mut self, group: Group) -> Result<Vec<Outcome>, Trouble> {
        let mut lost: Vec<Judged> = Vec::new();
        for attempt in 1..=TRIES {
            match self.attempt(group.clone(), &mut lost).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(Trouble::Again) => {
                    // Whoever was first is done now; a little patience keeps two nodes from meeting again.
                    tokio::time::sleep(Duration::from_millis(attempt.saturating_sub(1) * 3)).await;
                }
                Err(Trouble::Lost(judged)) => lost.push(judged),
                Err(other) => return Err(other),
            }
            // What was first may have been this very group, sent over a connection that was lost since.
            for place in 0..lost.len() {
                if self.resolve(&lost[place]).await? {
                    return Ok(lost.swap_remove(place).outcomes);
                }
            }
        }
        Err(Trouble::Refused(sqlx::Error::Protocol("too many others write to the same workspaces".into())))
    }

    /// Judges and writes once. `lost` are earlier attempts whose outcome nobody knows: one of them may still be
    /// written by the server while this one is judged, and then is the outcome.
    async fn attempt(&mut self, group: Group, lost: &mut Vec<Judged>) -> Result<Vec<Outcome>, Trouble> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await.map_err(Trouble::Unreachable)?,
        };
        let judged = match within(commit::judge_group(&mut connection, &self.sql, group)).await {
            Ok(judged) => judged,
            // Nothing was sent that writes: a connection that broke while nobody used it is simply replaced.
            Err(error) => {
                return Err(match self.trouble(connection, error, None) {
                    Trouble::Unreachable(_) => Trouble::Again,
                    other => other,
                });
            }
        };
        // Behind the judging: what is written from here on is refused, as the head rows will have moved.
        for place in 0..lost.len() {
            let Some(witness) = lost[place].witness() else { continue };
            match within(commit::was_written(&mut connection, &self.sql, witness)).await {
                Ok(false) => {}
                Ok(true) => {
                    self.connection = Some(connection);
                    return Ok(lost.swap_remove(place).outcomes);
                }
                Err(error) => return Err(self.trouble(connection, error, Some(judged))),
            }
        }
        if judged.is_empty() {
            self.connection = Some(connection);
            return Ok(judged.outcomes);
        }
        match within(commit::write_group(&mut connection, &self.sql, &judged)).await {
            Ok(()) => {
                self.connection = Some(connection);
                Ok(judged.outcomes)
            }
            Err(error) => Err(self.trouble(connection, error, Some(judged))),
        }
    }

    fn trouble(&mut self, connection: PgConnection, error: sqlx::Error, judged: Option<Judged>) -> Trouble {
        let state = code(&error);
        let is_told = error.as_database_error().is_some();
        // Class 57 is the server going down, 08 the connection: what was said after that does not count.
        let is_lost =
            !is_told || state.as_deref().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"));
        if !is_lost {
            self.connection = Some(connection);
            // 23505: somebody else took a key or a number after this group was judged.
            return if is_serialization_failure(&error) || matches!(state.as_deref(), Some("CN001" | "23505")) {
                Trouble::Again
            } else if state.as_deref() == Some("55P03") {
                Trouble::Locked(error)
            } else {
                warn!(%error, "the database refused a commit");
                Trouble::Refused(error)
            };
        }
        warn!(%error, "the writing connection was lost");
        drop(connection);
        match judged {
            None => Trouble::Unreachable(error),
            Some(judged) => Trouble::Lost(judged),
        }
    }

    /// Whether a group was written whose connection was lost meanwhile.
    async fn resolve(&mut self, judged: &Judged) -> Result<bool, Trouble> {
        let Some(witness) = judged.witness() else { return Ok(false) };
        let until = Instant::now() + RESOLVE;
        let mut wait = Duration::from_millis(50);
        while Instant::now() < until {
            if let Ok(mut connection) = self.connect().await {
                match within(commit::was_written(&mut connection, &self.sql, witness)).await {
                    Ok(written) => {
                        self.connection = Some(connection);
                        return Ok(written);
                    }
                    Err(error) => warn!(%error, "the outcome of a commit is not known yet"),
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(1));
        }
        Err(Trouble::Unknown)
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        within(async {
            let mut connection = self.options.connect().await?;
            open::limit(&mut connection).await?;
            // The same few statements with arrays of any length: planning them anew each time costs as much as
            // a quarter of a group.
            sqlx::raw_sql("SET plan_cache_mode = 'force_generic_plan'").execute(&mut connection).await?;
            Ok(connection)
        })
        .await
    }

    /// Removes answers whose time is over. Failing is no harm: they do not count any more.
    async fn clean(&mut self) {
        self.groups = self.groups.wrapping_add(1);
        if !self.groups.is_multiple_of(CLEAN_EVERY) {
            return;
        }
        let Some(mut connection) = self.connection.take() else { return };
        match within(sqlx::query(safe(&self.sql.drop_ended_answers)).execute(&mut connection)).await {
            Ok(_) => self.connection = Some(connection),
            Err(error) => warn!(%error, "ended answers could not be removed"),
        }
    }
}

/// The same for every change set of a group.
fn refused(trouble: Trouble, count: usize) -> Vec<Outcome> {
    let first = outcome_of(trouble);
    let cause = first.to_string();
    let unknown = matches!(first, CommitError::Unknown);
    let again = || if unknown { CommitError::Unknown } else { StoreError::unavailable(cause.clone()).into() };
    (0..count).map(|_| Err(again())).collect()
}

fn outcome_of(trouble: Trouble) -> CommitError {
    match trouble {
        Trouble::Refused(error) | Trouble::Locked(error) | Trouble::Unreachable(error) => {
            CommitError::Store(store_error(error))
        }
        Trouble::Again => CommitError::Store(StoreError::unavailable("too many others write to the same workspace")),
        Trouble::Lost(_) | Trouble::Unknown => CommitError::Unknown,
    }
}

/// An answer in time, or an error like that of a lost connection.
async fn within<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(STATEMENT, answer).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
