//! What stands in the journal.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Method, Request};
use connect_auth::AuthSettings;
use connect_core::event::{Event, Fact};
use connect_core::store::{EventList, Quota};
use connect_core::user::AccountKey;
use connect_core::{Actor, EmailAddress, Limit, WorkspaceId};
use connect_store::{SqliteSettings, SqliteStore};
use serde_json::{Value, json};

use crate::api_keys::{asked, made};
use crate::app::{Answer, TestApp, User, settings};

/// A request from somewhere.
pub fn request(method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("user-agent", "curl/8.5 (ü)")
        .extension(ConnectInfo::<SocketAddr>(([192, 0, 2, 7], 4711).into()));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    request.body(Body::from(body.map(ToString::to_string).unwrap_or_default())).expect("a request")
}

pub async fn send(app: &TestApp, method: Method, path: &str, by: Option<&User>, body: Option<&Value>) -> Answer {
    app.anonymous().send(request(method, &format!("/api/v1{path}"), by.map(User::token), body)).await
}

pub async fn journal(app: &TestApp, workspace: WorkspaceId) -> Vec<Event> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let list = EventList { after, limit: Limit::MAX, ..EventList::default() };
        let page = app.desk.store().events(workspace, list).await.expect("read");
        let Some(last) = page.last() else { return events };
        after = last.seq;
        events.extend(page);
    }
}

pub async fn named(app: &TestApp, workspace: WorkspaceId, name: &str) -> Vec<Event> {
    let events = journal(app, workspace).await;
    events.into_iter().filter(|event| event.fact.name() == name).collect()
}

pub async fn acme_id(app: &TestApp) -> WorkspaceId {
    app.desk.find_workspace("acme").await.expect("read").expect("it exists").id
}

/// What every event of a request from somewhere carries.
#[track_caller]
pub fn assert_from_somewhere(event: &Event, answer: Option<&Answer>) {
    let origin = event.origin.as_ref().unwrap_or_else(|| panic!("{} came from somewhere", event.fact.name()));
    assert_eq!(origin.address.as_deref(), Some("192.0.2.7"), "{event:?}");
    assert_eq!(origin.agent.as_deref(), Some("curl/8.5 (ü)"), "{event:?}");
    assert!(event.has_true_origin());
    if let Some(answer) = answer {
        assert_eq!(event.request_id.as_deref(), answer.headers["x-request-id"].to_str().ok(), "{event:?}");
    }
}

#[tokio::test]
async fn sec_80_signing_in_is_in_the_journal_with_all_that_is_known() {
    let app = TestApp::new();
    let asked =
        send(&app, Method::POST, "/auth/otp/request", None, Some(&json!({"email": "ada@example.org", "token": true})))
            .await;
    let issued = asked.expect(202);
    app.deliver().await;
    let code = app.code("ada@example.org");
    let guess = |code: &str| json!({"challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"], "code": code, "token": true});
    let wrong = send(&app, Method::POST, "/auth/otp/verify", None, Some(&guess("0000 0001"))).await;
    wrong.problem(401);
    let right = send(&app, Method::POST, "/auth/otp/verify", None, Some(&guess(&code))).await;
    let token = right.expect(200)["session"]["token"].as_str().expect("a token").to_owned();
    let out = app.anonymous().send(request(Method::POST, "/api/v1/auth/logout", Some(&token), None)).await;
    out.expect(204);
    for (name, answer, is_refusal) in [
        ("auth.code_requested", &asked, false),
        ("auth.code_refused", &wrong, true),
        ("user.created", &right, false),
        ("auth.signed_in", &right, false),
        ("auth.sessions_ended", &out, false),
    ] {
        let events = named(&app, WorkspaceId::DIRECTORY, name).await;
        let [event] = events.as_slice() else { panic!("one {name}: {events:?}") };
        assert_from_somewhere(event, Some(answer));
        assert_eq!(event.fact.is_refusal(), is_refusal, "{name}");
        assert!(event.target().is_some(), "{name} is about something");
        assert!(event.at > connect_core::Timestamp::default());
    }
    let signed_in = &named(&app, WorkspaceId::DIRECTORY, "auth.signed_in").await[0];
    assert!(matches!(signed_in.actor, Actor::User(_)));
    assert_eq!(signed_in.method.as_deref(), Some("email_code"));
    app.finish().await;
}

#[tokio::test]
async fn sec_80_a_session_that_takes_the_place_of_another_is_told() {
    let app = TestApp::new();
    let first = app.sign_in("ada@example.org").await;
    let issued = app.ask_code("ada@example.org").await;
    let body = json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"], "code": app.code("ada@example.org"),
    });
    let cookie = format!("__Host-connect_session={}", first.token());
    let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let again = app.anonymous().call(Method::POST, "/auth/otp/verify", &headers, Some(&body.to_string())).await;
    let session = again.expect(200)["session"]["id"].clone();
    let replaced = named(&app, WorkspaceId::DIRECTORY, "auth.session_replaced").await;
    assert_eq!(replaced.len(), 1);
    assert_eq!(replaced[0].fact.details()["by"], session);
    app.finish().await;
}

#[tokio::test]
async fn sec_80_changes_of_members_and_invitations_carry_who_from_where() {
    let (app, _, owner, _) = TestApp::acme().await;
    let body = json!({"email": "new@acme.example", "role": "member"});
    let invited = send(&app, Method::POST, "/workspaces/acme/invitations", Some(&owner), Some(&body)).await;
    let id = invited.expect(201)["id"].as_str().expect("an id").to_owned();
    app.deliver().await;
    let token = app.invitation_token("new@acme.example");
    let user = app.sign_in("new@acme.example").await;
    let path = format!("/workspaces/acme/invitations/{id}/accept");
    let accepted = send(&app, Method::POST, &path, Some(&user), Some(&json!({"token": token}))).await;
    accepted.expect(200);
    let me = user.get("/me").await.expect(200)["user"]["id"].as_str().expect("an id").to_owned();
    let member = format!("/workspaces/acme/members/{me}");
    let raised = send(&app, Method::PATCH, &member, Some(&owner), Some(&json!({"role": "admin"}))).await;
    raised.expect(200);
    let removed = send(&app, Method::DELETE, &member, Some(&owner), None).await;
    removed.expect(204);
    let acme = acme_id(&app).await;
    for (name, answer) in [
        ("invitation.created", &invited),
        ("invitation.accepted", &accepted),
        ("member.role_changed", &raised),
        ("member.removed", &removed),
    ] {
        let events = named(&app, acme, name).await;
        assert_eq!(events.len(), 1, "{name}");
        assert_from_somewhere(&events[0], Some(answer));
        assert_eq!(events[0].method.as_deref(), Some("email_code"));
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_80_what_a_first_proof_ends_is_told_with_who_from_where() {
    let app = TestApp::new();
    let email = EmailAddress::parse("email", "victim@example.org").expect("an address");
    let planted = app.desk.users().register(&email, None).await.expect("registered");
    let account = AccountKey { provider: "acme".into(), issuer: "https://id.example".into(), subject: "eve-1".into() };
    assert!(app.desk.users().link(planted.id, &account).await.expect("linked"));
    let opened = app.auth.open_session(planted, "test", &connect_auth::Client::default(), None).await;
    let mallory = app.bearer(&opened.expect("opened").token.text());
    mallory.post("/workspaces", &json!({"name": "Acme", "slug": "acme"})).await.expect(201);
    made(&mallory, &asked(&["tickets.read"])).await;
    let issued = app.ask_code("victim@example.org").await;
    let body = json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"],
        "code": app.code("victim@example.org"),
    });
    let proven = send(&app, Method::POST, "/auth/otp/verify", None, Some(&body)).await;
    proven.expect(200);
    let acme = acme_id(&app).await;
    for (workspace, name) in [
        (WorkspaceId::DIRECTORY, "user.account_unlinked"),
        (WorkspaceId::DIRECTORY, "auth.sessions_ended"),
        (acme, "api_key.revoked"),
        (WorkspaceId::DIRECTORY, "user.updated"),
    ] {
        let events = named(&app, workspace, name).await;
        assert_eq!(events.len(), 1, "{name}");
        assert_from_somewhere(&events[0], Some(&proven));
        assert_eq!(events[0].method.as_deref(), Some("email_code"));
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_80_denied_access_and_requests_from_other_sites_are_in_the_journal() {
    let (app, _, owner, _) = TestApp::acme().await;
    let viewer = app.member(&owner, "viewer@acme.example", "viewer").await;
    let body = json!({"email": "x@acme.example", "role": "viewer"});
    let denied = send(&app, Method::POST, "/workspaces/acme/invitations", Some(&viewer), Some(&body)).await;
    denied.problem(403);
    let acme = acme_id(&app).await;
    let events = named(&app, acme, "access.denied").await;
    assert_eq!(events.len(), 1);
    assert_from_somewhere(&events[0], Some(&denied));
    let me = viewer.get("/me").await.expect(200)["user"]["id"].clone();
    assert_eq!((json!(events[0].actor), events[0].method.as_deref()), (me, Some("email_code")));
    let route = "POST /api/v1/workspaces/{workspace}/invitations".to_owned();
    assert_eq!(events[0].fact, Fact::AccessDenied { action: "members.manage".to_owned(), route });

    // On a page, which shows the refusal itself.
    let form = Request::post("/acme/members")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", format!("Bearer {}", viewer.token()))
        .extension(ConnectInfo::<SocketAddr>(([192, 0, 2, 7], 1).into()))
        .header("user-agent", "curl/8.5 (ü)")
        .body(Body::from("email=x%40acme.example&role=viewer"))
        .expect("a request");
    assert_eq!(viewer.send(form).await.status, 403);
    assert_eq!(named(&app, acme, "access.denied").await.len(), 2, "pages are no way round it");

    let mut forged = request(Method::PATCH, "/api/v1/me", None, Some(&json!({"name": "Eve"})));
    let cookie = format!("__Host-connect_session={}", viewer.token());
    forged.headers_mut().insert("cookie", HeaderValue::from_str(&cookie).expect("a header"));
    forged.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
    let refused = app.anonymous().send(forged).await;
    assert_eq!(refused.problem(403), "cross_site");
    let events = named(&app, WorkspaceId::DIRECTORY, "access.cross_site").await;
    assert_eq!(events.len(), 1);
    assert_from_somewhere(&events[0], Some(&refused));
    assert_eq!(events[0].fact, Fact::AccessCrossSite { route: "PATCH /api/v1/me".to_owned() });
    app.finish().await;
}

#[tokio::test]
async fn sec_80_limits_that_are_met_are_in_the_journal() {
    let mut few = settings();
    few.quotas.requests = Quota::per_seconds(3, 60);
    few.quotas.sends_per_ip = Quota::per_seconds(1, 60);
    let app = TestApp::with(few);
    let user = app.sign_in("ada@example.org").await;
    for _ in 0..3 {
        send(&app, Method::GET, "/me", Some(&user), None).await.expect(200);
    }
    let limited = send(&app, Method::GET, "/me", Some(&user), None).await;
    assert_eq!(limited.problem(429), "rate_limited");
    let asked = json!({"email": "ada@example.org", "token": true});
    send(&app, Method::POST, "/auth/otp/request", None, Some(&asked)).await.expect(202);
    let unsent = send(&app, Method::POST, "/auth/otp/request", None, Some(&asked)).await;
    assert_eq!(unsent.problem(429), "rate_limited");
    let events = named(&app, WorkspaceId::DIRECTORY, "access.limited").await;
    assert_eq!(events.len(), 2);
    assert_from_somewhere(&events[0], Some(&limited));
    assert!(matches!(events[0].actor, Actor::User(_)), "whose limit it was is known");
    assert_from_somewhere(&events[1], Some(&unsent));
    assert_eq!(events[1].fact, Fact::AccessLimited { route: "POST /api/v1/auth/otp/request".to_owned() });
    app.finish().await;
}

#[tokio::test]
async fn sec_80_a_flood_of_refusals_does_not_flood_the_journal() {
    let (app, _, owner, _) = TestApp::acme().await;
    let viewer = app.member(&owner, "viewer@acme.example", "viewer").await;
    let before = journal(&app, WorkspaceId::DIRECTORY).await.len();
    for _ in 0..100 {
        send(&app, Method::POST, "/workspaces/acme/labels", Some(&viewer), Some(&json!({"name": "x"})))
            .await
            .problem(403);
    }
    let acme = acme_id(&app).await;
    assert_eq!(named(&app, acme, "access.denied").await.len(), 20);
    assert_eq!(journal(&app, WorkspaceId::DIRECTORY).await.len(), before);
    app.clock.advance(Duration::from_secs(60));
    send(&app, Method::POST, "/workspaces/acme/labels", Some(&viewer), Some(&json!({"name": "x"}))).await.problem(403);
    assert_eq!(named(&app, acme, "access.denied").await.len(), 21, "in the next minute it begins anew");
    let told = named(&app, WorkspaceId::DIRECTORY, "access.suppressed").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].fact, Fact::AccessSuppressed { count: 80 });
    assert_from_somewhere(&told[0], None);
    app.finish().await;
}

#[tokio::test]
async fn sec_80_wrong_codes_do_not_flood_the_journal_either() {
    let app = TestApp::with(AuthSettings { live_codes: 100, ..settings() });
    let issued = app.ask_code("ada@example.org").await;
    for _ in 0..100 {
        app.verify(&issued, "0000 0001").await.problem(401);
    }
    assert_eq!(named(&app, WorkspaceId::DIRECTORY, "auth.code_refused").await.len(), 20);
    app.clock.advance(Duration::from_secs(60));
    app.verify(&issued, "0000 0001").await.problem(401);
    let told = named(&app, WorkspaceId::DIRECTORY, "access.suppressed").await;
    assert_eq!(told.iter().map(|event| event.fact.clone()).collect::<Vec<_>>(), [Fact::AccessSuppressed { count: 80 }]);
    app.finish().await;
}

#[tokio::test]
async fn sec_81_a_refusal_stays_though_its_request_changed_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("connect.db");
    let open = async || Arc::new(SqliteStore::open(&path, SqliteSettings::default()).await.expect("the file opens"));
    let store = open().await;
    let (app, _, owner, _) = TestApp::over(store.clone(), store.clone(), settings()).with_acme().await;
    let viewer = app.member(&owner, "viewer@acme.example", "viewer").await;
    let me = viewer.get("/me").await.expect(200)["user"]["id"].as_str().expect("an id").to_owned();
    let member = format!("/workspaces/acme/members/{me}");
    send(&app, Method::PATCH, &member, Some(&viewer), Some(&json!({"role": "owner"}))).await.problem(403);
    let issued = app.ask_code("eve@example.org").await;
    app.verify(&issued, "0000 0001").await.problem(401);
    let acme = acme_id(&app).await;
    app.finish().await;
    store.close().await;

    // As a process sees it that is started afterwards.
    let store = open().await;
    let app = TestApp::over(store.clone(), store, settings());
    let events = journal(&app, acme).await;
    assert_eq!(events.last().map(|event| event.fact.name()).as_deref(), Some("access.denied"), "it is kept");
    assert!(events.iter().all(|event| event.fact.name() != "member.role_changed"), "and nothing else was");
    assert_eq!(named(&app, WorkspaceId::DIRECTORY, "auth.code_refused").await.len(), 1);
    assert!(app.desk.verify_journal(acme).await.expect("read").flaws.is_empty(), "and sealed like all else");
    app.finish().await;
}

#[tokio::test]
async fn sec_84_the_person_is_mailed_about_repeated_failures_once_a_day() {
    let app = TestApp::with(AuthSettings { live_codes: 100, ..settings() });
    app.sign_in("ada@example.org").await;
    let told = || app.mail.mails().iter().filter(|kept| kept.mail.subject.starts_with("Wrong sign-in codes")).count();
    let fail = async |email: &str, times: usize| {
        for _ in 0..times {
            let issued = app.ask_code(email).await;
            app.verify(&issued, "0000 0001").await.problem(401);
        }
        app.deliver().await;
    };
    fail("ada@example.org", 4).await;
    assert_eq!(told(), 0, "four failures are nothing to speak of");
    fail("ada@example.org", 1).await;
    assert_eq!(told(), 1);
    let mail = app.mail_to("ada@example.org").mail;
    assert!(mail.subject.starts_with("Wrong sign-in codes") && mail.text.contains("5 times"), "{}", mail.text);
    fail("ada@example.org", 3).await;
    assert_eq!(told(), 1, "once a day");
    fail("nobody@example.org", 5).await;
    assert_eq!(told(), 1, "an address that nobody has gets none");
    let events = named(&app, WorkspaceId::DIRECTORY, "auth.failures_repeated").await;
    assert_eq!(events.len(), 2, "but the journal tells no difference between them");
    app.finish().await;
}

#[tokio::test]
async fn sec_80_a_spent_budget_is_in_the_journal() {
    let app = TestApp::with(AuthSettings { live_codes: 100, ..settings() });
    let mut held = Vec::new();
    for _ in 0..6 {
        held.push(app.ask_code("ada@example.org").await);
    }
    for issued in &held {
        app.verify(issued, "0000 0001").await.problem(401);
    }
    let events = named(&app, WorkspaceId::DIRECTORY, "auth.budget_spent").await;
    assert_eq!(events.len(), 1, "the sixth was not looked at");
    assert_eq!(events[0].fact.details()["challenge"], held[5]["challenge_id"]);
    app.finish().await;
}

#[tokio::test]
async fn origins_end_with_their_time_and_the_seals_stay_good() {
    let (app, _, owner, _) = TestApp::acme().await;
    let label = |name: &str| json!({"name": name});
    send(&app, Method::POST, "/workspaces/acme/labels", Some(&owner), Some(&label("old"))).await.expect(201);
    app.deliver().await;
    app.clock.advance(Duration::from_secs(91 * 24 * 3600));
    let owner = app.sign_in("agent@acme.example").await;
    send(&app, Method::POST, "/workspaces/acme/labels", Some(&owner), Some(&label("new"))).await.expect(201);
    app.deliver().await;
    let acme = acme_id(&app).await;
    let before = app.desk.verify_journal(acme).await.expect("read");
    assert!(before.flaws.is_empty() && before.sealed == before.events, "{before:?}");
    let end = app.desk.now().minus(Duration::from_secs(90 * 24 * 3600));
    let forgotten = app.desk.forget_origins(end).await.expect("forgotten");
    assert!(forgotten.origins > 0 && !forgotten.left, "{forgotten:?}");
    assert_eq!(app.desk.forget_origins(end).await.expect("forgotten").origins, 0, "once");
    let labels = named(&app, acme, "label.created").await;
    assert!(labels[0].origin.is_none() && labels[0].origin_hash.is_some(), "the old one is gone, its hash stays");
    assert!(labels[1].origin.is_some(), "the new one is there");
    assert_eq!(app.desk.verify_journal(acme).await.expect("read"), before, "no seal is over what may be removed");
    let theirs = labels[1].actor;
    assert!(
        app.desk.forget_origins_of(acme, theirs).await.expect("forgotten") > 0,
        "a person can be forgotten at once"
    );
    assert!(journal(&app, acme).await.iter().all(|event| event.actor != theirs || event.origin.is_none()));
    assert_eq!(app.desk.verify_journal(acme).await.expect("read"), before);
    app.finish().await;
}
