-- +goose Up

-- Each request that sent an event to a callback URL, each that is still to be
-- made because a client asked for it, and each event that the filter left out.
CREATE TABLE delivery_attempts (
    workspace_sid   TEXT COLLATE "C" NOT NULL,
    seq             BIGINT NOT NULL,
    number          BIGINT NOT NULL,
    sid             TEXT COLLATE "C" NOT NULL,
    account_sid     TEXT COLLATE "C" NOT NULL,
    event_sid       TEXT COLLATE "C" NOT NULL,
    is_manual       BOOLEAN NOT NULL,
    status          TEXT NOT NULL,
    target          TEXT NOT NULL,
    response_status BIGINT NOT NULL,
    fault           TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    sent_at         BIGINT NOT NULL,
    took            BIGINT NOT NULL,
    PRIMARY KEY (workspace_sid, seq, number)
);
CREATE INDEX delivery_attempts_queued ON delivery_attempts (workspace_sid, seq, number) WHERE status = 'queued';

-- Until now there was one line an event: its last request.
INSERT INTO delivery_attempts (workspace_sid, seq, number, sid, account_sid, event_sid, is_manual, status, target,
    response_status, fault, created_at, sent_at, took)
SELECT d.workspace_sid, d.seq, d.attempts, 'ED' || SUBSTR(d.event_sid, 3), e.account_sid, d.event_sid, FALSE,
    CASE d.status WHEN 'skipped' THEN 'filtered' ELSE d.status END, '', d.last_status, '', d.at, d.at, 0
FROM event_deliveries AS d JOIN events AS e ON e.workspace_sid = d.workspace_sid AND e.seq = d.seq;
DROP TABLE event_deliveries;
