-- +goose Up

-- Up to which number the events of a workspace were removed before their time,
-- so that a log that begins behind it is known to be whole.
CREATE TABLE log_cuts (
    workspace_sid TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    seq           BIGINT NOT NULL,
    at            BIGINT NOT NULL
);
