//! Moving a workspace: out of a store whole, into another one whole.

use std::sync::Arc;
use std::time::Duration;

use connect_core::delivery::Route;
use connect_core::record::RecordKind;
use connect_core::store::{Counters, EventList, ExportList, Import, MovedRow, Part, Seal, SealList, TicketKey};
use connect_core::ticket::{Priority, TicketFilter, TicketList};
use connect_core::workspace::Workspace;
use connect_core::{Actor, CommitError, Limit, Once, Store, UserId, WorkspaceId};

use super::{World, dispatch};
use crate::MemoryStore;

/// All rows of a workspace, read in small pages.
async fn all(store: &dyn Store, workspace: WorkspaceId) -> Vec<MovedRow> {
    let mut rows = Vec::new();
    let limit = Limit::new(3).expect("a limit");
    for part in Part::ALL {
        let mut after: Option<String> = None;
        for _ in 0..1000 {
            let page = store.export(workspace, ExportList { part, after: after.clone(), limit }).await.expect("read");
            assert!(page.len() <= 4, "a page has at most one row more than its limit, was {}", page.len());
            let more = page.len() > 3;
            rows.extend(page.into_iter().take(3));
            after = rows.last().filter(|row| row.part() == part).map(MovedRow::place);
            if !more {
                break;
            }
        }
    }
    rows
}

fn placed(rows: &[MovedRow]) -> Vec<(Part, String)> {
    rows.iter().map(|row| (row.part(), row.place())).collect()
}

/// A workspace with something of every kind.
async fn full(world: &World, store: &dyn Store) -> WorkspaceId {
    let (acme, ada) = world.desk("acme").await;
    let once = Once {
        actor: Actor::User(UserId::from_bits(7)),
        key: "k".into(),
        request_hash: "h".into(),
        expires_at: world.now().plus(Duration::from_secs(36_000)),
    };
    let (_, changes) = world.ticket_set(ada.id, "The printer burns", Priority::High, Some("hardware"));
    let committed = world.commit(acme, changes.once(Some(once))).await.expect("kept");
    let first = committed.tickets.first().cloned().expect("the ticket");
    let second = world.ticket(acme, ada.id, "The door squeaks").await;
    let second = world.reply(acme, &second, "Oil it, Žaneta").await;
    world.commit(acme, world.note_set(&second, "hinges are old")).await.expect("kept");
    // Five seals: more than fit into a page.
    for from in 0..4 {
        let route = Route { from, to: from + 1, deliveries: Vec::new(), seal: Some(dispatch::seal(from, from + 1)) };
        assert!(store.route(acme, route).await.expect("routed"));
    }
    dispatch::queue(world, acme, &first, 5).await;
    assert!(store.counters(acme).await.expect("read").is_some());
    acme
}

async fn import_all(store: &dyn Store, workspace: WorkspaceId, rows: &[MovedRow], counters: Counters) {
    for rows in rows.chunks(4) {
        store.import(workspace, Import { rows: rows.to_vec(), counters: None }).await.expect("rows are taken");
    }
    let last = Import { rows: Vec::new(), counters: Some(counters) };
    store.import(workspace, last).await.expect("the counters are taken");
}

/// A workspace in memory, to be moved into the store under test.
async fn elsewhere(world: &World) -> (WorkspaceId, Vec<MovedRow>, Counters) {
    let memory = Arc::new(MemoryStore::new());
    let there = world.on(memory.clone());
    let acme = full(&there, memory.as_ref()).await;
    let counters = memory.counters(acme).await.expect("read").expect("it exists");
    (acme, all(memory.as_ref(), acme).await, counters)
}

/// Everything that was stored comes out, each row once, in the order of places.
pub async fn what_is_exported_is_all_there_is(world: World) {
    let acme = full(&world, world.store().as_ref()).await;
    // Another workspace, with rows of all parts, of which nothing may come along.
    let (bolt, bob) = world.desk("bolt").await;
    let once = Once {
        actor: Actor::User(UserId::from_bits(7)),
        key: "other".into(),
        request_hash: "h".into(),
        expires_at: world.now().plus(Duration::from_secs(36_000)),
    };
    let (_, changes) = world.ticket_set(bob.id, "Not acme's", Priority::None, None);
    let other = world.commit(bolt, changes.once(Some(once))).await.expect("kept").tickets.remove(0);
    dispatch::queue(&world, bolt, &other, 2).await;
    let rows = all(world.store().as_ref(), acme).await;
    let count = |part| rows.iter().filter(|row| row.part() == part).count();
    let counts: Vec<usize> = Part::ALL.into_iter().map(count).collect();
    // The workspace, its contact; two tickets; what opened them, a reply, a note; an event each and two more
    // for what the reply did; a key; five deliveries; five seals.
    let events = world.store().counters(acme).await.expect("read").expect("exists").last_seq;
    assert_eq!(counts, [2, 2, 4, usize::try_from(events).expect("few"), 1, 5, 5]);
    let places = placed(&rows);
    let mut sorted = places.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(places, sorted, "in the order of parts and places, none twice");
}

/// What goes into the store comes out of it the same.
pub async fn a_workspace_moves_whole(world: World) {
    let (acme, rows, counters) = elsewhere(&world).await;
    import_all(world.store().as_ref(), acme, &rows, counters).await;
    assert_eq!(world.store().counters(acme).await.expect("read"), Some(counters));
    assert_eq!(all(world.store().as_ref(), acme).await, rows, "nothing lost, nothing different");
    // And out of it again, into another store.
    let back = MemoryStore::new();
    import_all(&back, acme, &rows, counters).await;
    assert_eq!(all(&back, acme).await, rows);
}

/// Reads, searches, numbers and keys go on where they were.
pub async fn a_moved_workspace_goes_on(world: World) {
    let (acme, rows, counters) = elsewhere(&world).await;
    import_all(world.store().as_ref(), acme, &rows, counters).await;
    let store = world.store();
    let mut filter = TicketFilter::default();
    filter.add_words("zaneta");
    let found = store.tickets(acme, TicketList { filter, ..TicketList::default() }).await.expect("read");
    assert_eq!(found.len(), 1, "what was written elsewhere is found by its words");
    assert_eq!(
        store.find(acme, Workspace::KIND, "slug:acme".into()).await.expect("read").map(|r| r.id),
        Some(acme.to_string())
    );
    let row = store.ticket(acme, TicketKey::Number(1)).await.expect("read").expect("by its number");
    let ticket = world.ticket(acme, row.contact.id, "The next one").await;
    assert_eq!(ticket.number, counters.last_number + 1, "numbers go on");
    let list = EventList { after: counters.last_seq, ..EventList::default() };
    let next = store.events(acme, list).await.expect("read");
    assert_eq!(next.first().map(|event| event.seq), Some(counters.last_seq + 1), "the journal goes on without a gap");
    let seals = store.seals(acme, SealList { newest_first: true, ..SealList::default() }).await.expect("read");
    let moved: Vec<Seal> = (1..4).rev().map(|n| dispatch::seal(n, n + 1)).chain([dispatch::seal(0, 1)]).collect();
    assert_eq!(seals.split_first(), Some((&dispatch::seal(4, counters.routed_seq), &moved[..])), "all came along");
    let (from, to) = dispatch::cursor(&world, acme).await.expect("the new ticket is to be routed");
    assert_eq!(from, counters.routed_seq, "routing goes on where it was");
    let next = dispatch::seal(from, to);
    let route = Route { from, to, deliveries: Vec::new(), seal: Some(next.clone()) };
    assert!(store.route(acme, route).await.expect("routed"));
    let newest = SealList { newest_first: true, limit: Limit::ONE, ..SealList::default() };
    let seals = store.seals(acme, newest).await.expect("read");
    assert_eq!(seals.first(), Some(&next), "the next seal stands behind those that came along");
    let answer = store.answer(acme, Actor::User(UserId::from_bits(7)), "k".into()).await.expect("read");
    assert_eq!(answer.map(|answer| answer.request_hash).as_deref(), Some("h"), "keys count on");
}

/// An import that was cut off is repeated from wherever one likes.
pub async fn an_import_may_be_repeated(world: World) {
    let (acme, rows, counters) = elsewhere(&world).await;
    let store = world.store();
    for rows in [&rows[..3], &rows[..7], &rows[2..], &rows[..]] {
        store.import(acme, Import { rows: rows.to_vec(), counters: None }).await.expect("rows are taken again");
    }
    import_all(store.as_ref(), acme, &rows, counters).await;
    assert_eq!(all(store.as_ref(), acme).await, rows, "each row once");
}

/// As long as the counters are missing there is no such workspace.
pub async fn nothing_is_seen_before_the_counters(world: World) {
    let (acme, rows, counters) = elsewhere(&world).await;
    let store = world.store();
    store.import(acme, Import { rows, counters: None }).await.expect("taken");
    assert_eq!(store.counters(acme).await.expect("read"), None);
    assert!(store.workspaces(None, Limit::MAX).await.expect("read").is_empty(), "it is not listed");
    assert!(store.unrouted(Limit::MAX).await.expect("read").is_empty(), "and not routed");
    store.import(acme, Import { rows: Vec::new(), counters: Some(counters) }).await.expect("opened");
    assert_eq!(store.workspaces(None, Limit::MAX).await.expect("read"), [acme]);
}

/// A workspace that exists is not written over.
pub async fn a_workspace_that_exists_takes_no_import(world: World) {
    let acme = full(&world, world.store().as_ref()).await;
    let before = all(world.store().as_ref(), acme).await;
    let rows = before.clone();
    let counters = Some(Counters { last_seq: 1, last_number: 0, routed_seq: 0 });
    let refused = world.store().import(acme, Import { rows, counters }).await;
    assert!(matches!(refused, Err(CommitError::Conflict { .. })), "was {refused:?}");
    assert_eq!(all(world.store().as_ref(), acme).await, before);
}

/// A row that refers to nothing is refused, and nothing of its import is kept.
pub async fn an_import_that_does_not_fit_is_refused_whole(world: World) {
    let (acme, rows, _) = elsewhere(&world).await;
    let ticket = rows.iter().find(|row| row.part() == Part::Tickets).cloned().expect("a ticket");
    let workspace =
        rows.iter().find(|row| matches!(row, MovedRow::Record { record, .. } if record.kind == Workspace::KIND));
    let import = Import { rows: vec![workspace.cloned().expect("its record"), ticket], counters: None };
    let refused = world.store().import(acme, import).await;
    assert!(matches!(refused, Err(CommitError::Missing { .. })), "a ticket without its contact: {refused:?}");
    assert!(all(world.store().as_ref(), acme).await.is_empty(), "not even the record before it");
    // A slug that is taken here.
    world.desk("acme").await;
    let import = Import { rows: rows.clone(), counters: None };
    let refused = world.store().import(acme, import).await;
    assert!(matches!(refused, Err(CommitError::Taken { .. })), "another workspace has the slug: {refused:?}");
}
