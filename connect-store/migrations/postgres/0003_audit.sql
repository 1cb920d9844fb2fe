-- Events are added and never changed. The one thing of them that may be removed, the client they came from, is
-- no part of their document.
ALTER TABLE {s}.event ADD COLUMN origin text;
CREATE INDEX event_origin ON {s}.event (workspace_id, seq) WHERE origin IS NOT NULL;

-- A seal is over the events behind after_seq up to last_seq, and over the seal before it.
CREATE TABLE {s}.seal (
    workspace_id text COLLATE "C" NOT NULL,
    after_seq    bigint NOT NULL,
    last_seq     bigint NOT NULL,
    mac          text NOT NULL,
    PRIMARY KEY (workspace_id, after_seq)
);
