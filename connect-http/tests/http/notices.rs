//! What a person is mailed about their account besides new browsers, wrong codes and another address: API keys.

use connect_core::delivery::{DeliveryList, DeliveryState};
use connect_core::notify::Mail;
use serde_json::json;

use crate::api_keys::{KEYS, path, token, workspace_id};
use crate::app::TestApp;

/// The mails of this subject, newest first.
pub fn about(app: &TestApp, subject: &str) -> Vec<Mail> {
    app.mail.mails().into_iter().map(|kept| kept.mail).filter(|mail| mail.subject == subject).collect()
}

const MADE: &str = "A new API key in your name";
const RENEWED: &str = "A new secret of your API key";

#[tokio::test]
async fn sec_84_the_owner_is_mailed_about_a_new_api_key_and_a_new_secret() {
    let (app, _, owner, _) = TestApp::acme().await;
    let admin = app.member(&owner, "admin@acme.example", "admin").await;
    owner.patch("/workspaces/acme", &json!({"name": "Acme <b>& Sons</b>"})).await.expect(200);
    let asked = json!({"name": "<b>Bad</b> https://evil.example", "scopes": ["tickets.read", "contacts.read"]});
    let key = admin.post_once(KEYS, "k1", &asked).await.expect(201);
    admin.post_once(KEYS, "k1", &asked).await.expect(201);
    app.deliver().await;
    let mails = about(&app, MADE);
    assert_eq!(mails.len(), 1, "a repeat makes no key");
    let mail = &mails[0];
    assert_eq!(mail.to.as_str(), "admin@acme.example", "whose key it is, and nobody else");
    let (prefix, _) = token(&key).rsplit_once('_').expect("parts");
    for part in [prefix, "contacts.read", "tickets.read", "Acme <b>& Sons</b>", "https://desk.example/acme/api-keys"] {
        assert!(mail.text.contains(part), "{part} in {}", mail.text);
    }
    assert!(mail.html.contains("Acme &lt;b&gt;&amp; Sons&lt;/b&gt;"), "{}", mail.html);
    assert_eq!(mail.html.matches("<a ").count(), 1, "sec 79: one link, the desk's own");
    for text in [&mail.text, &mail.html] {
        assert!(!text.contains("evil") && !text.contains("Bad"), "what the key is called is somebody's own word");
        assert!(!text.contains(token(&key)) && !text.contains(&token(&key)[31..]), "nor is its secret in it");
    }

    let renewed = admin.post(&format!("{}/rotate", path(&key)), &json!({})).await.expect(200);
    app.deliver().await;
    let mails = about(&app, RENEWED);
    assert_eq!((mails.len(), about(&app, MADE).len()), (1, 1));
    assert!(mails[0].text.contains(prefix) && !mails[0].text.contains(&token(&renewed)[31..]), "{}", mails[0].text);
    app.finish().await;
}

#[tokio::test]
async fn sec_84_the_mail_about_a_key_waits_with_the_event_and_leaves_though_the_key_is_gone() {
    let (app, _, owner, _) = TestApp::acme().await;
    let acme = workspace_id(&app).await;
    let key = owner.post(KEYS, &json!({"name": "Robot", "scopes": ["tickets.read"]})).await.expect(201);
    // Whoever made it uses it and takes it away before any mail has left.
    app.bearer(token(&key)).get("/workspaces/acme/tickets").await.expect(200);
    owner.delete(&path(&key)).await.expect(204);
    assert!(about(&app, MADE).is_empty());
    app.deliver().await;
    let mails = about(&app, MADE);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to.as_str(), "agent@acme.example");
    let list = DeliveryList { state: Some(DeliveryState::Sent), ..DeliveryList::default() };
    let sent = app.desk.store().deliveries(acme, list).await.expect("deliveries");
    assert_eq!(sent.iter().filter(|delivery| delivery.topic == "auth.api_key").count(), 1, "by the road of all mail");
    app.deliver().await;
    assert_eq!(about(&app, MADE).len(), 1, "once");
    app.finish().await;
}
