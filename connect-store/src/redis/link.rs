//! The one connection to Redis: shared, bounded in time, opened again when it breaks.
//!
//! The driver's own reconnecting manager is not used: a link that is dead without saying so (a machine
//! that lost power) only times out, and the manager keeps such a link. Here a call without an answer gives
//! the link up, and a server is asked again on every new link whether it evicts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, RedisResult, ScriptInvocation, Value};
use connect_core::StoreError;
use tokio::time::Instant;

use super::RedisError;

/// For so long after a failed attempt to connect, calls fail without another one.
const REST: Duration = Duration::from_millis(250);

/// Whether a call may be sent a second time when the link broke under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It counts or uses something up: unknown stays unknown.
    Never,
    /// It reads, or writes the same again.
    Once,
}

/// A connection with its number.
type Numbered = (u64, MultiplexedConnection);

#[derive(Default)]
struct Slot {
    connection: Option<Numbered>,
    dialled: u64,
    failed: Option<(Instant, RedisError)>,
}

pub(super) struct Link {
    client: Client,
    timeout: Duration,
    slot: Mutex<Slot>,
    /// Held while connecting, so that parallel callers make one attempt and not one each.
    dialling: tokio::sync::Mutex<()>,
}

impl Link {
    pub(super) fn new(client: Client, timeout: Duration) -> Self {
        Self { client, timeout, slot: Mutex::default(), dialling: tokio::sync::Mutex::default() }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known without asking: a connection, or a failure that is fresh.
    fn known(&self) -> Option<Result<Numbered, RedisError>> {
        let slot = self.slot();
        if let Some(connection) = &slot.connection {
            return Some(Ok(connection.clone()));
        }
        slot.failed.as_ref().filter(|(at, _)| at.elapsed() < REST).map(|(_, error)| Err(error.clone()))
    }

    /// The connection; a new one if there is none.
    pub(super) async fn connection(&self) -> Result<Numbered, RedisError> {
        if let Some(known) = self.known() {
            return known;
        }
        let _dialling = self.dialling.lock().await;
        // Whoever held the lock before may have connected, or found out that it cannot be done.
        if let Some(known) = self.known() {
            return known;
        }
        // Less than a call's time, so that a failure is noted before the call is given up.
        let patience = self.timeout * 4 / 5;
        let dialled = tokio::time::timeout(patience, dial(&self.client, self.timeout)).await;
        let dialled =
            dialled.unwrap_or_else(|_| Err(RedisError::Unreachable { cause: "no answer in time".to_owned() }));
        let mut slot = self.slot();
        match dialled {
            Ok(connection) => {
                slot.dialled += 1;
                slot.failed = None;
                let numbered = (slot.dialled, connection);
                slot.connection = Some(numbered.clone());
                Ok(numbered)
            }
            Err(error) => {
                slot.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Gives a connection up, unless it has been replaced already.
    fn forget(&self, number: u64) {
        let mut slot = self.slot();
        if slot.connection.as_ref().is_some_and(|(known, _)| *known == number) {
            slot.connection = None;
        }
    }

    /// Runs a script, within the time of a call.
    pub(super) async fn ask(&self, call: &ScriptInvocation<'_>, repeat: Repeat) -> Result<Value, StoreError> {
        let used = AtomicU64::new(0);
        match tokio::time::timeout(self.timeout, self.run(call, repeat, &used)).await {
            Ok(answer) => answer,
            Err(_) => {
                self.forget(used.load(Ordering::Relaxed));
                Err(StoreError::unavailable("redis: no answer in time"))
            }
        }
    }

    async fn run(
        &self,
        call: &ScriptInvocation<'_>,
        mut repeat: Repeat,
        used: &AtomicU64,
    ) -> Result<Value, StoreError> {
        loop {
            let connected = self.connection().await;
            let (number, mut connection) =
                connected.map_err(|error| StoreError::unavailable(format!("redis: {error}")))?;
            used.store(number, Ordering::Relaxed);
            let answer: RedisResult<Value> = call.invoke_async(&mut connection).await;
            let error = match answer {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if !is_broken(&error) {
                return Err(store_error(&error));
            }
            self.forget(number);
            if repeat == Repeat::Never {
                return Err(store_error(&error));
            }
            repeat = Repeat::Never;
        }
    }
}

/// A new connection to a server that does not evict.
async fn dial(client: &Client, timeout: Duration) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(timeout)).set_response_timeout(Some(timeout));
    let connected = client.get_multiplexed_async_connection_with_config(&config).await;
    let mut connection = connected.map_err(|error| connect_error(&error))?;
    let info: RedisResult<String> = ::redis::cmd("INFO").arg("memory").query_async(&mut connection).await;
    keeps_all(&info.map_err(|error| connect_error(&error))?)?;
    Ok(connection)
}

/// Refuses a server that drops keys when its memory is full. `INFO` is read rather than `CONFIG`, which
/// hosted servers often forbid.
fn keeps_all(info: &str) -> Result<(), RedisError> {
    let field = |name: &str| info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'));
    let (Some(limit), Some(policy)) = (field("maxmemory"), field("maxmemory_policy")) else {
        return Err(RedisError::Refused { cause: "INFO memory does not tell maxmemory and its policy".to_owned() });
    };
    if limit == "0" || policy == "noeviction" {
        return Ok(());
    }
    Err(RedisError::Evicts { policy: policy.to_owned() })
}

/// Whether the link is of no use any more. A primary that became a replica (`READONLY`) is as good as
/// gone: the name may lead to its successor by now.
fn is_broken(error: &::redis::RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error() || error.code() == Some("READONLY")
}

fn is_corrupt(error: &::redis::RedisError) -> bool {
    matches!(error.code(), Some("CORRUPT" | "WRONGTYPE"))
}

/// The error in words. A server's own text is left out where it may quote what was sent, such as a
/// password.
fn words(error: &::redis::RedisError) -> String {
    match error.code() {
        Some(code) if is_corrupt(error) => format!("{code} {}", error.detail().unwrap_or_default()),
        Some(code) => format!("the server answers {code}"),
        None if error.is_io_error() => error.to_string(),
        None => error.category().to_owned(),
    }
}

pub(super) fn connect_error(error: &::redis::RedisError) -> RedisError {
    let cause = words(error);
    if error.is_io_error() { RedisError::Unreachable { cause } } else { RedisError::Refused { cause } }
}

fn store_error(error: &::redis::RedisError) -> StoreError {
    let text = format!("redis: {}", words(error));
    if is_corrupt(error) { StoreError::Corrupt(text) } else { StoreError::unavailable(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_evicts_is_refused() {
        let info = |limit, policy| format!("# Memory\r\nmaxmemory:{limit}\r\nmaxmemory_policy:{policy}\r\n");
        assert_eq!(keeps_all(&info("0", "allkeys-lru")), Ok(()));
        assert_eq!(keeps_all(&info("1000", "noeviction")), Ok(()));
        let evicts = RedisError::Evicts { policy: "volatile-ttl".to_owned() };
        assert_eq!(keeps_all(&info("1000", "volatile-ttl")), Err(evicts));
        assert!(matches!(keeps_all("# Memory\r\n"), Err(RedisError::Refused { .. })));
    }
}
