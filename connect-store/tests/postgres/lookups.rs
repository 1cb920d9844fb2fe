//! Callers who look for records at the same time share statements, and nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use connect_core::contact::Contact;
use connect_core::record::RecordKind;
use connect_core::{Store, WorkspaceId};
use connect_store::{PostgresSettings, PostgresStore};
use futures::future::join_all;

use crate::database::{Schema, url};
use crate::moving;
use crate::world::{Maker, OTHER, WORKSPACE, bounded, number, outside, run};

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_callers_gets_their_own_record() {
    bounded("400 lookups at once", async {
        let (schema, maker) = (Schema::new(), Maker::new(1));
        let store = schema.open().await;
        let mut wanted: Vec<(WorkspaceId, String, Option<String>)> = Vec::new();
        for number in 0..40 {
            let (contact, changes) = maker.contact(&format!("customer{number}@example.org"));
            let workspace = if number % 2 == 0 { WORKSPACE } else { OTHER };
            store.commit(workspace, changes).await.expect("a contact is kept");
            let key = Contact::email_key(contact.email.as_ref().expect("an address"));
            let elsewhere = if number % 2 == 0 { OTHER } else { WORKSPACE };
            wanted.push((workspace, key.clone(), Some(contact.id.to_string())));
            wanted.push((elsewhere, key, None));
        }
        // A key that the server does not take stands among them: it fails, and it alone.
        let bad = (0..5).map(|_| store.find(WORKSPACE, Contact::KIND, "email:\0".to_owned()));
        let good = (0..5).flat_map(|_| wanted.iter()).map(|(workspace, key, expected)| {
            let found = store.find(*workspace, Contact::KIND, key.clone());
            async move { (found.await.expect("a lookup beside a bad one").map(|record| record.id), expected.clone()) }
        });
        let (refused, answered) = tokio::join!(join_all(bad), join_all(good));
        assert!(refused.iter().all(Result::is_err), "{refused:?}");
        assert_eq!(answered.len(), 400);
        for (found, expected) in answered {
            assert_eq!(found, expected);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_go_away_take_nobody_with_them() {
    bounded("lookups that are given up", async {
        let (schema, maker) = (Schema::new(), Maker::new(1));
        let store = schema.open().await;
        let (contact, changes) = maker.contact("ada@example.org");
        store.commit(WORKSPACE, changes).await.expect("a contact is kept");
        let key = Contact::email_key(contact.email.as_ref().expect("an address"));
        for _ in 0..200 {
            let (given_up, kept) = (store.clone(), store.clone());
            let (first, second) = (key.clone(), key.clone());
            let gone = tokio::spawn(async move { given_up.find(WORKSPACE, Contact::KIND, first).await });
            let stays = tokio::spawn(async move { kept.find(WORKSPACE, Contact::KIND, second).await });
            gone.abort();
            let found = stays.await.expect("no panic").expect("a lookup beside one that was given up");
            assert_eq!(found.map(|record| record.id), Some(contact.id.to_string()));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_nobody_can_have_is_nobodys() {
    let schema = Schema::new();
    let store: Arc<dyn Store> = Arc::new(schema.open().await);
    let desk = moving::desk(store.clone());
    moving::workspace(&desk).await;
    let access = desk.host("acme").await.expect("it is there");
    let long = "x".repeat(201);
    for id in ["\0", "a\0b", "", "\n", &long] {
        let found = desk.contacts(&access).by_external_id(id).await;
        assert!(matches!(found, Ok(None)), "{id:?}: {found:?}");
    }
}

/// What came of lookups while somebody held the table.
struct Stalled {
    took: Duration,
    failed: usize,
    statements: i64,
}

/// So many lookups at once at a table that answers nobody.
async fn stalled(callers: usize, timeout: Duration) -> Stalled {
    let schema = Schema::new();
    let settings = PostgresSettings { timeout, ..schema.settings() };
    let store = PostgresStore::connect(&url(), settings).await.expect("the database opens");
    let (mut holder, mut observer) = (outside(&url()).await, outside(&url()).await);
    run(&mut holder, &format!("BEGIN; LOCK TABLE {}.record_key", schema.name())).await;
    let began = Instant::now();
    let keys = (0..callers).map(|n| store.find(WORKSPACE, Contact::KIND, format!("email:c{n}@example.org")));
    let failed = join_all(keys).await.iter().filter(|found| found.is_err()).count();
    let took = began.elapsed();
    // The server goes on waiting for the lock when nobody waits for its answer any more, so all can be counted.
    tokio::time::sleep(4 * timeout).await;
    let waiting = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{}.record_key%'",
        schema.name()
    );
    let statements = number(&mut observer, &waiting).await;
    run(&mut holder, "ROLLBACK").await;
    let found = store.find(WORKSPACE, Contact::KIND, "email:c1@example.org".to_owned()).await;
    assert!(matches!(found, Ok(None)), "afterwards the store answers again: {found:?}");
    Stalled { took, failed, statements }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_database_is_not_asked_again_one_by_one() {
    bounded("lookups at a stalled database", async {
        let Stalled { failed, statements, .. } = stalled(60, Duration::from_millis(500)).await;
        assert_eq!(failed, 60);
        // Two are under way at once; whoever comes meanwhile shares a third.
        assert!((1..=4).contains(&statements), "a batch is asked for once, and not its callers: {statements}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_caller_waits_without_an_end() {
    bounded("very many lookups at a stalled database", async {
        let Stalled { took, failed, .. } = stalled(1500, Duration::from_millis(300)).await;
        assert_eq!(failed, 1500);
        assert!(took < Duration::from_millis(1500), "twice the time of a statement, and some more: {took:?}");
    })
    .await;
}
