-- +goose Up

-- What is known about the placing of agents' legs, kept so that neither a crash
-- nor a lost reply rings an agent twice.
CREATE TABLE dial_attempts (
    backend      TEXT NOT NULL,
    attempt      TEXT NOT NULL,
    state        TEXT NOT NULL,
    to_address   TEXT NOT NULL,
    from_address TEXT NOT NULL,
    placement    BIGINT NOT NULL,
    started_at   BIGINT NOT NULL,
    sent_at      BIGINT NOT NULL,
    failure      BIGINT NOT NULL,
    PRIMARY KEY (backend, attempt)
);
CREATE INDEX dial_attempts_started ON dial_attempts (started_at);

CREATE TABLE dial_attempt_calls (
    backend  TEXT NOT NULL,
    call_sid TEXT NOT NULL,
    attempt  TEXT NOT NULL,
    PRIMARY KEY (backend, call_sid)
);
CREATE INDEX dial_attempt_calls_attempt ON dial_attempt_calls (backend, attempt);
