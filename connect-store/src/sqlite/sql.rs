//! Every statement, written once, with the prefix of the tables filled in.

statements! {
    "{p}";

    // What waiting change sets depend on. The argument is a JSON array of keys.
    known_heads = "SELECT h.workspace_id, h.last_seq, h.last_number FROM json_each($1) j JOIN {p}head h ON h.workspace_id = j.value";
    known_tickets = "SELECT t.workspace_id, t.id, t.version FROM json_each($1) j
        JOIN {p}ticket t ON t.workspace_id = j.value ->> 0 AND t.id = j.value ->> 1";
    known_records = "SELECT r.workspace_id, r.id, r.version FROM json_each($1) j
        JOIN {p}record r ON r.workspace_id = j.value ->> 0 AND r.id = j.value ->> 1";
    known_keys = "SELECT k.scope, k.kind, k.key, k.workspace_id, k.record_id FROM json_each($1) j
        JOIN {p}record_key k ON k.scope = j.value ->> 0 AND k.kind = j.value ->> 1 AND k.key = j.value ->> 2
        UNION SELECT k.scope, k.kind, k.key, k.workspace_id, k.record_id FROM json_each($2) j
        JOIN {p}record_key k ON k.workspace_id = j.value ->> 0 AND k.record_id = j.value ->> 1";
    known_answers = "SELECT a.workspace_id, a.actor, a.key, a.request_hash, a.committed, a.expires_at FROM json_each($1) j
        JOIN {p}answer a ON a.workspace_id = j.value ->> 0 AND a.actor = j.value ->> 1 AND a.key = j.value ->> 2";

    // What judged change sets come down to. The argument is a JSON array of rows.
    put_heads = "INSERT INTO {p}head (workspace_id, last_seq, last_number)
        SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1) WHERE true
        ON CONFLICT (workspace_id) DO UPDATE SET last_seq = excluded.last_seq, last_number = excluded.last_number";
    release_keys = "DELETE FROM {p}record_key WHERE (workspace_id, record_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each($1))";
    remove_records = "DELETE FROM {p}record WHERE (workspace_id, id) IN (SELECT value ->> 0, value ->> 1 FROM json_each($1))";
    put_records = "INSERT INTO {p}record (workspace_id, id, kind, version, doc)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value -> 4 FROM json_each($1) WHERE true
        ON CONFLICT (workspace_id, id) DO UPDATE SET version = excluded.version, doc = excluded.doc";
    put_keys = "INSERT INTO {p}record_key (scope, kind, key, workspace_id, record_id)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each($1)";
    put_tickets = "INSERT INTO {p}ticket (workspace_id, id, contact_id, version, doc)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value -> 4 FROM json_each($1) WHERE true
        ON CONFLICT (workspace_id, id) DO UPDATE
        SET contact_id = excluded.contact_id, version = excluded.version, doc = excluded.doc";
    put_messages = "INSERT INTO {p}message (workspace_id, id, ticket_id, kind, doc)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value -> 4 FROM json_each($1)";
    put_events = "INSERT INTO {p}event (workspace_id, seq, ticket_id, type, doc, origin)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value -> 4, value ->> 5 FROM json_each($1)";
    put_answers = "INSERT INTO {p}answer (workspace_id, actor, key, request_hash, committed, expires_at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value -> 4, value ->> 5 FROM json_each($1) WHERE true
        ON CONFLICT (workspace_id, actor, key) DO UPDATE
        SET request_hash = excluded.request_hash, committed = excluded.committed, expires_at = excluded.expires_at";
    drop_ended_answers = "DELETE FROM {p}answer WHERE expires_at <= $1";
    index_messages = "INSERT INTO {p}search (scope, words, notes, ticket_id)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($1)";
    forget_tickets = "DELETE FROM {p}search WHERE rowid IN (SELECT -t.nr FROM json_each($1) j
        JOIN {p}ticket t ON t.workspace_id = j.value ->> 0 AND t.id = j.value ->> 1)";
    index_tickets = "INSERT INTO {p}search (rowid, scope, words, notes, ticket_id)
        SELECT -t.nr, j.value ->> 2, j.value ->> 3, '', t.id FROM json_each($1) j
        JOIN {p}ticket t ON t.workspace_id = j.value ->> 0 AND t.id = j.value ->> 1";

    // Reads.
    answer = "SELECT request_hash, committed, expires_at FROM {p}answer WHERE workspace_id = $1 AND actor = $2 AND key = $3";
    ticket_by_id = "SELECT t.doc, r.doc FROM {p}ticket t
        JOIN {p}record r ON r.workspace_id = t.workspace_id AND r.id = t.contact_id WHERE t.workspace_id = $1 AND t.id = $2";
    ticket_by_number = "SELECT t.doc, r.doc FROM {p}ticket t
        JOIN {p}record r ON r.workspace_id = t.workspace_id AND r.id = t.contact_id WHERE t.workspace_id = $1 AND t.number = $2";
    message = "SELECT doc FROM {p}message WHERE workspace_id = $1 AND id = $2";
    messages = "SELECT doc FROM {p}message WHERE workspace_id = $1 AND ticket_id = $2 AND id > $3 AND (kind = 'reply' OR $4) ORDER BY id LIMIT $5";
    messages_by_id = "SELECT m.doc FROM {p}message m WHERE m.workspace_id = $1 AND m.ticket_id = $2 AND m.id > $3 AND (m.kind = 'reply' OR $4)
        AND m.id IN (SELECT value FROM json_each($6)) ORDER BY m.id LIMIT $5";
    events = "SELECT doc, origin FROM {p}event WHERE workspace_id = $1 AND seq > $2
        AND (NOT $4 OR type IN ('ticket.opened', 'ticket.replied', 'ticket.status_changed')) ORDER BY seq LIMIT $3";
    events_of_ticket = "SELECT doc, origin FROM {p}event WHERE workspace_id = $1 AND ticket_id = $5 AND seq > $2
        AND (NOT $4 OR type IN ('ticket.opened', 'ticket.replied', 'ticket.status_changed')) ORDER BY seq LIMIT $3";
    record = "SELECT kind, id, version, doc FROM {p}record WHERE workspace_id = $1 AND kind = $2 AND id = $3";
    records = "SELECT kind, id, version, doc FROM {p}record WHERE workspace_id = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4";
    records_by_id = "SELECT r.kind, r.id, r.version, r.doc FROM json_each($3) j JOIN {p}record r ON r.workspace_id = $1 AND r.id = j.value
        WHERE r.kind = $2 AND r.id > $4 ORDER BY r.id";
    find = "SELECT r.kind, r.id, r.version, r.doc FROM {p}record_key k JOIN {p}record r ON r.workspace_id = k.workspace_id AND r.id = k.record_id
        WHERE k.scope IN ($1, '') AND k.kind = $2 AND k.key = $3 AND k.workspace_id = $1";
    locate = "SELECT r.kind, r.id, r.version, r.doc, r.workspace_id FROM {p}record_key k
        JOIN {p}record r ON r.workspace_id = k.workspace_id AND r.id = k.record_id
        WHERE k.kind = $1 AND k.key = $2 ORDER BY k.workspace_id LIMIT $3";
    workspaces = "SELECT workspace_id FROM {p}head WHERE workspace_id > $1 ORDER BY workspace_id LIMIT $2";

    // Dispatch.
    unrouted = "SELECT workspace_id, routed_seq, last_seq FROM {p}head WHERE last_seq > routed_seq ORDER BY workspace_id LIMIT $1";
    move_cursor = "UPDATE {p}head SET routed_seq = $3 WHERE workspace_id = $1 AND routed_seq = $2 AND last_seq >= $3";
    put_deliveries = "INSERT INTO {p}delivery (workspace_id, id, unique_key, message_id, doc)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value -> 4 FROM json_each($1) WHERE true
        ON CONFLICT (workspace_id, unique_key) DO NOTHING";
    put_seals = "INSERT INTO {p}seal (workspace_id, after_seq, last_seq, mac)
        SELECT $1, value ->> 0, value ->> 1, value ->> 2 FROM json_each($2)";
    seals = "SELECT after_seq, last_seq, mac FROM {p}seal WHERE workspace_id = $1 AND after_seq >= $2 ORDER BY after_seq LIMIT $3";
    newest_seals = "SELECT after_seq, last_seq, mac FROM {p}seal WHERE workspace_id = $1 AND after_seq >= $2 ORDER BY after_seq DESC LIMIT $3";
    forget_origins = "UPDATE {p}event SET origin = NULL WHERE workspace_id = $1 AND seq IN (
            SELECT seq FROM {p}event WHERE workspace_id = $1 AND seq <= $2 AND origin IS NOT NULL
                AND ($3 IS NULL OR doc ->> '$.actor' = $3) ORDER BY seq LIMIT $4
        )";
    any_due = "SELECT 1 FROM {p}delivery WHERE state = 'queued' AND channel = $1 AND due_at <= $2 LIMIT 1";
    // The workspaces that have something queued, one after the other by the index; of each those that wait longest.
    due_deliveries = "WITH RECURSIVE turn (id) AS (
            SELECT min(workspace_id) FROM {p}delivery WHERE state = 'queued' AND channel = $1
            UNION ALL SELECT (SELECT min(d.workspace_id) FROM {p}delivery d WHERE d.state = 'queued' AND d.channel = $1 AND d.workspace_id > turn.id)
            FROM turn WHERE turn.id IS NOT NULL
        ), due AS (
            SELECT d.workspace_id, d.id, d.due_at, d.doc, row_number() OVER (PARTITION BY d.workspace_id ORDER BY d.due_at, d.id) AS place
            FROM turn JOIN {p}delivery d ON d.workspace_id = turn.id AND d.id IN (
                SELECT w.id FROM {p}delivery w WHERE w.state = 'queued' AND w.channel = $1 AND w.workspace_id = turn.id AND w.due_at <= $2
                ORDER BY w.due_at, w.id LIMIT $3
            ) WHERE turn.id NOT IN (SELECT value FROM json_each($4))
        ) SELECT doc, workspace_id, id FROM due ORDER BY place, due_at, id LIMIT $5";
    delivery = "SELECT doc FROM {p}delivery WHERE workspace_id = $1 AND id = $2";
    pass_delivery_over = "UPDATE {p}delivery SET doc = json_set(doc, '$.due_at', $3) WHERE workspace_id = $1 AND id = $2";
    update_delivery = "UPDATE {p}delivery SET doc = $3 WHERE workspace_id = $1 AND id = $2";
    mark_read = "UPDATE {p}delivery SET doc = json_set(doc, '$.read_at', $4) WHERE workspace_id = $1 AND recipient = $2 AND channel = $3
        AND read_at IS NULL AND ($5 IS NULL OR id IN (SELECT value FROM json_each($5)))";
    queue = "SELECT channel, sum(queued), sum(failed), min(oldest) FROM (
            SELECT channel, count(*) AS queued, 0 AS failed, min(due_at) AS oldest FROM {p}delivery WHERE state = 'queued' GROUP BY channel
            UNION ALL SELECT channel, 0, count(*), NULL FROM {p}delivery WHERE state = 'failed' GROUP BY channel
        ) GROUP BY channel ORDER BY channel";
    deliveries = "SELECT doc FROM {p}delivery WHERE workspace_id = $1 AND ($2 IS NULL OR state = $2) AND ($4 IS NULL OR channel = $4)
        AND (NOT $5 OR read_at IS NULL) AND ($6 IS NULL OR id < $6) ORDER BY id DESC LIMIT $3";
    deliveries_of_recipient = "SELECT doc FROM {p}delivery WHERE workspace_id = $1 AND ($2 IS NULL OR state = $2) AND ($4 IS NULL OR channel = $4)
        AND (NOT $5 OR read_at IS NULL) AND ($6 IS NULL OR id < $6) AND recipient = $7 AND ($8 IS NULL OR message_id IN (SELECT value FROM json_each($8)))
        ORDER BY id DESC LIMIT $3";
    deliveries_of_messages = "SELECT d.doc FROM {p}delivery d WHERE d.workspace_id = $1 AND ($2 IS NULL OR d.state = $2)
        AND ($4 IS NULL OR d.channel = $4) AND (NOT $5 OR d.read_at IS NULL) AND ($6 IS NULL OR d.id < $6)
        AND d.message_id IN (SELECT value FROM json_each($7)) ORDER BY d.id DESC LIMIT $3";

    // Moving.
    counters = "SELECT last_seq, last_number, routed_seq FROM {p}head WHERE workspace_id = $1";
    export_records = "SELECT r.kind, r.id, r.version, r.doc,
            (SELECT json_group_array(json_array(k.scope, k.key)) FROM {p}record_key k WHERE k.workspace_id = r.workspace_id AND k.record_id = r.id)
        FROM {p}record r WHERE r.workspace_id = $1 AND r.id > $2 ORDER BY r.id LIMIT $3";
    export_tickets = "SELECT doc FROM {p}ticket WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    export_messages = "SELECT doc FROM {p}message WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    export_answers = "SELECT actor, key, request_hash, committed, expires_at FROM {p}answer WHERE workspace_id = $1 AND (actor, key) > ($2, $3)
        ORDER BY actor, key LIMIT $4";
    export_deliveries = "SELECT doc FROM {p}delivery WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    export_seals = "SELECT after_seq, last_seq, mac FROM {p}seal WHERE workspace_id = $1 AND after_seq > $2 ORDER BY after_seq LIMIT $3";
    present_records = "SELECT id FROM {p}record WHERE workspace_id = $1 AND id IN (SELECT value FROM json_each($2))";
    present_tickets = "SELECT id FROM {p}ticket WHERE workspace_id = $1 AND id IN (SELECT value FROM json_each($2))";
    present_messages = "SELECT id FROM {p}message WHERE workspace_id = $1 AND id IN (SELECT value FROM json_each($2))";
    present_events = "SELECT j.value FROM json_each($2) j JOIN {p}event e ON e.workspace_id = $1 AND e.seq = CAST(j.value AS INTEGER)";
    present_answers = "SELECT j.value FROM json_each($2) j JOIN {p}answer a ON a.workspace_id = $1
        AND a.actor = substr(j.value, 1, instr(j.value, char(10)) - 1) AND a.key = substr(j.value, instr(j.value, char(10)) + 1)";
    present_seals = "SELECT j.value FROM json_each($2) j JOIN {p}seal s ON s.workspace_id = $1 AND s.after_seq = CAST(j.value AS INTEGER)";
    open_workspace = "INSERT INTO {p}head (workspace_id, last_seq, last_number, routed_seq) VALUES ($1, $2, $3, $4)";

    // Challenges, sessions, budgets, flows.
    live_challenges = "SELECT doc FROM {p}challenge WHERE account = $1 AND expires_at > $2";
    challenge = "SELECT doc FROM {p}challenge WHERE id = $1";
    put_challenge = "INSERT INTO {p}challenge (id, account, expires_at, doc) VALUES ($1, $2, $3, $4)";
    update_challenge = "UPDATE {p}challenge SET doc = $2 WHERE id = $1";
    session_by_token = "SELECT doc FROM {p}session WHERE token_hash = $1";
    session = "SELECT doc FROM {p}session WHERE id = $1";
    put_session = "INSERT INTO {p}session (id, user_id, token_hash, idle_ends_at, doc) VALUES ($1, $2, $3, $4, $5)";
    update_session = "UPDATE {p}session SET idle_ends_at = $2, doc = $3 WHERE id = $1";
    sessions = "SELECT doc FROM {p}session WHERE user_id = $1";
    drop_session = "DELETE FROM {p}session WHERE user_id = $1 AND id = $2";
    drop_other_sessions = "DELETE FROM {p}session WHERE user_id = $1 AND id <> $2";
    drop_sessions = "DELETE FROM {p}session WHERE user_id = $1";
    end_session = "DELETE FROM {p}session WHERE id = $1 RETURNING doc";
    budget = "SELECT units, ends_at FROM {p}budget WHERE account = $1";
    put_budget = "INSERT INTO {p}budget (account, units, ends_at) VALUES ($1, $2, $3)
        ON CONFLICT (account) DO UPDATE SET units = excluded.units, ends_at = excluded.ends_at";
    sweep_challenges = "DELETE FROM {p}challenge WHERE expires_at <= $1";
    sweep_sessions = "DELETE FROM {p}session WHERE idle_ends_at <= $1";
    sweep_budgets = "DELETE FROM {p}budget WHERE ends_at <= $1";
    put_flow = "INSERT INTO {p}flow (id_hash, expires_at, doc) VALUES ($1, $2, $3)
        ON CONFLICT (id_hash) DO UPDATE SET expires_at = excluded.expires_at, doc = excluded.doc WHERE {p}flow.expires_at <= $4";
    take_flow = "DELETE FROM {p}flow WHERE id_hash = $1 RETURNING doc";
    sweep_flows = "DELETE FROM {p}flow WHERE expires_at <= $1";

    // Health: a read, and whether a write would be allowed.
    ready = "SELECT count(*) FROM (SELECT 1 FROM {p}head LIMIT 1)";
    can_write = "UPDATE {p}head SET routed_seq = routed_seq WHERE false";
}
