//! Signing in with a passkey.

use std::time::Duration;

use axum::http::Method;
use connect_auth::{AuthSettings, Client, Quotas};
use connect_core::EmailAddress;
use connect_core::event::Fact;
use connect_core::store::Quota;
use serde_json::json;

use super::device::Manner;
use super::{answer, asked, enrolled, facts, post, reason, session, sign_in};
use crate::app::{Made, TestApp, settings};
use crate::pages::Browser;

#[tokio::test]
async fn sec_85_a_passkey_signs_in_without_an_address_and_the_session_is_strong() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    let (id, key) = enrolled(&ada).await;
    assert_eq!(super::session_of(&app, ada.token()).await.strong_at, None, "a code is one factor");
    let browser = Browser::new(&app);
    let asked = asked(&browser).await;
    let options = &asked["public_key"];
    assert_eq!(
        (options["rpId"].as_str(), options["userVerification"].as_str()),
        (Some("desk.example"), Some("required"))
    );
    assert_eq!(options["allowCredentials"], json!([]), "nobody has to say who they are");
    assert_eq!(options["timeout"], 300_000);
    app.clock.advance(Duration::from_secs(60));
    let answer = answer(&browser, &asked, &key.sign(options, &Manner::default(), 1)).await;
    assert_eq!(answer.expect(200)["user"]["email"], "ada@example.org");
    let begun = session(&app, &answer.headers).await;
    assert_eq!((begun.method.as_str(), begun.strong_at), ("passkey", Some(app.desk.now())));
    assert_eq!(begun.proven_at, app.desk.now(), "it is a recent proof, too");
    let me = browser.send(axum::http::Request::get("/api/v1/me"), String::new()).await.expect(200);
    assert_eq!(me["user"]["email"], "ada@example.org");
    let told = facts(&app).await;
    let used = told.iter().any(|fact| matches!(fact, Fact::PasskeyUsed { passkey, .. } if passkey.to_string() == id));
    let signed_in = told.iter().any(|fact| matches!(fact, Fact::AuthSignedIn { session, .. } if *session == begun.id));
    assert!(used && signed_in, "{told:?}");
    let list = ada.get("/me/passkeys").await.expect(200);
    assert_eq!(list["data"][0]["last_used_at"], app.desk.now().to_string());
    app.finish().await;
}

#[tokio::test]
async fn sec_26_signing_in_with_a_passkey_ends_the_session_that_was_there() {
    let app = TestApp::new();
    let (_, key) = enrolled(&app.sign_in("ada@example.org").await).await;
    let browser = Browser::new(&app);
    let first = sign_in(&browser, &key, 1).await;
    let before = session(&app, &first.headers).await;
    let second = sign_in(&browser, &key, 2).await;
    let after = session(&app, &second.headers).await;
    assert_ne!(before.token_hash, after.token_hash);
    let kept = app.desk.users().find(&EmailAddress::parse("email", "ada@example.org").expect("an address")).await;
    let user = kept.expect("the store answers").expect("Ada");
    assert_eq!(user.id, after.user);
    let told = facts(&app).await;
    let replaced = |fact: &Fact| matches!(fact, Fact::AuthSessionReplaced { session, by } if (*session, *by) == (before.id, after.id));
    assert!(told.iter().any(replaced), "{told:?}");
    app.finish().await;
}

#[tokio::test]
async fn sec_30_a_disabled_user_does_not_sign_in_with_a_passkey() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    let (_, key) = enrolled(&ada).await;
    let user = super::session_of(&app, ada.token()).await.user;
    app.desk.users().set_disabled(user, true).await.expect("disabled");
    let refused = sign_in(&Browser::new(&app), &key, 1).await;
    assert_eq!(reason(&app, &refused).await, "disabled");
    app.desk.users().set_disabled(user, false).await.expect("enabled");
    sign_in(&Browser::new(&app), &key, 2).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_22_the_first_proof_of_a_mailbox_ends_the_passkeys_of_before() {
    let app = TestApp::new();
    let email = EmailAddress::parse("email", "ada@example.org").expect("an address");
    let planted = app.desk.users().register(&email, None).await.expect("a user");
    let opened = app.auth.open_session(planted, "host", &Client::default(), None).await.expect("a session");
    let (_, key) = enrolled(&app.bearer(&opened.token.text())).await;
    sign_in(&Browser::new(&app), &key, 1).await.expect(200);
    let ada = app.sign_in("ada@example.org").await;
    assert_eq!(ada.get("/me/passkeys").await.expect(200)["data"], json!([]));
    let refused = sign_in(&Browser::new(&app), &key, 2).await;
    assert_eq!(reason(&app, &refused).await, "unknown");
    app.finish().await;
}

#[tokio::test]
async fn sec_40_another_site_cannot_complete_a_sign_in_with_a_passkey() {
    let app = TestApp::new();
    let (_, key) = enrolled(&app.sign_in("mallory@example.org").await).await;
    // Mallory's own question and answer, sent by a page of hers from the browser of a victim.
    let hers = Browser::new(&app);
    let asked = asked(&hers).await;
    let signed = key.sign(&asked["public_key"], &Manner::default(), 1);
    let body = json!({"question": asked["question"], "credential": signed}).to_string();
    let (name, value) = hers.cookies().pop().expect("a cookie");
    let cookie = format!("{name}={value}");
    let forged = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
    let refused = app.anonymous().call(Method::POST, "/auth/passkeys/finish", &forged, Some(&body)).await;
    assert_eq!(refused.problem(403), "cross_site", "a question that was planted does not help");
    let set = app.anonymous().post("/auth/passkeys/start", &json!({})).await;
    let set = set.headers["set-cookie"].to_str().expect("text").to_owned();
    assert!(
        set.starts_with("__Host-connect_passkey=") && set.ends_with("; Max-Age=300; HttpOnly; SameSite=Lax; Secure"),
        "{set}"
    );
    answer(&hers, &asked, &signed).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_72_questions_and_wrong_answers_are_limited_by_client() {
    assert_eq!(Quotas::default().passkey_starts, Quota::per_seconds(20, 900));
    let three = Quota::per_seconds(3, 900);
    let quotas = Quotas { passkey_starts: three, ..settings().quotas };
    let app = TestApp::with(AuthSettings { quotas, ..settings() });
    let browser = Browser::new(&app);
    for _ in 0..3 {
        asked(&browser).await;
    }
    let refused = post(&browser, "/auth/passkeys/start", &json!({})).await;
    assert_eq!(refused.problem(429), "rate_limited");
    app.finish().await;

    let quotas = Quotas { failures_per_ip: three, ..settings().quotas };
    let app = TestApp::with(AuthSettings { quotas, ..settings() });
    let (_, key) = enrolled(&app.sign_in("ada@example.org").await).await;
    for counter in 1..6 {
        sign_in(&Browser::new(&app), &key, counter).await.expect(200);
    }
    let body = json!({"question": "x", "credential": {}});
    for _ in 0..3 {
        let refused = post(&Browser::new(&app), "/auth/passkeys/finish", &body).await;
        assert_eq!(reason(&app, &refused).await, "browser");
    }
    let refused = sign_in(&Browser::new(&app), &key, 6).await;
    assert_eq!(refused.problem(429), "rate_limited", "they count with wrong codes");
    app.finish().await;
}

#[tokio::test]
async fn where_browsers_make_no_passkeys_the_desk_asks_for_none() {
    let made = Made { public_url: "http://127.0.0.1:8080", ..Made::default() };
    let app = TestApp::made(made, |desk| desk);
    let ada = app.sign_in("ada@example.org").await;
    assert_eq!(ada.post("/me/passkeys/start", &json!({})).await.problem(404), "not_found");
    assert_eq!(app.anonymous().post("/auth/passkeys/start", &json!({})).await.problem(404), "not_found");
    let page = Browser::new(&app).get("/sign-in").await;
    assert!(!page.text.contains("passkey"), "{}", page.text);
    app.finish().await;
}
