-- The tables of fusillade-arsenal 4.1.0, as far as they differ from those of
-- fusillade 24.1.0.

DROP TABLE fusillade.response_steps;
ALTER TABLE fusillade.requests DROP CONSTRAINT requests_template_id_fkey;

CREATE TABLE fusillade.request_templates_g2 (
    created_on     date NOT NULL,
    id             uuid NOT NULL,
    file_id        uuid,
    endpoint       text NOT NULL,
    method         text NOT NULL,
    path           text NOT NULL,
    body           text NOT NULL DEFAULT '',
    model          text NOT NULL,
    api_key        text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    custom_id      text,
    line_number    integer NOT NULL DEFAULT 0,
    body_byte_size bigint NOT NULL DEFAULT 0,
    metadata       jsonb,
    PRIMARY KEY (created_on, id)
) PARTITION BY RANGE (created_on);
CREATE TABLE fusillade.request_templates_g2_d20260501 PARTITION OF fusillade.request_templates_g2
    FOR VALUES FROM ('2026-05-01') TO ('2026-05-02');
CREATE TABLE fusillade.request_template_routes (
    id         uuid PRIMARY KEY,
    created_on date NOT NULL
);
CREATE TABLE fusillade.request_template_buckets (
    created_on       date PRIMARY KEY,
    partition_schema text NOT NULL,
    partition_table  text NOT NULL,
    partition_oid    oid NOT NULL,
    state            text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retiring', 'retired'))
);
INSERT INTO fusillade.request_template_buckets (created_on, partition_schema, partition_table, partition_oid)
VALUES ('2026-05-01', 'fusillade', 'request_templates_g2_d20260501', 'fusillade.request_templates_g2_d20260501'::regclass);

CREATE TABLE fusillade.retained_response_objects (
    delete_on      date NOT NULL,
    group_id       uuid NOT NULL,
    object_kind    text NOT NULL CHECK (object_kind IN ('group', 'request')),
    object_id      uuid NOT NULL,
    request_id     uuid,
    created_by     text,
    service_tier   text,
    state          text,
    model          text,
    created_at     timestamptz,
    terminal_at    timestamptz,
    schema_version smallint NOT NULL CHECK (schema_version = 1),
    payload        jsonb NOT NULL,
    PRIMARY KEY (delete_on, object_kind, object_id)
) PARTITION BY RANGE (delete_on);
CREATE INDEX ON fusillade.retained_response_objects (delete_on, group_id, object_kind, object_id);
CREATE INDEX ON fusillade.retained_response_objects (delete_on, request_id, object_id) WHERE request_id IS NOT NULL;
CREATE INDEX ON fusillade.retained_response_objects (delete_on, object_id) WHERE object_kind = 'request';
CREATE INDEX ON fusillade.retained_response_objects (created_by, created_at DESC, object_id DESC, delete_on) WHERE object_kind = 'request';
CREATE INDEX ON fusillade.retained_response_objects (state, created_at DESC, delete_on, object_id) WHERE object_kind = 'request';
CREATE INDEX ON fusillade.retained_response_objects (model, created_at DESC, delete_on, object_id) WHERE object_kind = 'request';
CREATE INDEX ON fusillade.retained_response_objects (service_tier, created_at DESC, delete_on, object_id) WHERE object_kind = 'request';
CREATE TABLE fusillade.retained_response_objects_d20270101 PARTITION OF fusillade.retained_response_objects
    FOR VALUES FROM ('2027-01-01') TO ('2027-01-02');
CREATE TABLE fusillade.retained_response_group_routes (
    group_id  uuid PRIMARY KEY,
    delete_on date NOT NULL
);
CREATE TABLE fusillade.retained_response_request_routes (
    request_id uuid PRIMARY KEY,
    group_id   uuid NOT NULL,
    delete_on  date NOT NULL
);
CREATE TABLE fusillade.retained_response_buckets (
    delete_on        date PRIMARY KEY,
    partition_schema text NOT NULL,
    partition_table  text NOT NULL,
    partition_oid    oid NOT NULL,
    state            text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retiring', 'retired'))
);
INSERT INTO fusillade.retained_response_buckets (delete_on, partition_schema, partition_table, partition_oid)
VALUES ('2027-01-01', 'fusillade', 'retained_response_objects_d20270101', 'fusillade.retained_response_objects_d20270101'::regclass);
CREATE TABLE fusillade.retained_response_resurrection_fences (
    object_id  uuid PRIMARY KEY,
    reason     text NOT NULL CHECK (reason IN ('archived', 'erased', 'retired')),
    expires_at timestamptz NOT NULL
);
