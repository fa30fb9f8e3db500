-- +goose Up
CREATE TABLE http_requests (
    id             bigserial NOT NULL,
    instance_id    uuid NOT NULL,
    correlation_id bigint NOT NULL,
    timestamp      timestamptz NOT NULL,
    method         varchar(10) NOT NULL,
    uri            text NOT NULL,
    headers        jsonb NOT NULL,
    body           jsonb,
    body_parsed    boolean,
    created_at     timestamptz NOT NULL DEFAULT now(),
    trace_id       varchar(32),
    span_id        varchar(16),
    PRIMARY KEY (id, timestamp)
) PARTITION BY RANGE (timestamp);

CREATE TABLE http_responses (
    id                        bigserial NOT NULL,
    instance_id               uuid NOT NULL,
    correlation_id            bigint NOT NULL,
    timestamp                 timestamptz NOT NULL,
    status_code               integer NOT NULL,
    headers                   jsonb NOT NULL,
    body                      jsonb,
    body_parsed               boolean,
    duration_to_first_byte_ms bigint NOT NULL,
    duration_ms               bigint NOT NULL,
    created_at                timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, timestamp)
) PARTITION BY RANGE (timestamp);

CREATE TABLE http_requests_default PARTITION OF http_requests DEFAULT;
CREATE TABLE http_responses_default PARTITION OF http_responses DEFAULT;

CREATE INDEX http_requests_instance_correlation_idx ON http_requests (instance_id, correlation_id);
CREATE INDEX http_responses_instance_correlation_idx ON http_responses (instance_id, correlation_id);
