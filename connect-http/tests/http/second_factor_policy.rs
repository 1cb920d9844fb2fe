//! Workspaces that ask their team for a second factor.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Method;
use connect_core::user::ProvenMailbox;
use connect_core::{EmailAddress, Error};
use connect_http::PERMISSIONS;
use http_body_util::BodyExt;
use serde_json::json;

use crate::api_keys::{program, workspace_id};
use crate::app::{TestApp, User};
use crate::enrolled::{Enrolled, LATER, enrol, shown};
use crate::pages::Browser;

const ACME: &str = "/workspaces/acme";

fn asks(required: bool) -> serde_json::Value {
    json!({"require_second_factor": required})
}

/// Acme asks for a second factor, which its owner has.
async fn asking() -> (TestApp, Enrolled, User, User) {
    let (app, _, owner, customer) = TestApp::acme().await;
    let member = app.member(&owner, "hana@acme.example", "admin").await;
    let owner = enrol(&app, &owner).await;
    owner.user.patch(ACME, &asks(true)).await.expect(200);
    app.clock.advance(Duration::from_secs(60));
    (app, owner, member, customer)
}

#[tokio::test]
async fn sec_86_only_who_has_just_shown_a_second_factor_asks_the_team_for_one() {
    let (app, _, owner, _) = TestApp::acme().await;
    let member = app.member(&owner, "hana@acme.example", "member").await;
    assert_eq!(owner.patch(ACME, &asks(true)).await.problem(403), "second_factor_enrolment_required");
    assert_eq!(owner.get(ACME).await.expect(200)["require_second_factor"], false);
    app.clock.advance(LATER);
    assert_eq!(owner.patch(ACME, &asks(true)).await.problem(403), "step_up_required");
    let owner = enrol(&app, &app.sign_in("agent@acme.example").await).await;
    app.clock.advance(LATER);
    assert_eq!(owner.user.patch(ACME, &asks(true)).await.problem(401), "second_factor_required");
    let user = shown(&owner.user, &owner.code(&app, 0)).await;
    assert_eq!(user.patch(ACME, &asks(true)).await.expect(200)["require_second_factor"], true);
    app.clock.advance(LATER);
    assert_eq!(user.patch(ACME, &asks(false)).await.problem(401), "second_factor_required", "nor is it dropped");
    user.patch(ACME, &json!({"name": "Acme Two"})).await.expect(200);
    // Nobody else may, however they are proven.
    let member = enrol(&app, &app.sign_in("hana@acme.example").await).await.user.with_token(member.token());
    assert_eq!(member.patch(ACME, &asks(false)).await.status, 401, "her session has ended with the new factor");
    let customer = app.sign_in("carla@customer.example").await;
    assert_eq!(customer.patch(ACME, &asks(false)).await.problem(403), "forbidden");
    app.finish().await;
}

#[tokio::test]
async fn sec_86_a_member_and_a_viewer_do_not_change_what_the_team_is_asked_for() {
    let (app, owner, ..) = asking().await;
    for role in ["member", "viewer"] {
        let email = format!("{role}@acme.example");
        let user = app.sign_in(&email).await;
        let invited =
            owner.user.post("/workspaces/acme/invitations", &json!({"email": email, "role": role})).await.expect(201);
        app.deliver().await;
        let path = format!("/workspaces/acme/invitations/{}/accept", invited["id"].as_str().expect("an id"));
        let accepted = user.post(&path, &json!({"token": app.invitation_token(&email)})).await;
        assert_eq!(accepted.problem(403), "second_factor_enrolment_required", "a member, and not let in");
        let user = enrol(&app, &user).await.user;
        assert_eq!(user.get(ACME).await.expect(200)["role"], role);
        assert_eq!(user.patch(ACME, &asks(false)).await.problem(403), "forbidden");
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_86_without_a_second_factor_every_route_of_the_workspace_is_refused() {
    let (app, _, owner, _) = TestApp::acme().await;
    let member = app.member(&owner, "hana@acme.example", "admin").await;
    let words = ["workspace.read", "members.read", "tickets.read", "tickets.open", "tickets.reply", "labels.read"];
    let (program, _) = program(&app, &member, &words).await;
    let ticket = owner.open("x").await;
    let by_id = format!("/workspaces/{}", workspace_id(&app).await);
    for user in [&member, &program] {
        for path in [ACME, by_id.as_str()] {
            assert_eq!(user.get(path).await.status, 200);
        }
    }
    let owner = enrol(&app, &owner).await.user;
    owner.patch(ACME, &asks(true)).await.expect(200);
    let mut walked = 0;
    for row in PERMISSIONS.iter().filter(|row| row.path.contains("{workspace}") && !row.path.ends_with("/accept")) {
        for workspace in ["acme", by_id.rsplit('/').next().expect("an id")] {
            let ticket = ticket.rsplit('/').next().expect("an id");
            let path = row.path.replace("{workspace}", workspace).replace("{ticket}", ticket);
            let path: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
            for user in [&member, &program] {
                let body = (row.method != Method::GET).then_some("{}");
                let answer = user.call(row.method.clone(), &path.join("/"), &[], body).await;
                assert_eq!(answer.problem(403), "second_factor_enrolment_required", "{} {}", row.method, row.path);
            }
            walked += 1;
        }
    }
    assert!(walked >= 60, "the table was walked: {walked}");

    let browser = Browser::new(&app);
    browser.sign_in("hana@acme.example", "/workspaces").await;
    let mut walked = 0;
    for (method, route) in crate::permissions::routes(include_str!("../../src/web/mod.rs"), "") {
        if !route.starts_with("/{workspace}") || route.contains("/join/") {
            continue;
        }
        let path = route.replace("{workspace}", "acme").replace("{ticket}", "1");
        let path: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        let request = axum::http::Request::builder().method(method.clone()).uri(path.join("/"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = browser.send(request, String::new()).await;
        let to = answer.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
        let is_refused = answer.status == 303 && to == "/sign-in/factors" || answer.status == 403;
        assert!(is_refused, "{method} {route}: {} {to}", answer.status);
        walked += 1;
    }
    assert!(walked >= 15, "the table was walked: {walked}");

    // Who sets one up is let in, and so is their key; other sessions of theirs are not.
    let enrolled = enrol(&app, &member).await.user;
    for user in [&enrolled, &program] {
        assert_eq!(user.get(ACME).await.status, 200);
        assert_eq!(user.get("/workspaces/acme/tickets").await.status, 200);
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_86_a_stream_ends_when_a_second_factor_is_asked_for() {
    let (app, _, owner, _) = TestApp::acme().await;
    let member = app.member(&owner, "hana@acme.example", "member").await;
    let (program, _) = program(&app, &owner, &["tickets.read"]).await;
    let owner = enrol(&app, &owner).await.user;
    let open = async |user: &User| {
        let request = user.request(Method::GET, "/workspaces/acme/live").body(Body::empty()).expect("a request");
        user.stream(request).await
    };
    let (mut stream, mut kept) = (open(&member).await, open(&program).await);
    owner.patch(ACME, &asks(true)).await.expect(200);
    let start = Instant::now();
    let end = async { while let Some(Ok(_)) = stream.frame().await {} };
    // A stream looks again when something happens, or after a while.
    let stir = async {
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(800)).await;
            owner.open("x").await;
        }
    };
    tokio::select! {
        () = end => assert!(start.elapsed() < Duration::from_secs(5), "sec 35: {:?}", start.elapsed()),
        () = stir => panic!("the stream goes on"),
    }
    let still = tokio::time::timeout(Duration::from_millis(500), async {
        loop {
            if kept.frame().await.is_none() {
                return;
            }
        }
    });
    assert!(still.await.is_err(), "that of a key whose owner has one goes on");
    app.finish().await;
}

#[tokio::test]
async fn sec_87_the_last_second_factor_stays_while_a_workspace_asks_for_one() {
    let (app, owner, ..) = asking().await;
    let user = shown(&owner.user, &owner.code(&app, 0)).await;
    assert_eq!(user.delete("/me/second-factor").await.problem(409), "last_strong_method");
    assert_eq!(user.get(ACME).await.status, 200, "nothing has changed");
    assert_eq!(user.get("/me/second-factor").await.expect(200)["demanded"], true);
    user.patch(ACME, &asks(false)).await.expect(200);
    let removed = user.delete("/me/second-factor").await.expect(200);
    let user = user.with_token(removed["session"]["token"].as_str().expect("a token"));
    assert_eq!(user.get(ACME).await.status, 200);
    assert_eq!(user.patch(ACME, &asks(true)).await.problem(403), "second_factor_enrolment_required", "it is gone");
    app.finish().await;
}

#[tokio::test]
async fn sec_87_the_way_back_by_e_mail_leads_into_no_workspace_that_asks_for_a_second_factor() {
    let (app, owner, ..) = asking().await;
    let (program, _) = program(&app, &shown(&owner.user, &owner.code(&app, 0)).await, &["tickets.read"]).await;
    let ask = async || {
        let half = app.sign_in("agent@acme.example").await;
        (half.post("/auth/second-factor/reset", &json!({})).await, half)
    };
    ask().await.0.expect(202);
    app.clock.advance(Duration::from_secs(3 * 24 * 3600));
    assert_eq!(program.get("/workspaces/acme/tickets").await.status, 200);
    let (done, half) = ask().await;
    let user = half.with_token(done.expect(200)["session"]["token"].as_str().expect("a token"));
    for who in [&user, &program] {
        assert_eq!(who.get("/workspaces/acme/tickets").await.problem(403), "second_factor_enrolment_required");
    }
    enrol(&app, &user).await;
    assert_eq!(program.get("/workspaces/acme/tickets").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn sec_86_customers_are_not_asked_and_hosts_say_whether_theirs_have_shown_one() {
    let (app, _, member, customer) = asking().await;
    assert_eq!(customer.get("/workspaces/acme/tickets").await.status, 200, "customers see their own requests");
    assert_eq!(member.get(ACME).await.problem(403), "second_factor_enrolment_required");
    let email = EmailAddress::parse("email", "hana@acme.example").expect("an address");
    let user = app.desk.users().find(&email).await.expect("the store").expect("a user");
    let person = ProvenMailbox::attest(&user);
    // With and without, one after the other: what is remembered of an admission holds for both.
    for _ in 0..2 {
        let refused = app.desk.admit(&person, "acme").await;
        assert!(matches!(refused, Err(Error::SecondFactorEnrolmentRequired)), "{refused:?}");
        let access = app.desk.admit(&person.clone().with_second_factor(), "acme").await.expect("let in");
        assert!(access.is_strong());
    }
    assert!(app.desk.host("acme").await.is_ok(), "the host itself is asked for nothing");
    app.finish().await;
}
