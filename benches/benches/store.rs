//! Commit, list and read on each store, without HTTP.

#![allow(missing_docs)]
#![allow(clippy::expect_used)]

use std::sync::Arc;

use connect_benches::{desk, drop_schema, fill, new_ticket, server_url};
use connect_core::store::TicketKey;
use connect_core::ticket::TicketList;
use connect_core::{Access, Desk, Store};
use connect_store::{MemoryStore, PostgresSettings, PostgresStore, SqliteSettings, SqliteStore};
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

/// Tickets that are there before anything is measured.
const TICKETS: usize = 2_000;

/// Commits that wait at once.
const WAITING: usize = 32;

async fn filled(store: Arc<dyn Store>) -> (Desk, Access) {
    let desk = desk(store).expect("a desk");
    let access = fill(&desk, TICKETS).await.expect("tickets");
    (desk, access)
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, name: &str, store: Arc<dyn Store>) {
    let (desk, access) = runtime.block_on(filled(store));
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20);
    group.bench_function("commit", |bencher| {
        bencher
            .to_async(runtime)
            .iter(async || desk.tickets(&access).open(new_ticket(1).expect("a ticket")).await.expect("kept"));
    });
    group.bench_function(format!("{WAITING} commits at once"), |bencher| {
        bencher.to_async(runtime).iter(async || {
            let mut tasks = tokio::task::JoinSet::new();
            for place in 0..WAITING {
                let (desk, access) = (desk.clone(), access.clone());
                let new = new_ticket(place).expect("a ticket");
                tasks.spawn(async move { desk.tickets(&access).open(new).await.expect("kept") });
            }
            tasks.join_all().await
        });
    });
    group.bench_function("read", |bencher| {
        bencher
            .to_async(runtime)
            .iter(async || desk.tickets(&access).get(TicketKey::Number(1_000)).await.expect("a ticket"));
    });
    group.bench_function("list 50", |bencher| {
        bencher
            .to_async(runtime)
            .iter(async || desk.tickets(&access).list(TicketList::default(), None).await.expect("a page"));
    });
    group.finish();
}

fn postgres(criterion: &mut Criterion, runtime: &Runtime) {
    let Some(url) = server_url("CONNECT_TEST_POSTGRES_URL") else { return };
    let schema = format!("bench_{}", std::process::id());
    let settings = PostgresSettings { schema: schema.clone(), ..PostgresSettings::default() };
    let store = runtime.block_on(PostgresStore::connect(&url, settings)).expect("a database");
    measure(criterion, runtime, "postgres", Arc::new(store.clone()));
    runtime.block_on(async {
        store.close().await;
        drop_schema(&url, &schema).await.expect("no schema is left");
    });
}

fn stores(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    measure(criterion, &runtime, "memory", Arc::new(MemoryStore::new()));
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = runtime.block_on(SqliteStore::open(folder.path().join("bench.db"), SqliteSettings::default()));
    measure(criterion, &runtime, "sqlite", Arc::new(sqlite.expect("a file")));
    postgres(criterion, &runtime);
}

criterion_group!(benches, stores);
criterion_main!(benches);
