-- The tables of fusillade-arsenal that the queries name. Lethe never makes them:
-- this is for sqlc alone, as migrations are for the others.

CREATE TABLE request_templates_g2 (
    created_on     date NOT NULL,
    id             uuid NOT NULL,
    file_id        uuid,
    body           text NOT NULL,
    updated_at     timestamptz NOT NULL
);

CREATE TABLE request_template_routes (
    id         uuid NOT NULL,
    created_on date NOT NULL
);

CREATE TABLE retained_response_objects (
    delete_on    date NOT NULL,
    group_id     uuid NOT NULL,
    object_kind  text NOT NULL,
    object_id    uuid NOT NULL,
    created_by   text,
    service_tier text,
    state        text,
    model        text,
    created_at   timestamptz,
    payload      jsonb NOT NULL
);

CREATE TABLE retained_response_request_routes (
    request_id uuid NOT NULL,
    group_id   uuid NOT NULL,
    delete_on  date NOT NULL
);

CREATE TABLE retained_response_group_routes (
    group_id  uuid NOT NULL,
    delete_on date NOT NULL
);

CREATE TABLE retained_response_buckets (
    delete_on     date NOT NULL,
    partition_oid oid NOT NULL,
    state         text NOT NULL
);

CREATE TABLE retained_response_resurrection_fences (
    object_id  uuid NOT NULL,
    reason     text NOT NULL,
    expires_at timestamptz NOT NULL
);
