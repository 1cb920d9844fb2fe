use std::time::Duration;

use axum::http::{Method, Request};
use connect_auth::{AuthSettings, SignUp};
use connect_core::store::Quota;
use serde_json::json;

use crate::app::{TestApp, User, settings};

#[tokio::test]
async fn sec_70_requests_are_limited_by_session_or_address() {
    let quotas = connect_auth::Quotas { requests: Quota::per_seconds(5, 60), ..settings().quotas };
    let app = TestApp::with(AuthSettings { quotas, ..settings() });
    let (ada, bob) = (app.sign_in("ada@example.org").await, app.sign_in("bob@example.org").await);
    for _ in 0..5 {
        ada.get("/me").await.expect(200);
    }
    assert_eq!(ada.get("/me").await.problem(429), "rate_limited");
    bob.get("/me").await.expect(200);
    app.clock.advance(Duration::from_secs(60));
    ada.get("/me").await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_28_sessions_end_when_idle_and_absolutely() {
    let app = TestApp::new();
    let user = app.sign_in("ada@example.org").await;
    for _ in 0..50 {
        app.clock.advance(Duration::from_secs(29 * 60));
        if user.get("/me").await.status != 200 {
            break;
        }
    }
    assert_eq!(user.get("/me").await.problem(401), "unauthorized", "activity never moves the absolute end");
    let user = app.sign_in("ada@example.org").await;
    user.get("/me").await.expect(200);
    app.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(user.get("/me").await.problem(401), "unauthorized", "idle for half an hour");
    app.finish().await;
}

#[tokio::test]
async fn sec_29_revocation_holds_at_once() {
    let app = TestApp::new();
    let (one, two) = (app.sign_in("ada@example.org").await, app.sign_in("ada@example.org").await);
    let sessions = one.get("/auth/sessions").await.expect(200);
    assert_eq!(sessions["data"].as_array().map(Vec::len), Some(2));
    assert!(
        !sessions.to_string().contains("cns_") && !sessions.to_string().contains("hash"),
        "sec 31: no token material"
    );
    let other = sessions["data"].as_array().expect("a list").iter().find(|s| s["current"] == false).expect("the other")
        ["id"]
        .clone();
    two.get("/me").await.expect(200);
    one.delete(&format!("/auth/sessions/{}", other.as_str().expect("id"))).await.expect(204);
    assert_eq!(two.get("/me").await.problem(401), "unauthorized");
    let stranger = app.sign_in("eve@example.org").await;
    let mine = one.get("/auth/sessions").await.expect(200)["data"][0]["id"].clone();
    let path = format!("/auth/sessions/{}", mine.as_str().expect("id"));
    assert_eq!(stranger.delete(&path).await.problem(404), "not_found", "sec 31: another's session is absent");
    let third = app.sign_in("ada@example.org").await;
    one.delete("/auth/sessions").await.expect(204);
    assert_eq!(third.get("/me").await.problem(401), "unauthorized");
    let out = one.call(Method::POST, "/auth/logout", &[], None).await;
    out.expect(204);
    assert!(out.headers.contains_key("clear-site-data"));
    assert_eq!(one.get("/me").await.problem(401), "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn sec_30_disabling_a_user_holds_at_once() {
    let app = TestApp::new();
    let user = app.sign_in("ada@example.org").await;
    let id = user.get("/me").await.expect(200)["user"]["id"].as_str().expect("id").parse().expect("an id");
    app.desk.users().set_disabled(id, true).await.expect("disabled");
    assert_eq!(user.get("/me").await.problem(401), "unauthorized");
    let issued = app.ask_code("ada@example.org").await;
    assert_eq!(app.verify(&issued, "00000000").await.problem(401), "code_not_right");
    app.finish().await;
}

#[tokio::test]
async fn sec_26_signing_in_again_issues_a_new_token_and_ends_the_old() {
    let app = TestApp::new();
    let old = app.sign_in("ada@example.org").await;
    let issued = app.ask_code("ada@example.org").await;
    let secret = issued["challenge_secret"].as_str().expect("a secret");
    let body = json!({"challenge_id": issued["challenge_id"], "code": app.code("ada@example.org")}).to_string();
    let cookie = format!(
        "__Host-connect_session={}; __Host-connect_challenge={}.{secret}",
        old.token(),
        issued["challenge_id"].as_str().expect("id")
    );
    let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    app.anonymous().call(Method::POST, "/auth/otp/verify", &headers, Some(&body)).await.expect(200);
    assert_eq!(old.get("/me").await.problem(401), "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn sec_27_a_token_of_somebody_elses_making_is_nothing() {
    let app = TestApp::new();
    for header in [
        "Bearer cns_AAAA",
        "Bearer",
        "Basic YWRhOmFkYQ==",
        "Bearer cns_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "",
    ] {
        let answer = app.anonymous().call(Method::GET, "/me", &[("authorization", header)], None).await;
        assert_eq!(answer.problem(401), "unauthorized", "{header}");
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_37_requests_with_a_cookie_pass_only_from_the_desks_own_pages() {
    let app = TestApp::new();
    let user = app.sign_in("ada@example.org").await;
    let cookie = format!("__Host-connect_session={}", user.token());
    let send = async |headers: &[(&str, &str)]| {
        let mut all = vec![("cookie", cookie.as_str())];
        all.extend_from_slice(headers);
        app.anonymous().call(Method::PATCH, "/me", &all, Some(r#"{"name":"Ada L."}"#)).await.status.as_u16()
    };
    for (headers, expected) in [
        (&[("sec-fetch-site", "same-origin")][..], 200),
        (&[("sec-fetch-site", "none")], 200),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("origin", "https://desk.example")], 200),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("sec-fetch-site", "cross-site"), ("origin", "https://desk.example")], 403),
        (&[], 403),
    ] {
        assert_eq!(send(headers).await, expected, "{headers:?}");
    }
    // A request with an Authorization header ignores cookies, so no page can forge it.
    let headers = [("cookie", cookie.as_str()), ("authorization", "Bearer wrong")];
    let answer = app.anonymous().call(Method::PATCH, "/me", &headers, Some(r#"{"name":"Ada L."}"#)).await;
    assert_eq!(answer.problem(401), "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn sec_39_reading_changes_nothing() {
    let (app, _, agent, _) = TestApp::acme().await;
    let path = agent.open("Read me").await;
    let before = app.desk.store().unrouted(connect_core::Limit::MAX).await.expect("read");
    for path in [path.as_str(), "/me", "/workspaces", "/workspaces/acme", "/workspaces/acme/members", "/auth/sessions"]
    {
        agent.get(path).await.expect(200);
        let head = agent.call(Method::HEAD, path, &[], None).await;
        assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    }
    assert_eq!(agent.get("/auth/logout").await.problem(405), "method_not_allowed");
    let page = Request::get("/sign-out").body(axum::body::Body::empty()).expect("a request");
    assert_eq!(agent.send(page).await.status, 405);
    assert_eq!(app.desk.store().unrouted(connect_core::Limit::MAX).await.expect("read"), before);
    app.finish().await;
}

#[tokio::test]
async fn sign_up_by_invitation_lets_in_who_is_expected() {
    let app = TestApp::with(AuthSettings { sign_up: SignUp::Invited, ..settings() });
    let owner = app.sign_in("owner@acme.example").await;
    owner.post("/workspaces", &json!({"name": "Acme", "slug": "acme"})).await.expect(201);
    let asked = async |email: &str, workspace: Option<&str>| {
        let before = app.mail.mails().len();
        let mut body = json!({"email": email, "token": true});
        if let Some(workspace) = workspace {
            body["workspace"] = workspace.into();
        }
        app.anonymous().post("/auth/otp/request", &body).await.expect(202);
        app.deliver().await;
        app.mail.mails().len() - before
    };
    assert_eq!(asked("stranger@else.example", None).await, 0, "a stranger gets no code");
    assert_eq!(asked("stranger@else.example", Some("acme")).await, 1, "but may ask this workspace for help");
    owner.patch("/workspaces/acme", &json!({"customers": "known"})).await.expect(200);
    assert_eq!(asked("other@else.example", Some("acme")).await, 0, "unless it knows its customers");
    owner
        .post("/workspaces/acme/contacts", &json!({"name": "Carla", "email": "carla@customer.example"}))
        .await
        .expect(201);
    assert_eq!(asked("carla@customer.example", None).await, 1, "a customer may");
    owner
        .post("/workspaces/acme/invitations", &json!({"email": "new@acme.example", "role": "member"}))
        .await
        .expect(201);
    app.deliver().await;
    assert_eq!(asked("new@acme.example", None).await, 1, "and who is invited");
    let member: User = app.member(&owner, "new@acme.example", "member").await;
    assert_eq!(member.post("/workspaces", &json!({"name": "Mine", "slug": "mine"})).await.problem(403), "forbidden");
    owner.post("/workspaces", &json!({"name": "Second", "slug": "second"})).await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn sec_29_revocation_holds_on_other_nodes_within_a_second() {
    let store = std::sync::Arc::new(connect_store::MemoryStore::new());
    let one = TestApp::over(store.clone(), store.clone(), settings());
    let two = TestApp::over(store.clone(), store, settings());
    let user = one.sign_in("ada@example.org").await;
    let header = format!("Bearer {}", user.token());
    let there = async || two.anonymous().call(Method::GET, "/me", &[("authorization", &header)], None).await;
    there().await.expect(200);
    user.call(Method::POST, "/auth/logout", &[], None).await.expect(204);
    two.clock.advance(Duration::from_secs(1));
    assert_eq!(there().await.problem(401), "unauthorized");
    one.finish().await;
    two.finish().await;
}
