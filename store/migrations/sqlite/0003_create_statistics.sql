-- +goose Up

-- What happened in a period, by subject and task channel: written by the
-- transaction that wrote the events, so that a question about any window is
-- answered from a few hundred rows, however many events there were. A period is
-- a second, a minute, an hour or a day; its number begins with which of these.
CREATE TABLE statistics (
    workspace_sid            TEXT NOT NULL,
    period                   BIGINT NOT NULL,
    subject_sid              TEXT NOT NULL,
    task_channel_sid         TEXT NOT NULL,
    tasks_created            BIGINT NOT NULL,
    tasks_entered            BIGINT NOT NULL,
    tasks_canceled           BIGINT NOT NULL,
    tasks_completed          BIGINT NOT NULL,
    tasks_deleted            BIGINT NOT NULL,
    tasks_moved              BIGINT NOT NULL,
    tasks_timed_out          BIGINT NOT NULL,
    reservations_created     BIGINT NOT NULL,
    reservations_accepted    BIGINT NOT NULL,
    reservations_rejected    BIGINT NOT NULL,
    reservations_timed_out   BIGINT NOT NULL,
    reservations_canceled    BIGINT NOT NULL,
    reservations_rescinded   BIGINT NOT NULL,
    accepted_n               BIGINT NOT NULL,
    accepted_total           BIGINT NOT NULL,
    accepted_min             BIGINT NOT NULL,
    accepted_max             BIGINT NOT NULL,
    canceled_n               BIGINT NOT NULL,
    canceled_total           BIGINT NOT NULL,
    canceled_min             BIGINT NOT NULL,
    canceled_max             BIGINT NOT NULL,
    queued_n                 BIGINT NOT NULL,
    queued_total             BIGINT NOT NULL,
    queued_min               BIGINT NOT NULL,
    queued_max               BIGINT NOT NULL,
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
