//! A change set is kept whole or not at all.

use std::sync::Arc;

use connect_core::store::{EventList, MessageList};
use connect_core::ticket::TicketList;
use connect_core::{CommitError, Limit};

use super::World;

/// Ticket, message and events of one set are there together.
pub async fn all_parts_are_kept_together(world: World) {
    let (workspace, contact) = world.desk("acme").await;
    let ticket = world.ticket(workspace, contact.id, "Whole").await;
    let row = world.load(workspace, &ticket).await.expect("the ticket is there");
    assert_eq!(row.ticket, ticket, "what is read is what the commit answered");
    assert_eq!(row.contact, contact);
    let list = MessageList { ticket: ticket.id, ids: None, after: None, notes: true, limit: Limit::default() };
    let messages = world.store().messages(workspace, list).await.expect("messages are read");
    assert_eq!(messages.len(), 1, "its message is there");
    let list = EventList { ticket: Some(ticket.id), ..EventList::default() };
    assert_eq!(world.store().events(workspace, list).await.expect("events are read").len(), 1, "its event is there");
}

/// Of a set that is refused nothing is there: no ticket, no message, no event.
pub async fn a_refused_set_leaves_nothing(world: World) {
    let (workspace, contact) = world.desk("acme").await;
    let ticket = world.ticket(workspace, contact.id, "Kept").await;
    let before = world.store().events(workspace, EventList::default()).await.expect("events").len();
    let stale = world.reply_set(&ticket, "too late");
    world.reply(workspace, &ticket, "first").await;
    let refused = world.commit(workspace, stale).await;
    assert!(matches!(refused, Err(CommitError::Conflict { .. })), "a stale version is a conflict, was {refused:?}");
    let list = MessageList { ticket: ticket.id, ids: None, after: None, notes: true, limit: Limit::default() };
    let messages = world.store().messages(workspace, list).await.expect("messages");
    assert!(messages.iter().all(|m| m.body.as_str() != "too late"), "the refused message is not stored");
    let after = world.store().events(workspace, EventList::default()).await.expect("events").len();
    assert_eq!(after, before + 2, "the kept reply wrote two events, the refused one none");
}

/// What was acknowledged is there for a process that opens the store afterwards.
pub async fn a_change_survives_reopening(world: World) {
    let (workspace, contact) = world.desk("acme").await;
    let ticket = world.ticket(workspace, contact.id, "Lasting").await;
    let (store, _) = world.reopened().await;
    let found = store.ticket(workspace, connect_core::store::TicketKey::Id(ticket.id)).await.expect("read");
    assert_eq!(found.map(|row| row.ticket), Some(ticket));
}

/// A caller that stops waiting leaves a whole change or none, and disturbs nobody.
pub async fn a_caller_that_goes_away_leaves_whole_changes_only(world: World) {
    let (workspace, contact) = world.desk("acme").await;
    let mut tasks = Vec::new();
    for n in 0..60 {
        let (_, changes) = world.ticket_set(contact.id, &format!("T{n}"), connect_core::ticket::Priority::None, None);
        let store = world.store();
        let task = tokio::spawn(async move { store.commit(workspace, changes).await });
        if n % 3 == 0 {
            tokio::task::yield_now().await;
        }
        if n % 2 == 0 {
            task.abort();
        }
        tasks.push((n, task));
    }
    let mut acknowledged = Vec::new();
    for (n, task) in tasks {
        if let Ok(outcome) = task.await {
            outcome.expect("a commit that is waited for is kept");
            acknowledged.push(n);
        }
    }
    // A last commit queues behind whatever the abandoned callers left.
    world.ticket(workspace, contact.id, "Last").await;
    let list = TicketList { limit: Limit::MAX, ..TicketList::default() };
    let rows = world.store().tickets(workspace, list).await.expect("tickets");
    for n in acknowledged {
        assert!(rows.iter().any(|row| row.ticket.subject.as_str() == format!("T{n}")), "acknowledged T{n} is stored");
    }
    let mut numbers: Vec<u64> = rows.iter().map(|row| row.ticket.number).collect();
    numbers.sort_unstable();
    let dense: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, dense, "numbers have no gap, whoever went away");
    for row in &rows {
        let list = MessageList { ticket: row.ticket.id, ids: None, after: None, notes: true, limit: Limit::default() };
        assert_eq!(world.store().messages(workspace, list).await.expect("messages").len(), 1, "each ticket is whole");
    }
}

/// Sets that wait together are judged each on its own.
pub async fn parallel_sets_are_each_kept_or_refused(world: World) {
    let (workspace, contact) = world.desk("acme").await;
    let ticket = world.ticket(workspace, contact.id, "Busy").await;
    let store = world.store();
    let mut tasks = Vec::new();
    for n in 0..20 {
        let changes = if n % 2 == 0 {
            world.reply_set(&ticket, &format!("reply {n}"))
        } else {
            world.ticket_set(contact.id, &format!("New {n}"), connect_core::ticket::Priority::None, None).1
        };
        let store = Arc::clone(&store);
        tasks.push((n, tokio::spawn(async move { store.commit(workspace, changes).await })));
    }
    let mut replies = 0;
    for (n, task) in tasks {
        match task.await.expect("no task panics") {
            Ok(_) if n % 2 == 0 => replies += 1,
            Ok(_) => {}
            Err(CommitError::Conflict { .. }) if n % 2 == 0 => {}
            Err(error) => panic!("set {n}: {error}"),
        }
    }
    assert_eq!(replies, 1, "of ten replies to one version one is kept, and the new tickets are all kept");
}
