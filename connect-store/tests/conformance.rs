//! Every adapter keeps the contract of the ports.

#![allow(clippy::expect_used)]

#[cfg(feature = "postgres")]
#[path = "database/mod.rs"]
mod database;

mod memory {
    use std::sync::Arc;

    use connect_store::MemoryStore;
    use connect_store::conformance::Fresh;

    async fn fresh() -> Fresh {
        let store = Arc::new(MemoryStore::new());
        let again = store.clone();
        Fresh {
            ports: (store.clone(), store),
            // Memory has no other process: another handle on the same state is what there is.
            reopen: Box::new(move || {
                let store = again.clone();
                Box::pin(async move { (store.clone() as Arc<_>, store as Arc<_>) })
            }),
            guard: Box::new(()),
        }
    }

    connect_store::conformance!(fresh);
}

mod sqlite {
    use std::sync::Arc;

    use connect_store::conformance::Fresh;
    use connect_store::{SqliteSettings, SqliteStore};

    async fn fresh() -> Fresh {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("connect.db");
        let store = Arc::new(SqliteStore::open(&path, SqliteSettings::default()).await.expect("the file opens"));
        Fresh {
            ports: (store.clone(), store),
            reopen: Box::new(move || {
                let path = path.clone();
                Box::pin(async move {
                    let opened = SqliteStore::open(&path, SqliteSettings::default()).await;
                    let store = Arc::new(opened.expect("the file opens again"));
                    (store.clone() as Arc<_>, store as Arc<_>)
                })
            }),
            guard: Box::new(folder),
        }
    }

    connect_store::conformance!(fresh);
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::sync::Arc;

    use connect_store::conformance::{Fresh, FreshFeed, FreshLimiter};
    use connect_store::postgres::PostgresFeed;

    use crate::database::Schema;

    async fn fresh() -> Fresh {
        let schema = Schema::new();
        let store = Arc::new(schema.open().await);
        let again = schema.clone();
        Fresh {
            ports: (store.clone(), store),
            reopen: Box::new(move || {
                let schema = again.clone();
                Box::pin(async move {
                    let store = Arc::new(schema.open().await);
                    (store.clone() as Arc<_>, store as Arc<_>)
                })
            }),
            guard: Box::new(schema),
        }
    }

    async fn fresh_limiter() -> FreshLimiter {
        let schema = Schema::new();
        let nodes: [Arc<dyn connect_core::RateLimiter>; 2] =
            [Arc::new(schema.open().await), Arc::new(schema.open().await)];
        FreshLimiter { nodes, guard: Box::new(schema) }
    }

    async fn fresh_feed() -> FreshFeed {
        let schema = Schema::new();
        let stores = [schema.open().await, schema.open().await];
        let nodes: [Arc<dyn connect_core::LiveFeed>; 2] =
            [Arc::new(PostgresFeed::start(&stores[0])), Arc::new(PostgresFeed::start(&stores[1]))];
        FreshFeed { nodes, guard: Box::new((schema, stores)) }
    }

    connect_store::conformance!(fresh);

    mod limiter {
        use super::fresh_limiter;
        connect_store::limiter_conformance!(fresh_limiter);
    }

    mod feed_of_nodes {
        use super::fresh_feed;
        connect_store::feed_conformance!(fresh_feed);
    }
}

mod in_process {
    use std::sync::Arc;

    use connect_core::store::LocalFeed;
    use connect_core::{LiveFeed, RateLimiter};
    use connect_store::MemoryLimiter;
    use connect_store::conformance::{FreshFeed, FreshLimiter};

    async fn fresh_limiter() -> FreshLimiter {
        let limiter: Arc<dyn RateLimiter> = Arc::new(MemoryLimiter::new());
        FreshLimiter { nodes: [limiter.clone(), limiter], guard: Box::new(()) }
    }

    async fn fresh_feed() -> FreshFeed {
        let feed: Arc<dyn LiveFeed> = Arc::new(LocalFeed::new());
        FreshFeed { nodes: [feed.clone(), feed], guard: Box::new(()) }
    }

    mod limiter {
        use super::fresh_limiter;
        connect_store::limiter_conformance!(fresh_limiter);
    }

    mod feed_of_nodes {
        use super::fresh_feed;
        connect_store::feed_conformance!(fresh_feed);
    }
}
