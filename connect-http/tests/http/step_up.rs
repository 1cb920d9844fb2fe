use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, User};
use crate::pages::Browser;

const LATER: Duration = Duration::from_secs(11 * 60);

/// Proves once more who somebody is; answers the verification.
async fn step_up(app: &TestApp, user: &User, email: &str) -> Answer {
    let issued = user.post("/auth/otp/request", &json!({"purpose": "step_up", "token": true})).await.expect(202);
    app.deliver().await;
    user.post("/auth/otp/verify", &entered(&issued, &app.code(email), "step_up")).await
}

fn entered(issued: &Value, code: &str, purpose: &str) -> Value {
    json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"],
        "code": code, "purpose": purpose, "token": true,
    })
}

fn wrong(code: &str) -> String {
    code.chars().map(|c| if c.is_ascii_digit() { if c == '9' { '0' } else { '9' } } else { c }).collect()
}

#[tokio::test]
async fn sec_26_a_step_up_issues_a_new_token_with_the_same_end_and_ends_the_old() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    let ends = ada.get("/auth/sessions").await.expect(200)["data"][0]["expires_at"].clone();
    app.clock.advance(LATER);
    let stepped = step_up(&app, &ada, "ada@example.org").await.expect(200);
    assert_eq!(stepped["session"]["expires_at"], ends, "a step-up never moves the absolute end");
    assert_eq!(ada.get("/me").await.problem(401), "unauthorized", "the old token is dead");
    let next = ada.with_token(stepped["session"]["token"].as_str().expect("a token"));
    let sessions = next.get("/auth/sessions").await.expect(200);
    assert_eq!(sessions["data"].as_array().map(Vec::len), Some(1), "one session stays one");
    app.finish().await;
}

#[tokio::test]
async fn sec_26_a_session_that_was_ended_is_not_stepped_up() {
    let app = TestApp::new();
    let (ada, other) = (app.sign_in("ada@example.org").await, app.sign_in("ada@example.org").await);
    let issued = ada.post("/auth/otp/request", &json!({"purpose": "step_up", "token": true})).await.expect(202);
    app.deliver().await;
    let body = entered(&issued, &app.code("ada@example.org"), "step_up");
    other.delete("/auth/sessions").await.expect(204);
    assert_eq!(ada.post("/auth/otp/verify", &body).await.problem(401), "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn sec_34_making_somebody_an_admin_or_owner_needs_a_recent_proof() {
    let (app, _, owner, _) = TestApp::acme().await;
    app.member(&owner, "hana@acme.example", "member").await;
    let members = owner.get("/workspaces/acme/members").await.expect(200);
    let hana = members["data"].as_array().expect("a list").iter().find(|m| m["email"] == "hana@acme.example");
    let hana = format!("/workspaces/acme/members/{}", hana.expect("hana")["id"].as_str().expect("an id"));
    let invite = |role: &str| json!({"email": format!("{role}@acme.example"), "role": role});
    app.clock.advance(Duration::from_secs(10 * 60));
    owner.post("/workspaces/acme/invitations", &invite("admin")).await.expect(201);
    app.clock.advance(Duration::from_secs(1));
    for role in ["admin", "owner"] {
        let refused = owner.post("/workspaces/acme/invitations", &invite(role)).await;
        assert_eq!(refused.problem(403), "step_up_required");
        assert_eq!(owner.patch(&hana, &json!({"role": role})).await.problem(403), "step_up_required");
    }
    owner.patch(&hana, &json!({"role": "viewer"})).await.expect(200);
    owner.post("/workspaces/acme/invitations", &invite("member")).await.expect(201);
    let stepped = step_up(&app, &owner, "agent@acme.example").await.expect(200);
    let owner = owner.with_token(stepped["session"]["token"].as_str().expect("a token"));
    owner.patch(&hana, &json!({"role": "owner"})).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn a_step_up_goes_to_the_account_and_fits_nobody_else() {
    let app = TestApp::new();
    let (ada, bob) = (app.sign_in("ada@example.org").await, app.sign_in("bob@example.org").await);
    let named = ada.post("/auth/otp/request", &json!({"purpose": "step_up", "email": "eve@example.org"})).await;
    assert_eq!(named.problem(422), "invalid", "the address is that of the account");
    let nobody = app.anonymous().post("/auth/otp/request", &json!({"purpose": "step_up"})).await;
    assert_eq!(nobody.problem(401), "unauthorized");
    let issued = ada.post("/auth/otp/request", &json!({"purpose": "step_up", "token": true})).await.expect(202);
    app.deliver().await;
    let (code, mail) = (app.code("ada@example.org"), app.mail_to("ada@example.org").mail);
    assert!(mail.text.starts_with("Your code to confirm that it is you"), "{}", mail.text);
    let body = entered(&issued, &code, "step_up");
    assert_eq!(bob.post("/auth/otp/verify", &body).await.problem(401), "code_not_right", "another person");
    assert_eq!(app.anonymous().post("/auth/otp/verify", &body).await.problem(401), "unauthorized");
    let other = entered(&issued, &code, "sign_in");
    assert_eq!(app.anonymous().post("/auth/otp/verify", &other).await.problem(401), "code_not_right", "sec 8");
    let plain = app.ask_code("ada@example.org").await;
    let body = entered(&plain, &app.code("ada@example.org"), "step_up");
    assert_eq!(ada.post("/auth/otp/verify", &body).await.problem(401), "code_not_right", "a code to sign in");
    app.finish().await;
}

/// The paths that look at codes. A new purpose belongs into this list.
#[tokio::test]
async fn sec_16_every_path_that_looks_at_a_code_draws_on_the_same_budget() {
    for purpose in ["sign_in", "step_up", "email_change"] {
        let app = TestApp::new();
        let ada = app.sign_in("ada@example.org").await;
        // Whose budget it is: a new address has its own, which is the one that signs in with it.
        let email = if purpose == "email_change" { "new@example.org" } else { "ada@example.org" };
        for round in 0..2 {
            let issued = match purpose {
                "sign_in" => app.ask_code(email).await,
                "step_up" => {
                    ada.post("/auth/otp/request", &json!({"purpose": purpose, "token": true})).await.expect(202)
                }
                _ => ada.post("/me/email", &json!({"email": email, "token": true})).await.expect(202),
            };
            app.deliver().await;
            let bad = wrong(&app.code(email));
            for _ in 0..3 {
                let refused = ada.post("/auth/otp/verify", &entered(&issued, &bad, purpose)).await;
                assert_eq!(refused.problem(401), "code_not_right", "{purpose}, round {round}");
            }
        }
        app.ask_code(email).await;
        assert_eq!(
            app.code(email).replace(' ', "").len(),
            10,
            "{purpose}: five failures lead to a long code to sign in"
        );
        app.finish().await;
    }
    // All of them are values of one field of one path.
    let source = include_str!("../../src/api/auth/request_code.rs");
    let purposes = source.split("enum Purpose {").nth(1).and_then(|rest| rest.split('}').next()).expect("the list");
    let names = purposes.lines().map(str::trim).filter(|line| line.ends_with(',')).count();
    assert_eq!(names, 3, "a purpose is missing in this test: {purposes}");
}

#[tokio::test]
async fn a_page_leads_to_the_code_and_back() {
    let (app, ..) = TestApp::acme().await;
    let owner = Browser::new(&app);
    owner.sign_in("agent@acme.example", "/acme/members").await;
    app.clock.advance(LATER);
    let form = [("email", "hana@acme.example"), ("role", "admin")];
    let page = owner.submit("/acme/members", &form).await;
    assert!(
        page.text.contains("<h1>Confirm that it is you</h1>") && page.text.contains("agent@acme.example"),
        "{}",
        page.text
    );
    let to = crate::pages::hidden(&page.text, "to");
    assert_eq!(to, "/acme/members");
    let before = app.mail.mails().len();
    let page = owner.submit("/step-up", &[("to", &to)]).await;
    app.deliver().await;
    assert_eq!(app.mail.mails().len(), before + 1);
    let code = app.code("agent@acme.example");
    assert!(page.text.contains("<h1>Enter the code</h1>"), "{}", page.text);
    let page = owner.submit("/step-up/code", &[("code", &wrong(&code)), ("to", &to)]).await;
    assert_eq!(page.status, 401);
    assert!(page.text.contains("2 tries are left"), "{}", page.text);
    let page = owner.submit("/step-up/code", &[("code", &code), ("to", &to)]).await;
    assert!(page.text.contains("<h1>Members</h1>"), "{}", page.text);
    let page = owner.submit("/acme/members", &form).await;
    assert!(page.text.contains("hana@acme.example"), "{}", page.text);
    let page = owner.submit("/step-up/code", &[("code", "1"), ("to", "//evil.example")]).await;
    assert!(page.text.contains("name=\"to\" value=\"/\""), "sec 49: {}", page.text);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn sec_40_another_site_cannot_complete_a_sign_in() {
    let app = TestApp::new();
    // Mallory asks for a code to her own account, and has a victim's browser enter it.
    let asked = app.anonymous().post("/auth/otp/request", &json!({"email": "mallory@example.org"})).await;
    let cookie = asked.headers["set-cookie"].to_str().expect("text").split(';').next().expect("a pair").to_owned();
    app.deliver().await;
    let body =
        json!({"challenge_id": asked.json()["challenge_id"], "code": app.code("mallory@example.org")}).to_string();
    let send = async |headers: &[(&str, &str)]| {
        app.anonymous().call(Method::POST, "/auth/otp/verify", headers, Some(&body)).await
    };
    assert_eq!(send(&[]).await.problem(401), "code_not_right", "the victim's browser holds no challenge");
    let device = [("cookie", "__Host-connect_device=x"), ("sec-fetch-site", "cross-site")];
    assert_eq!(send(&device).await.problem(403), "cross_site");
    let forged = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(send(&forged).await.problem(403), "cross_site", "a challenge that was planted does not help");
    send(&[("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")]).await.expect(200);
    app.finish().await;
}
