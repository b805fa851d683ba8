-- +goose Up

-- Tasks in a state and workers in an activity, as lists are ordered: a page of
-- the few is found without walking the many.
CREATE INDEX tasks_status ON tasks (workspace_sid, status, created_at, sid);
DROP INDEX workers_activity;
CREATE INDEX workers_activity ON workers (workspace_sid, activity_sid, created_at, sid);
