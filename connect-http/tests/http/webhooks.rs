//! Webhooks: signed calls to a receiver on a socket, and what becomes of those that fail.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connect_auth::KeyRing;
use connect_core::delivery::{DeliveryState, Reset};
use connect_core::dispatch::DispatchSettings;
use connect_core::fetch::{FetchSettings, HttpsClient};
use connect_core::webhook::{WebhookCalls, WebhookChannel};
use connect_store::MemoryStore;
use ring::hmac;
use serde_json::{Value, json};

use crate::app::{TestApp, User, settings};

const WEBHOOKS: &str = "/workspaces/acme/webhooks";

/// A call as it came in.
#[derive(Clone)]
struct Came {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

/// A receiver that writes down what it is told and answers as it is told to.
#[derive(Clone)]
struct Receiver {
    url: String,
    came: Arc<Mutex<Vec<Came>>>,
    answer: Arc<Mutex<(u16, Vec<(&'static str, String)>, usize)>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let receiver = Self { url, came: Arc::default(), answer: Arc::new(Mutex::new((200, Vec::new(), 0))) };
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    fn answer(&self, status: u16, headers: &[(&'static str, &str)], bytes: usize) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        *self.answer.lock().expect("state") = (status, headers, bytes);
    }

    fn came(&self) -> Vec<Came> {
        self.came.lock().expect("state").clone()
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    receiver.came.lock().expect("state").push(Came {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signature: text("webhook-signature"),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let (status, extra, bytes) = receiver.answer.lock().expect("state").clone();
    let mut response = (StatusCode::from_u16(status).expect("a status"), "x".repeat(bytes)).into_response();
    for (name, value) in extra {
        response.headers_mut().insert(name, value.parse().expect("a value"));
    }
    response
}

/// Whether a call is signed with this secret, as its receiver would look at it.
fn is_signed(call: &Came, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base 64");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = format!("{}.{}.{}", call.id, call.timestamp, call.body);
    call.signature
        .split(' ')
        .filter_map(|one| one.strip_prefix("v1,"))
        .any(|one| STANDARD.decode(one).is_ok_and(|mac| hmac::verify(&key, signed.as_bytes(), &mac).is_ok()))
}

/// A desk that calls, also on this machine where `local` says so.
async fn desk(local: bool) -> (TestApp, User, User) {
    let store = Arc::new(MemoryStore::new());
    let keys = KeyRing::new("a secret of at least 32 characters", Vec::new()).expect("long enough");
    let fetch = FetchSettings {
        allow_local_http: local,
        timeout: Duration::from_millis(800),
        limit: 1000,
        cut: true,
        ..FetchSettings::default()
    };
    let channel = WebhookChannel::new(Arc::new(HttpsClient::new(fetch).expect("a client")));
    let app = TestApp::built(store.clone(), store, settings(), |desk| {
        desk.subscriber(Arc::new(WebhookCalls::new(Arc::new(keys)))).channel(Arc::new(channel))
    });
    let (app, _, owner, customer) = app.with_acme().await;
    (app, owner, customer)
}

async fn webhook(owner: &User, url: &str, types: &[&str]) -> (String, String) {
    let made = owner.post(WEBHOOKS, &json!({"url": url, "types": types})).await.expect(201);
    let path = format!("{WEBHOOKS}/{}", made["id"].as_str().expect("an id"));
    (path, made["secret"].as_str().expect("a secret").to_owned())
}

async fn log(owner: &User, path: &str) -> Vec<Value> {
    owner.get(&format!("{path}/deliveries")).await.expect(200)["data"].as_array().expect("a list").clone()
}

/// Drops what waits in a workspace.
async fn drop_queued(app: &TestApp, workspace: connect_core::WorkspaceId) {
    let list = connect_core::delivery::DeliveryList {
        state: Some(DeliveryState::Queued),
        limit: connect_core::Limit::MAX,
        ..Default::default()
    };
    loop {
        let left = app.desk.store().deliveries(workspace, list.clone()).await.expect("read");
        if left.is_empty() {
            return;
        }
        let ids = left.iter().map(|delivery| delivery.id).collect();
        let drop = Reset::Drop { at: app.desk.now(), reason: "the test is over".to_owned() };
        app.desk.store().reset(workspace, ids, drop).await.expect("dropped");
    }
}

/// Nothing may be left queued at the end of a test.
async fn finish(app: TestApp) {
    let host = app.desk.host("acme").await.expect("acme");
    drop_queued(&app, host.workspace_id()).await;
    app.finish().await;
}

#[tokio::test]
async fn a_call_is_signed_and_tells_references_and_only_what_was_asked_for() {
    let (app, owner, customer) = desk(true).await;
    let receiver = Receiver::start().await;
    let (path, secret) = webhook(&owner, &receiver.url, &["ticket.*"]).await;
    let shown = owner.get(&path).await;
    assert!(!shown.text.contains("whsec_"), "the secret is told once: {}", shown.text);
    let ticket = owner.open("Printer on fire").await;
    customer.post(&format!("{ticket}/messages"), &json!({"kind": "reply", "body": "It *burns*."})).await.expect(201);
    owner.post("/workspaces/acme/labels", &json!({"name": "fire"})).await.expect(201);
    app.deliver().await;
    let came = receiver.came();
    let types: Vec<String> =
        came.iter().map(|call| json_of(call)["type"].as_str().expect("a type").to_owned()).collect();
    assert_eq!(types, ["ticket.opened", "ticket.replied"]);
    for call in &came {
        assert!(is_signed(call, &secret) && !is_signed(call, "whsec_AAAA"), "{}", call.signature);
        assert!(
            call.id.starts_with("dlv_") && !call.body.contains("burns") && !call.body.contains("Printer"),
            "{}",
            call.body
        );
        assert!(!call.body.contains("customer.example"), "no addresses: {}", call.body);
    }
    let first = json_of(&came[0]);
    assert_eq!(first["data"]["ticket_id"], ticket.rsplit('/').next().expect("an id"));
    assert!(first["data"]["seq"].as_u64() < json_of(&came[1])["data"]["seq"].as_u64());
    let rows = log(&owner, &path).await;
    assert_eq!((rows.len(), &rows[0]["state"], &rows[0]["attempts"]), (2, &json!("sent"), &json!(1)));
    finish(app).await;
}

fn json_of(call: &Came) -> Value {
    serde_json::from_str(&call.body).expect("JSON")
}

#[tokio::test]
async fn a_failed_call_is_repeated_under_one_id_and_its_waits_grow() {
    let (app, owner, _) = desk(true).await;
    let receiver = Receiver::start().await;
    let (path, secret) = webhook(&owner, &receiver.url, &["ticket.opened"]).await;
    receiver.answer(500, &[], 0);
    owner.open("Printer").await;
    let mut waits = Vec::new();
    for _ in 0..4 {
        app.deliver().await;
        // The session of before may have ended meanwhile.
        let owner = app.sign_in("agent@acme.example").await;
        let row = log(&owner, &path).await.remove(0);
        assert_eq!((&row["state"], &row["detail"]), (&json!("queued"), &json!("the receiver answered 500")));
        let due = connect_core::Timestamp::parse(row["due_at"].as_str().expect("a time")).expect("a time");
        waits.push(due.since(app.desk.now()).as_secs());
        app.clock.advance(due.since(app.desk.now()));
    }
    for (wait, step) in waits.iter().zip([5, 60, 300, 1800]) {
        assert!(*wait >= step * 8 / 10 - 1 && *wait <= step * 12 / 10 + 1, "{waits:?}");
    }
    receiver.answer(204, &[], 0);
    app.deliver().await;
    let came = receiver.came();
    assert_eq!(came.len(), 5);
    assert!(came.iter().all(|call| call.id == came[0].id && call.body == came[0].body && is_signed(call, &secret)));
    assert!(came[0].timestamp < came[4].timestamp, "the time is that of the attempt");
    let owner = app.sign_in("agent@acme.example").await;
    assert_eq!(log(&owner, &path).await[0]["state"], "sent");
    finish(app).await;
}

#[tokio::test]
async fn what_receivers_answer_decides_what_follows() {
    let (app, owner, _) = desk(true).await;
    let receiver = Receiver::start().await;
    let (path, _) = webhook(&owner, &receiver.url, &["ticket.opened"]).await;
    // A huge answer is read no further, a redirect is followed nowhere, a wait that is asked for is kept within a day.
    receiver.answer(200, &[], 5_000_000);
    owner.open("huge").await;
    app.deliver().await;
    assert_eq!(log(&owner, &path).await[0]["state"], "sent");
    let elsewhere = Receiver::start().await;
    for status in [301, 302, 307, 308] {
        receiver.answer(status, &[("location", &elsewhere.url)], 0);
        owner.open("redirect").await;
        app.deliver().await;
        let row = log(&owner, &path).await.remove(0);
        assert_eq!(row["state"], "queued");
        assert!(row["detail"].as_str().expect("text").contains("redirects are not followed"), "{row}");
    }
    assert!(elsewhere.came().is_empty());
    receiver.answer(429, &[("retry-after", "3600")], 0);
    owner.open("slower").await;
    app.deliver().await;
    let row = log(&owner, &path).await.remove(0);
    let due = connect_core::Timestamp::parse(row["due_at"].as_str().expect("a time")).expect("a time");
    assert_eq!(due.since(app.desk.now()).as_secs(), 3600, "{row}");
    // Who says that it is gone is called no more.
    receiver.answer(410, &[], 0);
    owner.open("gone").await;
    app.deliver().await;
    let shown = owner.get(&path).await.expect(200);
    assert_eq!((&shown["enabled"], &shown["switched_off"]), (&json!(false), &json!("it said that it is gone")));
    app.deliver().await;
    assert!(app.mail_to("agent@acme.example").mail.subject.contains("webhook was switched off"), "its owner is told");
    let before = receiver.came().len();
    owner.open("unheard").await;
    app.clock.advance(Duration::from_secs(7200));
    app.deliver().await;
    assert_eq!(receiver.came().len(), before);
    finish(app).await;
}

#[tokio::test]
async fn a_receiver_that_is_silent_for_a_day_is_switched_off_and_its_calls_are_replayed() {
    let (app, owner, _) = desk(true).await;
    let receiver = Receiver::start().await;
    let (path, _) = webhook(&owner, &receiver.url, &["ticket.opened"]).await;
    receiver.answer(503, &[], 0);
    let asked_at = app.desk.now().to_string();
    for n in 0..3 {
        owner.open(&format!("ticket {n}")).await;
    }
    app.deliver().await;
    for _ in 0..40 {
        app.clock.advance(Duration::from_secs(3600));
        app.deliver().await;
    }
    // The session of before has ended meanwhile.
    let owner = app.sign_in("agent@acme.example").await;
    let shown = owner.get(&path).await.expect(200);
    assert_eq!(
        (&shown["enabled"], &shown["switched_off"]),
        (&json!(false), &json!("it has answered no call for a day"))
    );
    assert_eq!(owner.post(&format!("{path}/replay"), &json!({})).await.problem(409), "webhook_off");
    assert!(log(&owner, &path).await.iter().all(|row| row["state"] == "failed" || row["state"] == "dropped"));
    receiver.answer(200, &[], 0);
    let ids: Vec<String> = receiver.came().iter().map(|call| call.id.clone()).collect();
    owner.patch(&path, &json!({"enabled": true})).await.expect(200);
    let replay = owner.post(&format!("{path}/replay"), &json!({"since": asked_at})).await.expect(200);
    assert_eq!(replay["replayed"], 3);
    assert_eq!(owner.post(&format!("{path}/replay"), &json!({})).await.expect(200)["replayed"], 0);
    app.deliver().await;
    let rows = log(&owner, &path).await;
    assert!(rows.iter().all(|row| row["state"] == "sent"), "{rows:?}");
    let replayed: Vec<String> = receiver.came().iter().rev().take(3).map(|call| call.id.clone()).collect();
    assert!(replayed.iter().all(|id| ids.contains(id)), "under the ids they had");
    finish(app).await;
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_old_one_for_a_day() {
    let (app, owner, _) = desk(true).await;
    let receiver = Receiver::start().await;
    let (path, old) = webhook(&owner, &receiver.url, &["*"]).await;
    let rotated = owner.post(&format!("{path}/rotate-secret"), &json!({})).await.expect(200);
    let new = rotated["secret"].as_str().expect("a secret").to_owned();
    assert_ne!(old, new);
    owner.open("first").await;
    app.deliver().await;
    let call = receiver.came().pop().expect("a call");
    assert!(is_signed(&call, &old) && is_signed(&call, &new), "{}", call.signature);
    app.clock.advance(Duration::from_secs(24 * 3600));
    let owner = app.sign_in("agent@acme.example").await;
    owner.open("second").await;
    app.deliver().await;
    let call = receiver.came().pop().expect("a call");
    assert!(!is_signed(&call, &old) && is_signed(&call, &new), "{}", call.signature);
    finish(app).await;
}

#[tokio::test]
async fn sec_50_a_webhook_reaches_no_private_address_and_says_why() {
    let (app, owner, _) = desk(false).await;
    let receiver = Receiver::start().await;
    let port = receiver.url.split(':').nth(2).and_then(|rest| rest.split('/').next()).expect("a port").to_owned();
    let mut paths = Vec::new();
    for url in [
        receiver.url.clone(),
        format!("https://localhost:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://2130706433:{port}/"),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://10.0.0.1/".to_owned(),
    ] {
        paths.push(webhook(&owner, &url, &["ticket.opened"]).await.0);
    }
    for wrong in
        ["http://example.com/", "https://user:pw@example.com/", "file:///etc/passwd", "https://a.example/#x", ""]
    {
        let answer = owner.post(WEBHOOKS, &json!({"url": wrong, "types": ["*"]})).await;
        assert_eq!(answer.problem(422), "invalid", "{wrong}");
    }
    owner.open("x").await;
    app.deliver().await;
    for path in paths {
        let row = log(&owner, &path).await.remove(0);
        assert_eq!(row["state"], "queued");
        assert!(row["detail"].as_str().expect("text").starts_with("the address is refused"), "{row}");
    }
    assert!(receiver.came().is_empty());
    finish(app).await;
}

#[tokio::test]
async fn webhooks_are_read_strictly() {
    let (app, owner, _) = desk(true).await;
    let good = json!({"url": "https://receiver.example/", "types": ["ticket.*"]});
    for wrong in [
        json!({"url": "https://receiver.example/"}),
        json!({"url": "https://receiver.example/", "types": []}),
        json!({"url": "https://receiver.example/", "types": ["Ticket.*"]}),
        json!({"url": "https://receiver.example/", "types": ["ticket.opened*"]}),
        json!({"url": "https://receiver.example/", "types": vec!["ticket.*"; 51]}),
        json!({"url": "https://receiver.example/", "types": ["ticket.*"], "secret": "mine"}),
        json!({"url": "https://receiver.example/", "types": ["ticket.*"], "description": "a\nb"}),
        json!({"url": "https://receiver.example/", "types": ["ticket.*"], "description": "x".repeat(201)}),
    ] {
        assert_eq!(owner.post(WEBHOOKS, &wrong).await.problem(422), "invalid", "{wrong}");
    }
    let made = owner.post(WEBHOOKS, &good).await.expect(201);
    let path = format!("{WEBHOOKS}/{}", made["id"].as_str().expect("an id"));
    owner.patch(&path, &json!({"types": ["*"], "version": 1})).await.expect(200);
    assert_eq!(owner.patch(&path, &json!({"types": ["ticket.*"], "version": 1})).await.status, 412);
    owner.delete(&path).await.expect(204);
    owner.get(&path).await.problem(404);
    for _ in 0..50 {
        owner.post(WEBHOOKS, &good).await.expect(201);
    }
    assert_eq!(owner.post(WEBHOOKS, &good).await.problem(409), "too_many_webhooks");
    finish(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_hang_in_two_workspaces_hold_up_no_third() {
    let (app, owner, _) = desk(true).await;
    // It takes calls and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let hanging = format!("http://{}/", silent.local_addr().expect("an address"));
    let open = async |slug: &str, n: usize| {
        let ticket =
            json!({"subject": format!("{slug} {n}"), "body": "B", "contact": {"email": "dan@customer.example"}});
        owner.post(&format!("/workspaces/{slug}/tickets"), &ticket).await.expect(201);
    };
    for slug in ["bolt", "cove"] {
        owner.post("/workspaces", &json!({"name": slug, "slug": slug})).await.expect(201);
        let webhook = json!({"url": hanging, "types": ["ticket.opened"]});
        owner.post(&format!("/workspaces/{slug}/webhooks"), &webhook).await.expect(201);
        for n in 0..150 {
            open(slug, n).await;
        }
    }
    let receiver = Receiver::start().await;
    webhook(&owner, &receiver.url, &["ticket.opened"]).await;
    let running = app.desk.dispatcher(DispatchSettings::default()).start();
    // Long enough for both floods to have all the workers they can get.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    open("acme", 0).await;
    let mut heard = false;
    for _ in 0..100 {
        heard = !receiver.came().is_empty();
        if heard {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // One worker at a time comes free every 800 ms at the latest; each of 300 calls before it would take a quarter of a minute.
    assert!(heard, "the third was told while hundreds of calls of the others wait");
    running.stop().await;
    for slug in ["bolt", "cove"] {
        let host = app.desk.host(slug).await.expect("there");
        drop_queued(&app, host.workspace_id()).await;
    }
    finish(app).await;
}
