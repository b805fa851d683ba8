-- +goose NO TRANSACTION
-- +goose Up

-- Tasks in a state and workers in an activity, as lists are ordered: a page of
-- the few is found without walking the many. What an interrupted run left
-- behind is not usable and made anew.
DROP INDEX CONCURRENTLY IF EXISTS tasks_status;
CREATE INDEX CONCURRENTLY tasks_status ON tasks (workspace_sid, status, created_at, sid);
DROP INDEX CONCURRENTLY IF EXISTS workers_activity_listed;
CREATE INDEX CONCURRENTLY workers_activity_listed ON workers (workspace_sid, activity_sid, created_at, sid);
DROP INDEX CONCURRENTLY IF EXISTS workers_activity;
ALTER INDEX workers_activity_listed RENAME TO workers_activity;
