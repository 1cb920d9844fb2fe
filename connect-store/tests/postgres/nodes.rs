//! Several nodes on one schema: one journal, one numbering, one time.

use std::sync::Arc;
use std::time::Duration;

use connect_core::{Clock, Store, TicketId, Timestamp, WorkspaceId};
use connect_store::PostgresStore;
use connect_store::postgres::DatabaseClock;

use crate::database::{Schema, url};
use crate::ledger::Ledger;
use crate::world::{Maker, OTHER, WORKSPACE, bounded, number, outside};

/// Opens the schema with an option of the server for each of its connections.
async fn open_with(schema: &Schema, option: &str) -> PostgresStore {
    let url = format!("{}?options=-c%20{}", url(), option.replace('=', "%3D"));
    PostgresStore::connect(&url, schema.settings()).await.expect("the database opens")
}

/// All of the commits at once, spread over the nodes; every one must be kept.
async fn all_at_once(nodes: &[PostgresStore; 2], workspace: WorkspaceId, maker: &Maker, count: usize) -> Ledger {
    let contact = maker.kept_contact(&nodes[0], workspace).await;
    let ledger = Ledger::default();
    let mut tasks = Vec::new();
    for place in 0..count {
        let (ticket, changes) = maker.ticket(contact, "At once.");
        ledger.begin(ticket.id);
        let node = nodes[place % 2].clone();
        tasks.push((ticket.id, tokio::spawn(async move { node.commit(workspace, changes).await })));
    }
    for (id, task) in tasks {
        kept(&ledger, id, &task.await.expect("no panic"));
    }
    ledger
}

fn kept(ledger: &Ledger, id: TicketId, outcome: &Result<connect_core::Committed, connect_core::CommitError>) {
    assert!(outcome.is_ok(), "every commit must be kept where nothing is wrong; {id} was answered {outcome:?}");
    ledger.end(id, outcome);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_commits_over_two_nodes_are_one_journal() {
    bounded("200 commits", async {
        let schema = Schema::new();
        let nodes = [schema.open().await, schema.open().await];
        let ledger = all_at_once(&nodes, WORKSPACE, &Maker::new(1), 200).await;
        assert_eq!(ledger.kept(), 200);
        for node in &nodes {
            ledger.check(node, WORKSPACE).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_number_on_their_own_while_both_are_written() {
    bounded("commits to two workspaces", async {
        let schema = Schema::new();
        let nodes = [schema.open().await, schema.open().await];
        let makers = [Maker::new(1), Maker::new(2)];
        let (one, two) =
            tokio::join!(all_at_once(&nodes, WORKSPACE, &makers[0], 40), all_at_once(&nodes, OTHER, &makers[1], 40));
        one.check(&nodes[0], WORKSPACE).await;
        two.check(&nodes[1], OTHER).await;
        let workspaces = nodes[0].workspaces(None, connect_core::Limit::MAX).await.expect("read");
        assert_eq!(workspaces, [WORKSPACE, OTHER], "both workspaces, and no other, must be there");
    })
    .await;
}

/// Neither of two nodes may be starved by the other, however steadily that one writes.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_never_pause_are_both_served() {
    bounded("commits without a pause", async {
        let schema = Schema::new();
        let nodes = [schema.open().await, schema.open().await];
        let (maker, ledger) = (Arc::new(Maker::new(1)), Arc::new(Ledger::default()));
        let contact = maker.kept_contact(&nodes[0], WORKSPACE).await;
        let mut tasks = Vec::new();
        for place in 0..12 {
            let (node, maker, ledger) = (nodes[place % 2].clone(), maker.clone(), ledger.clone());
            tasks.push(tokio::spawn(async move {
                for _ in 0..20 {
                    let (ticket, changes) = maker.ticket(contact, "One after the other.");
                    ledger.begin(ticket.id);
                    kept(&ledger, ticket.id, &node.commit(WORKSPACE, changes).await);
                }
            }));
        }
        for task in tasks {
            task.await.expect("every commit is kept");
        }
        ledger.check(&nodes[1], WORKSPACE).await;
    })
    .await;
}

/// Where the server's default is serializable, what it decides against is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn serialization_failures_are_tried_again() {
    bounded("serializable commits", async {
        let schema = Schema::new();
        let option = "default_transaction_isolation=serializable";
        let mut asked = outside(&format!("{}?options=-c%20{}", url(), option.replace('=', "%3D"))).await;
        let is_set = "SELECT (current_setting('transaction_isolation') = 'serializable')::int::bigint";
        assert_eq!(number(&mut asked, is_set).await, 1, "the option of the address must reach the server");
        let nodes = [open_with(&schema, option).await, open_with(&schema, option).await];
        let ledger = all_at_once(&nodes, WORKSPACE, &Maker::new(1), 100).await;
        ledger.check(&nodes[1], WORKSPACE).await;
    })
    .await;
}

/// Whether the time that `asked` tells between two looks at `clock` is that of `clock`, to within a second.
fn agrees(clock: &DatabaseClock, asked: impl FnOnce() -> Timestamp) {
    let second = Duration::from_secs(1);
    let before = clock.now();
    let told = asked();
    let after = clock.now();
    assert!(
        told >= before.minus(second) && told <= after.plus(second),
        "two nodes must agree on the time to within a second: one says {told}, the other {before} to {after}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodes_share_one_time_that_goes_on() {
    let schema = Schema::new();
    let nodes = [schema.open().await, schema.open().await];
    let clocks = [nodes[0].clock(), nodes[1].clock()];
    agrees(&clocks[0], || clocks[1].now());
    let first = clocks[0].now();
    tokio::time::sleep(Duration::from_millis(30)).await;
    let second = clocks[0].now();
    assert!(second.since(first) >= Duration::from_millis(25), "the time must go on: {first} and 30 ms later {second}");
    agrees(&clocks[1], || clocks[0].now());
    let mut connection = outside(&url()).await;
    let before = clocks[1].now();
    let told = number(&mut connection, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").await;
    let (told, after) = (Timestamp::from_micros(told), clocks[1].now());
    assert!(
        told >= before.minus(Duration::from_secs(1)) && told <= after.plus(Duration::from_secs(1)),
        "the time must be the database's: it says {told}, the node {before} to {after}"
    );
}
