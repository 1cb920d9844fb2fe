//! Members who are held to their teams: to them there are no other tickets, whichever way they ask.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use connect_core::event::Fact;
use connect_core::user::ProvenMailbox;
use connect_core::{Access, EmailAddress};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::api_keys::{asked, made, token};
use crate::app::{TestApp, User};
use crate::attachments::{PNG, upload};
use crate::teams::{TEAMS, id, join, me, team};

const TICKETS: &str = "/workspaces/acme/tickets";

/// Ada, who is held to the team One, and tickets in every place.
struct World {
    app: TestApp,
    owner: User,
    ada: User,
    ada_id: String,
    one: String,
    two: String,
    /// Of hers: in her team, and assigned to her elsewhere.
    hers: Vec<String>,
    /// Of others: of another team, and of none.
    others: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let (app, _, owner, _) = TestApp::acme().await;
        let ada = app.member(&owner, "ada@acme.example", "member").await;
        let ada_id = me(&ada).await;
        let (one, two) = (team(&owner, "One").await, team(&owner, "Two").await);
        join(&owner, &one, &ada_id).await;
        let (mut hers, mut others) = (Vec::new(), Vec::new());
        for (subject, place, is_hers) in [
            ("Secret of one", json!({"team_id": one}), true),
            ("Secret of hers", json!({"assignee_id": ada_id}), true),
            ("Secret of two", json!({"team_id": two}), false),
            ("Secret of nobody", json!({}), false),
        ] {
            let path = owner.open(subject).await;
            owner.patch(&path, &place).await.expect(200);
            if is_hers { hers.push(path) } else { others.push(path) }
        }
        owner.patch(&format!("/workspaces/acme/members/{ada_id}"), &json!({"narrowed": true})).await.expect(200);
        Self { app, owner, ada, ada_id, one, two, hers, others }
    }

    async fn access(&self) -> Access {
        let email = EmailAddress::parse("email", "ada@acme.example").expect("an address");
        let user = self.app.desk.users().find(&email).await.expect("read").expect("ada");
        self.app.desk.admit(&ProvenMailbox::attest(&user), "acme").await.expect("a member")
    }
}

/// What an answer says besides the id of its request.
fn said(text: &str) -> String {
    text.split("\"request_id\"").next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn sec_55_a_ticket_of_another_team_answers_as_a_missing_one_on_every_route() {
    let world = World::new().await;
    let (owner, ada) = (&world.owner, &world.ada);
    let missing = format!("{TICKETS}/tkt_00000000000000000000000000");
    let message = json!({"kind": "reply", "body": "x"});
    for path in &world.hers {
        ada.get(path).await.expect(200);
        ada.get(&format!("{path}/timeline")).await.expect(200);
        ada.post(&format!("{path}/messages"), &message).await.expect(201);
        ada.patch(path, &json!({"priority": "low"})).await.expect(200);
        ada.put(&format!("{path}/labels/mine")).await.expect(200);
    }
    for path in &world.others {
        let number = owner.get(path).await.expect(200)["number"].clone();
        let first = owner.get(&format!("{path}/messages")).await.expect(200)["data"][0]["id"].clone();
        let first = first.as_str().expect("an id");
        let mut walked = 0;
        for (method, below, body) in [
            (Method::GET, String::new(), None),
            (Method::GET, "/messages".to_owned(), None),
            (Method::GET, format!("/messages/{first}"), None),
            (Method::GET, "/timeline".to_owned(), None),
            (Method::PATCH, String::new(), Some(json!({"priority": "low"}))),
            (Method::PATCH, String::new(), Some(json!({"assignee_id": world.ada_id}))),
            (Method::PATCH, String::new(), Some(json!({"team_id": world.one}))),
            (Method::PATCH, String::new(), Some(json!({"priority": "low", "version": 77}))),
            (Method::POST, "/messages".to_owned(), Some(message.clone())),
            (Method::POST, "/messages".to_owned(), Some(json!({"kind": "note", "body": "x"}))),
            (Method::PUT, "/labels/mine".to_owned(), None),
            (Method::DELETE, "/labels/mine".to_owned(), None),
        ] {
            let body = body.map(|body| body.to_string());
            let ask = async |path: &str| {
                let answer = ada.call(method.clone(), &format!("{path}{below}"), &[], body.as_deref()).await;
                assert_eq!(answer.problem(404), "not_found", "{method} {below}");
                said(&answer.text)
            };
            let nothing = ask(&missing).await;
            assert_eq!(ask(path).await, nothing, "{method} {below}");
            assert_eq!(ask(&format!("{TICKETS}/{number}")).await, nothing, "by its number: {method} {below}");
            walked += 1;
        }
        assert_eq!(walked, 12);
        assert_eq!(owner.get(path).await.expect(200)["priority"], "none", "and nothing was done");
    }
    world.app.finish().await;
}

#[tokio::test]
async fn sec_60_lists_searches_and_exports_are_held_to_the_teams_of_who_is_narrowed() {
    let world = World::new().await;
    let seen = async |query: &str| {
        let page = world.ada.get(&format!("{TICKETS}?{query}")).await.expect(200);
        let rows = page["data"].as_array().expect("rows").clone();
        rows.iter().map(|row| row["subject"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    let both = ["Secret of hers", "Secret of one"];
    for query in ["", "q=secret", "q=-status:closed", "sort=number", "sort=-priority", "limit=200"] {
        let mut found = seen(query).await;
        found.sort();
        assert_eq!(found, both, "{query}");
    }
    for query in [
        format!("team={}", world.two),
        "q=nobody".to_owned(),
        "team=none&assignee=none".to_owned(),
        "q=%234".to_owned(),
    ] {
        assert!(seen(&query).await.is_empty(), "{query}");
    }
    assert_eq!(seen("team=none").await, ["Secret of hers"]);
    let first = world.ada.get(&format!("{TICKETS}?limit=1&sort=number")).await.expect(200);
    let cursor = first["next_cursor"].as_str().expect("more");
    let second = world.ada.get(&format!("{TICKETS}?limit=1&sort=number&cursor={cursor}")).await.expect(200);
    assert_eq!((&second["data"][0]["subject"], &second["next_cursor"]), (&json!("Secret of hers"), &Value::Null));
    // The journal tells of every ticket: it is not for her, whatever her role.
    for export in ["audit", "audit?format=csv", "audit?format=json"] {
        assert_eq!(world.ada.get(&format!("/workspaces/acme/{export}")).await.problem(403), "forbidden");
    }
    world.app.finish().await;
}

#[tokio::test]
async fn sec_60_files_are_held_to_the_teams_of_who_is_narrowed() {
    let world = World::new().await;
    let mut files = Vec::new();
    for path in [&world.hers[0], &world.others[0]] {
        let file = id(&upload(&world.owner, "a.png", PNG).await.expect(201));
        let body = json!({"kind": "reply", "body": "See there.", "attachment_ids": [file]});
        world.owner.post(&format!("{path}/messages"), &body).await.expect(201);
        files.push(format!("/workspaces/acme/attachments/{file}"));
    }
    let read = async |path: &str| {
        let request = world.ada.request(Method::GET, path).body(Body::empty()).expect("a request");
        world.ada.bytes(request).await.0.as_u16()
    };
    assert_eq!(read(&files[0]).await, 200);
    assert_eq!(read(&files[1]).await, 404);
    assert_eq!(world.ada.post(&format!("{}/link", files[1]), &json!({})).await.problem(404), "not_found");
    // Once the ticket is hers, so is its file, and no longer than that.
    world.owner.patch(&world.others[0], &json!({"team_id": world.one})).await.expect(200);
    assert_eq!(read(&files[1]).await, 200);
    world.owner.patch(&world.others[0], &json!({"team_id": null})).await.expect(200);
    assert_eq!(read(&files[1]).await, 404);
    world.app.finish().await;
}

#[tokio::test]
async fn sec_60_who_is_narrowed_hears_of_their_tickets_only_and_of_a_moved_one_while_it_is_theirs() {
    let world = World::new().await;
    let access = world.access().await;
    let mut follower = world.app.desk.follow(&access, Some(0)).await.expect("events").expect("from the first one");
    // All that is heard up to the newest event there is now.
    let mut heard = async || {
        let counters = world.app.desk.store().counters(access.workspace_id()).await.expect("read").expect("acme");
        let mut tickets = std::collections::BTreeSet::new();
        while follower.after() < counters.last_seq {
            follower.changed().await;
            let events = follower.next().await.expect("events");
            tickets.extend(events.iter().map(|event| event.ticket.expect("a ticket").to_string()));
        }
        tickets
    };
    let ids = |paths: &[String]| {
        paths
            .iter()
            .map(|path| path.rsplit('/').next().expect("an id").to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(heard().await, ids(&world.hers), "nothing of others, and nothing of no ticket");
    let moving = &world.others[1];
    let (before, note) = (heard().await, json!({"kind": "note", "body": "x"}));
    assert!(before.is_empty());
    world.owner.post(&format!("{moving}/messages"), &note).await.expect(201);
    assert!(heard().await.is_empty(), "not yet hers");
    world.owner.patch(moving, &json!({"team_id": world.one})).await.expect(200);
    assert_eq!(heard().await, ids(std::slice::from_ref(moving)), "that it has come");
    world.owner.post(&format!("{moving}/messages"), &note).await.expect(201);
    assert_eq!(heard().await, ids(std::slice::from_ref(moving)));
    world.owner.patch(moving, &json!({"team_id": world.two})).await.expect(200);
    world.owner.post(&format!("{moving}/messages"), &note).await.expect(201);
    assert!(heard().await.is_empty(), "no longer hers");
    world.owner.patch(moving, &json!({"team_id": null, "assignee_id": world.ada_id})).await.expect(200);
    assert_eq!(heard().await, ids(std::slice::from_ref(moving)), "hers again, by name");
    world.app.finish().await;
}

#[tokio::test]
async fn sec_30_narrowing_and_leaving_a_team_hold_at_the_next_request_and_end_a_stream() {
    let world = World::new().await;
    let (owner, ada) = (&world.owner, &world.ada);
    let member = format!("/workspaces/acme/members/{}", world.ada_id);
    let in_one = format!("{TEAMS}/{}/members/{}", world.one, world.ada_id);
    owner.delete(&in_one).await.expect(204);
    assert_eq!(ada.get(&world.hers[0]).await.problem(404), "not_found");
    ada.get(&world.hers[1]).await.expect(200);
    owner.put(&in_one).await.expect(204);
    ada.get(&world.hers[0]).await.expect(200);
    owner.patch(&member, &json!({"narrowed": false})).await.expect(200);
    ada.get(&world.others[0]).await.expect(200);
    let request = ada.request(Method::GET, "/workspaces/acme/live").body(Body::empty()).expect("a request");
    let stream = ada.stream(request).await;
    owner.patch(&member, &json!({"narrowed": true})).await.expect(200);
    assert_eq!(ada.get(&world.others[0]).await.problem(404), "not_found");
    let ended = tokio::time::timeout(Duration::from_secs(30), stream.collect()).await;
    ended.expect("the stream ends by itself").expect("well");
    // Who is raised to manage members is held to nothing any more, and cannot be.
    owner.patch(&member, &json!({"role": "admin"})).await.expect(200);
    ada.get(&world.others[0]).await.expect(200);
    assert_eq!(owner.patch(&member, &json!({"narrowed": true})).await.problem(409), "role_not_narrowed");
    assert_eq!(owner.patch(&member, &json!({"role": "member", "narrowed": true})).await.problem(422), "invalid");
    let audit = owner.get("/workspaces/acme/audit?limit=200").await.text;
    assert_eq!(audit.matches("member.narrowed").count(), 3, "each time is told");
    world.app.finish().await;
}

#[tokio::test]
async fn sec_57_who_is_narrowed_lets_neither_themselves_out_nor_anybody_in() {
    let world = World::new().await;
    let ada = &world.ada;
    let own = format!("/workspaces/acme/members/{}", world.ada_id);
    for (path, body) in [(own.as_str(), json!({"narrowed": false})), (own.as_str(), json!({"role": "admin"}))] {
        assert_eq!(ada.patch(path, &body).await.problem(403), "forbidden");
    }
    assert_eq!(ada.put(&format!("{TEAMS}/{}/members/{}", world.two, world.ada_id)).await.problem(403), "forbidden");
    assert_eq!(ada.post(TEAMS, &json!({"name": "Three"})).await.problem(403), "forbidden");
    let access = world.access().await;
    for action in connect_core::Action::ALL {
        if action.spans_teams() {
            assert!(!world.app.desk.may(&access, *action), "{action:?}");
        }
    }
    // What she opens stays before her eyes: hers unless she names a team of hers.
    let new = |place: Value| {
        let mut new = json!({"subject": "New", "body": "B", "contact": {"email": "carla@customer.example"}});
        new.as_object_mut().expect("an object").extend(place.as_object().expect("an object").clone());
        new
    };
    let opened = ada.post(TICKETS, &new(json!({}))).await.expect(201);
    assert_eq!(opened["assignee_id"], json!(world.ada_id));
    let opened = ada.post(TICKETS, &new(json!({"team_id": world.one}))).await.expect(201);
    assert_eq!((&opened["team_id"], &opened["assignee_id"]), (&json!(world.one), &Value::Null));
    let beyond = ada.post(TICKETS, &new(json!({"team_id": world.two}))).await.expect(422);
    assert_eq!(beyond["errors"][0]["code"], "not_yours");
    // What she hands over is gone for her, but the same command again has the same answer.
    let body = json!({"team_id": world.two}).to_string();
    let hand_over =
        async || ada.call(Method::PATCH, &world.hers[0], &[("idempotency-key", "k")], Some(&body)).await.expect(200);
    let handed = hand_over().await;
    assert_eq!(handed["team_id"], json!(world.two));
    assert_eq!(ada.get(&world.hers[0]).await.problem(404), "not_found");
    assert_eq!(hand_over().await, handed);
    world.app.finish().await;
}

#[tokio::test]
async fn sec_64_a_key_is_held_to_the_teams_of_its_owner() {
    let world = World::new().await;
    let member = format!("/workspaces/acme/members/{}", world.ada_id);
    world.owner.patch(&member, &json!({"role": "admin"})).await.expect(200);
    let scopes = ["tickets.read", "tickets.update", "audit.read", "notes.read"];
    let key = made(&world.ada, &asked(&scopes)).await;
    let robot = world.app.bearer(token(&key));
    robot.get(&world.others[0]).await.expect(200);
    world.owner.patch(&member, &json!({"role": "member"})).await.expect(200);
    robot.get(&world.others[0]).await.expect(200);
    world.owner.patch(&member, &json!({"narrowed": true})).await.expect(200);
    robot.get(&world.hers[0]).await.expect(200);
    assert_eq!(robot.get(&world.others[0]).await.problem(404), "not_found");
    assert_eq!(robot.patch(&world.others[0], &json!({"priority": "low"})).await.problem(404), "not_found");
    assert_eq!(robot.get(TICKETS).await.expect(200)["data"].as_array().map(Vec::len), Some(2));
    world.app.finish().await;
}

#[tokio::test]
async fn the_journal_tells_of_moves_by_ids() {
    let world = World::new().await;
    let host = world.app.desk.host("acme").await.expect("acme");
    let list = connect_core::store::EventList { limit: connect_core::Limit::MAX, ..Default::default() };
    let events = world.app.desk.store().events(host.workspace_id(), list).await.expect("events");
    let moved = events.iter().filter(|event| matches!(event.fact, Fact::TicketMoved { .. }));
    let told: Vec<String> = moved.map(|event| serde_json::to_string(&event.fact).expect("text")).collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0], format!(r#"{{"type":"ticket.moved","from":null,"to":"{}"}}"#, world.one));
    world.app.finish().await;
}
