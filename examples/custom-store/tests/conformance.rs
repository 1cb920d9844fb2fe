//! Everything the ports promise, and what a killed process leaves.

#![allow(clippy::expect_used)]

use std::sync::Arc;

use connect_core::contact::{Contact, NewContact, Traits};
use connect_core::testing::{ManualClock, SeededRandom};
use connect_core::{Actor, AuthStore, ChangeSet, Clock, Ids, Moment, Name, Store, WorkspaceId};
use connect_custom_store::RedbStore;
use connect_store::conformance::Fresh;

async fn fresh() -> Fresh {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = RedbStore::open(folder.path().join("connect.redb")).expect("the file opens");
    let again = store.clone();
    Fresh {
        ports: (Arc::new(store.clone()), Arc::new(store)),
        // The first handle still holds redb's lock on the file, so nobody else can open it. A clone is a new
        // handle on the same open file: it shows that no state is kept beside the file. That the file itself
        // holds what was acknowledged is for the test below.
        reopen: Box::new(move || {
            let store = again.clone();
            Box::pin(async move { (Arc::new(store.clone()) as Arc<dyn Store>, Arc::new(store) as Arc<dyn AuthStore>) })
        }),
        guard: Box::new(folder),
    }
}

connect_store::conformance!(fresh);

/// The file is copied while it is open: what a kill at this moment would leave for the next process.
#[tokio::test]
async fn what_was_acknowledged_is_in_the_file_that_a_kill_leaves() {
    let workspace = WorkspaceId::from_bits(1);
    let clock = Arc::new(ManualClock::default());
    let ids = Ids::new(clock.clone(), Arc::new(SeededRandom::new(1)));
    let moment = Moment::new(&ids, clock.now(), Actor::Host);
    let name = Name::parse("name", "Ada").expect("a name");
    let new = NewContact { name, email: None, external_id: Some("7".to_owned()), traits: Traits::default() };
    let (contact, change) = Contact::create(new, &moment).expect("a contact");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, copy) = (folder.path().join("a.redb"), folder.path().join("b.redb"));
    let store = RedbStore::open(&path).expect("the file opens");
    store.commit(workspace, ChangeSet::new(&moment).record(change, &moment)).await.expect("kept");
    std::fs::copy(&path, &copy).expect("copied");

    let next = RedbStore::open(&copy).expect("the copy opens, and is repaired");
    let found = next.find(workspace, "contact", "external:7".to_owned()).await.expect("read");
    assert_eq!(found.map(|record| record.id), Some(contact.id.to_string()));
    assert_eq!(next.counters(workspace).await.expect("read").map(|counters| counters.last_seq), Some(1));
    assert!(RedbStore::open(&path).is_err(), "nobody opens a file that is open");
}
