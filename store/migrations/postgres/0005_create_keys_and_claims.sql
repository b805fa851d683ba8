-- +goose Up

-- API keys. Only a digest of the secret is kept.
CREATE TABLE api_keys (
    sid           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid   TEXT COLLATE "C" NOT NULL,
    friendly_name TEXT NOT NULL,
    secret_hash   BYTEA NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX api_keys_list ON api_keys (account_sid, created_at, sid);

-- Requests that carry an idempotency token. resource_sid is the SID the created
-- resource has; is_done is set by the transaction that creates it. answer_status
-- is 0 until the request was answered.
CREATE TABLE claims (
    account_sid   TEXT COLLATE "C" NOT NULL,
    claim_key     TEXT COLLATE "C" NOT NULL,
    fingerprint   TEXT COLLATE "C" NOT NULL,
    resource_sid  TEXT COLLATE "C" NOT NULL,
    is_done       BOOLEAN NOT NULL,
    held_until    BIGINT NOT NULL,
    answer_status BIGINT NOT NULL,
    answer_etag   TEXT NOT NULL,
    answer_body   TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (account_sid, claim_key)
);
CREATE UNIQUE INDEX claims_resource ON claims (resource_sid);
CREATE INDEX claims_age ON claims (created_at);
