//! A write replaces the version it names, or nothing.

use connect_core::contact::ContactPatch;
use connect_core::ticket::{Category, Priority};
use connect_core::{ChangeSet, CommitError, Version};

use super::World;
use super::world::{name, status};

fn is_conflict<T: std::fmt::Debug>(outcome: &Result<T, CommitError>) -> bool {
    matches!(outcome, Err(CommitError::Conflict { .. }))
}

/// Two writers saw version 1: the second is refused.
pub async fn a_second_writer_of_a_version_is_refused(world: World) {
    let (workspace, contact) = world.desk("acme").await;
    let ticket = world.ticket(workspace, contact.id, "One").await;
    let (first, second) =
        (world.update_set(&ticket, status(Category::Open)), world.update_set(&ticket, status(Category::Closed)));
    world.commit(workspace, first).await.expect("the first is kept");
    assert!(is_conflict(&world.commit(workspace, second).await), "the second names a version that is gone");
    let row = world.load(workspace, &ticket).await.expect("the ticket");
    assert_eq!((row.ticket.version, row.ticket.category), (Version::new(2), Category::Open));
}

/// Of many parallel writers of one version exactly one wins.
pub async fn one_of_many_writers_wins(world: World) {
    let (workspace, contact) = world.desk("acme").await;
    let ticket = world.ticket(workspace, contact.id, "One").await;
    let tasks: Vec<_> = (0..32)
        .map(|n| {
            let (store, changes) = (world.store(), world.reply_set(&ticket, &format!("{n}")));
            tokio::spawn(async move { store.commit(workspace, changes).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        let outcome = task.await.expect("no task panics");
        assert!(outcome.is_ok() || is_conflict(&outcome), "{outcome:?}");
        won += u32::from(outcome.is_ok());
    }
    assert_eq!(won, 1, "exactly one of 32 writers of version 1 wins");
    assert_eq!(world.load(workspace, &ticket).await.expect("ticket").ticket.version, Version::new(2));
}

/// A ticket that exists cannot be inserted again.
pub async fn an_insert_of_what_exists_is_refused(world: World) {
    let workspace = world.workspace("acme").await;
    let (contact, first) = world.contact_set("ada@example.org");
    let again = {
        let moment = world.agent();
        let (_, change) = connect_core::contact::Contact::create(
            connect_core::contact::NewContact {
                name: name("Twin"),
                email: None,
                external_id: Some("x".into()),
                traits: serde_json::Map::new(),
                locale: None,
            },
            &moment,
        )
        .expect("a contact");
        ChangeSet::new(&moment).record(change, &moment)
    };
    world.commit(workspace, first).await.expect("kept");
    world.commit(workspace, again).await.expect("another id is another record");
    let stale = contact.update(ContactPatch { name: Some(name("Ada B.")), ..ContactPatch::default() }, world.now());
    let (stale, moment) = (stale.expect("decided").expect("a change"), world.agent());
    let (once, twice) =
        (ChangeSet::new(&moment).record(stale.clone(), &moment), ChangeSet::new(&moment).record(stale, &moment));
    world.commit(workspace, once).await.expect("version 2 replaces version 1");
    assert!(is_conflict(&world.commit(workspace, twice).await), "version 2 is there already");
}

/// A ticket that is not there cannot be replaced.
pub async fn an_update_of_what_is_absent_is_refused(world: World) {
    let (workspace, contact) = world.desk("acme").await;
    let (never_kept, _) = world.ticket_set(contact.id, "Never kept", Priority::None, None);
    let outcome = world.commit(workspace, world.reply_set(&never_kept, "hello?")).await;
    assert!(is_conflict(&outcome), "there is no version 1 to replace, was {outcome:?}");
    assert!(world.load(workspace, &never_kept).await.is_none());
}

/// A record of an old version is refused, and the stored one stays.
pub async fn a_record_of_an_old_version_is_refused(world: World) {
    let (workspace, contact) = world.desk("acme").await;
    let change = |to: &str| {
        let patch = ContactPatch { name: Some(name(to)), ..ContactPatch::default() };
        let moment = world.agent();
        let change = contact.update(patch, moment.now()).expect("decided").expect("a change");
        ChangeSet::new(&moment).record(change, &moment)
    };
    let (first, second) = (change("First Name"), change("Second Name"));
    world.commit(workspace, first).await.expect("kept");
    assert!(is_conflict(&world.commit(workspace, second).await));
    let kept = world.store().record(workspace, "contact", contact.id.to_string()).await.expect("read").expect("there");
    assert_eq!(kept.version, Version::new(2));
    assert!(kept.doc.contains("First Name"));
}
