//! What API keys cost the store, how soon other nodes hear of changes, and that every store will do.

use std::sync::Arc;
use std::time::Duration;

use connect_auth::Client;
use connect_core::workspace::moving::{Export, Importing};
use connect_core::{AuthStore, EmailAddress, Store};
use connect_store::{MemoryStore, SqliteSettings, SqliteStore};
use serde_json::json;

use crate::api_keys::{asked, made, path, program, token};
use crate::app::{TestApp, settings};
use crate::counting::Counting;

const LIST: &str = "/workspaces/acme/tickets";

#[tokio::test]
async fn sec_63_a_known_key_costs_no_read_and_an_unknown_one_a_single_one() {
    let memory = Arc::new(MemoryStore::new());
    let store = Arc::new(Counting::new(memory.clone()));
    let (app, _, owner, _) = TestApp::over(store.clone(), memory, settings()).with_acme().await;
    let key = made(&owner, &asked(&["workspace.read"])).await;
    let wrong = {
        let other = made(&owner, &asked(&["workspace.read"])).await;
        owner.delete(&path(&other)).await.expect(204);
        app.bearer(token(&other))
    };
    let robot = app.bearer(token(&key));
    let look = async || {
        // Reads nothing but who comes: so what is counted is what the key costs.
        robot.get("/workspaces/acme").await.expect(200);
        store.take()
    };
    app.clock.advance(Duration::from_secs(2));
    store.take();
    assert_eq!(look().await, (1, 3), "the key; its owner, the workspace and the membership");
    for _ in 0..20 {
        assert_eq!(look().await, (0, 0), "known for a second");
    }
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(look().await, (1, 3));

    assert_eq!(wrong.get("/workspaces/acme").await.problem(401), "unauthorized");
    assert_eq!(store.take(), (1, 0), "one that there is not costs the one look for it");
    for broken in ["ck_", "ck_w", &token(&key)[..79]] {
        assert_eq!(app.bearer(broken).get("/workspaces/acme").await.problem(401), "unauthorized");
    }
    assert_eq!(store.take(), (0, 0), "what is no key by its own check sum costs nothing");
    app.finish().await;
}

#[tokio::test]
async fn sec_67_another_node_hears_of_the_end_within_a_second() {
    let store = Arc::new(MemoryStore::new());
    let (one, _, owner, _) = TestApp::over(store.clone(), store.clone(), settings()).with_acme().await;
    let two = TestApp::over(store.clone(), store, settings());
    let second = Duration::from_secs(1);
    let key = made(&owner, &asked(&["tickets.read"])).await;
    let there = two.bearer(token(&key));
    there.get(LIST).await.expect(200);
    owner.delete(&path(&key)).await.expect(204);
    two.clock.advance(second);
    assert_eq!(there.get(LIST).await.problem(401), "unauthorized", "revoked");

    let key = made(&owner, &asked(&["tickets.read"])).await;
    let there = two.bearer(token(&key));
    there.get(LIST).await.expect(200);
    owner.post(&format!("{}/rotate", path(&key)), &json!({"overlap_seconds": 0})).await.expect(200);
    two.clock.advance(second);
    assert_eq!(there.get(LIST).await.problem(401), "unauthorized", "rotated");

    let admin = one.member(&owner, "admin@acme.example", "admin").await;
    let (_, path_of_key) = program(&one, &admin, &["tickets.update", "tickets.read"]).await;
    owner.get(&path_of_key).await.expect(200);
    let key = made(&admin, &asked(&["tickets.update"])).await;
    let there = two.bearer(token(&key));
    let ticket = owner.open("Printer on fire").await;
    there.patch(&ticket, &json!({"priority": "low"})).await.expect(200);
    let me = admin.get("/me").await.expect(200)["user"]["id"].clone();
    let member = format!("/workspaces/acme/members/{}", me.as_str().expect("an id"));
    owner.patch(&member, &json!({"role": "viewer"})).await.expect(200);
    two.clock.advance(second);
    assert_eq!(there.patch(&ticket, &json!({"priority": "high"})).await.problem(403), "forbidden", "demoted");
    owner.delete(&member).await.expect(204);
    two.clock.advance(second);
    assert_eq!(there.patch(&ticket, &json!({"priority": "high"})).await.problem(401), "unauthorized", "gone");
    two.finish().await;
    one.finish().await;
}

#[tokio::test]
async fn sec_22_keys_that_moved_with_their_workspace_outlast_the_first_proof_of_their_owner() {
    let (one, _, owner, _) = TestApp::acme().await;
    let (moved, rotated) =
        (made(&owner, &asked(&["tickets.read"])).await, made(&owner, &asked(&["tickets.read"])).await);
    one.deliver().await;
    let two = TestApp::new();
    let acme = one.desk.find_workspace("acme").await.expect("read").expect("it is there").id;
    let mut export = Export::begin(one.desk.store().clone(), acme).await.expect("it is there");
    let mut importing = Importing::begin(&two.desk, export.header()).await.expect("it is new here");
    while let Some(lines) = export.next().await.expect("nobody changes it") {
        for line in lines {
            importing.take(line).await.expect("taken");
        }
    }
    let (robot, other) = (two.bearer(token(&moved)), two.bearer(token(&rotated)));
    robot.get(LIST).await.expect(200);
    // Somebody gets at the account on the new desk before its holder comes, and has another secret made.
    let email = EmailAddress::parse("email", "agent@acme.example").expect("an address");
    let user = two.desk.users().find(&email).await.expect("read").expect("moved along");
    assert!(!user.proven);
    let opened = two.auth.open_session(user, "test", &Client::default(), None).await.expect("opened");
    let mallory = two.bearer(&opened.token.text());
    let stolen = mallory.post(&format!("{}/rotate", path(&rotated)), &json!({})).await.expect(200);
    let stolen = two.bearer(token(&stolen));
    stolen.get(LIST).await.expect(200);
    two.sign_in("agent@acme.example").await;
    robot.get(LIST).await.expect(200);
    for over in [stolen, other] {
        assert_eq!(over.get(LIST).await.problem(401), "unauthorized", "what was made before the proof is over");
    }
    one.finish().await;
    two.finish().await;
}

/// A key's life on a store: made, found, used, rotated by many at once, revoked.
async fn lives_on(store: Arc<dyn Store>, auth: Arc<dyn AuthStore>) {
    let (app, _, owner, _) = TestApp::over(store, auth, settings()).with_acme().await;
    let key = made(&owner, &asked(&["tickets.read"])).await;
    let old = app.bearer(token(&key));
    old.get(LIST).await.expect(200);
    assert!(owner.get(&path(&key)).await.expect(200)["last_used_at"].is_string(), "its use is kept");
    let rotate = format!("{}/rotate", path(&key));
    let body = json!({});
    let answers = futures::future::join_all((0..10).map(|_| owner.post(&rotate, &body))).await;
    let heard: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(heard.len(), 1, "{answers:?}");
    let new = app.bearer(token(&heard[0].json()));
    new.get(LIST).await.expect(200);
    old.get(LIST).await.expect(200);
    owner.delete(&path(&key)).await.expect(204);
    assert_eq!(new.get(LIST).await.problem(401), "unauthorized");
    assert_eq!(old.get(LIST).await.problem(401), "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn sec_67_keys_live_in_memory_alike() {
    let store = Arc::new(MemoryStore::new());
    lives_on(store.clone(), store).await;
}

#[tokio::test]
async fn sec_67_keys_live_on_sqlite_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("connect.db");
    let store = Arc::new(SqliteStore::open(&path, SqliteSettings::default()).await.expect("a store"));
    lives_on(store.clone(), store.clone()).await;
}
