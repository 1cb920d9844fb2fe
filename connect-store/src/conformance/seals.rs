//! Seals on the journal: kept with the routing, never without it, and read in their order.

use connect_core::delivery::Route;
use connect_core::store::{Seal, SealList};
use connect_core::{Limit, WorkspaceId};

use super::World;
use super::dispatch::seal;

fn route(from: u64, to: u64) -> Route {
    Route { from, to, deliveries: Vec::new(), seal: Some(seal(from, to)) }
}

async fn all(world: &World, workspace: WorkspaceId) -> Vec<Seal> {
    let list = SealList { limit: Limit::MAX, ..SealList::default() };
    world.store().seals(workspace, list).await.expect("read")
}

/// A workspace with six events and three seals.
async fn sealed(world: &World, slug: &str) -> WorkspaceId {
    let (workspace, ada) = world.desk(slug).await;
    for n in 0..4 {
        world.ticket(workspace, ada.id, &format!("T{n}")).await;
    }
    for (from, to) in [(0, 1), (1, 4), (4, 6)] {
        assert!(world.store().route(workspace, route(from, to)).await.expect("routed"));
    }
    workspace
}

/// Routing and seal go together, the seal to the letter.
pub async fn a_seal_is_kept_with_its_route(world: World) {
    let (acme, _) = world.desk("acme").await;
    assert_eq!(all(&world, acme).await, [], "nothing is sealed that was not routed");
    assert!(world.store().route(acme, route(0, 2)).await.expect("routed"));
    assert_eq!(all(&world, acme).await, [seal(0, 2)]);
    assert_eq!(super::dispatch::cursor(&world, acme).await, None);
}

/// A route that does not begin where the cursor stands, or ends behind the journal, leaves no seal.
pub async fn a_refused_route_keeps_no_seal(world: World) {
    let (acme, _) = world.desk("acme").await;
    assert!(!world.store().route(acme, route(1, 2)).await.expect("answered"), "the cursor is not there");
    assert!(!world.store().route(acme, route(0, 3)).await.expect("answered"), "there is no event 3");
    assert_eq!(all(&world, acme).await, []);
    assert!(world.store().route(acme, route(0, 1)).await.expect("routed"));
    let late = Route { seal: Some(Seal { mac: "f".repeat(64), ..seal(0, 1) }), ..route(0, 1) };
    assert!(!world.store().route(acme, late).await.expect("answered"), "the cursor has moved");
    assert_eq!(all(&world, acme).await, [seal(0, 1)], "the first seal stays as it is");
}

/// Several nodes route the same events at once: one seal, and the cursor where it ends.
pub async fn one_of_many_routers_seals(world: World) {
    let (acme, ada) = world.desk("acme").await;
    for n in 0..8 {
        world.ticket(acme, ada.id, &format!("T{n}")).await;
    }
    let tasks: Vec<_> = (1..=8)
        .map(|to| {
            let store = world.store();
            tokio::spawn(async move { (to, store.route(acme, route(0, to)).await.expect("answered")) })
        })
        .collect();
    let mut routed = Vec::new();
    for task in tasks {
        let (to, done) = task.await.expect("no task panics");
        routed.extend(done.then_some(to));
    }
    assert_eq!(routed.len(), 1, "one of them routes");
    assert_eq!(all(&world, acme).await, [seal(0, routed[0])]);
    assert_eq!(super::dispatch::cursor(&world, acme).await, Some((routed[0], 10)));
}

/// From the oldest on or from the newest, from a place on, and one more than the page.
pub async fn seals_come_in_order_and_pages(world: World) {
    let acme = sealed(&world, "acme").await;
    let store = world.store();
    let read = async |from, newest_first, rows| {
        let list = SealList { from, newest_first, limit: Limit::new(rows).expect("a limit") };
        store.seals(acme, list).await.expect("read")
    };
    let (first, second, third) = (seal(0, 1), seal(1, 4), seal(4, 6));
    assert_eq!(read(0, false, 200).await, [first.clone(), second.clone(), third.clone()]);
    assert_eq!(read(0, true, 200).await, [third.clone(), second.clone(), first.clone()]);
    assert_eq!(read(0, false, 1).await, [first, second.clone()], "one more than the limit");
    assert_eq!(read(0, true, 1).await, [third.clone(), second.clone()], "from the newest as well");
    assert_eq!(read(1, false, 200).await, [second, third.clone()], "what begins behind this event is among them");
    assert_eq!(read(2, false, 200).await, [third], "and what begins before it is not");
    assert_eq!(read(6, false, 200).await, []);
}

/// Each workspace has seals of its own.
pub async fn seals_show_one_workspace(world: World) {
    let (acme, (bolt, _)) = (sealed(&world, "acme").await, world.desk("bolt").await);
    assert_eq!(all(&world, bolt).await, [], "another workspace's are not shown");
    assert!(world.store().route(bolt, route(0, 2)).await.expect("routed"), "nor in the way");
    assert_eq!((all(&world, acme).await.len(), all(&world, bolt).await), (3, vec![seal(0, 2)]));
}

/// What was answered is there after a restart.
pub async fn a_seal_survives_reopening(world: World) {
    let acme = sealed(&world, "acme").await;
    let (store, _) = world.reopened().await;
    let list = SealList { newest_first: true, ..SealList::default() };
    assert_eq!(store.seals(acme, list).await.expect("read").first(), Some(&seal(4, 6)));
}
