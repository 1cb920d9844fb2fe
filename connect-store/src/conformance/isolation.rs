//! A workspace sees itself only: a foreign id is an absent one.

use connect_core::contact::Contact;
use connect_core::delivery::DeliveryList;
use connect_core::record::Record;
use connect_core::store::{EventList, ExportList, MessageList, MovedRow, Part, RecordList, TicketKey};
use connect_core::ticket::{Category, Priority, TicketFilter, TicketList};
use connect_core::{Actor, CommitError, Limit, Once, UserId};

use super::world::status;
use super::{World, dispatch};

/// A ticket by the id of another workspace's.
pub async fn a_ticket_of_another_workspace_is_absent(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (bolt, _) = world.desk("bolt").await;
    let ticket = world.ticket(acme, ada.id, "Secret").await;
    assert!(world.load(acme, &ticket).await.is_some());
    assert!(world.load(bolt, &ticket).await.is_none());
    let by_number = world.store().ticket(bolt, TicketKey::Number(ticket.number)).await.expect("read");
    assert!(by_number.is_none(), "number 1 of acme is not number 1 of bolt");
}

/// A record by the id of another workspace's.
pub async fn a_record_of_another_workspace_is_absent(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (bolt, _) = world.desk("bolt").await;
    let read = async |workspace| world.store().record(workspace, "contact", ada.id.to_string()).await.expect("read");
    assert!(read(acme).await.is_some());
    assert!(read(bolt).await.is_none());
    let list = RecordList { ids: Some(vec![ada.id.to_string()]), ..RecordList::default() };
    assert!(world.store().records(bolt, "contact", list).await.expect("read").is_empty());
}

/// A message by the id of another workspace's.
pub async fn a_message_of_another_workspace_is_absent(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (bolt, _) = world.desk("bolt").await;
    let ticket = world.ticket(acme, ada.id, "Secret").await;
    assert!(world.store().message(acme, ticket.last_message).await.expect("read").is_some());
    assert!(world.store().message(bolt, ticket.last_message).await.expect("read").is_none());
    let list = |ids| MessageList { ticket: ticket.id, ids, after: None, notes: true, limit: Limit::default() };
    assert!(world.store().messages(bolt, list(None)).await.expect("read").is_empty());
    assert!(world.store().messages(bolt, list(Some(vec![ticket.last_message]))).await.expect("read").is_empty());
}

/// Lists, filters and searches show one workspace.
pub async fn lists_show_one_workspace(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (bolt, bob) = world.desk("bolt").await;
    world.ticket(acme, ada.id, "Shared words of acme").await;
    world.ticket(bolt, bob.id, "Shared words of bolt").await;
    let mut words = TicketFilter::default();
    words.add_words("shared words");
    let by_contact = TicketFilter { contact: Some(ada.id), ..TicketFilter::default() };
    for filter in [TicketFilter::default(), words] {
        let list = TicketList { filter, ..TicketList::default() };
        let found = world.subjects(bolt, list).await;
        assert_eq!(found, ["Shared words of bolt".to_owned()].into(), "bolt sees its own only");
    }
    let list = TicketList { filter: by_contact, ..TicketList::default() };
    assert!(world.subjects(bolt, list).await.is_empty(), "a contact of acme has no tickets in bolt");
    let contacts = world.store().records(bolt, "contact", RecordList::default()).await.expect("read");
    assert_eq!(contacts.len(), 1);
}

/// A ticket for a contact of another workspace.
pub async fn a_contact_of_another_workspace_is_refused(world: World) {
    let (_, ada) = world.desk("acme").await;
    let (bolt, _) = world.desk("bolt").await;
    let (_, changes) = world.ticket_set(ada.id, "Planted", Priority::None, None);
    let outcome = world.commit(bolt, changes).await;
    assert!(matches!(outcome, Err(CommitError::Missing { .. })), "was {outcome:?}");
}

/// A message planted in a ticket of another workspace.
pub async fn a_message_to_a_ticket_of_another_workspace_is_refused(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (bolt, _) = world.desk("bolt").await;
    let ticket = world.ticket(acme, ada.id, "Secret").await;
    world.commit(bolt, world.note_set(&ticket, "planted")).await.expect_err("bolt has no such ticket");
    let list = MessageList { ticket: ticket.id, ids: None, after: None, notes: true, limit: Limit::default() };
    assert_eq!(world.store().messages(acme, list).await.expect("read").len(), 1);
}

/// A change of a ticket of another workspace.
pub async fn a_write_to_a_ticket_of_another_workspace_is_refused(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (bolt, _) = world.desk("bolt").await;
    let ticket = world.ticket(acme, ada.id, "Mine").await;
    world.commit(bolt, world.update_set(&ticket, status(Category::Closed))).await.expect_err("not bolt's");
    let row = world.load(acme, &ticket).await.expect("there");
    assert_eq!(row.ticket, ticket, "acme's ticket is as it was");
}

/// Events and deliveries of one workspace.
pub async fn events_and_deliveries_show_one_workspace(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (bolt, _) = world.desk("bolt").await;
    let ticket = world.ticket(acme, ada.id, "Mine").await;
    dispatch::queue(&world, acme, &ticket, 1).await;
    let list = EventList { ticket: Some(ticket.id), ..EventList::default() };
    assert!(world.store().events(bolt, list).await.expect("read").is_empty());
    for event in world.store().events(bolt, EventList::default()).await.expect("read") {
        assert_eq!(event.workspace, bolt);
    }
    assert_eq!(world.store().deliveries(acme, DeliveryList::default()).await.expect("read").len(), 1);
    assert!(world.store().deliveries(bolt, DeliveryList::default()).await.expect("read").is_empty());
}

/// An idempotency key of one workspace is free in another.
pub async fn answers_belong_to_one_workspace(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (bolt, bob) = world.desk("bolt").await;
    let actor = Actor::User(UserId::from_bits(7));
    let once = |world: &World| Once {
        actor,
        key: "k".into(),
        request_hash: "h".into(),
        expires_at: world.now().plus(std::time::Duration::from_secs(3600)),
    };
    let (_, changes) = world.ticket_set(ada.id, "A", Priority::None, None);
    world.commit(acme, changes.once(Some(once(&world)))).await.expect("kept");
    let (_, changes) = world.ticket_set(bob.id, "B", Priority::None, None);
    let committed = world.commit(bolt, changes.once(Some(once(&world)))).await.expect("kept");
    assert!(!committed.replayed, "the key of acme says nothing in bolt");
    assert!(world.store().answer(acme, actor, "k".into()).await.expect("read").is_some());
}

/// The same address may be a contact of several workspaces.
pub async fn keys_are_unique_by_workspace(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let (bolt, other) = world.desk("bolt").await;
    assert_ne!(ada.id, other.id);
    for (workspace, contact) in [(acme, ada), (bolt, other)] {
        let found = world.store().find(workspace, "contact", "email:ada@example.org".into()).await.expect("read");
        assert_eq!(found.map(|record| record.id), Some(contact.id.to_string()));
    }
}

/// Records of one id, kind and key, as a copy of a workspace may leave them: each workspace has its own.
pub async fn records_of_one_id_stay_apart(world: World) {
    let (acme, bolt) = (world.workspace("acme").await, world.workspace("bolt").await);
    let twins = world.contact_twins(["Ada of acme", "Ada of bolt"]);
    let id = twins[0].0.id;
    assert_eq!(id, twins[1].0.id, "the world makes them of one id");
    let mut kept = Vec::new();
    for (workspace, (contact, changes)) in [acme, bolt].into_iter().zip(twins) {
        world.commit(workspace, changes).await.expect("an id of one workspace is free in another");
        world.ticket(workspace, id, "Whose?").await;
        kept.push((workspace, contact));
    }
    let own = |record: &Record| record.read::<Contact>().expect("a contact");
    let store = world.store();
    let key = || "email:ada@example.org".to_owned();
    for (workspace, contact) in &kept {
        let found = store.find(*workspace, "contact", key()).await.expect("read").expect("there");
        assert_eq!(own(&found), *contact, "by its key");
        let found = store.record(*workspace, "contact", id.to_string()).await.expect("read").expect("there");
        assert_eq!(own(&found), *contact, "by its id");
        for ids in [None, Some(vec![id.to_string()])] {
            let list = RecordList { ids, ..RecordList::default() };
            let found = store.records(*workspace, "contact", list).await.expect("read");
            assert_eq!(found.iter().map(own).collect::<Vec<_>>(), std::slice::from_ref(contact), "in lists");
        }
        let row = store.ticket(*workspace, TicketKey::Number(1)).await.expect("read").expect("there");
        assert_eq!(row.contact, *contact, "beside its ticket");
        let list = ExportList { part: Part::Records, after: None, limit: Limit::MAX };
        let rows = store.export(*workspace, list).await.expect("read");
        let moved = rows.iter().filter_map(|row| match row {
            MovedRow::Record { record, .. } if record.kind == "contact" => Some(own(record)),
            _ => None,
        });
        assert_eq!(moved.collect::<Vec<_>>(), std::slice::from_ref(contact), "in an export");
    }
    // Those who look at the same time may share a statement, but no answer.
    let (first, second) = tokio::join!(store.find(acme, "contact", key()), store.find(bolt, "contact", key()));
    for (found, (_, contact)) in [first, second].into_iter().zip(&kept) {
        assert_eq!(own(&found.expect("read").expect("there")), *contact);
    }
    let found = store.locate("contact", key()).await.expect("read");
    let found: Vec<_> = found.iter().map(|(workspace, record)| (*workspace, own(record))).collect();
    assert_eq!(found, kept, "each with its workspace");
}

/// Unique keys, idempotency keys and the routing cursor of another workspace.
pub async fn a_key_of_another_workspace_is_absent(world: World) {
    let (acme, _) = world.desk("acme").await;
    let (bolt, _) = world.desk("bolt").await;
    let eve = world.contact(acme, "eve@example.org").await;
    let find = async |workspace, kind, key: &str| {
        let found = world.store().find(workspace, kind, key.into()).await.expect("read");
        found.map(|record| record.id)
    };
    assert_eq!(find(acme, "contact", "email:eve@example.org").await, Some(eve.id.to_string()));
    assert_eq!(find(bolt, "contact", "email:eve@example.org").await, None, "an address of acme only");
    assert_eq!(find(acme, "workspace", "slug:acme").await, Some(acme.to_string()));
    assert_eq!(find(bolt, "workspace", "slug:acme").await, None, "a key that is unique everywhere is acme's too");

    let actor = Actor::User(UserId::from_bits(7));
    let (_, changes) = world.ticket_set(eve.id, "A", Priority::None, None);
    let expires_at = world.now().plus(std::time::Duration::from_secs(3600));
    let once = Once { actor, key: "k".into(), request_hash: "h".into(), expires_at };
    let committed = world.commit(acme, changes.once(Some(once))).await.expect("kept");
    assert!(world.store().answer(acme, actor, "k".into()).await.expect("read").is_some());
    let answer = world.store().answer(bolt, actor, "k".into()).await.expect("read");
    assert!(answer.is_none(), "bolt has answered nothing, was {answer:?}");

    let ticket = committed.tickets.first().expect("the ticket");
    let before = dispatch::cursor(&world, bolt).await;
    assert!(before.is_some(), "bolt has events to be routed");
    dispatch::queue(&world, acme, ticket, 1).await;
    assert_eq!(dispatch::cursor(&world, acme).await, None, "acme is routed");
    assert_eq!(dispatch::cursor(&world, bolt).await, before, "bolt's cursor stands where it stood");
}
