-- +goose Up

-- The waits that ended in an hour or a day that is over, folded into one text a
-- subject and channel: entries such as a42:7; for seven waits of 42 seconds that
-- ended with an acceptance (c: with a cancellation). An entry may stand more
-- than once; its counts add up.
CREATE TABLE statistics_histograms (
    workspace_sid    TEXT NOT NULL,
    period           BIGINT NOT NULL,
    subject_sid      TEXT NOT NULL,
    task_channel_sid TEXT NOT NULL,
    waits            TEXT NOT NULL,
    PRIMARY KEY (workspace_sid, period, subject_sid, task_channel_sid)
) WITHOUT ROWID;
