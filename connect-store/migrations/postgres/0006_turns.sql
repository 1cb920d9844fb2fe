-- Workspaces take turns in each channel, users read what is for them, and what is given up is found.
ALTER TABLE {s}.delivery
    ADD COLUMN answered bigint NOT NULL DEFAULT 0,
    ADD COLUMN read_at  bigint,
    ADD COLUMN requeued_at bigint,
    ADD COLUMN requeued_attempts bigint,
    ADD COLUMN channel  text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc::json ->> 'channel') STORED,
    ADD COLUMN recipient text COLLATE "C" GENERATED ALWAYS AS (
        coalesce(doc::json -> 'recipient' ->> 'user', doc::json -> 'recipient' ->> 'webhook', doc::json -> 'recipient' ->> 'contact')
    ) STORED;
UPDATE {s}.delivery SET answered = attempts WHERE state = 'queued';
DROP INDEX {s}.delivery_due;
CREATE INDEX delivery_due ON {s}.delivery (channel, due_at) WHERE state = 'queued';
CREATE INDEX delivery_turn ON {s}.delivery (channel, workspace_id, due_at, id) WHERE state = 'queued';
CREATE INDEX delivery_failed ON {s}.delivery (channel) WHERE state = 'failed';
CREATE INDEX delivery_recipient ON {s}.delivery (workspace_id, recipient, id) WHERE recipient IS NOT NULL;
