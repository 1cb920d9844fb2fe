//! Proving with a passkey that it is still you.

use std::time::Duration;

use connect_core::event::Fact;
use serde_json::json;

use super::device::{Manner, PRESENT};
use super::{enrolled, facts, reason, session_of};
use crate::app::TestApp;

const STEP_UP: &str = "/auth/passkeys/start";

#[tokio::test]
async fn sec_26_a_step_up_by_passkey_issues_a_strong_token_with_the_same_end_and_ends_the_old() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    let (_, key) = enrolled(&ada).await;
    app.clock.advance(Duration::from_secs(20 * 60));
    assert_eq!(ada.post("/me/passkeys/start", &json!({})).await.problem(403), "step_up_required");
    let before = session_of(&app, ada.token()).await;
    let asked = ada.post(STEP_UP, &json!({"purpose": "step_up"})).await.expect(200);
    assert_eq!(asked["public_key"]["allowCredentials"].as_array().map(Vec::len), Some(1), "one of hers");
    let finish = |credential| json!({"purpose": "step_up", "question": asked["question"], "credential": credential});
    let mut signed = key.sign(&asked["public_key"], &Manner::default(), 1);
    // A device that was told whose key it is to use may leave its holder out.
    signed["response"].as_object_mut().expect("an object").remove("userHandle");
    let stepped = ada.post("/auth/passkeys/finish", &finish(signed.clone())).await.expect(200);
    let token = stepped["session"]["token"].as_str().expect("a token");
    let after = session_of(&app, token).await;
    assert_eq!((after.proven_at, after.strong_at), (app.desk.now(), Some(app.desk.now())));
    assert_eq!((after.ends_at, after.method.as_str()), (before.ends_at, "email_code"));
    assert_ne!(after.token_hash, before.token_hash);
    assert_eq!(ada.get("/me").await.problem(401), "unauthorized", "the old one is dead");
    let ada = ada.with_token(token);
    ada.post("/me/passkeys/start", &json!({})).await.expect(200);
    let again = ada.post("/auth/passkeys/finish", &finish(signed)).await;
    assert_eq!(reason(&app, &again).await, "question", "the answer was for the session of before, and once");
    let told = facts(&app).await;
    let stepped_up = |fact: &Fact| matches!(fact, Fact::AuthSteppedUp { session, .. } if *session == after.id);
    assert!(told.iter().any(stepped_up), "{told:?}");
    app.finish().await;
}

#[tokio::test]
async fn a_step_up_needs_a_passkey_and_the_person() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    assert_eq!(ada.post(STEP_UP, &json!({"purpose": "step_up"})).await.problem(409), "no_passkey");
    let nobody = app.anonymous().post(STEP_UP, &json!({"purpose": "step_up"})).await;
    assert_eq!(nobody.problem(401), "unauthorized");
    let (_, key) = enrolled(&ada).await;
    let asked = ada.post(STEP_UP, &json!({"purpose": "step_up"})).await.expect(200);
    let unseen = Manner { flags: PRESENT, ..Manner::default() };
    let signed = key.sign(&asked["public_key"], &unseen, 1);
    let body = json!({"purpose": "step_up", "question": asked["question"], "credential": signed});
    assert_eq!(reason(&app, &ada.post("/auth/passkeys/finish", &body).await).await, "user_verification");
    assert_eq!(session_of(&app, ada.token()).await.strong_at, None);
    app.finish().await;
}
