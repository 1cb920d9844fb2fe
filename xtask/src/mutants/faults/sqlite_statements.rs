//! Faults in the statements of the SQLite store.

use super::{Adapter, Fault};

const fn statement(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/sqlite/sql.rs", find, replace, caught_by, adapter: Adapter::Sqlite }
}

pub(super) const FAULTS: &[Fault] = &[
    statement(
        "seals forgets the workspace",
        "{p}seal WHERE workspace_id = $1 AND after_seq >= $2 ORDER BY after_seq LIMIT",
        "{p}seal WHERE $1 = $1 AND after_seq >= $2 ORDER BY after_seq LIMIT",
        "seals::seals_show_one_workspace",
    ),
    statement(
        "newest_seals begins with the oldest",
        "ORDER BY after_seq DESC LIMIT",
        "ORDER BY after_seq ASC LIMIT",
        "seals::seals_come_in_order_and_pages",
    ),
    statement(
        "forget_origins passes its end",
        "seq <= $2 AND origin IS NOT NULL",
        "(seq <= $2 OR true) AND origin IS NOT NULL",
        "erasure::origins_are_forgotten_as_far_as_asked",
    ),
    statement(
        "forget_origins removes everybody's",
        "($3 IS NULL OR doc ->> '$.actor' = $3)",
        "($3 IS NULL OR true)",
        "erasure::origins_of_one_actor_are_forgotten",
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
        "{p}message WHERE workspace_id = $1 AND id = $2",
        "{p}message WHERE $1 = $1 AND id = $2",
        "isolation::a_message_of_another_workspace_is_absent",
    ),
    statement(
        "messages forgets the workspace",
        "{p}message WHERE workspace_id = $1 AND ticket_id = $2",
        "{p}message WHERE $1 = $1 AND ticket_id = $2",
        "isolation::a_message_of_another_workspace_is_absent",
    ),
    statement(
        "messages_by_id forgets the workspace",
        "WHERE m.workspace_id = $1 AND m.ticket_id = $2",
        "WHERE $1 = $1 AND m.ticket_id = $2",
        "isolation::a_message_of_another_workspace_is_absent",
    ),
    statement(
        "events forgets the workspace",
        "{p}event WHERE workspace_id = $1 AND seq > $2",
        "{p}event WHERE $1 = $1 AND seq > $2",
        "isolation::events_and_deliveries_show_one_workspace",
    ),
    statement(
        "events_of_ticket forgets the workspace",
        "{p}event WHERE workspace_id = $1 AND ticket_id = $5",
        "{p}event WHERE $1 = $1 AND ticket_id = $5",
        "isolation::events_and_deliveries_show_one_workspace",
    ),
    statement(
        "record forgets the workspace",
        "{p}record WHERE workspace_id = $1 AND kind = $2 AND id = $3",
        "{p}record WHERE $1 = $1 AND kind = $2 AND id = $3",
        "isolation::a_record_of_another_workspace_is_absent",
    ),
    statement(
        "records forgets the workspace",
        "{p}record WHERE workspace_id = $1 AND kind = $2 AND id > $3",
        "{p}record WHERE $1 = $1 AND kind = $2 AND id > $3",
        "isolation::lists_show_one_workspace",
    ),
    statement(
        "records_by_id forgets the workspace",
        "ON r.workspace_id = $1 AND r.id = j.value",
        "ON $1 = $1 AND r.id = j.value",
        "isolation::a_record_of_another_workspace_is_absent",
    ),
    statement(
        "find forgets the workspace",
        "WHERE k.scope IN ($1, '') AND k.kind = $2 AND k.key = $3 AND k.workspace_id = $1",
        "WHERE $1 = $1 AND k.kind = $2 AND k.key = $3",
        "isolation::keys_are_unique_by_workspace",
    ),
    statement(
        "answer forgets the actor",
        "{p}answer WHERE workspace_id = $1 AND actor = $2 AND key = $3",
        "{p}answer WHERE workspace_id = $1 AND $2 = $2 AND key = $3",
        "idempotency::a_key_belongs_to_one_actor",
    ),
    statement(
        "the version of a record is not kept",
        "DO UPDATE SET version = excluded.version, doc = excluded.doc",
        "DO UPDATE SET doc = excluded.doc",
        "versions::a_record_of_an_old_version_is_refused",
    ),
    statement(
        "the version of a ticket is not kept",
        "contact_id = excluded.contact_id, version = excluded.version, ",
        "contact_id = excluded.contact_id, ",
        "versions::a_second_writer_of_a_version_is_refused",
    ),
    statement(
        "the number of the last ticket is not kept",
        "SET last_seq = excluded.last_seq, last_number = excluded.last_number",
        "SET last_seq = excluded.last_seq",
        "numbering::tickets_are_numbered_densely",
    ),
    statement(
        "the number of the last event is not kept",
        "SET last_seq = excluded.last_seq, last_number = excluded.last_number",
        "SET last_number = excluded.last_number",
        "journal::events_are_numbered_densely_in_order",
    ),
    statement(
        "an ended answer is not replaced",
        r"ON CONFLICT (workspace_id, actor, key) DO UPDATE
        SET request_hash = excluded.request_hash, committed = excluded.committed, expires_at = excluded.expires_at",
        "ON CONFLICT (workspace_id, actor, key) DO NOTHING",
        "idempotency::an_ended_key_is_free",
    ),
    statement(
        "notes are shown to everybody",
        "AND (kind = 'reply' OR $4)",
        "AND $4 = $4",
        "cursors::notes_are_left_out_when_asked",
    ),
    statement(
        "notes are shown to everybody by their ids",
        "AND (m.kind = 'reply' OR $4)",
        "AND $4 = $4",
        "cursors::notes_are_left_out_when_asked",
    ),
    statement(
        "a page of messages begins with the last one before",
        "ticket_id = $2 AND id > $3",
        "ticket_id = $2 AND id >= $3",
        "cursors::messages_come_in_order_and_pages",
    ),
    statement(
        "messages come newest first",
        "ORDER BY id LIMIT $5",
        "ORDER BY id DESC LIMIT $5",
        "cursors::messages_come_in_order_and_pages",
    ),
    statement(
        "messages are not picked by id",
        "AND m.id IN (SELECT value FROM json_each($6))",
        "AND $6 = $6",
        "cursors::messages_come_in_order_and_pages",
    ),
    statement(
        "a page of events leaves one out",
        "{p}event WHERE workspace_id = $1 AND seq > $2",
        "{p}event WHERE workspace_id = $1 AND seq > $2 + 1",
        "journal::events_come_in_pages",
    ),
    statement(
        "events of the team are shown to everybody",
        r"workspace_id = $1 AND seq > $2
        AND (NOT $4 OR type IN ('ticket.opened', 'ticket.replied', 'ticket.status_changed'))",
        r"workspace_id = $1 AND seq > $2
        AND $4 = $4",
        "journal::public_events_are_told_apart",
    ),
    statement(
        "events of the team on a ticket are shown to everybody",
        r"ticket_id = $5 AND seq > $2
        AND (NOT $4 OR type IN ('ticket.opened', 'ticket.replied', 'ticket.status_changed'))",
        r"ticket_id = $5 AND seq > $2
        AND $4 = $4",
        "journal::public_events_are_told_apart",
    ),
    statement(
        "records of other kinds are listed",
        "{p}record WHERE workspace_id = $1 AND kind = $2 AND id > $3",
        "{p}record WHERE workspace_id = $1 AND $2 = $2 AND id > $3",
        "isolation::lists_show_one_workspace",
    ),
    statement(
        "records of other kinds are read by their ids",
        "WHERE r.kind = $2 AND r.id > $4",
        "WHERE $2 = $2 AND r.id > $4",
        "records::records_are_read_by_id",
    ),
    statement(
        "a record of another kind is found by a key",
        "AND k.kind = $2 AND k.key = $3",
        "AND $2 = $2 AND k.key = $3",
        "records::records_are_found_by_key",
    ),
    statement(
        "the newest workspace is located first",
        "ORDER BY k.workspace_id LIMIT $3",
        "ORDER BY k.workspace_id DESC LIMIT $3",
        "records::records_are_located_everywhere",
    ),
    statement(
        "the directory is listed as a workspace",
        "{p}head WHERE workspace_id > $1",
        "{p}head WHERE workspace_id >= $1",
        "records::workspaces_are_listed",
    ),
    statement(
        "what is routed is routed again",
        "WHERE last_seq > routed_seq ORDER BY",
        "WHERE last_seq >= routed_seq ORDER BY",
        "dispatch::new_events_are_unrouted_until_routed",
    ),
    statement(
        "the routing cursor is not compared",
        "AND routed_seq = $2 AND last_seq >= $3",
        "AND $2 = $2 AND last_seq >= $3",
        "dispatch::a_cursor_moves_once",
    ),
    statement(
        "a second delivery takes the place of the first",
        "ON CONFLICT (workspace_id, unique_key) DO NOTHING",
        "ON CONFLICT (workspace_id, unique_key) DO UPDATE SET id = excluded.id, doc = excluded.doc",
        "dispatch::a_delivery_is_queued_once",
    ),
    statement(
        "the cap counts every address",
        "{p}challenge WHERE account = $1 AND expires_at > $2",
        "{p}challenge WHERE $1 = $1 AND expires_at > $2",
        "auth::live_challenges_are_capped_without_eviction",
    ),
    statement(
        "any token is that of a session",
        "{p}session WHERE token_hash = $1",
        "{p}session WHERE $1 = $1",
        "auth::a_session_is_found_by_its_token",
    ),
    statement(
        "a touch does not move the end",
        "SET idle_ends_at = $2, doc = $3 WHERE id = $1",
        "SET idle_ends_at = $2 WHERE id = $1 AND $3 = $3",
        "auth::a_touch_does_not_revive",
    ),
    statement(
        "sessions of other users are listed",
        r#" sessions = "SELECT doc FROM {p}session WHERE user_id = $1""#,
        r#" sessions = "SELECT doc FROM {p}session WHERE $1 = $1""#,
        "auth::sessions_are_revoked_one_or_all",
    ),
    statement(
        "a session of another user is revoked",
        "{p}session WHERE user_id = $1 AND id = $2",
        "{p}session WHERE $1 = $1 AND id = $2",
        "auth::sessions_are_revoked_one_or_all",
    ),
    statement(
        "all sessions are revoked instead of one",
        "{p}session WHERE user_id = $1 AND id = $2",
        "{p}session WHERE user_id = $1 AND $2 = $2",
        "auth::sessions_are_revoked_one_or_all",
    ),
    statement(
        "the session that asks is revoked with the others",
        "{p}session WHERE user_id = $1 AND id <> $2",
        "{p}session WHERE user_id = $1 AND $2 = $2",
        "auth::sessions_are_revoked_one_or_all",
    ),
    statement(
        "all sessions of all users are revoked",
        r#" drop_sessions = "DELETE FROM {p}session WHERE user_id = $1""#,
        r#" drop_sessions = "DELETE FROM {p}session WHERE $1 = $1""#,
        "auth::sessions_are_revoked_one_or_all",
    ),
    statement(
        "a replaced session stays",
        r#"end_session = "DELETE FROM {p}session WHERE id = $1 RETURNING doc""#,
        r#"end_session = "SELECT doc FROM {p}session WHERE id = $1""#,
        "auth::a_new_session_replaces_the_old",
    ),
    statement(
        "spent units are not kept",
        "DO UPDATE SET units = excluded.units, ends_at = excluded.ends_at",
        "DO UPDATE SET ends_at = excluded.ends_at",
        "auth::a_budget_is_exact",
    ),
    statement(
        "a sweep removes live challenges",
        "{p}challenge WHERE expires_at <= $1",
        "{p}challenge WHERE $1 = $1",
        "auth::what_has_ended_is_swept",
    ),
];
