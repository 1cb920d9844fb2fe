//! Making passkeys.

use std::time::Duration;

use serde_json::json;

use super::device::{Key, Manner, PRESENT, decoded, encoded};
use super::{answered, enrolled, facts, reason, sign_in};
use crate::app::TestApp;
use crate::pages::Browser;
use connect_core::event::Fact;

#[tokio::test]
async fn sec_87_adding_a_first_passkey_needs_step_up() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    let early = ada.post("/me/passkeys/start", &json!({})).await.expect(200);
    assert_eq!(early["public_key"]["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(early["public_key"]["authenticatorSelection"]["residentKey"], "required", "it knows its holder");
    app.clock.advance(Duration::from_secs(10 * 60 + 1));
    let refused = ada.post("/me/passkeys/start", &json!({})).await;
    assert_eq!(refused.problem(403), "step_up_required");
    // What was asked while the proof was fresh has ended, too.
    let (_, made) = Key::make(&early["public_key"], &Manner::default());
    let body = json!({"question": early["question"], "credential": made});
    assert_eq!(reason(&app, &ada.post("/me/passkeys/finish", &body).await).await, "question");
    assert_eq!(ada.get("/me/passkeys").await.expect(200)["data"], json!([]));
    let nobody = app.anonymous().post("/me/passkeys/start", &json!({})).await;
    assert_eq!(nobody.problem(401), "unauthorized");

    let issued = ada.post("/auth/otp/request", &json!({"purpose": "step_up", "token": true})).await.expect(202);
    app.deliver().await;
    let body = json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"],
        "code": app.code("ada@example.org"), "purpose": "step_up",
    });
    let stepped = ada.post("/auth/otp/verify", &body).await.expect(200);
    let ada = ada.with_token(stepped["session"]["token"].as_str().expect("a token"));
    let (id, key) = enrolled(&ada).await;
    sign_in(&Browser::new(&app), &key, 1).await.expect(200);
    // And so does taking it away.
    app.clock.advance(Duration::from_secs(10 * 60 + 1));
    let refused = ada.delete(&format!("/me/passkeys/{id}")).await;
    assert_eq!(refused.problem(403), "step_up_required");
    assert_eq!(ada.get("/me/passkeys").await.expect(200)["data"].as_array().map(Vec::len), Some(1));
    app.finish().await;
}

#[tokio::test]
async fn sec_85_a_key_that_was_made_elsewhere_or_for_somebody_else_is_not_kept() {
    let app = TestApp::new();
    let (ada, bob) = (app.sign_in("ada@example.org").await, app.sign_in("bob@example.org").await);
    for (wanted, manner) in [
        ("origin", Manner { origin: "https://evil.example", ..Manner::default() }),
        ("origin", Manner { cross_origin: true, ..Manner::default() }),
        ("relying_party", Manner { relying_party: "evil.example", ..Manner::default() }),
        ("user_verification", Manner { flags: PRESENT, ..Manner::default() }),
        ("type", Manner { kind: Some("webauthn.get"), ..Manner::default() }),
        ("challenge", Manner { challenge: Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), ..Manner::default() }),
    ] {
        let asked = ada.post("/me/passkeys/start", &json!({})).await.expect(200);
        let (_, made) = Key::make(&asked["public_key"], &manner);
        let body = json!({"question": asked["question"], "credential": made});
        assert_eq!(reason(&app, &ada.post("/me/passkeys/finish", &body).await).await, wanted);
        let (_, right) = Key::make(&asked["public_key"], &Manner::default());
        let body = json!({"question": asked["question"], "credential": right});
        assert_eq!(
            reason(&app, &ada.post("/me/passkeys/finish", &body).await).await,
            "question",
            "it was the only one"
        );
    }
    // What Ada was asked is nothing to Bob, nor to another session of hers.
    let body = answered(&ada).await;
    let other = app.sign_in("ada@example.org").await;
    for user in [&bob, &other] {
        assert_eq!(reason(&app, &user.post("/me/passkeys/finish", &body).await).await, "question");
    }
    for broken in [json!({}), json!({"question": "x"}), json!({"question": "x", "credential": {}, "user": "usr_1"})] {
        assert_eq!(ada.post("/me/passkeys/finish", &broken).await.problem(422), "invalid");
    }
    assert!(facts(&app).await.iter().all(|fact| !matches!(fact, Fact::PasskeyAdded { .. })));
    ada.post("/me/passkeys/finish", &body).await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn sec_85_a_credential_belongs_to_one_person_on_the_whole_desk() {
    let app = TestApp::new();
    let (ada, bob) = (app.sign_in("ada@example.org").await, app.sign_in("bob@example.org").await);
    let (_, adas) = enrolled(&ada).await;
    // Bob's device gives its own key the name of Ada's.
    let asked = bob.post("/me/passkeys/start", &json!({})).await.expect(200);
    let mut bobs = Key::new(decoded(&asked["public_key"]["user"]["id"]));
    bobs.id.clone_from(&adas.id);
    let made = bobs.shown(&asked["public_key"], &Manner::default());
    let body = json!({"question": asked["question"], "credential": made});
    assert_eq!(bob.post("/me/passkeys/finish", &body).await.problem(409), "passkey_known");
    assert_eq!(bob.get("/me/passkeys").await.expect(200)["data"], json!([]));
    // Ada's own device is told which keys of hers it has, and made twice one is none.
    let asked = ada.post("/me/passkeys/start", &json!({})).await.expect(200);
    assert_eq!(asked["public_key"]["excludeCredentials"][0]["id"], encoded(&adas.id));
    let made = adas.shown(&asked["public_key"], &Manner::default());
    let body = json!({"question": asked["question"], "credential": made});
    assert_eq!(reason(&app, &ada.post("/me/passkeys/finish", &body).await).await, "answer");
    sign_in(&Browser::new(&app), &adas, 1).await.expect(200);
    app.finish().await;
}
