//! Routing, claiming, settling: nothing lost, nothing taken twice.

use std::collections::BTreeSet;
use std::time::Duration;

use connect_core::delivery::{Claim, Delivery, DeliveryList, DeliveryState, Recipient, Route, Settlement};
use connect_core::store::Seal;
use connect_core::ticket::Ticket;
use connect_core::{DeliveryId, Limit, Store, WorkspaceId};

use super::World;

pub(super) const LEASE: Duration = Duration::from_secs(60);

pub(super) fn delivery(world: &World, workspace: WorkspaceId, ticket: &Ticket, event: u64) -> Delivery {
    Delivery {
        id: world.ids.delivery(),
        workspace,
        subscriber: "kit".into(),
        topic: "topic".into(),
        channel: "mail".into(),
        recipient: Recipient::Contact(ticket.contact),
        event,
        request_id: Some("req_kit".into()),
        ticket: Some(ticket.id),
        message: Some(ticket.last_message),
        state: DeliveryState::Queued,
        attempts: 0,
        due_at: world.now(),
        detail: None,
        created_at: world.now(),
        settled_at: None,
        answered: 0,
        read_at: None,
        requeued: None,
    }
}

/// Where the routing of a workspace stands, and its last event; none if all are routed.
pub(super) async fn cursor(world: &World, workspace: WorkspaceId) -> Option<(u64, u64)> {
    let all = world.store().unrouted(Limit::MAX).await.expect("read");
    all.iter().find(|at| at.workspace == workspace).map(|at| (at.routed, at.last))
}

/// A seal as it could stand on these events.
pub(super) fn seal(after: u64, last: u64) -> Seal {
    Seal { after, last, mac: format!("{:064x}", after * 1000 + last) }
}

/// Routes all events of a workspace, under a seal, with so many deliveries.
pub(super) async fn queue(world: &World, workspace: WorkspaceId, ticket: &Ticket, count: u64) -> Vec<DeliveryId> {
    let (from, to) = cursor(world, workspace).await.expect("there are new events");
    let deliveries: Vec<Delivery> = (0..count).map(|n| delivery(world, workspace, ticket, from * 1000 + n)).collect();
    let ids = deliveries.iter().map(|delivery| delivery.id).collect();
    assert!(
        world
            .store()
            .route(workspace, Route { from, to, deliveries, seal: Some(seal(from, to)) })
            .await
            .expect("routed")
    );
    ids
}

/// A request for mail, with no bound but the number.
pub(super) fn any(world: &World, limit: usize) -> Claim {
    Claim { channel: "mail".to_owned(), now: world.now(), lease: LEASE, limit, each: limit, except: Vec::new() }
}

pub(super) async fn claim(world: &World, store: &dyn Store, limit: usize) -> Vec<(DeliveryId, u32)> {
    let claim = any(world, limit);
    let claimed = store.claim(claim).await.expect("claimed");
    claimed.into_iter().map(|claimed| (claimed.delivery.id, claimed.token)).collect()
}

pub(super) async fn desk(world: &World) -> (WorkspaceId, Ticket) {
    let (acme, ada) = world.desk("acme").await;
    let ticket = world.ticket(acme, ada.id, "T").await;
    (acme, ticket)
}

/// A commit makes its workspace show up; routing makes it go.
pub async fn new_events_are_unrouted_until_routed(world: World) {
    let (acme, ticket) = desk(&world).await;
    assert_eq!(cursor(&world, acme).await, Some((0, 3)));
    queue(&world, acme, &ticket, 0).await;
    assert_eq!(cursor(&world, acme).await, None);
    world.reply(acme, &ticket, "more").await;
    assert_eq!(cursor(&world, acme).await, Some((3, 5)));
}

/// Of two routers of the same events one succeeds.
pub async fn a_cursor_moves_once(world: World) {
    let (acme, ticket) = desk(&world).await;
    let route =
        |world: &World| Route { from: 0, to: 3, deliveries: vec![delivery(world, acme, &ticket, 3)], seal: None };
    assert!(world.store().route(acme, route(&world)).await.expect("routed"));
    assert!(!world.store().route(acme, route(&world)).await.expect("answered"), "the cursor has moved");
    assert_eq!(world.store().deliveries(acme, DeliveryList::default()).await.expect("read").len(), 1);
}

/// The same event, channel and recipient make one delivery.
pub async fn a_delivery_is_queued_once(world: World) {
    let (acme, ticket) = desk(&world).await;
    let twice = vec![delivery(&world, acme, &ticket, 3), delivery(&world, acme, &ticket, 3)];
    let first = twice[0].id;
    assert!(world.store().route(acme, Route { from: 0, to: 3, deliveries: twice, seal: None }).await.expect("routed"));
    let rows = world.store().deliveries(acme, DeliveryList::default()).await.expect("read");
    assert_eq!(rows.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), [first]);
}

/// What is due, as many as asked for, each with its attempt counted.
pub async fn a_claim_takes_what_is_due(world: World) {
    let (acme, ticket) = desk(&world).await;
    let ids = queue(&world, acme, &ticket, 5).await;
    let first = claim(&world, world.store().as_ref(), 3).await;
    let second = claim(&world, world.store().as_ref(), 10).await;
    assert_eq!((first.len(), second.len()), (3, 2));
    let taken: BTreeSet<_> = first.iter().chain(&second).map(|(id, _)| *id).collect();
    assert_eq!(taken, ids.into_iter().collect());
    assert!(first.iter().all(|(_, token)| *token == 1));
    let rows = world.store().deliveries(acme, DeliveryList::default()).await.expect("read");
    assert!(rows.iter().all(|delivery| delivery.attempts == 1 && delivery.state == DeliveryState::Queued));
}

/// Nobody takes it again before the lease has ended; then it is taken again.
pub async fn a_lease_holds_until_it_ends(world: World) {
    let (acme, ticket) = desk(&world).await;
    queue(&world, acme, &ticket, 1).await;
    let first = claim(&world, world.store().as_ref(), 10).await;
    world.clock.advance(Duration::from_millis(59_999));
    assert!(claim(&world, world.store().as_ref(), 10).await.is_empty(), "the lease still holds");
    world.clock.advance(Duration::from_millis(1));
    let again = claim(&world, world.store().as_ref(), 10).await;
    assert_eq!((again[0].0, again[0].1), (first[0].0, 2), "the same delivery with a new token");
}

/// Many claimers at once share the work.
pub async fn parallel_claims_take_each_once(world: World) {
    let (acme, ticket) = desk(&world).await;
    let ids = queue(&world, acme, &ticket, 40).await;
    let asked = any(&world, 7);
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (store, asked) = (world.store(), asked.clone());
            tokio::spawn(async move { store.claim(asked).await.expect("claimed") })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.expect("no task panics").into_iter().map(|claimed| claimed.delivery.id));
    }
    assert_eq!(taken.len(), 40, "each is taken once");
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), ids.into_iter().collect());
}

/// A worker that was thought dead cannot settle what another has taken over.
pub async fn a_late_result_is_discarded(world: World) {
    let (acme, ticket) = desk(&world).await;
    queue(&world, acme, &ticket, 1).await;
    let (id, old) = claim(&world, world.store().as_ref(), 1).await[0];
    world.clock.advance(LEASE);
    let (_, new) = claim(&world, world.store().as_ref(), 1).await[0];
    let sent = Settlement::Sent { at: world.now() };
    assert!(!world.store().settle(acme, id, old, sent.clone()).await.expect("answered"), "the old token is fenced off");
    assert!(world.store().settle(acme, id, new, sent).await.expect("settled"));
}

/// What failed is due again at its time, not before.
pub async fn a_retry_waits_for_its_time(world: World) {
    let (acme, ticket) = desk(&world).await;
    queue(&world, acme, &ticket, 1).await;
    let (id, token) = claim(&world, world.store().as_ref(), 1).await[0];
    let at = world.now().plus(Duration::from_secs(300));
    let retry = Settlement::Retry { at, error: "451 later".into() };
    assert!(world.store().settle(acme, id, token, retry).await.expect("settled"));
    let row = world.store().deliveries(acme, DeliveryList::default()).await.expect("read").remove(0);
    assert_eq!((row.state, row.detail.as_deref(), row.due_at), (DeliveryState::Queued, Some("451 later"), at));
    world.clock.advance(Duration::from_secs(299));
    assert!(claim(&world, world.store().as_ref(), 1).await.is_empty());
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(claim(&world, world.store().as_ref(), 1).await, [(id, 2)]);
}

/// What is settled is neither taken nor settled again.
pub async fn settled_deliveries_stay_settled(world: World) {
    let (acme, ticket) = desk(&world).await;
    queue(&world, acme, &ticket, 4).await;
    let at = world.now();
    let ends = [
        (Settlement::Sent { at }, DeliveryState::Sent),
        (Settlement::Failed { at, error: "550".into() }, DeliveryState::Failed),
        (Settlement::Dropped { at, reason: "gone".into() }, DeliveryState::Dropped),
    ];
    let claimed = claim(&world, world.store().as_ref(), 4).await;
    let waits = claimed[3].0;
    for ((id, token), (settlement, state)) in claimed.into_iter().zip(ends) {
        assert!(world.store().settle(acme, id, token, settlement.clone()).await.expect("settled"));
        assert!(!world.store().settle(acme, id, token, settlement).await.expect("answered"), "once only");
        let rows = world.store().deliveries(acme, DeliveryList { state: Some(state), ..DeliveryList::default() }).await;
        assert_eq!(rows.expect("read").iter().map(|d| d.id).collect::<Vec<_>>(), [id]);
    }
    world.clock.advance(LEASE * 10);
    assert_eq!(claim(&world, world.store().as_ref(), 10).await, [(waits, 2)], "only the one that nobody settled");
}

/// After each step the process may die: the next one goes on from what is stored.
pub async fn a_crash_between_routing_and_sending_loses_nothing(world: World) {
    let (acme, ticket) = desk(&world).await;
    let (store, _) = world.reopened().await;
    let at = store.unrouted(Limit::MAX).await.expect("read").into_iter().find(|at| at.workspace == acme);
    assert_eq!(at.map(|at| at.last), Some(3), "the event waits to be routed");
    let ids = queue(&world, acme, &ticket, 1).await;
    let (store, _) = world.reopened().await;
    assert_eq!(claim(&world, store.as_ref(), 5).await, [(ids[0], 1)], "the delivery waits to be sent");
    let (store, _) = world.reopened().await;
    assert!(claim(&world, store.as_ref(), 5).await.is_empty(), "the lease outlives the process");
    world.clock.advance(LEASE);
    assert_eq!(claim(&world, store.as_ref(), 5).await, [(ids[0], 2)], "and ends");
}

/// By message, by state, newest first.
pub async fn deliveries_are_listed_by_message_and_state(world: World) {
    let (acme, ticket) = desk(&world).await;
    let ids = queue(&world, acme, &ticket, 2).await;
    let list = async |messages, state| {
        let list = DeliveryList { messages, state, ..DeliveryList::default() };
        let rows = world.store().deliveries(acme, list).await.expect("read");
        rows.into_iter().map(|delivery| delivery.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None).await, [ids[1], ids[0]]);
    assert_eq!(list(Some(vec![ticket.last_message]), Some(DeliveryState::Queued)).await.len(), 2);
    assert!(list(Some(vec![world.ids.message()]), None).await.is_empty());
    assert!(list(None, Some(DeliveryState::Failed)).await.is_empty());
    let (sent, token) = claim(&world, world.store().as_ref(), 1).await[0];
    let settlement = Settlement::Sent { at: world.now() };
    assert!(world.store().settle(acme, sent, token, settlement).await.expect("settled"));
    for messages in [None, Some(vec![ticket.last_message])] {
        assert_eq!(list(messages.clone(), Some(DeliveryState::Sent)).await, [sent]);
        assert_eq!(list(messages, Some(DeliveryState::Queued)).await.len(), 1, "the other one");
    }
}

/// What has waited longest goes first.
pub async fn the_oldest_is_taken_first(world: World) {
    let (acme, ticket) = desk(&world).await;
    let mut expected = Vec::new();
    let mut ticket = ticket;
    for _ in 0..4 {
        expected.extend(queue(&world, acme, &ticket, 1).await);
        ticket = world.reply(acme, &ticket, "more").await;
    }
    for id in expected {
        assert_eq!(claim(&world, world.store().as_ref(), 1).await, [(id, 1)], "the one that has waited longest");
    }
}

/// A router cannot claim to have seen events that are not there.
pub async fn a_cursor_does_not_pass_the_journal(world: World) {
    let (acme, ticket) = desk(&world).await;
    let route = Route { from: 0, to: 4, deliveries: vec![delivery(&world, acme, &ticket, 4)], seal: None };
    assert!(!world.store().route(acme, route).await.expect("answered"), "there are three events");
    assert_eq!(cursor(&world, acme).await, Some((0, 3)));
    assert!(world.store().deliveries(acme, DeliveryList::default()).await.expect("read").is_empty());
}

/// The id of a delivery says nothing in another workspace.
pub async fn another_workspace_settles_nothing(world: World) {
    let (acme, ticket) = desk(&world).await;
    let (bolt, _) = world.desk("bolt").await;
    queue(&world, acme, &ticket, 1).await;
    let (id, token) = claim(&world, world.store().as_ref(), 1).await[0];
    let sent = Settlement::Sent { at: world.now() };
    assert!(!world.store().settle(bolt, id, token, sent.clone()).await.expect("answered"), "bolt has no such delivery");
    assert!(world.store().settle(acme, id, token, sent).await.expect("settled"), "acme's is as it was");
}

/// One row more than the limit, if there is one.
pub async fn a_page_of_deliveries_says_that_there_is_more(world: World) {
    let (acme, ticket) = desk(&world).await;
    let mut newest = queue(&world, acme, &ticket, 5).await;
    newest.reverse();
    for (messages, state) in [(None, None), (Some(vec![ticket.last_message]), Some(DeliveryState::Queued))] {
        for (limit, expected) in [(3, 4), (4, 5), (5, 5)] {
            let limit = Limit::new(limit).expect("a limit");
            let list = DeliveryList { messages: messages.clone(), state, limit, ..DeliveryList::default() };
            let rows = world.store().deliveries(acme, list).await.expect("read");
            let ids: Vec<DeliveryId> = rows.into_iter().map(|delivery| delivery.id).collect();
            assert_eq!(ids, newest[..expected], "of five deliveries, at most {} and one more", limit.get());
        }
    }
}
