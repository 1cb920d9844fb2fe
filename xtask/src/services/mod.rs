//! Throwaway servers for tests: on free ports, with data folders of their own, ended when they are dropped.

mod nginx;
mod node;
mod oidc;
mod outbound_verifier;
mod postgres;
mod redis;
mod webhook_receiver;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::tools;

pub use nginx::Nginx;
pub use oidc::OidcProvider;
pub use outbound_verifier::OutboundVerifier;
pub use postgres::Postgres;
pub use redis::Redis;
pub use webhook_receiver::WebhookReceiver;

/// The servers that every test run has, for as long as this value lives.
pub struct Services {
    _postgres: Postgres,
    _redis: Redis,
    _oidc: OidcProvider,
    _folder: Folder,
    /// What the tests are told.
    pub environment: Vec<(&'static str, String)>,
}

impl Services {
    /// Starts all of them.
    pub fn start() -> anyhow::Result<Self> {
        let folder = Folder::new()?;
        // The tests of several processes at once share it.
        let postgres = Postgres::start_with(&folder.0.join("postgres"), &[], &["max_connections=300"])?;
        let redis = Redis::start(&folder.0.join("redis"))?;
        let oidc = OidcProvider::start(&folder.0.join("oidc"))?;
        let environment = vec![
            ("CONNECT_TEST_POSTGRES_URL", postgres.url()),
            ("CONNECT_TEST_REDIS_URL", redis.url()),
            ("CONNECT_TEST_OIDC_ISSUER", oidc.issuer()),
            ("CONNECT_TEST_CHROMIUM", tool("chromium")?.display().to_string()),
            ("CONNECT_TEST_CHROMEDRIVER", tool("chromedriver")?.display().to_string()),
        ];
        Ok(Self { _postgres: postgres, _redis: redis, _oidc: oidc, _folder: folder, environment })
    }
}

/// A folder that is removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    /// A folder of this process's own.
    pub fn new() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("connect-test-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A port that nobody has now, and that nobody gets by chance before it is used: below those that systems give out
/// (from 32768 on Linux, from 49152 elsewhere), and each process looks from a place of its own.
pub fn free_port() -> anyhow::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = std::process::id() % 200 * 60;
    for _ in 0..12_000 {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(20_000 + (begin + step) % 12_000)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port between 20000 and 32000 is free")
}

fn wait(name: &str, port: u16) -> anyhow::Result<()> {
    for _ in 0..300 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("{name} does not answer on port {port}")
}

fn tool(program: &str) -> anyhow::Result<PathBuf> {
    tools::find(program).with_context(|| format!("{program} is not installed; `cargo xtask test` installs it"))
}

fn signal(name: &str, process: u32) {
    let _ = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status();
}

/// Ends a process by a signal, and by force when that does not help.
fn end(process: &mut Child, with: &str) {
    signal(with, process.id());
    for _ in 0..100 {
        if process.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = process.kill();
    let _ = process.wait();
}
