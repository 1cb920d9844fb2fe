//! Events: numbered densely, in commit order, never one below what was seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use connect_core::event::{Event, Fact};
use connect_core::store::EventList;
use connect_core::ticket::Priority;
use connect_core::{Limit, WorkspaceId};

use super::World;

async fn all(world: &World, workspace: WorkspaceId) -> Vec<Event> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let list = EventList { ticket: None, public: false, after, limit: Limit::MAX };
        let rows = world.store().events(workspace, list).await.expect("read");
        let more = rows.len() > Limit::MAX.get();
        events.extend(rows.into_iter().take(Limit::MAX.get()));
        after = events.last().map_or(0, |event: &Event| event.seq);
        if !more {
            return events;
        }
    }
}

fn assert_dense(events: &[Event]) {
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event.seq, place as u64 + 1, "event {place} of {}", events.len());
    }
}

/// One after the other, with what they say.
pub async fn events_are_numbered_densely_in_order(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let ticket = world.ticket(acme, ada.id, "T").await;
    world.reply(acme, &ticket, "hello").await;
    let events = all(&world, acme).await;
    assert_dense(&events);
    let names: Vec<String> = events.iter().map(|event| event.fact.name()).collect();
    assert_eq!(
        names,
        ["workspace.created", "contact.created", "ticket.opened", "ticket.replied", "ticket.status_changed"]
    );
    assert!(events.iter().all(|event| event.workspace == acme));
    let replied = &events[3];
    assert_eq!(replied.ticket, Some(ticket.id));
    assert_eq!(replied.ticket_version.map(connect_core::Version::get), Some(2));
    assert!(matches!(replied.fact, Fact::TicketReplied { by_customer: false, .. }));
}

/// At once: dense, and in the order of the answers' numbers.
pub async fn events_follow_commit_order_under_parallel_commits(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let tasks: Vec<_> = (0..80)
        .map(|n| {
            let (store, (ticket, changes)) =
                (world.store(), world.ticket_set(ada.id, &format!("T{n}"), Priority::None, None));
            tokio::spawn(async move { (ticket.id, store.commit(acme, changes).await.expect("kept")) })
        })
        .collect();
    let mut answered = Vec::new();
    for task in tasks {
        let (id, committed) = task.await.expect("no task panics");
        answered.push((committed.last_seq, id, committed.tickets.first().expect("a ticket").number));
    }
    let events = all(&world, acme).await;
    assert_dense(&events);
    answered.sort_unstable();
    for (seq, id, _) in &answered {
        assert_eq!(
            events[usize::try_from(*seq).expect("small") - 1].ticket,
            Some(*id),
            "the answer names the event's place"
        );
    }
    assert!(answered.windows(2).all(|pair| pair[0].2 < pair[1].2), "tickets are numbered in the order of their events");
}

/// A reader that follows never finds an event below one it has seen.
pub async fn a_reader_never_finds_an_earlier_event_later(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (store, done) = (world.store(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut seen: Vec<u64> = Vec::new();
            loop {
                let finished = done.load(Ordering::SeqCst);
                let after = seen.last().copied().unwrap_or(0);
                let list = EventList { ticket: None, public: false, after, limit: Limit::MAX };
                let rows = store.events(acme, list).await.expect("read");
                seen.extend(rows.iter().map(|event| event.seq));
                if finished && rows.is_empty() {
                    return seen;
                }
                tokio::task::yield_now().await;
            }
        })
    };
    let mut tasks = Vec::new();
    for n in 0..120 {
        let (store, (_, changes)) = (world.store(), world.ticket_set(ada.id, &format!("T{n}"), Priority::None, None));
        tasks.push(tokio::spawn(async move { store.commit(acme, changes).await.expect("kept") }));
        if n % 8 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for task in tasks {
        task.await.expect("no task panics");
    }
    done.store(true, Ordering::SeqCst);
    let seen = reader.await.expect("the reader does not panic");
    let expected: Vec<u64> = (1..=seen.len() as u64).collect();
    assert_eq!(seen, expected, "the reader saw every number once, in order");
    assert_eq!(seen.len(), 122);
}

/// The events of one ticket.
pub async fn a_ticket_has_its_own_events(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (one, two) = (world.ticket(acme, ada.id, "One").await, world.ticket(acme, ada.id, "Two").await);
    world.reply(acme, &one, "a").await;
    world.commit(acme, world.note_set(&two, "b")).await.expect("kept");
    let list = EventList { ticket: Some(one.id), ..EventList::default() };
    let events = world.store().events(acme, list).await.expect("read");
    assert!(events.iter().all(|event| event.ticket == Some(one.id)));
    assert_eq!(events.len(), 3);
}

/// Only what is public, when that is asked for, and pages are full of it.
pub async fn public_events_are_told_apart(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let mut ticket = world.ticket(acme, ada.id, "T").await;
    for n in 0..8 {
        let note = world.commit(acme, world.note_set(&ticket, &format!("note {n}"))).await.expect("kept");
        ticket = note.tickets.into_iter().next().expect("a ticket");
    }
    world.reply(acme, &ticket, "hello").await;
    for ticket in [None, Some(ticket.id)] {
        let list = EventList { ticket, public: true, after: 0, limit: Limit::new(4).expect("a limit") };
        let events = world.store().events(acme, list).await.expect("read");
        let names: Vec<String> = events.iter().map(|event| event.fact.name()).collect();
        assert_eq!(names, Fact::PUBLIC_TYPES, "notes between do not use up the page");
    }
}

/// Page after page.
pub async fn events_come_in_pages(world: World) {
    let (acme, ada) = world.desk("acme").await;
    for n in 0..9 {
        world.ticket(acme, ada.id, &format!("T{n}")).await;
    }
    let list = EventList { ticket: None, public: false, after: 4, limit: Limit::new(3).expect("a limit") };
    let seqs: Vec<u64> = world.store().events(acme, list).await.expect("read").iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [5, 6, 7, 8], "one more than the limit");
}
