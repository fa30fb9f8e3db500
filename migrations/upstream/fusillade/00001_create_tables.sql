-- +goose Up
CREATE TABLE files (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name                 text NOT NULL,
    description          text,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    size_bytes           bigint NOT NULL DEFAULT 0,
    status               text NOT NULL DEFAULT 'processed',
    error_message        text,
    purpose              text,
    expires_at           timestamptz,
    deleted_at           timestamptz,
    uploaded_by          text,
    size_finalized       boolean NOT NULL DEFAULT false,
    api_key_id           uuid,
    source_connection_id uuid,
    source_external_key  text,
    CONSTRAINT files_size_bytes_check CHECK (size_bytes >= 0),
    CONSTRAINT files_status_check CHECK (status IN ('processed', 'error', 'deleted', 'expired'))
);

CREATE TABLE batches (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    file_id              uuid REFERENCES files (id) ON DELETE SET NULL,
    created_at           timestamptz NOT NULL DEFAULT now(),
    metadata             jsonb DEFAULT '{}',
    completion_window    text NOT NULL DEFAULT '24h',
    endpoint             text NOT NULL DEFAULT '/v1/chat/completions',
    output_file_id       uuid UNIQUE REFERENCES files (id) ON DELETE SET NULL,
    error_file_id        uuid UNIQUE REFERENCES files (id) ON DELETE SET NULL,
    created_by           text NOT NULL DEFAULT '',
    expires_at           timestamptz NOT NULL,
    cancelling_at        timestamptz,
    errors               jsonb,
    total_requests       bigint NOT NULL DEFAULT 0,
    requests_started_at  timestamptz,
    finalizing_at        timestamptz,
    completed_at         timestamptz,
    failed_at            timestamptz,
    cancelled_at         timestamptz,
    deleted_at           timestamptz,
    notification_sent_at timestamptz,
    api_key_id           uuid,
    api_key              text
);

CREATE TABLE request_templates (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    file_id        uuid REFERENCES files (id) ON DELETE SET NULL,
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
    body_byte_size bigint NOT NULL DEFAULT 0
);

CREATE TABLE requests (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    batch_id        uuid REFERENCES batches (id) ON DELETE SET NULL,
    template_id     uuid REFERENCES request_templates (id) ON DELETE SET NULL,
    state           text NOT NULL DEFAULT 'pending',
    retry_attempt   integer NOT NULL DEFAULT 0,
    not_before      timestamptz,
    daemon_id       uuid,
    claimed_at      timestamptz,
    started_at      timestamptz,
    response_status smallint,
    response_body   text,
    completed_at    timestamptz,
    error           text,
    failed_at       timestamptz,
    canceled_at     timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    custom_id       text,
    model           text NOT NULL,
    response_size   bigint NOT NULL DEFAULT 0,
    routed_model    text,
    service_tier    text,
    created_by      text,
    CONSTRAINT state_check
        CHECK (state IN ('pending', 'claimed', 'processing', 'completed', 'failed', 'canceled')),
    CONSTRAINT pending_fields_check CHECK (
        state <> 'pending'
        OR (daemon_id IS NULL AND claimed_at IS NULL AND started_at IS NULL)
    ),
    CONSTRAINT claimed_fields_check CHECK (
        state <> 'claimed'
        OR (daemon_id IS NOT NULL AND claimed_at IS NOT NULL AND started_at IS NULL)
    ),
    CONSTRAINT processing_fields_check CHECK (
        state <> 'processing'
        OR (daemon_id IS NOT NULL AND claimed_at IS NOT NULL AND started_at IS NOT NULL)
    ),
    CONSTRAINT completed_fields_check CHECK (
        state <> 'completed'
        OR (response_status IS NOT NULL AND response_body IS NOT NULL AND completed_at IS NOT NULL)
    ),
    CONSTRAINT failed_fields_check CHECK (
        state <> 'failed' OR (error IS NOT NULL AND failed_at IS NOT NULL)
    ),
    CONSTRAINT canceled_fields_check CHECK (state <> 'canceled' OR canceled_at IS NOT NULL),
    CONSTRAINT requests_attribution_xor CHECK ((batch_id IS NULL) <> (created_by IS NULL)),
    CONSTRAINT requests_service_tier_check CHECK (
        service_tier IS NULL OR service_tier IN ('auto', 'default', 'flex', 'priority')
    )
);

CREATE INDEX idx_requests_user_active_sort ON requests (
    created_by,
    (CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END),
    created_at DESC, id DESC, service_tier
) WHERE created_by IS NOT NULL;
CREATE INDEX idx_requests_user_created_sort ON requests (
    created_by, created_at DESC, id DESC, service_tier
) WHERE created_by IS NOT NULL;
CREATE INDEX idx_requests_active_sort ON requests (
    (CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END),
    created_at DESC, id DESC, service_tier
);
CREATE INDEX idx_requests_created_sort ON requests (created_at DESC, id DESC, service_tier);
CREATE INDEX idx_requests_model ON requests (model);
CREATE INDEX idx_requests_state ON requests (state);
CREATE INDEX idx_requests_template_id ON requests (template_id);
CREATE INDEX idx_requests_created_at ON requests (created_at);

CREATE TABLE response_steps (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    request_id       uuid REFERENCES requests (id) ON DELETE CASCADE,
    prev_step_id     uuid REFERENCES response_steps (id) ON DELETE CASCADE,
    parent_step_id   uuid REFERENCES response_steps (id) ON DELETE CASCADE,
    step_kind        text NOT NULL,
    step_sequence    bigint NOT NULL,
    request_payload  jsonb NOT NULL,
    response_payload jsonb,
    state            text NOT NULL DEFAULT 'pending',
    started_at       timestamptz,
    completed_at     timestamptz,
    failed_at        timestamptz,
    canceled_at      timestamptz,
    retry_attempt    integer NOT NULL DEFAULT 0,
    error            jsonb,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT response_steps_kind_check CHECK (step_kind IN ('model_call', 'tool_call')),
    CONSTRAINT response_steps_state_check
        CHECK (state IN ('pending', 'processing', 'completed', 'failed', 'canceled')),
    CONSTRAINT response_steps_request_id_step_kind_check
        CHECK ((step_kind = 'model_call') = (request_id IS NOT NULL)),
    CONSTRAINT response_steps_pending_fields_check CHECK (
        state <> 'pending'
        OR (started_at IS NULL AND completed_at IS NULL AND failed_at IS NULL
            AND canceled_at IS NULL AND response_payload IS NULL AND error IS NULL)
    ),
    CONSTRAINT response_steps_processing_fields_check CHECK (
        state <> 'processing'
        OR (started_at IS NOT NULL AND completed_at IS NULL AND failed_at IS NULL
            AND canceled_at IS NULL AND response_payload IS NULL AND error IS NULL)
    ),
    CONSTRAINT response_steps_completed_fields_check CHECK (
        state <> 'completed'
        OR (started_at IS NOT NULL AND completed_at IS NOT NULL AND response_payload IS NOT NULL
            AND failed_at IS NULL AND canceled_at IS NULL AND error IS NULL)
    ),
    CONSTRAINT response_steps_failed_fields_check CHECK (
        state <> 'failed'
        OR (failed_at IS NOT NULL AND error IS NOT NULL
            AND completed_at IS NULL AND canceled_at IS NULL AND response_payload IS NULL)
    ),
    CONSTRAINT response_steps_canceled_fields_check CHECK (
        state <> 'canceled'
        OR (canceled_at IS NOT NULL AND completed_at IS NULL AND failed_at IS NULL
            AND response_payload IS NULL AND error IS NULL)
    )
);

CREATE UNIQUE INDEX response_steps_request_id_key
    ON response_steps (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX response_steps_parent_idx
    ON response_steps (parent_step_id, step_sequence) WHERE parent_step_id IS NOT NULL;
CREATE INDEX response_steps_prev_idx
    ON response_steps (prev_step_id) WHERE prev_step_id IS NOT NULL;

-- +goose StatementBegin
CREATE FUNCTION set_updated_at() RETURNS trigger AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
-- +goose StatementEnd

CREATE TRIGGER requests_updated_at BEFORE UPDATE ON requests
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER request_templates_updated_at BEFORE UPDATE ON request_templates
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER response_steps_updated_at BEFORE UPDATE ON response_steps
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
