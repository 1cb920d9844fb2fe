-- {p} stands for the prefix of the tables.
-- A row's document is its truth; the columns generated from it are there to be filtered and sorted by.

-- One head row a workspace: the counters of its events and tickets, bumped by every commit.
CREATE TABLE {p}head (
    workspace_id TEXT NOT NULL PRIMARY KEY,
    last_seq     INTEGER NOT NULL,
    last_number  INTEGER NOT NULL,
    routed_seq   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX {p}head_unrouted ON {p}head (workspace_id) WHERE last_seq > routed_seq;

CREATE TABLE {p}record (
    workspace_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    kind         TEXT NOT NULL,
    version      INTEGER NOT NULL,
    doc          TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX {p}record_kind ON {p}record (workspace_id, kind, id);

-- Unique keys of records. The scope is the workspace, or empty for keys that are unique everywhere.
CREATE TABLE {p}record_key (
    scope        TEXT NOT NULL,
    kind         TEXT NOT NULL,
    key          TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    record_id    TEXT NOT NULL,
    PRIMARY KEY (scope, kind, key),
    FOREIGN KEY (workspace_id, record_id) REFERENCES {p}record (workspace_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX {p}record_key_holder ON {p}record_key (workspace_id, record_id);
CREATE INDEX {p}record_key_everywhere ON {p}record_key (kind, key, workspace_id);

CREATE TABLE {p}ticket (
    nr           INTEGER PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    contact_id   TEXT NOT NULL,
    version      INTEGER NOT NULL,
    doc          TEXT NOT NULL,
    number       INTEGER NOT NULL GENERATED ALWAYS AS (doc ->> '$.number') VIRTUAL,
    category     TEXT NOT NULL GENERATED ALWAYS AS (doc ->> '$.category') VIRTUAL,
    assignee_id  TEXT GENERATED ALWAYS AS (doc ->> '$.assignee') VIRTUAL,
    created_at   INTEGER NOT NULL GENERATED ALWAYS AS (doc ->> '$.created_at') VIRTUAL,
    updated_at   INTEGER NOT NULL GENERATED ALWAYS AS (doc ->> '$.updated_at') VIRTUAL,
    priority     INTEGER NOT NULL GENERATED ALWAYS AS (
        CASE doc ->> '$.priority' WHEN 'urgent' THEN 4 WHEN 'high' THEN 3 WHEN 'normal' THEN 2 WHEN 'low' THEN 1 ELSE 0 END
    ) VIRTUAL,
    UNIQUE (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES {p}record (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX {p}ticket_number ON {p}ticket (workspace_id, number);
CREATE INDEX {p}ticket_updated ON {p}ticket (workspace_id, updated_at, id);
CREATE INDEX {p}ticket_created ON {p}ticket (workspace_id, created_at, id);
CREATE INDEX {p}ticket_priority ON {p}ticket (workspace_id, priority, id);
CREATE INDEX {p}ticket_category ON {p}ticket (workspace_id, category, updated_at, id);
CREATE INDEX {p}ticket_assignee ON {p}ticket (workspace_id, assignee_id, updated_at, id);
CREATE INDEX {p}ticket_contact ON {p}ticket (workspace_id, contact_id, updated_at, id);

CREATE TABLE {p}message (
    workspace_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    ticket_id    TEXT NOT NULL,
    kind         TEXT NOT NULL,
    doc          TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, ticket_id) REFERENCES {p}ticket (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX {p}message_ticket ON {p}message (workspace_id, ticket_id, id);

-- Folded words: a row a message, and for a ticket's own fields a row whose rowid is -nr, so that it can be
-- replaced. `scope` holds the workspace, so that a search never walks through another tenant's words.
CREATE VIRTUAL TABLE {p}search USING fts5 (
    scope, words, notes, ticket_id UNINDEXED,
    content = '', contentless_delete = 1, contentless_unindexed = 1, tokenize = "unicode61 remove_diacritics 0"
);
CREATE TABLE {p}event (
    workspace_id TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    ticket_id    TEXT,
    type         TEXT NOT NULL,
    doc          TEXT NOT NULL,
    PRIMARY KEY (workspace_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX {p}event_ticket ON {p}event (workspace_id, ticket_id, seq) WHERE ticket_id IS NOT NULL;

CREATE TABLE {p}answer (
    workspace_id TEXT NOT NULL,
    actor        TEXT NOT NULL,
    key          TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    committed    TEXT NOT NULL,
    expires_at   INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, actor, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX {p}answer_end ON {p}answer (expires_at);

CREATE TABLE {p}delivery (
    workspace_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    unique_key   TEXT NOT NULL,
    message_id   TEXT,
    doc          TEXT NOT NULL,
    state        TEXT NOT NULL GENERATED ALWAYS AS (doc ->> '$.state') VIRTUAL,
    due_at       INTEGER NOT NULL GENERATED ALWAYS AS (doc ->> '$.due_at') VIRTUAL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, unique_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX {p}delivery_due ON {p}delivery (due_at, id) WHERE state = 'queued';
CREATE INDEX {p}delivery_message ON {p}delivery (workspace_id, message_id) WHERE message_id IS NOT NULL;

CREATE TABLE {p}challenge (
    id         TEXT NOT NULL PRIMARY KEY,
    account    TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    doc        TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX {p}challenge_account ON {p}challenge (account, expires_at);
CREATE INDEX {p}challenge_end ON {p}challenge (expires_at);

CREATE TABLE {p}session (
    id           TEXT NOT NULL PRIMARY KEY,
    user_id      TEXT NOT NULL,
    token_hash   BLOB NOT NULL UNIQUE,
    idle_ends_at INTEGER NOT NULL,
    doc          TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX {p}session_user ON {p}session (user_id);
CREATE INDEX {p}session_end ON {p}session (idle_ends_at);

CREATE TABLE {p}budget (
    account TEXT NOT NULL PRIMARY KEY,
    units   INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
