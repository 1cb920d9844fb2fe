//! Strangers who ask for codes without end, and who still gets mail then.

use std::time::Duration;

use connect_auth::{AuthSettings, Quotas, SignUp};
use connect_core::store::Quota;
use serde_json::{Value, json};

use crate::app::{TestApp, User, settings};
use crate::devices::solve;
use crate::pages::Browser;

const ADA: &str = "ada@example.org";

fn few() -> AuthSettings {
    let quotas = Quotas { sends_per_address: Quota::per_seconds(3, 900), ..settings().quotas };
    AuthSettings { quotas, puzzle_bits: 16, ..settings() }
}

/// Strangers ask for so many codes.
async fn flood(app: &TestApp, email: &str, times: usize) -> Value {
    let mut last = Value::Null;
    for _ in 0..times {
        last = app.anonymous().post("/auth/otp/request", &json!({"email": email, "token": true})).await.expect(202);
    }
    app.deliver().await;
    last
}

async fn step_up(app: &TestApp, user: &User) -> Value {
    let asked = user.post("/auth/otp/request", &json!({"purpose": "step_up", "token": true})).await.expect(202);
    app.deliver().await;
    asked
}

#[tokio::test]
async fn sec_18_strangers_shut_nobody_out_of_their_codes() {
    let app = TestApp::with(few());
    let (known, program) = (Browser::new(&app), app.sign_in(ADA).await);
    known.sign_in(ADA, "/workspaces").await;
    let offered = flood(&app, ADA, 60).await;
    let before = app.mail.mails().len();
    flood(&app, ADA, 1).await;
    assert_eq!(app.mail.mails().len(), before, "strangers have had their share");
    // Who is known, who is signed in, and who has done work for it.
    known.submit("/sign-in", &[("email", ADA), ("to", "/")]).await;
    app.deliver().await;
    assert_eq!(app.mail.mails().len(), before + 1);
    let page = known.submit("/sign-in/code", &[("code", &app.code(ADA)), ("to", "/workspaces")]).await;
    assert!(page.text.contains("Workspaces"), "{}", page.text);
    step_up(&app, &program).await;
    assert_eq!(app.mail.mails().len(), before + 2);
    let proof = solve(offered["puzzle"].as_str().expect("a puzzle"), ADA);
    let body = json!({"email": ADA, "token": true, "proof": proof});
    let paid = app.anonymous().post("/auth/otp/request", &body).await.expect(202);
    app.deliver().await;
    assert_eq!(app.mail.mails().len(), before + 3);
    app.verify(&paid, &app.code(ADA)).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_12_codes_that_no_mail_carries_take_no_place_of_those_that_are_sent() {
    let app = TestApp::with(few());
    flood(&app, ADA, 3).await;
    app.clock.advance(Duration::from_secs(11 * 60));
    flood(&app, ADA, 30).await;
    assert_eq!(app.mail.mails().len(), 3);
    // The share of the address begins anew, and those are still alive.
    app.clock.advance(Duration::from_secs(4 * 60));
    app.sign_in(ADA).await;
    assert_eq!(app.mail.mails().len(), 4);
    app.finish().await;
}

#[tokio::test]
async fn sec_18_known_browsers_have_a_share_of_the_desks_mail() {
    let quotas = Quotas { mails: Quota::per_seconds(5, 3600), ..settings().quotas };
    let app = TestApp::with(AuthSettings { quotas, ..settings() });
    let (known, program) = (Browser::new(&app), app.sign_in(ADA).await);
    known.sign_in(ADA, "/workspaces").await;
    for n in 0..10 {
        flood(&app, &format!("p{n}@example.org"), 1).await;
    }
    assert_eq!(app.mail.mails().len(), 5, "the share of strangers is spent");
    known.submit("/sign-in", &[("email", ADA), ("to", "/")]).await;
    step_up(&app, &program).await;
    assert_eq!(app.mail.mails().len(), 7);
    app.finish().await;
}

#[tokio::test]
async fn sec_72_addresses_that_get_no_mail_use_up_none() {
    let quotas = Quotas { mails: Quota::per_seconds(3, 3600), ..settings().quotas };
    let app = TestApp::with(AuthSettings { quotas, sign_up: SignUp::Invited, ..settings() });
    let owner = app.sign_in(ADA).await;
    owner.post("/workspaces", &json!({"name": "Acme", "slug": "acme"})).await.expect(201);
    for n in 0..20 {
        flood(&app, &format!("nobody-{n}@example.org"), 1).await;
    }
    assert_eq!(app.mail.mails().len(), 1, "nobody may sign in with these");
    app.sign_in(ADA).await;
    app.sign_in(ADA).await;
    app.finish().await;
}

#[tokio::test]
async fn sec_72_work_fills_no_mailbox_either() {
    let mut settings = few();
    settings.quotas.paid_sends_per_address = Quota::per_seconds(2, 3600);
    let app = TestApp::with(settings);
    let mut offered = flood(&app, ADA, 4).await;
    assert_eq!(app.mail.mails().len(), 3);
    for mails in [4, 5, 5, 5] {
        let proof = solve(offered["puzzle"].as_str().expect("a puzzle"), ADA);
        let body = json!({"email": ADA, "token": true, "proof": proof});
        offered = app.anonymous().post("/auth/otp/request", &body).await.expect(202);
        app.deliver().await;
        assert_eq!(app.mail.mails().len(), mails);
    }
    app.finish().await;
}
