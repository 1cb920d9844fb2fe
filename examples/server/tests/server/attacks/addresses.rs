//! Limits, and what is tried to get round them: made-up hops, other spellings.

use std::net::Ipv4Addr;

use hyper::Method;
use serde_json::json;

use super::{ASK, Target, ask};
use crate::http::Client;

#[tokio::test(flavor = "multi_thread")]
async fn made_up_forwarding_headers_give_nobody_another_share() {
    let target = Target::start(&[("CONNECT_LIMIT_SENDS_PER_IP", "3/1h")]);
    let client = target.stranger();
    for _ in 0..3 {
        ask(&client, "ada@example.org").await.expect(202);
    }
    for header in [
        "x-forwarded-for",
        "X_Forwarded_For",
        "forwarded",
        "x-real-ip",
        "x-client-ip",
        "x-originating-ip",
        "x-cluster-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "fly-client-ip",
        "via",
    ] {
        for value in ["203.0.113.7", "127.0.0.1", "::1", "203.0.113.7, 127.0.0.1", "for=203.0.113.7", "unknown"] {
            let body = json!({"email": "ada@example.org", "token": true});
            let mut request = client.request(Method::POST, ASK, None, Some(&body));
            let name = hyper::header::HeaderName::from_bytes(header.as_bytes()).expect("a name");
            request.headers_mut().insert(name, value.parse().expect("a value"));
            client.try_send(request).await.expect("an answer").expect(429);
        }
    }
    assert_eq!(target.journal("auth.code_requested").await.len(), 3);
    let limited = target.journal("access.limited").await;
    assert_eq!(limited.len(), 20, "so many of one client in a minute");
    assert!(limited.iter().all(|entry| entry.origin["address"] == "127.0.0.1"), "the journal believes them no more");
    ask(&client.from(Ipv4Addr::new(127, 0, 0, 2)), "ada@example.org").await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_only_what_the_proxy_saw_counts() {
    let settings = [("CONNECT_LIMIT_SENDS_PER_IP", "3/1h"), ("CONNECT_TRUSTED_PROXIES", "127.0.0.1")];
    let target = Target::start(&settings);
    // The proxy appends whom it saw; before that stands whatever the client has made up.
    let through = |made_up: &str| target.stranger().forwarded_for(&format!("{made_up}203.0.113.9"));
    for made_up in ["", "198.51.100.1, ", "127.0.0.1, "] {
        ask(&through(made_up), "ada@example.org").await.expect(202);
    }
    for made_up in ["198.51.100.2, ", "127.0.0.1, 127.0.0.1, ", "203.0.113.10, ", ", , ", "unknown, ", "[::1]:80, "] {
        ask(&through(made_up), "ada@example.org").await.expect(429);
    }
    let asked = target.journal("auth.code_requested").await;
    assert!(asked.len() == 3 && asked.iter().all(|entry| entry.origin["address"] == "203.0.113.9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_path_or_a_credential_has_a_share_of_its_own() {
    let target = Target::start(&[("CONNECT_LIMIT_REQUESTS", "5/10m")]);
    let ada = target.sign_in("ada@example.org").await;
    for _ in 0..5 {
        ada.get("/api/v1/me").await.expect(200);
    }
    for path in [
        "/api/v1/me",
        "/api/v1/me?a=1",
        "/api/v1/me/",
        "/api/v1//me",
        "//api/v1/me",
        "/api/v1/ME",
        "/api/v1/%6De",
        "/api/v1/me%2f",
        "/api/v1/./me",
        "/api/v1/x/../me",
        "/api/v1/me;a=b",
        "/api/v1/m%C2%ADe",
        "http://desk/api/v1/me",
        "/api/v1/auth/sessions",
    ] {
        let status = ada.get(path).await.status.as_u16();
        assert!(matches!(status, 404 | 429), "{path}: {status}");
    }
    for method in [Method::HEAD, Method::PATCH] {
        let body = json!({"name": "Ada"});
        let answer = ada.send(method.clone(), "/api/v1/me", None, Some(&body)).await;
        assert_eq!(answer.status, 429, "{method}");
    }
    let elsewhere: Client = ada.from(Ipv4Addr::new(127, 0, 0, 2));
    elsewhere.get("/api/v1/me").await.expect(429);
    let limited = target.journal("access.limited").await;
    assert!(!limited.is_empty());
    assert!(limited.iter().all(|entry| entry.event["actor"].as_str().is_some_and(|actor| actor.starts_with("usr_"))));
    assert!(target.journal("user.updated").await.is_empty(), "nothing was done");
}
