//! Who is at a ticket: told, heard live, forgotten.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use connect_core::store::LocalFeed;
use connect_store::MemoryStore;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::app::{Answer, Made, TestApp, User};
use crate::teams::me;

/// A live stream that is read.
struct Live {
    body: Body,
    text: String,
}

impl Live {
    async fn open(user: &User) -> Self {
        let request = user.request(Method::GET, "/workspaces/acme/live").body(Body::empty()).expect("a request");
        let mut live = Self { body: user.stream(request).await, text: String::new() };
        live.until("event: open").await;
        live
    }

    /// Reads on until this was said, and answers all that came up to it.
    async fn until(&mut self, wanted: &str) -> String {
        let reading = async {
            while !self.text.split_inclusive("\n\n").any(|block| block.ends_with("\n\n") && block.contains(wanted)) {
                let frame = self.body.frame().await.expect("it goes on").expect("a frame");
                self.text.push_str(&String::from_utf8_lossy(frame.data_ref().map_or(&[][..], |data| data)));
            }
        };
        let read = tokio::time::timeout(Duration::from_secs(30), reading).await;
        assert!(read.is_ok(), "{wanted} did not come: {}", self.text);
        std::mem::take(&mut self.text)
    }
}

async fn tell(user: &User, ticket: &str, state: &str) -> Answer {
    let body = json!({"state": state}).to_string();
    user.call(Method::PUT, &format!("{ticket}/presence"), &[], Some(&body)).await
}

async fn there(user: &User, ticket: &str) -> Vec<(String, String)> {
    let list = user.get(&format!("{ticket}/presence")).await.expect(200);
    let word = |value: &Value| value.as_str().expect("text").to_owned();
    let rows = list["data"].as_array().expect("a list").iter();
    rows.map(|row| (word(&row["user"]["name"]), word(&row["state"]))).collect()
}

fn pair(name: &str, state: &str) -> (String, String) {
    (name.to_owned(), state.to_owned())
}

#[tokio::test]
async fn colleagues_see_who_is_at_a_ticket_and_customers_do_not() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let viewer = app.member(&owner, "viewer@acme.example", "viewer").await;
    let (ticket, ada_id) = (owner.open("Printer on fire").await, me(&ada).await);
    let mut live = Live::open(&owner).await;
    let mut theirs = Live::open(&customer).await;
    assert!(there(&owner, &ticket).await.is_empty());
    let journal = owner.get("/workspaces/acme/audit?limit=200").await.expect(200);
    tell(&ada, &ticket, "viewing").await.expect(204);
    let heard = live.until("event: presence").await;
    let id = ticket.rsplit('/').next().expect("an id");
    let data = json!({"ticket_id": id, "user_id": ada_id, "state": "viewing"});
    assert!(heard.contains(&format!("data: {data}")) && !heard.contains("id:"), "{heard}");
    tell(&viewer, &ticket, "viewing").await.expect(204);
    live.until("viewing").await;
    tell(&ada, &ticket, "viewing").await.expect(204);
    tell(&ada, &ticket, "replying").await.expect(204);
    assert!(!live.until("replying").await.contains("viewing"), "what did not change is not told again");
    assert_eq!(there(&owner, &ticket).await, [pair("ada", "replying"), pair("viewer", "viewing")]);
    // Whoever comes later is told who is there.
    let mut late = Live::open(&viewer).await;
    late.until("replying").await;
    ada.delete(&format!("{ticket}/presence")).await.expect(204);
    live.until("gone").await;
    assert_eq!(there(&owner, &ticket).await, [pair("viewer", "viewing")]);
    app.clock.advance(Duration::from_secs(30));
    assert!(there(&owner, &ticket).await.is_empty(), "silence ends it");
    live.until("gone").await;
    assert_eq!(
        owner.get("/workspaces/acme/audit?limit=200").await.expect(200),
        journal,
        "it is no part of the journal"
    );

    // A reply comes after all of it, and is the first that the customer hears.
    let reply = json!({"kind": "reply", "body": "Unplug it."});
    ada.post(&format!("{ticket}/messages"), &reply).await.expect(201);
    assert!(!theirs.until("ticket.replied").await.contains("presence"), "customers hear of nobody");
    assert_eq!(customer.get(&format!("{ticket}/presence")).await.problem(403), "forbidden");
    assert_eq!(tell(&customer, &ticket, "viewing").await.problem(403), "forbidden");
    assert_eq!(tell(&viewer, &ticket, "replying").await.problem(403), "forbidden");
    for wrong in [json!({"state": "asleep"}), json!({}), json!({"state": "viewing", "user": ada_id})] {
        let path = format!("{ticket}/presence");
        assert_eq!(ada.call(Method::PUT, &path, &[], Some(&wrong.to_string())).await.status, 422, "{wrong}");
    }
    app.finish().await;
}

#[tokio::test]
async fn who_is_told_something_hears_of_it_at_once_and_nobody_else_does() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let ticket = owner.open("Printer on fire").await;
    let (mut hers, mut others, mut theirs) =
        (Live::open(&ada).await, Live::open(&owner).await, Live::open(&customer).await);
    owner.patch(&ticket, &json!({"assignee_id": me(&ada).await})).await.expect(200);
    app.deliver().await;
    let heard = hers.until("event: notification").await;
    assert!(heard.contains("data: {\"unread\":1}"), "{heard}");
    ada.post("/workspaces/acme/notifications/read", &json!({})).await.expect(200);
    hers.until("data: {\"unread\":0}").await;
    let reply = json!({"kind": "reply", "body": "Unplug it."});
    owner.post(&format!("{ticket}/messages"), &reply).await.expect(201);
    app.deliver().await;
    for stream in [&mut others, &mut theirs] {
        assert!(!stream.until("ticket.replied").await.contains("notification"), "it was hers alone");
    }
    app.finish().await;
}

#[tokio::test]
async fn presence_is_held_to_the_tickets_that_one_sees_and_to_the_workspace() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let (hers, other) = (owner.open("Hers").await, owner.open("Not hers").await);
    owner.patch(&hers, &json!({"assignee_id": me(&ada).await})).await.expect(200);
    let member = format!("/workspaces/acme/members/{}", me(&ada).await);
    owner.patch(&member, &json!({"narrowed": true})).await.expect(200);
    let mut live = Live::open(&ada).await;
    assert_eq!(tell(&ada, &other, "viewing").await.problem(404), "not_found");
    assert_eq!(ada.get(&format!("{other}/presence")).await.problem(404), "not_found");
    tell(&owner, &other, "viewing").await.expect(204);
    tell(&owner, &hers, "replying").await.expect(204);
    assert!(!live.until("replying").await.contains("viewing"), "nothing of tickets that are not hers");
    let stranger = app.sign_in("boss@bolt.example").await;
    stranger.post("/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
    let foreign = other.replace("/workspaces/acme", "/workspaces/bolt");
    assert_eq!(tell(&stranger, &foreign, "viewing").await.problem(404), "not_found");
    app.finish().await;
}

#[tokio::test]
async fn other_nodes_are_told_and_forget_by_themselves() {
    let (store, feed) = (Arc::new(MemoryStore::new()), Arc::new(LocalFeed::new()));
    let node = || {
        let made = Made { store: store.clone(), auth_store: store.clone(), ..Made::default() };
        TestApp::made(made, |desk| desk.feed(feed.clone()))
    };
    let (one, _, owner, _) = node().with_acme().await;
    let two = node();
    let ticket = owner.open("Printer on fire").await;
    let there_two = two.bearer(owner.token());
    assert!(there(&there_two, &ticket).await.is_empty(), "it listens from now on");
    let mut live = Live::open(&there_two).await;
    tell(&owner, &ticket, "replying").await.expect(204);
    live.until("replying").await;
    assert_eq!(there(&there_two, &ticket).await.len(), 1);
    owner.delete(&format!("{ticket}/presence")).await.expect(204);
    live.until("gone").await;
    tell(&owner, &ticket, "viewing").await.expect(204);
    live.until("viewing").await;
    // Its node goes down without a word: nobody says so, and the time is over.
    two.clock.advance(Duration::from_secs(30));
    live.until("gone").await;
    assert!(there(&there_two, &ticket).await.is_empty());
    one.finish().await;
    two.finish().await;
}
