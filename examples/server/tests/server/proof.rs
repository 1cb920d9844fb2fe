//! Nothing is lost after the commit: the server is killed again and again under load, while mail, webhooks and live
//! streams go out, and afterwards everything that was acknowledged is looked for at every end.
//!
//! `cargo xtask crash --kills 200` plays the long form.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use xtask::services::free_port;

use crate::database::Schema;
use crate::http::Client;
use crate::live::Reader;
use crate::process::{Server, acme, sign_in, ticket};
use crate::receiver::Receiver;
use crate::smtp::SmtpServer;

/// Clients that write at once.
const WRITERS: u64 = 6;
/// How long everything may take to leave after the last kill: a lease, and what is queued.
const DRAINED_WITHIN: Duration = Duration::from_secs(180);

/// A number of the environment.
fn asked(name: &str, usual: u64) -> u64 {
    #[allow(clippy::disallowed_methods)]
    let text = std::env::var(name);
    text.map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// Marsaglia's xorshift: the moments of a run come again with its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What was acknowledged.
#[derive(Default)]
struct Ledger {
    /// Subjects of tickets.
    tickets: BTreeSet<String>,
    /// Ids of answers, whose mail must arrive.
    answers: BTreeSet<String>,
    /// Requests that broke off and were sent again under their key.
    repeated: u64,
}

/// Writes until it is told to stop: a ticket, and an answer on it. Each request is repeated under its key until it is
/// answered.
async fn write(client: Client, worker: u64, ledger: Arc<Mutex<Ledger>>, stop: Arc<AtomicBool>) {
    for n in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let subject = format!("w{worker} n{n}");
        let path = "/api/v1/workspaces/acme/tickets";
        let opened = insist(&client, path, &subject, &ticket(&subject), &ledger).await;
        ledger.lock().expect("ledger").tickets.insert(subject.clone());
        let path = format!("{path}/{}/messages", opened["id"].as_str().expect("an id"));
        let body = json!({"kind": "reply", "body": format!("Answer to {subject}")});
        let answered = insist(&client, &path, &format!("{subject} answer"), &body, &ledger).await;
        ledger.lock().expect("ledger").answers.insert(answered["id"].as_str().expect("an id").to_owned());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn insist(client: &Client, path: &str, key: &str, body: &Value, ledger: &Mutex<Ledger>) -> Value {
    for _ in 0..6000 {
        match client.try_send(client.request(Method::POST, path, Some(key), Some(body))).await {
            Ok(answer) if answer.status == 201 => return answer.expect(201),
            // A store that is away, or a twin that is still being carried out.
            Ok(answer) if matches!(answer.status.as_u16(), 409 | 503) => {}
            Ok(answer) => panic!("{answer:?}"),
            Err(_) => ledger.lock().expect("ledger").repeated += 1,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{path} was never answered");
}

/// How much waits or was given up, as the server's own figures say.
async fn left(client: &Client) -> Option<(u64, u64)> {
    let answer = client.try_send(client.request(Method::GET, "/metrics", None, None)).await.ok()?;
    let sum = |name: &str| {
        let of = answer.text.lines().filter(|line| line.starts_with(name));
        of.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum::<u64>()
    };
    (answer.status == 200).then(|| (sum("connect_deliveries_queued{"), sum("connect_deliveries_failed{")))
}

async fn prove(store: &str, folder: &Path, database: &[(&str, &str)]) {
    let (kills, seed) = (asked("CONNECT_CRASH_KILLS", 20), asked("CONNECT_CRASH_SEED", 20_261_129));
    let (smtp, receiver) = (SmtpServer::start().await, Receiver::start().await);
    let (mail, listen) = (smtp.url(), format!("127.0.0.1:{}", free_port().expect("a free port")));
    let mut settings = vec![
        ("CONNECT_LISTEN", listen.as_str()),
        ("CONNECT_SMTP_URL", mail.as_str()),
        ("CONNECT_MAIL_FROM", "Acme <help@acme.example>"),
        ("CONNECT_METRICS", "yes"),
    ];
    settings.extend(database);
    let mut server = Server::start(folder, &settings);
    let agent = sign_in(&server, "agent@acme.example", async |email| smtp.newest(email)).await;
    acme(&agent).await;
    let webhook = json!({"url": receiver.url, "types": ["ticket.*"]});
    agent.post("/api/v1/workspaces/acme/webhooks", &webhook).await.expect(201);
    let readers = [Reader::start(agent.clone(), 0), Reader::start(agent.clone(), 0)];
    let (ledger, stop) = (Arc::new(Mutex::new(Ledger::default())), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> =
        (0..WRITERS).map(|worker| tokio::spawn(write(agent.clone(), worker, ledger.clone(), stop.clone()))).collect();
    let mut dice = Dice(seed | 1);
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(40 + dice.below(500))).await;
        server.kill();
        server = Server::start(folder, &settings);
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.expect("no writer panics");
    }

    // Everything leaves, also what a killed process had taken up: after its lease.
    let mut drained = None;
    for _ in 0..DRAINED_WITHIN.as_millis() / 250 {
        drained = left(&agent).await;
        if drained.is_some_and(|(queued, _)| queued == 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(drained, Some((0, 0)), "nothing waits, nothing was given up");
    let ledger = std::mem::take(&mut *ledger.lock().expect("ledger"));
    check(store, kills, &agent, &ledger, &smtp, &receiver, readers).await;
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

async fn check(
    store: &str,
    kills: u64,
    agent: &Client,
    ledger: &Ledger,
    smtp: &SmtpServer,
    receiver: &Receiver,
    readers: [Reader; 2],
) {
    // The journal, as the audit log tells it: the truth that every end is compared with.
    let (mut events, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let path = format!("/api/v1/workspaces/acme/audit?order=oldest&limit=200{cursor}");
        let page = agent.get(&path).await.expect(200);
        for row in page["data"].as_array().expect("a list") {
            events.insert(row["position"].as_u64().expect("a number"), row.clone());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let last = *events.keys().next_back().expect("events");
    assert_eq!(events.keys().copied().collect::<Vec<_>>(), (1..=last).collect::<Vec<_>>(), "the journal is dense");

    // Every acknowledged change is there, once.
    let (mut subjects, mut numbers, mut cursor) = (BTreeSet::new(), Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/workspaces/acme/tickets?sort=number&limit=200{cursor}");
        let page = agent.get(&path).await.expect(200);
        for row in page["data"].as_array().expect("a list") {
            assert!(subjects.insert(row["subject"].as_str().expect("text").to_owned()), "nothing twice: {row}");
            numbers.push(row["number"].as_u64().expect("a number"));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(ledger.tickets.difference(&subjects).count(), 0, "acknowledged and lost");
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "numbers are dense");

    // Every answer's mail arrived, under the one id it has.
    let mut mails: BTreeMap<String, u64> = BTreeMap::new();
    for mail in smtp.to("carla@customer.example") {
        *mails.entry(mail.header("message-id").expect("an id")).or_default() += 1;
    }
    for id in &ledger.answers {
        assert!(mails.contains_key(&format!("<{id}@acme.example>")), "the mail of {id} never arrived");
    }
    let mails_again: u64 = mails.values().map(|count| count - 1).sum();

    // Every event of a ticket reached the receiver, under one id and with one body.
    let calls = receiver.calls();
    let (mut ids, mut bodies) = (BTreeMap::new(), BTreeMap::new());
    for call in &calls {
        assert_eq!(ids.entry(call.seq()).or_insert_with(|| call.id.clone()), &call.id, "one id for each event");
        assert_eq!(bodies.entry(call.id.clone()).or_insert_with(|| call.body.clone()), &call.body, "and one body");
    }
    assert_eq!(ids.values().collect::<BTreeSet<_>>().len(), ids.len(), "no id for two events");
    let of_tickets =
        events.iter().filter(|(_, event)| event["type"].as_str().is_some_and(|t| t.starts_with("ticket.")));
    let of_tickets: BTreeSet<u64> = of_tickets.map(|(seq, _)| *seq).collect();
    assert_eq!(ids.keys().copied().collect::<BTreeSet<_>>(), of_tickets, "each event of a ticket, and nothing else");
    let calls_again = calls.len() - ids.len();

    // Per ticket the order of numbers is that of versions.
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    let mut told: Vec<Value> = bodies.values().map(|body| serde_json::from_str(body).expect("JSON")).collect();
    told.sort_by_key(|body| body["data"]["seq"].as_u64());
    for body in &told {
        let version = body["data"]["ticket_version"].as_u64().expect("a version");
        let ticket = body["data"]["ticket_id"].as_str().expect("an id").to_owned();
        let before = versions.insert(ticket, version).unwrap_or(0);
        assert!(version >= before, "versions only rise: {body}");
    }

    // Live readers saw each event once, in order, over all their connections.
    let mut connections = 0;
    for reader in readers {
        connections += reader.connections();
        assert_eq!(reader.until(last).await, (1..=last).collect::<Vec<_>>(), "every event once, in order");
    }
    println!(
        "{store}: {kills} kills; {} tickets and {} answers acknowledged, none lost ({} requests broke off and were repeated); \
         {last} events; {} webhook calls for {} events ({calls_again} repeated under their id); {} mails ({mails_again} \
         repeated under their id); 2 live readers over {connections} connections saw each event once",
        ledger.tickets.len(),
        ledger.answers.len(),
        ledger.repeated,
        calls.len(),
        ids.len(),
        mails.len(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_after_the_commit_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    prove("SQLite", folder.path(), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_after_the_commit_on_postgres() {
    let (folder, schema) = (tempfile::tempdir().expect("a folder"), Schema::new("proof"));
    prove("PostgreSQL", folder.path(), &schema.settings()).await;
}
