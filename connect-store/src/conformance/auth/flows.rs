//! Flows: kept once, taken once.

use connect_core::store::Flow;

use super::{MINUTE, World};

pub(super) fn flow(world: &World, id: u8) -> Flow {
    Flow { id_hash: [id; 32], kind: "test".into(), data: vec![0, 255, id], expires_at: world.now().plus(10 * MINUTE) }
}

/// Of 50 parallel takers one gets it, whole; afterwards its id is free.
pub async fn a_flow_is_taken_once(world: World) {
    let (kept, other) = (flow(&world, 1), flow(&world, 2));
    for flow in [&kept, &other] {
        assert!(world.auth().put_flow(flow.clone(), world.now()).await.expect("kept"));
    }
    let now = world.now();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let auth = world.auth();
            tokio::spawn(async move { auth.take_flow([1; 32], now).await.expect("answered") })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.expect("no task panics"));
    }
    assert_eq!(taken, std::slice::from_ref(&kept), "one taker gets it, as it was kept");
    assert!(world.auth().put_flow(kept, now).await.expect("answered"), "its id is free again");
    assert_eq!(world.auth().take_flow([2; 32], now).await.expect("read"), Some(other), "others are left alone");
    assert_eq!(world.auth().take_flow([3; 32], now).await.expect("read"), None, "what was never kept is not given");
}

/// Of 50 parallel keepers of one id one succeeds; what is there stays as it is.
pub async fn a_flow_is_kept_once(world: World) {
    let now = world.now();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let (auth, flow) = (world.auth(), Flow { data: vec![n], ..flow(&world, 1) });
            tokio::spawn(async move { auth.put_flow(flow, now).await.expect("answered").then_some(n) })
        })
        .collect();
    let mut kept = Vec::new();
    for task in tasks {
        kept.extend(task.await.expect("no task panics"));
    }
    assert_eq!(kept.len(), 1, "one is kept");
    let taken = world.auth().take_flow([1; 32], now).await.expect("read");
    assert_eq!(taken.map(|flow| flow.data), Some(kept), "and it is the one that was told so");
}

/// After its end it is as good as gone, and its id may be used again.
pub async fn an_ended_flow_is_never_given(world: World) {
    let auth = world.auth();
    for id in [1, 2] {
        assert!(auth.put_flow(flow(&world, id), world.now()).await.expect("kept"));
    }
    world.clock.advance(10 * MINUTE);
    assert!(auth.take_flow([1; 32], world.now()).await.expect("answered").is_none(), "it has ended");
    assert!(auth.put_flow(flow(&world, 2), world.now()).await.expect("answered"), "the ended one is not in the way");
    assert!(!auth.put_flow(flow(&world, 2), world.now()).await.expect("answered"), "the new one is");
    assert!(auth.take_flow([2; 32], world.now()).await.expect("answered").is_some());
}
