-- {s} stands for the schema of the tables.
-- Every key of a tenant's rows begins with the workspace, which is what distributed engines shard by; no
-- foreign key crosses workspaces. Texts are compared bytewise (COLLATE "C"): that is the order of ids.

-- One head row a workspace: the counters of its events and tickets. A commit takes its lock first and bumps
-- it last, both in the statement that writes. Free room in the page lets the row be updated in place.
CREATE TABLE {s}.head (
    workspace_id text COLLATE "C" NOT NULL PRIMARY KEY,
    last_seq     bigint NOT NULL,
    last_number  bigint NOT NULL,
    routed_seq   bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX head_unrouted ON {s}.head (workspace_id) WHERE last_seq > routed_seq;

CREATE TABLE {s}.record (
    workspace_id text COLLATE "C" NOT NULL,
    id           text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    version      bigint NOT NULL,
    doc          text NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX record_kind ON {s}.record (workspace_id, kind, id);

-- Keys that are unique in a workspace.
CREATE TABLE {s}.record_key (
    workspace_id text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    record_id    text COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, kind, key),
    FOREIGN KEY (workspace_id, record_id) REFERENCES {s}.record (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX record_key_holder ON {s}.record_key (workspace_id, record_id);
CREATE INDEX record_key_everywhere ON {s}.record_key (kind, key, workspace_id);

-- Keys that are unique everywhere. A table of its own, small, and without a foreign key: where tenants are
-- spread over machines it is on all of them.
CREATE TABLE {s}.everywhere_key (
    kind         text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    workspace_id text COLLATE "C" NOT NULL,
    record_id    text COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX everywhere_key_holder ON {s}.everywhere_key (workspace_id, record_id);

CREATE TABLE {s}.ticket (
    workspace_id text COLLATE "C" NOT NULL,
    id           text COLLATE "C" NOT NULL,
    number       bigint NOT NULL,
    contact_id   text COLLATE "C" NOT NULL,
    version      bigint NOT NULL,
    category     text COLLATE "C" NOT NULL,
    assignee_id  text COLLATE "C",
    priority     bigint NOT NULL,
    created_at   bigint NOT NULL,
    updated_at   bigint NOT NULL,
    labels       text[] NOT NULL,
    doc          text NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES {s}.record (workspace_id, id)
);
CREATE UNIQUE INDEX ticket_number ON {s}.ticket (workspace_id, number);
CREATE INDEX ticket_updated ON {s}.ticket (workspace_id, updated_at, id);
CREATE INDEX ticket_created ON {s}.ticket (workspace_id, created_at, id);
CREATE INDEX ticket_priority ON {s}.ticket (workspace_id, priority, id);
CREATE INDEX ticket_category ON {s}.ticket (workspace_id, category, updated_at, id);
CREATE INDEX ticket_assignee ON {s}.ticket (workspace_id, assignee_id, updated_at, id);
CREATE INDEX ticket_contact ON {s}.ticket (workspace_id, contact_id, updated_at, id);

-- Each label carries a mark of its workspace, like the words below.
CREATE INDEX ticket_label ON {s}.ticket USING gin (labels);

CREATE TABLE {s}.message (
    workspace_id text COLLATE "C" NOT NULL,
    id           text COLLATE "C" NOT NULL,
    ticket_id    text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    doc          text NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, ticket_id) REFERENCES {s}.ticket (workspace_id, id)
);
CREATE INDEX message_ticket ON {s}.message (workspace_id, ticket_id, id);

-- Folded words: a row a message, and for a ticket's own fields one with an empty message. Each word carries
-- a mark of its workspace and of who may find it, so that a search never walks another tenant's words.
CREATE TABLE {s}.search (
    workspace_id text COLLATE "C" NOT NULL,
    ticket_id    text COLLATE "C" NOT NULL,
    message_id   text COLLATE "C" NOT NULL,
    words        tsvector NOT NULL,
    PRIMARY KEY (workspace_id, ticket_id, message_id)
);
CREATE INDEX search_words ON {s}.search USING gin (words);

CREATE TABLE {s}.event (
    workspace_id text COLLATE "C" NOT NULL,
    seq          bigint NOT NULL,
    ticket_id    text COLLATE "C",
    type         text COLLATE "C" NOT NULL,
    doc          text NOT NULL,
    PRIMARY KEY (workspace_id, seq)
);
CREATE INDEX event_ticket ON {s}.event (workspace_id, ticket_id, seq) WHERE ticket_id IS NOT NULL;

CREATE TABLE {s}.answer (
    workspace_id text COLLATE "C" NOT NULL,
    actor        text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    request_hash text NOT NULL,
    committed    text NOT NULL,
    expires_at   bigint NOT NULL,
    PRIMARY KEY (workspace_id, actor, key)
);
CREATE INDEX answer_end ON {s}.answer (expires_at);

-- The document is the delivery as it was planned; what changes afterwards stands in columns.
CREATE TABLE {s}.delivery (
    workspace_id text COLLATE "C" NOT NULL,
    id           text COLLATE "C" NOT NULL,
    unique_key   text COLLATE "C" NOT NULL,
    message_id   text COLLATE "C",
    state        text COLLATE "C" NOT NULL,
    attempts     bigint NOT NULL,
    due_at       bigint NOT NULL,
    detail       text,
    settled_at   bigint,
    doc          text NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, unique_key)
);
CREATE INDEX delivery_due ON {s}.delivery (due_at, id) WHERE state = 'queued';
CREATE INDEX delivery_message ON {s}.delivery (workspace_id, message_id) WHERE message_id IS NOT NULL;

CREATE TABLE {s}.challenge (
    id         text COLLATE "C" NOT NULL PRIMARY KEY,
    account    text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL,
    doc        text NOT NULL
);
CREATE INDEX challenge_by_account ON {s}.challenge (account, expires_at);
CREATE INDEX challenge_end ON {s}.challenge (expires_at);

-- One row an account, locked while its live challenges are counted.
CREATE TABLE {s}.challenge_account (
    account    text COLLATE "C" NOT NULL PRIMARY KEY,
    expires_at bigint NOT NULL
);
CREATE INDEX challenge_account_end ON {s}.challenge_account (expires_at);

CREATE TABLE {s}.session (
    id           text COLLATE "C" NOT NULL PRIMARY KEY,
    user_id      text COLLATE "C" NOT NULL,
    token_hash   bytea NOT NULL UNIQUE,
    idle_ends_at bigint NOT NULL,
    doc          text NOT NULL
);
CREATE INDEX session_by_user ON {s}.session (user_id);
CREATE INDEX session_end ON {s}.session (idle_ends_at);

CREATE TABLE {s}.budget (
    account text COLLATE "C" NOT NULL PRIMARY KEY,
    units   bigint NOT NULL,
    ends_at bigint NOT NULL
);
CREATE INDEX budget_end ON {s}.budget (ends_at);

CREATE TABLE {s}.quota (
    key     text COLLATE "C" NOT NULL PRIMARY KEY,
    count   bigint NOT NULL,
    allowed boolean NOT NULL,
    ends_at bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX quota_end ON {s}.quota (ends_at);

-- Writes the rows of judged change sets, all or none, in one round trip.
--
-- The change sets were judged by what was read before, without a lock. Whatever they depend on in a
-- workspace changes only together with its head row; so the head rows are locked first, in the order of
-- their ids, and must still be as they were read: else nothing is written and the caller judges again.
-- SQLSTATE CN001 says so.
CREATE FUNCTION {s}.write_group(
    heads json, released json, removed json, records json, keys json, everywhere json, tickets json,
    messages json, forgotten json, words json, events json, answers json, wait_ms integer
) RETURNS void LANGUAGE plpgsql AS $write$
BEGIN
    IF wait_ms > 0 THEN
        -- Until the end of this transaction, which is this statement.
        PERFORM set_config('lock_timeout', wait_ms::text, true);
    END IF;
    INSERT INTO {s}.head (workspace_id, last_seq, last_number)
        SELECT h.workspace_id, 0, 0 FROM json_to_recordset(heads) AS h (workspace_id text, seen bigint)
        WHERE h.seen = 0 ORDER BY h.workspace_id COLLATE "C" ON CONFLICT DO NOTHING;
    PERFORM 1 FROM {s}.head WHERE workspace_id IN (
        SELECT h.workspace_id FROM json_to_recordset(heads) AS h (workspace_id text)
    ) ORDER BY workspace_id FOR UPDATE;
    IF EXISTS (
        SELECT FROM json_to_recordset(heads) AS h (workspace_id text, seen bigint)
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
    IF tickets IS NOT NULL THEN
        INSERT INTO {s}.ticket (
            workspace_id, id, number, contact_id, version, category, assignee_id, priority, created_at, updated_at, labels, doc
        )
            SELECT t.workspace_id, t.id, t.number, t.contact_id, t.version, t.category, t.assignee_id, t.priority,
                t.created_at, t.updated_at, t.labels, t.doc
            FROM json_to_recordset(tickets) AS t (
                workspace_id text, id text, number bigint, contact_id text, version bigint, category text, assignee_id text,
                priority bigint, created_at bigint, updated_at bigint, labels text[], doc text
            )
            ON CONFLICT (workspace_id, id) DO UPDATE SET number = excluded.number, contact_id = excluded.contact_id,
                version = excluded.version, category = excluded.category, assignee_id = excluded.assignee_id,
                priority = excluded.priority, updated_at = excluded.updated_at, labels = excluded.labels, doc = excluded.doc;
    END IF;
    IF messages IS NOT NULL THEN
        INSERT INTO {s}.message (workspace_id, id, ticket_id, kind, doc)
            SELECT m.workspace_id, m.id, m.ticket_id, m.kind, m.doc
            FROM json_to_recordset(messages) AS m (workspace_id text, id text, ticket_id text, kind text, doc text);
    END IF;
    IF forgotten IS NOT NULL THEN
        DELETE FROM {s}.search s USING json_to_recordset(forgotten) AS f (workspace_id text, id text)
            WHERE s.workspace_id = f.workspace_id AND s.ticket_id = f.id AND s.message_id = '';
    END IF;
    IF words IS NOT NULL THEN
        INSERT INTO {s}.search (workspace_id, ticket_id, message_id, words)
            SELECT w.workspace_id, w.ticket_id, w.message_id, array_to_tsvector(w.words)
            FROM json_to_recordset(words) AS w (workspace_id text, ticket_id text, message_id text, words text[]);
    END IF;
    IF events IS NOT NULL THEN
        INSERT INTO {s}.event (workspace_id, seq, ticket_id, type, doc)
            SELECT e.workspace_id, e.seq, e.ticket_id, e.type, e.doc
            FROM json_to_recordset(events) AS e (workspace_id text, seq bigint, ticket_id text, type text, doc text);
    END IF;
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
        FROM json_to_recordset(heads) AS h (workspace_id text, last_seq bigint, last_number bigint)
        WHERE known.workspace_id = h.workspace_id;
END
$write$;
