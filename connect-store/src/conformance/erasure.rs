//! What was removed or written over is nowhere any more.

use connect_core::contact::{Contact, ContactPatch};
use connect_core::event::Fact;
use connect_core::record::RecordKind;
use connect_core::store::{ExportList, MovedRow, Part};
use connect_core::ticket::{TicketFilter, TicketList, TicketPatch};
use connect_core::{ChangeSet, Limit, Subject, WorkspaceId};

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
