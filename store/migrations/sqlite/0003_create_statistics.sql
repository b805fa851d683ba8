-- +goose Up

-- What happened in a period, by subject and task channel: written by the
-- transaction that wrote the events, so that a question about any window is
-- answered from a few hundred rows, however many events there were. A period is
-- a second, a minute, an hour or a day; its number begins with which of these.
-- A statement names the columns it adds to; the others keep their defaults, which
-- are what nothing adds up to.
CREATE TABLE statistics (
    workspace_sid            TEXT NOT NULL,
    period                   BIGINT NOT NULL,
    subject_sid              TEXT NOT NULL,
    task_channel_sid         TEXT NOT NULL,
    tasks_created            BIGINT NOT NULL DEFAULT 0,
    tasks_entered            BIGINT NOT NULL DEFAULT 0,
    tasks_canceled           BIGINT NOT NULL DEFAULT 0,
    tasks_completed          BIGINT NOT NULL DEFAULT 0,
    tasks_deleted            BIGINT NOT NULL DEFAULT 0,
    tasks_moved              BIGINT NOT NULL DEFAULT 0,
    tasks_timed_out          BIGINT NOT NULL DEFAULT 0,
    reservations_created     BIGINT NOT NULL DEFAULT 0,
    reservations_accepted    BIGINT NOT NULL DEFAULT 0,
    reservations_rejected    BIGINT NOT NULL DEFAULT 0,
    reservations_timed_out   BIGINT NOT NULL DEFAULT 0,
    reservations_canceled    BIGINT NOT NULL DEFAULT 0,
    reservations_rescinded   BIGINT NOT NULL DEFAULT 0,
    accepted_n               BIGINT NOT NULL DEFAULT 0,
    accepted_total           BIGINT NOT NULL DEFAULT 0,
    accepted_min             BIGINT NOT NULL DEFAULT 2147483647,
    accepted_max             BIGINT NOT NULL DEFAULT 0,
    canceled_n               BIGINT NOT NULL DEFAULT 0,
    canceled_total           BIGINT NOT NULL DEFAULT 0,
    canceled_min             BIGINT NOT NULL DEFAULT 2147483647,
    canceled_max             BIGINT NOT NULL DEFAULT 0,
    queued_n                 BIGINT NOT NULL DEFAULT 0,
    queued_total             BIGINT NOT NULL DEFAULT 0,
    queued_min               BIGINT NOT NULL DEFAULT 2147483647,
    queued_max               BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_sid, period, subject_sid, task_channel_sid)
) WITHOUT ROWID;

-- How many waits of each length ended in a period: thresholds are chosen by
-- whoever asks.
CREATE TABLE statistics_waits (
    workspace_sid    TEXT NOT NULL,
    period           BIGINT NOT NULL,
    subject_sid      TEXT NOT NULL,
    task_channel_sid TEXT NOT NULL,
    outcome          TEXT NOT NULL,
    wait             BIGINT NOT NULL,
    n                BIGINT NOT NULL,
    PRIMARY KEY (workspace_sid, period, subject_sid, task_channel_sid, outcome, wait)
) WITHOUT ROWID;

-- The time workers spent in activities they have left.
CREATE TABLE statistics_stays (
    workspace_sid TEXT NOT NULL,
    until_at      BIGINT NOT NULL,
    worker_sid    TEXT NOT NULL,
    since_at      BIGINT NOT NULL,
    activity_sid  TEXT NOT NULL,
    PRIMARY KEY (workspace_sid, until_at, worker_sid)
) WITHOUT ROWID;
CREATE INDEX statistics_stays_worker ON statistics_stays (worker_sid, until_at);

-- Counts of tasks and workers as they are now, from these indexes alone.
CREATE INDEX tasks_census ON tasks (workspace_sid, queue_sid, task_channel_sid, workflow_sid, status, priority, created_at, queue_entered_at, sid);
CREATE INDEX workers_activity ON workers (workspace_sid, activity_sid, sid);
