//! Answers that are not what was asked for, from whom it was asked, in time.

use std::time::Duration;

use axum::http::Request;
use connect_core::event::Fact;
use serde_json::{Value, json};

use super::device::{Key, Manner, PRESENT, VERIFIED, decoded, encoded};
use super::{answer, asked, at_once, cookies, enrolled, facts, post, reason, session_of, sign_in};
use crate::app::TestApp;
use crate::pages::Browser;

#[tokio::test]
async fn sec_85_an_answer_from_elsewhere_or_without_the_person_is_refused() {
    let app = TestApp::new();
    let (_, key) = enrolled(&app.sign_in("ada@example.org").await).await;
    let origin = |origin| ("origin", Manner { origin, ..Manner::default() });
    let flags = |flags| ("user_verification", Manner { flags, ..Manner::default() });
    for (wanted, manner) in [
        origin("https://evil.example"),
        origin("https://desk.example.evil.example"),
        origin("https://sub.desk.example"),
        origin("https://desk.example:8443"),
        origin("http://desk.example"),
        ("origin", Manner { cross_origin: true, ..Manner::default() }),
        ("relying_party", Manner { relying_party: "evil.example", ..Manner::default() }),
        ("relying_party", Manner { relying_party: "example", ..Manner::default() }),
        flags(PRESENT),
        flags(VERIFIED),
        flags(0),
        ("type", Manner { kind: Some("webauthn.create"), ..Manner::default() }),
        ("challenge", Manner { challenge: Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), ..Manner::default() }),
    ] {
        let browser = Browser::new(&app);
        let asked = asked(&browser).await;
        let refused = answer(&browser, &asked, &key.sign(&asked["public_key"], &manner, 1)).await;
        assert_eq!(reason(&app, &refused).await, wanted, "{} {}", manner.origin, manner.flags);
    }
    sign_in(&Browser::new(&app), &key, 1).await.expect(200);
    app.finish().await;
}

/// The same with one bit of a part turned.
fn turned(credential: &Value, part: &str) -> Value {
    let mut credential = credential.clone();
    let mut bytes = decoded(&credential["response"][part]);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    credential["response"][part] = encoded(&bytes).into();
    credential
}

#[tokio::test]
async fn sec_85_an_answer_that_was_altered_is_refused() {
    let app = TestApp::new();
    let (_, key) = enrolled(&app.sign_in("ada@example.org").await).await;
    let other = Key::new(key.user.clone());
    for attempt in ["signature", "authenticatorData", "another key", "another id", "nothing", "no signature"] {
        let browser = Browser::new(&app);
        let asked = asked(&browser).await;
        let options = &asked["public_key"];
        let signed = key.sign(options, &Manner::default(), 1);
        let (wanted, shown) = match attempt {
            "another key" => {
                let mut shown = other.sign(options, &Manner::default(), 1);
                (shown["id"], shown["rawId"]) = (signed["id"].clone(), signed["rawId"].clone());
                ("signature", shown)
            }
            "another id" => ("unknown", other.sign(options, &Manner::default(), 1)),
            "nothing" => ("malformed", json!({})),
            "no signature" => {
                let mut shown = signed.clone();
                shown["response"]["signature"] = "".into();
                ("signature", shown)
            }
            part => ("signature", turned(&signed, part)),
        };
        let refused = answer(&browser, &asked, &shown).await;
        let reason = reason(&app, &refused).await;
        // What is no signature at all fails to read, in the library's own word.
        assert!(reason == wanted || (wanted == "signature" && reason == "answer"), "{attempt}: {reason}");
    }
    sign_in(&Browser::new(&app), &key, 1).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_85_a_question_is_answered_once_in_its_browser_and_in_time() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    let (_, key) = enrolled(&ada).await;
    let browser = Browser::new(&app);

    // Once: also a wrong answer is the only one.
    let first = asked(&browser).await;
    let kept = browser.cookies();
    let signed = key.sign(&first["public_key"], &Manner::default(), 1);
    answer(&browser, &first, &signed).await.expect(200);
    let again = Browser::new(&app);
    again.set_cookies(kept);
    let replayed = answer(&again, &first, &signed).await;
    assert_eq!(reason(&app, &replayed).await, "question");
    let second = asked(&again).await;
    let refused =
        answer(&again, &second, &turned(&key.sign(&second["public_key"], &Manner::default(), 2), "signature")).await;
    reason(&app, &refused).await;
    let refused = answer(&again, &second, &key.sign(&second["public_key"], &Manner::default(), 2)).await;
    assert_eq!(reason(&app, &refused).await, "question");

    // In its browser: in another one, or without what it keeps, there is no question, and it stays for its own.
    let third = asked(&browser).await;
    let signed = key.sign(&third["public_key"], &Manner::default(), 3);
    let stranger = Browser::new(&app);
    assert_eq!(reason(&app, &answer(&stranger, &third, &signed).await).await, "browser");
    asked(&stranger).await;
    assert_eq!(reason(&app, &answer(&stranger, &third, &signed).await).await, "question");
    let unknown = json!({"question": "AAAAAAAAAAAAAAAAAAAAAA"});
    assert_eq!(reason(&app, &answer(&browser, &unknown, &signed).await).await, "question");
    answer(&browser, &third, &signed).await.expect(200);

    // In time.
    for (seconds, is_right) in [(299, true), (300, false)] {
        let asked = asked(&browser).await;
        app.clock.advance(Duration::from_secs(seconds));
        let answered = answer(&browser, &asked, &key.sign(&asked["public_key"], &Manner::default(), 10)).await;
        if is_right {
            answered.expect(200);
        } else {
            assert_eq!(reason(&app, &answered).await, "question");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sec_85_of_parallel_answers_to_one_question_one_counts() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    let (_, key) = enrolled(&ada).await;
    let browser = Browser::new(&app);
    let asked = asked(&browser).await;
    let signed = key.sign(&asked["public_key"], &Manner::default(), 0);
    let body = json!({"question": asked["question"], "credential": signed});
    let answers = vec![(cookies(&browser), body); 20];
    assert_eq!(at_once(&app, answers).await, 1);
    assert_eq!(ada.get("/auth/sessions").await.expect(200)["data"].as_array().map(Vec::len), Some(2));
    app.finish().await;
}

#[tokio::test]
async fn sec_85_a_question_for_one_thing_answers_no_other() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    let (_, key) = enrolled(&ada).await;
    let browser = Browser::new(&app);
    let to_sign_in = asked(&browser).await;
    let signed = key.sign(&to_sign_in["public_key"], &Manner::default(), 1);
    let body = json!({"purpose": "step_up", "question": to_sign_in["question"], "credential": signed});
    assert_eq!(reason(&app, &ada.post("/auth/passkeys/finish", &body).await).await, "question");
    let to_step_up = ada.post("/auth/passkeys/start", &json!({"purpose": "step_up"})).await.expect(200);
    let signed = key.sign(&to_step_up["public_key"], &Manner::default(), 1);
    assert_eq!(reason(&app, &answer(&browser, &to_step_up, &signed).await).await, "question");
    let to_enrol = ada.post("/me/passkeys/start", &json!({})).await.expect(200);
    let signed = key.sign(&to_enrol["public_key"], &Manner::default(), 1);
    assert_eq!(reason(&app, &answer(&browser, &to_enrol, &signed).await).await, "question");
    assert!(facts(&app).await.iter().all(|fact| !matches!(fact, Fact::PasskeyUsed { .. })));
    app.finish().await;
}

#[tokio::test]
async fn sec_85_a_passkey_of_somebody_else_signs_in_nobody_but_them() {
    let app = TestApp::new();
    let (ada, bob) = (app.sign_in("ada@example.org").await, app.sign_in("bob@example.org").await);
    let ((_, adas), (_, mut bobs)) = (enrolled(&ada).await, enrolled(&bob).await);
    let own = std::mem::replace(&mut bobs.user, adas.user.clone());
    // Bob's key says that it is Ada's.
    assert_eq!(reason(&app, &sign_in(&Browser::new(&app), &bobs, 1).await).await, "holder");
    bobs.user = own;
    // Nobody, or somebody who does not exist, as its holder.
    for user in [Vec::new(), vec![0; 16], vec![7; 64]] {
        let stranger = Key::new(user);
        let browser = Browser::new(&app);
        let asked = asked(&browser).await;
        let mut shown = bobs.sign(&asked["public_key"], &Manner::default(), 1);
        shown["response"]["userHandle"] = encoded(&stranger.user).into();
        assert_eq!(reason(&app, &answer(&browser, &asked, &shown).await).await, "holder");
    }
    let browser = Browser::new(&app);
    let question = asked(&browser).await;
    let mut shown = bobs.sign(&question["public_key"], &Manner::default(), 1);
    shown["response"].as_object_mut().expect("an object").remove("userHandle");
    assert_eq!(reason(&app, &answer(&browser, &question, &shown).await).await, "holder");
    // Bob's key in the place of Ada's proof.
    let asked = ada.post("/auth/passkeys/start", &json!({"purpose": "step_up"})).await.expect(200);
    let signed = bobs.sign(&asked["public_key"], &Manner::default(), 1);
    let body = json!({"purpose": "step_up", "question": asked["question"], "credential": signed});
    assert_eq!(reason(&app, &ada.post("/auth/passkeys/finish", &body).await).await, "holder");
    assert_eq!(session_of(&app, ada.token()).await.strong_at, None);
    let browser = Browser::new(&app);
    sign_in(&browser, &bobs, 2).await.expect(200);
    let me = browser.send(Request::get("/api/v1/me"), String::new()).await.expect(200);
    assert_eq!(me["user"]["email"], "bob@example.org");
    app.finish().await;
}

#[tokio::test]
async fn sec_85_the_relying_party_comes_from_the_settings_and_from_no_header() {
    let app = TestApp::new();
    let browser = Browser::new(&app);
    let request = Request::post("/api/v1/auth/passkeys/start")
        .header("content-type", "application/json")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("origin", "https://evil.example");
    let asked = browser.send(request, "{}".to_owned()).await.expect(200);
    assert_eq!(asked["public_key"]["rpId"], "desk.example");
    let bad = post(&browser, "/auth/passkeys/start", &json!({"origin": "https://evil.example"})).await;
    assert_eq!(bad.problem(422), "invalid");
    app.finish().await;
}
