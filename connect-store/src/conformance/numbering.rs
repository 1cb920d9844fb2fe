//! Tickets are numbered 1, 2, 3 … in each workspace.

use connect_core::store::TicketKey;
use connect_core::ticket::{Category, Priority};

use super::World;
use super::world::status;

/// One after the other.
pub async fn tickets_are_numbered_densely(world: World) {
    let (workspace, contact) = world.desk("acme").await;
    for expected in 1..=5 {
        assert_eq!(world.ticket(workspace, contact.id, "T").await.number, expected);
    }
}

/// At once.
pub async fn tickets_are_numbered_densely_under_parallel_commits(world: World) {
    let (workspace, contact) = world.desk("acme").await;
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let (_, changes) = world.ticket_set(contact.id, &format!("T{n}"), Priority::None, None);
            let store = world.store();
            tokio::spawn(async move { store.commit(workspace, changes).await })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        let committed = task.await.expect("no task panics").expect("each is kept");
        numbers.push(committed.tickets.first().expect("a ticket").number);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=100).collect::<Vec<u64>>(), "a hundred parallel tickets have the numbers 1 to 100");
}

/// Two processes that write to one workspace at once disturb each other's numbers no more than two callers of one.
pub async fn two_processes_number_densely_together(world: World) {
    let (workspace, contact) = world.desk("acme").await;
    let (other, _) = world.reopened().await;
    let tasks: Vec<_> = (0..80)
        .map(|n| {
            let (_, changes) = world.ticket_set(contact.id, &format!("T{n}"), Priority::None, None);
            let store = if n % 2 == 0 { world.store() } else { other.clone() };
            tokio::spawn(async move { store.commit(workspace, changes).await })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        let committed = task.await.expect("no task panics").expect("each is kept");
        numbers.push(committed.tickets.first().expect("a ticket").number);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=80).collect::<Vec<u64>>(), "tickets of two processes have the numbers 1 to 80");
}

/// Each workspace has numbers of its own.
pub async fn workspaces_number_on_their_own(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (bolt, bob) = world.desk("bolt").await;
    assert_eq!(world.ticket(acme, ada.id, "A").await.number, 1);
    assert_eq!(world.ticket(bolt, bob.id, "B").await.number, 1);
    assert_eq!(world.ticket(acme, ada.id, "A").await.number, 2);
}

/// A ticket that is refused leaves no gap.
pub async fn a_refused_ticket_takes_no_number(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (bolt, _) = world.desk("bolt").await;
    let (_, foreign) = world.ticket_set(ada.id, "For a contact of acme", Priority::None, None);
    world.commit(bolt, foreign).await.expect_err("bolt has no such contact");
    assert_eq!(world.ticket(acme, ada.id, "A").await.number, 1);
    let bob = world.contact(bolt, "bob@example.org").await;
    assert_eq!(world.ticket(bolt, bob.id, "B").await.number, 1, "the refused ticket took no number");
}

/// A ticket that is written again is the one of its number.
pub async fn a_written_ticket_keeps_its_number(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let first = world.ticket(acme, ada.id, "First").await;
    world.ticket(acme, ada.id, "Second").await;
    let replied = world.reply(acme, &first, "hello").await;
    assert_eq!(replied.number, 1, "a reply answers with the ticket under its number");
    let committed = world.commit(acme, world.update_set(&replied, status(Category::Closed))).await.expect("kept");
    let numbers: Vec<u64> = committed.tickets.iter().map(|ticket| ticket.number).collect();
    assert_eq!(numbers, [1], "so does a change");
    let row = world.store().ticket(acme, TicketKey::Number(1)).await.expect("read");
    assert_eq!(row.map(|row| row.ticket.id), Some(first.id), "number 1 is the ticket that had it");
    assert_eq!(world.ticket(acme, ada.id, "Third").await.number, 3, "writing took no number");
}
