//! The host's own transaction and pool.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use connect_core::store::{Budget, EventList, TicketKey};
use connect_core::testing::SeededRandom;
use connect_core::ticket::TicketList;
use connect_core::{AuthStore, Clock, CommitError, ContactId, Store};
use connect_store::PostgresStore;
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use tokio::task::JoinHandle;

use crate::database::{Schema, url};
use crate::ledger::{Ledger, events};
use crate::world::{Maker, OTHER, WORKSPACE, below, bounded, number, outside};

/// A host: its pool, its table, and a store over the pool.
struct Host {
    schema: Schema,
    pool: PgPool,
    store: PostgresStore,
    outside: PgConnection,
}

impl Host {
    async fn new(connections: u32) -> Self {
        let schema = Schema::new();
        let options = PgConnectOptions::from_str(&url()).expect("an address").application_name(&Self::name(&schema));
        let pool = PgPoolOptions::new().max_connections(connections).connect_with(options).await.expect("the pool");
        let store = PostgresStore::from_pool(&pool, schema.settings()).await.expect("beside the host's tables");
        let table = AssertSqlSafe(format!("CREATE TABLE {}.host_order (id bigserial PRIMARY KEY)", schema.name()));
        sqlx::query(table).execute(&pool).await.expect("the host's table");
        Self { schema, pool, store, outside: outside(&url()).await }
    }

    fn name(schema: &Schema) -> String {
        format!("host_{}", schema.name())
    }

    /// A row of the host's own, over one of its connections.
    async fn order(&self, connection: &mut PgConnection) {
        let insert = AssertSqlSafe(format!("INSERT INTO {}.host_order DEFAULT VALUES", self.schema.name()));
        sqlx::query(insert).execute(connection).await.expect("the host's row is written");
    }

    /// How many of the host's rows others see.
    async fn orders(&mut self) -> i64 {
        let count = format!("SELECT count(*) FROM {}.host_order", self.schema.name());
        number(&mut self.outside, &count).await
    }

    /// Waits until a statement of the store waits for a lock.
    async fn somebody_waits(&mut self) -> bool {
        let waiting = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{}.%'
             AND pid <> pg_backend_pid()",
            self.schema.name()
        );
        for _ in 0..400 {
            if number(&mut self.outside, &waiting).await > 0 {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_transaction_takes_the_change_along_or_leaves_it_out() {
    bounded("the host's transactions", async {
        let mut host = Host::new(3).await;
        let (store, maker) = (host.store.clone(), Arc::new(Maker::new(1)));
        for (name, commits, orders) in [("kept", true, 1), ("gone", false, 1), ("again", true, 2)] {
            let (_, ticket, changes) = maker.contact_and_ticket(&format!("{name}@example.org"));
            let mut transaction = host.pool.begin().await.expect("begun");
            host.order(&mut transaction).await;
            let committed = store.commit_in(&mut transaction, WORKSPACE, changes).await.expect("written");
            assert_eq!(committed.tickets.len(), 1, "the commit must answer with the ticket");
            let seen = store.ticket(WORKSPACE, TicketKey::Id(ticket.id)).await.expect("read");
            assert!(seen.is_none(), "nothing may be seen before the host commits");
            let elsewhere = maker.contact(&format!("{name}@elsewhere.example")).1;
            store.commit(OTHER, elsewhere).await.expect("another workspace does not wait");

            let (beside, changes) = maker.contact(&format!("{name}@beside.example"));
            let node = store.clone();
            let waiting: JoinHandle<_> = tokio::spawn(async move { node.commit(WORKSPACE, changes).await });
            assert!(host.somebody_waits().await, "a commit to the same workspace must wait for the host's transaction");
            assert!(!waiting.is_finished(), "it must not be answered before the host is done");
            if commits {
                transaction.commit().await.expect("committed");
            } else {
                transaction.rollback().await.expect("rolled back");
            }
            let waited = waiting.await.expect("no panic");
            assert!(waited.is_ok(), "whoever waited must be kept when the host is done; it was answered {waited:?}");
            let beside = store.record(WORKSPACE, "contact", beside.id.to_string()).await.expect("read");
            assert!(beside.is_some(), "and be there");

            let seen = store.ticket(WORKSPACE, TicketKey::Id(ticket.id)).await.expect("read").is_some();
            assert_eq!(seen, commits, "the ticket must be there exactly if the host committed");
            assert_eq!(host.orders().await, orders, "the host's row and the ticket must be there both or neither");
        }
        let seqs: Vec<u64> = events(&store, WORKSPACE).await.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, (1..=7).collect::<Vec<_>>(), "two kept sets of two events, three of one, and no hole");
        let numbers: Vec<u64> =
            crate::ledger::tickets(&store, WORKSPACE).await.iter().map(|ticket| ticket.number).collect();
        assert_eq!(numbers, [1, 2], "what was rolled back takes no number");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_transaction_goes_on_after_a_refused_change() {
    let mut host = Host::new(2).await;
    let maker = Maker::new(1);
    let (_, changes) = maker.ticket(ContactId::from_bits(99), "For nobody.");
    let mut transaction = host.pool.begin().await.expect("begun");
    let refused = host.store.commit_in(&mut transaction, WORKSPACE, changes).await;
    assert!(matches!(refused, Err(CommitError::Missing { .. })), "a ticket needs its contact; it was {refused:?}");
    host.order(&mut transaction).await;
    transaction.commit().await.expect("the host commits all the same");
    assert_eq!(host.orders().await, 1, "the host's row must be there");
    assert!(events(&host.store, WORKSPACE).await.is_empty(), "and nothing of the refused change");
}

/// When a caller goes away: at once, after some turns of the scheduler, after milliseconds, never.
async fn patience(choice: u64, amount: u64) -> bool {
    match choice {
        0 => {}
        1 => {
            for _ in 0..amount {
                tokio::task::yield_now().await;
            }
        }
        2 => tokio::time::sleep(Duration::from_millis(1 + amount % 4)).await,
        3 => tokio::time::sleep(Duration::from_millis(4 + amount % 25)).await,
        _ => return false,
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_hang_up_lose_nothing_that_was_acknowledged() {
    bounded("10,000 commits whose callers may go away", async {
        let mut host = Host::new(4).await;
        let (store, random) = (host.store.clone(), SeededRandom::new(17));
        let (maker, ledger) = (Maker::new(1), Arc::new(Ledger::default()));
        let contact = maker.kept_contact(&store, WORKSPACE).await;
        let (budget, spent) =
            (Budget { limit: 1_000_000, window: Duration::from_secs(3600) }, Arc::new(AtomicU32::new(0)));
        let now = maker.clock.now();
        for _ in 0..100 {
            let mut callers: Vec<JoinHandle<()>> = Vec::new();
            for place in 0..100 {
                let (ticket, changes) = maker.ticket(contact, "Hello? Hello?");
                ledger.begin(ticket.id);
                let (node, known) = (store.clone(), ledger.clone());
                callers.push(tokio::spawn(async move {
                    let outcome = node.commit(WORKSPACE, changes).await;
                    known.end(ticket.id, &outcome);
                }));
                if place % 10 != 0 {
                    continue;
                }
                let node = store.clone();
                callers.push(tokio::spawn(async move {
                    let _ = node.tickets(WORKSPACE, TicketList::default()).await;
                    let _ = node.events(WORKSPACE, EventList::default()).await;
                }));
                let (node, count) = (store.clone(), spent.clone());
                callers.push(tokio::spawn(async move {
                    if node.spend("account".into(), budget, now).await.is_ok_and(|is_left| is_left) {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }));
            }
            let leaving: Vec<JoinHandle<()>> = callers
                .iter()
                .map(|caller| {
                    let (caller, choice, amount) = (caller.abort_handle(), below(&random, 6), below(&random, 40));
                    tokio::spawn(async move {
                        if patience(choice, amount).await {
                            caller.abort();
                        }
                    })
                })
                .collect();
            for task in leaving {
                task.await.expect("the caller is gone");
            }
            for caller in callers {
                let ended = caller.await;
                assert!(!ended.as_ref().is_err_and(tokio::task::JoinError::is_panic), "a caller failed: {ended:?}");
            }
        }
        let (kept, gone) = (ledger.kept(), ledger.unknown());
        assert!(kept >= 1000 && gone >= 300, "some must stay and some must go: {kept} stayed, {gone} went");
        assert_eq!(ledger.refused(), 0, "nothing is wrong with the store");
        // A last commit goes behind whatever still waits.
        let (ticket, changes) = maker.ticket(contact, "The last one.");
        ledger.begin(ticket.id);
        ledger.end(ticket.id, &store.commit(WORKSPACE, changes).await);
        ledger.check(&store, WORKSPACE).await;
        let (told, counted) = (spent.load(Ordering::Relaxed), store.spent("account".into(), now).await.expect("read"));
        assert!(told > 0 && counted >= told, "{told} units were acknowledged, {counted} are counted");
        no_transaction_is_open(&mut host).await;
    })
    .await;
}

/// Every connection of the host and of the store is outside of a transaction, and what is written over the
/// host's is written.
async fn no_transaction_is_open(host: &mut Host) {
    let open = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'
         AND (application_name = '{}' OR query LIKE '%{}.%') AND pid <> pg_backend_pid()",
        Host::name(&host.schema),
        host.schema.name()
    );
    let mut left = 0;
    // One that is in the middle of its transaction is done soon; one that was left in it stays.
    for _ in 0..100 {
        left = number(&mut host.outside, &open).await;
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(left, 0, "no connection may be left inside a transaction");
    let mut connections = Vec::new();
    for _ in 0..host.pool.options().get_max_connections() {
        connections.push(host.pool.acquire().await.expect("every connection of the pool can be had"));
    }
    for (place, connection) in connections.iter_mut().enumerate() {
        host.order(connection).await;
        let count = format!("SELECT count(*) FROM {}.host_order", host.schema.name());
        let seen = number(&mut host.outside, &count).await;
        assert_eq!(
            usize::try_from(seen),
            Ok(place + 1),
            "what is written over connection {place} of the host's must be seen by others"
        );
    }
}
