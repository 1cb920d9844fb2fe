-- Which team works on a ticket, out of its document: to be filtered by. Most tickets have none.
ALTER TABLE {s}.ticket ADD COLUMN team_id text COLLATE "C" GENERATED ALWAYS AS (doc::json ->> 'team') STORED;
CREATE INDEX ticket_team ON {s}.ticket (workspace_id, team_id, updated_at, id) WHERE team_id IS NOT NULL;
