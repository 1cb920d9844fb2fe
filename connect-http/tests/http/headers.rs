//! The headers of security, on every way to answer that there is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Request};
use connect_auth::Quotas;
use connect_core::store::{Quota, Verdict};
use connect_core::{RateLimiter, StoreError, Timestamp};
use connect_http::{App, HttpSettings};
use serde_json::json;
use tower::ServiceExt;

use crate::app::{Answer, Made, TestApp, User, settings};

/// Panics or never answers, where it is asked about certain keys.
#[derive(Debug)]
struct Wild;

#[async_trait]
impl RateLimiter for Wild {
    async fn take(&self, key: String, quota: Quota, _: Timestamp) -> Result<Verdict, StoreError> {
        assert!(!key.starts_with("send-ip:"), "as a fault in a handler would");
        if key.starts_with("fail-ip:") {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        if key.starts_with("request:") {
            return Err(StoreError::unavailable("gone"));
        }
        Ok(Verdict { allowed: true, remaining: quota.limit, reset: quota.window })
    }

    async fn give_back(&self, _: String, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Fails if a header of the list is missing on an answer.
#[track_caller]
fn check(what: &str, answer: &Answer) {
    let header = |name: &str| {
        let mut values = answer.headers.get_all(name).iter();
        let value = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        assert!(values.next().is_none(), "{what}: {name} stands twice");
        value
    };
    assert_eq!(header("strict-transport-security"), "max-age=31536000; includeSubDomains", "{what}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(header("referrer-policy"), "same-origin", "{what}");
    assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{what}");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{what}");
    assert!(header("permissions-policy").contains("camera=()"), "{what}");
    assert!(matches!(header("x-xss-protection").as_str(), "" | "0"), "{what}");
    let policy = header("content-security-policy");
    for part in ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.split(';').any(|directive| directive.trim() == part), "{what}: {part} in {policy:?}");
    }
    assert!(!policy.contains("unsafe-") && !policy.contains('*'), "{what}: {policy}");
    assert!(header("x-request-id").starts_with("req_"), "{what}");
    // Only the style sheet may be kept.
    let kept = header("cache-control");
    assert!(kept.contains("no-store") || what.contains("desk.css"), "{what}: {kept}");
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).expect("a request")
}

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

#[tokio::test]
async fn sec_75_no_way_to_answer_goes_without_the_headers() {
    let (app, anonymous, agent, _) = TestApp::acme().await;
    let bearer = format!("Bearer {}", agent.token());
    let signed_in = ("authorization", bearer.as_str());
    let long = "x".repeat(1024 * 1024 + 1);
    let ticket = agent.open("Hello").await;
    for (status, method, path, headers, body) in [
        (200, "GET", "/api/v1/me", &[signed_in][..], ""),
        (200, "HEAD", "/api/v1/me", &[signed_in], ""),
        (200, "GET", "/healthz", &[], ""),
        (200, "GET", "/readyz", &[], ""),
        (200, "GET", "/sign-in", &[], ""),
        (200, "GET", "/assets/desk.css", &[], ""),
        (201, "POST", "/api/v1/workspaces/acme/labels", &[signed_in, JSON], r#"{"name":"one"}"#),
        (202, "POST", "/api/v1/auth/otp/request", &[JSON], r#"{"email":"a@b.example"}"#),
        (303, "GET", "/", &[], ""),
        (303, "GET", "/acme/tickets", &[], ""),
        (303, "POST", "/sign-in", &[FORM, OURS], "email=a%40b.example"),
        (400, "POST", "/api/v1/workspaces", &[signed_in, JSON], "{"),
        (401, "GET", "/api/v1/me", &[], ""),
        (401, "POST", "/api/v1/auth/otp/verify", &[JSON], r#"{"challenge_id":"x","code":"1"}"#),
        (401, "POST", "/sign-in/code", &[FORM, OURS], "code=1"),
        (403, "POST", "/sign-in", &[FORM, ("sec-fetch-site", "cross-site")], "email=a%40b.example"),
        (404, "GET", "/api/v1/nothing", &[], ""),
        (404, "GET", "/nothing/at/all", &[], ""),
        (404, "GET", "/api/v1/workspaces/other", &[signed_in], ""),
        (405, "DELETE", "/api/v1/me", &[signed_in], ""),
        (405, "PUT", "/sign-in", &[OURS], ""),
        (405, "TRACE", "/api/v1/me", &[], ""),
        (405, "OPTIONS", "/sign-in", &[], ""),
        (405, "BREW", "/healthz", &[OURS], ""),
        (404, "OPTIONS", "*", &[], ""),
        (409, "POST", "/api/v1/workspaces", &[signed_in, JSON], r#"{"name":"Acme","slug":"acme"}"#),
        (413, "POST", "/api/v1/auth/otp/request", &[JSON], &long),
        (413, "POST", "/sign-in", &[FORM, OURS], &long),
        (415, "POST", "/api/v1/auth/otp/request", &[], "{}"),
        (415, "POST", "/sign-in", &[JSON, OURS], "{}"),
        (422, "POST", "/api/v1/auth/otp/request", &[JSON], "{}"),
        (422, "POST", "/sign-in", &[FORM, OURS], "email=nobody"),
    ] {
        let answer = anonymous.send(request(method, path, headers, body)).await;
        let what = format!("{method} {path} {status}");
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text);
        check(&what, &answer);
    }
    let stale = agent.call(Method::PATCH, &ticket, &[("if-match", "\"77\"")], Some(r#"{"status":"pending"}"#)).await;
    assert_eq!(stale.status, 412);
    check("an old version", &stale);
    let file =
        agent.send(request("POST", "/api/v1/workspaces/acme/attachments?name=a.txt", &[signed_in], "plain")).await;
    let id = file.expect(201)["id"].as_str().expect("an id").to_owned();
    let path = format!("/workspaces/acme/attachments/{id}");
    for headers in [&[][..], &[("range", "bytes=1-2")], &[("range", "bytes=99-")]] {
        let content = agent.call(Method::GET, &path, headers, None).await;
        check(&format!("content {}", content.status), &content);
    }
    let live = request("GET", "/api/v1/workspaces/acme/live", &[signed_in], "");
    let stream = app.router.clone().oneshot(live).await.expect("an answer");
    let answer = Answer { status: stream.status(), headers: stream.headers().clone(), text: String::new() };
    assert_eq!(answer.status, 200);
    check("a stream without an end", &answer);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn sec_75_faults_and_refusals_do_not_go_without_them_either() {
    let http = HttpSettings { timeout: Duration::from_millis(100), ..HttpSettings::default() };
    let app = TestApp::made(Made { limiter: Arc::new(Wild), http, ..Made::default() }, |desk| desk);
    let somebody: User = app.anonymous();
    let panicked = somebody.post("/auth/otp/request", &json!({"email": "a@b.example"})).await;
    assert_eq!(panicked.problem(500), "internal");
    check("a panic", &panicked);
    let late = somebody.post("/auth/otp/verify", &json!({"challenge_id": "x", "code": "1"})).await;
    assert_eq!(late.problem(503), "timeout");
    check("no end of time", &late);
    let gone = somebody.get("/me").await;
    assert_eq!(gone.problem(503), "unavailable");
    check("unavailable", &gone);
    let page = somebody.send(request("POST", "/sign-in", &[FORM, OURS], "email=a%40b.example")).await;
    assert_eq!(page.status, 500);
    check("a panic behind a page", &page);
    app.finish().await;

    let quotas = Quotas { requests: Quota::per_seconds(0, 60), ..settings().quotas };
    let app = TestApp::with(connect_auth::AuthSettings { quotas, ..settings() });
    for path in ["/api/v1/me", "/workspaces"] {
        let answer = app.anonymous().send(request("GET", path, &[], "")).await;
        assert_eq!(answer.status, 429);
        check(&format!("too many: {path}"), &answer);
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_75_signing_out_clears_what_a_browser_has_kept() {
    for (public_url, cleared) in
        [("https://desk.example", "\"cache\", \"storage\""), ("https://shop.example/support", "\"cache\"")]
    {
        let app = TestApp::made(Made { public_url, ..Made::default() }, |desk| desk);
        let (one, two) = (app.sign_in("ada@example.org").await, app.sign_in("ada@example.org").await);
        let by_api = one.call(Method::POST, "/auth/logout", &[], None).await;
        assert_eq!(by_api.status, 204);
        let cookie = format!("__Host-connect_session={}", two.token());
        let by_page = app.anonymous().send(request("POST", "/sign-out", &[FORM, OURS, ("cookie", &cookie)], "")).await;
        assert_eq!(by_page.status, 303);
        for answer in [by_api, by_page] {
            check("signing out", &answer);
            assert_eq!(answer.headers["clear-site-data"], cleared);
            let gone = answer.headers["set-cookie"].to_str().expect("text");
            assert!(gone.starts_with("__Host-connect_session=; ") && gone.contains("Max-Age=0"), "{gone}");
        }
        assert_eq!(two.get("/me").await.problem(401), "unauthorized");
        app.finish().await;
    }
}

#[tokio::test]
async fn sec_75_pages_of_the_hosts_own_can_be_guarded_alike() {
    let made = TestApp::new();
    let own = axum::Router::new().route("/own", axum::routing::get(|| async { "mine" }));
    let keys = connect_auth::KeyRing::new("a secret of at least 32 characters", Vec::new()).expect("long enough");
    let store = Arc::new(connect_store::MemoryStore::new());
    let auth = connect_auth::Auth::builder(store, Arc::new(connect_store::MemoryLimiter::new()), keys, settings());
    let app = App::new(auth.expect("settings").build(made.desk.clone()), HttpSettings::default());
    let router = connect_http::guarded(app, own).fallback_service(made.router.clone());
    for (path, status) in [("/own", 200), ("/sign-in", 200), ("/nothing/at/all", 404)] {
        let response = router.clone().oneshot(request("GET", path, &[], "")).await.expect("an answer");
        let answer = Answer { status: response.status(), headers: response.headers().clone(), text: String::new() };
        assert_eq!(answer.status.as_u16(), status, "{path}");
        check(path, &answer);
    }
    made.finish().await;
}

#[tokio::test]
async fn sec_75_no_promise_of_https_where_there_is_none() {
    let http = HttpSettings { secure: false, ..HttpSettings::default() };
    let app = TestApp::made(Made { http, public_url: "http://127.0.0.1:8080", ..Made::default() }, |desk| desk);
    let answer = app.anonymous().get("/me").await;
    assert!(!answer.headers.contains_key("strict-transport-security"));
    app.finish().await;
}
