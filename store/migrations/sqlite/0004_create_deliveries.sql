-- +goose Up

-- How far the events of a workspace were sent to its callback URL. What sending
-- needs is repeated here, because the last events are sent after the workspace
-- is gone. epoch counts the owners of the cursor.
CREATE TABLE deliveries (
    workspace_sid TEXT NOT NULL PRIMARY KEY,
    account_sid   TEXT NOT NULL,
    callback_url  TEXT NOT NULL,
    events_filter TEXT NOT NULL,
    is_active     BOOLEAN NOT NULL,
    cursor_seq    BIGINT NOT NULL,
    epoch         BIGINT NOT NULL,
    touched_at    BIGINT NOT NULL
);
CREATE INDEX deliveries_active ON deliveries (touched_at) WHERE is_active;

-- What became of each event up to the cursor.
CREATE TABLE event_deliveries (
    workspace_sid TEXT NOT NULL,
    seq           BIGINT NOT NULL,
    event_sid     TEXT NOT NULL,
    status        TEXT NOT NULL,
    attempts      BIGINT NOT NULL,
    last_status   BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    PRIMARY KEY (workspace_sid, seq)
);
CREATE INDEX event_deliveries_failed ON event_deliveries (workspace_sid, seq) WHERE status = 'failed';

-- Nothing was sent until now; what lies in the past stays there.
INSERT INTO deliveries (workspace_sid, account_sid, callback_url, events_filter, is_active, cursor_seq, epoch, touched_at)
SELECT w.sid, w.account_sid, w.event_callback_url, w.events_filter, TRUE, l.event_seq, 0, 0
FROM workspaces AS w JOIN workspace_locks AS l ON l.workspace_sid = w.sid
WHERE w.event_callback_url <> '';
