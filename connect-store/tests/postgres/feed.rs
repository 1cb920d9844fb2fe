//! Hints over the server, and a listener that loses its connection.

use std::time::Duration;

use connect_core::store::{Hint, Signal, Signals};
use connect_core::{LiveFeed, Store};
use connect_store::postgres::PostgresFeed;

use crate::database::{Schema, url};
use crate::world::{Maker, WORKSPACE, bounded, number, outside, recovered};

/// Waits until a signal is heard, or for a while.
async fn heard(signals: &mut Signals, wanted: Signal, wait: Duration) -> bool {
    let search = async {
        while let Some(signal) = signals.next().await {
            if signal == wanted {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(wait, search).await.unwrap_or(false)
}

/// A hint may be lost, so it is said again some times.
async fn is_told(from: &PostgresFeed, to: &mut Signals, hint: Hint) -> bool {
    for _ in 0..40 {
        from.publish(hint);
        if heard(to, Signal::Look(hint), Duration::from_millis(500)).await {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_hears_of_the_others_commits_also_after_its_listener_was_lost() {
    bounded("the feed", async {
        let schema = Schema::new();
        let nodes = [schema.open().await, schema.open().await];
        let feeds = [PostgresFeed::start(&nodes[0]), PostgresFeed::start(&nodes[1])];
        for feed in &feeds {
            recovered("the feed's connection", || feed.ready()).await;
        }
        let mut signals = feeds[1].subscribe();
        let maker = Maker::new(1);
        let committed = nodes[0].commit(WORKSPACE, maker.contact("ada@example.org").1).await.expect("kept");
        let hint = Hint { workspace: WORKSPACE, seq: committed.last_seq };
        assert!(is_told(&feeds[0], &mut signals, hint).await, "a hint must reach the other node; none came");

        let mut signals = feeds[1].subscribe();
        let kill = format!(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE query LIKE 'LISTEN%{}_hints%' AND pid <> pg_backend_pid()",
            schema.name()
        );
        let killed = number(&mut outside(&url()).await, &kill).await;
        assert_eq!(killed, 2, "each feed must listen over one connection");
        assert!(
            heard(&mut signals, Signal::LookEverywhere, Duration::from_secs(60)).await,
            "a subscriber must be told to look everywhere after its node missed hints; it was not"
        );
        for feed in &feeds {
            recovered("the feed's connection", || feed.ready()).await;
        }
        let committed = nodes[0].commit(WORKSPACE, maker.contact("bob@example.org").1).await.expect("kept");
        let hint = Hint { workspace: WORKSPACE, seq: committed.last_seq };
        assert!(is_told(&feeds[0], &mut signals, hint).await, "hints must come again after the loss; none came");
    })
    .await;
}
