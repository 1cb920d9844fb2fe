-- What takes several steps and is taken once.
CREATE TABLE {s}.flow (
    id_hash    bytea NOT NULL PRIMARY KEY,
    expires_at bigint NOT NULL,
    doc        text NOT NULL
);
CREATE INDEX flow_end ON {s}.flow (expires_at);
