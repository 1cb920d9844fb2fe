//! Undo send: answers that wait, are taken back, are sent.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use connect_core::Limit;
use connect_core::delivery::{DeliveryList, Reset};
use connect_store::{SqliteSettings, SqliteStore};
use serde_json::{Value, json};

use crate::api_keys::program;
use crate::app::{TestApp, User, settings};
use crate::attachments::{desk, id, upload};
use crate::pages::{Browser, hidden};
use crate::teams::me;

const WINDOW: Duration = Duration::from_secs(10);

/// The workspace lets answers wait for ten seconds; a ticket of the customer's.
async fn waiting_on(owner: &User) -> String {
    owner.patch("/workspaces/acme", &json!({"undo_send_seconds": 10})).await.expect(200);
    owner.open("Printer on fire").await
}

async fn reply(by: &User, ticket: &str, text: &str) -> Value {
    by.post(&format!("{ticket}/messages"), &json!({"kind": "reply", "body": text})).await.expect(201)
}

async fn rows(user: &User, path: &str) -> Vec<Value> {
    user.get(path).await.expect(200)["data"].as_array().expect("a list").clone()
}

async fn texts(user: &User, ticket: &str) -> Vec<String> {
    let list = rows(user, &format!("{ticket}/messages")).await;
    list.iter().map(|message| message["body"].as_str().expect("text").to_owned()).collect()
}

fn mails(app: &TestApp) -> usize {
    app.mail.mails().iter().filter(|kept| kept.mail.to.as_str() == "carla@customer.example").count()
}

#[tokio::test]
async fn an_answer_waits_and_is_seen_by_the_team_only_until_its_time_has_come() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let viewer = app.member(&owner, "viewer@acme.example", "viewer").await;
    let ticket = waiting_on(&owner).await;
    let before = mails(&app);
    let held = reply(&owner, &ticket, "Unplug it.").await;
    assert!(held["id"].as_str().expect("an id").starts_with("hld_"), "{held}");
    assert_eq!(
        (&held["kind"], &held["author"]["type"], &held["deliveries"]),
        (&json!("reply"), &json!("member"), &json!([]))
    );
    app.clock.advance(Duration::from_secs(9));
    app.deliver().await;
    let outbox = format!("{ticket}/outbox");
    assert_eq!(rows(&ada, &outbox).await, std::slice::from_ref(&held), "a colleague sees it");
    assert_eq!(viewer.get(&outbox).await.problem(403), "forbidden");
    assert_eq!(customer.get(&outbox).await.problem(403), "forbidden");
    for (user, is_told) in [(&owner, true), (&viewer, false), (&customer, false)] {
        assert_eq!(texts(user, &ticket).await, ["It does not work."], "it is no message yet");
        let timeline = user.get(&format!("{ticket}/timeline")).await;
        assert!(!timeline.text.contains("Unplug"), "{}", timeline.text);
        assert_eq!(timeline.text.contains("ticket.reply_held"), is_told, "{}", timeline.text);
    }
    assert_eq!(owner.get(&ticket).await.expect(200)["first_reply_at"], Value::Null, "nobody has answered yet");
    assert_eq!(mails(&app), before);

    app.clock.advance(Duration::from_secs(1));
    app.deliver().await;
    assert_eq!(texts(&customer, &ticket).await, ["It does not work.", "Unplug it."]);
    let shown = owner.get(&ticket).await.expect(200);
    assert_eq!((&shown["first_reply_at"], &shown["category"]), (&held["send_at"], &json!("open")));
    let sent = rows(&owner, &format!("{ticket}/messages")).await.pop().expect("it");
    assert_eq!((&sent["author"], &sent["created_at"]), (&held["author"], &held["send_at"]));
    assert_eq!(sent["deliveries"][0]["state"], "sent");
    assert_eq!((rows(&owner, &outbox).await, mails(&app)), (vec![], before + 1));
    let missing = format!("{outbox}/{}", held["id"].as_str().expect("an id"));
    assert_eq!(owner.delete(&missing).await.problem(404), "not_found");
    assert_eq!(owner.post(&format!("{missing}/send"), &json!({})).await.problem(404), "not_found");
    app.finish().await;
}

#[tokio::test]
async fn an_answer_that_is_taken_back_is_never_sent_and_only_its_author_takes_it_back() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let ticket = waiting_on(&owner).await;
    let before = mails(&app);
    let held = reply(&owner, &ticket, "Wrong customer.").await;
    let other = reply(&ada, &ticket, "Unplug it.").await;
    let place = |held: &Value| format!("{ticket}/outbox/{}", held["id"].as_str().expect("an id"));
    for user in [&ada, &customer] {
        assert_eq!(user.delete(&place(&held)).await.problem(403), "forbidden");
        assert_eq!(user.post(&format!("{}/send", place(&held)), &json!({})).await.problem(403), "forbidden");
    }
    let (key, _) = program(&app, &owner, &["tickets.read", "tickets.reply", "notes.read"]).await;
    assert_eq!(key.delete(&place(&held)).await.problem(403), "forbidden");
    assert_eq!(rows(&key, &format!("{ticket}/outbox")).await.len(), 2);
    app.deliver().await;
    // The same call again, because its answer was lost, is answered as it was.
    for _ in 0..2 {
        let answer = owner.call(Method::DELETE, &place(&held), &[("idempotency-key", "once")], None).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }
    assert_eq!(owner.delete(&place(&held)).await.problem(404), "not_found");
    app.clock.advance(WINDOW);
    app.deliver().await;
    assert_eq!(texts(&customer, &ticket).await, ["It does not work.", "Unplug it."], "the other one left");
    assert_eq!(mails(&app), before + 1);
    assert_ne!(other["id"], held["id"]);
    app.finish().await;
}

#[tokio::test]
async fn an_answer_is_sent_at_once_when_its_author_says_so_and_never_twice() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ticket = waiting_on(&owner).await;
    let held =
        owner.post_once(&format!("{ticket}/messages"), "a", &json!({"kind": "reply", "body": "Unplug it."})).await;
    let held = held.expect(201);
    let send = format!("{ticket}/outbox/{}/send", held["id"].as_str().expect("an id"));
    let sent = owner.post_once(&send, "b", &json!(null)).await.expect(201);
    assert!(sent["id"].as_str().expect("an id").starts_with("msg_"), "{sent}");
    assert_eq!(owner.post_once(&send, "b", &json!(null)).await.expect(201)["id"], sent["id"]);
    app.clock.advance(WINDOW);
    app.deliver().await;
    // And the call that made it wait is answered as it was, though it has been sent.
    let again =
        owner.post_once(&format!("{ticket}/messages"), "a", &json!({"kind": "reply", "body": "Unplug it."})).await;
    assert_eq!(again.expect(201)["id"], held["id"]);
    app.clock.advance(WINDOW);
    app.deliver().await;
    assert_eq!(texts(&owner, &ticket).await, ["It does not work.", "Unplug it."]);
    app.finish().await;
}

#[tokio::test]
async fn what_was_accepted_is_sent_whatever_became_of_the_ticket_and_undoes_nothing_that_came_later() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let closed = waiting_on(&owner).await;
    reply(&owner, &closed, "Unplug it.").await;
    owner.patch(&closed, &json!({"status": "closed"})).await.expect(200);
    let other = owner.open("Smoke").await;
    let resolving = json!({"kind": "reply", "body": "Open a window.", "status": "resolved"});
    owner.post(&format!("{other}/messages"), &resolving).await.expect(201);
    app.clock.advance(Duration::from_secs(5));
    reply(&customer, &other, "It burns by now!").await;
    let waiting_since = owner.get(&other).await.expect(200)["waiting_since"].clone();
    app.clock.advance(WINDOW);
    app.deliver().await;
    assert_eq!(texts(&customer, &closed).await.pop().as_deref(), Some("Unplug it."));
    assert_eq!(owner.get(&closed).await.expect(200)["category"], "closed");
    let shown = owner.get(&other).await.expect(200);
    assert_eq!(texts(&customer, &other).await.len(), 3);
    assert_ne!(shown["category"], "resolved", "it was not written to what the customer has said since");
    assert!(waiting_since.is_string() && shown["waiting_since"] == waiting_since, "who goes on waiting: {shown}");
    app.finish().await;
}

#[tokio::test]
async fn answers_leave_in_the_order_in_which_they_were_written() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ticket = waiting_on(&owner).await;
    for n in 0..12 {
        reply(&owner, &ticket, &format!("part {n}")).await;
    }
    app.deliver().await;
    // Only the last one's turn comes, as if a worker were quicker with it than all others are with theirs.
    let (store, access) = (app.desk.store(), app.desk.host("acme").await.expect("acme"));
    let waiting = DeliveryList { channel: Some("outbox".to_owned()), limit: Limit::MAX, ..DeliveryList::default() };
    let waiting = store.deliveries(access.workspace_id(), waiting).await.expect("read");
    assert_eq!(waiting.len(), 12);
    let others = waiting.iter().skip(1).map(|delivery| delivery.id).collect();
    let drop = Reset::Drop { at: app.desk.now(), reason: "a test".to_owned() };
    assert_eq!(store.reset(access.workspace_id(), others, drop).await.expect("dropped"), 11);
    app.clock.advance(WINDOW);
    app.deliver().await;
    let parts: Vec<String> = (0..12).map(|n| format!("part {n}")).collect();
    assert_eq!(texts(&customer, &ticket).await[1..], parts);
    app.finish().await;
}

#[tokio::test]
async fn who_was_let_go_is_not_heard_any_more_and_is_stopped_by_who_manages() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ticket = waiting_on(&owner).await;
    let ben = app.member(&owner, "ben@acme.example", "member").await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let file = id(&upload(&ben, "plan.txt", b"a plan").await.expect(201));
    let with = json!({"kind": "reply", "body": "Go away.", "attachment_ids": [file]});
    let held = ben.post(&format!("{ticket}/messages"), &with).await.expect(201);
    let stopped = reply(&ben, &ticket, "All of you.").await;
    let place = |held: &Value| format!("{ticket}/outbox/{}", held["id"].as_str().expect("an id"));
    assert_eq!(ada.delete(&place(&stopped)).await.problem(403), "forbidden");
    owner.delete(&place(&stopped)).await.expect(204);
    owner.delete(&format!("/workspaces/acme/members/{}", me(&ben).await)).await.expect(204);
    app.clock.advance(WINDOW);
    app.deliver().await;
    assert_eq!(texts(&customer, &ticket).await.len(), 1);
    let left = rows(&owner, &format!("{ticket}/outbox")).await;
    assert!(left.len() == 1 && left[0]["refused"].as_str().expect("why").contains("its author"), "{left:?}");
    // What it was to carry is there for as long as it waits.
    app.clock.advance(Duration::from_secs(25 * 3600));
    assert_eq!(app.desk.sweep_attachments(100).await.expect("swept"), 0);
    // The sessions have ended by now.
    let owner = app.sign_in("agent@acme.example").await;
    owner.delete(&place(&held)).await.expect(204);
    owner.patch("/workspaces/acme", &json!({"undo_send_seconds": 5})).await.expect(200);
    let other = reply(&owner, &ticket, "Sorry.").await;
    owner.delete(&place(&other)).await.expect(204);
    assert_eq!(app.desk.sweep_attachments(100).await.expect("swept"), 1, "it waits no more");
    app.finish().await;
}

#[tokio::test]
async fn an_author_keeps_hold_of_what_they_wrote_where_they_see_no_notes_or_no_longer_the_ticket() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ticket = waiting_on(&owner).await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let words = ["workspace.read", "tickets.read", "tickets.reply", "tickets.update"];
    let role = json!({"name": "Answers only", "base": "member", "permissions": words});
    let role = owner.post("/workspaces/acme/roles", &role).await.expect(201);
    let member = format!("/workspaces/acme/members/{}", me(&ada).await);
    owner.patch(&member, &json!({"role_id": role["id"]})).await.expect(200);
    reply(&owner, &ticket, "Of a colleague.").await;
    let held = reply(&ada, &ticket, "Of hers.").await;
    assert_eq!(rows(&ada, &format!("{ticket}/outbox")).await, std::slice::from_ref(&held), "her own");
    // By now the ticket is out of her sight; what she wrote is not out of her hands.
    owner.patch(&member, &json!({"narrowed": true})).await.expect(200);
    assert_eq!(ada.get(&ticket).await.problem(404), "not_found");
    ada.delete(&format!("{ticket}/outbox/{}", held["id"].as_str().expect("an id"))).await.expect(204);
    app.clock.advance(WINDOW);
    app.deliver().await;
    assert_eq!(texts(&customer, &ticket).await, ["It does not work.", "Of a colleague."]);
    app.finish().await;
}

#[tokio::test]
async fn what_is_refused_is_refused_at_once_and_who_is_no_person_of_the_team_waits_for_nothing() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ticket = waiting_on(&owner).await;
    for (seconds, status) in
        [(json!(121), 422), (json!(-1), 422), (json!("5"), 422), (json!(120), 200), (json!(10), 200)]
    {
        let answer = owner.patch("/workspaces/acme", &json!({"undo_send_seconds": seconds})).await;
        assert_eq!(answer.status.as_u16(), status, "{seconds}: {}", answer.text);
    }
    let messages = format!("{ticket}/messages");
    let first = rows(&owner, &messages).await.remove(0);
    reply(&customer, &ticket, "It still burns.").await;
    let stale = json!({"kind": "reply", "body": "x", "last_seen_message_id": first["id"]});
    assert_eq!(owner.post(&messages, &stale).await.problem(409), "newer_messages");
    let (key, _) = program(&app, &owner, &["tickets.read", "tickets.reply"]).await;
    reply(&key, &ticket, "By a program.").await;
    owner.post(&messages, &json!({"kind": "note", "body": "A note."})).await.expect(201);
    let all = ["It does not work.", "It still burns.", "By a program.", "A note."];
    assert_eq!(texts(&owner, &ticket).await, all);
    for _ in 0..20 {
        reply(&owner, &ticket, "y").await;
    }
    // Who goes by what they saw last has not seen what a colleague is about to send.
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let newest = rows(&owner, &messages).await.pop().expect("one");
    let blind = json!({"kind": "reply", "body": "x", "last_seen_message_id": newest["id"]});
    assert_eq!(ada.post(&messages, &blind).await.problem(409), "newer_messages");
    let body = json!({"kind": "reply", "body": "z"});
    assert_eq!(owner.post(&messages, &body).await.problem(409), "too_many_held");
    owner.patch("/workspaces/acme", &json!({"undo_send_seconds": 0})).await.expect(200);
    assert!(reply(&owner, &ticket, "z").await["id"].as_str().expect("an id").starts_with("msg_"));
    app.clock.advance(WINDOW);
    app.finish().await;
}

#[tokio::test]
async fn files_go_along_when_the_answer_is_sent() {
    let (app, _blobs, owner, customer) = desk().await;
    let ticket = waiting_on(&owner).await;
    let file = id(&upload(&owner, "plan.txt", b"a plan").await.expect(201));
    let foreign = id(&upload(&customer, "theirs.txt", b"x").await.expect(201));
    let messages = format!("{ticket}/messages");
    let with = |file: &str| json!({"kind": "reply", "body": "See there.", "attachment_ids": [file]});
    assert_eq!(owner.post(&messages, &with(&foreign)).await.status, 422, "not one's own");
    let held = owner.post(&messages, &with(&file)).await.expect(201);
    assert_eq!(held["attachments"][0]["name"], "plan.txt");
    // A second one that names the same file: whichever is sent first has it, the other one says so.
    owner.post(&messages, &with(&file)).await.expect(201);
    let content = format!("/workspaces/acme/attachments/{file}");
    assert_eq!(customer.get(&content).await.problem(404), "not_found");
    app.clock.advance(WINDOW);
    app.deliver().await;
    assert_eq!(customer.get(&content).await.text, "a plan");
    let left = rows(&owner, &format!("{ticket}/outbox")).await;
    assert!(left.len() == 1 && left[0]["refused"].is_string(), "{left:?}");
    assert_eq!(texts(&owner, &ticket).await.len(), 2);
    let told = rows(&owner, "/workspaces/acme/notifications").await;
    assert!(told.iter().any(|notice| notice["topic"] == "reply_refused"), "its author is told: {told:?}");
    app.finish().await;
}

/// Taken back and sent at the same instant, by two nodes besides: one of them wins, and what the caller was told is true.
async fn race(app: TestApp) -> (usize, usize) {
    let (app, _, owner, customer) = app.with_acme().await;
    let ticket = waiting_on(&owner).await;
    let (mut undone, mut sent) = (0, 0);
    for n in 0..30 {
        let held = reply(&owner, &ticket, &format!("answer {n}")).await;
        let place = format!("{ticket}/outbox/{}", held["id"].as_str().expect("an id"));
        app.clock.advance(WINDOW);
        let take_back = async {
            for _ in 0..n {
                tokio::task::yield_now().await;
            }
            owner.delete(&place).await
        };
        let (answer, _, _) = tokio::join!(take_back, app.deliver(), app.deliver());
        match answer.status.as_u16() {
            204 => undone += 1,
            404 => sent += 1,
            status => panic!("{status}: {}", answer.text),
        }
        assert_eq!(texts(&customer, &ticket).await.len(), 1 + sent, "answer {n}: {}", answer.status);
    }
    app.finish().await;
    (undone, sent)
}

#[tokio::test]
async fn of_taking_back_and_sending_at_one_instant_one_wins() {
    let (undone, sent) = race(TestApp::new()).await;
    assert!(undone > 0 && sent > 0, "both happen: {undone} and {sent}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("connect.db");
    let store = Arc::new(SqliteStore::open(&path, SqliteSettings::default()).await.expect("the file opens"));
    race(TestApp::over(store.clone(), store, settings())).await;
}

#[tokio::test]
async fn on_the_page_an_answer_is_taken_back_into_the_form() {
    let (app, _blobs, owner, _) = desk().await;
    waiting_on(&owner).await;
    let browser = Browser::new(&app);
    let page = browser.sign_in("agent@acme.example", "/acme/tickets/1").await;
    let fields = [("body", "Wrong <customer>."), ("status", "resolved"), ("once", &hidden(&page.text, "once"))];
    let page = browser.submit("/acme/tickets/1/reply", &fields).await;
    assert!(page.text.contains("will be sent in 10 s") && page.text.contains("Take it back"), "{}", page.text);
    let undo = page.text.split("action=\"").filter_map(|rest| rest.split('"').next()).find(|to| to.ends_with("/undo"));
    let undo = undo.expect("a form").to_owned();
    let page = browser.submit(&undo, &[]).await;
    assert!(page.text.contains("Wrong &#60;customer&#62;.</textarea>"), "{}", page.text);
    assert!(page.text.contains("value=\"resolved\" selected") && !page.text.contains("Take it back"), "{}", page.text);
    let page = browser.submit(&undo, &[]).await;
    assert!(page.text.contains("Wrong &#60;customer&#62;.</textarea>"), "pressed twice: {}", page.text);
    let unknown = undo.replace("/hld_", "/hld_0").replace("/undo", "x/undo");
    assert_eq!(browser.submit(&unknown, &[]).await.status, 404);

    let page = browser.submit("/acme/tickets/1/reply", &[("body", "Unplug it.")]).await;
    let send = page.text.split("action=\"").filter_map(|rest| rest.split('"').next()).find(|to| to.ends_with("/send"));
    let page = browser.submit(send.expect("a form"), &[]).await;
    assert!(page.text.contains("<p>Unplug it.</p>") && !page.text.contains("Take it back"), "{}", page.text);
    app.clock.advance(WINDOW);
    app.finish().await;
}
