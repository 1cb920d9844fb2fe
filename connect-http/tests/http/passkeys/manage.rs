//! Passkeys that a person has: other names, the end of one, and what follows of it.

use serde_json::json;

use super::{answered, enrolled, facts, reason, sign_in};
use crate::app::{TestApp, User};
use crate::pages::Browser;
use connect_core::event::Fact;

async fn count(user: &User) -> usize {
    user.get("/me/passkeys").await.expect(200)["data"].as_array().expect("a list").len()
}

#[tokio::test]
async fn passkeys_are_listed_renamed_and_removed_by_their_holder_alone() {
    let app = TestApp::new();
    let (ada, bob) = (app.sign_in("ada@example.org").await, app.sign_in("bob@example.org").await);
    let (id, key) = enrolled(&ada).await;
    let path = format!("/me/passkeys/{id}");
    let list = ada.get("/me/passkeys").await.expect(200);
    assert_eq!((list["data"][0]["name"].as_str(), count(&bob).await), (Some("My phone"), 0));
    assert!(!list.to_string().contains("credential"), "nothing of the key is shown: {list}");
    for refused in [bob.patch(&path, &json!({"name": "Mine now"})).await, bob.delete(&path).await] {
        assert_eq!(refused.problem(404), "not_found", "sec 55: another's is as good as absent");
    }
    assert_eq!(ada.delete("/me/passkeys/psk_x").await.problem(404), "not_found");
    assert_eq!(ada.patch(&path, &json!({"name": ""})).await.problem(422), "invalid");
    ada.patch(&path, &json!({"name": "Key ring"})).await.expect(204);
    assert_eq!(ada.get("/me/passkeys").await.expect(200)["data"][0]["name"], "Key ring");
    ada.delete(&path).await.expect(204);
    assert_eq!(count(&ada).await, 0);
    assert_eq!(reason(&app, &sign_in(&Browser::new(&app), &key, 1).await).await, "unknown");
    let told: Vec<String> = facts(&app).await.iter().map(Fact::name).filter(|name| name.contains("passkey_")).collect();
    let wanted = ["user.passkey_added", "user.passkey_renamed", "user.passkey_removed", "auth.passkey_refused"];
    assert_eq!(told, wanted);
    app.finish().await;
}

#[tokio::test]
async fn sec_33_after_a_passkey_is_added_or_removed_other_sessions_end_unless_they_are_kept() {
    for is_kept in [true, false] {
        let app = TestApp::new();
        let (ada, other) = (app.sign_in("ada@example.org").await, app.sign_in("ada@example.org").await);
        let mut body = answered(&ada).await;
        body["keep_sessions"] = is_kept.into();
        let passkey = ada.post("/me/passkeys/finish", &body).await.expect(201);
        assert_eq!(other.get("/me").await.status == 200, is_kept, "after adding");
        let other = app.sign_in("ada@example.org").await;
        let id = passkey["id"].as_str().expect("an id");
        let keep = if is_kept { "?keep_sessions=true" } else { "" };
        ada.delete(&format!("/me/passkeys/{id}{keep}")).await.expect(204);
        assert_eq!(other.get("/me").await.status == 200, is_kept, "after removing");
        ada.get("/me").await.expect(200);
        app.finish().await;
    }
}

#[tokio::test]
async fn sec_84_the_person_is_mailed_about_a_new_passkey_and_one_that_is_gone() {
    let app = TestApp::new();
    let ada = app.sign_in("ada@example.org").await;
    let mut body = answered(&ada).await;
    body["name"] = "WIN A PRIZE at evil.example".into();
    let id = ada.post("/me/passkeys/finish", &body).await.expect(201)["id"].as_str().expect("an id").to_owned();
    app.deliver().await;
    let mail = app.mail_to("ada@example.org").mail;
    assert_eq!(mail.subject, "A passkey was added to your account");
    assert!(!mail.text.contains("evil.example"), "sec 79: {}", mail.text);
    let before = app.mail.mails().len();
    ada.patch(&format!("/me/passkeys/{id}"), &json!({"name": "Phone"})).await.expect(204);
    app.deliver().await;
    assert_eq!(app.mail.mails().len(), before, "of another name nobody needs to hear");
    ada.delete(&format!("/me/passkeys/{id}")).await.expect(204);
    app.deliver().await;
    assert_eq!(app.mail_to("ada@example.org").mail.subject, "A passkey was removed from your account");
    app.finish().await;
}
