//! The built server, driven over sockets as an attacker would: what the attacker gets, and what the journal says
//! of it afterwards.

mod addresses;
mod browsers;
mod guessing;
// The provider of the tests of connect-http; not all of it is needed here.
#[allow(dead_code)]
#[path = "../../../../../connect-http/tests/http/oauth/liar.rs"]
mod liar;
mod lines;
mod mail;
mod numbers;
mod provider_lies;
mod provider_world;
mod providers;
mod rights;
mod tenancy;
mod timing;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::http::{Answer, Client};
use crate::process::{Server, acme};
use crate::wait::until;

const ASK: &str = "/api/v1/auth/otp/request";
const VERIFY: &str = "/api/v1/auth/otp/verify";
const ACME: &str = "/api/v1/workspaces/acme";

/// A server and its folder, in which the journal is.
struct Target {
    server: Server,
    folder: PathBuf,
    _temporary: tempfile::TempDir,
}

/// An event of the journal, as it is stored.
struct Entry {
    event: Value,
    origin: Value,
}

impl Target {
    fn start(settings: &[(&str, &str)]) -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = temporary.path().join("data");
        Self { server: Server::start(&folder, settings), folder, _temporary: temporary }
    }

    /// Somebody nobody knows.
    fn stranger(&self) -> Client {
        self.server.client()
    }

    async fn sign_in(&self, email: &str) -> Client {
        let token = self.token(email).await;
        self.stranger().with_token(&token)
    }

    /// A challenge of somebody's, and the code that was mailed for it.
    async fn challenge(&self, email: &str) -> (Value, String) {
        let is_code = |mail: &Value| mail["to"] == email && mail["subject"] == "Your code to sign in";
        let before = self.mails().await.iter().filter(|mail| is_code(mail)).count();
        let issued = ask(&self.stranger(), email).await.expect(202);
        let code = until(&format!("code for {email}"), async || {
            let mails: Vec<Value> = self.mails().await.into_iter().filter(|mail| is_code(mail)).collect();
            (mails.len() > before).then(|| code_in(text(&mails[0])))
        })
        .await;
        (issued, code)
    }

    /// A new session of somebody's: its token.
    async fn token(&self, email: &str) -> String {
        let (issued, code) = self.challenge(email).await;
        let answer = self.stranger().post(VERIFY, &guess(&issued, &code)).await.expect(200);
        answer["session"]["token"].as_str().expect("a token").to_owned()
    }

    /// The workspace `acme` and its owner.
    async fn owner(&self) -> Client {
        let owner = self.sign_in("owner@acme.example").await;
        acme(&owner).await;
        owner
    }

    /// Somebody whom the owner lets into `acme`.
    async fn member(&self, owner: &Client, email: &str, role: &str) -> Client {
        let user = self.sign_in(email).await;
        let body = json!({"email": email, "role": role});
        let invited = owner.post(&format!("{ACME}/invitations"), &body).await.expect(201);
        let text = self.mail(|mail| mail["to"] == email && text(mail).contains("token=")).await;
        let token = text.split("token=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a token");
        let path = format!("{ACME}/invitations/{}/accept", id(&invited));
        user.post(&path, &json!({"token": token})).await.expect(200);
        user
    }

    async fn mails(&self) -> Vec<Value> {
        let mails = self.stranger().get("/dev/mail.json").await.expect(200);
        mails.as_array().expect("mails").clone()
    }

    /// The text of the newest mail that fits, once there is one.
    async fn mail(&self, fits: impl Fn(&Value) -> bool) -> String {
        until("mail that fits", async || {
            self.mails().await.iter().find(|mail| fits(mail)).map(|mail| text(mail).to_owned())
        })
        .await
    }

    /// The code in the newest mail to somebody, without its gaps.
    async fn code(&self, email: &str) -> String {
        let mail = self.mail(|mail| mail["to"] == email && mail["subject"] == "Your code to sign in").await;
        code_in(&mail)
    }

    /// All events of a type, in every workspace.
    async fn journal(&self, kind: &str) -> Vec<Entry> {
        entries(&self.folder, "SELECT json(doc), json(origin) FROM connect_event WHERE type = $1", kind).await
    }

    /// Everything that happened, refusals left out.
    async fn changes(&self) -> Vec<Entry> {
        let statement = "SELECT json(doc), json(origin) FROM connect_event WHERE type NOT LIKE $1 || '%'";
        entries(&self.folder, statement, "access.").await
    }
}

async fn entries(folder: &Path, statement: &'static str, kind: &str) -> Vec<Entry> {
    let options = SqliteConnectOptions::new().filename(folder.join("connect.db"));
    let mut connection = options.busy_timeout(Duration::from_secs(10)).connect().await.expect("the file opens");
    let rows: Vec<(String, Option<String>)> =
        sqlx::query_as(statement).bind(kind).fetch_all(&mut connection).await.expect("the journal");
    connection.close().await.expect("closed");
    let read = |text: &str| serde_json::from_str(text).expect("JSON");
    rows.iter()
        .map(|(doc, origin)| Entry { event: read(doc), origin: origin.as_deref().map_or(Value::Null, read) })
        .collect()
}

fn text(mail: &Value) -> &str {
    mail["text"].as_str().unwrap_or_default()
}

fn id(value: &Value) -> &str {
    value["id"].as_str().expect("an id")
}

/// The code of a mail: the line that has nothing but capitals, digits and a gap.
fn code_in(text: &str) -> String {
    let is_code = |line: &&str| {
        matches!(line.len(), 9 | 11)
            && line.contains(' ')
            && line.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase() || c == ' ')
    };
    text.lines().map(str::trim).find(is_code).expect("a code").replace(' ', "")
}

/// A code of the same form that is another one.
fn wrong(code: &str) -> String {
    code.chars().map(|c| if c == '7' { '8' } else { '7' }).collect()
}

fn guess(issued: &Value, code: &str) -> Value {
    json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"], "code": code, "token": true,
    })
}

async fn ask(client: &Client, email: &str) -> Answer {
    client.post(ASK, &json!({"email": email, "token": true})).await
}

/// The text of an answer without what differs from request to request.
fn told(answer: &Answer) -> Value {
    let mut body: Value = serde_json::from_str(&answer.text).unwrap_or_else(|_| json!(answer.text));
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    body
}
