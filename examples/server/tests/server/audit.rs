//! `connect-server audit verify`, on journals that somebody has altered behind the desk's back.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::database::Schema;
use crate::http::Client;
use crate::process::{Server, acme, captured, command, sign_in, ticket};
use crate::wait::until;

/// How the command ended, and what it said.
fn verify(folder: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = command(folder);
    command.envs(settings.iter().copied()).args(["audit", "verify"]).args(arguments);
    let Output { status, stdout, stderr } = command.output().expect("the command runs");
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// A desk with a sealed journal in which much has happened, and nobody at work.
async fn fill(folder: &Path, settings: &[(&str, &str)]) {
    let server = Server::start(folder, settings);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    acme(&agent).await;
    for n in 0..6 {
        agent.post("/api/v1/workspaces/acme/tickets", &ticket(&format!("Ticket {n}"))).await.expect(201);
        // So that there are several seals.
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    sealed(&server, &agent).await;
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

/// Waits until the confirmation of the last ticket has left: then its events are routed, and so sealed.
async fn sealed(server: &Server, agent: &Client) {
    let body = json!({"kind": "reply", "body": "Help is on its way."});
    agent.post("/api/v1/workspaces/acme/tickets/1/messages", &body).await.expect(201);
    let is_reply = |mail: &&serde_json::Value| {
        mail["to"] == "carla@customer.example" && mail["text"].as_str().is_some_and(|text| text.contains("on its way"))
    };
    until("mail with the reply", async || {
        let mails = server.client().get("/dev/mail.json").await.expect(200);
        mails.as_array().expect("mails").iter().find(is_reply).map(|_| ())
    })
    .await;
}

async fn database(folder: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(folder.join("connect.db")).connect().await.expect("the file opens")
}

async fn run(folder: &Path, statements: &[&str]) {
    let mut connection = database(folder).await;
    for statement in statements {
        let done = sqlx::query(AssertSqlSafe((*statement).to_owned())).execute(&mut connection).await.expect(statement);
        assert!(done.rows_affected() > 0, "it changes something: {statement}");
    }
    connection.close().await.expect("closed");
}

/// The workspace, in a statement.
const ACME: &str = "(SELECT workspace_id FROM connect_record_key WHERE kind = 'workspace' AND key = 'slug:acme')";

/// What somebody could do to the journal, and what is told of it; `last` is its last event.
fn alterations(last: i64) -> Vec<(&'static str, Vec<String>, String)> {
    let event = |seq: i64| format!("WHERE workspace_id = {ACME} AND seq = {seq}");
    let bad = |from: i64| format!("first bad {from}");
    vec![
        (
            "an altered event",
            Vec::from([format!("UPDATE connect_event SET doc = json_set(doc, '$.actor', 'host') {}", event(5))]),
            "are not as they were sealed".to_owned(),
        ),
        (
            "an altered time",
            Vec::from([format!("UPDATE connect_event SET doc = json_set(doc, '$.at', 1) {}", event(1))]),
            bad(1),
        ),
        ("a removed event", Vec::from([format!("DELETE FROM connect_event {}", event(4))]), bad(4)),
        (
            "two events in each other's place",
            Vec::from([
                format!("UPDATE connect_event SET seq = 1000 {}", event(3)),
                format!("UPDATE connect_event SET seq = 3 {}", event(4)),
                format!("UPDATE connect_event SET seq = 4 {}", event(1000)),
            ]),
            bad(3),
        ),
        (
            "two events in each other's place, with their numbers",
            Vec::from([
                format!("UPDATE connect_event SET seq = 1000 {}", event(3)),
                format!("UPDATE connect_event SET seq = 3, doc = json_set(doc, '$.seq', 3) {}", event(4)),
                format!("UPDATE connect_event SET seq = 4, doc = json_set(doc, '$.seq', 4) {}", event(1000)),
            ]),
            "are not as they were sealed".to_owned(),
        ),
        (
            "a tail that was cut off",
            Vec::from([format!("DELETE FROM connect_event WHERE workspace_id = {ACME} AND seq > {}", last - 2)]),
            bad(last - 1),
        ),
        (
            "a tail that was cut off, with the counter",
            Vec::from([
                format!("DELETE FROM connect_event WHERE workspace_id = {ACME} AND seq > {}", last - 2),
                format!(
                    "UPDATE connect_head SET last_seq = {0}, routed_seq = {0} WHERE workspace_id = {ACME}",
                    last - 2
                ),
            ]),
            bad(last - 1),
        ),
        (
            "a removed seal in the middle",
            Vec::from([format!(
                "DELETE FROM connect_seal WHERE workspace_id = {ACME} AND after_seq = \
                 (SELECT after_seq FROM connect_seal WHERE workspace_id = {ACME} ORDER BY after_seq LIMIT 1 OFFSET 1)"
            )]),
            "is missing".to_owned(),
        ),
        (
            "a removed seal at the end",
            Vec::from([format!("DELETE FROM connect_seal WHERE workspace_id = {ACME} AND last_seq = {last}")]),
            "is missing".to_owned(),
        ),
        ("all seals removed", Vec::from([format!("DELETE FROM connect_seal WHERE workspace_id = {ACME}")]), bad(1)),
        (
            "a seal of another making",
            Vec::from([format!(
                "UPDATE connect_seal SET mac = '{}' WHERE workspace_id = {ACME} AND after_seq = 0",
                "a".repeat(64)
            )]),
            bad(1),
        ),
        (
            "another client's address",
            Vec::from([format!(
                "UPDATE connect_event SET origin = json_set(origin, '$.address', '198.51.100.1') {}",
                event(5)
            )]),
            "the origin of event 5".to_owned(),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_82_a_journal_that_was_altered_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    fill(folder.path(), &[]).await;
    let (code, told) = verify(folder.path(), &[], &[]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("ok      acme (") && told.contains("ok      the directory ("), "{told}");
    let (code, one) = verify(folder.path(), &[], &["--workspace", "acme"]);
    assert_eq!((code, one.lines().count()), (Some(0), 1), "{one}");
    let mut connection = database(folder.path()).await;
    let count = format!("SELECT count(*), max(last_seq) FROM connect_seal WHERE workspace_id = {ACME}");
    let (seals, last): (i64, i64) =
        sqlx::query_as(AssertSqlSafe(count)).fetch_one(&mut connection).await.expect("read");
    connection.close().await.expect("closed");
    assert!(seals >= 3, "there are several seals: {seals}");
    assert!(one.contains(&format!("{last} events, sealed up to {last}, head {last}:")), "{one}");

    for (what, statements, expected) in alterations(last) {
        let copy = tempfile::tempdir().expect("a folder");
        for file in ["connect.db", "secret.key"] {
            std::fs::copy(folder.path().join(file), copy.path().join(file)).expect("copied");
        }
        run(copy.path(), &statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let (code, told) = verify(copy.path(), &[], &["--workspace", "acme"]);
        assert_eq!(code, Some(1), "{what}: {told}");
        assert!(told.starts_with("BROKEN  acme (") && told.contains(&expected), "{what}: {expected} in {told}");
        let (code, told) = verify(copy.path(), &[], &[]);
        assert_eq!(code, Some(1), "{what}, among all: {told}");
        assert!(told.contains("ok      the directory ("), "{what}: the others are still good: {told}");
    }

    // What may be removed leaves the journal good, and another secret tells nothing of it.
    run(folder.path(), &["UPDATE connect_event SET origin = NULL WHERE origin IS NOT NULL"]).await;
    let (code, told) = verify(folder.path(), &[], &[]);
    assert_eq!(code, Some(0), "{told}");
    let other = [("CONNECT_SECRET_KEY", "another secret that has 32 characters")];
    assert_eq!(verify(folder.path(), &other, &[]).0, Some(1));
    let secret = std::fs::read_to_string(folder.path().join("secret.key")).expect("the secret");
    let both = [other[0], ("CONNECT_SECRET_KEYS_OLDER", secret.trim())];
    assert_eq!(verify(folder.path(), &both, &[]).0, Some(0), "a secret that was replaced still checks");
    let (code, told) = verify(folder.path(), &[], &["--workspace", "nowhere"]);
    assert!(code == Some(1) && told.contains("there is no workspace \"nowhere\""), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_82_a_seal_that_was_removed_is_not_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    fill(folder.path(), &[]).await;
    let newest = format!(
        "DELETE FROM connect_seal WHERE workspace_id = {ACME} AND after_seq = \
         (SELECT max(after_seq) FROM connect_seal WHERE workspace_id = {ACME})"
    );
    run(folder.path(), &[&newest]).await;
    // The desk goes on, and seals what comes; what lost its seal stays without.
    let server = Server::start(folder.path(), &[]);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    sealed(&server, &agent).await;
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let (code, told) = verify(folder.path(), &[], &["--workspace", "acme"]);
    assert!(code == Some(1) && told.contains("the seal on events"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_82_heads_that_were_noted_are_met_again() {
    let folder = tempfile::tempdir().expect("a folder");
    fill(folder.path(), &[]).await;
    let file = folder.path().join("heads.log");
    let heads = ["--heads", file.to_str().expect("a path")];
    let (code, noted) = verify(folder.path(), &[], &[]);
    assert_eq!(code, Some(0), "{noted}");
    std::fs::write(&file, noted.repeat(2)).expect("written");
    let (code, told) = verify(folder.path(), &[], &heads);
    assert_eq!((code, &told), (Some(0), &noted), "the heads are there");
    // Somebody removes all seals while nobody is at work, and the desk begins anew.
    run(folder.path(), &[&format!("DELETE FROM connect_seal WHERE workspace_id = {ACME}")]).await;
    let server = Server::start(folder.path(), &[]);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    sealed(&server, &agent).await;
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let (code, told) = verify(folder.path(), &[], &["--workspace", "acme"]);
    assert!(code == Some(0) && told.contains(" events, sealing began behind event "), "{told}");
    for arguments in [&heads[..], &[heads[0], heads[1], "--workspace", "acme"]] {
        let (code, told) = verify(folder.path(), &[], arguments);
        assert!(code == Some(1) && told.contains(" is the one that was noted"), "{told}");
    }
    // A file that is damaged proves nothing, and a workspace that is gone is not passed over.
    std::fs::write(&file, &noted[..noted.trim_end().len() - 1]).expect("written");
    let (code, told) = verify(folder.path(), &[], &heads);
    assert!(code == Some(1) && told.contains("is not as audit verify prints it"), "{told}");
    let elsewhere = tempfile::tempdir().expect("a folder");
    std::fs::write(&file, &noted).expect("written");
    let (code, told) = verify(elsewhere.path(), &[], &heads);
    assert!(code == Some(1) && told.contains("BROKEN  what is not here ("), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_82_seals_move_with_their_workspace() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, last) = (folder.path().join("first"), folder.path().join("last"));
    let schema = Schema::new("sealed");
    fill(&first, &[]).await;
    let secret = std::fs::read_to_string(first.join("secret.key")).expect("the secret");
    let file = folder.path().join("acme.jsonl");
    let file = file.to_str().expect("a path");
    let moved = command(&first).args(["export", "acme", "--file", file]).status().expect("exported");
    assert!(moved.success());
    let moved = command(&last).envs(schema.settings()).args(["import", "--file", file]).status().expect("imported");
    assert!(moved.success());
    let [url, name] = schema.settings();
    let (code, told) = verify(&last, &[url, name], &["--workspace", "acme"]);
    assert_eq!(code, Some(1), "the other desk's secret is not known here: {told}");
    let older = ("CONNECT_SECRET_KEYS_OLDER", secret.trim());
    let (code, told) = verify(&last, &[url, name, older], &["--workspace", "acme"]);
    assert_eq!(code, Some(0), "{told}");
    // And the journal goes on there, sealed with the new secret behind the old seals.
    let settings = [url, name, older];
    let server = Server::start(&last, &settings);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    sealed(&server, &agent).await;
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let (code, told) = verify(&last, &settings, &[]);
    assert_eq!(code, Some(0), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_83_what_comes_from_headers_breaks_no_line_of_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let server = Server::start_logging(folder.path(), std::fs::File::create(&path).expect("a file"));
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    acme(&agent).await;
    for path in ["/api/v1/workspaces/acme/labels", "/api/v1/nowhere", "/acme/members"] {
        let mut asking = agent.request(hyper::Method::POST, path, None, Some(&json!({"name": "x"})));
        for (name, value) in [
            ("user-agent", "forged\t\u{85}\u{2028}\u{202e}line"),
            ("x-request-id", "forged\t\u{85}\u{2028}\u{202e}line"),
            ("origin", "https://forged.example\t\u{85}"),
        ] {
            let value = hyper::header::HeaderValue::from_bytes(value.as_bytes()).expect("a header");
            asking.headers_mut().insert(name, value);
        }
        agent.try_send(asking).await.expect("an answer");
    }
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let log = std::fs::read_to_string(&path).expect("the log");
    assert!(log.contains("/api/v1/workspaces/{workspace}/labels"), "requests are logged: {log}");
    let hidden = |c: char| (c.is_control() && c != '\n' && c != '\u{1b}') || "\u{2028}\u{202e}".contains(c);
    let line = log.lines().find(|line| line.chars().any(hidden) || line.starts_with("line"));
    assert_eq!(line, None, "no sign of a header moves what stands around it");
}
