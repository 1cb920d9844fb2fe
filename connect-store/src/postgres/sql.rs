//! Every statement, written once, with the schema of the tables filled in.

statements! {
    "{s}";

    // What waiting change sets depend on, in one statement and so of one instant.
    known = "SELECT
        (SELECT coalesce(json_agg(json_build_array(workspace_id, last_seq, last_number)), '[]') FROM {s}.head WHERE workspace_id = ANY ($1))::text,
        (SELECT coalesce(json_agg(json_build_array(t.workspace_id, t.id, t.version)), '[]')
            FROM unnest($2, $3) AS w (workspace_id, id) JOIN {s}.ticket t USING (workspace_id, id))::text,
        (SELECT coalesce(json_agg(json_build_array(r.workspace_id, r.id, r.version)), '[]')
            FROM unnest($4, $5) AS w (workspace_id, id) JOIN {s}.record r USING (workspace_id, id))::text,
        (SELECT coalesce(json_agg(json_build_array(k.workspace_id, k.kind, k.key, k.workspace_id, k.record_id)), '[]') FROM (
            SELECT k.* FROM unnest($6, $7, $8) AS w (workspace_id, kind, key) JOIN {s}.record_key k USING (workspace_id, kind, key)
            UNION SELECT k.* FROM unnest($4, $5) AS w (workspace_id, record_id) JOIN {s}.record_key k USING (workspace_id, record_id)
        ) AS k (workspace_id, kind, key, record_id))::text,
        (SELECT coalesce(json_agg(json_build_array('', k.kind, k.key, k.workspace_id, k.record_id)), '[]') FROM (
            SELECT k.* FROM unnest($9, $10) AS w (kind, key) JOIN {s}.everywhere_key k USING (kind, key)
            UNION SELECT k.* FROM unnest($4, $5) AS w (workspace_id, record_id) JOIN {s}.everywhere_key k USING (workspace_id, record_id)
        ) AS k (kind, key, workspace_id, record_id))::text,
        (SELECT coalesce(json_agg(json_build_array(a.workspace_id, a.actor, a.key, a.request_hash, a.committed, a.expires_at)), '[]')
            FROM unnest($11, $12, $13) AS w (workspace_id, actor, key) JOIN {s}.answer a USING (workspace_id, actor, key))::text";
    write_group = "SELECT {s}.write_group(
        $1, $2, $3, $4, $5::json, $6::json, $7::json, $8::json, $9::json, $10, $11, $12, $13, $14, $15, $16,
        $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27::json, $28, $29, $30, $31, $32, $33, $34, $35,
        $36, $37, $38::json, $39
    )";
    make_heads = "INSERT INTO {s}.head (workspace_id, last_seq, last_number) SELECT w, 0, 0 FROM unnest($1) AS w ORDER BY w COLLATE \"C\"
        ON CONFLICT DO NOTHING";
    lock_heads = "SELECT 1 FROM {s}.head WHERE workspace_id = ANY ($1) ORDER BY workspace_id FOR UPDATE";
    drop_ended_answers = "DELETE FROM {s}.answer WHERE (workspace_id, actor, key) IN (
            SELECT workspace_id, actor, key FROM {s}.answer WHERE expires_at <= (extract(epoch FROM now()) * 1000000)::bigint
            LIMIT 1000 FOR UPDATE SKIP LOCKED
        )";

    // Reads.
    answer = "SELECT request_hash, committed, expires_at FROM {s}.answer WHERE workspace_id = $1 AND actor = $2 AND key = $3";
    ticket_by_id = "SELECT t.doc, r.doc FROM {s}.ticket t
        JOIN {s}.record r ON r.workspace_id = t.workspace_id AND r.id = t.contact_id WHERE t.workspace_id = $1 AND t.id = $2";
    ticket_by_number = "SELECT t.doc, r.doc FROM {s}.ticket t
        JOIN {s}.record r ON r.workspace_id = t.workspace_id AND r.id = t.contact_id WHERE t.workspace_id = $1 AND t.number = $2";
    message = "SELECT doc FROM {s}.message WHERE workspace_id = $1 AND id = $2";
    messages = "SELECT doc FROM {s}.message WHERE workspace_id = $1 AND ticket_id = $2 AND id > $3 AND (kind = 'reply' OR $4) ORDER BY id LIMIT $5";
    messages_by_id = "SELECT doc FROM {s}.message WHERE workspace_id = $1 AND ticket_id = $2 AND id > $3 AND (kind = 'reply' OR $4)
        AND id = ANY ($6) ORDER BY id LIMIT $5";
    events = "SELECT doc, origin FROM {s}.event WHERE workspace_id = $1 AND seq > $2 AND (NOT $4 OR type = ANY ($5)) ORDER BY seq LIMIT $3";
    events_of_ticket = "SELECT doc, origin FROM {s}.event WHERE workspace_id = $1 AND ticket_id = $6 AND seq > $2 AND (NOT $4 OR type = ANY ($5))
        ORDER BY seq LIMIT $3";
    event = "SELECT doc FROM {s}.event WHERE workspace_id = $1 AND seq = $2";
    record = "SELECT kind, id, version, doc FROM {s}.record WHERE workspace_id = $1 AND kind = $2 AND id = $3";
    records = "SELECT kind, id, version, doc FROM {s}.record WHERE workspace_id = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4";
    records_by_id = "SELECT kind, id, version, doc FROM {s}.record WHERE workspace_id = $1 AND kind = $2 AND id = ANY ($3) AND id > $4 ORDER BY id";
    find = "SELECT r.kind, r.id, r.version, r.doc, w.place
        FROM unnest($1, $2, $3) WITH ORDINALITY AS w (workspace_id, kind, key, place) CROSS JOIN LATERAL (
            SELECT k.record_id FROM {s}.record_key k WHERE k.workspace_id = w.workspace_id AND k.kind = w.kind AND k.key = w.key
            UNION ALL SELECT k.record_id FROM {s}.everywhere_key k WHERE k.kind = w.kind AND k.key = w.key AND k.workspace_id = w.workspace_id
            LIMIT 1
        ) held JOIN {s}.record r ON r.workspace_id = w.workspace_id AND r.id = held.record_id";
    locate = "SELECT r.kind, r.id, r.version, r.doc, r.workspace_id FROM (
            (SELECT workspace_id, record_id FROM {s}.record_key WHERE kind = $1 AND key = $2 ORDER BY workspace_id LIMIT $3)
            UNION ALL SELECT workspace_id, record_id FROM {s}.everywhere_key WHERE kind = $1 AND key = $2
        ) k JOIN {s}.record r ON r.workspace_id = k.workspace_id AND r.id = k.record_id ORDER BY k.workspace_id LIMIT $3";
    workspaces = "SELECT workspace_id FROM {s}.head WHERE workspace_id > $1 AND last_seq > 0 ORDER BY workspace_id LIMIT $2";

    // Dispatch. A delivery that another node is taking is passed over, not waited for.
    unrouted = "SELECT workspace_id, routed_seq, last_seq FROM {s}.head WHERE last_seq > routed_seq ORDER BY workspace_id LIMIT $1";
    route = "WITH moved AS (
            UPDATE {s}.head SET routed_seq = $3 WHERE workspace_id = $1 AND routed_seq = $2 AND last_seq >= $3 RETURNING 1
        ), put AS (
            INSERT INTO {s}.delivery (workspace_id, id, unique_key, message_id, state, attempts, due_at, detail, settled_at, answered, read_at, requeued_at, requeued_attempts, doc)
            SELECT $1, d.id, d.unique_key, d.message_id, d.state, d.attempts, d.due_at, d.detail, d.settled_at, d.answered, d.read_at, d.requeued_at, d.requeued_attempts, d.doc
            FROM json_to_recordset($4::json) AS d (id text, unique_key text, message_id text, state text, attempts bigint, due_at bigint,
                detail text, settled_at bigint, answered bigint, read_at bigint, requeued_at bigint,
                requeued_attempts bigint, doc text)
            WHERE EXISTS (SELECT FROM moved) ON CONFLICT (workspace_id, unique_key) DO NOTHING
        ), sealed AS (
            INSERT INTO {s}.seal (workspace_id, after_seq, last_seq, mac)
            SELECT $1, w.after_seq, w.last_seq, w.mac FROM unnest($5::bigint[], $6::bigint[], $7::text[]) AS w (after_seq, last_seq, mac)
            WHERE EXISTS (SELECT FROM moved)
        ) SELECT count(*) FROM moved";
    seals = "SELECT after_seq, last_seq, mac FROM {s}.seal WHERE workspace_id = $1 AND after_seq >= $2 ORDER BY after_seq LIMIT $3";
    newest_seals = "SELECT after_seq, last_seq, mac FROM {s}.seal WHERE workspace_id = $1 AND after_seq >= $2 ORDER BY after_seq DESC LIMIT $3";
    forget_origins = "UPDATE {s}.event SET origin = NULL WHERE workspace_id = $1 AND seq IN (
            SELECT seq FROM {s}.event WHERE workspace_id = $1 AND seq <= $2 AND origin IS NOT NULL
                AND ($3::text IS NULL OR doc::json ->> 'actor' = $3) ORDER BY seq LIMIT $4
        )";
    any_due = "SELECT EXISTS (SELECT FROM {s}.delivery WHERE state = 'queued' AND channel = $2 AND due_at <= $1)";
    // The workspaces that have something queued, one after the other by the index; of each those that wait longest.
    claim = "WITH RECURSIVE turn AS (
            (SELECT workspace_id FROM {s}.delivery WHERE state = 'queued' AND channel = $4 ORDER BY workspace_id LIMIT 1)
            UNION ALL SELECT (
                SELECT d.workspace_id FROM {s}.delivery d WHERE d.state = 'queued' AND d.channel = $4 AND d.workspace_id > turn.workspace_id
                ORDER BY d.workspace_id LIMIT 1
            ) FROM turn WHERE turn.workspace_id IS NOT NULL
        ), due AS (
            SELECT d.workspace_id, d.id FROM turn CROSS JOIN LATERAL (
                SELECT w.workspace_id, w.id, w.due_at FROM {s}.delivery w
                WHERE w.workspace_id = turn.workspace_id AND w.state = 'queued' AND w.channel = $4 AND w.due_at <= $1
                ORDER BY w.due_at, w.id LIMIT $5 FOR UPDATE SKIP LOCKED
            ) d WHERE turn.workspace_id <> ALL ($6)
            ORDER BY row_number() OVER (PARTITION BY d.workspace_id ORDER BY d.due_at, d.id), d.due_at, d.id LIMIT $3
        ) UPDATE {s}.delivery d SET attempts = d.attempts + 1, due_at = $2
        FROM due WHERE d.workspace_id = due.workspace_id AND d.id = due.id
        RETURNING d.doc, d.state, d.attempts, d.due_at, d.detail, d.settled_at, d.answered, d.read_at, d.requeued_at, d.requeued_attempts";
    settle = "UPDATE {s}.delivery SET state = $4, due_at = coalesce($5, due_at), detail = $6, settled_at = $7, answered = attempts
        WHERE workspace_id = $1 AND id = $2 AND attempts = $3 AND state = 'queued'";
    reset = "UPDATE {s}.delivery SET state = $3, due_at = coalesce($4, due_at), settled_at = $5, detail = coalesce($6, detail), answered = attempts,
            requeued_at = coalesce($4, requeued_at), requeued_attempts = CASE WHEN $4::bigint IS NULL THEN requeued_attempts ELSE attempts END
        WHERE workspace_id = $1 AND id = ANY ($2) AND state = ANY ($7)";
    report = "UPDATE {s}.delivery SET state = $3, detail = $4 WHERE workspace_id = $1 AND id = ANY ($2) AND state = ANY ($5)";
    mark_read = "UPDATE {s}.delivery SET read_at = $4 WHERE workspace_id = $1 AND recipient = $2 AND channel = $3 AND read_at IS NULL
        AND ($5::text[] IS NULL OR id = ANY ($5))";
    queue = "SELECT channel, sum(queued)::bigint, sum(failed)::bigint, min(oldest) FROM (
            SELECT channel, count(*) AS queued, 0 AS failed, min(due_at) AS oldest FROM {s}.delivery WHERE state = 'queued' GROUP BY channel
            UNION ALL SELECT channel, 0, count(*), NULL FROM {s}.delivery WHERE state = 'failed' GROUP BY channel
        ) q GROUP BY channel ORDER BY channel";
    deliveries = "SELECT doc, state, attempts, due_at, detail, settled_at, answered, read_at, requeued_at, requeued_attempts FROM {s}.delivery
        WHERE workspace_id = $1 AND ($2::text IS NULL OR state = $2) AND ($4::text IS NULL OR channel = $4)
        AND (NOT $5 OR read_at IS NULL) AND ($6::text IS NULL OR id < $6) ORDER BY id DESC LIMIT $3";
    deliveries_of_recipient = "SELECT doc, state, attempts, due_at, detail, settled_at, answered, read_at, requeued_at, requeued_attempts FROM {s}.delivery
        WHERE workspace_id = $1 AND ($2::text IS NULL OR state = $2) AND ($4::text IS NULL OR channel = $4)
        AND (NOT $5 OR read_at IS NULL) AND ($6::text IS NULL OR id < $6)
        AND recipient = $7 AND ($8::text[] IS NULL OR message_id = ANY ($8)) ORDER BY id DESC LIMIT $3";
    deliveries_of_messages = "SELECT doc, state, attempts, due_at, detail, settled_at, answered, read_at, requeued_at, requeued_attempts FROM {s}.delivery
        WHERE workspace_id = $1 AND ($2::text IS NULL OR state = $2) AND ($4::text IS NULL OR channel = $4)
        AND (NOT $5 OR read_at IS NULL) AND ($6::text IS NULL OR id < $6)
        AND message_id = ANY ($7) ORDER BY id DESC LIMIT $3";

    // Moving.
    counters = "SELECT last_seq, last_number, routed_seq FROM {s}.head WHERE workspace_id = $1 AND last_seq > 0";
    export_records = "SELECT r.kind, r.id, r.version, r.doc,
            (SELECT coalesce(json_agg(k.key ORDER BY k.key), '[]') FROM {s}.record_key k WHERE k.workspace_id = r.workspace_id AND k.record_id = r.id)::text,
            (SELECT coalesce(json_agg(k.key ORDER BY k.key), '[]') FROM {s}.everywhere_key k WHERE k.workspace_id = r.workspace_id AND k.record_id = r.id)::text
        FROM {s}.record r WHERE r.workspace_id = $1 AND r.id > $2 ORDER BY r.id LIMIT $3";
    export_tickets = "SELECT doc FROM {s}.ticket WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    export_messages = "SELECT doc FROM {s}.message WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    export_answers = "SELECT actor, key, request_hash, committed, expires_at FROM {s}.answer WHERE workspace_id = $1 AND (actor, key) > ($2, $3)
        ORDER BY actor, key LIMIT $4";
    export_deliveries = "SELECT doc, state, attempts, due_at, detail, settled_at, answered, read_at, requeued_at, requeued_attempts FROM {s}.delivery WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    export_seals = "SELECT after_seq, last_seq, mac FROM {s}.seal WHERE workspace_id = $1 AND after_seq > $2 ORDER BY after_seq LIMIT $3";
    present_records = "SELECT id FROM {s}.record WHERE workspace_id = $1 AND id = ANY ($2)";
    present_tickets = "SELECT id FROM {s}.ticket WHERE workspace_id = $1 AND id = ANY ($2)";
    present_messages = "SELECT id FROM {s}.message WHERE workspace_id = $1 AND id = ANY ($2)";
    present_events = "SELECT w.place FROM unnest($2) AS w (place) JOIN {s}.event e ON e.workspace_id = $1 AND e.seq = w.place::bigint";
    present_answers = "SELECT w.place FROM unnest($2) AS w (place) JOIN {s}.answer a ON a.workspace_id = $1
        AND a.actor = split_part(w.place, chr(10), 1) AND a.key = substr(w.place, strpos(w.place, chr(10)) + 1)";
    present_seals = "SELECT w.place FROM unnest($2) AS w (place) JOIN {s}.seal s ON s.workspace_id = $1 AND s.after_seq = w.place::bigint";
    put_seals = "INSERT INTO {s}.seal (workspace_id, after_seq, last_seq, mac)
        SELECT $1, w.after_seq, w.last_seq, w.mac FROM unnest($2::bigint[], $3::bigint[], $4::text[]) AS w (after_seq, last_seq, mac)";
    import_deliveries = "INSERT INTO {s}.delivery (workspace_id, id, unique_key, message_id, state, attempts, due_at, detail, settled_at, answered, read_at, requeued_at, requeued_attempts, doc)
        SELECT $1, d.id, d.unique_key, d.message_id, d.state, d.attempts, d.due_at, d.detail, d.settled_at, d.answered, d.read_at, d.requeued_at, d.requeued_attempts, d.doc
        FROM json_to_recordset($2::json) AS d (id text, unique_key text, message_id text, state text, attempts bigint, due_at bigint,
            detail text, settled_at bigint, answered bigint, read_at bigint, requeued_at bigint,
                requeued_attempts bigint, doc text) ON CONFLICT DO NOTHING";
    open_workspace = "UPDATE {s}.head SET last_seq = $2, last_number = $3, routed_seq = $4 WHERE workspace_id = $1";

    // Challenges, sessions, budgets, flows, quotas.
    lock_account = "INSERT INTO {s}.challenge_account (account, expires_at) VALUES ($1, $2)
        ON CONFLICT (account) DO UPDATE SET expires_at = greatest(challenge_account.expires_at, excluded.expires_at)";
    live_challenges = "SELECT doc FROM {s}.challenge WHERE account = $1 AND expires_at > $2";
    challenge = "SELECT doc FROM {s}.challenge WHERE id = $1";
    lock_challenge = "SELECT doc FROM {s}.challenge WHERE id = $1 FOR UPDATE";
    put_challenge = "INSERT INTO {s}.challenge (id, account, expires_at, doc) VALUES ($1, $2, $3, $4)";
    update_challenge = "UPDATE {s}.challenge SET doc = $2 WHERE id = $1";
    session_by_token = "SELECT doc FROM {s}.session WHERE token_hash = $1";
    lock_session = "SELECT doc FROM {s}.session WHERE id = $1 FOR UPDATE";
    put_session = "INSERT INTO {s}.session (id, user_id, token_hash, idle_ends_at, doc) VALUES ($1, $2, $3, $4, $5)";
    update_session = "UPDATE {s}.session SET idle_ends_at = $2, doc = $3 WHERE id = $1";
    sessions = "SELECT doc FROM {s}.session WHERE user_id = $1";
    one_view = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ";
    drop_session = "DELETE FROM {s}.session WHERE user_id = $1 AND id = $2";
    drop_other_sessions = "DELETE FROM {s}.session WHERE user_id = $1 AND id <> $2";
    drop_sessions = "DELETE FROM {s}.session WHERE user_id = $1";
    end_session = "DELETE FROM {s}.session WHERE id = $1 RETURNING doc";
    budget = "SELECT units, ends_at FROM {s}.budget WHERE account = $1";
    make_budget = "INSERT INTO {s}.budget (account, units, ends_at) VALUES ($1, 0, 0) ON CONFLICT (account) DO UPDATE SET account = excluded.account";
    lock_budget = "SELECT units, ends_at FROM {s}.budget WHERE account = $1 FOR UPDATE";
    update_budget = "UPDATE {s}.budget SET units = $2, ends_at = $3 WHERE account = $1";
    sweep_challenges = "DELETE FROM {s}.challenge WHERE expires_at <= $1";
    sweep_accounts = "DELETE FROM {s}.challenge_account WHERE expires_at <= $1";
    sweep_sessions = "DELETE FROM {s}.session WHERE idle_ends_at <= $1";
    sweep_budgets = "DELETE FROM {s}.budget WHERE ends_at <= $1";
    put_flow = "INSERT INTO {s}.flow AS known (id_hash, expires_at, doc) VALUES ($1, $2, $3)
        ON CONFLICT (id_hash) DO UPDATE SET expires_at = excluded.expires_at, doc = excluded.doc WHERE known.expires_at <= $4";
    take_flow = "DELETE FROM {s}.flow WHERE id_hash = $1 RETURNING doc";
    sweep_flows = "DELETE FROM {s}.flow WHERE expires_at <= $1";
    sweep_quotas = "DELETE FROM {s}.quota WHERE ends_at <= $1";
    take_quota = "INSERT INTO {s}.quota AS q (key, count, allowed, ends_at) VALUES ($1, least(1, $2), $2 > 0, $4)
        ON CONFLICT (key) DO UPDATE SET
            allowed = CASE WHEN q.ends_at <= $3 THEN $2 > 0 ELSE q.count < $2 END,
            count = CASE WHEN q.ends_at <= $3 THEN least(1, $2) WHEN q.count < $2 THEN q.count + 1 ELSE q.count END,
            ends_at = CASE WHEN q.ends_at <= $3 THEN $4 ELSE q.ends_at END
        RETURNING count, allowed, ends_at";
    give_back_quota = "UPDATE {s}.quota SET count = greatest(count - 1, 0) WHERE key = $1 AND ends_at > $2";

    // Health: a read, and whether a write would be allowed.
    ready = "SELECT count(*) FROM (SELECT 1 FROM {s}.head LIMIT 1) h";
    can_write = "UPDATE {s}.head SET routed_seq = routed_seq WHERE false";
}
