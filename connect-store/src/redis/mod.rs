//! Codes, sessions, guessing budgets, quotas and wake-ups in one Redis, for desks of several nodes.
//!
//! Redis is never the source of truth for tickets. [`RedisStore`] is an `AuthStore` and a `RateLimiter`,
//! [`RedisFeed`] a `LiveFeed`. Without Redis nobody signs in and what is counted is refused with an error;
//! tickets go on.
//!
//! - **Exact.** Whatever reads before it writes is one script, so parallel nodes count as one.
//! - **Bounded.** Every call ends within [`RedisSettings::timeout`]. A call whose outcome is unknown is an
//!   error and is not repeated; only reads are, once. Nothing is ever allowed for want of an answer.
//! - **By the caller's clock.** The rules use the instant the caller gives. The expiry that Redis is told
//!   only cleans up, and comes a minute late.
//! - **Nothing is evicted.** A server that drops keys when its memory is full would forget counters, and a
//!   forgotten counter counts as none: such a server is refused ([`RedisError::Evicts`]).
//!
//! What survives a crash of Redis is what its operator chose. Snapshots alone (`save`) bring an older state
//! back, with fewer guesses counted and used codes unused: choose `appendonly yes`, or no persistence at all.
//!
//! `rediss://` speaks TLS, checked against the roots of Mozilla. It uses the rustls provider of the process,
//! so the program must have installed one.

mod auth;
mod feed;
mod limiter;
mod link;
mod rows;
mod scripts;

use std::sync::Arc;
use std::time::Duration;

use connect_core::{StoreError, Timestamp};

pub use feed::RedisFeed;

use link::{Link, Repeat};

/// How a Redis is used.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// What the names of all keys and channels begin with: 1 to 60 of `a-z`, `0-9`, `_`, `-` and `:`.
    /// `connect:` unless said.
    pub prefix: String,
    /// How long a call may take, a new connection included. 500 ms unless said.
    pub timeout: Duration,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self { prefix: "connect:".to_owned(), timeout: Duration::from_millis(500) }
    }
}

/// Why a Redis cannot be used. No message holds the URL or a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisError {
    /// The URL is not one.
    #[error("the Redis URL must have the form redis://user:password@host:port/db, or rediss:// for TLS")]
    BadUrl,
    /// The prefix is not one.
    #[error("the Redis prefix must be 1 to 60 of a-z, 0-9, _, - and :")]
    BadPrefix,
    /// A feed needs tasks of its own.
    #[error("a Redis feed must be opened within a Tokio runtime")]
    NoRuntime,
    /// No connection, or no answer in time.
    #[error("Redis cannot be reached: {cause}")]
    Unreachable {
        /// Why.
        cause: String,
    },
    /// It answers, but will not serve: a wrong password, a right that is missing.
    #[error("Redis refuses: {cause}")]
    Refused {
        /// Why.
        cause: String,
    },
    /// It drops keys when its memory is full.
    #[error(
        "Redis has maxmemory-policy {policy} and would forget counters when its memory is full: \
         set maxmemory-policy noeviction"
    )]
    Evicts {
        /// Its policy.
        policy: String,
    },
}

/// Sign-in state and quotas in Redis. Clones share one connection.
#[derive(Clone)]
pub struct RedisStore {
    link: Arc<Link>,
    keys: Arc<Keys>,
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore").field("prefix", &self.keys.prefix).finish_non_exhaustive()
    }
}

impl RedisStore {
    /// A store that connects when it is first used, so that a program can start while Redis is away. Only
    /// the URL and the settings are checked. While the server evicts, every call fails and says so.
    pub fn open(url: &str, settings: RedisSettings) -> Result<Self, RedisError> {
        let client = client(url, &settings)?;
        let link = Arc::new(Link::new(client, settings.timeout));
        Ok(Self { link, keys: Arc::new(Keys::new(settings.prefix)) })
    }

    /// A store whose server answers now, lets us in, and does not evict.
    pub async fn connect(url: &str, settings: RedisSettings) -> Result<Self, RedisError> {
        let store = Self::open(url, settings)?;
        store.link.connection().await?;
        Ok(store)
    }

    /// Whether it can serve now: that it answers, and runs our scripts.
    pub async fn ready(&self) -> Result<(), StoreError> {
        let mut call = self.call(&scripts::SPENT);
        call.arg("");
        self.link.ask(&call, Repeat::Once).await.map(|_| ())
    }

    /// A call of a script over the tables of signing in.
    fn call<'s>(&self, script: &'s ::redis::Script) -> ::redis::ScriptInvocation<'s> {
        let mut call = script.prepare_invoke();
        for key in &self.keys.auth {
            call.key(key.as_str());
        }
        call
    }
}

/// The tables of signing in, in the order in which scripts are given them.
const TABLES: [&str; 11] = [
    "sessions",
    "session-ends",
    "tokens",
    "users",
    "challenges",
    "challenge-ends",
    "accounts",
    "budgets",
    "budget-ends",
    "flows",
    "flow-ends",
];

/// The names of all keys.
#[derive(Debug)]
struct Keys {
    prefix: String,
    /// All of signing in shares the tag in braces, on purpose: using a code up writes to challenges and to
    /// sessions in one step, and a cluster takes a step only over keys of one slot.
    auth: [String; 11],
}

impl Keys {
    fn new(prefix: String) -> Self {
        Self { auth: TABLES.map(|table| format!("{{{prefix}auth}}:{table}")), prefix }
    }

    /// A counter is a key of its own: quotas spread over a cluster.
    fn counter(&self, key: &str) -> String {
        format!("{}limit:{key}", self.prefix)
    }
}

fn client(url: &str, settings: &RedisSettings) -> Result<::redis::Client, RedisError> {
    let prefix = &settings.prefix;
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-:".contains(&b);
    if prefix.is_empty() || prefix.len() > 60 || !prefix.bytes().all(fits) {
        return Err(RedisError::BadPrefix);
    }
    // What the driver says is left out: nobody promises that it never quotes the URL.
    ::redis::Client::open(url).map_err(|_| RedisError::BadUrl)
}

/// In how many milliseconds Redis may forget what ends at `end`. It is counted from now, never given as an
/// instant, because the caller's clock need not be that of the server; and it is generous, because rules
/// do not rest on it.
fn expiry(now: Timestamp, end: Timestamp) -> u64 {
    const LATE: u64 = 60_000;
    const TEN_YEARS: u64 = 10 * 365 * 86_400_000;
    u64::try_from(end.since(now).as_millis()).unwrap_or(TEN_YEARS).min(TEN_YEARS) + LATE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_url_or_prefix_is_refused_without_quoting_the_url() {
        let error = RedisStore::open("nonsense://user:hunter2@host", RedisSettings::default()).expect_err("no URL");
        assert_eq!(error, RedisError::BadUrl);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        for prefix in ["", "a b", "{x}", "Ä", &"a".repeat(61)] {
            let settings = RedisSettings { prefix: prefix.to_owned(), ..RedisSettings::default() };
            let error = RedisStore::open("redis://127.0.0.1/", settings).expect_err("no prefix");
            assert_eq!(error, RedisError::BadPrefix, "{prefix:?}");
        }
    }

    #[test]
    fn a_store_shows_no_password() {
        let store = RedisStore::open("redis://user:hunter2@127.0.0.1/", RedisSettings::default()).expect("a URL");
        assert!(!format!("{store:?}").contains("hunter2"));
    }

    #[test]
    fn expiry_is_relative_late_and_bounded() {
        let now = Timestamp::from_micros(1_000_000);
        assert_eq!(expiry(now, now.plus(Duration::from_secs(5))), 65_000);
        assert_eq!(expiry(now, now.minus(Duration::from_secs(5))), 60_000);
        assert!(expiry(now, Timestamp::from_micros(i64::MAX)) < 1 << 40);
    }
}
