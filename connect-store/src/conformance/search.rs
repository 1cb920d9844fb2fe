//! Full text: every word, any case, accents folded, the last word as a beginning.

use std::collections::BTreeSet;

use connect_core::ticket::{TicketFilter, TicketList, TicketPatch};
use connect_core::{Subject, WorkspaceId};

use super::World;

async fn found(world: &World, workspace: WorkspaceId, text: &str, notes: bool) -> BTreeSet<String> {
    let mut filter = TicketFilter { search_notes: notes, ..TicketFilter::default() };
    filter.add_words(text);
    world.subjects(workspace, TicketList { filter, ..TicketList::default() }).await
}

fn only(subject: &str) -> BTreeSet<String> {
    [subject.to_owned()].into()
}

/// Words may stand in the subject and in messages, apart.
pub async fn words_are_found_in_subject_and_messages(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let ticket = world.ticket(acme, ada.id, "Printer jammed").await;
    world.ticket(acme, ada.id, "Invoice missing").await;
    world.reply(acme, &ticket, "Please open the rear tray").await;
    assert_eq!(found(&world, acme, "printer", false).await, only("Printer jammed"));
    assert_eq!(found(&world, acme, "tray printer", false).await, only("Printer jammed"), "from two places");
    assert_eq!(found(&world, acme, "work", false).await.len(), 2, "both first messages say so");
    assert!(found(&world, acme, "printer invoice", false).await.is_empty(), "every word must be there");
}

/// Notes are found only by who may see them.
pub async fn notes_are_searched_only_when_asked(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let ticket = world.ticket(acme, ada.id, "Refund").await;
    world.commit(acme, world.note_set(&ticket, "customer is a fraudster")).await.expect("kept");
    assert_eq!(found(&world, acme, "fraudster", true).await, only("Refund"));
    assert!(found(&world, acme, "fraudster", false).await.is_empty());
    assert_eq!(found(&world, acme, "refund fraudster", true).await, only("Refund"));
}

/// Whatever case and accents.
pub async fn accents_and_case_do_not_matter(world: World) {
    let (acme, ada) = world.desk("acme").await;
    world.ticket(acme, ada.id, "Crème Brûlée für Zoë").await;
    for text in ["creme", "CRÈME", "brulee fur", "zoe", "Zoë"] {
        assert_eq!(found(&world, acme, text, false).await.len(), 1, "{text}");
    }
}

/// The last word may be only begun, the others not.
pub async fn the_last_word_may_be_a_beginning(world: World) {
    let (acme, ada) = world.desk("acme").await;
    world.ticket(acme, ada.id, "Printer jammed").await;
    assert_eq!(found(&world, acme, "print", false).await.len(), 1);
    assert_eq!(found(&world, acme, "printer jam", false).await.len(), 1);
    assert!(found(&world, acme, "print jammed", false).await.is_empty());
}

/// A new subject replaces the old one.
pub async fn a_changed_subject_is_found_and_the_old_one_is_not(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let mut ticket = world.ticket(acme, ada.id, "Oldname").await;
    world.ticket(acme, ada.id, "Bystander").await;
    for subject in ["Middlename", "Newname"] {
        let patch = TicketPatch {
            subject: Some(Subject::parse("subject", subject).expect("a subject")),
            ..TicketPatch::default()
        };
        let committed = world.commit(acme, world.update_set(&ticket, patch)).await.expect("kept");
        ticket = committed.tickets.into_iter().next().expect("a ticket");
    }
    assert_eq!(found(&world, acme, "newname", false).await, only("Newname"));
    assert!(found(&world, acme, "oldname", false).await.is_empty());
    assert!(found(&world, acme, "middlename", false).await.is_empty());
    assert_eq!(found(&world, acme, "bystander", false).await.len(), 1);
}

/// Signs of a database's query language mean nothing.
pub async fn query_signs_are_words(world: World) {
    let (acme, ada) = world.desk("acme").await;
    world.ticket(acme, ada.id, "OR AND NOT near \"quoted\" 100% under_score").await;
    for text in
        ["\"", "*", "a* OR b", "NEAR(x y)", "scope:wsp", "' OR 1=1 --", "100%", "{words}:x", "-quoted", "under_score"]
    {
        found(&world, acme, text, true).await;
    }
    assert_eq!(found(&world, acme, "not or and", false).await.len(), 1);
}

/// A number is a word of its ticket.
pub async fn a_ticket_is_found_by_its_number(world: World) {
    let (acme, ada) = world.desk("acme").await;
    world.ticket(acme, ada.id, "Printer jammed").await;
    let second = world.ticket(acme, ada.id, "Invoice missing").await;
    assert_eq!(second.number, 2);
    assert_eq!(found(&world, acme, "2", false).await, only("Invoice missing"), "by its number");
    assert_eq!(found(&world, acme, "2 invoice", false).await, only("Invoice missing"), "together with a word");
    assert!(found(&world, acme, "2 printer", false).await.is_empty(), "2 is not the printer's number");
    world.reply(acme, &second, "It is on its way").await;
    assert_eq!(found(&world, acme, "2", false).await, only("Invoice missing"), "also once it was written again");
}
