-- +goose Up
-- Times and durations are integer microseconds (UTC, 0 = not set); JSON is text.

CREATE TABLE accounts (
    sid                    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    friendly_name          TEXT NOT NULL,
    auth_token_sealed      BYTEA,
    secondary_token_sealed BYTEA,
    verify_voice_signature BOOLEAN NOT NULL,
    created_at             BIGINT NOT NULL,
    updated_at             BIGINT NOT NULL
);

CREATE TABLE workspaces (
    sid                    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid            TEXT COLLATE "C" NOT NULL,
    friendly_name          TEXT NOT NULL,
    default_activity_sid   TEXT COLLATE "C" NOT NULL,
    timeout_activity_sid   TEXT COLLATE "C" NOT NULL,
    event_callback_url     TEXT NOT NULL,
    events_filter          TEXT NOT NULL,
    multi_task_enabled     BOOLEAN NOT NULL,
    prioritize_queue_order TEXT NOT NULL,
    deleting               BOOLEAN NOT NULL,
    version                BIGINT NOT NULL,
    created_at             BIGINT NOT NULL,
    updated_at             BIGINT NOT NULL
);
CREATE INDEX workspaces_list ON workspaces (account_sid, created_at, sid);

-- The row every writer of a workspace locks. No foreign key points here, so
-- that no other statement ever takes a lock on it.
CREATE TABLE workspace_locks (
    workspace_sid   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid     TEXT COLLATE "C" NOT NULL,
    config_revision BIGINT NOT NULL,
    event_seq       BIGINT NOT NULL,
    next_due        BIGINT NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE activities (
    sid           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid   TEXT COLLATE "C" NOT NULL,
    workspace_sid TEXT COLLATE "C" NOT NULL REFERENCES workspaces (sid),
    friendly_name TEXT NOT NULL,
    available     BOOLEAN NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX activities_list ON activities (workspace_sid, created_at, sid);

CREATE TABLE task_channels (
    sid               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid       TEXT COLLATE "C" NOT NULL,
    workspace_sid     TEXT COLLATE "C" NOT NULL REFERENCES workspaces (sid),
    friendly_name     TEXT NOT NULL,
    unique_name       TEXT NOT NULL,
    optimized_routing BOOLEAN NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL
);
CREATE INDEX task_channels_list ON task_channels (workspace_sid, created_at, sid);
CREATE UNIQUE INDEX task_channels_name ON task_channels (workspace_sid, unique_name);

CREATE TABLE task_queues (
    sid                      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid              TEXT COLLATE "C" NOT NULL,
    workspace_sid            TEXT COLLATE "C" NOT NULL REFERENCES workspaces (sid),
    friendly_name            TEXT NOT NULL,
    target_workers           TEXT NOT NULL,
    max_reserved_workers     BIGINT NOT NULL,
    task_order               TEXT NOT NULL,
    reservation_activity_sid TEXT COLLATE "C" NOT NULL,
    assignment_activity_sid  TEXT COLLATE "C" NOT NULL,
    expression_version       BIGINT NOT NULL,
    created_at               BIGINT NOT NULL,
    updated_at               BIGINT NOT NULL
);
CREATE INDEX task_queues_list ON task_queues (workspace_sid, created_at, sid);

CREATE TABLE workflows (
    sid                 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid         TEXT COLLATE "C" NOT NULL,
    workspace_sid       TEXT COLLATE "C" NOT NULL REFERENCES workspaces (sid),
    friendly_name       TEXT NOT NULL,
    configuration       TEXT NOT NULL,
    config_version      BIGINT NOT NULL,
    callback_url        TEXT NOT NULL,
    fallback_url        TEXT NOT NULL,
    reservation_timeout BIGINT NOT NULL,
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL
);
CREATE INDEX workflows_list ON workflows (workspace_sid, created_at, sid);

-- Every text a configuration ever had: waiting tasks follow the one they
-- entered with.
CREATE TABLE workflow_versions (
    workflow_sid   TEXT COLLATE "C" NOT NULL,
    config_version BIGINT NOT NULL,
    workspace_sid  TEXT COLLATE "C" NOT NULL,
    configuration  TEXT NOT NULL,
    PRIMARY KEY (workflow_sid, config_version)
);

-- name_key is the lower-case friendly name, computed by the program so that
-- all databases agree on it.
CREATE TABLE workers (
    sid                 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid         TEXT COLLATE "C" NOT NULL,
    workspace_sid       TEXT COLLATE "C" NOT NULL REFERENCES workspaces (sid),
    friendly_name       TEXT NOT NULL,
    name_key            TEXT NOT NULL,
    activity_sid        TEXT COLLATE "C" NOT NULL,
    available           BOOLEAN NOT NULL,
    attributes          TEXT NOT NULL,
    date_status_changed BIGINT NOT NULL,
    last_reserved_at    BIGINT NOT NULL,
    version             BIGINT NOT NULL,
    eligibility_version BIGINT NOT NULL,
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL
);
CREATE INDEX workers_list ON workers (workspace_sid, created_at, sid);
CREATE INDEX workers_sweep ON workers (workspace_sid, sid);
CREATE UNIQUE INDEX workers_name ON workers (workspace_sid, name_key);

-- worker_available and worker_idle_at repeat the worker's own columns, so that
-- "who is free on this channel, longest idle first" is a walk along one index.
CREATE TABLE worker_channels (
    sid                 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid         TEXT COLLATE "C" NOT NULL,
    workspace_sid       TEXT COLLATE "C" NOT NULL,
    worker_sid          TEXT COLLATE "C" NOT NULL REFERENCES workers (sid) ON DELETE CASCADE,
    task_channel_sid    TEXT COLLATE "C" NOT NULL,
    task_channel_name   TEXT NOT NULL,
    available           BOOLEAN NOT NULL,
    configured_capacity BIGINT NOT NULL,
    pending             BIGINT NOT NULL,
    accepted            BIGINT NOT NULL,
    wrapping            BIGINT NOT NULL,
    last_reserved_at    BIGINT NOT NULL,
    worker_available    BOOLEAN NOT NULL,
    worker_idle_at      BIGINT NOT NULL,
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL
);
CREATE UNIQUE INDEX worker_channels_worker ON worker_channels (worker_sid, task_channel_sid);
CREATE INDEX worker_channels_idle ON worker_channels (workspace_sid, task_channel_sid, worker_idle_at, worker_sid)
    WHERE worker_available AND available AND configured_capacity > pending + accepted + wrapping;
CREATE INDEX worker_channels_channel_idle ON worker_channels (workspace_sid, task_channel_sid, last_reserved_at, worker_sid)
    WHERE worker_available AND available AND configured_capacity > pending + accepted + wrapping;

CREATE TABLE queue_members (
    queue_sid     TEXT COLLATE "C" NOT NULL,
    worker_sid    TEXT COLLATE "C" NOT NULL,
    workspace_sid TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (queue_sid, worker_sid)
);
CREATE INDEX queue_members_worker ON queue_members (worker_sid, queue_sid);

-- deadline is the earliest instant at which the task has something due.
CREATE TABLE tasks (
    sid                  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid          TEXT COLLATE "C" NOT NULL,
    workspace_sid        TEXT COLLATE "C" NOT NULL,
    status               TEXT NOT NULL,
    is_ended             BOOLEAN NOT NULL,
    attributes           TEXT NOT NULL,
    priority             BIGINT NOT NULL,
    reason               TEXT NOT NULL,
    timeout              BIGINT NOT NULL,
    virtual_start_at     BIGINT NOT NULL,
    task_channel_sid     TEXT COLLATE "C" NOT NULL,
    workflow_sid         TEXT COLLATE "C" NOT NULL,
    queue_sid            TEXT COLLATE "C" NOT NULL,
    queue_entered_at     BIGINT NOT NULL,
    route_config_version BIGINT NOT NULL,
    route_filter         BIGINT NOT NULL,
    route_target         BIGINT NOT NULL,
    route_entered_at     BIGINT NOT NULL,
    route_deadline       BIGINT NOT NULL,
    route_due            BOOLEAN NOT NULL,
    route_re_evaluate    TEXT NOT NULL,
    route_direct         TEXT NOT NULL,
    routing_target       TEXT NOT NULL,
    ignore_capacity      BOOLEAN,
    assignments          BIGINT NOT NULL,
    failed_offers        BIGINT NOT NULL,
    offer_not_before     BIGINT NOT NULL,
    demand_class         TEXT COLLATE "C" NOT NULL,
    call_sid             TEXT COLLATE "C" NOT NULL,
    wrap_up              BIGINT NOT NULL,
    assigned_at          BIGINT NOT NULL,
    wrapping_at          BIGINT NOT NULL,
    ended_at             BIGINT NOT NULL,
    remove_at            BIGINT NOT NULL,
    deadline             BIGINT NOT NULL,
    version              BIGINT NOT NULL,
    revision             BIGINT NOT NULL,
    created_at           BIGINT NOT NULL,
    updated_at           BIGINT NOT NULL
);
CREATE INDEX tasks_list ON tasks (workspace_sid, created_at, sid);
CREATE INDEX tasks_deadline ON tasks (workspace_sid, deadline) WHERE deadline > 0;
CREATE INDEX tasks_remove ON tasks (remove_at) WHERE remove_at > 0;
CREATE INDEX tasks_workflow ON tasks (workflow_sid, sid) WHERE NOT is_ended;
CREATE INDEX tasks_queue ON tasks (queue_sid, sid) WHERE NOT is_ended;
CREATE INDEX tasks_fifo ON tasks (workspace_sid, demand_class, priority DESC, virtual_start_at, created_at, sid)
    WHERE demand_class <> '';
CREATE INDEX tasks_lifo ON tasks (workspace_sid, demand_class, virtual_start_at, created_at, sid)
    WHERE demand_class <> '';

CREATE TABLE reservations (
    sid                    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid            TEXT COLLATE "C" NOT NULL,
    workspace_sid          TEXT COLLATE "C" NOT NULL,
    task_sid               TEXT COLLATE "C" NOT NULL,
    worker_sid             TEXT COLLATE "C" NOT NULL,
    worker_name            TEXT NOT NULL,
    status                 TEXT NOT NULL,
    is_open                BOOLEAN NOT NULL,
    reason_code            TEXT NOT NULL,
    task_channel_sid       TEXT COLLATE "C" NOT NULL,
    queue_sid              TEXT COLLATE "C" NOT NULL,
    workflow_sid           TEXT COLLATE "C" NOT NULL,
    deadline               BIGINT NOT NULL,
    callback               TEXT NOT NULL,
    instruction            TEXT NOT NULL,
    post_work_activity_sid TEXT COLLATE "C" NOT NULL,
    previous_activity_sid  TEXT COLLATE "C" NOT NULL,
    ignores_capacity       BOOLEAN NOT NULL,
    decision               TEXT NOT NULL,
    accepted_at            BIGINT NOT NULL,
    wrapping_at            BIGINT NOT NULL,
    ended_at               BIGINT NOT NULL,
    version                BIGINT NOT NULL,
    created_at             BIGINT NOT NULL,
    updated_at             BIGINT NOT NULL
);
CREATE INDEX reservations_task ON reservations (task_sid, created_at, sid);
CREATE INDEX reservations_worker ON reservations (worker_sid, created_at, sid);
CREATE INDEX reservations_open ON reservations (worker_sid) WHERE is_open;

CREATE TABLE demand_classes (
    workspace_sid     TEXT COLLATE "C" NOT NULL,
    class_key         TEXT COLLATE "C" NOT NULL,
    queue_sid         TEXT COLLATE "C" NOT NULL,
    channel_sid       TEXT COLLATE "C" NOT NULL,
    workflow_sid      TEXT COLLATE "C" NOT NULL,
    config_version    BIGINT NOT NULL,
    filter_index      BIGINT NOT NULL,
    target_index      BIGINT NOT NULL,
    worker_sid        TEXT COLLATE "C" NOT NULL,
    ignore_membership BOOLEAN NOT NULL,
    sample            TEXT NOT NULL,
    waiting           BIGINT NOT NULL,
    PRIMARY KEY (workspace_sid, class_key)
);
CREATE INDEX demand_classes_queue ON demand_classes (queue_sid, worker_sid);
CREATE INDEX demand_classes_worker ON demand_classes (worker_sid) WHERE worker_sid <> '';

CREATE TABLE events (
    workspace_sid    TEXT COLLATE "C" NOT NULL,
    seq              BIGINT NOT NULL,
    sid              TEXT COLLATE "C" NOT NULL,
    account_sid      TEXT COLLATE "C" NOT NULL,
    type             TEXT NOT NULL,
    description      TEXT NOT NULL,
    at               BIGINT NOT NULL,
    data             TEXT NOT NULL,
    resource_type    TEXT NOT NULL,
    resource_sid     TEXT NOT NULL,
    actor_type       TEXT NOT NULL,
    actor_sid        TEXT NOT NULL,
    actor_source     TEXT NOT NULL,
    actor_ip         TEXT NOT NULL,
    task_sid         TEXT COLLATE "C" NOT NULL,
    worker_sid       TEXT COLLATE "C" NOT NULL,
    reservation_sid  TEXT COLLATE "C" NOT NULL,
    queue_sid        TEXT COLLATE "C" NOT NULL,
    workflow_sid     TEXT COLLATE "C" NOT NULL,
    task_channel_sid TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_sid, seq)
);
CREATE UNIQUE INDEX events_sid ON events (sid);
CREATE INDEX events_at ON events (workspace_sid, at);
CREATE INDEX events_task ON events (workspace_sid, task_sid, seq) WHERE task_sid <> '';
CREATE INDEX events_worker ON events (workspace_sid, worker_sid, seq) WHERE worker_sid <> '';

-- The outbox: one row a task whose durable run must learn of a revision.
CREATE TABLE notices (
    task_sid      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid   TEXT COLLATE "C" NOT NULL,
    workspace_sid TEXT COLLATE "C" NOT NULL,
    revision      BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    is_first      BOOLEAN NOT NULL
);
CREATE INDEX notices_due ON notices (due_at, task_sid);

CREATE TABLE jobs (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    workspace_sid TEXT COLLATE "C" NOT NULL,
    kind          TEXT NOT NULL,
    subject_sid   TEXT NOT NULL,
    cursor_sid    TEXT COLLATE "C" NOT NULL,
    created_at    BIGINT NOT NULL
);
CREATE INDEX jobs_workspace ON jobs (workspace_sid, created_at, id);

CREATE TABLE calls (
    account_sid    TEXT COLLATE "C" NOT NULL,
    backend        TEXT COLLATE "C" NOT NULL,
    call_sid       TEXT COLLATE "C" NOT NULL,
    workspace_sid  TEXT COLLATE "C" NOT NULL,
    call_queue_sid TEXT COLLATE "C" NOT NULL,
    from_address   TEXT NOT NULL,
    to_address     TEXT NOT NULL,
    state          TEXT NOT NULL,
    is_ended       BOOLEAN NOT NULL,
    menu_step      TEXT NOT NULL,
    menu_tries     BIGINT NOT NULL,
    menu_facts     TEXT NOT NULL,
    facts          TEXT NOT NULL,
    task_sid       TEXT COLLATE "C" NOT NULL,
    room           TEXT NOT NULL,
    end_cause      TEXT NOT NULL,
    ended_at       BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    PRIMARY KEY (account_sid, backend, call_sid)
);
CREATE INDEX calls_task ON calls (task_sid) WHERE task_sid <> '';
CREATE INDEX calls_live ON calls (backend) WHERE NOT is_ended;
CREATE INDEX calls_ended ON calls (ended_at) WHERE is_ended;

CREATE TABLE legs (
    attempt         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid     TEXT COLLATE "C" NOT NULL,
    workspace_sid   TEXT COLLATE "C" NOT NULL,
    task_sid        TEXT COLLATE "C" NOT NULL,
    reservation_sid TEXT COLLATE "C" NOT NULL,
    worker_sid      TEXT COLLATE "C" NOT NULL,
    backend         TEXT COLLATE "C" NOT NULL,
    instance        TEXT NOT NULL,
    purpose         TEXT NOT NULL,
    to_address      TEXT NOT NULL,
    from_address    TEXT NOT NULL,
    url             TEXT NOT NULL,
    call_sids       TEXT NOT NULL,
    call_sid        TEXT COLLATE "C" NOT NULL,
    state           TEXT NOT NULL,
    is_ended        BOOLEAN NOT NULL,
    end_cause       TEXT NOT NULL,
    placements      BIGINT NOT NULL,
    outcome_unknown BOOLEAN NOT NULL,
    hang_up         BOOLEAN NOT NULL,
    ring_timeout    BIGINT NOT NULL,
    deadline        BIGINT NOT NULL,
    answered_at     BIGINT NOT NULL,
    joined_at       BIGINT NOT NULL,
    ended_at        BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX legs_task ON legs (task_sid);
CREATE INDEX legs_reservation ON legs (reservation_sid);
CREATE INDEX legs_worker ON legs (worker_sid) WHERE NOT is_ended;
CREATE INDEX legs_live ON legs (backend) WHERE NOT is_ended;

-- Every call of the platform that belongs to an attempt.
CREATE TABLE leg_calls (
    backend  TEXT COLLATE "C" NOT NULL,
    call_sid TEXT COLLATE "C" NOT NULL,
    attempt  TEXT COLLATE "C" NOT NULL REFERENCES legs (attempt) ON DELETE CASCADE,
    PRIMARY KEY (backend, call_sid)
);
CREATE INDEX leg_calls_attempt ON leg_calls (attempt);

CREATE TABLE call_queues (
    sid            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_sid    TEXT COLLATE "C" NOT NULL,
    workspace_sid  TEXT COLLATE "C" NOT NULL REFERENCES workspaces (sid),
    friendly_name  TEXT NOT NULL,
    workflow_sid   TEXT COLLATE "C" NOT NULL,
    menu           TEXT NOT NULL,
    hold_music_url TEXT NOT NULL,
    instruction    TEXT NOT NULL,
    backend        TEXT COLLATE "C" NOT NULL,
    wrap_up        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);
CREATE INDEX call_queues_list ON call_queues (workspace_sid, created_at, sid);

CREATE TABLE call_queue_numbers (
    backend        TEXT COLLATE "C" NOT NULL,
    phone_number   TEXT COLLATE "C" NOT NULL,
    call_queue_sid TEXT COLLATE "C" NOT NULL REFERENCES call_queues (sid) ON DELETE CASCADE,
    position       BIGINT NOT NULL,
    PRIMARY KEY (backend, phone_number)
);
CREATE INDEX call_queue_numbers_queue ON call_queue_numbers (call_queue_sid, position);
