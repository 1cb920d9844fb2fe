//! What it costs to know who asks: a session or an API key, known already or looked up, on each store.

#![allow(missing_docs)]
#![allow(clippy::expect_used)]

use std::sync::Arc;

use connect_auth::{ApiKeyToken, Auth, AuthBuilder, AuthSettings, Client, KeyRing, SessionToken};
use connect_benches::{AGENT, desk, drop_schema, server_url, workspace};
use connect_core::api_key::{NewApiKey, Scopes};
use connect_core::{Action, AuthStore, Desk, EmailAddress, Name, Store};
use connect_store::{
    MemoryLimiter, MemoryStore, PostgresSettings, PostgresStore, RedisSettings, RedisStore, SqliteSettings, SqliteStore,
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

/// A desk's stores, and what somebody shows there.
struct Shown {
    store: Arc<dyn Store>,
    auth: Arc<dyn AuthStore>,
    session: SessionToken,
    key: ApiKeyToken,
}

fn builder(store: Arc<dyn AuthStore>) -> AuthBuilder {
    let keys = KeyRing::new("a secret of at least 32 characters", Vec::new()).expect("long enough");
    Auth::builder(store, Arc::new(MemoryLimiter::new()), keys, AuthSettings::default()).expect("settings")
}

impl Shown {
    /// A workspace whose owner is signed in and has made a key.
    async fn new(store: Arc<dyn Store>, auth: Arc<dyn AuthStore>) -> Self {
        let desk = desk(store.clone()).expect("a desk");
        let access = workspace(&desk, "load").await.expect("a workspace");
        let service = builder(auth.clone()).build(desk.clone());
        let email = EmailAddress::parse("email", AGENT).expect("an address");
        let owner = desk.users().find(&email).await.expect("read").expect("the owner");
        let opened = service.open_session(owner, "bench", &Client::default(), None).await.expect("a session");
        let identity = service.authenticate(&opened.token).await.expect("read").expect("the owner");
        let new = NewApiKey {
            name: Name::parse("name", "Robot").expect("a name"),
            scopes: Scopes::from_iter([Action::ReadTickets]),
            expires_at: None,
            networks: Vec::new(),
        };
        let issued = service.create_api_key(&identity, &access, new).await.expect("a key");
        let shown = Self { store, auth, session: opened.token, key: issued.token.expect("shown once") };
        // Its first use is noted; that is once an hour.
        shown.fresh().key(&shown.key).await;
        shown
    }

    /// A service that knows nobody yet, as a node has it just after its start.
    fn fresh(&self) -> Node {
        let desk = desk(self.store.clone()).expect("a desk");
        Node { auth: builder(self.auth.clone()).build(desk.clone()), desk }
    }
}

struct Node {
    desk: Desk,
    auth: Auth,
}

impl Node {
    /// What a request of a browser costs: who it is, and whether they may come in.
    async fn session(&self, token: &SessionToken) {
        let identity = self.auth.authenticate(token).await.expect("read").expect("signed in");
        self.desk.admit(&identity.person(), "load").await.expect("a member");
    }

    /// What a request of a program costs.
    async fn key(&self, token: &ApiKeyToken) {
        self.auth.authenticate_key(token, &Client::default()).await.expect("read").expect("a good key");
    }
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, name: &str, shown: &Shown) {
    let mut group = criterion.benchmark_group(format!("{name}, who asks"));
    let known = shown.fresh();
    // Known for a second at a time: of thousands one is looked up.
    group.bench_function("session, known", |bencher| {
        bencher.to_async(runtime).iter(async || known.session(&shown.session).await);
    });
    group.bench_function("API key, known", |bencher| {
        bencher.to_async(runtime).iter(async || known.key(&shown.key).await);
    });
    group.bench_function("session, looked up", |bencher| {
        bencher.to_async(runtime).iter_batched(
            || shown.fresh(),
            async |node: Node| node.session(&shown.session).await,
            BatchSize::SmallInput,
        );
    });
    group.bench_function("API key, looked up", |bencher| {
        bencher.to_async(runtime).iter_batched(
            || shown.fresh(),
            async |node: Node| node.key(&shown.key).await,
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn postgres(criterion: &mut Criterion, runtime: &Runtime) {
    let Some(url) = server_url("CONNECT_TEST_POSTGRES_URL") else { return };
    let schema = format!("bench_auth_{}", std::process::id());
    let settings = PostgresSettings { schema: schema.clone(), ..PostgresSettings::default() };
    let store = runtime.block_on(PostgresStore::connect(&url, settings)).expect("a database");
    let shown = runtime.block_on(Shown::new(Arc::new(store.clone()), Arc::new(store.clone())));
    measure(criterion, runtime, "postgres", &shown);
    runtime.block_on(async {
        store.close().await;
        drop_schema(&url, &schema).await.expect("no schema is left");
    });
}

/// Sessions in Redis, beside tickets and keys in memory: what is left is what Redis costs.
fn redis(criterion: &mut Criterion, runtime: &Runtime) {
    let Some(url) = server_url("CONNECT_TEST_REDIS_URL") else { return };
    let prefix = format!("bench-{}:", std::process::id());
    let settings = RedisSettings { prefix, ..RedisSettings::default() };
    let store = runtime.block_on(RedisStore::connect(&url, settings)).expect("a Redis");
    let shown = runtime.block_on(Shown::new(Arc::new(MemoryStore::new()), Arc::new(store)));
    measure(criterion, runtime, "redis and memory", &shown);
}

fn stores(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    // Stores give their connections back where they are dropped, which needs a runtime around it.
    let _entered = runtime.enter();
    let memory = Arc::new(MemoryStore::new());
    measure(criterion, &runtime, "memory", &runtime.block_on(Shown::new(memory.clone(), memory)));
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = runtime.block_on(SqliteStore::open(folder.path().join("bench.db"), SqliteSettings::default()));
    let sqlite = Arc::new(sqlite.expect("a file"));
    measure(criterion, &runtime, "sqlite", &runtime.block_on(Shown::new(sqlite.clone(), sqlite)));
    postgres(criterion, &runtime);
    redis(criterion, &runtime);
}

criterion_group!(benches, stores);
criterion_main!(benches);
