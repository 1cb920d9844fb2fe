-- Workspaces take turns in each channel, users read what is for them, and what is given up is found.
ALTER TABLE {p}delivery ADD COLUMN channel TEXT NOT NULL GENERATED ALWAYS AS (doc ->> '$.channel') VIRTUAL;
ALTER TABLE {p}delivery ADD COLUMN recipient TEXT GENERATED ALWAYS AS (coalesce(doc ->> '$.recipient.user', doc ->> '$.recipient.webhook', doc ->> '$.recipient.contact')) VIRTUAL;
ALTER TABLE {p}delivery ADD COLUMN read_at INTEGER GENERATED ALWAYS AS (doc ->> '$.read_at') VIRTUAL;
UPDATE {p}delivery SET doc = json_set(doc, '$.answered', doc ->> '$.attempts') WHERE state = 'queued';
DROP INDEX {p}delivery_due;
CREATE INDEX {p}delivery_due ON {p}delivery (channel, due_at) WHERE state = 'queued';
CREATE INDEX {p}delivery_turn ON {p}delivery (channel, workspace_id, due_at, id) WHERE state = 'queued';
CREATE INDEX {p}delivery_failed ON {p}delivery (channel) WHERE state = 'failed';
CREATE INDEX {p}delivery_recipient ON {p}delivery (workspace_id, recipient, id) WHERE recipient IS NOT NULL;
