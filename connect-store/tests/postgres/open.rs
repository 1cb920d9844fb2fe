//! Opening: versions of the schema, several programs at once, a database that may only be read.

use connect_core::store::{Budget, TicketKey};
use connect_core::{AuthStore, Clock, CommitError, Store, StoreError};
use connect_store::postgres::{PostgresError, script};
use connect_store::{PostgresSettings, PostgresStore};

use crate::database::{Schema, url};
use crate::ledger::events;
use crate::world::{Maker, WORKSPACE, bounded, number, outside, run};

fn newest() -> i64 {
    let entries = script("any").matches("INSERT INTO any.migrations").count();
    i64::try_from(entries).expect("few")
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let schema = Schema::new();
    let store = schema.open().await;
    store.commit(WORKSPACE, Maker::new(1).contact("ada@example.org").1).await.expect("kept");
    store.close().await;
    let mut connection = outside(&url()).await;
    let later = format!(
        "INSERT INTO {}.migrations (version, description, success, checksum, execution_time) VALUES (999, 'later', true, '', 0)",
        schema.name()
    );
    run(&mut connection, &later).await;
    for migrate in [true, false] {
        let settings = PostgresSettings { migrate, ..schema.settings() };
        let error = PostgresStore::connect(&url(), settings).await.map(|_| ()).expect_err("newer");
        assert!(
            matches!(&error, PostgresError::TooNew { schema: name, found: 999, known }
                if name == schema.name() && *known == newest()),
            "a newer schema must be refused as such; it was {error:?}"
        );
        let text = error.to_string();
        for part in ["999", &newest().to_string(), schema.name()] {
            assert!(text.contains(part), "the error must name {part}; it reads: {text}");
        }
    }
    let contacts = format!("SELECT count(*) FROM {}.record", schema.name());
    assert_eq!(number(&mut connection, &contacts).await, 1, "what is stored must be left alone");
}

#[tokio::test]
async fn a_schema_that_is_behind_is_left_to_whoever_migrates() {
    let schema = Schema::new();
    let settings = PostgresSettings { migrate: false, ..schema.settings() };
    let error = PostgresStore::connect(&url(), settings.clone()).await.map(|_| ()).expect_err("there are no tables");
    assert!(
        matches!(&error, PostgresError::TooOld { found: 0, known, .. } if *known == newest()),
        "an empty database must be told as too old; it was {error:?}"
    );
    let mut connection = outside(&url()).await;
    let there = format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{}'", schema.name());
    assert_eq!(number(&mut connection, &there).await, 0, "nothing may be made where nothing is to be migrated");
    schema.open().await.close().await;
    PostgresStore::connect(&url(), settings).await.expect("up to date, it opens without migrating").close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_open_a_new_schema_at_once() {
    bounded("six openers", async {
        for _ in 0..5 {
            let schema = Schema::new();
            let tasks: Vec<_> = (0..6)
                .map(|_| {
                    let settings = schema.settings();
                    tokio::spawn(async move { PostgresStore::connect(&url(), settings).await })
                })
                .collect();
            let mut stores = Vec::new();
            for task in tasks {
                stores.push(task.await.expect("no panic").expect("each of six programs must open a new schema"));
            }
            let maker = Maker::new(1);
            for (place, store) in stores.iter().enumerate() {
                let changes = maker.contact(&format!("c{place}@example.org")).1;
                let committed = store.commit(WORKSPACE, changes).await.expect("and write to it");
                assert_eq!(committed.last_seq, place as u64 + 1, "it is one schema for all of them");
            }
            let applied = format!("SELECT count(*) FROM {}.migrations", schema.name());
            let applied = number(&mut outside(&url()).await, &applied).await;
            assert_eq!(usize::try_from(applied), usize::try_from(newest()), "each migration must be applied once");
        }
    })
    .await;
}

/// The address of the server, for connections that may not write.
fn read_only() -> String {
    format!("{}?options=-c%20default_transaction_read_only%3Don", url())
}

fn says_read_only(what: &str, error: &impl std::fmt::Display) {
    let text = error.to_string();
    assert!(text.contains("read-only"), "{what} must be refused as read-only; it was: {text}");
}

#[tokio::test]
async fn a_database_that_may_only_be_read_is_read() {
    let schema = Schema::new();
    let (writable, maker) = (schema.open().await, Maker::new(1));
    let (contact, ticket, changes) = maker.contact_and_ticket("ada@example.org");
    writable.commit(WORKSPACE, changes).await.expect("kept");
    let before = events(&writable, WORKSPACE).await;

    let store = PostgresStore::connect(&read_only(), schema.settings()).await.expect("an up-to-date schema opens");
    let row = store.ticket(WORKSPACE, TicketKey::Id(ticket.id)).await.expect("read").expect("the ticket is there");
    assert_eq!((row.ticket.number, row.contact.id), (1, contact.id), "the ticket and its contact must be read");
    says_read_only("ready", &store.ready().await.expect_err("a store that cannot write is not ready"));
    for _ in 0..3 {
        let (_, changes) = maker.ticket(contact.id, "Not now.");
        match store.commit(WORKSPACE, changes).await {
            Err(CommitError::Store(error @ StoreError::Unavailable(_))) => says_read_only("a commit", &error),
            other => panic!("a commit must be refused as unavailable; it was {other:?}"),
        }
    }
    let budget = Budget { limit: 5, window: std::time::Duration::from_secs(60) };
    let spent = store.spend("account".into(), budget, maker.clock.now()).await;
    says_read_only("a budget's unit", &spent.expect_err("it cannot be written"));
    assert_eq!(events(&writable, WORKSPACE).await, before, "nothing of it may be written");
    assert_eq!(crate::ledger::tickets(&writable, WORKSPACE).await.len(), 1, "nothing of it may be written");
    let next = writable.commit(WORKSPACE, maker.contact("bob@example.org").1).await.expect("others write on");
    assert_eq!(next.last_seq, before.len() as u64 + 1, "the refused commits leave no hole");
}

#[tokio::test]
async fn a_schema_that_cannot_be_made_is_told() {
    let schema = Schema::new();
    let error = PostgresStore::connect(&read_only(), schema.settings()).await.map(|_| ()).expect_err("no tables");
    says_read_only("making a schema", &error);
    let there = format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{}'", schema.name());
    assert_eq!(number(&mut outside(&url()).await, &there).await, 0, "nothing may be made");
    schema.open().await.ready().await.expect("and whoever may write makes it later");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_script_makes_a_schema_that_a_program_without_rights_accepts() {
    let schema = Schema::new();
    let script = connect_store::postgres::script(schema.name());
    let mut connection = outside(&url()).await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&mut connection).await.expect("the script runs as it is");
    let settings = PostgresSettings { migrate: false, ..schema.settings() };
    let store = PostgresStore::connect(&url(), settings).await.expect("the schema is current");
    store.ready().await.expect("it serves");
    schema.open().await.ready().await.expect("and one that may migrate finds nothing to do");
}
