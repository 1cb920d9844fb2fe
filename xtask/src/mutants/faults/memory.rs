//! Faults in the store in memory.

use super::{Adapter, Fault};

const fn store(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/memory/mod.rs", find, replace, caught_by, adapter: Adapter::Memory }
}

const fn state(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/memory/state.rs", find, replace, caught_by, adapter: Adapter::Memory }
}

pub(super) const FAULTS: &[Fault] = &[
    store(
        "ticket by id forgets the workspace",
        "TicketKey::Id(id) => state.tickets.get(&(workspace, id)),",
        "TicketKey::Id(id) => state.tickets.values().find(|ticket| ticket.id == id),",
        "isolation::a_ticket_of_another_workspace_is_absent",
    ),
    store(
        "ticket by number forgets the workspace",
        "state.in_workspace(workspace).find(|ticket| ticket.number == number)",
        "state.tickets.values().find(|ticket| ticket.number == number)",
        "isolation::a_ticket_of_another_workspace_is_absent",
    ),
    store("filters are dropped", "filter.fits(ticket) && ", "", "cursors::filters_agree_with_their_meaning"),
    store(
        "words are dropped",
        " && state.words_fit(workspace, ticket, &filter)",
        "",
        "search::words_are_found_in_subject_and_messages",
    ),
    store(
        "tickets come in the wrong direction",
        r"if sort.descending {
            found.reverse();",
        r"if !sort.descending {
            found.reverse();",
        "cursors::every_order_walks_all_tickets_once",
    ),
    store(
        "a page begins with the last ticket of the one before",
        "if sort.descending { here < there } else { here > there }",
        "if sort.descending { here <= there } else { here >= there }",
        "cursors::every_order_walks_all_tickets_once",
    ),
    store(
        "a cursor forgets the id",
        "((sort.value(ticket), ticket.id), (after.value, after.id))",
        "(sort.value(ticket), after.value)",
        "cursors::every_order_walks_all_tickets_once",
    ),
    store(
        "a page of tickets does not say that there are more",
        "is_after(ticket)).take(limit.get() + 1)",
        "is_after(ticket)).take(limit.get())",
        "cursors::every_order_walks_all_tickets_once",
    ),
    store(
        "a page of tickets has no limit",
        "is_after(ticket)).take(limit.get() + 1)",
        "is_after(ticket)).take(usize::MAX)",
        "cursors::every_order_walks_all_tickets_once",
    ),
    store(
        "message forgets the workspace",
        "self.state().messages.get(&(workspace, id)).cloned()",
        "self.state().messages.values().find(|message| message.id == id).cloned()",
        "isolation::a_message_of_another_workspace_is_absent",
    ),
    store(
        "messages forget the workspace",
        r"*at == workspace
                && message.ticket == ticket",
        "message.ticket == ticket",
        "isolation::a_message_of_another_workspace_is_absent",
    ),
    store(
        "messages of other tickets are among them",
        r"&& message.ticket == ticket
",
        r"
",
        "atomicity::a_caller_that_goes_away_leaves_whole_changes_only",
    ),
    store(
        "messages are not picked by id",
        r"&& ids.as_ref().is_none_or(|ids| ids.contains(id))
                && after.is_none_or(|after| *id > after)",
        "&& after.is_none_or(|after| *id > after)",
        "cursors::messages_come_in_order_and_pages",
    ),
    store(
        "a page of messages begins with the last one before",
        "after.is_none_or(|after| *id > after)",
        "after.is_none_or(|after| *id >= after)",
        "cursors::messages_come_in_order_and_pages",
    ),
    store(
        "notes are shown to everybody",
        "&& (notes || message.kind == MessageKind::Reply)",
        "",
        "cursors::notes_are_left_out_when_asked",
    ),
    store("a page of events leaves one out", "e.seq > after", "e.seq > after + 1", "journal::events_come_in_pages"),
    store(
        "events of other tickets are among them",
        " && (ticket.is_none() || e.ticket == ticket)",
        "",
        "journal::a_ticket_has_its_own_events",
    ),
    store(
        "events of the team are shown to everybody",
        " && (!public || e.fact.is_public())",
        "",
        "journal::public_events_are_told_apart",
    ),
    store(
        "a page of events does not say that there are more",
        "Ok(found.take(limit.get() + 1).cloned().collect())",
        "Ok(found.take(limit.get()).cloned().collect())",
        "journal::events_come_in_pages",
    ),
    store(
        "record forgets the workspace",
        "self.state().records.get(&(workspace, id)).filter(",
        "self.state().records.values().find(|record| record.id == id).filter(",
        "isolation::a_record_of_another_workspace_is_absent",
    ),
    store(
        "records forget the workspace",
        r"*at == workspace
                && record.kind == kind",
        "record.kind == kind",
        "isolation::lists_show_one_workspace",
    ),
    store("records of other kinds are among them", "&& record.kind == kind", "", "records::records_are_read_by_id"),
    store(
        "a page of records does not say that there are more",
        "map_or(limit.get() + 1, Vec::len)",
        "map_or(limit.get(), Vec::len)",
        "records::records_come_in_pages",
    ),
    store(
        "a record is found by a key in another workspace",
        ".into_iter().filter(|(at, _)| *at == workspace);",
        ".into_iter();",
        "isolation::keys_are_unique_by_workspace",
    ),
    store(
        "the directory is listed as a workspace",
        ".filter(|id| *id > after)",
        ".filter(|id| *id >= after)",
        "records::workspaces_are_listed",
    ),
    store(
        "a refused set takes a number",
        "let committed = judge(&mut known, &mut rows, workspace, parts)?;",
        r"let judged = judge(&mut known, &mut rows, workspace, parts);
        if judged.is_err() {
            state.heads.entry(workspace).or_default().last_number += 1;
        }
        let committed = judged?;",
        "numbering::a_refused_ticket_takes_no_number",
    ),
    store(
        "what is routed is routed again",
        "at.routed < at.last",
        "at.routed <= at.last",
        "dispatch::new_events_are_unrouted_until_routed",
    ),
    store(
        "the routing cursor is not compared",
        "if *cursor != from {",
        "if false && *cursor != from {",
        "dispatch::a_cursor_moves_once",
    ),
    store("the routing cursor does not move", "*cursor = to;", "", "dispatch::new_events_are_unrouted_until_routed"),
    store(
        "a delivery is queued twice",
        "if state.delivery_keys.insert((workspace, delivery.unique_key())) {",
        "if state.delivery_keys.insert((workspace, delivery.unique_key())) || true {",
        "dispatch::a_delivery_is_queued_once",
    ),
    store(
        "settled deliveries are taken",
        "d.state == DeliveryState::Queued && d.due_at",
        "d.due_at",
        "dispatch::settled_deliveries_stay_settled",
    ),
    store(
        "a lease lasts a moment too long",
        "d.due_at <= claim.now",
        "d.due_at < claim.now",
        "dispatch::a_lease_holds_until_it_ends",
    ),
    store(
        "a lease is not kept",
        "delivery.due_at = claim.now.plus(claim.lease);",
        "",
        "dispatch::a_lease_holds_until_it_ends",
    ),
    store("a taking is not counted", "delivery.attempts += 1;", "", "dispatch::a_claim_takes_what_is_due"),
    store("more is taken than was asked for", ".take(claim.limit)", "", "dispatch::a_claim_takes_what_is_due"),
    store("the token is not compared", " || delivery.attempts != token", "", "dispatch::a_late_result_is_discarded"),
    store(
        "a settled delivery is settled again",
        "delivery.state != DeliveryState::Queued || ",
        "",
        "dispatch::settled_deliveries_stay_settled",
    ),
    store(
        "a settlement is not kept",
        "*delivery = settlement.apply(delivery.clone());",
        "let _ = settlement.apply(delivery.clone());",
        "dispatch::a_retry_waits_for_its_time",
    ),
    store(
        "deliveries forget the workspace",
        r"*at == workspace
                && messages",
        "messages",
        "isolation::events_and_deliveries_show_one_workspace",
    ),
    store(
        "deliveries of any state are listed",
        "&& wanted.is_none_or(|wanted| delivery.state == wanted)",
        "",
        "dispatch::deliveries_are_listed_by_message_and_state",
    ),
    store(
        "deliveries come oldest first",
        "state.deliveries.iter().rev().filter(",
        "state.deliveries.iter().filter(",
        "dispatch::deliveries_are_listed_by_message_and_state",
    ),
    state(
        "lists and searches forget the workspace",
        "self.tickets.range(range).map(|(_, ticket)| ticket)",
        "self.tickets.values()",
        "isolation::lists_show_one_workspace",
    ),
    state(
        "the head of a workspace does not move",
        "self.heads.extend(heads);",
        "drop(heads);",
        "numbering::tickets_are_numbered_densely",
    ),
    state(
        "released keys stay",
        "self.keys.retain(|_, holder| !released.contains(holder));",
        "",
        "records::a_key_is_released_by_its_holder",
    ),
    state(
        "note words are found by everybody",
        ".filter(|(kind, _)| filter.search_notes || *kind == MessageKind::Reply)",
        "",
        "search::notes_are_searched_only_when_asked",
    ),
    state(
        "note words are found by nobody",
        "filter.search_notes || ",
        "",
        "search::notes_are_searched_only_when_asked",
    ),
    state(
        "words of messages are not kept",
        "or_default().push(words);",
        "or_default();",
        "search::words_are_found_in_subject_and_messages",
    ),
    state(
        "a record of another kind is found by a key",
        "known.kind == kind && known.key == key",
        "known.key == key",
        "records::records_are_found_by_key",
    ),
    state(
        "the newest workspace is located first",
        "found.sort_by_key(|(workspace, _)| *workspace);",
        "found.sort_by_key(|(workspace, _)| std::cmp::Reverse(*workspace));",
        "records::records_are_located_everywhere",
    ),
];
