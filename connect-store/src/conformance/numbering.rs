//! Tickets are numbered 1, 2, 3 … in each workspace.

use connect_core::ticket::Priority;

use super::World;

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
