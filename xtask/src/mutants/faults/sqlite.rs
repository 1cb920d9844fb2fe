//! Faults in the SQLite store, its statements aside.

use super::{Adapter, Fault};

const fn commit(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/sqlite/commit.rs", find, replace, caught_by, adapter: Adapter::Sqlite }
}

const fn tickets(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/sqlite/tickets.rs", find, replace, caught_by, adapter: Adapter::Sqlite }
}

const fn dispatch(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/sqlite/dispatch.rs", find, replace, caught_by, adapter: Adapter::Sqlite }
}

const fn auth(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/sqlite/auth.rs", find, replace, caught_by, adapter: Adapter::Sqlite }
}

const fn writer(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/sqlite/writer.rs", find, replace, caught_by, adapter: Adapter::Sqlite }
}

const fn numbers(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/sql.rs", find, replace, caught_by, adapter: Adapter::Sqlite }
}

const fn schema(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault {
        name,
        file: "connect-store/migrations/sqlite/0001_first.sql",
        find,
        replace,
        caught_by,
        adapter: Adapter::Sqlite,
    }
}

pub(super) const FAULTS: &[Fault] = &[
    commit(
        "released keys stay",
        "run(&sql.release_keys, json(released)?).await?;",
        "",
        "records::a_key_is_released_by_its_holder",
    ),
    commit(
        "a removed record stays",
        "run(&sql.remove_records, json(removed)?).await?;",
        "",
        "records::a_removed_record_is_gone",
    ),
    commit(
        "half a commit: messages are not written",
        "run(&sql.put_messages, json(&list)?).await?;",
        "let _ = json(&list)?;",
        "atomicity::all_parts_are_kept_together",
    ),
    commit(
        "half a commit: events are not written",
        "run(&sql.put_events, json(&list)?).await?;",
        "let _ = json(&list)?;",
        "atomicity::all_parts_are_kept_together",
    ),
    commit(
        "half a commit: heads are not written",
        "run(&sql.put_heads, json(&list)?).await?;",
        "let _ = json(&list)?;",
        "numbering::tickets_are_numbered_densely",
    ),
    commit(
        "answers are not written",
        "run(&sql.put_answers, json(&list)?).await?;",
        "let _ = json(&list)?;",
        "idempotency::the_same_key_answers_the_same",
    ),
    commit(
        "note words are found by everybody",
        "MessageKind::Note => (String::new(), words),",
        "MessageKind::Note => (words, String::new()),",
        "search::notes_are_searched_only_when_asked",
    ),
    commit(
        "an old subject is still found",
        "run(&sql.forget_tickets, &json(&renamed)?).await?;",
        "",
        "search::a_changed_subject_is_found_and_the_old_one_is_not",
    ),
    commit(
        "a new subject is not found",
        ".map(words).chain(renamed).collect();",
        ".map(words).collect();",
        "search::a_changed_subject_is_found_and_the_old_one_is_not",
    ),
    tickets(
        "lists and searches forget the workspace",
        r#"" WHERE t.workspace_id = ?""#,
        r#"" WHERE ? IS NOT NULL""#,
        "isolation::lists_show_one_workspace",
    ),
    tickets(
        "a page begins with the last ticket of the one before",
        r#"" AND (t.updated_at, t.id) < (?, ?)""#,
        r#"" AND (t.updated_at, t.id) <= (?, ?)""#,
        "cursors::every_order_walks_all_tickets_once",
    ),
    tickets(
        "a page of older tickets begins with the last one before",
        r#"" AND (t.created_at, t.id) > (?, ?)""#,
        r#"" AND (t.created_at, t.id) >= (?, ?)""#,
        "cursors::every_order_walks_all_tickets_once",
    ),
    tickets(
        "a cursor forgets the id",
        r#"" AND (t.priority, t.id) < (?, ?)""#,
        r#"" AND t.priority < ? AND ? IS NOT NULL""#,
        "cursors::every_order_walks_all_tickets_once",
    ),
    tickets(
        "tickets come in the wrong direction",
        r#"" ORDER BY t.number DESC, t.id DESC""#,
        r#"" ORDER BY t.number, t.id""#,
        "cursors::every_order_walks_all_tickets_once",
    ),
    tickets(
        "a contact is not asked for",
        r#"" AND t.contact_id = ?""#,
        r#"" AND ? IS NOT NULL""#,
        "isolation::lists_show_one_workspace",
    ),
    tickets(
        "a list is held to an assignee only",
        r#"(t.assignee_id = ? OR t.team_id IN"#,
        r#"(t.assignee_id = ? AND t.team_id NOT IN"#,
        "teams::sec_60_a_list_is_held_to_teams_and_an_assignee",
    ),
    tickets(
        "tickets of other teams are shown",
        r#"" AND t.team_id = ?""#,
        r#"" AND ? IS NOT NULL""#,
        "teams::sec_60_tickets_of_a_team_are_told_apart",
    ),
    tickets(
        "tickets of a team count as those of none",
        r#"" AND t.team_id IS NULL""#,
        r#""""#,
        "teams::sec_60_tickets_of_a_team_are_told_apart",
    ),
    tickets(
        "excluded categories are shown",
        r#"" AND t.category <> ?""#,
        r#"" AND ? IS NOT NULL""#,
        "cursors::filters_agree_with_their_meaning",
    ),
    tickets(
        "assigned tickets count as nobody's",
        r#"" AND t.assignee_id IS NULL""#,
        r#""""#,
        "cursors::filters_agree_with_their_meaning",
    ),
    tickets(
        "tickets with a label are those without",
        r#"" AND EXISTS (SELECT"#,
        r#"" AND NOT EXISTS (SELECT"#,
        "cursors::filters_agree_with_their_meaning",
    ),
    tickets(
        "the least priority asked for is left out",
        r#"" AND t.priority >= ?""#,
        r#"" AND t.priority > ?""#,
        "cursors::filters_agree_with_their_meaning",
    ),
    tickets(
        "the end of a time is within it",
        r#"" AND t.created_at < ?""#,
        r#"" AND t.created_at <= ?""#,
        "cursors::filters_agree_with_their_meaning",
    ),
    tickets(
        "the last word must be whole",
        r#"if place + 1 == filter.words.len() { " *" } else { "" }"#,
        r#"if place + 1 == filter.words.len() { "" } else { "" }"#,
        "search::the_last_word_may_be_a_beginning",
    ),
    tickets(
        "every word may be a beginning",
        r#"if place + 1 == filter.words.len() { " *" } else { "" }"#,
        r#"if place + 1 == filter.words.len() { " *" } else { " *" }"#,
        "search::the_last_word_may_be_a_beginning",
    ),
    tickets(
        "notes are searched for everybody",
        r#"if filter.search_notes { "{words notes}" } else { "{words}" }"#,
        r#""{words notes}""#,
        "search::notes_are_searched_only_when_asked",
    ),
    numbers(
        "pages do not say that there are more",
        "int(limit.get() as u64 + 1)",
        "int(limit.get() as u64)",
        "cursors::every_order_walks_all_tickets_once",
    ),
    schema(
        "high tickets are sorted as normal ones",
        "WHEN 'high' THEN 3 WHEN 'normal' THEN 2",
        "WHEN 'high' THEN 2 WHEN 'normal' THEN 3",
        "cursors::every_order_walks_all_tickets_once",
    ),
    dispatch("deliveries are not queued", "if any {", "if any && false {", "dispatch::a_claim_takes_what_is_due"),
    dispatch("a taking is not counted", "delivery.attempts += 1;", "", "dispatch::a_claim_takes_what_is_due"),
    dispatch("a lease is not kept", "delivery.due_at = now.plus(lease);", "", "dispatch::a_lease_holds_until_it_ends"),
    dispatch(
        "a taking is not written",
        r"update(connection, &sql.update_delivery, &delivery).await?;
                    taken",
        "taken",
        "dispatch::a_lease_holds_until_it_ends",
    ),
    dispatch("the token is not compared", " || delivery.attempts != token", "", "dispatch::a_late_result_is_discarded"),
    dispatch(
        "a settled delivery is settled again",
        "delivery.state != DeliveryState::Queued || ",
        "",
        "dispatch::settled_deliveries_stay_settled",
    ),
    auth(
        "the cap lets one more in",
        "if live >= cap {",
        "if live > cap {",
        "auth::live_challenges_are_capped_without_eviction",
    ),
    auth(
        "a guess is counted and not kept",
        "update(connection, &sql, counted).await?;",
        "let _ = counted;",
        "auth::guesses_are_counted_exactly",
    ),
    auth(
        "another code is not kept",
        "update(connection, &sql, resent).await?;",
        "let _ = resent;",
        "auth::another_code_keeps_the_count_and_the_end",
    ),
    auth(
        "a challenge is not used up",
        "known.consumed = true;",
        "known.consumed = false;",
        "auth::a_challenge_is_used_once",
    ),
    auth(
        "a unit is not given back",
        "known.units = known.units.saturating_sub(units);",
        "",
        "auth::a_budget_unit_can_be_given_back",
    ),
    auth(
        "an ended budget counts as spent",
        "Ok(spent.filter(|spent| now < spent.ends_at).map_or(",
        "Ok(spent.filter(|spent| now < spent.ends_at || true).map_or(",
        "auth::a_budget_is_exact",
    ),
    auth(
        "a touch revives an ended session",
        "if !session.is_live(now) {",
        "if false && !session.is_live(now) {",
        "auth::a_touch_does_not_revive",
    ),
    auth(
        "a sweep forgets the budgets",
        "&sql.sweep_sessions, &sql.sweep_budgets, &sql.sweep_flows]",
        "&sql.sweep_sessions, &sql.sweep_flows]",
        "auth::what_has_ended_is_swept",
    ),
    writer(
        "what is acknowledged is not committed",
        r#"let committed = sqlx::query("COMMIT")"#,
        r#"let committed = sqlx::query("ROLLBACK")"#,
        "atomicity::all_parts_are_kept_together",
    ),
    writer(
        "callers of a group get each other's answers",
        "in answers.into_iter().zip(outcomes) {",
        "in answers.into_iter().zip(outcomes.into_iter().rev()) {",
        "journal::events_follow_commit_order_under_parallel_commits",
    ),
];
