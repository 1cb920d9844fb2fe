//! Commit, list and read on each store.

#![allow(missing_docs)]
#![allow(clippy::expect_used)]

use std::sync::Arc;

use connect_benches::{desk, fill, new_ticket};
use connect_core::store::TicketKey;
use connect_core::ticket::TicketList;
use connect_core::{Access, Desk, Store};
use connect_store::{MemoryStore, SqliteSettings, SqliteStore};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

/// Tickets that are there before anything is measured.
const TICKETS: usize = 2_000;

async fn filled(store: Arc<dyn Store>) -> (Desk, Access) {
    let desk = desk(store).expect("a desk");
    let access = fill(&desk, TICKETS).await.expect("tickets");
    (desk, access)
}

fn store(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = runtime.block_on(SqliteStore::open(folder.path().join("bench.db"), SqliteSettings::default()));
    let stores: [(&str, Arc<dyn Store>); 2] =
        [("memory", Arc::new(MemoryStore::new())), ("sqlite", Arc::new(sqlite.expect("a file")))];
    for (name, store) in stores {
        let (desk, access) = runtime.block_on(filled(store));
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        group.bench_function("open a ticket", |bencher| {
            bencher
                .to_async(&runtime)
                .iter(async || desk.tickets(&access).open(new_ticket(1).expect("a ticket")).await.expect("kept"));
        });
        for waiting in [8, 64] {
            group.bench_function(BenchmarkId::new("open tickets at once", waiting), |bencher| {
                bencher.to_async(&runtime).iter(async || {
                    let mut tasks = tokio::task::JoinSet::new();
                    for place in 0..waiting {
                        let (desk, access) = (desk.clone(), access.clone());
                        let new = new_ticket(place).expect("a ticket");
                        tasks.spawn(async move { desk.tickets(&access).open(new).await.expect("kept") });
                    }
                    tasks.join_all().await
                });
            });
        }
        group.bench_function("list 50", |bencher| {
            bencher
                .to_async(&runtime)
                .iter(async || desk.tickets(&access).list(TicketList::default(), None).await.expect("a page"));
        });
        group.bench_function("read", |bencher| {
            bencher
                .to_async(&runtime)
                .iter(async || desk.tickets(&access).get(TicketKey::Number(1_000)).await.expect("a ticket"));
        });
        group.finish();
    }
}

criterion_group!(benches, store);
criterion_main!(benches);
