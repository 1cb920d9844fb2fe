//! How much of what there may be: for whom it is counted, and what is said of it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use connect_auth::{AuthSettings, Quotas};
use connect_core::store::Quota;
use connect_core::testing::ManualClock;
use connect_store::{MemoryLimiter, MemoryStore};
use serde_json::json;

use crate::app::{Answer, Made, TestApp, settings};
use crate::proxies::ask;

fn with(change: impl FnOnce(&mut Quotas)) -> AuthSettings {
    let mut settings = settings();
    change(&mut settings.quotas);
    settings
}

/// A code that is not this one.
fn wrong(code: &str) -> String {
    code.chars()
        .map(|c| {
            if c == '1' {
                '2'
            } else if c.is_ascii_digit() {
                '1'
            } else {
                c
            }
        })
        .collect()
}

#[tokio::test]
async fn sec_70_every_way_to_write_an_address_shares_a_bucket() {
    let app = TestApp::with(with(|quotas| quotas.sends_per_address = Quota::per_seconds(2, 900)));
    for email in ["ada@example.org", "ADA@example.org", "ada@EXAMPLE.Org", " Ada@Example.org ", "aDa@eXample.oRg"] {
        app.anonymous().post("/auth/otp/request", &json!({"email": email})).await.expect(202);
    }
    app.deliver().await;
    assert_eq!(app.mail.mails().len(), 2, "they are one address");
    // Ways that other programs would take for the same address are no addresses at all.
    for email in ["ａda@example.org", "ada@example.org.", "ada@еxample.org", "\"ada\"@example.org", "ada%40example.org"]
    {
        let answer = app.anonymous().post("/auth/otp/request", &json!({"email": email})).await;
        assert_eq!(answer.problem(422), "invalid", "{email}");
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_70_no_way_to_write_a_path_has_a_bucket_of_its_own() {
    let limit = 5;
    let app = TestApp::with(with(|quotas| quotas.requests = Quota::per_seconds(limit, 60)));
    let ada = app.sign_in("ada@example.org").await;
    let get = async |path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {}", ada.token()));
        ada.send(request.body(Body::empty()).expect("a request")).await
    };
    for _ in 0..limit {
        assert_eq!(get("/api/v1/me").await.status, 200);
    }
    for path in [
        "/api/v1/me",
        "/api/v1/me?x=1",
        "/api/v1/me/",
        "/api/v1//me",
        "//api/v1/me",
        "/API/v1/me",
        "/api/v1/ME",
        "/api/v1/%6De",
        "/api/v1/%6de",
        "/api/v1/me%2f",
        "/api/v1/./me",
        "/api/v1/x/../me",
        "/api/v1/me;a=b",
        "/api/v1/m%C2%ADe",
        "/api/v1/%EF%BD%8De",
        "/api/v1/auth/sessions",
        "/api/v1/workspaces",
    ] {
        let status = get(path).await.status.as_u16();
        assert!(matches!(status, 404 | 429), "{path}: {status}");
    }
    // Nor has another method, another way to present the credential, or another mount.
    let head = ada.call(Method::HEAD, "/me", &[], None).await;
    assert_eq!(head.status, 429);
    for (name, value) in [
        ("authorization", format!("bearer {}", ada.token())),
        ("authorization", format!("BEARER   {}", ada.token())),
        ("cookie", format!("__Host-connect_session={}", ada.token())),
    ] {
        let answer = app.anonymous().call(Method::GET, "/me", &[(name, &value)], None).await;
        assert_eq!(answer.problem(429), "rate_limited", "{name}");
    }
    let mounted = axum::Router::new().nest("/support", app.router.clone());
    let request = Request::get("/support/api/v1/me").header("authorization", format!("Bearer {}", ada.token()));
    let answer = tower::ServiceExt::oneshot(mounted, request.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.expect("an answer").status(), 429);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(get("/api/v1/me").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn sec_70_a_share_is_spent_only_with_a_credential_that_is_good() {
    let app = TestApp::with(with(|quotas| quotas.requests = Quota::per_seconds(5, 60)));
    let ada = app.sign_in("ada@example.org").await;
    let session = ada.get("/auth/sessions").await.expect(200)["data"][0]["id"].as_str().expect("an id").to_owned();
    let mut tampered = ada.token().to_owned();
    let last = if tampered.ends_with('A') { 'E' } else { 'A' };
    tampered.pop();
    tampered.push(last);
    for token in [tampered.as_str(), session.as_str(), "cns_", "x"] {
        for _ in 0..5 {
            let header = format!("Bearer {token}");
            let answer = app.anonymous().call(Method::GET, "/me", &[("authorization", &header)], None).await;
            assert!(matches!(answer.status.as_u16(), 401 | 429), "{}", answer.text);
        }
    }
    for _ in 0..4 {
        ada.get("/me").await.expect(200);
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_71_a_success_clears_nothing_of_its_client() {
    let app = TestApp::with(with(|quotas| quotas.failures_per_ip = Quota::per_seconds(4, 600)));
    let victim = app.ask_code("victim@example.org").await;
    let bad = wrong(&app.code("victim@example.org"));
    for _ in 0..3 {
        app.verify(&victim, &bad).await.problem(401);
    }
    // Somebody with an account of their own signs in between, again and again.
    for _ in 0..3 {
        app.sign_in("mallory@example.org").await;
    }
    let again = app.ask_code("victim@example.org").await;
    app.verify(&again, &wrong(&app.code("victim@example.org"))).await.problem(401);
    let limited = app.verify(&again, &app.code("victim@example.org")).await;
    assert_eq!(limited.problem(429), "rate_limited", "four failures of this client, whatever went well between");
    app.clock.advance(Duration::from_secs(600));
    app.finish().await;
}

#[tokio::test]
async fn sec_71_a_success_clears_no_failures_of_another_account() {
    let app = TestApp::new();
    let fail = async |email: &str, times: usize| {
        let issued = app.ask_code(email).await;
        let bad = wrong(&app.code(email));
        for _ in 0..times {
            app.verify(&issued, &bad).await.problem(401);
        }
    };
    fail("victim@example.org", 3).await;
    fail("victim@example.org", 2).await;
    app.sign_in("mallory@example.org").await;
    app.ask_code("victim@example.org").await;
    assert_eq!(app.code("victim@example.org").replace(' ', "").len(), 10, "five failures stay five failures");
    app.ask_code("mallory@example.org").await;
    assert_eq!(app.code("mallory@example.org").replace(' ', "").len(), 8, "and are nobody else's");
    app.finish().await;
}

/// Two nodes that share a store and a limiter.
fn nodes(settings: &AuthSettings) -> [TestApp; 2] {
    let (store, limiter) = (Arc::new(MemoryStore::new()), Arc::new(MemoryLimiter::new()));
    let clock = Arc::new(ManualClock::default());
    [(), ()].map(|()| {
        let made = Made {
            store: store.clone(),
            auth_store: store.clone(),
            limiter: limiter.clone(),
            settings: settings.clone(),
            clock: clock.clone(),
            ..Made::default()
        };
        TestApp::made(made, |desk| desk)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sec_71_of_parallel_requests_to_two_nodes_exactly_the_limit_passes() {
    let nodes = nodes(&with(|quotas| {
        quotas.sends_per_ip = Quota::per_seconds(10, 3600);
        quotas.failures_per_ip = Quota::per_seconds(7, 600);
    }));
    let asking = (0..100).map(|n| {
        let somebody = nodes[n % 2].anonymous();
        let body = json!({"email": format!("p{n}@example.org"), "token": true});
        tokio::spawn(async move { somebody.post("/auth/otp/request", &body).await })
    });
    let mut issued = Vec::new();
    for asked in asking.collect::<Vec<_>>() {
        let answer: Answer = asked.await.expect("no panic");
        match answer.status.as_u16() {
            202 => issued.push(answer.json()),
            _ => assert_eq!(answer.problem(429), "rate_limited"),
        }
    }
    assert_eq!(issued.len(), 10);
    // Guesses at different challenges, so that only the limit of the client holds them.
    let guessing = (0..100).map(|n| {
        let (somebody, known) = (nodes[n % 2].anonymous(), &issued[n % 10]);
        let body = json!({
            "challenge_id": known["challenge_id"], "challenge_secret": known["challenge_secret"], "code": "0000 0000",
        });
        tokio::spawn(async move { somebody.post("/auth/otp/verify", &body).await })
    });
    let mut looked_at = 0;
    for guess in guessing.collect::<Vec<_>>() {
        let answer: Answer = guess.await.expect("no panic");
        match answer.status.as_u16() {
            401 => looked_at += 1,
            _ => assert_eq!(answer.problem(429), "rate_limited"),
        }
    }
    assert_eq!(looked_at, 7);
    let [one, two] = nodes;
    one.finish().await;
    two.finish().await;
}

#[tokio::test]
async fn sec_72_one_client_asks_for_so_many_different_addresses() {
    let app = TestApp::with(with(|quotas| quotas.addresses_per_ip = Quota::per_seconds(3, 3600)));
    let ask = async |ip: &str, email: &str| ask(&app, ip, &[], email).await.status.as_u16();
    for _ in 0..5 {
        for email in ["a@example.org", "b@example.org", "C@example.org", "c@example.org"] {
            assert_eq!(ask("203.0.113.1", email).await, 202, "{email}: asked for again is not another one");
        }
    }
    for _ in 0..3 {
        assert_eq!(ask("203.0.113.1", "d@example.org").await, 429, "a refused one does not become known");
    }
    assert_eq!(ask("203.0.113.1", "a@example.org").await, 202);
    assert_eq!(ask("203.0.113.2", "d@example.org").await, 202, "another client has a count of its own");
    app.clock.advance(Duration::from_secs(3600));
    assert_eq!(ask("203.0.113.1", "d@example.org").await, 202);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sec_72_parallel_requests_reach_no_more_addresses() {
    let nodes = nodes(&with(|quotas| quotas.addresses_per_ip = Quota::per_seconds(5, 3600)));
    let asking = (0..200).map(|n| {
        let (somebody, email) = (nodes[n % 2].anonymous(), format!("p{}@example.org", n % 50));
        let body = json!({"email": email, "token": true});
        tokio::spawn(async move { (email, somebody.post("/auth/otp/request", &body).await.status.as_u16()) })
    });
    let mut reached = std::collections::BTreeSet::new();
    for asked in asking.collect::<Vec<_>>() {
        let (email, status) = asked.await.expect("no panic");
        if status == 202 {
            reached.insert(email);
        }
    }
    assert!((1..=5).contains(&reached.len()), "{reached:?}");
    let [one, two] = nodes;
    one.finish().await;
    two.finish().await;
}

#[tokio::test]
async fn sec_72_failures_count_and_successes_do_not() {
    let app = TestApp::with(with(|quotas| quotas.failures_per_ip = Quota::per_seconds(10, 600)));
    for n in 0..15 {
        app.sign_in(&format!("p{n}@example.org")).await;
    }
    for n in 0..5 {
        let issued = app.ask_code(&format!("p{n}@example.org")).await;
        let bad = wrong(&app.code(&format!("p{n}@example.org")));
        app.verify(&issued, &bad).await.problem(401);
        app.verify(&issued, &bad).await.problem(401);
    }
    let issued = app.ask_code("ada@example.org").await;
    assert_eq!(app.verify(&issued, &app.code("ada@example.org")).await.problem(429), "rate_limited");
    app.clock.advance(Duration::from_secs(600));
    app.finish().await;
}

#[tokio::test]
async fn sec_72_the_desk_has_a_budget_of_mail_that_one_address_cannot_use_up() {
    let app = TestApp::with(with(|quotas| {
        quotas.mails = Quota::per_seconds(4, 3600);
        quotas.sends_per_address = Quota::per_seconds(2, 900);
    }));
    for _ in 0..10 {
        app.ask_code("victim@example.org").await;
    }
    assert_eq!(app.mail.mails().len(), 2, "muted requests take nothing of the budget");
    app.ask_code("ada@example.org").await;
    app.ask_code("bob@example.org").await;
    assert_eq!(app.mail.mails().len(), 4);
    // The answer is the same, and nothing is sent any more.
    app.ask_code("eve@example.org").await;
    assert_eq!(app.mail.mails().len(), 4, "the budget of the desk is spent");
    app.clock.advance(Duration::from_secs(3600));
    app.sign_in("eve@example.org").await;
    app.finish().await;
}

#[tokio::test]
async fn sec_74_a_refusal_tells_the_quota_and_when_it_ends() {
    let app = TestApp::with(with(|quotas| {
        quotas.requests = Quota::per_seconds(3, 60);
        quotas.sends_per_ip = Quota::per_seconds(2, 3600);
        quotas.failures_per_ip = Quota::per_seconds(1, 600);
    }));
    let ada = app.sign_in("ada@example.org").await;
    for _ in 0..3 {
        ada.get("/me").await.expect(200);
    }
    let issued = app.ask_code("ada@example.org").await;
    app.verify(&issued, &wrong(&app.code("ada@example.org"))).await.problem(401);
    app.clock.advance(Duration::from_millis(20_500));
    for (answer, policy, limit, window, seconds) in [
        (ada.get("/me").await, "request", 3, 60, 40),
        (
            app.anonymous().post("/auth/otp/request", &json!({"email": "eve@example.org"})).await,
            "send-ip",
            2,
            3600,
            3580,
        ),
        (app.verify(&issued, "0000 0000").await, "fail-ip", 1, 600, 580),
    ] {
        assert_eq!(answer.problem(429), "rate_limited");
        let header = |name: &str| answer.headers[name].to_str().expect("text").to_owned();
        assert_eq!(header("retry-after"), seconds.to_string(), "whole seconds, rounded up");
        assert_eq!(header("ratelimit"), format!("\"{policy}\";r=0;t={seconds}"));
        assert_eq!(header("ratelimit-policy"), format!("\"{policy}\";q={limit};w={window}"));
        let body = answer.json();
        assert_eq!(body["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
        assert_eq!((&body["violated-policies"], &body["status"]), (&json!([policy]), &json!(429)));
    }
    // Whoever comes back when told is let in.
    app.clock.advance(Duration::from_secs(40));
    ada.get("/me").await.expect(200);
    // Pages say the same.
    let form = Request::post("/sign-in")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    let page = app.anonymous().send(form.body(Body::from("email=eve%40example.org")).expect("a request")).await;
    assert_eq!((page.status.as_u16(), page.headers["retry-after"].to_str().ok()), (429, Some("3540")));
    assert_eq!(page.headers["ratelimit-policy"], "\"send-ip\";q=2;w=3600");
    app.finish().await;
}

#[tokio::test]
async fn sec_74_what_is_counted_for_somebody_elses_address_is_never_told() {
    let app = TestApp::with(with(|quotas| {
        quotas.sends_per_address = Quota::per_seconds(1, 900);
        quotas.sends_per_address_a_day = Quota::per_seconds(2, 86_400);
        quotas.mails = Quota::per_seconds(3, 3600);
    }));
    let mut seen = Vec::new();
    for _ in 0..6 {
        let answer = app.anonymous().post("/auth/otp/request", &json!({"email": "ada@example.org"})).await;
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        assert!(!names.iter().any(|name| name.contains("ratelimit") || name == "retry-after"), "{names:?}");
        let body = answer.expect(202);
        let mut fields: Vec<String> = body.as_object().expect("an object").keys().cloned().collect();
        fields.sort();
        seen.push((names, fields, answer.text.len()));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
    app.deliver().await;
    assert_eq!(app.mail.mails().len(), 1, "and all but the first were muted");
    app.finish().await;
}

#[tokio::test]
async fn sec_69_a_site_of_many_networks_has_one_share_of_failures() {
    let app = TestApp::with(with(|quotas| {
        quotas.failures_per_ip = Quota::per_seconds(2, 600);
        quotas.failures_per_site = Quota::per_seconds(6, 600);
    }));
    let issued = app.ask_code("ada@example.org").await;
    let (bad, right) = (wrong(&app.code("ada@example.org")), app.code("ada@example.org"));
    let enter = async |ip: &str, code: &str| {
        let body = json!({
            "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"], "code": code,
        });
        let peer: std::net::SocketAddr = format!("[{ip}]:4711").parse().expect("an address");
        let request = Request::post("/api/v1/auth/otp/verify").header("content-type", "application/json");
        let request = request.extension(axum::extract::ConnectInfo(peer)).body(Body::from(body.to_string()));
        app.anonymous().send(request.expect("a request")).await.status.as_u16()
    };
    assert_eq!(enter("2001:db8:2::1", &right).await, 200, "what is right is given back to the site, too");
    for network in 0..6 {
        assert_eq!(enter(&format!("2001:db8:1:{network}::1"), &bad).await, 401);
    }
    assert_eq!(enter("2001:db8:1:77::1", &bad).await, 429, "a network of the site that has had no failure yet");
    assert_eq!(enter("2001:db8:2::1", &bad).await, 401, "another site");
    app.clock.advance(Duration::from_secs(600));
    app.finish().await;
}
