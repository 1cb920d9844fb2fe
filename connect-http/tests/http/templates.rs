//! The words of a workspace's mail: written, shown, tried, and fallen back from.

use axum::http::Method;
use connect_core::notify::Mail;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, User};

const REPLY: &str = "/workspaces/acme/templates/reply";

async fn write(user: &User, language: &str, words: &Value) -> Answer {
    user.call(Method::PUT, &format!("{REPLY}/{language}"), &[], Some(&words.to_string())).await
}

/// Answers the ticket; the mail that the customer gets.
async fn answered(app: &TestApp, agent: &User, path: &str) -> Mail {
    agent.post(&format!("{path}/messages"), &json!({"kind": "reply", "body": "<b>Unplug</b> it."})).await.expect(201);
    app.deliver().await;
    app.mail_to("carla@customer.example").mail
}

#[tokio::test]
async fn the_customer_s_language_decides_and_falls_back_to_the_workspace_s_and_to_the_desk_s_own() {
    let (app, _, owner, _) = TestApp::acme().await;
    let path = owner.open("Printer on fire").await;
    let contact = owner.get(&path).await.expect(200)["contact"]["id"].as_str().expect("an id").to_owned();
    let contact = format!("/workspaces/acme/contacts/{contact}");
    let own = answered(&app, &owner, &path).await;
    assert_eq!(own.subject, "Re: Printer on fire [#1]");
    assert!(own.html.contains("&lt;b&gt;Unplug&lt;/b&gt;") && own.text.contains("<b>Unplug</b> it."), "{}", own.html);
    assert!(own.html.contains("<table") && own.html.contains("https://desk.example/acme/requests/1"));

    let german = json!({
        "subject": "Antwort auf #{{ ticket.number }}", "text": "{{ author.name }} schreibt:\n\n{{ message.body }}\n\n{{ link }}",
        "mjml": "<mjml><mj-body><mj-section><mj-column><mj-text>{{ message.body|paragraphs }}</mj-text><mj-button href=\"{{ link }}\">Ansehen</mj-button></mj-column></mj-section></mj-body></mjml>",
    });
    let written = write(&owner, "de", &german).await.expect(200);
    assert_eq!((&written["built_in"], &written["version"]), (&json!(false), &json!(1)));
    assert_eq!(write(&owner, "de", &german).await.expect(200)["version"], 1, "nothing is different");
    assert_eq!(answered(&app, &owner, &path).await.subject, "Re: Printer on fire [#1]", "she reads no German so far");
    owner.patch(&contact, &json!({"locale": "de-AT"})).await.expect(200);
    let theirs = answered(&app, &owner, &path).await;
    assert_eq!(theirs.subject, "Antwort auf #1");
    assert!(theirs.html.contains("Ansehen") && theirs.html.contains("&lt;b&gt;Unplug"), "{}", theirs.html);
    assert!(theirs.text.contains("schreibt:"));
    owner.patch(&contact, &json!({"locale": "fr"})).await.expect(200);
    assert_eq!(answered(&app, &owner, &path).await.subject, "Re: Printer on fire [#1]");
    owner.patch("/workspaces/acme", &json!({"locale": "de"})).await.expect(200);
    assert_eq!(answered(&app, &owner, &path).await.subject, "Antwort auf #1", "the workspace's comes before English");
    owner.delete(&format!("{REPLY}/de")).await.expect(204);
    assert_eq!(answered(&app, &owner, &path).await.subject, "Re: Printer on fire [#1]");
    app.finish().await;
}

#[tokio::test]
async fn a_template_that_does_not_fill_is_refused_and_a_test_is_mailed_to_who_asks() {
    let (app, _, owner, _) = TestApp::acme().await;
    for (words, field, code) in [
        (json!({"subject": "x", "text": "{{ nobody }}"}), "text", "bad_template"),
        (json!({"subject": "{{", "text": "x"}), "subject", "bad_template"),
        (json!({"subject": "x", "text": "x", "mjml": "<mjml><mj-body><mj-nothing"}), "mjml", "bad_mjml"),
        (json!({"subject": "", "text": "x"}), "subject", "required"),
        (json!({"subject": "x", "text": "x".repeat(20_001)}), "text", "too_long"),
    ] {
        let answer = write(&owner, "en", &words).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        let errors = &answer.json()["errors"][0];
        assert_eq!((&errors["field"], &errors["code"]), (&json!(field), &json!(code)), "{}", answer.text);
    }
    write(&owner, "x", &json!({"subject": "x", "text": "x"})).await.problem(422);
    let nowhere = "/workspaces/acme/templates/everything/en";
    assert_eq!(owner.get(nowhere).await.problem(404), "not_found");
    let list = owner.get("/workspaces/acme/templates").await.expect(200);
    let all = list["data"].as_array().expect("a list");
    assert!(all.len() == 9 && all.iter().all(|one| one["built_in"] == true), "{list}");
    let words = json!({"subject": "About #{{ ticket.number }}", "text": "Dear {{ contact.name }}"});
    assert_eq!(write(&owner, "en", &words).await.expect(200)["version"], 1);
    let stale = json!({"subject": "Other", "text": "x", "version": 7});
    assert_eq!(write(&owner, "en", &stale).await.status, 412);
    let shown = owner.post(&format!("{REPLY}/en/preview"), &json!({})).await.expect(200);
    assert_eq!(shown["subject"], "About #1042");
    assert!(shown["html"].as_str().expect("text").contains("Dear Carla Customer"));
    let draft = json!({"draft": {"subject": "Draft", "text": "{{ link }}"}});
    assert_eq!(owner.post(&format!("{REPLY}/en/preview"), &draft).await.expect(200)["subject"], "Draft");
    owner.post_once(&format!("{REPLY}/en/test"), "k1", &json!({})).await.expect(202);
    owner.post_once(&format!("{REPLY}/en/test"), "k1", &json!({})).await.expect(202);
    app.deliver().await;
    let tests = app.mail.mails().into_iter().filter(|kept| kept.mail.subject == "About #1042").count();
    assert_eq!((tests, app.mail_to("agent@acme.example").mail.subject.as_str()), (1, "About #1042"));
    app.finish().await;
}
