//! Whose turn it is, what is done by hand, and what a user has read.

use std::collections::BTreeSet;
use std::time::Duration;

use connect_core::DeliveryId;
use connect_core::delivery::{Claim, Delivery, DeliveryList, DeliveryState, Recipient, Reset, Route, Settlement};

use super::World;
use super::dispatch::{LEASE, any, claim, delivery, desk, queue};

/// A flood of one workspace holds up nobody else: each one's first goes before anybody's second.
pub async fn workspaces_take_turns(world: World) {
    let (acme, ticket) = desk(&world).await;
    queue(&world, acme, &ticket, 30).await;
    world.clock.advance(Duration::from_secs(1));
    let (bolt, bea) = world.desk("bolt").await;
    let other = world.ticket(bolt, bea.id, "T").await;
    queue(&world, bolt, &other, 2).await;
    let store = world.store();
    let mut shares = Vec::new();
    for _ in 0..3 {
        let claimed = store.claim(any(&world, 2)).await.expect("claimed");
        shares.push(claimed.iter().filter(|claimed| claimed.delivery.workspace == bolt).count());
    }
    assert_eq!(shares, [1, 1, 0], "of every two one is bolt's, as long as it has any");
}

/// No more of one workspace than is asked for, and nothing of those that are left out.
pub async fn a_claim_keeps_to_the_shares(world: World) {
    let (acme, ticket) = desk(&world).await;
    queue(&world, acme, &ticket, 9).await;
    let (bolt, bea) = world.desk("bolt").await;
    let other = world.ticket(bolt, bea.id, "T").await;
    queue(&world, bolt, &other, 9).await;
    let taken = async |claim: Claim| {
        let claimed = world.store().claim(claim).await.expect("claimed");
        let of = |workspace| claimed.iter().filter(|claimed| claimed.delivery.workspace == workspace).count();
        (of(acme), of(bolt))
    };
    assert_eq!(taken(Claim { each: 2, ..any(&world, 10) }).await, (2, 2));
    assert_eq!(taken(Claim { except: vec![acme], ..any(&world, 3) }).await, (0, 3));
    assert_eq!(taken(Claim { except: vec![acme, bolt], ..any(&world, 3) }).await, (0, 0));
    assert_eq!(taken(any(&world, 100)).await, (7, 4));
}

/// What waits for one channel is nobody's who works for another.
pub async fn a_claim_is_of_one_channel(world: World) {
    let (acme, ticket) = desk(&world).await;
    let mut deliveries: Vec<Delivery> = (0..4).map(|n| delivery(&world, acme, &ticket, n)).collect();
    deliveries[1].channel = "push".into();
    deliveries[3].channel = "push".into();
    let push = [deliveries[1].id, deliveries[3].id];
    let route = Route { from: 0, to: 3, deliveries, seal: None };
    assert!(world.store().route(acme, route).await.expect("routed"));
    let claimed = world.store().claim(Claim { channel: "push".into(), ..any(&world, 10) }).await.expect("claimed");
    assert_eq!(claimed.iter().map(|claimed| claimed.delivery.id).collect::<BTreeSet<_>>(), BTreeSet::from(push));
    assert!(world.store().claim(Claim { channel: "fax".into(), ..any(&world, 10) }).await.expect("none").is_empty());
    assert_eq!(claim(&world, world.store().as_ref(), 10).await.len(), 2, "the mail is still there");
}

/// How many workers took it up and were not heard of again is known.
pub async fn lost_workers_are_counted(world: World) {
    let (acme, ticket) = desk(&world).await;
    queue(&world, acme, &ticket, 1).await;
    let take = async || world.store().claim(any(&world, 1)).await.expect("claimed").remove(0);
    assert_eq!(take().await.delivery.lost(), 0);
    for lost in 1..3 {
        world.clock.advance(LEASE);
        assert_eq!(take().await.delivery.lost(), lost, "nobody has said how it went");
    }
    world.clock.advance(LEASE);
    let claimed = take().await;
    let retry = Settlement::Retry { at: world.now(), error: "later".into() };
    assert!(world.store().settle(acme, claimed.delivery.id, claimed.token, retry).await.expect("settled"));
    let claimed = take().await;
    assert_eq!((claimed.delivery.lost(), claimed.delivery.attempts), (0, 5), "an answer begins the count anew");
}

/// What was given up is queued again, what waits is dropped, each as often as it is there; nothing else changes.
pub async fn deliveries_are_reset_by_hand(world: World) {
    let (acme, ticket) = desk(&world).await;
    let ids = queue(&world, acme, &ticket, 4).await;
    let (bolt, _) = world.desk("bolt").await;
    let claimed = claim(&world, world.store().as_ref(), 4).await;
    let at = world.now();
    let settle = async |place: usize, how: Settlement| {
        let (id, token) = claimed[place];
        assert!(world.store().settle(acme, id, token, how).await.expect("settled"));
    };
    settle(0, Settlement::Failed { at, error: "550".into() }).await;
    settle(1, Settlement::Sent { at }).await;
    let all = ids.clone();
    let requeue = Reset::Requeue { at: world.now() };
    let reset = async |workspace, ids: Vec<DeliveryId>, reset: Reset| {
        world.store().reset(workspace, ids, reset).await.expect("reset")
    };
    assert_eq!(reset(bolt, all.clone(), requeue.clone()).await, 0, "bolt has no such deliveries");
    assert_eq!(reset(acme, vec![world.ids.delivery()], requeue.clone()).await, 0);
    assert_eq!(reset(acme, all.clone(), requeue.clone()).await, 1, "only what was given up");
    assert_eq!(reset(acme, all.clone(), requeue.clone()).await, 0, "it waits already");
    let row = |id: DeliveryId| {
        let store = world.store();
        async move {
            let rows = store.deliveries(acme, DeliveryList::default()).await.expect("read");
            rows.into_iter().find(|row| row.id == id).expect("it is there")
        }
    };
    let again = row(claimed[0].0).await;
    assert_eq!((again.state, again.settled_at, again.due_at), (DeliveryState::Queued, None, world.now()));
    assert_eq!(again.tried(), (world.now(), 0), "its waits begin anew");
    assert_eq!(claim(&world, world.store().as_ref(), 9).await, [(claimed[0].0, 2)], "and is taken up");
    assert_eq!(row(claimed[0].0).await.tried().1, 1);
    let drop = Reset::Drop { at: world.now(), reason: "by hand".into() };
    assert_eq!(reset(acme, all, drop).await, 3, "all that were not sent");
    let dropped = row(claimed[2].0).await;
    assert_eq!((dropped.state, dropped.detail.as_deref()), (DeliveryState::Dropped, Some("by hand")));
    let sent = Settlement::Sent { at };
    let late = world.store().settle(acme, claimed[2].0, claimed[2].1, sent).await;
    assert!(!late.expect("answered"), "who was just sending it cannot settle it any more");
    assert_eq!(row(claimed[1].0).await.state, DeliveryState::Sent);
    world.clock.advance(LEASE * 2);
    assert!(claim(&world, world.store().as_ref(), 9).await.is_empty());
}

/// What the other side says became of something is kept, the worse over the better, and of what was handed over only.
pub async fn what_became_of_deliveries_is_kept(world: World) {
    let (acme, ticket) = desk(&world).await;
    queue(&world, acme, &ticket, 2).await;
    let (bolt, _) = world.desk("bolt").await;
    let claimed = claim(&world, world.store().as_ref(), 2).await;
    let (id, token) = claimed[0];
    let report = async |workspace, id, state: DeliveryState| {
        let report = Reset::Report { state, detail: format!("said {}", state.as_str()) };
        world.store().reset(workspace, vec![id], report).await.expect("reset")
    };
    assert_eq!(report(acme, id, DeliveryState::Delivered).await, 0, "it is not handed over yet");
    let at = world.now();
    assert!(world.store().settle(acme, id, token, Settlement::Sent { at }).await.expect("settled"));
    assert_eq!(report(bolt, id, DeliveryState::Delivered).await, 0, "bolt has no such delivery");
    for (state, changed) in [
        (DeliveryState::Deferred, 1),
        (DeliveryState::Deferred, 0),
        (DeliveryState::Delivered, 1),
        (DeliveryState::Deferred, 0),
        (DeliveryState::Bounced, 1),
        (DeliveryState::Delivered, 0),
        (DeliveryState::Complained, 1),
        (DeliveryState::Bounced, 0),
        (DeliveryState::Sent, 0),
        (DeliveryState::Queued, 0),
    ] {
        assert_eq!(report(acme, id, state).await, changed, "{state:?}");
    }
    let list = DeliveryList { state: Some(DeliveryState::Complained), ..DeliveryList::default() };
    let rows = world.store().deliveries(acme, list).await.expect("read");
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
    assert_eq!((rows[0].detail.as_deref(), rows[0].settled_at), (Some("said complained"), Some(at)));
    world.clock.advance(LEASE * 2);
    assert_eq!(claim(&world, world.store().as_ref(), 9).await.len(), 1, "only the other one is still to be sent");
}

/// A user reads what is for them; what others have is untouched.
pub async fn users_read_what_is_for_them(world: World) {
    let (acme, ticket) = desk(&world).await;
    let (ada, bob) = (world.ids.user(), world.ids.user());
    let mut deliveries: Vec<Delivery> = (0..6).map(|n| delivery(&world, acme, &ticket, n)).collect();
    for (n, delivery) in deliveries.iter_mut().enumerate() {
        delivery.recipient = Recipient::User(if n == 5 { bob } else { ada });
        delivery.channel = if n == 4 { "mail" } else { "in_app" }.into();
        (delivery.state, delivery.settled_at) = (DeliveryState::Sent, Some(world.now()));
    }
    let ids: Vec<DeliveryId> = deliveries.iter().map(|delivery| delivery.id).collect();
    let route = Route { from: 0, to: 3, deliveries, seal: None };
    assert!(world.store().route(acme, route).await.expect("routed"));
    let (bolt, _) = world.desk("bolt").await;
    let of_ada = DeliveryList {
        recipient: Some(Recipient::User(ada)),
        channel: Some("in_app".into()),
        ..DeliveryList::default()
    };
    let list = async |list: DeliveryList| {
        let rows = world.store().deliveries(acme, list).await.expect("read");
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(of_ada.clone()).await, [ids[3], ids[2], ids[1], ids[0]], "newest first");
    assert_eq!(list(DeliveryList { before: Some(ids[2]), ..of_ada.clone() }).await, [ids[1], ids[0]]);
    assert_eq!(list(DeliveryList { before: Some(ids[1]), ..DeliveryList::default() }).await, [ids[0]]);
    assert_eq!(list(DeliveryList { channel: Some("mail".into()), ..DeliveryList::default() }).await, [ids[4]]);
    let read = async |workspace, user, ids| {
        world.store().mark_read(workspace, user, "in_app", ids, world.now()).await.expect("read")
    };
    assert_eq!(read(bolt, ada, None).await, 0, "in another workspace there is nothing");
    assert_eq!(read(acme, ada, Some(vec![ids[1], ids[4], ids[5]])).await, 1, "only hers, and only of the channel");
    assert_eq!(read(acme, ada, Some(vec![ids[1]])).await, 0, "once");
    let unread = DeliveryList { unread: true, ..of_ada.clone() };
    assert_eq!(list(unread.clone()).await, [ids[3], ids[2], ids[0]]);
    let first = world.now();
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(read(acme, ada, None).await, 3);
    assert!(list(unread).await.is_empty());
    let rows = world.store().deliveries(acme, of_ada).await.expect("read");
    let times: Vec<_> = rows.iter().map(|row| row.read_at).collect();
    assert_eq!(times, [Some(world.now()), Some(world.now()), Some(first), Some(world.now())], "each keeps its time");
    assert_eq!(
        list(DeliveryList { recipient: Some(Recipient::User(bob)), unread: true, ..DeliveryList::default() }).await,
        [ids[5]]
    );
}

/// How much waits and was given up is known of each channel, over all workspaces.
pub async fn the_queue_is_measured(world: World) {
    let before = world.store().queue().await.expect("read");
    assert!(before.iter().all(|depth| depth.channel != "mail"), "nothing waits yet: {before:?}");
    let (acme, ticket) = desk(&world).await;
    queue(&world, acme, &ticket, 3).await;
    let first = world.now();
    let (id, token) = claim(&world, world.store().as_ref(), 1).await[0];
    let failed = Settlement::Failed { at: world.now(), error: "550".into() };
    assert!(world.store().settle(acme, id, token, failed).await.expect("settled"));
    world.clock.advance(Duration::from_secs(9));
    let (bolt, bea) = world.desk("bolt").await;
    let other = world.ticket(bolt, bea.id, "T").await;
    queue(&world, bolt, &other, 1).await;
    let depths = world.store().queue().await.expect("read");
    let mail = depths.iter().find(|depth| depth.channel == "mail").expect("mail waits");
    assert_eq!((mail.queued, mail.failed, mail.oldest_due), (3, 1, Some(first)));
}
