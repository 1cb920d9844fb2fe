-- Most tickets begin without a label, and would all be listed under "none".
DROP INDEX {s}.ticket_label;
CREATE INDEX ticket_label ON {s}.ticket USING gin (labels) WHERE labels <> '{}';

DROP FUNCTION {s}.write_group(json, json, json, json, json, json, json, json, json, json, json, json, integer);

-- Writes the rows of judged change sets, all or none, in one round trip.
--
-- The change sets were judged by what was read before, without a lock. Whatever they depend on in a
-- workspace changes only together with its head row; so the head rows are locked first, in the order of
-- their ids, and must still be as they were read: else nothing is written and the caller judges again.
-- SQLSTATE CN001 says so.
--
-- What every commit writes comes column by column, as reading JSON would cost a fifth of the whole; what few
-- write comes as JSON, or NULL.
CREATE FUNCTION {s}.write_group(
    head_workspaces text[], head_seen bigint[], head_seqs bigint[], head_numbers bigint[],
    released json, removed json, records json, keys json, everywhere json,
    ticket_workspaces text[], ticket_ids text[], ticket_numbers bigint[], ticket_contacts text[],
    ticket_versions bigint[], ticket_categories text[], ticket_assignees text[], ticket_priorities bigint[],
    ticket_created bigint[], ticket_updated bigint[], ticket_labels text[], ticket_docs text[],
    message_workspaces text[], message_ids text[], message_tickets text[], message_kinds text[], message_docs text[],
    forgotten json,
    word_workspaces text[], word_tickets text[], word_messages text[], word_lists text[],
    event_workspaces text[], event_seqs bigint[], event_tickets text[], event_types text[], event_docs text[],
    event_origins text[], answers json, wait_ms integer
) RETURNS void LANGUAGE plpgsql AS $write$
BEGIN
    IF wait_ms > 0 THEN
        -- Until the end of this transaction, which is this statement.
        PERFORM set_config('lock_timeout', wait_ms::text, true);
    END IF;
    INSERT INTO {s}.head (workspace_id, last_seq, last_number)
        SELECT h.workspace_id, 0, 0 FROM unnest(head_workspaces, head_seen) AS h (workspace_id, seen)
        WHERE h.seen = 0 ORDER BY h.workspace_id COLLATE "C" ON CONFLICT DO NOTHING;
    PERFORM 1 FROM {s}.head WHERE workspace_id = ANY (head_workspaces) ORDER BY workspace_id FOR UPDATE;
    IF EXISTS (
        SELECT FROM unnest(head_workspaces, head_seen) AS h (workspace_id, seen)
        LEFT JOIN {s}.head known USING (workspace_id) WHERE known.last_seq IS DISTINCT FROM h.seen
    ) THEN
        RAISE EXCEPTION 'another commit came first' USING ERRCODE = 'CN001';
    END IF;
    IF released IS NOT NULL THEN
        DELETE FROM {s}.record_key k USING json_to_recordset(released) AS r (workspace_id text, id text)
            WHERE k.workspace_id = r.workspace_id AND k.record_id = r.id;
        DELETE FROM {s}.everywhere_key k USING json_to_recordset(released) AS r (workspace_id text, id text)
            WHERE k.workspace_id = r.workspace_id AND k.record_id = r.id;
    END IF;
    IF removed IS NOT NULL THEN
        DELETE FROM {s}.record k USING json_to_recordset(removed) AS r (workspace_id text, id text)
            WHERE k.workspace_id = r.workspace_id AND k.id = r.id;
    END IF;
    IF records IS NOT NULL THEN
        INSERT INTO {s}.record (workspace_id, id, kind, version, doc)
            SELECT r.workspace_id, r.id, r.kind, r.version, r.doc
            FROM json_to_recordset(records) AS r (workspace_id text, id text, kind text, version bigint, doc text)
            ON CONFLICT (workspace_id, id) DO UPDATE SET version = excluded.version, doc = excluded.doc;
    END IF;
    IF keys IS NOT NULL THEN
        INSERT INTO {s}.record_key (workspace_id, kind, key, record_id)
            SELECT k.workspace_id, k.kind, k.key, k.record_id
            FROM json_to_recordset(keys) AS k (workspace_id text, kind text, key text, record_id text);
    END IF;
    IF everywhere IS NOT NULL THEN
        INSERT INTO {s}.everywhere_key (kind, key, workspace_id, record_id)
            SELECT k.kind, k.key, k.workspace_id, k.record_id
            FROM json_to_recordset(everywhere) AS k (workspace_id text, kind text, key text, record_id text);
    END IF;
    IF cardinality(ticket_ids) > 0 THEN
        INSERT INTO {s}.ticket (
            workspace_id, id, number, contact_id, version, category, assignee_id, priority, created_at, updated_at, labels, doc
        )
            SELECT t.workspace_id, t.id, t.number, t.contact_id, t.version, t.category, t.assignee_id, t.priority,
                t.created_at, t.updated_at, string_to_array(t.labels, chr(10)), t.doc
            FROM unnest(
                ticket_workspaces, ticket_ids, ticket_numbers, ticket_contacts, ticket_versions, ticket_categories,
                ticket_assignees, ticket_priorities, ticket_created, ticket_updated, ticket_labels, ticket_docs
            ) AS t (
                workspace_id, id, number, contact_id, version, category, assignee_id, priority, created_at, updated_at,
                labels, doc
            )
            ON CONFLICT (workspace_id, id) DO UPDATE SET number = excluded.number, contact_id = excluded.contact_id,
                version = excluded.version, category = excluded.category, assignee_id = excluded.assignee_id,
                priority = excluded.priority, updated_at = excluded.updated_at, labels = excluded.labels, doc = excluded.doc;
    END IF;
    IF cardinality(message_ids) > 0 THEN
        INSERT INTO {s}.message (workspace_id, id, ticket_id, kind, doc)
            SELECT * FROM unnest(message_workspaces, message_ids, message_tickets, message_kinds, message_docs);
    END IF;
    IF forgotten IS NOT NULL THEN
        DELETE FROM {s}.search s USING json_to_recordset(forgotten) AS f (workspace_id text, id text)
            WHERE s.workspace_id = f.workspace_id AND s.ticket_id = f.id AND s.message_id = '';
    END IF;
    IF cardinality(word_tickets) > 0 THEN
        INSERT INTO {s}.search (workspace_id, ticket_id, message_id, words)
            SELECT w.workspace_id, w.ticket_id, w.message_id, array_to_tsvector(string_to_array(w.list, ' '))
            FROM unnest(word_workspaces, word_tickets, word_messages, word_lists)
                AS w (workspace_id, ticket_id, message_id, list);
    END IF;
    INSERT INTO {s}.event (workspace_id, seq, ticket_id, type, doc, origin)
        SELECT * FROM unnest(event_workspaces, event_seqs, event_tickets, event_types, event_docs, event_origins);
    IF answers IS NOT NULL THEN
        INSERT INTO {s}.answer (workspace_id, actor, key, request_hash, committed, expires_at)
            SELECT a.workspace_id, a.actor, a.key, a.request_hash, a.committed, a.expires_at
            FROM json_to_recordset(answers) AS a (
                workspace_id text, actor text, key text, request_hash text, committed text, expires_at bigint
            )
            ON CONFLICT (workspace_id, actor, key) DO UPDATE SET request_hash = excluded.request_hash,
                committed = excluded.committed, expires_at = excluded.expires_at;
    END IF;
    UPDATE {s}.head known SET last_seq = h.last_seq, last_number = h.last_number
        FROM unnest(head_workspaces, head_seqs, head_numbers) AS h (workspace_id, last_seq, last_number)
        WHERE known.workspace_id = h.workspace_id;
END
$write$;
