//! Both adapters keep the contract of the ports.

#![allow(clippy::expect_used)]

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

mod limiter {
    connect_store::limiter_conformance!(connect_store::MemoryLimiter::new);
}
