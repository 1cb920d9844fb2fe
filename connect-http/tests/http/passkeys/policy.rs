//! Passkeys as second factors: where a workspace asks for one, beside an app, and lost.

use std::time::Duration;

use serde_json::json;

use super::device::{Key, Manner};
use super::{enrolled, reason, sign_in};
use crate::app::{TestApp, User};
use crate::enrolled::enrol;
use crate::pages::Browser;

const ACME: &str = "/workspaces/acme";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Somebody who is signed in shows a passkey; answers them with their next token.
async fn shown(user: &User, key: &Key, counter: u32) -> User {
    let asked = user.post("/auth/passkeys/start", &json!({"purpose": "step_up"})).await.expect(200);
    let signed = key.sign(&asked["public_key"], &Manner::default(), counter);
    let body = json!({"purpose": "step_up", "question": asked["question"], "credential": signed});
    let stepped = user.post("/auth/passkeys/finish", &body).await.expect(200);
    user.with_token(stepped["session"]["token"].as_str().expect("a token"))
}

/// Acme asks for a second factor; one of its team has a passkey and nothing else.
async fn asking() -> (TestApp, User, String, Key) {
    let (app, _, owner, _) = TestApp::acme().await;
    let member = app.member(&owner, "hana@acme.example", "member").await;
    let (id, key) = enrolled(&member).await;
    let owner = enrol(&app, &owner).await.user;
    owner.patch(ACME, &json!({"require_second_factor": true})).await.expect(200);
    (app, member, id, key)
}

#[tokio::test]
async fn sec_86_a_workspace_that_asks_for_a_second_factor_takes_a_passkey_that_was_shown() {
    let (app, member, _, key) = asking().await;
    assert_eq!(member.get("/me").await.status, 200, "a code by e-mail signs her in");
    assert_eq!(member.get(ACME).await.problem(401), "second_factor_required", "and not into that workspace");
    let browser = Browser::new(&app);
    let page = browser.sign_in("hana@acme.example", "/acme/tickets").await;
    assert!(page.text.contains("<h1>Show your second factor</h1>"), "{}", page.text);
    assert!(page.text.contains("Use a passkey, or enter one of your recovery codes."), "{}", page.text);
    sign_in(&browser, &key, 1).await.expect(200);
    assert!(browser.get("/acme/tickets").await.text.contains("No tickets here"));
    assert_eq!(shown(&member, &key, 2).await.get(ACME).await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn sec_87_where_a_second_factor_is_asked_for_a_mailbox_changes_no_passkeys() {
    let (app, member, id, key) = asking().await;
    let path = format!("/me/passkeys/{id}");
    for refused in [
        member.post("/me/passkeys/start", &json!({})).await,
        member.post("/me/second-factor", &json!({})).await,
        member.post("/me/recovery-codes", &json!({})).await,
        member.delete(&path).await,
    ] {
        assert_eq!(refused.problem(401), "second_factor_required");
    }
    let member = shown(&member, &key, 1).await;
    assert_eq!(member.delete(&path).await.problem(409), "last_strong_method");
    let made = member.post("/me/recovery-codes", &json!({})).await.expect(201);
    enrolled(&member).await;
    member.delete(&path).await.expect(204);
    // The codes stand in for the other one.
    let half = app.sign_in("hana@acme.example").await;
    assert_eq!(half.get(ACME).await.problem(401), "second_factor_required");
    let code = made["recovery_codes"][0].as_str().expect("a code");
    let answer = half.post("/auth/second-factor", &json!({"code": code})).await.expect(200);
    let full = half.with_token(answer["session"]["token"].as_str().expect("a token"));
    assert_eq!(full.get(ACME).await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn sec_86_beside_an_app_a_passkey_is_shown_in_its_place() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    let (id, key) = enrolled(&ada).await;
    let ada = enrol(&app, &ada).await;
    assert!(!ada.recovery.is_empty());
    let half = app.sign_in("ada@example.org").await;
    assert_eq!(half.get("/me").await.problem(401), "second_factor_required");
    let seen = half.get("/auth/second-factor").await.expect(200);
    assert_eq!(seen["methods"], json!(["totp", "passkey", "recovery_code"]));
    let browser = Browser::new(&app);
    browser.sign_in("ada@example.org", "/workspaces").await;
    sign_in(&browser, &key, 1).await.expect(200);
    let page = browser.get("/sign-in/factors").await;
    assert!(page.text.contains("Take it away"), "{}", page.text);
    // One goes, and the codes stay for the other; with that they go, too.
    let removed = ada.user.delete("/me/second-factor").await.expect(200);
    let user = ada.user.with_token(removed["session"]["token"].as_str().expect("a token"));
    assert_eq!(user.get("/me/recovery-codes").await.expect(200)["left"], ada.recovery.len());
    user.delete(&format!("/me/passkeys/{id}")).await.expect(204);
    assert_eq!(user.get("/me/recovery-codes").await.expect(200)["left"], 0);
    app.finish().await;
}

#[tokio::test]
async fn sec_87_the_way_back_by_e_mail_takes_passkeys_unless_one_is_shown() {
    const RESET: &str = "/auth/second-factor/reset";
    let app = TestApp::new();
    let (_, key) = enrolled(&app.sign_in("ada@example.org").await).await;
    let ask = async || app.sign_in("ada@example.org").await.post(RESET, &json!({})).await;
    ask().await.expect(202);
    app.clock.advance(3 * DAY);
    sign_in(&Browser::new(&app), &key, 1).await.expect(200);
    assert_eq!(ask().await.expect(202)["done"], false, "it begins anew");
    app.clock.advance(3 * DAY);
    assert_eq!(ask().await.expect(200)["done"], true);
    assert_eq!(reason(&app, &sign_in(&Browser::new(&app), &key, 2).await).await, "unknown");
    assert_eq!(ask().await.problem(404), "not_found", "there is nothing left to take");
    app.finish().await;
}

#[tokio::test]
async fn sec_87_a_host_takes_passkeys_with_all_else() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    let (_, key) = enrolled(&ada).await;
    let user = super::session_of(&app, ada.token()).await.user;
    assert!(app.auth.take_second_factor(user).await.expect("taken"));
    assert_eq!(reason(&app, &sign_in(&Browser::new(&app), &key, 1).await).await, "unknown");
    assert_eq!(ada.get("/me").await.problem(401), "unauthorized");
    assert!(!app.auth.take_second_factor(user).await.expect("the store answers"), "there is nothing left");
    app.finish().await;
}
