//! Faults in the PostgreSQL store.

use super::{Adapter, Fault};

const fn statement(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/postgres/sql.rs", find, replace, caught_by, adapter: Adapter::Postgres }
}

const fn tickets(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/postgres/tickets.rs", find, replace, caught_by, adapter: Adapter::Postgres }
}

const fn migration(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    let file = "connect-store/migrations/postgres/0004_columns.sql";
    Fault { name, file, find, replace, caught_by, adapter: Adapter::Postgres }
}

pub(super) const FAULTS: &[Fault] = &[
    tickets(
        "a list is held to nothing",
        "(t.assignee_id = ? OR (t.team_id IS NOT NULL",
        "(t.assignee_id <> ? OR (t.team_id IS NULL",
        "teams::sec_60_a_list_is_held_to_teams_and_an_assignee",
    ),
    tickets(
        "tickets of other teams are shown",
        r#"" AND t.team_id = ?""#,
        r#"" AND t.team_id <> ?""#,
        "teams::sec_60_tickets_of_a_team_are_told_apart",
    ),
    statement(
        "a refused route keeps its seal",
        "AS w (after_seq, last_seq, mac)\n            WHERE EXISTS (SELECT FROM moved)",
        "AS w (after_seq, last_seq, mac)\n            WHERE true",
        "seals::a_refused_route_keeps_no_seal",
    ),
    statement(
        "seals forgets the workspace",
        "{s}.seal WHERE workspace_id = $1 AND after_seq >= $2 ORDER BY after_seq LIMIT",
        "{s}.seal WHERE $1 = $1 AND after_seq >= $2 ORDER BY after_seq LIMIT",
        "seals::seals_show_one_workspace",
    ),
    statement(
        "forget_origins passes its end",
        "seq <= $2 AND origin IS NOT NULL",
        "(seq <= $2 OR true) AND origin IS NOT NULL",
        "erasure::origins_are_forgotten_as_far_as_asked",
    ),
    statement(
        "ticket_by_id forgets the workspace",
        "WHERE t.workspace_id = $1 AND t.id = $2",
        "WHERE $1 = $1 AND t.id = $2",
        "isolation::a_ticket_of_another_workspace_is_absent",
    ),
    statement(
        "ticket_by_number forgets the workspace",
        "WHERE t.workspace_id = $1 AND t.number = $2",
        "WHERE $1 = $1 AND t.number = $2",
        "isolation::a_ticket_of_another_workspace_is_absent",
    ),
    statement(
        "message forgets the workspace",
        "{s}.message WHERE workspace_id = $1 AND id = $2",
        "{s}.message WHERE $1 = $1 AND id = $2",
        "isolation::a_message_of_another_workspace_is_absent",
    ),
    statement(
        "messages forgets the workspace",
        "{s}.message WHERE workspace_id = $1 AND ticket_id = $2 AND id > $3 AND (kind = 'reply' OR $4) ORDER",
        "{s}.message WHERE $1 = $1 AND ticket_id = $2 AND id > $3 AND (kind = 'reply' OR $4) ORDER",
        "isolation::a_message_of_another_workspace_is_absent",
    ),
    statement(
        "messages shows notes to everybody",
        "AND id > $3 AND (kind = 'reply' OR $4) ORDER",
        "AND id > $3 AND (kind = 'reply' OR $4 OR true) ORDER",
        "cursors::notes_are_left_out_when_asked",
    ),
    statement(
        "messages shows the cursor's row again",
        "{s}.message WHERE workspace_id = $1 AND ticket_id = $2 AND id > $3 AND (kind = 'reply' OR $4) ORDER",
        "{s}.message WHERE workspace_id = $1 AND ticket_id = $2 AND id >= $3 AND (kind = 'reply' OR $4) ORDER",
        "cursors::messages_come_in_order_and_pages",
    ),
    statement(
        "events forgets the workspace",
        "{s}.event WHERE workspace_id = $1 AND seq > $2",
        "{s}.event WHERE $1 = $1 AND seq > $2",
        "isolation::events_and_deliveries_show_one_workspace",
    ),
    statement(
        "events_of_ticket forgets the workspace",
        "{s}.event WHERE workspace_id = $1 AND ticket_id = $6",
        "{s}.event WHERE $1 = $1 AND ticket_id = $6",
        "isolation::events_and_deliveries_show_one_workspace",
    ),
    statement(
        "events_of_ticket forgets the ticket",
        "{s}.event WHERE workspace_id = $1 AND ticket_id = $6",
        "{s}.event WHERE workspace_id = $1 AND $6 = $6",
        "journal::a_ticket_has_its_own_events",
    ),
    statement(
        "record forgets the workspace",
        "{s}.record WHERE workspace_id = $1 AND kind = $2 AND id = $3",
        "{s}.record WHERE $1 = $1 AND kind = $2 AND id = $3",
        "isolation::a_record_of_another_workspace_is_absent",
    ),
    statement(
        "find forgets the workspace",
        "JOIN {s}.record r ON r.workspace_id = w.workspace_id AND r.id = held.record_id",
        "JOIN {s}.record r ON r.id = held.record_id",
        "isolation::records_of_one_id_stay_apart",
    ),
    statement(
        "find forgets the workspace of a key",
        "{s}.record_key k WHERE k.workspace_id = w.workspace_id AND k.kind = w.kind AND k.key = w.key",
        "{s}.record_key k WHERE k.kind = w.kind AND k.key = w.key",
        "isolation::keys_are_unique_by_workspace",
    ),
    statement(
        "records forgets the workspace",
        "{s}.record WHERE workspace_id = $1 AND kind = $2 AND id > $3",
        "{s}.record WHERE $1 = $1 AND kind = $2 AND id > $3",
        "isolation::lists_show_one_workspace",
    ),
    statement(
        "answers of all actors are one",
        "FROM {s}.answer WHERE workspace_id = $1 AND actor = $2 AND key = $3",
        "FROM {s}.answer WHERE workspace_id = $1 AND $2 = $2 AND key = $3",
        "idempotency::",
    ),
    statement(
        "unrouted never shows a workspace",
        "WHERE last_seq > routed_seq ORDER BY",
        "WHERE last_seq < routed_seq ORDER BY",
        "dispatch::new_events_are_unrouted_until_routed",
    ),
    statement(
        "route does not compare the cursor",
        "WHERE workspace_id = $1 AND routed_seq = $2 AND last_seq >= $3",
        "WHERE workspace_id = $1 AND $2 = $2 AND last_seq >= $3",
        "dispatch::a_cursor_moves_once",
    ),
    statement(
        "route passes the journal's end",
        "AND routed_seq = $2 AND last_seq >= $3",
        "AND routed_seq = $2 AND $3 = $3",
        "dispatch::a_cursor_does_not_pass_the_journal",
    ),
    statement(
        "a lease does not move the due time",
        "SET attempts = d.attempts + 1, due_at = $2",
        "SET attempts = d.attempts + 1, due_at = least(d.due_at, $2)",
        "dispatch::a_lease_holds_until_it_ends",
    ),
    statement(
        "a claim counts no attempt",
        "SET attempts = d.attempts + 1, due_at",
        "SET attempts = d.attempts, due_at",
        "dispatch::a_claim_takes_what_is_due",
    ),
    statement(
        "a claim takes what is not due",
        "AND w.due_at <= $1\n                ORDER BY",
        "AND w.due_at <= $1 + 1000000000000000\n                ORDER BY",
        "dispatch::",
    ),
    statement(
        "a claim takes the newest first",
        "ORDER BY w.due_at, w.id LIMIT $5",
        "ORDER BY w.due_at DESC, w.id LIMIT $5",
        "dispatch::the_oldest_is_taken_first",
    ),
    statement(
        "settle does not compare the token",
        "AND id = $2 AND attempts = $3 AND state",
        "AND id = $2 AND $3 = $3 AND state",
        "dispatch::a_late_result_is_discarded",
    ),
    statement(
        "settle settles again",
        "AND attempts = $3 AND state = 'queued'",
        "AND attempts = $3",
        "dispatch::settled_deliveries_stay_settled",
    ),
    statement(
        "settle forgets the workspace",
        "WHERE workspace_id = $1 AND id = $2 AND attempts = $3",
        "WHERE $1 = $1 AND id = $2 AND attempts = $3",
        "dispatch::another_workspace_settles_nothing",
    ),
    statement(
        "a retry forgets its time",
        "due_at = coalesce($5, due_at)",
        "due_at = coalesce(least($5, due_at), due_at)",
        "dispatch::a_retry_waits_for_its_time",
    ),
    statement(
        "locate finds one scope only",
        "UNION ALL SELECT workspace_id, record_id FROM {s}.everywhere_key WHERE kind = $1 AND key = $2",
        "UNION ALL SELECT workspace_id, record_id FROM {s}.everywhere_key WHERE kind = $1 AND key = $2 AND false",
        "records::",
    ),
    statement(
        "export skips a part's last rows",
        "{s}.message WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        "{s}.message WHERE workspace_id = $1 AND id > $2 AND kind = 'reply' ORDER BY id LIMIT $3",
        "transfer::",
    ),
    statement(
        "export forgets the workspace",
        "FROM {s}.ticket WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        "FROM {s}.ticket WHERE $1 = $1 AND id > $2 ORDER BY id LIMIT $3",
        "transfer::",
    ),
    statement(
        "imported counters lose the numbers",
        "SET last_seq = $2, last_number = $3, routed_seq = $4",
        "SET last_seq = $2, last_number = $3 - $3, routed_seq = $4",
        "transfer::",
    ),
    statement(
        "the cap on challenges counts other accounts",
        "{s}.challenge WHERE account = $1 AND expires_at > $2",
        "{s}.challenge WHERE $1 = $1 AND expires_at > $2",
        "auth::live_challenges_are_capped_without_eviction",
    ),
    statement(
        "revoking one session ends all",
        "{s}.session WHERE user_id = $1 AND id = $2",
        "{s}.session WHERE user_id = $1 AND $2 = $2",
        "auth::sessions_are_revoked_one_or_all",
    ),
    statement(
        "ending all sessions misses one that is being renewed",
        "ISOLATION LEVEL REPEATABLE READ",
        "ISOLATION LEVEL READ COMMITTED",
        "auth::ending_all_sessions_ends_those_that_are_being_renewed",
    ),
    statement(
        "a session of another token is found",
        "{s}.session WHERE token_hash = $1",
        "{s}.session WHERE $1 = $1",
        "auth::a_session_is_found_by_its_token",
    ),
    statement(
        "sweeping removes what lives",
        "{s}.challenge WHERE expires_at <= $1",
        "{s}.challenge WHERE $1 = $1",
        "auth::what_has_ended_is_swept",
    ),
    statement(
        "a quota allows one more",
        "WHEN q.count < $2 THEN q.count + 1 ELSE",
        "WHEN q.count < $2 THEN q.count ELSE",
        "limiter::limits::exactly_the_limit_passes",
    ),
    statement(
        "a quota's window slides",
        "WHEN q.ends_at <= $3 THEN $4 ELSE q.ends_at END",
        "WHEN true OR q.ends_at <= $3 THEN $4 ELSE q.ends_at END",
        "limiter::limits::",
    ),
    migration(
        "keys are not released",
        "WHERE k.workspace_id = r.workspace_id AND k.record_id = r.id;\n        DELETE FROM {s}.everywhere_key",
        "WHERE k.workspace_id = r.workspace_id AND k.record_id = r.id AND false;\n        DELETE FROM {s}.everywhere_key",
        "records::",
    ),
    migration(
        "half a commit is kept: no messages",
        "IF cardinality(message_ids) > 0 THEN",
        "IF cardinality(message_ids) < 0 THEN",
        "atomicity::all_parts_are_kept_together",
    ),
    migration("answers are not kept", "IF answers IS NOT NULL THEN", "IF answers IS NULL THEN", "idempotency::"),
    migration(
        "the old subject is still found",
        "IF forgotten IS NOT NULL THEN",
        "IF forgotten IS NULL THEN",
        "search::a_changed_subject_is_found",
    ),
    migration(
        "a ticket keeps its old version",
        "version = excluded.version, category",
        "version = {s}.ticket.version, category",
        "versions::",
    ),
    migration(
        "the counter of events stands still",
        "SET last_seq = h.last_seq, last_number",
        "SET last_seq = known.last_seq, last_number",
        "journal::",
    ),
    migration(
        "the counter of tickets stands still",
        "last_number = h.last_number\n",
        "last_number = known.last_number\n",
        "numbering::",
    ),
];
