-- +goose Up

-- How a supervisor takes part in a conversation; empty for all other legs.
ALTER TABLE legs ADD COLUMN supervisor_mode TEXT NOT NULL DEFAULT '';
