//! Failures of the store, injected with mockall, as clients see them.

use std::sync::Arc;

use async_trait::async_trait;
use connect_core::audit::Forgotten;
use connect_core::delivery::{Claim, Claimed, Delivery, DeliveryList, QueueDepth, Reset, Route, Settlement};
use connect_core::event::Event;
use connect_core::message::Message;
use connect_core::record::Record;
use connect_core::store::{
    Counters, EventList, MessageList, OriginList, RecordList, Seal, SealList, StoredAnswer, TicketKey, TicketRow,
    Unrouted,
};
use connect_core::ticket::TicketList;
use connect_core::{
    Actor, ChangeSet, CommitError, Committed, DeliveryId, Limit, MessageId, Store, StoreError, Timestamp, UserId,
    WorkspaceId,
};
use connect_store::MemoryStore;
use serde_json::json;

use crate::app::{TestApp, settings};

mockall::mock! {
    #[derive(Debug)]
    pub Broken {}

    #[async_trait]
    impl Store for Broken {
        async fn commit(&self, workspace: WorkspaceId, changes: ChangeSet) -> Result<Committed, CommitError>;
        async fn answer(&self, workspace: WorkspaceId, actor: Actor, key: String) -> Result<Option<StoredAnswer>, StoreError>;
        async fn ticket(&self, workspace: WorkspaceId, key: TicketKey) -> Result<Option<TicketRow>, StoreError>;
        async fn tickets(&self, workspace: WorkspaceId, list: TicketList) -> Result<Vec<TicketRow>, StoreError>;
        async fn message(&self, workspace: WorkspaceId, id: MessageId) -> Result<Option<Message>, StoreError>;
        async fn messages(&self, workspace: WorkspaceId, list: MessageList) -> Result<Vec<Message>, StoreError>;
        async fn events(&self, workspace: WorkspaceId, list: EventList) -> Result<Vec<Event>, StoreError>;
        async fn record(&self, workspace: WorkspaceId, kind: &'static str, id: String) -> Result<Option<Record>, StoreError>;
        async fn records(&self, workspace: WorkspaceId, kind: &'static str, list: RecordList) -> Result<Vec<Record>, StoreError>;
        async fn find(&self, workspace: WorkspaceId, kind: &'static str, key: String) -> Result<Option<Record>, StoreError>;
        async fn locate(&self, kind: &'static str, key: String) -> Result<Vec<(WorkspaceId, Record)>, StoreError>;
        async fn workspaces(&self, after: Option<WorkspaceId>, limit: Limit) -> Result<Vec<WorkspaceId>, StoreError>;
        async fn unrouted(&self, limit: Limit) -> Result<Vec<Unrouted>, StoreError>;
        async fn route(&self, workspace: WorkspaceId, route: Route) -> Result<bool, StoreError>;
        async fn seals(&self, workspace: WorkspaceId, list: SealList) -> Result<Vec<Seal>, StoreError>;
        async fn forget_origins(&self, workspace: WorkspaceId, list: OriginList) -> Result<u64, StoreError>;
        async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError>;
        async fn settle(&self, workspace: WorkspaceId, id: DeliveryId, token: u32, settlement: Settlement) -> Result<bool, StoreError>;
        async fn reset(&self, workspace: WorkspaceId, ids: Vec<DeliveryId>, reset: Reset) -> Result<u64, StoreError>;
        async fn mark_read(
            &self,
            workspace: WorkspaceId,
            user: UserId,
            channel: &'static str,
            ids: Option<Vec<DeliveryId>>,
            at: Timestamp,
        ) -> Result<u64, StoreError>;
        async fn queue(&self) -> Result<Vec<QueueDepth>, StoreError>;
        async fn deliveries(&self, workspace: WorkspaceId, list: DeliveryList) -> Result<Vec<Delivery>, StoreError>;
        async fn counters(&self, workspace: WorkspaceId) -> Result<Option<connect_core::store::Counters>, StoreError>;
        async fn export(
            &self,
            workspace: WorkspaceId,
            list: connect_core::store::ExportList,
        ) -> Result<Vec<connect_core::store::MovedRow>, StoreError>;
        async fn import(&self, workspace: WorkspaceId, import: connect_core::store::Import) -> Result<(), CommitError>;
        async fn ready(&self) -> Result<(), StoreError>;
    }
}

/// A store that does nothing but fail at commits in a certain way.
fn failing(error: fn() -> CommitError) -> MockBroken {
    let mut store = MockBroken::new();
    store.expect_commit().returning(move |_, _| Err(error()));
    store.expect_answer().returning(|_, _, _| Ok(None));
    store.expect_find().returning(|_, _, _| Ok(None));
    store.expect_record().returning(|_, _, _| Ok(None));
    store.expect_unrouted().returning(|_| Ok(Vec::new()));
    store.expect_claim().returning(|_| Ok(Vec::new()));
    store.expect_workspaces().returning(|_, _| Ok(Vec::new()));
    store.expect_deliveries().returning(|_, _| Ok(Vec::new()));
    store.expect_ready().returning(|| Err(StoreError::unavailable("gone")));
    store
}

fn over(store: MockBroken) -> TestApp {
    TestApp::over(Arc::new(store), Arc::new(MemoryStore::new()), settings())
}

#[tokio::test]
async fn a_store_that_is_away_is_503_with_retry_after_and_tells_no_cause() {
    let app = over(failing(|| CommitError::Store(StoreError::unavailable("disk /dev/sda1 is full"))));
    let answer = app.anonymous().post("/auth/otp/request", &json!({"email": "ada@example.org"})).await;
    assert_eq!(answer.problem(503), "unavailable");
    assert!(answer.headers.contains_key("retry-after"));
    assert!(!answer.text.contains("sda1"), "{}", answer.text);
    let ready = axum::http::Request::get("/readyz").body(axum::body::Body::empty()).expect("a request");
    assert_eq!(app.anonymous().send(ready).await.status, 503);
    let alive = axum::http::Request::get("/healthz").body(axum::body::Body::empty()).expect("a request");
    assert_eq!(app.anonymous().send(alive).await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn an_unknown_outcome_says_so() {
    let app = over(failing(|| CommitError::Unknown));
    let answer = app.anonymous().post("/auth/otp/request", &json!({"email": "ada@example.org"})).await;
    assert_eq!(answer.problem(503), "outcome_unknown");
    app.finish().await;
}

#[tokio::test]
async fn stored_data_that_does_not_read_is_a_500_that_tells_nothing() {
    let mut store = failing(|| CommitError::Unknown);
    store.checkpoint();
    store.expect_commit().returning(|_, _| Err(CommitError::Store(StoreError::Corrupt("ticket 7 of acme".to_owned()))));
    store.expect_unrouted().returning(|_| Ok(Vec::new()));
    store.expect_claim().returning(|_| Ok(Vec::new()));
    store.expect_workspaces().returning(|_, _| Ok(Vec::new()));
    store.expect_deliveries().returning(|_, _| Ok(Vec::new()));
    let app = over(store);
    let answer = app.anonymous().post("/auth/otp/request", &json!({"email": "ada@example.org"})).await;
    assert_eq!(answer.problem(500), "internal");
    assert!(!answer.text.contains("acme"), "{}", answer.text);
    app.finish().await;
}

const FIRST: WorkspaceId = WorkspaceId::from_bits(1);
const SECOND: WorkspaceId = WorkspaceId::from_bits(2);

/// A store of two workspaces with some events in each; the first one cannot be read if it is away.
fn two_workspaces(first_is_away: bool) -> MockBroken {
    let mut store = failing(|| CommitError::Unknown);
    store.checkpoint();
    store
        .expect_workspaces()
        .returning(|after, _| Ok([FIRST, SECOND].into_iter().filter(|id| Some(*id) > after).collect()));
    store.expect_counters().returning(move |workspace| match workspace {
        WorkspaceId::DIRECTORY => Ok(None),
        FIRST if first_is_away => Err(StoreError::unavailable("gone")),
        _ => Ok(Some(Counters { last_seq: 5, last_number: 0, routed_seq: 5 })),
    });
    store.expect_events().returning(|_, _| Ok(Vec::new()));
    store.expect_deliveries().returning(|_, _| Ok(Vec::new()));
    store.expect_unrouted().returning(|_| Ok(Vec::new()));
    store.expect_claim().returning(|_| Ok(Vec::new()));
    store
}

#[tokio::test]
async fn old_origins_end_behind_a_workspace_that_fails() {
    let mut store = two_workspaces(true);
    store.expect_forget_origins().withf(|workspace, _| *workspace == SECOND).times(1).returning(|_, _| Ok(3));
    let app = over(store);
    let error = app.desk.forget_origins(app.desk.now()).await.expect_err("one workspace is away");
    assert!(error.to_string().contains("gone"), "{error}");
    app.finish().await;
}

#[tokio::test]
async fn unused_uploads_end_behind_a_workspace_that_fails() {
    let mut store = two_workspaces(false);
    store
        .expect_records()
        .withf(|workspace, _, _| *workspace == FIRST)
        .returning(|_, _, _| Err(StoreError::unavailable("gone")));
    store.expect_records().withf(|workspace, _, _| *workspace == SECOND).times(1).returning(|_, _, _| Ok(Vec::new()));
    let app = over(store);
    let error = app.desk.sweep_attachments(100).await.expect_err("one workspace is away");
    assert!(error.to_string().contains("gone"), "{error}");
    app.finish().await;
}

#[tokio::test]
async fn old_origins_that_are_left_are_told() {
    let mut store = two_workspaces(false);
    let of = |expected: WorkspaceId| move |workspace: &WorkspaceId, _: &OriginList| *workspace == expected;
    store.expect_forget_origins().withf(of(FIRST)).times(500).returning(|_, _| Ok(200));
    store.expect_forget_origins().withf(of(SECOND)).times(1).returning(|_, _| Ok(3));
    let app = over(store);
    let forgotten = app.desk.forget_origins(app.desk.now()).await.expect("forgotten");
    assert_eq!(forgotten, Forgotten { origins: 100_003, left: true });
    app.finish().await;
}

#[tokio::test]
async fn the_origins_of_a_person_end_however_many_they_are() {
    let mut store = two_workspaces(false);
    let mut left = 120_000_u64;
    store.expect_forget_origins().returning(move |_, list| {
        assert_eq!(list.actor, Some(Actor::Host), "theirs only");
        let removed = left.min(200);
        left -= removed;
        Ok(removed)
    });
    let app = over(store);
    assert_eq!(app.desk.forget_origins_of(FIRST, Actor::Host).await.expect("forgotten"), 120_000);
    app.finish().await;
}
