//! Everything the ports promise, and what a killed process leaves.

#![allow(clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use connect_core::store::Budget;
use connect_core::{AuthStore, Store, Timestamp};
use connect_custom_store::RedbStore;
use connect_store::conformance::Fresh;

async fn fresh() -> Fresh {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Arc::new(RedbStore::open(folder.path().join("connect.redb")).expect("the file opens"));
    let again = store.clone();
    Fresh {
        ports: (store.clone(), store),
        // redb locks the file: this shows that no state is kept beside it. What the file holds is for the test below.
        reopen: Box::new(move || {
            let store = Arc::new(RedbStore::clone(&again));
            Box::pin(async move { (store.clone() as Arc<dyn Store>, store as Arc<dyn AuthStore>) })
        }),
        guard: Box::new(folder),
    }
}

connect_store::conformance!(fresh);

/// The file is copied while it is open: what a kill at this moment would leave for the next process.
#[tokio::test]
async fn what_was_acknowledged_is_in_the_file_that_a_kill_leaves() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, copy) = (folder.path().join("a.redb"), folder.path().join("b.redb"));
    let (now, budget) = (Timestamp::default(), Budget { limit: 5, window: Duration::from_secs(60) });
    let store = RedbStore::open(&path).expect("the file opens");
    assert!(store.spend("ada".to_owned(), budget, now).await.expect("written"));
    std::fs::copy(&path, &copy).expect("copied");
    let next = RedbStore::open(&copy).expect("the copy opens, and is repaired");
    assert_eq!(next.spent("ada".to_owned(), now).await.expect("read"), 1);
    assert!(RedbStore::open(&path).is_err(), "nobody opens a file that is open");
}
