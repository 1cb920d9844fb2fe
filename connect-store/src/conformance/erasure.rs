//! What was removed or written over is nowhere any more.

use connect_core::contact::{Contact, ContactPatch};
use connect_core::event::{Event, Fact};
use connect_core::record::RecordKind;
use connect_core::store::{EventList, ExportList, MovedRow, OriginList, Part};
use connect_core::ticket::{TicketFilter, TicketList, TicketPatch};
use connect_core::{Actor, ChangeSet, Limit, Moment, Subject, TicketId, UserId, WorkspaceId};

use super::World;

/// Everything that is stored of a workspace, as text.
async fn text_of(world: &World, workspace: WorkspaceId, parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        let list = ExportList { part: *part, after: None, limit: Limit::MAX };
        let rows: Vec<MovedRow> = world.store().export(workspace, list).await.expect("read");
        for row in rows {
            text.push_str(&serde_json::to_string(&row).expect("a row is written"));
        }
    }
    text
}

/// A contact's address that was changed.
pub async fn a_value_written_over_is_nowhere(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let moment = world.agent();
    let patch = ContactPatch { email: Some(Some(super::world::address("new@example.org"))), ..ContactPatch::default() };
    let change = ada.update(patch, moment.now()).expect("allowed").expect("something changes");
    world.commit(acme, ChangeSet::new(&moment).record(change, &moment)).await.expect("kept");
    let text = text_of(&world, acme, &Part::ALL).await;
    assert!(text.contains("new@example.org"));
    assert!(!text.contains("ada@example.org"), "the old address is in no row: {text}");
    let by_old = world.store().find(acme, Contact::KIND, "email:ada@example.org".into()).await.expect("read");
    assert!(by_old.is_none(), "nor is the contact found by it");
}

/// A subject that was changed.
pub async fn a_subject_written_over_is_nowhere(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let ticket = world.ticket(acme, ada.id, "Swordfish").await;
    let patch =
        TicketPatch { subject: Some(Subject::parse("subject", "Other").expect("a subject")), ..TicketPatch::default() };
    world.commit(acme, world.update_set(&ticket, patch)).await.expect("kept");
    assert!(!text_of(&world, acme, &Part::ALL).await.contains("Swordfish"), "the old subject is in no row");
    let mut filter = TicketFilter::default();
    filter.add_words("swordfish");
    let list = TicketList { filter, ..TicketList::default() };
    assert!(world.subjects(acme, list).await.is_empty(), "and no search finds it");
}

/// The journal and the deliveries refer to what was written and do not repeat it: it can be erased without
/// touching them.
pub async fn the_journal_holds_no_words_of_people(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let ticket = world.ticket(acme, ada.id, "Swordfish").await;
    let ticket = world.reply(acme, &ticket, "Marmalade").await;
    super::dispatch::queue(&world, acme, &ticket, 2).await;
    let text = text_of(&world, acme, &[Part::Events, Part::Deliveries]).await;
    assert!(text.contains(Fact::TicketSubjectChanged {}.name().split('.').next().unwrap_or_default()));
    for word in ["Swordfish", "Marmalade", "ada@example.org", "Lovelace"] {
        assert!(!text.contains(word), "{word} is in the journal or a delivery");
    }
}

async fn events(world: &World, workspace: WorkspaceId, ticket: Option<TicketId>) -> Vec<Event> {
    let list = EventList { ticket, limit: Limit::MAX, ..EventList::default() };
    world.store().events(workspace, list).await.expect("read")
}

fn forget(through: u64, actor: Option<Actor>, limit: u64) -> OriginList {
    OriginList { through, actor, limit: Limit::new(limit).expect("a limit") }
}

/// The client, to the letter, in the journal and in the timeline of a ticket.
pub async fn an_event_comes_back_with_its_origin(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let ticket = world.ticket(acme, ada.id, "T").await;
    for event in events(&world, acme, None).await.iter().chain(&events(&world, acme, Some(ticket.id)).await) {
        let origin = event.origin.as_ref().expect("it came from somewhere");
        assert_eq!(origin.address.as_deref(), Some("192.0.2.77"));
        assert_eq!(origin.agent.as_deref(), Some("Kit/1 (\"quoted\", žluťoučký)"));
        assert!(event.has_true_origin(), "its hash is the one the event came with");
        assert_eq!((event.method.as_deref(), event.request_id.as_deref()), (Some("email_code"), Some("req_kit")));
    }
}

/// The client is in no row any more, and nothing else of the journal is different.
pub async fn a_forgotten_origin_is_nowhere(world: World) {
    let (acme, ada) = world.desk("acme").await;
    world.ticket(acme, ada.id, "T").await;
    let before = events(&world, acme, None).await;
    assert!(text_of(&world, acme, &[Part::Events]).await.contains("192.0.2.77"));
    let forgotten = world.store().forget_origins(acme, forget(u64::MAX, None, 200)).await.expect("forgotten");
    assert_eq!(forgotten, before.len() as u64, "it tells how many");
    let text = text_of(&world, acme, &Part::ALL).await;
    assert!(!text.contains("192.0.2.77") && !text.contains("Kit/1"), "the client is in no row: {text}");
    let after = events(&world, acme, None).await;
    assert_eq!(after, before.iter().map(Event::lasting).collect::<Vec<_>>(), "what stays is as it was");
    let again = world.store().forget_origins(acme, forget(u64::MAX, None, 200)).await.expect("answered");
    assert_eq!(again, 0, "there is nothing left");
}

/// Up to a number, so many at a time, the oldest first, and in one workspace.
pub async fn origins_are_forgotten_as_far_as_asked(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (bolt, _) = world.desk("bolt").await;
    for n in 0..4 {
        world.ticket(acme, ada.id, &format!("T{n}")).await;
    }
    let left = async |workspace| {
        let events = events(&world, workspace, None).await;
        events.iter().filter(|event| event.origin.is_some()).map(|event| event.seq).collect::<Vec<_>>()
    };
    let store = world.store();
    assert_eq!(store.forget_origins(acme, forget(5, None, 2)).await.expect("forgotten"), 2);
    assert_eq!(left(acme).await, [3, 4, 5, 6], "as many as were asked for, the oldest first");
    assert_eq!(store.forget_origins(acme, forget(5, None, 200)).await.expect("forgotten"), 3);
    assert_eq!(left(acme).await, [6], "up to the number");
    assert_eq!(left(bolt).await, [1, 2], "another workspace's stay");
}

/// Those of one person, and nobody else's.
pub async fn origins_of_one_actor_are_forgotten(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let other = Actor::User(UserId::from_bits(8));
    let moment = world.agent();
    let cause = events(&world, acme, None).await[0].origin.clone().map(std::sync::Arc::new);
    let theirs = Moment::new(&world.ids, moment.now(), other)
        .because(connect_core::event::Cause { origin: cause, ..connect_core::event::Cause::default() });
    let changes = ChangeSet::new(&theirs).fact(Fact::ContactUpdated { contact: ada.id, fields: Vec::new() }, &theirs);
    world.commit(acme, changes).await.expect("kept");
    assert_eq!(world.store().forget_origins(acme, forget(u64::MAX, Some(other), 200)).await.expect("forgotten"), 1);
    let events = events(&world, acme, None).await;
    let with: Vec<u64> = events.iter().filter(|event| event.origin.is_some()).map(|event| event.seq).collect();
    assert_eq!(with, [1, 2], "only the third event was theirs");
}
