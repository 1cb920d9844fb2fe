//! What a session costs the stores at each request.

use std::sync::Arc;
use std::time::Duration;

use connect_store::MemoryStore;

use crate::app::{TestApp, settings};
use crate::counting::{Counting, CountingAuth};

#[tokio::test]
async fn a_known_session_costs_no_read_and_an_unknown_one_a_single_one() {
    let memory = Arc::new(MemoryStore::new());
    let (store, auth) = (Arc::new(Counting::new(memory.clone())), Arc::new(CountingAuth::new(memory)));
    let (app, _, owner, _) = TestApp::over(store.clone(), auth.clone(), settings()).with_acme().await;
    let look = async || {
        // Reads nothing but who comes.
        owner.get("/workspaces/acme").await.expect(200);
        (auth.take(), store.take())
    };
    app.clock.advance(Duration::from_secs(2));
    auth.take();
    store.take();
    assert_eq!(
        look().await,
        ((1, 0), (1, 3)),
        "the session; the person, what they have to show, the workspace and the membership"
    );
    for _ in 0..20 {
        assert_eq!(look().await, ((0, 0), (0, 0)), "known for a second");
    }
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(look().await, ((1, 0), (1, 3)));
    // Its use is written down, once a minute.
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(look().await, ((1, 1), (1, 3)));
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(look().await, ((1, 0), (1, 3)));

    let made_up = format!("cns_{}", "A".repeat(43));
    assert_eq!(app.bearer(&made_up).get("/workspaces/acme").await.problem(401), "unauthorized");
    assert_eq!((auth.take(), store.take()), ((1, 0), (0, 0)), "one that there is not costs the one look for it");
    for broken in ["cns_", "cns_AAAA", "AAAA", &"A".repeat(1000)] {
        assert_eq!(app.bearer(broken).get("/workspaces/acme").await.problem(401), "unauthorized");
    }
    assert_eq!((auth.take(), store.take()), ((0, 0), (0, 0)), "what is no token costs nothing");
    app.finish().await;
}
