//! The server as a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::http::Client;
use crate::wait::until;

/// A running server. It is killed when it is dropped.
pub struct Server {
    child: Child,
    pub url: String,
    pub port: u16,
}

pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_connect-server"));
    command.env_clear().env("CONNECT_DATA_DIR", folder).env("CONNECT_LISTEN", "127.0.0.1:0");
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
    command
}

impl Server {
    pub fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_with(folder, settings, &[])
    }

    pub fn start_with(folder: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut command = command(folder);
        command.args(arguments).envs(settings.iter().copied()).env("CONNECT_LOG", "warn");
        Self::spawn(command)
    }

    /// Starts it and has all it has to say written to a file.
    pub fn start_logging(folder: &Path, log: std::fs::File) -> Self {
        let mut command = command(folder);
        command.env("CONNECT_LOG", "trace,sqlx=warn,hyper=warn").stderr(log);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let stdout = child.stdout.take().expect("its output");
        let mut lines = BufReader::new(stdout).lines();
        let url = loop {
            let line = lines.next().expect("the server says where it serves").expect("text");
            if let Some(url) = line.strip_prefix("Connect serves ") {
                break url.to_owned();
            }
        };
        // What it says further must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        Self { child, url, port }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(status.expect("kill").success());
    }

    /// Waits until the process has ended; its exit code.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("ended").code()
    }

    pub fn client(&self) -> Client {
        Client::new(self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Signs in with the code that `mail` finds for the address; the client then carries the token.
pub async fn sign_in(server: &Server, email: &str, mail: impl AsyncFn(&str) -> Option<String>) -> Client {
    let client = server.client();
    let issued = client.post("/api/v1/auth/otp/request", &json!({"email": email, "token": true})).await.expect(202);
    let text = until(&format!("code for {email}"), async || mail(email).await).await;
    let code = text.lines().find(|l| l.len() == 9 && l.chars().all(|c| c.is_ascii_digit() || c == ' '));
    let body = json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"],
        "code": code.expect("a code"), "token": true,
    });
    let answer = client.post("/api/v1/auth/otp/verify", &body).await.expect(200);
    client.with_token(answer["session"]["token"].as_str().expect("a token"))
}

/// The newest captured sign-in mail to an address.
pub async fn captured(server: &Server, email: &str) -> Option<String> {
    captured_of(server, email, "Your code to sign in").await
}

/// The newest captured mail with this subject to an address.
pub async fn captured_of(server: &Server, email: &str, subject: &str) -> Option<String> {
    let mails = server.client().get("/dev/mail.json").await.expect(200);
    let mail = mails.as_array()?.iter().find(|mail| mail["to"] == email && mail["subject"] == subject)?.clone();
    mail["text"].as_str().map(str::to_owned)
}

/// Makes the workspace `acme`.
pub async fn acme(client: &Client) -> Value {
    client.post("/api/v1/workspaces", &json!({"name": "Acme", "slug": "acme"})).await.expect(201)
}

pub fn ticket(subject: &str) -> Value {
    json!({"subject": subject, "body": "It does not work.", "contact": {"email": "carla@customer.example", "name": "Carla"}})
}
