//! Faults in what adapters that keep documents share: the pages, the rules of signing in, and rows as
//! documents. They are planted for the store in memory, which uses all of it.

use super::{Adapter, Fault};

const fn scan(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/scan.rs", find, replace, caught_by, adapter: Adapter::Shared }
}

const fn rules(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/auth_rules.rs", find, replace, caught_by, adapter: Adapter::Shared }
}

const fn judged(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/group/judge.rs", find, replace, caught_by, adapter: Adapter::Shared }
}

const fn known(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/group/known.rs", find, replace, caught_by, adapter: Adapter::Shared }
}

const fn document(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/group/document.rs", find, replace, caught_by, adapter: Adapter::Shared }
}

const fn incoming(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/group/incoming.rs", find, replace, caught_by, adapter: Adapter::Shared }
}

pub(super) const FAULTS: &[Fault] = &[
    // The journal.
    document(
        "the seal of a route is lost",
        "let rows = rows.chain(route.seal.map(MovedRow::Seal)).map(|row| (workspace, row)).collect();",
        "let rows = rows.map(|row| (workspace, row)).collect();",
        "seals::a_seal_is_kept_with_its_route",
    ),
    scan(
        "seals come from the wrong end",
        "if *newest_first {",
        "if !*newest_first {",
        "seals::seals_come_in_order_and_pages",
    ),
    scan(
        "seals before the place are shown",
        "row.borrow().after >= *from",
        "row.borrow().last >= *from",
        "seals::seals_come_in_order_and_pages",
    ),
    scan(
        "origins of later events are removed as well",
        "event.origin.is_some() && event.seq <= *through",
        "event.origin.is_some()",
        "erasure::origins_are_forgotten_as_far_as_asked",
    ),
    scan(
        "everybody's origins are removed",
        "&& actor.is_none_or(|actor| event.actor == actor)",
        "",
        "erasure::origins_of_one_actor_are_forgotten",
    ),
    // Pages of tickets.
    scan(
        "a ticket list drops its filter",
        "filter.fits(row.borrow()) && is_after(row)",
        "is_after(row)",
        "cursors::filters_agree_with_their_meaning",
    ),
    scan(
        "an ascending list goes on before its cursor",
        "if sort.descending { place(row) < last } else { place(row) > last }",
        "place(row) < last",
        "cursors::every_order_walks_all_tickets_once",
    ),
    scan(
        "the last ticket of a page is the first of the next",
        "if sort.descending { place(row) < last } else { place(row) > last }",
        "if sort.descending { place(row) <= last } else { place(row) >= last }",
        "cursors::every_order_walks_all_tickets_once",
    ),
    scan("a descending list ascends", "found.reverse();", "", "cursors::every_order_walks_all_tickets_once"),
    scan(
        "a page of tickets does not tell that there is more",
        "if page.len() > limit.get() {",
        "if page.len() >= limit.get() {",
        "cursors::every_order_walks_all_tickets_once",
    ),
    scan(
        "words are not looked for",
        "if filter.words.is_empty() || has_words(",
        "if true || has_words(",
        "search::words_are_found_in_subject_and_messages",
    ),
    scan(
        "notes are searched unasked",
        "filter.search_notes || message.kind == MessageKind::Reply",
        "true || message.kind == MessageKind::Reply",
        "search::notes_are_searched_only_when_asked",
    ),
    scan(
        "a number finds no ticket",
        r#"format!("{} {}", ticket.number, search::indexed(ticket.subject.as_str()))"#,
        "search::indexed(ticket.subject.as_str())",
        "search::a_ticket_is_found_by_its_number",
    ),
    scan(
        "subjects are searched as they are written",
        "search::indexed(ticket.subject.as_str())",
        "ticket.subject.as_str()",
        "search::accents_and_case_do_not_matter",
    ),
    // Pages of messages, events, records and deliveries.
    scan(
        "messages are not picked by their ids",
        "&& ids.as_ref().is_none_or(|ids| ids.contains(&message.id))",
        "",
        "cursors::messages_come_in_order_and_pages",
    ),
    scan(
        "the last message of a page is the first of the next",
        "message.id > after",
        "message.id >= after",
        "cursors::messages_come_in_order_and_pages",
    ),
    scan(
        "notes are shown to everybody",
        "(*notes || message.kind == MessageKind::Reply)",
        "(true || message.kind == MessageKind::Reply)",
        "cursors::notes_are_left_out_when_asked",
    ),
    scan("an event is shown again", "event.seq > *after", "event.seq >= *after", "journal::events_come_in_pages"),
    scan(
        "events of all tickets are shown",
        "(ticket.is_none() || event.ticket == *ticket)",
        "true",
        "journal::a_ticket_has_its_own_events",
    ),
    scan(
        "events that are not public are shown",
        "(!public || event.fact.is_public())",
        "true",
        "journal::public_events_are_told_apart",
    ),
    scan("records of every kind are listed", "record.kind == kind", "true", "records::records_come_in_pages"),
    scan(
        "records are not picked by their ids",
        "&& ids.as_ref().is_none_or(|ids| ids.contains(&record.id))",
        "",
        "isolation::a_record_of_another_workspace_is_absent",
    ),
    scan(
        "a page of records does not tell that there is more",
        "map_or(limit.get() + 1, Vec::len)",
        "map_or(limit.get(), Vec::len)",
        "records::records_come_in_pages",
    ),
    scan(
        "deliveries are not picked by their messages",
        "messages.as_ref().is_none_or(|ids| delivery.message.is_some_and(|id| ids.contains(&id)))",
        "true",
        "dispatch::deliveries_are_listed_by_message_and_state",
    ),
    scan(
        "deliveries are not picked by their state",
        "&& state.is_none_or(|state| delivery.state == state)",
        "",
        "dispatch::deliveries_are_listed_by_message_and_state",
    ),
    scan(
        "a page of deliveries does not tell that there is more",
        r"delivery.id < before)
    };
    first(rows, limit.get() + 1,",
        r"delivery.id < before)
    };
    first(rows, limit.get(),",
        "dispatch::a_page_of_deliveries_says_that_there_is_more",
    ),
    // Dispatch.
    scan(
        "what is routed is still to be routed",
        "counters.routed_seq < counters.last_seq",
        "counters.routed_seq <= counters.last_seq",
        "dispatch::new_events_are_unrouted_until_routed",
    ),
    scan(
        "the cursor of a route is not compared",
        "counters.routed_seq == route.from && route.to <= counters.last_seq",
        "route.to <= counters.last_seq",
        "dispatch::a_cursor_moves_once",
    ),
    scan(
        "a route ends behind the journal",
        "counters.routed_seq == route.from && route.to <= counters.last_seq",
        "counters.routed_seq == route.from",
        "dispatch::a_cursor_does_not_pass_the_journal",
    ),
    scan(
        "what is settled is taken again",
        r"delivery.state == DeliveryState::Queued
        && delivery.due_at <= claim.now",
        "delivery.due_at <= claim.now",
        "dispatch::settled_deliveries_stay_settled",
    ),
    scan(
        "what is due now is not taken",
        "delivery.due_at <= claim.now",
        "delivery.due_at < claim.now",
        "dispatch::a_claim_takes_what_is_due",
    ),
    scan(
        "a taking has no lease",
        "delivery.due_at = claim.now.plus(claim.lease);",
        "",
        "dispatch::a_lease_holds_until_it_ends",
    ),
    scan(
        "the token of a taking is not compared",
        "delivery.state == DeliveryState::Queued && delivery.attempts == token",
        "delivery.state == DeliveryState::Queued",
        "dispatch::a_late_result_is_discarded",
    ),
    scan(
        "what is settled is settled again",
        "delivery.state == DeliveryState::Queued && delivery.attempts == token",
        "delivery.attempts == token",
        "dispatch::settled_deliveries_stay_settled",
    ),
    // Signing in.
    rules(
        "the cap lets one more in",
        "?.len() < cap)",
        "?.len() <= cap)",
        "auth::live_challenges_are_capped_without_eviction",
    ),
    rules(
        "the cap counts ended challenges",
        "is_live(known, new.created_at) && account(&known.email) == address",
        "account(&known.email) == address",
        "auth::live_challenges_are_capped_without_eviction",
    ),
    rules(
        "the cap counts challenges of all addresses",
        "is_live(known, new.created_at) && account(&known.email) == address",
        "is_live(known, new.created_at)",
        "auth::live_challenges_are_capped_without_eviction",
    ),
    rules(
        "an ended challenge gets another code",
        "let fits = is_live(&challenge, now)",
        "let fits = true",
        "auth::an_ended_challenge_gets_no_code",
    ),
    rules(
        "an ended challenge signs in",
        "let live = challenge.filter(|challenge| is_live(challenge, now));",
        "let live = challenge;",
        "auth::an_ended_challenge_is_refused",
    ),
    rules(
        "a challenge is not used up",
        "Challenge { consumed: true, ..challenge }",
        "challenge",
        "auth::a_challenge_is_used_once",
    ),
    rules(
        "a touch revives a session",
        "let live = session.filter(|session| session.is_live(now));",
        "let live = session;",
        "auth::a_touch_does_not_revive",
    ),
    rules(
        "sessions of everybody are listed",
        "session.user == user && session.is_live(now)",
        "session.is_live(now)",
        "auth::sessions_are_revoked_one_or_all",
    ),
    rules(
        "ended sessions are listed",
        "session.user == user && session.is_live(now)",
        "session.user == user",
        "auth::ended_sessions_are_not_listed",
    ),
    rules(
        "sessions of another user are revoked",
        r"session.user == user
        && match which {",
        "match which {",
        "auth::sessions_are_revoked_one_or_all",
    ),
    rules(
        "the session that is to stay is revoked",
        "session.id != kept",
        "true",
        "auth::sessions_are_revoked_one_or_all",
    ),
    rules(
        "the window of a budget slides",
        "Some(Spent { units: spent.units + 1, ..spent })",
        "Some(Spent { units: spent.units + 1, ends_at: now.plus(budget.window) })",
        "auth::a_budget_window_does_not_slide",
    ),
    rules(
        "more of a budget is given back than was spent",
        "spent.units.saturating_sub(units)",
        "spent.units.wrapping_sub(units)",
        "auth::a_budget_unit_can_be_given_back",
    ),
    rules(
        "a whole budget is given back at once",
        "spent.units.saturating_sub(units)",
        "0",
        "auth::a_budget_window_does_not_slide",
    ),
    rules(
        "a used challenge is swept before its end",
        "self.expires_at <= now",
        "self.consumed || self.expires_at <= now",
        "auth::what_lives_is_not_swept",
    ),
    rules("an idle session is not swept", "!self.is_live(now)", "self.ends_at <= now", "auth::what_has_ended_is_swept"),
    rules("a budget is swept within its window", "self.ends_at <= now", "true", "auth::what_lives_is_not_swept"),
    // What is judged, and by what.
    judged(
        "a written ticket gets another number",
        "if write.expected == Version::ABSENT {",
        "if true {",
        "numbering::a_written_ticket_keeps_its_number",
    ),
    judged(
        "an idempotency key answers a moment too long",
        "now < answer.expires_at",
        "now <= answer.expires_at",
        "idempotency::a_key_ends_exactly_at_its_end",
    ),
    known(
        "the counters are not read",
        "known.heads.extend(present.counters(*workspace)?.map(|counters| (*workspace, Head::from(counters))));",
        "",
        "numbering::tickets_are_numbered_densely",
    ),
    known(
        "the holder of a key is not looked for",
        "known.keys.extend(present.holder(key)?.map(|holder| (key.clone(), holder)));",
        "",
        "records::a_key_has_one_holder",
    ),
    known(
        "a key forgets that it is unique everywhere",
        "if self.scope.is_empty() { KeyScope::Everywhere } else { KeyScope::Workspace }",
        "KeyScope::Workspace",
        "records::a_key_everywhere_has_one_holder_everywhere",
    ),
    // Rows as documents.
    document(
        "keys that are given up stay",
        "for (workspace, id) in released {",
        "for (workspace, id) in released.into_iter().take(0) {",
        "records::a_key_is_released_by_its_holder",
    ),
    document(
        "a commit moves the routing cursor back",
        "Counters { last_seq, last_number, ..before }",
        "Counters { last_seq, last_number, routed_seq: 0 }",
        "dispatch::new_events_are_unrouted_until_routed",
    ),
    document(
        "a route does not move the cursor",
        "Self { rows, counters: vec![(workspace, counters)], ..Self::default() }",
        "Self { rows, ..Self::default() }",
        "dispatch::a_cursor_moves_once",
    ),
    document(
        "deliveries are lost on import",
        "documents.rows.extend(deliveries.into_iter().map(|delivery| (workspace, MovedRow::Delivery(delivery))));",
        "",
        "transfer::a_workspace_moves_whole",
    ),
    // Imports.
    incoming(
        "keys are lost on import",
        "rows.keys.push(KeyRow { key, workspace, record: record.id.clone() });",
        "",
        "transfer::a_moved_workspace_goes_on",
    ),
    incoming(
        "a workspace that exists is written over",
        "if present.counters(workspace)?.is_some() {",
        "if false {",
        "transfer::a_workspace_that_exists_takes_no_import",
    ),
    incoming(
        "places that are taken are not left out",
        "incoming.leave_out(part, &taken);",
        "",
        "transfer::an_import_may_be_repeated",
    ),
    incoming(
        "an import takes a key from its holder",
        "!held.insert(&row.key) || present.holder(&row.key)?.is_some()",
        "!held.insert(&row.key)",
        "transfer::an_import_that_does_not_fit_is_refused_whole",
    ),
    incoming(
        "the contact of an imported ticket is not looked for",
        "if !records.contains(contact.as_str()) && present.row(workspace, Part::Records, &contact)?.is_none() {",
        "if false {",
        "transfer::an_import_that_does_not_fit_is_refused_whole",
    ),
];
