-- Events are added and never changed. The one thing of them that may be removed, the client they came from, is
-- no part of their document.
ALTER TABLE {p}event ADD COLUMN origin TEXT;
CREATE INDEX {p}event_origin ON {p}event (workspace_id, seq) WHERE origin IS NOT NULL;

-- A seal is over the events behind after_seq up to last_seq, and over the seal before it.
CREATE TABLE {p}seal (
    workspace_id TEXT NOT NULL,
    after_seq    INTEGER NOT NULL,
    last_seq     INTEGER NOT NULL,
    mac          TEXT NOT NULL,
    PRIMARY KEY (workspace_id, after_seq)
) STRICT, WITHOUT ROWID;
