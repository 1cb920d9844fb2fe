//! What API keys cost the store, how soon other nodes hear of changes, and that every store will do.

use std::sync::Arc;
use std::time::Duration;

use connect_core::{AuthStore, Store};
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
