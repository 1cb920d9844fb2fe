use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Method;
use connect_auth::AuthSettings;
use connect_core::{EmailAddress, Name};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::api_keys::{KEYS, asked, made, token};
use crate::app::{Answer, TestApp, User, settings};

async fn ask(app: &TestApp, user: &User, email: &str) -> Value {
    let issued = user.post("/me/email", &json!({"email": email, "token": true})).await.expect(202);
    app.deliver().await;
    issued
}

async fn enter(user: &User, issued: &Value, code: &str, keep: bool) -> Answer {
    let body = json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"], "code": code,
        "purpose": "email_change", "keep_sessions": keep,
    });
    user.post("/auth/otp/verify", &body).await
}

fn next(user: &User, answer: &Answer) -> User {
    user.with_token(answer.expect(200)["session"]["token"].as_str().expect("a token"))
}

#[tokio::test]
async fn sec_23_another_address_needs_a_recent_proof_and_a_code_sent_to_it() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    app.clock.advance(Duration::from_secs(11 * 60));
    let old = ada.post("/me/email", &json!({"email": "new@example.org"})).await;
    assert_eq!(old.problem(403), "step_up_required");
    let ada = app.sign_in("ada@example.org").await;
    app.deliver().await;
    assert_eq!(ada.post("/me/email", &json!({"email": "ADA@example.org"})).await.problem(409), "same_address");
    let issued = ask(&app, &ada, "new@example.org").await;
    assert_eq!(ada.get("/me").await.expect(200)["user"]["email"], "ada@example.org", "the old one stays until then");
    let code = app.code("new@example.org");
    let eve = app.sign_in("eve@example.org").await;
    assert_eq!(enter(&eve, &issued, &code, false).await.problem(401), "code_not_right", "bound to the person");
    let plain = json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"], "code": code,
    });
    assert_eq!(
        app.anonymous().post("/auth/otp/verify", &plain).await.problem(401),
        "code_not_right",
        "and its purpose"
    );
    let changed = enter(&ada, &issued, &code, false).await;
    assert_eq!(changed.expect(200)["user"]["email"], "new@example.org");
    assert_eq!(ada.get("/me").await.problem(401), "unauthorized", "sec 26: the old token is dead");
    let ada = next(&ada, &changed);
    assert_eq!(ada.get("/me").await.expect(200)["user"]["email"], "new@example.org");
    app.deliver().await;
    let notice = app.mail_to("ada@example.org").mail;
    assert_eq!(notice.subject, "The address of your account was changed");
    assert!(!notice.text.contains("new@example.org"), "the new address is not told to the old one");
    let id = ada.get("/me").await.expect(200)["user"]["id"].clone();
    let again = app.sign_in("new@example.org").await;
    assert_eq!(again.get("/me").await.expect(200)["user"]["id"], id, "the same person");
    app.finish().await;
}

#[tokio::test]
async fn sec_23_two_changes_at_once_do_not_cross() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    let (one, two) = (ask(&app, &ada, "one@example.org").await, ask(&app, &ada, "two@example.org").await);
    let (first, second) = (app.code("one@example.org"), app.code("two@example.org"));
    assert_eq!(enter(&ada, &one, &second, false).await.problem(401), "code_not_right", "a code of the other address");
    let ada = next(&ada, &enter(&ada, &two, &second, false).await);
    assert_eq!(ada.get("/me").await.expect(200)["user"]["email"], "two@example.org");
    assert_eq!(enter(&ada, &one, &first, false).await.problem(401), "code_not_right", "the earlier change is over");
    assert_eq!(ada.get("/me").await.expect(200)["user"]["email"], "two@example.org");
    // Two changes in a row before any mail has left: each old address is told, and nobody else.
    let three = ask(&app, &ada, "three@example.org").await;
    let ada = next(&ada, &enter(&ada, &three, &app.code("three@example.org"), false).await);
    app.deliver().await;
    for told in ["ada@example.org", "two@example.org"] {
        assert_eq!(app.mail_to(told).mail.subject, "The address of your account was changed");
    }
    // An address that somebody has stays theirs, and that is told only to who holds the mailbox.
    app.sign_in("bob@example.org").await;
    let taken = ask(&app, &ada, "bob@example.org").await;
    assert_eq!(enter(&ada, &taken, &app.code("bob@example.org"), false).await.problem(409), "taken");
    assert_eq!(ada.get("/me").await.expect(200)["user"]["email"], "three@example.org");
    app.finish().await;
}

#[tokio::test]
async fn sec_33_after_a_change_of_address_other_sessions_end_unless_they_are_kept() {
    let app = TestApp::new();
    let (ada, other) = (app.sign_in("ada@example.org").await, app.sign_in("ada@example.org").await);
    let kept = ask(&app, &ada, "one@example.org").await;
    let ada = next(&ada, &enter(&ada, &kept, &app.code("one@example.org"), true).await);
    other.get("/me").await.expect(200);
    let ended = ask(&app, &ada, "two@example.org").await;
    let ada = next(&ada, &enter(&ada, &ended, &app.code("two@example.org"), false).await);
    assert_eq!(other.get("/me").await.problem(401), "unauthorized");
    ada.get("/me").await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_22_the_first_proof_of_a_mailbox_ends_what_was_opened_before() {
    let app = TestApp::new();
    let email = EmailAddress::parse("email", "victim@example.org").expect("an address");
    // Somebody made an account under the victim's address without a proof, and a session with it.
    let planted = app.desk.users().register(&email, None::<Name>).await.expect("registered");
    assert!(!planted.proven);
    let opened = app.auth.open_session(planted.clone(), "test", &connect_auth::Client::default(), None).await;
    let mallory = app.anonymous().with_token(&opened.expect("opened").token.text());
    mallory.get("/me").await.expect(200);
    mallory.post("/workspaces", &json!({"name": "Acme", "slug": "acme"})).await.expect(201);
    let key = made(&mallory, &asked(&["tickets.read"])).await;
    let robot = app.bearer(token(&key));
    robot.get("/workspaces/acme/tickets").await.expect(200);
    let pending = ask(&app, &mallory, "mallory@example.org").await;
    let code = app.code("mallory@example.org");
    let victim = app.sign_in("victim@example.org").await;
    let late = robot.get("/workspaces/acme/tickets").await;
    assert_eq!(late.problem(401), "unauthorized", "the planted key is over");
    assert_eq!(victim.get(KEYS).await.expect(200)["data"], json!([]), "and in no list");
    let own = made(&victim, &asked(&["tickets.read"])).await;
    app.sign_in("victim@example.org").await;
    app.bearer(token(&own)).get("/workspaces/acme/tickets").await.expect(200);
    assert_eq!(mallory.get("/me").await.problem(401), "unauthorized", "the planted session is over");
    assert_eq!(
        enter(&mallory, &pending, &code, false).await.problem(401),
        "unauthorized",
        "and so is the pending change"
    );
    assert_eq!(victim.get("/me").await.expect(200)["user"]["id"], json!(planted.id), "the account is the victim's");
    app.sign_in("victim@example.org").await;
    victim.get("/me").await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_24_addresses_that_the_desk_reads_sign_nobody_in() {
    let help = EmailAddress::parse("email", "help@acme.example").expect("an address");
    let app = TestApp::with(AuthSettings { reserved_addresses: vec![help], ..settings() });
    let ada = app.sign_in("ada@example.org").await;
    for email in ["help@acme.example", "HELP@acme.example", "desk@desk.example"] {
        let asked = app.anonymous().post("/auth/otp/request", &json!({"email": email})).await;
        asked.expect(202);
        ada.post("/me/email", &json!({"email": email})).await.expect(202);
    }
    app.deliver().await;
    assert!(app.mail.mails().iter().all(|kept| kept.mail.to.as_str() == "ada@example.org"), "no code leaves");
    app.finish().await;
}

#[tokio::test]
async fn sec_32_an_admin_ends_a_members_access_to_the_own_workspace_only() {
    let (app, _, owner, _) = TestApp::acme().await;
    let hana = app.member(&owner, "hana@acme.example", "member").await;
    hana.post("/workspaces", &json!({"name": "Other", "slug": "other"})).await.expect(201);
    hana.get("/workspaces/acme/tickets").await.expect(200);
    let id = hana.get("/me").await.expect(200)["user"]["id"].as_str().expect("an id").to_owned();
    owner.delete(&format!("/workspaces/acme/members/{id}")).await.expect(204);
    assert_eq!(hana.get("/workspaces/acme/tickets").await.problem(404), "not_found", "here at once");
    hana.get("/workspaces/other/tickets").await.expect(200);
    hana.get("/me").await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_35_a_stream_begins_for_our_pages_only_and_ends_with_its_session() {
    let (app, _, agent, _) = TestApp::acme().await;
    let live = "/workspaces/acme/live";
    let cookie = format!("__Host-connect_session={}", agent.token());
    for refused in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")] {
        let headers = [("cookie", cookie.as_str()), refused];
        let answer = app.anonymous().call(Method::GET, live, &headers, None).await;
        assert_eq!(answer.problem(403), "cross_site", "{refused:?}");
    }
    for allowed in [("origin", "https://desk.example"), ("sec-fetch-site", "same-origin")] {
        let request = app.anonymous().request(Method::GET, live).header("cookie", &cookie).header(allowed.0, allowed.1);
        let request = request.body(Body::empty()).expect("a request");
        assert_eq!(app.router.clone().oneshot(request).await.expect("an answer").status(), 200, "{allowed:?}");
    }
    // One is revoked, one expires.
    let (one, two) = (app.sign_in("agent@acme.example").await, app.sign_in("agent@acme.example").await);
    let open = async |user: &User| {
        let request = user.request(Method::GET, live).body(Body::empty()).expect("a request");
        app.router.clone().oneshot(request).await.expect("an answer").into_body()
    };
    let ends = async |mut body: Body| {
        let start = Instant::now();
        let end = async { while let Some(Ok(_)) = body.frame().await {} };
        tokio::time::timeout(Duration::from_secs(10), end).await.expect("it ends");
        start.elapsed()
    };
    let stream = open(&one).await;
    one.call(Method::POST, "/auth/logout", &[], None).await.expect(204);
    assert!(ends(stream).await < Duration::from_secs(5), "five seconds after the session was ended");
    let stream = open(&two).await;
    app.clock.advance(Duration::from_secs(31 * 60));
    assert!(ends(stream).await < Duration::from_secs(5), "five seconds after the session has ended by itself");
    app.finish().await;
}
