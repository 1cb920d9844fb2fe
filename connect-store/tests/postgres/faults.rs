//! Connections that are lost, servers that are killed or frozen, while commits go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use connect_core::store::{Challenge, CodeForm, EventList, Session};
use connect_core::testing::SeededRandom;
use connect_core::{AuthStore, Clock, CommitError, ContactId, EmailAddress, Store, StoreError, UserId};
use connect_store::{PostgresSettings, PostgresStore};
use tokio::task::JoinHandle;
use xtask::services::Postgres;

use crate::database::{Schema, url};
use crate::ledger::Ledger;
use crate::world::{Maker, WORKSPACE, below, bounded, number, outside, recovered};

/// Tasks that commit one ticket after the other until they are told to stop.
struct Writing {
    maker: Arc<Maker>,
    ledger: Arc<Ledger>,
    contact: ContactId,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Writing {
    async fn start(store: &PostgresStore, writers: usize) -> Self {
        let maker = Arc::new(Maker::new(1));
        let contact = maker.kept_contact(store, WORKSPACE).await;
        let (ledger, stop) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
        let tasks = (0..writers)
            .map(|_| {
                let (store, maker, ledger, stop) = (store.clone(), maker.clone(), ledger.clone(), stop.clone());
                tokio::spawn(async move {
                    for _ in 0..5000 {
                        if stop.load(Ordering::Acquire) {
                            break;
                        }
                        let (ticket, changes) = maker.ticket(contact, "In the middle.");
                        ledger.begin(ticket.id);
                        let outcome = store.commit(WORKSPACE, changes).await;
                        ledger.end(ticket.id, &outcome);
                        let pause = if outcome.is_ok() { 1 } else { 50 };
                        tokio::time::sleep(Duration::from_millis(pause)).await;
                    }
                })
            })
            .collect();
        Self { maker, ledger, contact, stop, tasks }
    }

    /// Waits until so many more are acknowledged.
    async fn more(&self, count: usize) {
        let until = self.ledger.kept() + count;
        for _ in 0..3000 {
            if self.ledger.kept() >= until {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("commits must go on by themselves; {} are kept and no more come", self.ledger.kept());
    }

    /// Ends the tasks, commits once more, and holds the ledger against the database.
    async fn check(self, store: &PostgresStore) {
        self.stop.store(true, Ordering::Release);
        for task in self.tasks {
            task.await.expect("a writer ends without a panic");
        }
        let (ticket, changes) = self.maker.ticket(self.contact, "The last one.");
        self.ledger.begin(ticket.id);
        let outcome = store.commit(WORKSPACE, changes).await;
        assert!(outcome.is_ok(), "the store must take commits afterwards; it answered {outcome:?}");
        self.ledger.end(ticket.id, &outcome);
        self.ledger.check(store, WORKSPACE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_lost_lose_and_double_nothing() {
    bounded("commits over connections that are cut", async {
        let schema = Schema::new();
        let store = schema.open().await;
        let writing = Writing::start(&store, 8).await;
        // Others use the same server: only what has spoken to this schema is cut.
        let kill = format!(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE query LIKE '%{}.%' AND pid <> pg_backend_pid()",
            schema.name()
        );
        let (mut connection, random) = (outside(&url()).await, SeededRandom::new(5));
        let mut killed = 0;
        for _ in 0..400 {
            if killed >= 80 {
                break;
            }
            killed += number(&mut connection, &kill).await;
            // Reads are cut too, and must recover like the commits.
            let _ = store.events(WORKSPACE, EventList::default()).await;
            tokio::time::sleep(Duration::from_millis(5 + below(&random, 60))).await;
        }
        assert!(killed >= 80, "the store's connections must have been cut often; they were {killed} times");
        writing.more(50).await;
        writing.check(&store).await;
    })
    .await;
}

fn settings() -> PostgresSettings {
    PostgresSettings { timeout: Duration::from_secs(2), ..PostgresSettings::default() }
}

/// Somebody who is signed in.
async fn signed_in(store: &PostgresStore, maker: &Maker) -> Session {
    let (now, hour) = (maker.clock.now(), Duration::from_secs(3600));
    let challenge = Challenge {
        id: maker.ids.challenge(),
        email: EmailAddress::parse("email", "ada@example.org").expect("an address"),
        purpose: "sign_in".into(),
        secret_hash: [1; 32],
        code_mac: [2; 32],
        sealed_code: vec![3; 40],
        form: CodeForm::Digits(8),
        attempts: 0,
        max_attempts: 3,
        sends: 1,
        created_at: now,
        expires_at: now.plus(hour),
        consumed: false,
        workspace: None,
    };
    let session = Session {
        id: maker.ids.session(),
        user: UserId::from_bits(7),
        token_hash: [9; 32],
        method: "email_code".into(),
        ip: None,
        agent: None,
        created_at: now,
        proven_at: now,
        device: None,
        strong_at: None,
        seen_at: now,
        idle_ends_at: now.plus(hour),
        ends_at: now.plus(2 * hour),
    };
    let id = challenge.id;
    assert!(store.put_challenge(challenge, 5).await.expect("kept"), "there is room for a challenge");
    assert!(store.consume(id, session.clone(), None, now).await.expect("consumed"), "it signs in once");
    session
}

/// The session is there, may be used, and tickets are read: on the same handle as before.
async fn is_served(store: &PostgresStore, maker: &Maker, session: &Session) {
    let found = recovered("looking a session up", || store.session(session.token_hash)).await;
    assert_eq!(found.map(|found| found.id), Some(session.id), "a session must outlive the server");
    let (now, end) = (maker.clock.now(), session.idle_ends_at);
    let touched = recovered("touching a session", || store.touch(session.id, now, end)).await;
    assert!(touched, "a session must be usable afterwards");
    recovered("ready", || store.ready()).await;
}

/// Whether it stops calling itself ready. The server's processes take a moment to notice that they are orphans.
async fn ends_ready(store: &PostgresStore) -> bool {
    for _ in 0..100 {
        if store.ready().await.is_err() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_comes_back_has_lost_and_doubled_nothing() {
    bounded("commits over a server that is killed", async {
        let folder = tempfile::tempdir().expect("a folder");
        let mut server = Postgres::start(&folder.path().join("postgres")).expect("a server");
        let store = PostgresStore::connect(&server.url(), settings()).await.expect("the database opens");
        let maker = Maker::new(2);
        let session = signed_in(&store, &maker).await;
        let writing = Writing::start(&store, 8).await;
        for _ in 0..3 {
            writing.more(30).await;
            tokio::task::block_in_place(|| server.kill());
            assert!(ends_ready(&store).await, "a store whose server is gone must not call itself ready");
            tokio::task::block_in_place(|| server.resume()).expect("the server starts again");
            is_served(&store, &maker, &session).await;
        }
        writing.more(30).await;
        writing.check(&store).await;
        // Nothing of it was only in the memory of this process.
        let again = PostgresStore::connect(&server.url(), settings()).await.expect("it opens again");
        is_served(&again, &maker, &session).await;
        drop(server);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_unavailable_in_time_and_doubles_nothing_after() {
    bounded("calls to a frozen server", async {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Postgres::start(&folder.path().join("postgres")).expect("a server");
        let store = PostgresStore::connect(&server.url(), settings()).await.expect("the database opens");
        let writing = Writing::start(&store, 8).await;
        // Once for less, once for longer than the writers wait for a statement before they give the
        // connection up: then the frozen statement and its repetition meet when the server goes on.
        for hold in [Duration::ZERO, Duration::from_secs(12)] {
            writing.more(30).await;
            tokio::task::block_in_place(|| server.freeze());
            let read = store.events(WORKSPACE, EventList::default()).await;
            assert!(matches!(read, Err(StoreError::Unavailable(_))), "a read must end as unavailable; it was {read:?}");
            let ready = store.ready().await;
            assert!(matches!(ready, Err(StoreError::Unavailable(_))), "it must not call itself ready: {ready:?}");
            let (ticket, changes) = writing.maker.ticket(writing.contact, "Frozen.");
            writing.ledger.begin(ticket.id);
            let commit = store.commit(WORKSPACE, changes).await;
            writing.ledger.end(ticket.id, &commit);
            // It may have been sent before the caller gave up: then nobody knows.
            let is_honest =
                matches!(commit, Err(CommitError::Unknown | CommitError::Store(StoreError::Unavailable(_))));
            assert!(is_honest, "a commit to a frozen server must end as unavailable or unknown; it was {commit:?}");
            tokio::time::sleep(hold).await;
            tokio::task::block_in_place(|| server.thaw());
            recovered("ready", || store.ready()).await;
        }
        writing.more(30).await;
        println!(
            "{} kept, {} refused, {} unknown",
            writing.ledger.kept(),
            writing.ledger.refused(),
            writing.ledger.unknown()
        );
        writing.check(&store).await;
        drop(server);
    })
    .await;
}
