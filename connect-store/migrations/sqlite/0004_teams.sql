-- Which team works on a ticket, out of its document: to be filtered by. Most tickets have none.
ALTER TABLE {p}ticket ADD COLUMN team_id TEXT GENERATED ALWAYS AS (doc ->> '$.team') VIRTUAL;
CREATE INDEX {p}ticket_team ON {p}ticket (workspace_id, team_id, updated_at, id) WHERE team_id IS NOT NULL;
