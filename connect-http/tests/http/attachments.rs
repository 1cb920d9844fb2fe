//! Files that messages carry: brought, read, and by whom.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use connect_http::HttpSettings;
use connect_store::MemoryStore;
use serde_json::{Value, json};

use crate::api_keys::program;
use crate::app::{Answer, Made, TestApp, User, settings};
use crate::blobs::{Blobs, Finder};

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and what follows";
const UPLOADS: &str = "/workspaces/acme/attachments";

/// A desk whose content can be looked into.
pub async fn desk() -> (TestApp, Arc<Blobs>, User, User) {
    let (store, blobs) = (Arc::new(MemoryStore::new()), Arc::new(Blobs::default()));
    let place = blobs.clone();
    let app = TestApp::built(store.clone(), store, settings(), |desk| desk.blobs(place).scanner(Arc::new(Finder)));
    let (app, _, agent, customer) = app.with_acme().await;
    (app, blobs, agent, customer)
}

pub async fn upload(user: &User, name: &str, content: &[u8]) -> Answer {
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let request = user.request(Method::POST, &format!("{UPLOADS}?name={name}"));
    user.send(request.body(Body::from(content.to_vec())).expect("a request")).await
}

/// A form with one part.
pub fn form(field: &str, name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--cut\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
         Content-Type: text/html\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n--cut--\r\n"].concat()
}

pub async fn send_form(user: &User, body: Body) -> Answer {
    let request = user.request(Method::POST, UPLOADS).header("content-type", "multipart/form-data; boundary=cut");
    user.send(request.body(body).expect("a request")).await
}

pub fn id(upload: &Value) -> String {
    upload["id"].as_str().expect("an id").to_owned()
}

async fn uploaded(user: &User, name: &str) -> String {
    id(&upload(user, name, PNG).await.expect(201))
}

async fn read(user: &User, path: &str) -> (StatusCode, axum::http::HeaderMap, Vec<u8>) {
    let (status, headers, bytes) =
        user.bytes(user.request(Method::GET, path).body(Body::empty()).expect("a request")).await;
    (status, headers, bytes.expect("whole"))
}

#[tokio::test]
async fn a_file_goes_up_along_with_a_reply_and_down() {
    let (app, blobs, agent, customer) = desk().await;
    let path = agent.open("Broken").await;
    let file = send_form(&agent, Body::from(form("file", "C:\\shots\\März.png", PNG))).await.expect(201);
    assert_eq!(file["name"], "März.png");
    assert_eq!((&file["content_type"], &file["size"]), (&json!("image/png"), &json!(PNG.len())));
    assert_eq!(file["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(blobs.keys().len(), 1);
    let body = json!({"kind": "reply", "body": "See here.", "attachment_ids": [file["id"]]});
    let messages = format!("{path}/messages");
    let message = agent.post_once(&messages, "once", &body).await.expect(201);
    let carried = &message["attachments"][0];
    assert_eq!((&carried["id"], &carried["name"], &carried["url"]), (&file["id"], &file["name"], &file["url"]));
    let again = agent.post_once(&messages, "once", &body).await.expect(201);
    assert_eq!(again["id"], message["id"], "the same request again is the same message");
    let timeline = customer.get(&format!("{path}/timeline")).await;
    assert_eq!(timeline.expect(200)["data"][1]["message"]["attachments"][0]["id"], file["id"]);
    let first = &agent.get(&messages).await.expect(200)["data"][0];
    assert_eq!(first["attachments"], json!([]));

    let url = file["url"].as_str().expect("an address");
    let at = url.strip_prefix("https://desk.example/api/v1").expect("below the API").to_owned();
    let (status, headers, bytes) = read(&customer, &at).await;
    assert_eq!((status.as_u16(), bytes.as_slice()), (200, PNG));
    let etag = format!("\"{}\"", file["sha256"].as_str().expect("a hash"));
    let length = PNG.len().to_string();
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-disposition", "inline; filename=\"M_rz.png\"; filename*=UTF-8''M%C3%A4rz.png"),
        (
            "content-security-policy",
            "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; sandbox",
        ),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, no-store"),
        ("accept-ranges", "bytes"),
        ("etag", etag.as_str()),
        ("content-length", length.as_str()),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }

    let part = |range: &'static str, tag: Option<String>| {
        let request = customer.request(Method::GET, &at).header("range", range);
        let request = match tag {
            Some(tag) => request.header("if-range", tag),
            None => request,
        };
        customer.bytes(request.body(Body::empty()).expect("a request"))
    };
    let (status, headers, bytes) = part("bytes=1-3", None).await;
    assert_eq!((status.as_u16(), bytes.expect("whole").as_slice()), (206, &b"PNG"[..]));
    assert_eq!(headers["content-range"], format!("bytes 1-3/{}", PNG.len()));
    assert_eq!(headers["content-length"], "3");
    let (status, _, bytes) = part("bytes=-7", Some(etag)).await;
    assert_eq!((status.as_u16(), bytes.expect("whole").as_slice()), (206, &b"follows"[..]));
    let (status, ..) = part("bytes=0-1", Some("\"other\"".to_owned())).await;
    assert_eq!(status, 200, "what is another content comes whole");
    let (status, headers, _) = part("bytes=1000-", None).await;
    assert_eq!(status, 416);
    assert_eq!(headers["content-range"], format!("bytes */{}", PNG.len()));
    let request = customer.request(Method::HEAD, &at).header("range", "bytes=0-0");
    let (status, headers, bytes) = customer.bytes(request.body(Body::empty()).expect("a request")).await;
    assert_eq!((status.as_u16(), bytes.expect("nothing").len()), (200, 0));
    assert_eq!(headers["content-length"], PNG.len().to_string());
    app.finish().await;
}

#[tokio::test]
async fn a_ticket_opens_with_files_and_a_customer_brings_some_too() {
    let (app, _, agent, customer) = desk().await;
    let file = uploaded(&customer, "shot.png").await;
    let body = json!({"subject": "Help", "body": "Look", "attachment_ids": [file]});
    let ticket = customer.post("/workspaces/acme/tickets", &body).await.expect(201);
    let path = format!("/workspaces/acme/tickets/{}", id(&ticket));
    let messages = agent.get(&format!("{path}/messages")).await.expect(200);
    assert_eq!(messages["data"][0]["attachments"][0]["id"], json!(file));
    assert_eq!(read(&agent, &format!("{UPLOADS}/{file}")).await.2, PNG);
    let empty = json!({"kind": "reply", "body": " ", "attachment_ids": [uploaded(&customer, "a.png").await]});
    assert_eq!(customer.post(&format!("{path}/messages"), &empty).await.problem(422), "invalid");
    app.finish().await;
}

#[tokio::test]
async fn sec_55_files_are_read_by_those_who_see_their_message() {
    let (app, _, agent, customer) = desk().await;
    let viewer = app.member(&agent, "viewer@acme.example", "viewer").await;
    let other = json!({"name": "Other", "email": "other@customer.example"});
    agent.post("/workspaces/acme/contacts", &other).await.expect(201);
    let stranger = app.sign_in("other@customer.example").await;
    let boss = app.sign_in("boss@bolt.example").await;
    boss.post("/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
    let messages = format!("{}/messages", agent.open("Private").await);
    let (shown, hidden) = (uploaded(&agent, "shown.png").await, uploaded(&agent, "hidden.png").await);
    for (kind, file) in [("reply", &shown), ("note", &hidden)] {
        agent.post(&messages, &json!({"kind": kind, "body": "x", "attachment_ids": [file]})).await.expect(201);
    }
    let (mine, unused) = (uploaded(&customer, "mine.png").await, uploaded(&agent, "unused.png").await);
    for (file, who, user, may) in [
        (&shown, "agent", &agent, true),
        (&shown, "viewer", &viewer, true),
        (&shown, "customer", &customer, true),
        (&shown, "another customer", &stranger, false),
        (&hidden, "agent", &agent, true),
        (&hidden, "viewer", &viewer, false),
        (&hidden, "customer", &customer, false),
        (&mine, "its uploader", &customer, true),
        (&mine, "agent", &agent, false),
        (&mine, "another customer", &stranger, false),
        (&unused, "its uploader", &agent, true),
        (&unused, "customer", &customer, false),
    ] {
        let answer = user.get(&format!("{UPLOADS}/{file}")).await;
        assert_eq!(answer.status.as_u16(), if may { 200 } else { 404 }, "{who}: {}", answer.text);
        let link = user.call(Method::POST, &format!("{UPLOADS}/{file}/link"), &[], None).await;
        assert_eq!(link.status.as_u16(), if may { 200 } else { 404 }, "a link for {who}: {}", link.text);
    }
    let foreign = boss.get(&format!("/workspaces/bolt/attachments/{shown}")).await;
    let missing = boss.get("/workspaces/bolt/attachments/att_00000000000000000000000000").await;
    assert_eq!((foreign.problem(404), missing.problem(404)), ("not_found".to_owned(), "not_found".to_owned()));
    assert_eq!(foreign.headers.len(), missing.headers.len());
    assert_eq!(boss.get(&format!("{UPLOADS}/{shown}")).await.problem(404), "not_found");
    assert_eq!(app.anonymous().get(&format!("{UPLOADS}/{shown}")).await.problem(401), "unauthorized");
    assert_eq!(upload(&viewer, "a.png", PNG).await.problem(403), "forbidden");
    assert_eq!(upload(&boss, "a.png", PNG).await.problem(404), "not_found");
    app.finish().await;
}

#[tokio::test]
async fn a_file_belongs_to_one_message_of_its_uploader() {
    let (app, _, agent, customer) = desk().await;
    let messages = format!("{}/messages", agent.open("Once").await);
    let with = |files: &[&str]| json!({"kind": "reply", "body": "x", "attachment_ids": files});
    let file = uploaded(&agent, "a.png").await;
    assert_eq!(customer.post(&messages, &with(&[&file])).await.problem(422), "invalid", "somebody else's");
    assert_eq!(agent.post(&messages, &with(&[&file, &file])).await.problem(422), "invalid", "twice");
    assert_eq!(agent.post(&messages, &with(&["att_00000000000000000000000000"])).await.problem(422), "invalid");
    assert_eq!(agent.post(&messages, &with(&["x"])).await.json()["errors"][0]["field"], "attachment_ids[0]");
    assert_eq!(agent.post(&messages, &with(&[file.as_str(); 21])).await.problem(422), "invalid", "too many");
    let body = with(&[&file]);
    let (one, two) = tokio::join!(agent.post(&messages, &body), agent.post(&messages, &body));
    let mut codes = [one.status.as_u16(), two.status.as_u16()];
    codes.sort_unstable();
    assert_eq!(codes, [201, 409], "{} {}", one.text, two.text);
    assert_eq!(agent.post(&messages, &body).await.problem(409), "attachment_used");
    let rows = agent.get(&messages).await.expect(200);
    assert_eq!(rows["data"].as_array().map(Vec::len), Some(2), "what was refused left nothing");
    app.finish().await;
}

#[tokio::test]
async fn a_signed_link_opens_one_file_for_five_minutes() {
    let (app, _, agent, _) = desk().await;
    let (file, other) = (uploaded(&agent, "a.png").await, uploaded(&agent, "b.png").await);
    let link = agent.call(Method::POST, &format!("{UPLOADS}/{file}/link"), &[], None).await.expect(200);
    let url = link["url"].as_str().expect("an address");
    let path = url.strip_prefix("https://desk.example/api/v1").expect("below the API").to_owned();
    let anonymous = app.anonymous();
    let (status, headers, bytes) = read(&anonymous, &path).await;
    assert_eq!((status.as_u16(), bytes.as_slice()), (200, PNG));
    assert_eq!(
        headers["content-security-policy"],
        "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; sandbox"
    );
    let (_, signature) = path.split_once("signature=").expect("a signature");
    let turned: String = signature.chars().rev().collect();
    for altered in [
        path.replace(&file, &other),
        path.replace(signature, &turned),
        path.replace("expires=1", "expires=2"),
        path.replace("&signature=", "&also=1&signature="),
        path.replace("expires=", "expired="),
        format!("{UPLOADS}/{file}?signature="),
        path.replace(path.split('/').nth(2).expect("the workspace"), "nowhere"),
    ] {
        assert_ne!(altered, path);
        assert_eq!(anonymous.get(&altered).await.problem(404), "not_found", "{altered}");
    }
    app.clock.advance(Duration::from_secs(5 * 60 + 1));
    assert_eq!(anonymous.get(&path).await.problem(404), "not_found", "it has ended");
    app.finish().await;
}

#[tokio::test]
async fn altered_content_does_not_arrive_whole() {
    let (app, blobs, agent, _) = desk().await;
    let content = b"text ".repeat(60_000);
    let file = id(&upload(&agent, "a.txt", &content).await.expect(201));
    blobs.alters.store(true, Ordering::SeqCst);
    let request = agent.request(Method::GET, &format!("{UPLOADS}/{file}"));
    let (status, _, bytes) = agent.bytes(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(status, 200, "the headers had left");
    assert!(bytes.is_err(), "the end is missing");
    blobs.alters.store(false, Ordering::SeqCst);
    assert_eq!(read(&agent, &format!("{UPLOADS}/{file}")).await.2, content);
    app.finish().await;
}

#[tokio::test]
async fn what_nobody_uses_is_swept_after_a_day() {
    let (app, blobs, agent, _) = desk().await;
    let messages = format!("{}/messages", agent.open("Sweep").await);
    let (used, _left) = (uploaded(&agent, "used.png").await, uploaded(&agent, "left.png").await);
    agent.post(&messages, &json!({"kind": "note", "body": "x", "attachment_ids": [used]})).await.expect(201);
    app.clock.advance(Duration::from_secs(23 * 3600));
    assert_eq!(app.desk.sweep_attachments(100).await.expect("swept"), 0, "not yet");
    app.clock.advance(Duration::from_secs(3600 + 1));
    let agent = app.sign_in("agent@acme.example").await;
    let fresh = uploaded(&agent, "fresh.png").await;
    assert_eq!(app.desk.sweep_attachments(0).await.expect("swept"), 0, "no more than asked");
    assert_eq!(app.desk.sweep_attachments(100).await.expect("swept"), 1);
    let keys = blobs.keys();
    assert!(keys.len() == 2 && keys.iter().all(|key| key.ends_with(&used) || key.ends_with(&fresh)), "{keys:?}");
    assert_eq!(app.desk.sweep_attachments(100).await.expect("swept"), 0);
    assert_eq!(read(&agent, &format!("{UPLOADS}/{used}")).await.2, PNG);
    app.finish().await;
}

#[tokio::test]
async fn a_desk_without_a_place_for_files_says_so() {
    let store = Arc::new(MemoryStore::new());
    let app = TestApp::built(store.clone(), store, settings(), |desk| desk);
    let (app, _, agent, _) = app.with_acme().await;
    assert_eq!(upload(&agent, "a.png", PNG).await.problem(409), "no_attachments");
    assert_eq!(app.desk.sweep_attachments(100).await.expect("nothing to do"), 0);
    let page = Request::get("/acme/tickets/new").body(Body::empty()).expect("a request");
    assert!(!agent.send(page).await.text.contains("type=\"file\""));
    app.finish().await;
}

#[tokio::test]
async fn a_person_takes_so_many_places_with_however_many_keys_and_who_may_bring_nothing_takes_none() {
    let (app, _, owner, _) = TestApp::acme().await;
    let viewer = app.member(&owner, "viewer@acme.example", "viewer").await;
    let agent = app.member(&owner, "other@acme.example", "member").await;
    let mut robots = Vec::new();
    for _ in 0..3 {
        robots.push(program(&app, &owner, &["tickets.reply"]).await.0);
    }
    // An upload whose content does not come.
    let stuck = |by: &User| {
        let content = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let request = by.request(Method::POST, "/workspaces/acme/attachments?name=a.txt").body(content);
        let by = by.clone();
        tokio::spawn(async move { by.send(request.expect("a request")).await })
    };
    let held: Vec<_> = [&robots[0], &robots[0], &robots[1], &owner].into_iter().map(stuck).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    for by in [&robots[0], &robots[2], &owner] {
        let answer = stuck(by).await.expect("no panic");
        assert_eq!(answer.problem(503), "too_many_uploads", "four for one person");
    }
    let others = stuck(&agent);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!others.is_finished(), "others have places of their own");
    assert_eq!(stuck(&viewer).await.expect("no panic").problem(403), "forbidden");
    for task in held.into_iter().chain([others]) {
        task.abort();
    }
    app.finish().await;

    let http = HttpSettings { max_uploads: 0, ..HttpSettings::default() };
    let (app, _, owner, _) = TestApp::made(Made { http, ..Made::default() }, |desk| desk).with_acme().await;
    let viewer = app.member(&owner, "viewer@acme.example", "viewer").await;
    let upload = async |by: &User| {
        let request = by.request(Method::POST, "/workspaces/acme/attachments?name=a.txt").body(Body::from("x"));
        by.send(request.expect("a request")).await
    };
    assert_eq!(upload(&viewer).await.problem(403), "forbidden", "asked before a place is");
    assert_eq!(upload(&owner).await.problem(503), "too_many_uploads");
    app.finish().await;
}
