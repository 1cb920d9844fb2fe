//! What nobody can count, nobody may do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use connect_auth::{AuthSettings, Quotas};
use connect_core::store::{Quota, Verdict};
use connect_core::{RateLimiter, StoreError, Timestamp};
use connect_store::MemoryLimiter;
use serde_json::json;

use crate::app::{Made, TestApp, settings};

/// A limiter that can be taken away.
#[derive(Debug, Default)]
struct Flaky {
    inner: MemoryLimiter,
    away: AtomicBool,
}

impl Flaky {
    fn answers(&self) -> Result<(), StoreError> {
        if self.away.load(Ordering::SeqCst) { Err(StoreError::unavailable("gone")) } else { Ok(()) }
    }
}

#[async_trait]
impl RateLimiter for Flaky {
    async fn take(&self, key: String, quota: Quota, now: Timestamp) -> Result<Verdict, StoreError> {
        self.answers()?;
        self.inner.take(key, quota, now).await
    }

    async fn give_back(&self, key: String, now: Timestamp) -> Result<(), StoreError> {
        self.answers()?;
        self.inner.give_back(key, now).await
    }
}

#[tokio::test]
async fn sec_73_without_the_limiter_nobody_signs_in_and_everybody_is_told_when_to_come_back() {
    let limiter = Arc::new(Flaky::default());
    let app = TestApp::made(Made { limiter: limiter.clone(), ..Made::default() }, |desk| desk);
    let issued = app.ask_code("ada@example.org").await;
    let code = app.code("ada@example.org");
    limiter.away.store(true, Ordering::SeqCst);
    let asked = app.anonymous().post("/auth/otp/request", &json!({"email": "ada@example.org", "token": true})).await;
    for answer in [asked, app.verify(&issued, &code).await, app.anonymous().get("/me").await] {
        assert_eq!(answer.problem(503), "unavailable");
        let seconds: u64 = answer.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
        assert!(seconds > 0);
        assert!(!answer.text.contains("gone"), "the cause is not for clients");
    }
    let form = |path: &str, body: &'static str| {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        request.header("sec-fetch-site", "same-origin").body(Body::from(body)).expect("a request")
    };
    let page = app.anonymous().send(form("/sign-in", "email=ada%40example.org")).await;
    assert_eq!((page.status.as_u16(), page.headers.contains_key("retry-after")), (503, true));
    let mut enter = form("/sign-in/code", "code=00000000");
    let held = format!(
        "__Host-connect_challenge={}.{}",
        issued["challenge_id"].as_str().expect("an id"),
        issued["challenge_secret"].as_str().expect("a secret")
    );
    enter.headers_mut().insert("cookie", held.parse().expect("a cookie"));
    let page = app.anonymous().send(enter).await;
    assert_eq!((page.status.as_u16(), page.headers.contains_key("retry-after")), (503, true));
    app.deliver().await;
    assert_eq!(app.mail.mails().len(), 1, "no mail left meanwhile");
    // Nothing was used up: the guess was not looked at.
    limiter.away.store(false, Ordering::SeqCst);
    app.verify(&issued, &code).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_73_a_client_without_an_address_is_limited_like_any_other() {
    let quotas =
        Quotas { sends_per_ip: Quota::per_seconds(2, 3600), requests: Quota::per_seconds(2, 60), ..settings().quotas };
    // A proxy is trusted, but neither it nor its header is there.
    let trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    let http = connect_http::HttpSettings { trusted_proxies, ..connect_http::HttpSettings::default() };
    let settings = AuthSettings { quotas, ..settings() };
    let app = TestApp::made(Made { settings, http, ..Made::default() }, |desk| desk);
    let mut statuses = Vec::new();
    for n in 0..4 {
        let body = json!({"email": format!("p{n}@example.org")});
        statuses.push(app.anonymous().post("/auth/otp/request", &body).await.status.as_u16());
    }
    assert_eq!(statuses, [202, 202, 429, 429]);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(app.anonymous().get("/me").await.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 429]);
    app.finish().await;
}
