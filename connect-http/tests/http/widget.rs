//! Tokens that a host signs for its widgets.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Method;
use connect_auth::{AuthSettings, WidgetKey};
use connect_core::contact::{NewContact, Traits};
use connect_core::{EmailAddress, HostCustomer, Name};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{Answer, TestApp, User, settings};

const LIFETIME: Duration = Duration::from_secs(300);

fn key(id: &str, byte: u8) -> WidgetKey {
    WidgetKey::new(id, [byte; 32]).expect("long enough")
}

fn with_keys() -> AuthSettings {
    AuthSettings { widget_keys: vec![key("new", 2), key("old", 1)], ..settings() }
}

fn somebody(id: &str, email: Option<&str>) -> HostCustomer {
    HostCustomer {
        workspace: "acme".to_owned(),
        external_id: id.to_owned(),
        verified_email: email.map(|email| EmailAddress::parse("email", email).expect("an address")),
        name: Some(Name::parse("name", "Ada Lovelace").expect("a name")),
    }
}

fn token(app: &TestApp, customer: &HostCustomer) -> String {
    key("new", 2).mint(customer, app.desk.now(), LIFETIME)
}

fn widget(app: &TestApp, customer: &HostCustomer) -> User {
    app.bearer(&token(app, customer))
}

#[tokio::test]
async fn a_widget_asks_and_reads_for_the_customer_its_token_names() {
    let (app, _, agent, _) = TestApp::with(with_keys()).with_acme().await;
    let ada = widget(&app, &somebody("user-42", Some("ada@shop.example")));
    let ticket = ada.post("/workspaces/acme/tickets", &json!({"subject": "S", "body": "B"})).await.expect(201);
    let contact = &agent.get("/workspaces/acme/contacts?external_id=user-42").await.expect(200)["data"][0];
    assert_eq!((&contact["email"], &contact["name"]), (&json!("ada@shop.example"), &json!("Ada Lovelace")));
    assert_eq!(ticket["contact"]["id"], contact["id"]);
    let path = format!("/workspaces/acme/tickets/{}/messages", ticket["number"]);
    agent.post(&path, &json!({"kind": "reply", "body": "Thus."})).await.expect(201);
    // The next token is of the same person, by whichever key, and an address is not needed.
    let next = key("old", 1).mint(&somebody("user-42", None), app.desk.now(), LIFETIME);
    let ada = app.bearer(&next);
    assert_eq!(ada.get(&path).await.expect(200)["data"].as_array().map(Vec::len), Some(2));
    ada.post(&path, &json!({"kind": "reply", "body": "Thanks."})).await.expect(201);
    let audit = agent.get("/workspaces/acme/audit").await.expect(200).to_string();
    assert!(audit.contains("widget_token"), "the journal says how she was known: {audit}");
    app.finish().await;
}

#[tokio::test]
async fn sec_58_a_customer_by_widget_token_sees_own_tickets_and_never_notes() {
    let (app, _, agent, _) = TestApp::with(with_keys()).with_acme().await;
    let ada = widget(&app, &somebody("user-42", Some("ada@shop.example")));
    let own = ada.post("/workspaces/acme/tickets", &json!({"subject": "own", "body": "B"})).await.expect(201);
    let own = format!("/workspaces/acme/tickets/{}", own["id"].as_str().expect("an id"));
    let other = agent.open("secret of another").await;
    agent.post(&format!("{own}/messages"), &json!({"kind": "note", "body": "hush"})).await.expect(201);
    agent.post(&format!("{own}/messages"), &json!({"kind": "reply", "body": "Thus."})).await.expect(201);
    for path in ["/workspaces/acme/tickets", "/workspaces/acme/tickets?q=secret", &own] {
        let text = ada.get(path).await.expect(200).to_string();
        assert!(!text.contains("secret of another"), "{path}: {text}");
    }
    for path in [format!("{own}/messages"), format!("{own}/timeline")] {
        let text = ada.get(&path).await.expect(200).to_string();
        assert!(text.contains("Thus.") && !text.contains("hush"), "{path}: {text}");
    }
    assert_eq!(ada.get(&other).await.problem(404), "not_found");
    assert_eq!(ada.get(&format!("{other}/messages")).await.problem(404), "not_found");
    let reply = json!({"kind": "reply", "body": "x"});
    assert_eq!(ada.post(&format!("{other}/messages"), &reply).await.problem(404), "not_found");
    let note = json!({"kind": "note", "body": "x"});
    assert_eq!(ada.post(&format!("{own}/messages"), &note).await.problem(403), "forbidden");
    assert_eq!(ada.patch(&own, &json!({"priority": "high"})).await.problem(403), "forbidden");
    for path in ["/members", "/contacts", "/labels", "/audit", "/invitations", "/api-keys"] {
        assert_eq!(ada.get(&format!("/workspaces/acme{path}")).await.problem(403), "forbidden", "{path}");
    }
    for path in ["/me", "/auth/sessions", "/workspaces"] {
        assert_eq!(ada.get(path).await.problem(403), "forbidden", "{path}: she has no account here");
    }
    let bolt = json!({"name": "Bolt", "slug": "bolt"});
    assert_eq!(ada.post("/workspaces", &bolt).await.problem(403), "forbidden");
    app.finish().await;
}

/// An answer without what differs between any two.
fn seen(answer: &Answer) -> Value {
    let mut body = answer.expect(401);
    body["request_id"] = Value::Null;
    body
}

#[tokio::test]
async fn sec_27_without_the_hosts_secret_no_widget_token_is_accepted_and_every_refusal_looks_alike() {
    let (app, _, owner, _) = TestApp::with(with_keys()).with_acme().await;
    let other = app.sign_in("boss@bolt.example").await;
    other.post("/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
    let (now, ada) = (app.desk.now(), somebody("user-42", None));
    let mint = |key: &WidgetKey, at| key.mint(&ada, at, LIFETIME);
    let elsewhere = |workspace: &str| HostCustomer { workspace: workspace.to_owned(), ..ada.clone() };
    let good = mint(&key("new", 2), now);
    let (signed, mac) = good.rsplit_once('.').expect("a MAC");
    let refused = [
        ("another secret", mint(&key("new", 3), now)),
        ("an unknown key", mint(&key("other", 2), now)),
        ("a key's id with another key's secret", mint(&key("old", 2), now)),
        ("ended", mint(&key("new", 2), now.minus(LIFETIME))),
        ("of the future", mint(&key("new", 2), now.plus(Duration::from_secs(31)))),
        ("for another workspace", token(&app, &elsewhere("bolt"))),
        ("for no workspace", token(&app, &elsewhere("nowhere"))),
        ("without its MAC", format!("{signed}.")),
        ("with half its MAC", format!("{signed}.{}", &mac[..22])),
        ("altered", good.replacen("new", "old", 1)),
        ("nothing", "cw1.".to_owned()),
        ("too much", format!("cw1.new.{}.{mac}", "A".repeat(100_000))),
    ];
    let wanted = seen(&app.bearer("cw1.new.x.y").get("/workspaces/acme/tickets").await);
    for (name, token) in refused {
        assert_eq!(seen(&app.bearer(&token).get("/workspaces/acme/tickets").await), wanted, "{name}");
    }
    let contacts = owner.get("/workspaces/acme/contacts?external_id=user-42").await.expect(200);
    assert_eq!(contacts["data"], json!([]), "nobody was made by any of them");
    app.bearer(&good).get("/workspaces/acme/tickets").await.expect(200);
    assert_eq!(seen(&app.bearer(&good).get("/workspaces/bolt/tickets").await), wanted, "good elsewhere");
    assert_eq!(seen(&app.bearer(&good).get("/workspaces/nowhere/tickets").await), wanted);
    app.clock.advance(LIFETIME);
    assert_eq!(seen(&app.bearer(&good).get("/workspaces/acme/tickets").await), wanted, "it has ended");
    app.finish().await;

    // A desk without a key takes none, also of a secret of zeros.
    let (app, ..) = TestApp::acme().await;
    for key in [key("new", 2), key("old", 1), key("new", 0)] {
        let token = key.mint(&ada, app.desk.now(), LIFETIME);
        assert_eq!(seen(&app.bearer(&token).get("/workspaces/acme/tickets").await), wanted);
    }
    app.finish().await;
}

#[test]
fn sec_27_two_keys_of_one_id_are_refused_at_the_start() {
    let twice = AuthSettings { widget_keys: vec![key("a", 1), key("a", 2)], ..settings() };
    assert_eq!(twice.check().expect_err("refused").setting, "widget_keys");
    assert_eq!(with_keys().check(), Ok(()));
}

#[tokio::test]
async fn sec_41_beside_a_widget_token_cookies_are_ignored_and_it_counts_in_its_header_only() {
    let (app, _, owner, _) = TestApp::with(with_keys()).with_acme().await;
    let token = token(&app, &somebody("user-42", None));
    let cookie = format!("__Host-connect_session={}", owner.token());
    let bearer = format!("Bearer {token}");
    let headers = [("cookie", cookie.as_str()), ("authorization", bearer.as_str())];
    let role = app.anonymous().call(Method::GET, "/workspaces/acme", &headers, None).await.expect(200)["role"].clone();
    assert_eq!(role, "customer");
    for headers in [
        [("cookie", format!("__Host-connect_session={token}"))],
        [("authorization", token.clone())],
        [("authorization", format!("Basic {token}"))],
        [("x-widget-token", token.clone())],
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = app.anonymous().call(Method::GET, "/workspaces/acme", &headers, None).await;
        assert_eq!(answer.problem(401), "unauthorized", "{headers:?}");
    }
    let in_url = app.anonymous().get(&format!("/workspaces/acme?token={token}")).await;
    assert_eq!(in_url.problem(401), "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn sec_47_an_address_that_the_host_has_proven_finds_who_wrote_before_and_mixes_nobody_up() {
    let (app, _, agent, _) = TestApp::with(with_keys()).with_acme().await;
    let ticket = agent.open("Carla's, of before the widget").await;
    let carla = "carla@customer.example";
    // Who says nothing of an address is somebody new.
    let other = widget(&app, &somebody("7", None));
    assert_eq!(other.get(&ticket).await.problem(404), "not_found");
    widget(&app, &somebody("8", Some(carla))).get(&ticket).await.expect(200);
    // Whom the host calls otherwise is somebody else, whatever their address.
    let twin = widget(&app, &somebody("9", Some(carla)));
    assert_eq!(twin.get(&ticket).await.problem(404), "not_found");
    let found = agent.get("/workspaces/acme/contacts?external_id=9").await.expect(200);
    assert_eq!(found["data"][0]["email"], Value::Null);
    // An address of a known one is not looked at any more.
    assert_eq!(widget(&app, &somebody("7", Some(carla))).get(&ticket).await.problem(404), "not_found");
    // Nor does one of the desk's own become a customer's.
    let desk = widget(&app, &somebody("10", Some("desk@desk.example")));
    desk.get("/workspaces/acme/tickets").await.expect(200);
    let found = agent.get("/workspaces/acme/contacts?external_id=10").await.expect(200);
    assert_eq!(found["data"][0]["email"], Value::Null);
    app.finish().await;
}

#[tokio::test]
async fn many_first_tokens_at_once_make_one_contact() {
    let (app, ..) = TestApp::with(with_keys()).with_acme().await;
    let host = app.desk.host("acme").await.expect("acme");
    let email = EmailAddress::parse("email", "ada@shop.example").expect("an address");
    let name = Name::parse("name", "Ada").expect("a name");
    let before = NewContact { name, email: Some(email), external_id: None, traits: Traits::new(), locale: None };
    let before = app.desk.contacts(&host).create(before).await.expect("a contact");
    let asked = (0..20).map(|n| {
        let ada = widget(&app, &somebody(if n % 2 == 0 { "42" } else { "43" }, Some("ada@shop.example")));
        async move { ada.get("/workspaces/acme/tickets").await }
    });
    for answer in futures::future::join_all(asked).await {
        answer.expect(200);
    }
    let all = app.desk.contacts(&host).list(None, connect_core::Limit::MAX).await.expect("contacts").rows;
    let mut named: Vec<_> = all.iter().filter_map(|contact| contact.external_id.as_deref()).collect();
    named.sort_unstable();
    assert_eq!(named, ["42", "43"], "one each, of whom one was there before");
    assert!(all.iter().any(|contact| contact.id == before.id && contact.external_id.is_some()));
    app.finish().await;
}

#[tokio::test]
async fn sec_35_a_stream_by_widget_token_ends_with_it() {
    let (app, ..) = TestApp::with(with_keys()).with_acme().await;
    let ada = widget(&app, &somebody("user-42", None));
    let request = ada.request(Method::GET, "/workspaces/acme/live").body(Body::empty()).expect("a request");
    let mut stream = app.router.clone().oneshot(request).await.expect("an answer").into_body();
    app.clock.advance(LIFETIME);
    let start = Instant::now();
    let end = async { while let Some(Ok(_)) = stream.frame().await {} };
    tokio::time::timeout(Duration::from_secs(10), end).await.expect("it ends");
    assert!(start.elapsed() < Duration::from_secs(5));
    app.finish().await;
}
