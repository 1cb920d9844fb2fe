//! Faults in what all adapters share.

use super::{Adapter, Fault};

const fn judged(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/group/judge.rs", find, replace, caught_by, adapter: Adapter::Shared }
}

const fn known(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/group/known.rs", find, replace, caught_by, adapter: Adapter::Shared }
}

const fn rules(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/auth_rules.rs", find, replace, caught_by, adapter: Adapter::Shared }
}

const fn grouped(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/group/judge.rs", find, replace, caught_by, adapter: Adapter::Sqlite }
}

const fn rows(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/group/rows.rs", find, replace, caught_by, adapter: Adapter::Sqlite }
}

pub(super) const FAULTS: &[Fault] = &[
    rows(
        "a record that changes without an event is not written",
        "self.events.is_empty() && self.records.is_empty()",
        "self.events.is_empty()",
        "consumers::a_consumer_gets_every_event_once",
    ),
    judged(
        "the version of a ticket is not checked",
        "expect(known.ticket(&delta, workspace, id), write.expected, &id.to_string())?;",
        "",
        "versions::a_second_writer_of_a_version_is_refused",
    ),
    judged(
        "the version of a record is not checked",
        "expect(known.record(&delta, workspace, &id), write.expected, &id)?;",
        "",
        "versions::a_record_of_an_old_version_is_refused",
    ),
    judged(
        "a version may be ahead of the one that is there",
        "if present.unwrap_or(Version::ABSENT) == expected {",
        "if present.unwrap_or(Version::ABSENT) <= expected {",
        "versions::an_update_of_what_is_absent_is_refused",
    ),
    judged(
        "a version may be behind the one that is there",
        "if present.unwrap_or(Version::ABSENT) == expected {",
        "if present.unwrap_or(Version::ABSENT) >= expected {",
        "versions::a_second_writer_of_a_version_is_refused",
    ),
    judged(
        "the contact of a ticket is not looked for",
        "if known.record(&delta, workspace, &contact).is_none() {",
        "if false && known.record(&delta, workspace, &contact).is_none() {",
        "isolation::a_contact_of_another_workspace_is_refused",
    ),
    judged(
        "new tickets get no number of their own",
        "head.last_number += 1;",
        "",
        "numbering::tickets_are_numbered_densely",
    ),
    judged(
        "events get no number of their own",
        "head.last_seq += 1;",
        "",
        "journal::events_are_numbered_densely_in_order",
    ),
    judged(
        "events name no workspace",
        "event.workspace = workspace;",
        "",
        "journal::events_are_numbered_densely_in_order",
    ),
    judged("events are lost", "new.events = events;", "", "atomicity::all_parts_are_kept_together"),
    judged(
        "the last event of a set is lost",
        "new.events = events;",
        r"events.pop();
    new.events = events;",
        "journal::events_are_numbered_densely_in_order",
    ),
    judged(
        "messages are lost",
        "new.messages.push(MessageRow { workspace, message });",
        "",
        "atomicity::all_parts_are_kept_together",
    ),
    judged(
        "an answer is not kept",
        "new.answers.push(AnswerRow { key, answer });",
        "",
        "idempotency::the_same_key_answers_the_same",
    ),
    judged(
        "the hash of a request is not compared",
        "if answer.request_hash != once.request_hash {",
        "if false && answer.request_hash != once.request_hash {",
        "idempotency::another_request_with_the_key_is_refused",
    ),
    judged(
        "an ended key still answers",
        ".filter(|answer| now < answer.expires_at)",
        ".filter(|answer| now < answer.expires_at || true)",
        "idempotency::an_ended_key_is_free",
    ),
    judged(
        "an earlier answer does not say that it is one",
        "Committed { replayed: true, ..answer.committed.clone() }",
        "answer.committed.clone()",
        "idempotency::the_same_key_answers_the_same",
    ),
    judged(
        "a unique key has many holders",
        ".is_some_and(|holder| *holder != (workspace, id.clone()))",
        ".is_some_and(|holder| false && *holder != (workspace, id.clone()))",
        "records::a_key_has_one_holder",
    ),
    judged(
        "a key that is freed in a set stays taken within it",
        "known.release(&mut delta, workspace, &id);",
        "",
        "records::a_key_moves_within_one_set",
    ),
    judged(
        "the keys of a written record are not released",
        "new.released.push((workspace, id.clone()));",
        "",
        "records::a_key_is_released_by_its_holder",
    ),
    judged("a removed record stays", "new.removed.push((workspace, id));", "", "records::a_removed_record_is_gone"),
    known(
        "keys of a workspace are unique everywhere",
        "KeyScope::Workspace => workspace.to_string(),",
        "KeyScope::Workspace => String::new(),",
        "isolation::keys_are_unique_by_workspace",
    ),
    known(
        "keys of everywhere are unique in their workspace",
        "KeyScope::Everywhere => String::new(),",
        "KeyScope::Everywhere => workspace.to_string(),",
        "records::a_key_everywhere_has_one_holder_everywhere",
    ),
    grouped(
        "a group is judged as if each of its sets were the first",
        "known.accept(delta, workspace, head);",
        "",
        "numbering::tickets_are_numbered_densely_under_parallel_commits",
    ),
    grouped(
        "numbers are used again within a group",
        "self.heads.insert(workspace, head);",
        "",
        "numbering::tickets_are_numbered_densely_under_parallel_commits",
    ),
    grouped(
        "the head of the first set of a group is what stays",
        "Some((_, known)) => *known = head,",
        "Some(_) => {}",
        "atomicity::a_caller_that_goes_away_leaves_whole_changes_only",
    ),
    rules(
        "a challenge is used twice",
        "!challenge.consumed && now < challenge.expires_at",
        "now < challenge.expires_at",
        "auth::a_challenge_is_used_once",
    ),
    rules(
        "a challenge lives a moment too long",
        "!challenge.consumed && now < challenge.expires_at",
        "!challenge.consumed && now <= challenge.expires_at",
        "auth::an_ended_challenge_is_refused",
    ),
    rules(
        "the cap counts an address as it is written",
        "email.canonical()",
        "email.to_string()",
        "auth::live_challenges_are_capped_without_eviction",
    ),
    rules(
        "the secret of a guess is not compared",
        "&& challenge.secret_hash == *secret_hash",
        "",
        "auth::a_wrong_secret_costs_nothing",
    ),
    rules(
        "one guess too many is counted",
        "&& challenge.attempts < challenge.max_attempts =>",
        "&& challenge.attempts <= challenge.max_attempts =>",
        "auth::guesses_are_counted_exactly",
    ),
    rules("guesses are not counted", "challenge.attempts += 1;", "", "auth::guesses_are_counted_exactly"),
    rules(
        "a guess prolongs its challenge",
        "challenge.attempts += 1;",
        r"challenge.attempts += 1;
            challenge.expires_at = now.plus(std::time::Duration::from_secs(300));",
        "auth::a_wrong_guess_does_not_prolong",
    ),
    rules(
        "a stranger gets another code",
        "&& challenge.secret_hash == resend.secret_hash",
        "",
        "auth::another_code_keeps_the_count_and_the_end",
    ),
    rules("codes are sent without end", "&& challenge.sends < resend.max_sends", "", "auth::codes_are_resent_so_often"),
    rules(
        "another code gives the guesses back",
        "challenge.sends += 1;",
        r"challenge.sends += 1;
    challenge.attempts = 0;",
        "auth::another_code_keeps_the_count_and_the_end",
    ),
    rules(
        "the old code stays",
        "challenge.code_mac = resend.code_mac;",
        "",
        "auth::another_code_keeps_the_count_and_the_end",
    ),
    rules(
        "one unit more than the budget is spent",
        "spent.units >= budget.limit",
        "spent.units > budget.limit",
        "auth::a_budget_is_exact",
    ),
    rules(
        "a revoked session is replaced",
        "replaces.is_none() || ended.is_some_and(",
        "replaces.is_none() || ended.is_none_or(",
        "auth::a_revoked_session_is_not_renewed",
    ),
    rules(
        "an ended session is replaced",
        "Some(ended.id) == replaces && ended.is_live(now)",
        "Some(ended.id) == replaces",
        "auth::a_revoked_session_is_not_renewed",
    ),
    rules("an ended flow is taken", "now >= self.expires_at", "false", "auth::an_ended_flow_is_never_given"),
    rules(
        "a budget is spent a moment too long",
        "match spent.filter(|spent| now < spent.ends_at) {",
        "match spent.filter(|spent| now <= spent.ends_at) {",
        "auth::a_budget_is_exact",
    ),
];
