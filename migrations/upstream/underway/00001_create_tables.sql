-- +goose Up
CREATE SCHEMA IF NOT EXISTS underway;

CREATE TYPE underway.task_state AS ENUM ('pending', 'in_progress', 'succeeded', 'cancelled', 'failed');

CREATE TYPE underway.task_retry_policy AS (
    max_attempts        integer,
    initial_interval_ms integer,
    max_interval_ms     integer,
    backoff_coefficient double precision
);

CREATE TABLE underway.task_queue (
    name       text PRIMARY KEY,
    dlq_name   text REFERENCES underway.task_queue (name),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE underway.task (
    id                uuid NOT NULL,
    task_queue_name   text NOT NULL REFERENCES underway.task_queue (name),
    input             jsonb NOT NULL,
    state             underway.task_state NOT NULL DEFAULT 'pending',
    timeout           interval NOT NULL DEFAULT '15 minutes',
    ttl               interval NOT NULL DEFAULT '14 days',
    delay             interval NOT NULL DEFAULT '0 seconds',
    concurrency_key   text,
    priority          integer NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    retry_policy      underway.task_retry_policy NOT NULL
        DEFAULT ROW(5, 1000, 60000, 2.0)::underway.task_retry_policy,
    completed_at      timestamptz,
    last_attempt_at   timestamptz,
    heartbeat         interval NOT NULL DEFAULT '30 seconds',
    last_heartbeat_at timestamptz,
    PRIMARY KEY (task_queue_name, id)
);

CREATE UNIQUE INDEX task_concurrency_key
    ON underway.task (task_queue_name, concurrency_key)
    WHERE concurrency_key IS NOT NULL AND state IN ('pending', 'in_progress');

-- dwctl has no such index: without it, an erasure reads every job there is.
CREATE INDEX task_response_idx
    ON underway.task ((input -> 'step_input' ->> 'request_id'))
    WHERE task_queue_name IN ('create-response', 'complete-response');
