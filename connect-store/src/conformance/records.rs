//! Records and their unique keys.

use std::collections::BTreeSet;

use connect_core::contact::{Contact, ContactPatch};
use connect_core::label::Label;
use connect_core::store::RecordList;
use connect_core::workspace::{NewWorkspace, Workspace, WorkspacePatch};
use connect_core::{ChangeSet, CommitError, LabelName, Limit, Slug, WorkspaceId};

use super::World;
use super::world::{address, name};

fn is_taken<T: std::fmt::Debug>(outcome: &Result<T, CommitError>) -> bool {
    matches!(outcome, Err(CommitError::Taken { .. }))
}

fn email_change(world: &World, contact: &Contact, email: &str) -> ChangeSet {
    let moment = world.agent();
    let patch = ContactPatch { email: Some(Some(address(email))), ..ContactPatch::default() };
    let change = contact.update(patch, moment.now()).expect("decided").expect("a change");
    ChangeSet::new(&moment).record(change, &moment)
}

/// A second record with the key is refused.
pub async fn a_key_has_one_holder(world: World) {
    let (acme, _) = world.desk("acme").await;
    let outcome = world.commit(acme, world.contact_set("ADA@example.org").1).await;
    assert!(is_taken(&outcome), "the address is taken, in whatever case it is written; was {outcome:?}");
}

/// Who takes another key frees the old one.
pub async fn a_key_is_released_by_its_holder(world: World) {
    let (acme, ada) = world.desk("acme").await;
    world.commit(acme, email_change(&world, &ada, "new@example.org")).await.expect("kept");
    world.contact(acme, "ada@example.org").await;
    let old = world.store().find(acme, "contact", "email:new@example.org".into()).await.expect("read");
    assert_eq!(old.map(|record| record.id), Some(ada.id.to_string()));
}

/// A key that is unique everywhere.
pub async fn a_key_everywhere_has_one_holder_everywhere(world: World) {
    let acme = world.workspace("acme").await;
    let moment = world.agent();
    let new = NewWorkspace { name: name("Another"), slug: Slug::parse("slug", "acme").expect("a slug") };
    let (other, change) = Workspace::create(new, &moment);
    let outcome = world.commit(other.id, ChangeSet::new(&moment).record(change, &moment)).await;
    assert!(is_taken(&outcome), "was {outcome:?}");
    let record = world.store().record(acme, "workspace", acme.to_string()).await.expect("read").expect("there");
    let patch =
        WorkspacePatch { slug: Some(Slug::parse("slug", "acme-two").expect("a slug")), ..WorkspacePatch::default() };
    let change = record.read::<Workspace>().expect("reads").update(patch).expect("decided").expect("a change");
    let moment = world.agent();
    world.commit(acme, ChangeSet::new(&moment).record(change, &moment)).await.expect("kept");
    world.workspace("acme").await;
}

/// Of many parallel takers of a key exactly one gets it.
pub async fn one_of_many_takes_a_key(world: World) {
    let acme = world.workspace("acme").await;
    let tasks: Vec<_> = (0..24)
        .map(|_| {
            let (store, changes) = (world.store(), world.contact_set("ada@example.org").1);
            tokio::spawn(async move { store.commit(acme, changes).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        let outcome = task.await.expect("no task panics");
        assert!(outcome.is_ok() || is_taken(&outcome), "{outcome:?}");
        won += u32::from(outcome.is_ok());
    }
    assert_eq!(won, 1);
}

/// One set may free a key and take it.
pub async fn a_key_moves_within_one_set(world: World) {
    use connect_core::member::{Invitation, InvitationToken};
    let acme = world.workspace("acme").await;
    let invite = |world: &World| {
        let moment = world.agent();
        let token = |_| InvitationToken::new([7; 32]);
        Invitation::create(address("bob@example.org"), (connect_core::Role::Member, None), None, token, &moment)
            .expect("decided")
    };
    let (first, change) = invite(&world);
    let moment = world.agent();
    world.commit(acme, ChangeSet::new(&moment).record(change, &moment)).await.expect("kept");
    let (second, change) = invite(&world);
    let moment = world.agent();
    let changes = ChangeSet::new(&moment).record(first.revoke(), &moment).record(change, &moment);
    world.commit(acme, changes).await.expect("the second takes the key of the first in one step");
    let found = world.store().find(acme, "invitation", "email:bob@example.org".into()).await.expect("read");
    assert_eq!(found.map(|record| record.id), Some(second.id.to_string()));
}

/// By key, of the right kind only.
pub async fn records_are_found_by_key(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let find = async |kind, key: &str| world.store().find(acme, kind, key.into()).await.expect("read");
    assert_eq!(find("contact", "email:ada@example.org").await.map(|r| r.id), Some(ada.id.to_string()));
    assert!(find("label", "email:ada@example.org").await.is_none());
    assert!(find("contact", "email:nobody@example.org").await.is_none());
    assert_eq!(find("workspace", "slug:acme").await.map(|r| r.id), Some(acme.to_string()), "keys of any scope");
}

/// Over all workspaces.
pub async fn records_are_located_everywhere(world: World) {
    let (acme, _) = world.desk("acme").await;
    let (bolt, _) = world.desk("bolt").await;
    let found = world.store().locate("contact", "email:ada@example.org".into()).await.expect("read");
    let workspaces: Vec<WorkspaceId> = found.iter().map(|(workspace, _)| *workspace).collect();
    assert_eq!(workspaces, [acme, bolt], "oldest workspace first");
    let found = world.store().locate("workspace", "slug:bolt".into()).await.expect("read");
    assert_eq!(found.iter().map(|(workspace, _)| *workspace).collect::<Vec<_>>(), [bolt]);
    assert!(world.store().locate("contact", "email:nobody@example.org".into()).await.expect("read").is_empty());
}

/// Page after page, each record once.
pub async fn records_come_in_pages(world: World) {
    let acme = world.workspace("acme").await;
    let mut made = BTreeSet::new();
    for n in 0..23 {
        made.insert(world.contact(acme, &format!("c{n}@example.org")).await.id.to_string());
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let list = RecordList { ids: None, after, limit: Limit::new(10).expect("a limit") };
        let rows = world.store().records(acme, "contact", list).await.expect("read");
        assert!(rows.len() <= 11, "at most one row more than the limit");
        let more = rows.len() == 11;
        seen.extend(rows.into_iter().take(10).map(|record| record.id));
        if !more {
            break;
        }
        after = seen.last().cloned();
    }
    assert!(seen.is_sorted());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), made);
}

/// By a list of ids, of which some are not there.
pub async fn records_are_read_by_id(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let bob = world.contact(acme, "bob@example.org").await;
    let ids = vec![bob.id.to_string(), "ctc_nothing".into(), ada.id.to_string(), acme.to_string()];
    let list = RecordList { ids: Some(ids), ..RecordList::default() };
    let rows = world.store().records(acme, "contact", list).await.expect("read");
    assert_eq!(rows.len(), 2, "those that are there and of the kind");
}

/// A removed record is gone, with its keys.
pub async fn a_removed_record_is_gone(world: World) {
    use connect_core::member::Member;
    let acme = world.workspace("acme").await;
    let moment = world.agent();
    let (member, change) = Member::add(connect_core::UserId::from_bits(9), connect_core::Role::Viewer, &moment);
    world.commit(acme, ChangeSet::new(&moment).record(change, &moment)).await.expect("kept");
    let key = format!("user:{}", member.user);
    assert_eq!(world.store().locate("member", key.clone()).await.expect("read").len(), 1);
    let moment = world.agent();
    let gone = member.remove(None, false, 1).expect("decided");
    let (once, twice) = (gone.clone(), gone);
    world.commit(acme, ChangeSet::new(&moment).record(once, &moment)).await.expect("kept");
    assert!(world.store().record(acme, "member", member.user.to_string()).await.expect("read").is_none());
    assert!(world.store().locate("member", key).await.expect("read").is_empty());
    let again = world.commit(acme, ChangeSet::new(&moment).record(twice, &moment)).await;
    assert!(matches!(again, Err(CommitError::Conflict { .. })), "what is gone cannot go again");
    let (_, change) = Label::create(LabelName::parse("label", "x").expect("a label"), None, &moment).expect("decided");
    world.commit(acme, ChangeSet::new(&moment).record(change, &moment)).await.expect("the store goes on");
}

/// Workspaces without the directory.
pub async fn workspaces_are_listed(world: World) {
    let acme = world.workspace("acme").await;
    let bolt = world.workspace("bolt").await;
    let moment = world.agent();
    let (_, change) = connect_core::user::User::create(address("u@example.org"), name("User"), &moment);
    world.commit(WorkspaceId::DIRECTORY, ChangeSet::new(&moment).record(change, &moment)).await.expect("kept");
    assert_eq!(world.store().workspaces(None, Limit::default()).await.expect("read"), [acme, bolt]);
    assert_eq!(world.store().workspaces(Some(acme), Limit::default()).await.expect("read"), [bolt]);
}

/// An id says nothing under another kind.
pub async fn a_record_of_another_kind_is_absent(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let read = async |kind, id: String| world.store().record(acme, kind, id).await.expect("read").map(|found| found.id);
    assert_eq!(read("contact", ada.id.to_string()).await, Some(ada.id.to_string()));
    assert_eq!(read("label", ada.id.to_string()).await, None, "a contact is no label");
    assert_eq!(read("contact", acme.to_string()).await, None, "a workspace is no contact");
    let labels = world.store().records(acme, "label", RecordList::default()).await.expect("read");
    assert!(labels.is_empty(), "there are no labels, listed were {labels:?}");
    let found = world.store().locate("label", "email:ada@example.org".into()).await.expect("read");
    assert!(found.is_empty(), "the key of a contact is that of no label, located were {found:?}");
}
