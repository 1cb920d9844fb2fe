//! What is tried with API keys that were stolen, altered, outlived or put where they do not belong.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use connect_core::Timestamp;
use serde_json::{Value, json};

use crate::api_keys::{KEYS, asked, made, path, program, token};
use crate::app::{Answer, TestApp, User};

const LIST: &str = "/workspaces/acme/tickets";

async fn member_path(user: &User) -> String {
    let me = user.get("/me").await.expect(200);
    format!("/workspaces/acme/members/{}", me["user"]["id"].as_str().expect("an id"))
}

/// The text of an answer without what differs from request to request.
fn told(answer: &Answer) -> Value {
    let mut body = answer.json();
    body["request_id"] = Value::Null;
    body
}

#[tokio::test]
async fn sec_62_a_truncated_or_altered_key_is_refused_like_an_unknown_one() {
    let (app, _, owner, _) = TestApp::acme().await;
    let key = made(&owner, &asked(&["tickets.read"])).await;
    let other = made(&owner, &asked(&["tickets.read"])).await;
    let good = token(&key);
    app.bearer(good).get(LIST).await.expect(200);
    let (head, secret) = good.rsplit_once('_').expect("parts");
    let (other_head, other_secret) = token(&other).rsplit_once('_').expect("parts");
    // Whole and with a right check sum, of a key that there is not.
    let gone = made(&owner, &asked(&["tickets.read"])).await;
    owner.delete(&path(&gone)).await.expect(204);
    let unknown = app.bearer(token(&gone)).get(LIST).await;
    assert_eq!(unknown.problem(401), "unauthorized");
    let last = if good.ends_with('0') { '1' } else { '0' };
    for bad in [
        good[..79].to_owned(),
        good[..31].to_owned(),
        format!("{}{last}", &good[..79]),
        format!("{head}_{other_secret}"),
        format!("{other_head}_{secret}"),
        format!("{good}0"),
        good.replacen("ck_w", "ck_x", 1),
        format!("ck_w{}_", "0".repeat(26)),
        "ck_".to_owned(),
    ] {
        let answer = app.bearer(&bad).get(LIST).await;
        assert_eq!(answer.problem(401), "unauthorized", "{bad}");
        assert_eq!(told(&answer), told(&unknown), "which it is, is not told");
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_64_in_another_workspace_a_key_finds_nothing() {
    let (app, _, owner, _) = TestApp::acme().await;
    owner.post("/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
    let (robot, _) = program(&app, &owner, &["tickets.read", "workspace.read"]).await;
    robot.get("/workspaces/acme").await.expect(200);
    owner.get("/workspaces/bolt").await.expect(200);
    let (foreign, missing) = (robot.get("/workspaces/bolt").await, robot.get("/workspaces/nowhere").await);
    assert_eq!(foreign.problem(404), "not_found", "its owner may go there, it may not");
    assert_eq!(told(&foreign), told(&missing));
    let bolt = app.desk.host("bolt").await.expect("bolt").workspace_id();
    assert_eq!(robot.get(&format!("/workspaces/{bolt}/tickets")).await.problem(404), "not_found");
    let acme = app.desk.host("acme").await.expect("acme").workspace_id();
    robot.get(&format!("/workspaces/{acme}/tickets")).await.expect(200);

    // A key's id of another workspace is as good as missing, too.
    let key = made(&owner, &asked(&["tickets.read"])).await;
    let there = path(&key).replace("acme", "bolt");
    assert_eq!(owner.get(&there).await.problem(404), "not_found");
    assert_eq!(owner.delete(&there).await.problem(404), "not_found");
    assert_eq!(owner.post(&format!("{there}/rotate"), &json!({})).await.problem(404), "not_found");
    app.finish().await;
}

#[tokio::test]
async fn sec_64_a_key_dies_with_its_owners_membership_and_stays_dead() {
    let (app, _, owner, _) = TestApp::acme().await;
    let admin = app.member(&owner, "admin@acme.example", "admin").await;
    let (robot, _) = program(&app, &admin, &["tickets.read"]).await;
    robot.get(LIST).await.expect(200);
    owner.delete(&member_path(&admin).await).await.expect(204);
    assert_eq!(robot.get(LIST).await.problem(401), "unauthorized", "at the next request");
    // Somebody who has left may still be a customer: not so their key.
    let contact = json!({"name": "Former Admin", "email": "admin@acme.example"});
    owner.post("/workspaces/acme/contacts", &contact).await.expect(201);
    admin.get(LIST).await.expect(200);
    assert_eq!(robot.get(LIST).await.problem(401), "unauthorized");
    app.clock.advance(Duration::from_secs(60));
    let again = app.member(&owner, "admin@acme.example", "admin").await;
    again.get("/workspaces/acme/members").await.expect(200);
    assert_eq!(robot.get(LIST).await.problem(401), "unauthorized", "who comes back makes new keys");
    let (new, _) = program(&app, &again, &["tickets.read"]).await;
    new.get(LIST).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_64_a_key_may_no_more_than_its_owner_may_now() {
    let (app, _, owner, _) = TestApp::acme().await;
    let admin = app.member(&owner, "admin@acme.example", "admin").await;
    let ticket = owner.open("Printer on fire").await;
    let (robot, _) = program(&app, &admin, &["tickets.read", "tickets.update", "notes.read", "audit.read"]).await;
    robot.patch(&ticket, &json!({"priority": "low"})).await.expect(200);
    let member = member_path(&admin).await;
    owner.patch(&member, &json!({"role": "viewer"})).await.expect(200);
    assert_eq!(robot.patch(&ticket, &json!({"priority": "high"})).await.problem(403), "forbidden");
    robot.get(&ticket).await.expect(200);
    owner.patch(&member, &json!({"role": "member"})).await.expect(200);
    robot.patch(&ticket, &json!({"priority": "high"})).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_64_a_key_of_a_disabled_user_is_dead() {
    let (app, _, owner, _) = TestApp::acme().await;
    let admin = app.member(&owner, "admin@acme.example", "admin").await;
    let (robot, _) = program(&app, &admin, &["tickets.read"]).await;
    robot.get(LIST).await.expect(200);
    let id = admin.get("/me").await.expect(200)["user"]["id"].as_str().expect("id").parse().expect("an id");
    app.desk.users().set_disabled(id, true).await.expect("disabled");
    assert_eq!(robot.get(LIST).await.problem(401), "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn sec_65_no_scope_lets_a_key_administer() {
    let (app, _, owner, _) = TestApp::acme().await;
    for (scope, code) in [
        ("members.manage", "not_for_keys"),
        ("api_keys.manage", "not_for_keys"),
        ("workspace.update", "not_for_keys"),
        ("*", "unknown"),
        ("owner", "unknown"),
    ] {
        let refused = owner.post(KEYS, &asked(&["tickets.read", scope])).await;
        assert_eq!(refused.problem(422), "invalid");
        let error = &refused.json()["errors"][0];
        assert_eq!((&error["field"], &error["code"]), (&json!("scopes[1]"), &json!(code)), "{scope}");
    }
    assert_eq!(owner.post(KEYS, &asked(&[])).await.problem(422), "invalid", "a key is for something");
    app.finish().await;
}

#[tokio::test]
async fn sec_65_a_key_with_all_scopes_manages_neither_keys_nor_people_nor_sessions() {
    let (app, _, owner, _) = TestApp::acme().await;
    let member = app.member(&owner, "member@acme.example", "member").await;
    let all: Vec<&str> = connect_core::Action::ALL.iter().filter(|a| a.is_for_keys()).map(|a| a.as_str()).collect();
    let key = made(&owner, &asked(&all)).await;
    let robot = app.bearer(token(&key));
    robot.get("/workspaces/acme/members").await.expect(200);
    let (owner_path, member_path) = (member_path(&owner).await, member_path(&member).await);
    let session = owner.get("/auth/sessions").await.expect(200)["data"][0]["id"].clone();
    let invitation = json!({"email": "mole@evil.example", "role": "viewer"});
    let rotate = format!("{}/rotate", path(&key));
    for (method, path, body) in [
        (Method::GET, KEYS, None),
        (Method::GET, &path(&key), None),
        (Method::POST, KEYS, Some(asked(&["tickets.read"]))),
        (Method::POST, &rotate, Some(json!({}))),
        (Method::DELETE, &path(&key), None),
        (Method::PATCH, &member_path, Some(json!({"role": "admin"}))),
        (Method::DELETE, &member_path, None),
        (Method::DELETE, &owner_path, None),
        (Method::GET, "/workspaces/acme/invitations", None),
        (Method::POST, "/workspaces/acme/invitations", Some(invitation)),
        (Method::POST, "/workspaces/acme/invitations/x/accept", Some(json!({"token": "x"}))),
        (Method::PATCH, "/workspaces/acme", Some(json!({"name": "Mine now"}))),
        (Method::GET, "/me", None),
        (Method::PATCH, "/me", Some(json!({"name": "Mallory"}))),
        (Method::GET, "/workspaces", None),
        (Method::POST, "/workspaces", Some(json!({"name": "Bolt", "slug": "bolt"}))),
        (Method::GET, "/auth/sessions", None),
        (Method::DELETE, "/auth/sessions", None),
        (Method::DELETE, &format!("/auth/sessions/{}", session.as_str().expect("id")), None),
        (Method::POST, "/auth/logout", None),
    ] {
        let body = body.map(|body| body.to_string());
        let answer = robot.call(method.clone(), path, &[], body.as_deref()).await;
        assert_eq!(answer.problem(403), "forbidden", "{method} {path}");
    }
    owner.get("/me").await.expect(200);
    robot.get("/workspaces/acme/members").await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_65_a_key_takes_no_file_that_its_owner_has_brought_unless_it_may_bring_some() {
    let (app, _, owner, _) = TestApp::acme().await;
    let uploaded = crate::attachments::upload(&owner, "draft.png", crate::attachments::PNG).await.expect(201);
    let file = format!("/workspaces/acme/attachments/{}", crate::attachments::id(&uploaded));
    let (reader, _) = program(&app, &owner, &["tickets.read", "labels.read"]).await;
    assert_eq!(reader.get(&file).await.problem(404), "not_found");
    assert_eq!(crate::attachments::upload(&reader, "x.png", crate::attachments::PNG).await.problem(403), "forbidden");
    let (writer, _) = program(&app, &owner, &["tickets.reply"]).await;
    assert_eq!(writer.get(&file).await.status, 200);
    crate::attachments::upload(&writer, "x.png", crate::attachments::PNG).await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn sec_67_a_key_in_a_url_is_refused_and_its_end_advised() {
    let (app, anonymous, owner, _) = TestApp::acme().await;
    let key = made(&owner, &asked(&["tickets.read"])).await;
    let text = token(&key);
    let hidden = text.replace('_', "%5F");
    for query in [
        format!("key={text}"),
        format!("access_token={text}"),
        format!("q=status:open&{text}"),
        format!("q=status:open&api_key={hidden}"),
        format!("token={}", &text[..50]),
    ] {
        for user in [&anonymous, &owner, &app.bearer(text)] {
            let answer = user.get(&format!("{LIST}?{query}")).await;
            assert_eq!(answer.problem(400), "key_in_url", "{query}");
            assert!(answer.json()["detail"].as_str().is_some_and(|detail| detail.contains("revoke it")));
            assert!(!answer.text.contains(&text[..50]), "it is not said again");
        }
    }
    assert_eq!(anonymous.get(&format!("/workspaces/{text}/tickets")).await.problem(400), "key_in_url");
    let page = Request::get(format!("/acme/tickets?q={text}")).body(Body::empty()).expect("a request");
    assert_eq!(anonymous.send(page).await.status, 400, "pages, too");
    // The public part alone is no secret: it stands in every list.
    let public = key["prefix"].as_str().expect("a prefix");
    owner.get(&format!("{LIST}?q={public}")).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn sec_67_a_key_counts_in_the_authorization_header_and_nowhere_else() {
    let (app, anonymous, owner, _) = TestApp::acme().await;
    let key = made(&owner, &asked(&["tickets.read"])).await;
    let text = token(&key);
    for (name, value) in [
        ("cookie", format!("__Host-connect_session={text}")),
        ("x-api-key", text.to_owned()),
        ("authorization", text.to_owned()),
        ("authorization", format!("Basic {text}")),
        ("authorization", format!("Token {text}")),
        ("proxy-authorization", format!("Bearer {text}")),
    ] {
        let answer = anonymous.call(Method::GET, LIST, &[(name, &value)], None).await;
        assert_eq!(answer.problem(401), "unauthorized", "{name}: {value}");
    }
    let lower = format!("bearer {text}");
    anonymous.call(Method::GET, LIST, &[("authorization", &lower)], None).await.expect(200);
    // Beside it a cookie does not count: the key decides.
    let cookie = format!("__Host-connect_session={}", owner.token());
    let both = [("authorization", lower.as_str()), ("cookie", cookie.as_str())];
    assert_eq!(anonymous.call(Method::GET, "/me", &both, None).await.problem(403), "forbidden");
    // Pages are for people.
    let page = Request::get("/acme/tickets").header("authorization", &lower).body(Body::empty());
    assert_eq!(anonymous.send(page.expect("a request")).await.status, 403);
    app.finish().await;
}

#[tokio::test]
async fn sec_67_a_key_of_certain_networks_counts_from_nowhere_else() {
    let (app, _, owner, _) = TestApp::acme().await;
    let mut body = asked(&["tickets.read"]);
    body["networks"] = json!(["192.0.2.0/24", "2001:db8::/32"]);
    let key = made(&owner, &body).await;
    assert_eq!(key["networks"], json!(["192.0.2.0/24", "2001:db8::/32"]));
    let robot = app.bearer(token(&key));
    let from = async |address: &str| {
        let request = robot.request(Method::GET, LIST);
        let mut request = request.body(Body::empty()).expect("a request");
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address.parse().expect("an address"), 4711)));
        robot.send(request).await
    };
    for address in ["192.0.2.1", "::ffff:192.0.2.200", "2001:db8:1::9"] {
        from(address).await.expect(200);
        // Known for a second: that does not count for others.
        for elsewhere in ["192.0.3.1", "2001:db9::1", "127.0.0.1"] {
            assert_eq!(from(elsewhere).await.problem(401), "unauthorized", "{elsewhere}");
        }
    }
    assert_eq!(robot.get(LIST).await.problem(401), "unauthorized", "an address that is not known");
    for wrong in ["everywhere", "192.0.2.0/40", "::ffff:192.0.2.0/120"] {
        body["networks"] = json!([wrong]);
        let refused = owner.post(KEYS, &body).await;
        assert_eq!(refused.problem(422), "invalid");
        assert_eq!(refused.json()["errors"][0]["field"], "networks[0]");
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_67_of_parallel_rotations_one_is_heard() {
    let (app, _, owner, _) = TestApp::acme().await;
    for _ in 0..5 {
        let key = made(&owner, &asked(&["tickets.read"])).await;
        let rotate = format!("{}/rotate", path(&key));
        let body = json!({});
        let answers = futures::future::join_all((0..20).map(|_| owner.post(&rotate, &body))).await;
        let (heard, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(heard.len(), 1, "{answers:?}");
        for other in others {
            assert_eq!(other.problem(409), "overlap_running");
        }
        app.bearer(token(&heard[0].json())).get(LIST).await.expect(200);
        app.bearer(token(&key)).get(LIST).await.expect(200);
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_67_nobody_edits_a_key() {
    let (app, _, owner, _) = TestApp::acme().await;
    let key = made(&owner, &asked(&["tickets.read"])).await;
    let later = json!({"expires_at": Timestamp::parse("2099-01-01").expect("a day").to_string()});
    for user in [&owner, &app.bearer(token(&key))] {
        assert_eq!(user.patch(&path(&key), &later).await.problem(405), "method_not_allowed");
        assert_eq!(user.put(&path(&key)).await.problem(405), "method_not_allowed");
    }
    app.finish().await;
}

#[tokio::test]
async fn idempotency_keys_of_two_programs_of_one_owner_do_not_meet() {
    let (app, _, owner, _) = TestApp::acme().await;
    let scopes = ["tickets.read", "tickets.open"];
    let (one, two) = (program(&app, &owner, &scopes).await.0, program(&app, &owner, &scopes).await.0);
    let body = json!({"subject": "S", "body": "B", "contact": {"email": "carla@customer.example"}});
    let first = one.post_once(LIST, "42", &body).await.expect(201);
    assert_eq!(one.post_once(LIST, "42", &body).await.expect(201)["id"], first["id"]);
    assert_ne!(two.post_once(LIST, "42", &body).await.expect(201)["id"], first["id"]);
    assert_ne!(owner.post_once(LIST, "42", &body).await.expect(201)["id"], first["id"]);
    app.finish().await;
}
