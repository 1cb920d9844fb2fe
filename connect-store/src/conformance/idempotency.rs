//! A change set with a key is carried out once.

use std::time::Duration;

use connect_core::ticket::{Priority, TicketList};
use connect_core::{Actor, ChangeSet, CommitError, Limit, Once, UserId, WorkspaceId};

use super::World;

fn once(world: &World, actor: Actor, key: &str, hash: &str) -> Option<Once> {
    let expires_at = world.now().plus(Duration::from_secs(3600));
    Some(Once { actor, key: key.into(), request_hash: hash.into(), expires_at })
}

const AGENT: Actor = Actor::User(UserId::from_bits(7));

async fn tickets(world: &World, workspace: WorkspaceId) -> usize {
    let list = TicketList { limit: Limit::MAX, ..TicketList::default() };
    world.store().tickets(workspace, list).await.expect("read").len()
}

async fn ticket_set(world: &World) -> (WorkspaceId, impl Fn(&str) -> ChangeSet) {
    let (acme, ada) = world.desk("acme").await;
    (acme, move |subject: &str| world.ticket_set(ada.id, subject, Priority::None, None).1)
}

/// The second commit answers what the first did, and writes nothing.
pub async fn the_same_key_answers_the_same(world: World) {
    let (acme, set) = ticket_set(&world).await;
    let first = world.commit(acme, set("One").once(once(&world, AGENT, "k", "h"))).await.expect("kept");
    let again = world.commit(acme, set("Two").once(once(&world, AGENT, "k", "h"))).await.expect("answered");
    assert!(!first.replayed && again.replayed);
    assert_eq!(
        (again.tickets, again.messages, again.last_seq),
        (first.tickets.clone(), first.messages, first.last_seq)
    );
    assert_eq!(tickets(&world, acme).await, 1);
    let answer = world.store().answer(acme, AGENT, "k".into()).await.expect("read").expect("kept");
    assert_eq!((answer.request_hash.as_str(), answer.committed.tickets), ("h", first.tickets));
}

/// The key with another request.
pub async fn another_request_with_the_key_is_refused(world: World) {
    let (acme, set) = ticket_set(&world).await;
    world.commit(acme, set("One").once(once(&world, AGENT, "k", "h"))).await.expect("kept");
    let other = world.commit(acme, set("Two").once(once(&world, AGENT, "k", "other"))).await;
    assert!(matches!(other, Err(CommitError::KeyReused)), "was {other:?}");
    assert_eq!(tickets(&world, acme).await, 1);
}

/// Many at once: one writes, all answer the same.
pub async fn parallel_twins_write_once(world: World) {
    let (acme, set) = ticket_set(&world).await;
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let (store, changes) = (world.store(), set("Twin").once(once(&world, AGENT, "k", "h")));
            tokio::spawn(async move { store.commit(acme, changes).await })
        })
        .collect();
    let (mut wrote, mut numbers) = (0, Vec::new());
    for task in tasks {
        let committed = task.await.expect("no task panics").expect("each is answered");
        wrote += u32::from(!committed.replayed);
        numbers.push(committed.tickets.first().expect("a ticket").id);
    }
    assert_eq!(wrote, 1, "one of forty twins writes");
    assert!(numbers.windows(2).all(|pair| pair[0] == pair[1]), "all are answered with the same ticket");
    assert_eq!(tickets(&world, acme).await, 1);
}

/// After its end a key may be used anew.
pub async fn an_ended_key_is_free(world: World) {
    let (acme, set) = ticket_set(&world).await;
    world.commit(acme, set("One").once(once(&world, AGENT, "k", "h"))).await.expect("kept");
    world.clock.advance(Duration::from_secs(3601));
    let later = world.commit(acme, set("Two").once(once(&world, AGENT, "k", "other"))).await.expect("the key is free");
    assert!(!later.replayed);
    let again = world.commit(acme, set("Three").once(once(&world, AGENT, "k", "other"))).await.expect("answered");
    assert_eq!(again.tickets, later.tickets, "and stands for the new request");
}

/// Keys of different actors are different.
pub async fn a_key_belongs_to_one_actor(world: World) {
    let (acme, set) = ticket_set(&world).await;
    world.commit(acme, set("One").once(once(&world, AGENT, "k", "h"))).await.expect("kept");
    let other = once(&world, Actor::Host, "k", "h");
    assert!(!world.commit(acme, set("Two").once(other)).await.expect("kept").replayed);
    assert!(world.store().answer(acme, Actor::System, "k".into()).await.expect("read").is_none());
}

/// What is refused leaves its key free.
pub async fn a_refused_set_keeps_no_key(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let ticket = world.ticket(acme, ada.id, "T").await;
    let stale = world.reply_set(&ticket, "stale");
    world.reply(acme, &ticket, "first").await;
    world.commit(acme, stale.once(once(&world, AGENT, "k", "h"))).await.expect_err("a conflict");
    assert!(world.store().answer(acme, AGENT, "k".into()).await.expect("read").is_none());
}

/// Until its end a key answers, from that instant on it is free.
pub async fn a_key_ends_exactly_at_its_end(world: World) {
    let (acme, set) = ticket_set(&world).await;
    let first = set("One");
    let key = once(&world, AGENT, "k", "h");
    let end = key.as_ref().expect("a key").expires_at;
    world.commit(acme, first.once(key)).await.expect("kept");
    // Each set is of a second after the one before it.
    world.clock.advance(Duration::from_secs(3598));
    let before = set("Two").once(once(&world, AGENT, "k", "h"));
    assert_eq!(world.now().plus(Duration::from_secs(1)), end);
    assert!(world.commit(acme, before).await.expect("answered").replayed, "a second before its end the key answers");
    let at_end = set("Three").once(once(&world, AGENT, "k", "h"));
    assert_eq!(world.now(), end);
    assert!(!world.commit(acme, at_end).await.expect("kept").replayed, "at its end the key is free");
    assert_eq!(tickets(&world, acme).await, 2, "the first and the last set are kept");
}
