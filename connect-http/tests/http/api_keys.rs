//! API keys: made, shown once, used, rotated, revoked.

use std::time::Duration;

use axum::http::Method;
use connect_auth::AuthSettings;
use connect_core::api_key::KeyLimits;
use connect_core::event::Fact;
use connect_core::store::{EventList, Quota};
use connect_core::{Actor, Limit, WorkspaceId};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, User, settings};

pub const KEYS: &str = "/workspaces/acme/api-keys";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the tests give a key unless they are about that.
pub fn asked(scopes: &[&str]) -> Value {
    json!({"name": "Robot", "scopes": scopes})
}

pub async fn made(user: &User, body: &Value) -> Value {
    user.post(KEYS, body).await.expect(201)
}

/// A program with a key of these scopes, and the path of the key.
pub async fn program(app: &TestApp, owner: &User, scopes: &[&str]) -> (User, String) {
    let key = made(owner, &asked(scopes)).await;
    (app.bearer(token(&key)), path(&key))
}

pub fn token(key: &Value) -> &str {
    key["token"].as_str().expect("a token")
}

pub fn path(key: &Value) -> String {
    format!("{KEYS}/{}", key["id"].as_str().expect("an id"))
}

pub async fn workspace_id(app: &TestApp) -> WorkspaceId {
    app.desk.host("acme").await.expect("acme").workspace_id()
}

async fn events(app: &TestApp) -> Vec<connect_core::event::Event> {
    let list = EventList { limit: Limit::MAX, ..EventList::default() };
    app.desk.store().events(workspace_id(app).await, list).await.expect("events")
}

#[tokio::test]
async fn sec_62_a_key_is_shown_once() {
    let (app, _, owner, _) = TestApp::acme().await;
    let answer = owner.post_once(KEYS, "k1", &asked(&["tickets.read"])).await;
    let key = answer.expect(201);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let text = token(&key).to_owned();
    let (head, secret) = text.rsplit_once('_').expect("three parts");
    assert!(text.len() == 80 && head == key["prefix"] && secret.len() == 49, "{text}");
    let repeated = owner.post_once(KEYS, "k1", &asked(&["tickets.read"])).await.expect(201);
    assert_eq!((&repeated["id"], &repeated["token"]), (&key["id"], &Value::Null), "a repeat makes and shows nothing");
    assert_eq!(repeated["last_four"], key["last_four"]);
    let listed = owner.get(KEYS).await;
    assert_eq!(listed.expect(200)["data"].as_array().map(Vec::len), Some(1));
    for answer in [listed, owner.get(&path(&key)).await] {
        assert!(!answer.text.contains(secret) && !answer.text.contains("token"), "{}", answer.text);
    }
    assert!(!format!("{:?}", events(&app).await).contains(&secret[..43]), "nor does the journal have it");
    app.finish().await;
}

#[tokio::test]
async fn sec_63_at_rest_there_is_a_hash_and_lists_show_prefix_and_last_four() {
    let (app, _, owner, _) = TestApp::acme().await;
    let key = made(&owner, &asked(&["tickets.read"])).await;
    let text = token(&key);
    let id = key["id"].as_str().expect("an id").to_owned();
    let record = app.desk.store().record(workspace_id(&app).await, "api_key", id).await.expect("read").expect("there");
    let secret = &text.rsplit_once('_').expect("parts").1[..43];
    assert!(!record.doc.contains(secret), "a dump holds no key");
    let stored: Value = serde_json::from_str(&record.doc).expect("JSON");
    let hash = stored["secret"]["hash"].as_str().expect("a hash");
    assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{hash}");
    let listed = owner.get(KEYS).await;
    let shown = &listed.expect(200)["data"][0];
    assert!(text.starts_with(shown["prefix"].as_str().expect("a prefix")));
    assert!(text.ends_with(shown["last_four"].as_str().expect("four")));
    assert!(!listed.text.contains(hash), "not even the hash is shown");
    app.finish().await;
}

#[tokio::test]
async fn sec_64_a_key_does_what_it_was_given_and_nothing_else() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ticket = owner.open("Printer on fire").await;
    owner.post(&format!("{ticket}/messages"), &json!({"kind": "note", "body": "a secret note"})).await.expect(201);
    let (robot, _) = program(&app, &owner, &["tickets.read", "tickets.reply"]).await;
    robot.get(&ticket).await.expect(200);
    robot.post(&format!("{ticket}/messages"), &json!({"kind": "reply", "body": "On its way"})).await.expect(201);
    let read = robot.get(&format!("{ticket}/messages")).await;
    assert!(read.text.contains("On its way") && !read.text.contains("a secret note"), "notes were not given");
    let contacts = "/workspaces/acme/contacts";
    for (what, answer) in [
        ("workspace.read", robot.get("/workspaces/acme").await),
        ("members.read", robot.get("/workspaces/acme/members").await),
        ("contacts.read", robot.get(contacts).await),
        ("contacts.write", robot.post(contacts, &json!({"name": "Some Body"})).await),
        ("labels.read", robot.get("/workspaces/acme/labels").await),
        ("tickets.update", robot.patch(&ticket, &json!({"status": "closed"})).await),
        ("notes.write", robot.post(&format!("{ticket}/messages"), &json!({"kind": "note", "body": "x"})).await),
    ] {
        assert_eq!(answer.problem(403), "forbidden", "{what}");
        assert!(answer.json()["detail"].as_str().is_some_and(|detail| detail.contains(what)), "{}", answer.text);
    }
    app.finish().await;
}

#[tokio::test]
async fn every_scope_opens_what_it_names() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ticket = owner.open("Printer on fire").await;
    let messages = format!("{ticket}/messages");
    let open = json!({"subject": "S", "body": "B", "contact": {"email": "carla@customer.example"}});
    let contact = json!({"name": "Some Body", "email": "some@body.example"});
    for (scope, method, path, body) in [
        ("workspace.read", Method::GET, "/workspaces/acme", None),
        ("members.read", Method::GET, "/workspaces/acme/members", None),
        ("contacts.read", Method::GET, "/workspaces/acme/contacts", None),
        ("contacts.write", Method::POST, "/workspaces/acme/contacts", Some(contact)),
        ("labels.read", Method::GET, "/workspaces/acme/labels", None),
        ("labels.write", Method::POST, "/workspaces/acme/labels", Some(json!({"name": "new"}))),
        ("tickets.read", Method::GET, ticket.as_str(), None),
        ("tickets.open", Method::POST, "/workspaces/acme/tickets", Some(open)),
        ("tickets.reply", Method::POST, messages.as_str(), Some(json!({"kind": "reply", "body": "x"}))),
        ("tickets.update", Method::PATCH, ticket.as_str(), Some(json!({"priority": "high"}))),
        ("notes.write", Method::POST, messages.as_str(), Some(json!({"kind": "note", "body": "x"}))),
    ] {
        let body = body.map(|body| body.to_string());
        let other = if scope == "labels.read" { "tickets.read" } else { "labels.read" };
        let (with, without) = (program(&app, &owner, &[scope]).await.0, program(&app, &owner, &[other]).await.0);
        let refused = without.call(method.clone(), path, &[], body.as_deref()).await;
        assert_eq!(refused.status, 403, "{scope}: {}", refused.text);
        let done = with.call(method, path, &[], body.as_deref()).await;
        assert!(done.status.is_success(), "{scope}: {} {}", done.status, done.text);
    }
    app.finish().await;
}

#[tokio::test]
async fn the_journal_tells_which_key_did_it_and_for_whom() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let me = owner.get("/me").await.expect(200)["user"]["id"].clone();
    let key = made(&owner, &asked(&["tickets.read", "tickets.open"])).await;
    let robot = app.bearer(token(&key));
    let ticket = robot.open("By a program").await;
    let opened = events(&app).await.into_iter().find(|event| event.ticket.is_some()).expect("the ticket's event");
    assert_eq!(json!(opened.actor), me, "for the owner");
    assert_eq!(json!(opened.key), key["id"], "by the key");
    let timeline = owner.get(&format!("{ticket}/timeline")).await.expect(200);
    assert_eq!((&timeline["data"][0]["key_id"], &timeline["data"][0]["actor"]["id"]), (&key["id"], &me));
    let timeline = customer.get(&format!("{ticket}/timeline")).await.expect(200);
    assert_eq!(timeline["data"][0].get("key_id"), None, "customers are not told");

    owner.post(&format!("{}/rotate", path(&key)), &json!({})).await.expect(200);
    owner.delete(&path(&key)).await.expect(204);
    let events = events(&app).await;
    let names: Vec<String> = events.iter().map(|e| e.fact.name()).filter(|name| name.starts_with("api_key")).collect();
    assert_eq!(names, ["api_key.created", "api_key.used", "api_key.rotated", "api_key.revoked"]);
    let created = events.iter().find(|event| matches!(event.fact, Fact::ApiKeyCreated { .. })).expect("created");
    assert!(matches!(created.actor, Actor::User(_)) && created.key.is_none() && created.request_id.is_some());
    app.finish().await;
}

#[tokio::test]
async fn sec_66_only_a_person_who_has_proven_lately_who_they_are_makes_keys() {
    let (app, anonymous, owner, customer) = TestApp::acme().await;
    let me = owner.get("/me").await.expect(200)["user"]["id"].clone();
    let key = made(&owner, &asked(&["tickets.read"])).await;
    assert_eq!(key["owner_id"], me, "whose it is follows from the session");
    for field in ["owner_id", "owner", "workspace", "workspace_id", "secret", "token", "id"] {
        let mut body = asked(&["tickets.read"]);
        body[field] = json!("usr_00000000000000000000000000");
        let refused = owner.post(KEYS, &body).await;
        assert_eq!((refused.problem(422).as_str(), &refused.json()["errors"][0]["field"]), ("invalid", &json!(field)));
    }
    let admin = app.member(&owner, "admin@acme.example", "admin").await;
    let member = app.member(&owner, "member@acme.example", "member").await;
    made(&admin, &asked(&["tickets.read"])).await;
    for user in [&member, &customer] {
        assert_eq!(user.post(KEYS, &asked(&["tickets.read"])).await.problem(403), "forbidden");
        assert_eq!(user.get(KEYS).await.problem(403), "forbidden");
    }
    assert_eq!(anonymous.post(KEYS, &asked(&["tickets.read"])).await.problem(401), "unauthorized");

    app.clock.advance(Duration::from_secs(10 * 60));
    made(&owner, &asked(&["tickets.read"])).await;
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(owner.post(KEYS, &asked(&["tickets.read"])).await.problem(403), "step_up_required");
    let rotate = format!("{}/rotate", path(&key));
    assert_eq!(owner.post(&rotate, &json!({})).await.problem(403), "step_up_required", "a new secret is a new key");
    owner.get(KEYS).await.expect(200);
    owner.delete(&path(&key)).await.expect(204);
    assert_eq!(owner.get(&path(&key)).await.problem(404), "not_found", "to end one no proof is needed");
    app.finish().await;
}

#[tokio::test]
async fn sec_67_keys_end_by_default_and_endless_ones_need_a_setting() {
    let (app, _, owner, _) = TestApp::acme().await;
    let key = made(&owner, &asked(&["tickets.read"])).await;
    let end = connect_core::Timestamp::parse(key["expires_at"].as_str().expect("an end")).expect("a time");
    assert_eq!(end, app.desk.now().plus(DAY * 90));
    for (wrong, code) in [
        (Value::Null, "required"),
        (json!(app.desk.now().plus(DAY * 366).to_string()), "out_of_range"),
        (json!("2020-01-01"), "out_of_range"),
        (json!("soon"), "bad_time"),
    ] {
        let mut body = asked(&["tickets.read"]);
        body["expires_at"] = wrong.clone();
        let refused = owner.post(KEYS, &body).await;
        assert_eq!(refused.problem(422), "invalid");
        let error = &refused.json()["errors"][0];
        assert_eq!((&error["field"], &error["code"]), (&json!("expires_at"), &json!(code)), "{wrong}");
    }
    let robot = app.bearer(token(&key));
    app.clock.advance(DAY * 89 + Duration::from_secs(86_399));
    robot.get("/workspaces/acme/tickets").await.expect(200);
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(robot.get("/workspaces/acme/tickets").await.problem(401), "unauthorized", "known or not, it has ended");
    app.finish().await;

    let api_keys = KeyLimits { endless: true, ..KeyLimits::USUAL };
    let app = TestApp::with(AuthSettings { api_keys, ..settings() });
    let (app, _, owner, _) = app.with_acme().await;
    let mut body = asked(&["tickets.read"]);
    body["expires_at"] = Value::Null;
    let key = made(&owner, &body).await;
    assert_eq!(key["expires_at"], Value::Null);
    app.clock.advance(DAY * 4000);
    app.bearer(token(&key)).get("/workspaces/acme/tickets").await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_67_a_rotated_key_counts_beside_the_old_one_for_a_while() {
    let (app, _, owner, _) = TestApp::acme().await;
    let list = "/workspaces/acme/tickets";
    let key = made(&owner, &asked(&["tickets.read"])).await;
    let rotate = format!("{}/rotate", path(&key));
    let rotated = owner.post(&rotate, &json!({"overlap_seconds": 3600})).await.expect(200);
    assert_eq!((&rotated["id"], &rotated["prefix"]), (&key["id"], &key["prefix"]));
    assert_ne!(token(&rotated), token(&key));
    let (old, new) = (app.bearer(token(&key)), app.bearer(token(&rotated)));
    old.get(list).await.expect(200);
    new.get(list).await.expect(200);
    assert_eq!(owner.post(&rotate, &json!({})).await.problem(409), "overlap_running");
    assert_eq!(owner.post(&rotate, &json!({"overlap_seconds": 604_801})).await.problem(422), "invalid");
    app.clock.advance(Duration::from_secs(3600));
    assert_eq!(old.get(list).await.problem(401), "unauthorized", "after the overlap");
    new.get(list).await.expect(200);

    // Without an overlap, at once: as after a leak.
    let owner = app.sign_in("agent@acme.example").await;
    let at_once = owner.post(&rotate, &json!({"overlap_seconds": 0})).await.expect(200);
    assert_eq!(new.get(list).await.problem(401), "unauthorized");
    app.bearer(token(&at_once)).get(list).await.expect(200);
    assert_eq!(at_once["overlap_ends_at"], Value::Null);

    // Whoever gets the secret acts for the owner: so no one else does.
    let admin = app.member(&owner, "admin@acme.example", "admin").await;
    assert_eq!(admin.post(&rotate, &json!({"overlap_seconds": 0})).await.problem(403), "forbidden");
    admin.delete(&path(&key)).await.expect(204);
    app.finish().await;
}

#[tokio::test]
async fn sec_67_a_revoked_key_is_refused_at_once() {
    let (app, _, owner, _) = TestApp::acme().await;
    let (robot, path) = program(&app, &owner, &["tickets.read"]).await;
    robot.get("/workspaces/acme/tickets").await.expect(200);
    owner.delete(&path).await.expect(204);
    assert_eq!(robot.get("/workspaces/acme/tickets").await.problem(401), "unauthorized");
    assert_eq!(owner.delete(&path).await.problem(404), "not_found");
    assert_eq!(owner.get(KEYS).await.expect(200)["data"], json!([]));
    app.finish().await;
}

#[tokio::test]
async fn sec_67_use_is_noted_about_once_an_hour() {
    let (app, _, owner, _) = TestApp::acme().await;
    let (robot, path) = program(&app, &owner, &["tickets.read"]).await;
    assert_eq!(owner.get(&path).await.expect(200)["last_used_at"], Value::Null);
    let uses = async || events(&app).await.iter().filter(|e| matches!(e.fact, Fact::ApiKeyUsed { .. })).count();
    for _ in 0..50 {
        robot.get("/workspaces/acme/tickets").await.expect(200);
        app.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(uses().await, 1, "the journal is not flooded");
    for _ in 0..50 {
        robot.get("/workspaces/acme/tickets").await.expect(200);
        app.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(uses().await, 2);
    let owner = app.sign_in("agent@acme.example").await;
    let used = owner.get(&path).await.expect(200)["last_used_at"].as_str().map(connect_core::Timestamp::parse);
    let used = used.flatten().expect("a time");
    assert!(app.desk.now().since(used) <= Duration::from_secs(3600), "to about an hour: {used}");
    app.finish().await;
}

#[tokio::test]
async fn sec_70_each_key_has_a_share_of_requests_of_its_own() {
    let quotas = connect_auth::Quotas { requests: Quota::per_seconds(8, 60), ..settings().quotas };
    let app = TestApp::with(AuthSettings { quotas, ..settings() });
    let (app, _, owner, _) = app.with_acme().await;
    let (one, _) = program(&app, &owner, &["tickets.read"]).await;
    let (two, _) = program(&app, &owner, &["tickets.read"]).await;
    for _ in 0..8 {
        one.get("/workspaces/acme/tickets").await.expect(200);
    }
    assert_eq!(one.get("/workspaces/acme/tickets").await.problem(429), "rate_limited");
    two.get("/workspaces/acme/tickets").await.expect(200);
    owner.get("/workspaces/acme/tickets").await.expect(200);
    app.finish().await;
}

/// Opens a stream; answers how long it lasted after `then` was done.
async fn ends_after(robot: &User, then: impl AsyncFnOnce()) -> Duration {
    let request = robot.request(Method::GET, "/workspaces/acme/live").body(axum::body::Body::empty());
    let mut body = robot.stream(request.expect("a request")).await;
    let first = body.frame().await.expect("a frame").expect("whole");
    assert!(String::from_utf8_lossy(first.data_ref().expect("data")).contains("event: open"));
    then().await;
    let since = tokio::time::Instant::now();
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    tokio::time::timeout(Duration::from_secs(60), rest).await.expect("it ends");
    since.elapsed()
}

#[tokio::test(start_paused = true)]
async fn sec_67_a_live_stream_ends_with_its_key() {
    let (app, _, owner, _) = TestApp::acme().await;
    let limit = Duration::from_secs(5);
    let (robot, path) = program(&app, &owner, &["tickets.read"]).await;
    let lasted = ends_after(&robot, async || drop(owner.delete(&path).await.expect(204))).await;
    assert!(lasted <= limit, "revoked: {lasted:?}");

    let key = made(&owner, &asked(&["tickets.read"])).await;
    let rotate = format!("{}/rotate", self::path(&key));
    let robot = app.bearer(token(&key));
    let now = json!({"overlap_seconds": 0});
    let lasted = ends_after(&robot, async || drop(owner.post(&rotate, &now).await.expect(200))).await;
    assert!(lasted <= limit, "rotated: {lasted:?}");

    let (robot, _) = program(&app, &owner, &["tickets.read"]).await;
    let lasted = ends_after(&robot, async || app.clock.advance(DAY * 90)).await;
    assert!(lasted <= limit, "ended by itself: {lasted:?}");

    let owner = app.sign_in("agent@acme.example").await;
    let admin = app.member(&owner, "admin@acme.example", "admin").await;
    let (robot, _) = program(&app, &admin, &["tickets.read"]).await;
    let me = admin.get("/me").await.expect(200)["user"]["id"].clone();
    let member = format!("/workspaces/acme/members/{}", me.as_str().expect("an id"));
    let lasted = ends_after(&robot, async || drop(owner.delete(&member).await.expect(204))).await;
    assert!(lasted <= limit, "its owner left: {lasted:?}");
    app.finish().await;
}

#[tokio::test]
async fn sec_65_a_stream_needs_the_right_to_read_tickets() {
    let (app, _, owner, _) = TestApp::acme().await;
    let (robot, _) = program(&app, &owner, &["labels.read"]).await;
    let answer: Answer = robot.get("/workspaces/acme/live").await;
    assert_eq!(answer.problem(403), "forbidden");
    app.finish().await;
}
