//! Faults in whose turn it is, in what is done by hand, and in what a user has read.

use super::{Adapter, Fault};

const fn scan(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/scan.rs", find, replace, caught_by, adapter: Adapter::Shared }
}

const fn sqlite(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/sqlite/sql.rs", find, replace, caught_by, adapter: Adapter::Sqlite }
}

const fn postgres(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/postgres/sql.rs", find, replace, caught_by, adapter: Adapter::Postgres }
}

pub(super) const FAULTS: &[Fault] = &[
    scan(
        "more is taken than was asked for",
        "ranked.into_iter().take(claim.limit)",
        "ranked.into_iter()",
        "turns::workspaces_take_turns",
    ),
    scan("workspaces do not take turns", "ranked.sort_by_key(|(turn, _)| *turn);", "", "turns::workspaces_take_turns"),
    scan(
        "a workspace takes more than its share",
        "ranked.retain(|(turn, _)| *turn <= claim.each);",
        "",
        "turns::a_claim_keeps_to_the_shares",
    ),
    scan(
        "what is left out is taken",
        "        && !claim.except.contains(&delivery.workspace)",
        "",
        "turns::a_claim_keeps_to_the_shares",
    ),
    scan(
        "a claim takes from any channel",
        "        && delivery.channel == claim.channel\n",
        "",
        "turns::a_claim_is_of_one_channel",
    ),
    scan(
        "somebody else reads",
        "let is_meant = delivery.user() == Some(user)",
        "let is_meant = (delivery.user() == Some(user) || true)",
        "turns::users_read_what_is_for_them",
    ),
    scan(
        "what was read is read again",
        "        && delivery.read_at.is_none()\n",
        "",
        "turns::users_read_what_is_for_them",
    ),
    scan(
        "all is read where some was meant",
        "ids.is_none_or(|ids| ids.contains(&delivery.id));",
        "ids.is_none_or(|ids| ids.contains(&delivery.id) || true);",
        "turns::users_read_what_is_for_them",
    ),
    scan(
        "what is read is listed as unread",
        "&& (!unread || delivery.read_at.is_none())",
        "",
        "turns::users_read_what_is_for_them",
    ),
    scan(
        "a page begins anew",
        "&& before.is_none_or(|before| delivery.id < before)",
        "",
        "turns::users_read_what_is_for_them",
    ),
    scan(
        "what others are told is listed",
        "&& recipient.is_none_or(|recipient| delivery.recipient == recipient)",
        "",
        "turns::users_read_what_is_for_them",
    ),
    scan(
        "the queue counts what was given up as waiting",
        "depth.failed += 1;",
        "depth.queued += 1;",
        "turns::the_queue_is_measured",
    ),
    sqlite(
        "the newest are taken first",
        "ORDER BY w.due_at, w.id LIMIT $3",
        "ORDER BY w.due_at DESC, w.id LIMIT $3",
        "dispatch::the_oldest_is_taken_first",
    ),
    sqlite(
        "settled deliveries are taken",
        "WHERE w.state = 'queued' AND w.channel",
        "WHERE w.channel",
        "dispatch::settled_deliveries_stay_settled",
    ),
    sqlite(
        "a lease lasts a moment too long",
        "w.due_at <= $2",
        "w.due_at < $2",
        "dispatch::a_lease_holds_until_it_ends",
    ),
    sqlite(
        "workspaces do not take turns",
        "SELECT doc, workspace_id, id FROM due ORDER BY place, due_at, id",
        "SELECT doc, workspace_id, id FROM due ORDER BY due_at, id",
        "turns::workspaces_take_turns",
    ),
    sqlite(
        "what is left out is taken",
        "WHERE turn.id NOT IN (SELECT value FROM json_each($4))",
        "WHERE $4 = $4",
        "turns::a_claim_keeps_to_the_shares",
    ),
    sqlite(
        "a claim takes from any channel",
        "w.state = 'queued' AND w.channel = $1 AND",
        "w.state = 'queued' AND",
        "turns::a_claim_is_of_one_channel",
    ),
    sqlite(
        "only the first workspace has a turn",
        "FROM turn WHERE turn.id IS NOT NULL",
        "FROM turn WHERE turn.id IS NULL",
        "turns::workspaces_take_turns",
    ),
    sqlite(
        "mark_read forgets the workspace",
        "WHERE workspace_id = $1 AND recipient = $2 AND channel = $3",
        "WHERE $1 = $1 AND recipient = $2 AND channel = $3",
        "turns::users_read_what_is_for_them",
    ),
    sqlite(
        "mark_read forgets the reader",
        "AND recipient = $2 AND channel = $3",
        "AND $2 = $2 AND channel = $3",
        "turns::users_read_what_is_for_them",
    ),
    sqlite(
        "what was read is read again",
        "AND read_at IS NULL AND ($5 IS NULL OR id IN",
        "AND ($5 IS NULL OR id IN",
        "turns::users_read_what_is_for_them",
    ),
    sqlite(
        "all is read where some was meant",
        "AND ($5 IS NULL OR id IN (SELECT value FROM json_each($5)))",
        "AND $5 IS $5",
        "turns::users_read_what_is_for_them",
    ),
    sqlite(
        "the queue counts what was given up as waiting",
        "UNION ALL SELECT channel, 0, count(*), NULL",
        "UNION ALL SELECT channel, count(*), 0, NULL",
        "turns::the_queue_is_measured",
    ),
    sqlite(
        "deliveries forgets the workspace",
        "\n    deliveries = \"SELECT doc FROM {p}delivery WHERE workspace_id = $1",
        "\n    deliveries = \"SELECT doc FROM {p}delivery WHERE $1 = $1",
        "isolation::events_and_deliveries_show_one_workspace",
    ),
    sqlite(
        "deliveries_of_recipient shows everybody's",
        "AND recipient = $7 AND",
        "AND $7 = $7 AND",
        "turns::users_read_what_is_for_them",
    ),
    sqlite(
        "deliveries of any message are listed",
        "AND d.message_id IN (SELECT value FROM json_each($7))",
        "AND $7 = $7",
        "dispatch::deliveries_are_listed_by_message_and_state",
    ),
    sqlite(
        "deliveries of any state are listed",
        "AND ($2 IS NULL OR d.state = $2)",
        "AND $2 IS $2",
        "dispatch::deliveries_are_listed_by_message_and_state",
    ),
    postgres(
        "workspaces do not take turns",
        "ORDER BY row_number() OVER (PARTITION BY d.workspace_id ORDER BY d.due_at, d.id), d.due_at, d.id LIMIT $3",
        "ORDER BY d.due_at, d.id LIMIT $3",
        "turns::workspaces_take_turns",
    ),
    postgres(
        "what is left out is taken",
        "turn.workspace_id <> ALL ($6)",
        "(turn.workspace_id <> ALL ($6) OR true)",
        "turns::a_claim_keeps_to_the_shares",
    ),
    postgres(
        "only the first workspace has a turn",
        "FROM turn WHERE turn.workspace_id IS NOT NULL",
        "FROM turn WHERE turn.workspace_id IS NULL",
        "turns::workspaces_take_turns",
    ),
    postgres(
        "a claim takes from any channel",
        "w.state = 'queued' AND w.channel = $4 AND",
        "w.state = 'queued' AND ($4::text IS NOT NULL) AND",
        "turns::a_claim_is_of_one_channel",
    ),
    postgres(
        "an answer does not begin the count anew",
        "settled_at = $7, answered = attempts",
        "settled_at = $7",
        "turns::lost_workers_are_counted",
    ),
    postgres(
        "reset forgets the workspace",
        "WHERE workspace_id = $1 AND id = ANY ($2) AND state = ANY ($7)",
        "WHERE $1 = $1 AND id = ANY ($2) AND state = ANY ($7)",
        "turns::deliveries_are_reset_by_hand",
    ),
    postgres(
        "reset takes any state",
        "AND id = ANY ($2) AND state = ANY ($7)",
        "AND id = ANY ($2) AND (state = ANY ($7) OR true)",
        "turns::deliveries_are_reset_by_hand",
    ),
    postgres(
        "mark_read forgets the workspace",
        "WHERE workspace_id = $1 AND recipient = $2 AND channel = $3",
        "WHERE $1 = $1 AND recipient = $2 AND channel = $3",
        "turns::users_read_what_is_for_them",
    ),
    postgres(
        "mark_read forgets the reader",
        "AND recipient = $2 AND channel = $3",
        "AND $2 = $2 AND channel = $3",
        "turns::users_read_what_is_for_them",
    ),
    postgres(
        "all is read where some was meant",
        "AND ($5::text[] IS NULL OR id = ANY ($5))",
        "AND ($5::text[] IS NULL OR true)",
        "turns::users_read_what_is_for_them",
    ),
    postgres(
        "report forgets the workspace",
        "WHERE workspace_id = $1 AND id = ANY ($2) AND state = ANY ($5)",
        "WHERE $1 = $1 AND id = ANY ($2) AND state = ANY ($5)",
        "turns::what_became_of_deliveries_is_kept",
    ),
    postgres(
        "report believes what is better later",
        "AND id = ANY ($2) AND state = ANY ($5)",
        "AND id = ANY ($2) AND state <> 'queued' AND $5 = $5",
        "turns::what_became_of_deliveries_is_kept",
    ),
    postgres(
        "the queue counts what was given up as waiting",
        "UNION ALL SELECT channel, 0, count(*), NULL",
        "UNION ALL SELECT channel, count(*), 0, NULL",
        "turns::the_queue_is_measured",
    ),
    postgres(
        "deliveries forgets the workspace",
        "deliveries = \"SELECT doc, state, attempts, due_at, detail, settled_at, answered, read_at, requeued_at, requeued_attempts FROM {s}.delivery\n        WHERE workspace_id = $1",
        "deliveries = \"SELECT doc, state, attempts, due_at, detail, settled_at, answered, read_at, requeued_at, requeued_attempts FROM {s}.delivery\n        WHERE $1 = $1",
        "isolation::events_and_deliveries_show_one_workspace",
    ),
    postgres(
        "deliveries_of_recipient shows everybody's",
        "AND recipient = $7 AND",
        "AND $7 = $7 AND",
        "turns::users_read_what_is_for_them",
    ),
];
