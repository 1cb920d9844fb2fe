//! Notices: who is told of what, over what, and what they have read.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{TestApp, User};
use crate::teams::me;

const LIST: &str = "/workspaces/acme/notifications";

async fn notices(user: &User) -> Vec<Value> {
    user.get(LIST).await.expect(200)["data"].as_array().expect("a list").clone()
}

async fn topics(user: &User) -> Vec<String> {
    notices(user).await.iter().map(|notice| notice["topic"].as_str().expect("a word").to_owned()).collect()
}

async fn choose(user: &User, body: &Value) -> crate::app::Answer {
    let path = "/workspaces/acme/notification-settings";
    user.call(axum::http::Method::PUT, path, &[], Some(&body.to_string())).await
}

/// Assigns a ticket to somebody.
async fn assign(by: &User, path: &str, to: &str) {
    by.patch(path, &json!({"assignee_id": to})).await.expect(200);
}

#[tokio::test]
async fn an_assignment_is_told_in_the_desk_and_by_mail_and_nobody_hears_of_their_own_act() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let (ada_id, own_id) = (me(&ada).await, me(&owner).await);
    let path = owner.open("Printer on fire").await;
    assign(&owner, &path, &ada_id).await;
    app.deliver().await;
    let list = ada.get(LIST).await.expect(200);
    assert_eq!((list["data"].as_array().map(Vec::len), &list["unread"]), (Some(1), &json!(1)));
    let notice = list["data"][0].clone();
    assert_eq!((&notice["topic"], &notice["ticket"]["subject"]), (&json!("assigned"), &json!("Printer on fire")));
    assert_eq!((&notice["actor"], &notice["read_at"]), (&json!(own_id), &Value::Null));
    assert!(app.mail_to("ada@acme.example").mail.subject.contains("assigned to you: Printer on fire"));
    assign(&owner, &path, &own_id).await;
    app.deliver().await;
    assert!(notices(&owner).await.is_empty(), "their own act");

    // Once read it stays so, and is nobody else's to read.
    let read = format!("{LIST}/{}/read", notice["id"].as_str().expect("an id"));
    assert_eq!(owner.post(&read, &json!({})).await.problem(404), "not_found");
    assert_eq!(ada.post(&read, &json!({})).await.expect(200)["read"], 1);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(ada.post(&read, &json!({})).await.expect(200)["read"], 0);
    assert_eq!(ada.get(&format!("{LIST}?unread=true")).await.expect(200)["data"], json!([]));
    let read_at = notices(&ada).await[0]["read_at"].clone();
    assert_eq!(read_at, notice["created_at"].as_str().map_or(Value::Null, |_| read_at.clone()));
    assert_eq!(ada.get(LIST).await.expect(200)["unread"], 0);
    app.finish().await;
}

#[tokio::test]
async fn an_answer_of_the_customer_is_told_to_whoever_works_or_wrote_there_once_for_a_burst() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let bob = app.member(&owner, "bob@acme.example", "member").await;
    let cid = app.member(&owner, "cid@acme.example", "member").await;
    let path = owner.open("Printer on fire").await;
    bob.post(&format!("{path}/messages"), &json!({"kind": "note", "body": "Seen."})).await.expect(201);
    assign(&owner, &path, &me(&ada).await).await;
    app.deliver().await;
    for _ in 0..5 {
        let reply = json!({"kind": "reply", "body": "It still burns."});
        customer.post(&format!("{path}/messages"), &reply).await.expect(201);
    }
    app.deliver().await;
    assert_eq!(topics(&ada).await, ["customer_replied", "assigned"]);
    assert_eq!(topics(&bob).await, ["customer_replied"], "five answers in one go are one notice");
    assert!(topics(&cid).await.is_empty(), "who has nothing to do with it");
    let mails = || {
        let all = app.mail.mails();
        all.iter()
            .filter(|kept| kept.mail.to.as_str() == "bob@acme.example" && kept.mail.subject.contains("answered"))
            .count()
    };
    assert_eq!(mails(), 0, "mail waits for more of the same");
    app.clock.advance(Duration::from_secs(10));
    customer.post(&format!("{path}/messages"), &json!({"kind": "reply", "body": "Hello?"})).await.expect(201);
    app.deliver().await;
    app.clock.advance(Duration::from_secs(21));
    app.deliver().await;
    assert_eq!(mails(), 1, "the first mail tells of all until then");
    app.clock.advance(Duration::from_secs(30));
    app.deliver().await;
    assert_eq!(mails(), 1, "so the second has nothing left to tell");
    app.clock.advance(Duration::from_secs(600));
    customer.post(&format!("{path}/messages"), &json!({"kind": "reply", "body": "Hello??"})).await.expect(201);
    app.deliver().await;
    app.clock.advance(Duration::from_secs(31));
    app.deliver().await;
    assert_eq!(mails(), 2, "what comes later is told again");
    app.finish().await;
}

#[tokio::test]
async fn sec_58_a_mention_reaches_members_who_may_see_it_and_nobody_else() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let viewer = app.member(&owner, "vic@acme.example", "viewer").await;
    let narrowed = app.member(&owner, "nia@acme.example", "member").await;
    let id = me(&narrowed).await;
    owner.patch(&format!("/workspaces/acme/members/{id}"), &json!({"narrowed": true})).await.expect(200);
    app.sign_in("eve@else.example").await;
    let path = owner.open("Printer").await;
    let note = "See @ada@acme.example, @vic@acme.example, @nia@acme.example, @eve@else.example, @nobody@else.example \
                and @agent@acme.example.";
    owner.post(&format!("{path}/messages"), &json!({"kind": "note", "body": note})).await.expect(201);
    app.deliver().await;
    assert_eq!(topics(&ada).await, ["mentioned"]);
    assert!(app.mail_to("ada@acme.example").mail.subject.contains("you are named"));
    for (user, who) in [(&viewer, "a viewer sees no notes"), (&narrowed, "not of her teams"), (&owner, "her own act")] {
        assert!(topics(user).await.is_empty(), "{who}");
    }
    for address in ["eve@else.example", "nobody@else.example"] {
        let mails = app.mail.mails();
        let told =
            mails.iter().any(|kept| kept.mail.to.as_str() == address && kept.mail.subject.contains("you are named"));
        assert!(!told, "{address} is no member");
    }
    app.finish().await;
}

#[tokio::test]
async fn everybody_chooses_what_to_be_told_of_and_how() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let settings = "/workspaces/acme/notification-settings";
    let shown = ada.get(settings).await.expect(200);
    assert_eq!(shown["topics"]["assigned"], json!(["in_app", "mail", "push"]));
    assert_eq!(shown["topics"]["ticket_opened"], json!([]));
    let chosen = json!({"topics": {"assigned": ["in_app"], "ticket_opened": ["in_app", "mail"]}});
    assert_eq!(choose(&ada, &chosen).await.expect(200)["topics"]["assigned"], json!(["in_app"]));
    for wrong in [
        json!({"topics": {"assigned": ["fax"]}}),
        json!({"topics": {"everything": []}}),
        json!({"topics": []}),
        json!({"time_zone": "Mars/Olympus"}),
        json!({"quiet_hours": {"from": "22:00"}}),
        json!({"quiet_hours": {"from": "25:00", "until": "07:00"}}),
        json!({"digest": {"every": "year"}}),
        json!({"digest": {"every": "day"}}),
        json!({"topics": {}, "user": "x"}),
    ] {
        choose(&ada, &wrong).await.problem(422);
    }
    let path = owner.open("One").await;
    assign(&owner, &path, &me(&ada).await).await;
    customer.post("/workspaces/acme/tickets", &json!({"subject": "Two", "body": "Help."})).await.expect(201);
    app.deliver().await;
    assert_eq!(topics(&ada).await, ["ticket_opened", "assigned"]);
    let subjects: Vec<String> = {
        let mails = app.mail.mails();
        let to_ada = mails.iter().filter(|kept| kept.mail.to.as_str() == "ada@acme.example");
        to_ada.map(|kept| kept.mail.subject.clone()).filter(|subject| subject.starts_with('[')).collect()
    };
    assert_eq!(subjects, ["[#2] new: Two"], "no mail of the assignment");
    assert_eq!(ada.post(&format!("{LIST}/read"), &json!({})).await.expect(200)["read"], 2);
    let page = ada.get(&format!("{LIST}?limit=1")).await.expect(200);
    let next = format!("{LIST}?limit=1&cursor={}", page["next_cursor"].as_str().expect("more"));
    let second = ada.get(&next).await.expect(200);
    assert_eq!((&second["data"][0]["topic"], &second["next_cursor"]), (&json!("assigned"), &Value::Null));
    // Customers are told by mail of answers; they have no list.
    assert_eq!(customer.get(LIST).await.problem(403), "forbidden");
    app.finish().await;
}
