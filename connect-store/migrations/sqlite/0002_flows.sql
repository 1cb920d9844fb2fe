-- What takes several steps and is taken once.
CREATE TABLE {p}flow (
    id_hash    BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    doc        TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX {p}flow_end ON {p}flow (expires_at);
