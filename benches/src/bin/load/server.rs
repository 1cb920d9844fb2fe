//! Databases, and the programs that run on them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use connect_benches::AGENT;
use connect_core::{Limit, Store};
use connect_store::{PostgresSettings, PostgresStore, SqliteSettings, SqliteStore};
use hyper::Method;
use serde_json::{Value, json};

use crate::Options;
use crate::drive::{connect, send};

/// A program that is ended with this value.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Its resident memory, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or_default()
    }
}

/// A schema of a PostgreSQL database.
pub(crate) struct Schema {
    pub(crate) url: String,
    pub(crate) name: String,
}

/// Where one desk keeps its state.
pub(crate) struct Place {
    folder: PathBuf,
    /// Else the state is in a file of the folder.
    pub(crate) postgres: Option<Schema>,
}

/// A store that is open in this process.
pub(crate) enum Opened {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl Opened {
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) async fn close(self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }

    /// Waits until a server that runs on the same place has routed the whole journal.
    pub(crate) async fn routed(&self) -> anyhow::Result<()> {
        for _ in 0..1_800 {
            if self.store().unrouted(Limit::default()).await?.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the journal is not routed after three minutes")
    }
}

impl Place {
    /// A new one of this name.
    pub(crate) fn new(options: &Options, root: &Path, name: &str) -> anyhow::Result<Self> {
        let folder = root.join(name);
        std::fs::create_dir_all(&folder)?;
        let schema = |url: &String| Schema { url: url.clone(), name: format!("connect_load_{name}") };
        Ok(Self { folder, postgres: options.postgres.as_ref().map(schema) })
    }

    /// Its file, where it is one.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("connect.db")
    }

    pub(crate) async fn open(&self) -> anyhow::Result<Opened> {
        Ok(match &self.postgres {
            None => Opened::Sqlite(SqliteStore::open(self.file(), SqliteSettings::default()).await?),
            Some(Schema { url, name }) => {
                let settings = PostgresSettings { schema: name.clone(), ..PostgresSettings::default() };
                Opened::Postgres(PostgresStore::connect(url, settings).await?)
            }
        })
    }

    /// Starts a release server here.
    pub(crate) fn start(&self, options: &Options, port: u16) -> anyhow::Result<Process> {
        self.start_with(options, port, &[])
    }

    /// The same with further settings.
    pub(crate) fn start_with(
        &self,
        options: &Options,
        port: u16,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Process> {
        let mut command = Command::new(&options.server);
        command
            .envs(settings.iter().copied())
            .env("CONNECT_DATA_DIR", &self.folder)
            .env("CONNECT_LISTEN", format!("127.0.0.1:{port}"))
            .env("CONNECT_LOG", "warn");
        if let Some(Schema { url, name }) = &self.postgres {
            command.env("CONNECT_DATABASE_URL", url).env("CONNECT_DATABASE_SCHEMA", name);
        }
        for limit in [
            "SENDS_PER_ADDRESS",
            "SENDS_PER_ADDRESS_A_DAY",
            "SENDS_PER_IP",
            "SENDS_PER_SITE",
            "ADDRESSES_PER_IP",
            "FAILURES_PER_IP",
            "REQUESTS",
            "MAILS",
        ] {
            command.env(format!("CONNECT_LIMIT_{limit}"), "100000000/1m");
        }
        Ok(Process(command.stdout(Stdio::null()).spawn()?))
    }
}

/// Starts the bare server on the same kind of database.
pub(crate) fn start_bare(options: &Options, root: &Path, port: u16) -> anyhow::Result<Process> {
    let mut command = Command::new(&options.bare);
    match &options.postgres {
        None => command.arg(root.join("bare.db")),
        Some(url) => command.arg(url),
    };
    Ok(Process(command.arg(format!("127.0.0.1:{port}")).stdout(Stdio::null()).spawn()?))
}

pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until the port answers; how long that took.
pub(crate) async fn answers(port: u16, path: &str, since: Instant) -> anyhow::Result<Duration> {
    for _ in 0..60_000 {
        if let Ok(mut sender) = connect(port).await
            && let Ok((200, _)) = send(&mut sender, Method::GET, path, "", None).await
        {
            return Ok(since.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bail!("nothing answers on port {port}")
}

/// Signs the agent in, with the code of the captured mail.
pub(crate) async fn sign_in(port: u16) -> anyhow::Result<String> {
    sign_in_as(port, AGENT).await
}

/// The same for anybody.
pub(crate) async fn sign_in_as(port: u16, email: &str) -> anyhow::Result<String> {
    let mut sender = connect(port).await?;
    let ask = json!({"email": email, "token": true});
    let (_, issued) = send(&mut sender, Method::POST, "/api/v1/auth/otp/request", "", Some(&ask)).await?;
    let issued: Value = serde_json::from_slice(&issued)?;
    for _ in 0..200 {
        let (_, mails) = send(&mut sender, Method::GET, "/dev/mail.json", "", None).await?;
        let mails: Value = serde_json::from_slice(&mails)?;
        let code = mails
            .as_array()
            .into_iter()
            .flatten()
            .find(|mail| mail["to"] == email && mail["subject"] == "Your code to sign in");
        if let Some(text) = code.and_then(|mail| mail["text"].as_str()) {
            let code = text.lines().find(|l| l.len() == 9 && l.chars().all(|c| c.is_ascii_digit() || c == ' '));
            let verify = json!({
                "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"],
                "code": code.context("a code in the mail")?, "token": true,
            });
            let (status, answer) =
                send(&mut sender, Method::POST, "/api/v1/auth/otp/verify", "", Some(&verify)).await?;
            if status != 200 {
                bail!("signing in answered {status}: {}", String::from_utf8_lossy(&answer));
            }
            let answer: Value = serde_json::from_slice(&answer)?;
            return Ok(answer["session"]["token"].as_str().context("a token")?.to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("no code arrived")
}
