//! Ending mail by its own link (RFC 8058), and choosing when to be told.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use connect_core::notify::Mail;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, User};
use crate::teams::me;

const SETTINGS: &str = "/workspaces/acme/notification-settings";

async fn assign(user: &User, path: &str, to: &Value) {
    user.patch(path, &json!({"assignee_id": to})).await.expect(200);
}

async fn choose(user: &User, choice: &Value) {
    user.call(Method::PUT, SETTINGS, &[], Some(&choice.to_string())).await.expect(200);
}

/// The mails to ada about tickets, oldest first.
fn told(app: &TestApp) -> Vec<Mail> {
    let mails = app.mail.mails().into_iter().map(|kept| kept.mail);
    let mut mails: Vec<Mail> =
        mails.filter(|mail| mail.to.as_str() == "ada@acme.example" && mail.text.contains("tickets")).collect();
    mails.reverse();
    mails
}

async fn fetch(user: &User, method: Method, path: &str, form: bool) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if form {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    let body = if form { Body::from("List-Unsubscribe=One-Click") } else { Body::empty() };
    user.send(request.body(body).expect("a request")).await
}

#[tokio::test]
async fn a_mail_program_ends_the_mail_about_a_topic_with_one_request_and_looking_ends_nothing() {
    let (app, nobody, owner, _) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let id = json!(me(&ada).await);
    let path = owner.open("Printer on fire").await;
    assign(&owner, &path, &id).await;
    app.deliver().await;
    let mail = told(&app).pop().expect("a mail");
    let link = mail.unsubscribe.clone().expect("a link");
    assert!(mail.html.replace("&#x2f;", "/").contains(&link), "and people see it, too: {}", mail.html);
    let at = link.strip_prefix("https://desk.example").expect("the desk's own").to_owned();
    // A scanner that opens every link ends nothing.
    let page = fetch(&nobody, Method::GET, &at, false).await;
    assert!(page.status == 200 && page.text.contains("tickets that are given to you"), "{}", page.text);
    let media = async || ada.get(SETTINGS).await.expect(200)["topics"]["assigned"].clone();
    assert_eq!(media().await, json!(["in_app", "mail", "push"]));
    // What is not the desk's own link is no link, whatever it is changed in.
    for (from, to) in [("/assigned/", "/all/"), ("/assigned/", "/mentioned/"), ("usr_", "usr_0"), ("wsp_", "wsp_0")] {
        let altered = at.replacen(from, to, 1);
        assert_eq!(fetch(&nobody, Method::POST, &altered, true).await.status, 404, "{altered}");
        assert_eq!(fetch(&nobody, Method::GET, &altered, false).await.status, 404, "{altered}");
    }
    for _ in 0..2 {
        let done = fetch(&nobody, Method::POST, &at, true).await;
        assert!(done.status == 200 && done.text.contains("no more mail"), "{}", done.text);
    }
    assert_eq!(media().await, json!(["in_app", "push"]), "the rest stays");
    assert_eq!(ada.get(SETTINGS).await.expect(200)["topics"]["mentioned"], json!(["in_app", "mail", "push"]));
    let other = owner.open("Another").await;
    assign(&owner, &other, &id).await;
    app.deliver().await;
    assert_eq!(told(&app).len(), 1, "no more of it");
    app.finish().await;
}

#[tokio::test]
async fn quiet_hours_hold_mail_back_until_they_end_in_the_reader_s_zone() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let id = json!(me(&ada).await);
    // The clock of the tests begins at 09:00 UTC: 14:30 in Kolkata.
    let quiet = json!({"time_zone": "Asia/Kolkata", "quiet_hours": {"from": "14:00", "until": "16:00"}});
    choose(&ada, &quiet).await;
    let path = owner.open("Printer on fire").await;
    assign(&owner, &path, &id).await;
    app.deliver().await;
    assert!(told(&app).is_empty(), "it is quiet");
    assert_eq!(ada.get("/workspaces/acme/notifications").await.expect(200)["unread"], 1, "in the desk it is there");
    app.clock.advance(Duration::from_secs(89 * 60));
    app.deliver().await;
    assert!(told(&app).is_empty());
    app.clock.advance(Duration::from_secs(2 * 60));
    app.deliver().await;
    assert_eq!(told(&app).len(), 1);
    let ada = app.sign_in("ada@acme.example").await;
    choose(&ada, &json!({"quiet_hours": null})).await;
    assert_eq!(ada.get(SETTINGS).await.expect(200)["quiet_hours"], Value::Null);
    app.finish().await;
}

#[tokio::test]
async fn a_digest_tells_all_of_a_while_in_one_mail() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let id = json!(me(&ada).await);
    choose(&ada, &json!({"digest": {"every": "hour"}})).await;
    let (one, two) = (owner.open("Printer on fire").await, owner.open("No paper").await);
    assign(&owner, &one, &id).await;
    app.deliver().await;
    app.clock.advance(Duration::from_secs(600));
    assign(&owner, &two, &id).await;
    customer.post(&format!("{one}/messages"), &json!({"kind": "reply", "body": "It burns."})).await.expect(201);
    app.deliver().await;
    assert!(told(&app).is_empty(), "until the hour is full");
    app.clock.advance(Duration::from_secs(3600));
    app.deliver().await;
    app.deliver().await;
    let mails = told(&app);
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].subject.starts_with("3 notices of Acme"), "{}", mails[0].subject);
    for said in ["assigned to you: #1 Printer on fire", "assigned to you: #2 No paper", "answered: #1 Printer on fire"]
    {
        assert!(mails[0].text.contains(said), "{said} in {}", mails[0].text);
    }
    assert!(mails[0].unsubscribe.as_ref().is_some_and(|link| link.contains("/all/")));
    // What comes later is in the next one, and what was told is not told again.
    let owner = app.sign_in("agent@acme.example").await;
    assign(&owner, &two, &Value::Null).await;
    assign(&owner, &two, &id).await;
    app.deliver().await;
    app.clock.advance(Duration::from_secs(3600));
    app.deliver().await;
    let mails = told(&app);
    assert_eq!(mails.len(), 2);
    assert!(mails[1].subject.starts_with("1 notice"), "{}", mails[1].subject);
    app.finish().await;
}

#[tokio::test]
async fn a_ticket_is_followed_and_left() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let bob = app.member(&owner, "bob@acme.example", "member").await;
    let path = owner.open("Printer on fire").await;
    let follow = format!("{path}/follow");
    assert_eq!(ada.get(&follow).await.expect(200)["following"], false);
    for _ in 0..2 {
        assert_eq!(ada.put(&follow).await.expect(200)["following"], true);
    }
    bob.post(&format!("{path}/messages"), &json!({"kind": "note", "body": "Mine."})).await.expect(201);
    assert_eq!(bob.get(&follow).await.expect(200)["following"], true, "who has written is told");
    assert_eq!(bob.delete(&follow).await.expect(200)["following"], false, "unless they leave");
    app.deliver().await;
    customer.post(&format!("{path}/messages"), &json!({"kind": "reply", "body": "It burns."})).await.expect(201);
    app.deliver().await;
    let topics = async |user: &User| -> Vec<String> {
        let list = user.get("/workspaces/acme/notifications").await.expect(200);
        let topic = |notice: &Value| notice["topic"].as_str().unwrap_or_default().to_owned();
        list["data"].as_array().expect("a list").iter().map(topic).collect()
    };
    assert_eq!(topics(&ada).await, ["customer_replied", "team_replied"]);
    assert!(topics(&bob).await.is_empty(), "who has left is not");
    assert_eq!(customer.put(&follow).await.problem(403), "forbidden");
    app.finish().await;
}

#[tokio::test]
async fn after_quiet_hours_a_burst_is_one_mail_and_what_was_ended_meanwhile_does_not_leave() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let id = json!(me(&ada).await);
    choose(&ada, &json!({"quiet_hours": {"from": "09:00", "until": "10:00"}})).await;
    let (one, two) = (owner.open("Printer on fire").await, owner.open("No paper").await);
    assign(&owner, &one, &id).await;
    app.deliver().await;
    for _ in 0..4 {
        app.clock.advance(Duration::from_secs(60));
        customer.post(&format!("{one}/messages"), &json!({"kind": "reply", "body": "It burns."})).await.expect(201);
        app.deliver().await;
    }
    choose(&ada, &json!({"topics": {"assigned": ["in_app"]}})).await;
    app.clock.advance(Duration::from_secs(3600));
    app.deliver().await;
    let subjects: Vec<String> = told(&app).into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["[#1] answered: Printer on fire"], "four answers, one mail, and none of the assignment");
    drop(two);
    app.finish().await;
}

#[tokio::test]
async fn a_digest_is_one_mail_however_much_it_tells() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let id = json!(me(&ada).await);
    choose(&ada, &json!({"digest": {"every": "hour"}})).await;
    for n in 0..230 {
        let path = owner.open(&format!("Ticket {n}")).await;
        assign(&owner, &path, &id).await;
    }
    app.deliver().await;
    app.clock.advance(Duration::from_secs(2 * 3600));
    app.deliver().await;
    let mails = told(&app);
    assert_eq!(mails.len(), 1);
    assert!(
        mails[0].subject.starts_with("230 notices") && mails[0].text.contains("and 180 more"),
        "{}",
        mails[0].subject
    );
    app.finish().await;
}
