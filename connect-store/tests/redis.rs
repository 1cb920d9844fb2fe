//! Redis keeps the contracts, and fails closed: what cannot be counted is an error and never allowed.
//!
//! The cases of the kit run on the server that `CONNECT_TEST_REDIS_URL` names. Faults are played on servers
//! of their own, so that they can be killed.

#![cfg(feature = "redis")]
#![allow(clippy::expect_used)]

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use connect_core::store::{Budget, ChallengeSeen, Hint, Quota, Revoke, Signal, Signals};
use connect_core::testing::ManualClock;
use connect_core::{
    AuthStore, ChallengeId, Clock, LiveFeed, OsRandom, Random, RateLimiter, StoreError, Timestamp, UserId, WorkspaceId,
};
use connect_store::{RedisError, RedisFeed, RedisSettings, RedisStore};
use xtask::services::free_port;

/// Far more than anything here takes: a guard against hanging, no measure.
const HANG: Duration = Duration::from_secs(30);
const QUOTA: Quota = Quota::per_seconds(10, 60);

fn shared_url() -> String {
    #[allow(clippy::disallowed_methods)]
    let url = std::env::var("CONNECT_TEST_REDIS_URL");
    url.expect("CONNECT_TEST_REDIS_URL names a Redis for tests; `cargo xtask test` starts one")
}

/// Settings with a prefix that nobody else has.
fn apart() -> RedisSettings {
    let random: &dyn Random = &OsRandom;
    let prefix = format!("test:{:016x}:", u64::from_be_bytes(random.bytes::<8>()));
    // A machine that compiles and tests at once is slow; the cases are not about that.
    RedisSettings { prefix, timeout: Duration::from_secs(5) }
}

mod auth {
    use std::sync::Arc;

    use connect_store::conformance::Fresh;
    use connect_store::{MemoryStore, RedisStore};

    async fn fresh() -> Fresh {
        let (url, settings) = (super::shared_url(), super::apart());
        let tickets = Arc::new(MemoryStore::new());
        let auth = RedisStore::connect(&url, settings.clone()).await.expect("the server answers");
        Fresh {
            ports: (tickets.clone(), Arc::new(auth)),
            reopen: Box::new(move || {
                let (url, settings, tickets) = (url.clone(), settings.clone(), tickets.clone());
                Box::pin(async move {
                    let auth = RedisStore::connect(&url, settings).await.expect("the server answers again");
                    (tickets as Arc<_>, Arc::new(auth) as Arc<_>)
                })
            }),
            guard: Box::new(()),
        }
    }

    connect_store::auth_conformance!(fresh);
}

mod limiter {
    use std::sync::Arc;

    use connect_store::RedisStore;
    use connect_store::conformance::FreshLimiter;

    async fn fresh_limiter() -> FreshLimiter {
        let (url, settings) = (super::shared_url(), super::apart());
        let first = RedisStore::connect(&url, settings.clone()).await.expect("the server answers");
        let second = RedisStore::connect(&url, settings).await.expect("the server answers");
        FreshLimiter { nodes: [Arc::new(first), Arc::new(second)], guard: Box::new(()) }
    }

    connect_store::limiter_conformance!(fresh_limiter);
}

mod feed {
    use std::sync::Arc;

    use connect_store::RedisFeed;
    use connect_store::conformance::FreshFeed;

    async fn fresh_feed() -> FreshFeed {
        let (url, settings) = (super::shared_url(), super::apart());
        let first = RedisFeed::connect(&url, settings.clone()).expect("a feed");
        let second = RedisFeed::connect(&url, settings).expect("a feed");
        super::until_ready(&first).await;
        super::until_ready(&second).await;
        FreshFeed { nodes: [Arc::new(first), Arc::new(second)], guard: Box::new(()) }
    }

    connect_store::feed_conformance!(fresh_feed);
}

/// A server of a test's own, killed with it.
struct Server {
    process: Child,
    port: u16,
    options: Vec<&'static str>,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server {
    fn start(options: &[&'static str]) -> Self {
        let port = free_port().expect("a free port");
        let folder = tempfile::tempdir().expect("a folder");
        let process = spawn(port, options, folder.path());
        Self { process, port, options: options.to_vec(), folder }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// As a loss of power would: `Child::kill` is SIGKILL.
    fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn restart(&mut self) {
        self.kill();
        self.process = spawn(self.port, &self.options, self.folder.path());
    }

    /// Sends a command as a foreign client would.
    fn command(&self, words: &[&str]) {
        let port = self.port.to_string();
        let output = Command::new("redis-cli").args(["-p", &port]).args(words).output().expect("redis-cli runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && !said.contains("ERR"), "{words:?}: {said}");
    }
}

fn spawn(port: u16, options: &[&str], folder: &std::path::Path) -> Child {
    let mut process = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(folder)
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server starts");
    for _ in 0..150 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return process;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let _ = process.kill();
    let _ = process.wait();
    panic!("redis-server does not answer on port {port}")
}

fn now() -> Timestamp {
    ManualClock::default().now()
}

async fn until_ready(feed: &RedisFeed) {
    for _ in 0..300 {
        if feed.ready().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the feed is not ready after half a minute")
}

/// Waits for a signal, passing over others.
async fn heard(signals: &mut Signals, wanted: Signal) {
    let found = async {
        while let Some(signal) = signals.next().await {
            if signal == wanted {
                return true;
            }
        }
        false
    };
    let found = tokio::time::timeout(HANG, found).await;
    assert_eq!(found, Ok(true), "{wanted:?} is heard");
}

/// Every call answers that the store is unavailable, and soon.
async fn all_calls_are_unavailable(store: &RedisStore) {
    fn unavailable<T: std::fmt::Debug>(what: &str, answer: Result<T, StoreError>) {
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{what}: {answer:?}");
    }
    let began = Instant::now();
    let challenge = ChallengeId::from_bits(1);
    let budget = Budget { limit: 5, window: Duration::from_secs(60) };
    unavailable("take", store.take("k".into(), QUOTA, now()).await);
    unavailable("attempt", store.attempt(challenge, [1; 32], now()).await);
    unavailable("challenge", store.challenge(challenge).await);
    unavailable("spend", store.spend("ada".into(), budget, now()).await);
    unavailable("spent", store.spent("ada".into(), now()).await);
    unavailable("session", store.session([1; 32]).await);
    unavailable("sessions", store.sessions(UserId::from_bits(1), now()).await);
    unavailable("revoke", store.revoke(UserId::from_bits(1), Revoke::All).await);
    unavailable("sweep", store.sweep(now()).await);
    unavailable("ready", store.ready().await);
    assert!(began.elapsed() < HANG, "no call hangs");
}

#[tokio::test]
async fn a_wrong_password_is_refused_without_showing_it() {
    let server = Server::start(&["--requirepass", "right"]);
    let url = format!("redis://:hunter2@127.0.0.1:{}/", server.port);
    let error = RedisStore::connect(&url, apart()).await.expect_err("a wrong password");
    assert!(matches!(error, RedisError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("authentication"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    let store = RedisStore::open(&url, apart()).expect("only the URL is checked");
    let error = store.take("k".into(), QUOTA, now()).await.expect_err("nothing is allowed");
    assert!(!format!("{error} {error:?} {store:?}").contains("hunter2"), "{error:?}");
    let none = RedisStore::connect(&server.url(), apart()).await.expect_err("no password");
    assert!(matches!(none, RedisError::Refused { .. }), "{none:?}");
    let right = format!("redis://:right@127.0.0.1:{}/", server.port);
    RedisStore::connect(&right, apart()).await.expect("the right one is let in");
}

#[tokio::test]
async fn nothing_is_allowed_while_nobody_answers() {
    let settings = RedisSettings { timeout: Duration::from_millis(300), ..apart() };
    // A port where nobody listens, and a host that takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_port = silent.local_addr().expect("an address").port();
    for port in [free_port().expect("a free port"), silent_port] {
        let url = format!("redis://127.0.0.1:{port}/");
        let error = RedisStore::connect(&url, settings.clone()).await.expect_err("nobody answers");
        assert!(matches!(error, RedisError::Unreachable { .. }), "{error:?}");
        let store = RedisStore::open(&url, settings.clone()).expect("it need not answer yet");
        all_calls_are_unavailable(&store).await;
        let feed = RedisFeed::connect(&url, settings.clone()).expect("a feed keeps trying");
        assert!(feed.ready().await.is_err());
        let mut signals = feed.subscribe();
        let hint = Hint { workspace: WorkspaceId::from_bits(1), seq: 1 };
        feed.publish(hint);
        heard(&mut signals, Signal::Look(hint)).await;
    }
}

#[tokio::test]
async fn parallel_callers_of_a_dead_server_do_not_queue_up() {
    let settings = RedisSettings { timeout: Duration::from_millis(300), ..apart() };
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("redis://127.0.0.1:{}/", silent.local_addr().expect("an address").port());
    let store = Arc::new(RedisStore::open(&url, settings).expect("opens"));
    let began = Instant::now();
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.take("k".into(), QUOTA, now()).await.is_err() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.expect("no panic"), "nothing is allowed");
    }
    // One after another they would take a minute.
    assert!(began.elapsed() < HANG, "they wait together");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_is_used_again_when_it_is_back() {
    let mut server = Server::start(&[]);
    let settings = RedisSettings { timeout: Duration::from_secs(1), ..apart() };
    let store = RedisStore::connect(&server.url(), settings.clone()).await.expect("connected");
    let nodes = [(); 2].map(|()| RedisFeed::connect(&server.url(), settings.clone()).expect("a feed"));
    for node in &nodes {
        until_ready(node).await;
    }
    let mut signals = nodes[1].subscribe();
    let workspace = WorkspaceId::from_bits(7);
    nodes[0].publish(Hint { workspace, seq: 1 });
    heard(&mut signals, Signal::Look(Hint { workspace, seq: 1 })).await;
    assert!(store.take("k".into(), QUOTA, now()).await.expect("counted").allowed);

    server.kill();
    all_calls_are_unavailable(&store).await;
    nodes[0].publish(Hint { workspace, seq: 2 });
    server.restart();

    let mut back = None;
    for _ in 0..300 {
        match store.take("k".into(), QUOTA, now()).await {
            Ok(verdict) => {
                back = Some(verdict);
                break;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    assert!(back.expect("it goes on by itself").allowed);
    heard(&mut signals, Signal::LookEverywhere).await;
    for node in &nodes {
        until_ready(node).await;
    }
    nodes[0].publish(Hint { workspace, seq: 3 });
    heard(&mut signals, Signal::Look(Hint { workspace, seq: 3 })).await;
}

#[tokio::test]
async fn a_server_that_evicts_is_refused_until_it_no_longer_does() {
    let server = Server::start(&["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"]);
    let error = RedisStore::connect(&server.url(), apart()).await.expect_err("it evicts");
    assert_eq!(error, RedisError::Evicts { policy: "allkeys-lru".to_owned() });
    assert!(error.to_string().contains("set maxmemory-policy noeviction"), "{error}");
    let store = RedisStore::open(&server.url(), apart()).expect("opens");
    let error = store.take("k".into(), QUOTA, now()).await.expect_err("nothing is allowed").to_string();
    assert!(error.contains("allkeys-lru"), "{error}");
    server.command(&["config", "set", "maxmemory-policy", "noeviction"]);
    for _ in 0..100 {
        if store.take("k".into(), QUOTA, now()).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it is not used although it no longer evicts")
}

#[tokio::test]
async fn what_does_not_read_is_an_error_and_never_allowed() {
    let server = Server::start(&[]);
    let settings = apart();
    let store = RedisStore::connect(&server.url(), settings.clone()).await.expect("connected");
    let counter = format!("{}limit:k", settings.prefix);
    let challenges = format!("{{{}auth}}:challenges", settings.prefix);
    let id = ChallengeId::from_bits(1);
    let foreign: [&[&str]; 4] =
        [&["set", &counter, "hello"], &["set", &counter, "5"], &["del", &counter], &["rpush", &counter, "5"]];
    for words in foreign {
        server.command(words);
        if words[0] != "del" {
            let answer = store.take("k".into(), QUOTA, now()).await;
            assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{words:?}: {answer:?}");
        }
    }
    server.command(&["hset", &challenges, &id.to_string(), "junk"]);
    let answer = store.attempt(id, [1; 32], now()).await;
    assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
    server.command(&["del", &challenges]);
    server.command(&["set", &challenges, "junk"]);
    let answer = store.attempt(id, [1; 32], now()).await;
    assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
    server.command(&["del", &challenges]);
    assert_eq!(store.attempt(id, [1; 32], now()).await.expect("answered"), ChallengeSeen::Refused);
}

#[tokio::test]
async fn a_full_server_refuses_and_changes_nothing() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(&server.url(), apart()).await.expect("connected");
    assert!(store.take("k".into(), QUOTA, now()).await.expect("counted").allowed);
    server.command(&["config", "set", "maxmemory", "1"]);
    for _ in 0..20 {
        let answer = store.take("k".into(), QUOTA, now()).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    server.command(&["config", "set", "maxmemory", "0"]);
    assert_eq!(store.take("k".into(), QUOTA, now()).await.expect("counted").remaining, 8, "what failed did not count");
}

#[tokio::test]
async fn everything_kept_has_an_end() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(&server.url(), apart()).await.expect("connected");
    let budget = Budget { limit: 5, window: Duration::from_secs(60) };
    assert!(store.spend("ada".into(), budget, now()).await.expect("spent"));
    assert!(store.take("k".into(), QUOTA, now()).await.expect("counted").allowed);
    let script = "for _, k in ipairs(redis.call('KEYS', '*')) do \
                  if redis.call('PTTL', k) < 0 then return redis.error_reply('ERR ' .. k) end end return 'fine'";
    server.command(&["eval", script, "0"]);
}
