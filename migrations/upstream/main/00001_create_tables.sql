-- +goose Up
CREATE TYPE public.user_role AS ENUM (
    'PLATFORMMANAGER', 'REQUESTVIEWER', 'STANDARDUSER',
    'BILLINGMANAGER', 'BATCHAPIUSER', 'CONNECTIONSUSER'
);

CREATE TABLE public.users (
    id                                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    username                           varchar NOT NULL UNIQUE,
    email                              varchar NOT NULL,
    display_name                       varchar,
    avatar_url                         varchar,
    auth_source                        varchar NOT NULL DEFAULT 'vouch',
    created_at                         timestamptz NOT NULL DEFAULT now(),
    updated_at                         timestamptz NOT NULL DEFAULT now(),
    last_login                         timestamptz,
    is_admin                           boolean NOT NULL DEFAULT false,
    password_hash                      text,
    external_user_id                   text,
    payment_provider_id                varchar,
    is_deleted                         boolean NOT NULL DEFAULT false,
    is_internal                        boolean NOT NULL DEFAULT false,
    batch_notifications_enabled        boolean NOT NULL DEFAULT false,
    first_batch_email_sent             boolean NOT NULL DEFAULT false,
    low_balance_notification_sent      boolean NOT NULL DEFAULT false,
    low_balance_threshold              real,
    user_type                          varchar NOT NULL DEFAULT 'individual',
    auto_topup_amount                  real,
    auto_topup_threshold               real,
    auto_topup_monthly_limit           real,
    auto_topup_limit_notification_sent boolean NOT NULL DEFAULT false,
    CONSTRAINT chk_user_type CHECK (user_type IN ('individual', 'organization'))
);

CREATE UNIQUE INDEX users_external_user_id_key
    ON public.users (external_user_id) WHERE external_user_id IS NOT NULL;
CREATE UNIQUE INDEX users_individual_identity_key
    ON public.users (email, auth_source, external_user_id) NULLS NOT DISTINCT
    WHERE user_type = 'individual';
CREATE INDEX users_email_idx ON public.users (email);

CREATE TABLE public.user_roles (
    id      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
    role    public.user_role NOT NULL,
    UNIQUE (user_id, role)
);

CREATE TABLE public.user_organizations (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id           uuid REFERENCES public.users (id) ON DELETE CASCADE,
    organization_id   uuid NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
    role              varchar NOT NULL DEFAULT 'member',
    created_at        timestamptz NOT NULL DEFAULT now(),
    status            varchar NOT NULL DEFAULT 'active',
    invite_token_hash varchar,
    invite_email      varchar,
    invited_by        uuid REFERENCES public.users (id),
    expires_at        timestamptz,
    UNIQUE (user_id, organization_id),
    CONSTRAINT user_organizations_role_check CHECK (role IN ('owner', 'admin', 'member')),
    CONSTRAINT user_organizations_status_check CHECK (status IN ('active', 'pending'))
);

CREATE UNIQUE INDEX user_organizations_pending_invite_key
    ON public.user_organizations (invite_email, organization_id)
    WHERE invite_email IS NOT NULL AND status = 'pending';

CREATE TABLE public.api_keys (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name                varchar NOT NULL,
    description         text,
    secret              varchar NOT NULL UNIQUE,
    user_id             uuid NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
    created_at          timestamptz NOT NULL DEFAULT now(),
    last_used           timestamptz,
    requests_per_second real,
    burst_size          integer,
    purpose             varchar NOT NULL,
    hidden              boolean NOT NULL DEFAULT false,
    is_deleted          boolean NOT NULL DEFAULT false,
    created_by          uuid NOT NULL REFERENCES public.users (id),
    CONSTRAINT api_keys_purpose_check
        CHECK (purpose IN ('platform', 'inference', 'realtime', 'batch', 'playground'))
);

CREATE UNIQUE INDEX api_keys_hidden_key
    ON public.api_keys (user_id, created_by, purpose) WHERE hidden = true AND is_deleted = false;
CREATE UNIQUE INDEX api_keys_name_key
    ON public.api_keys (user_id, created_by, name) WHERE is_deleted = false;

CREATE TABLE public.http_analytics (
    id                        bigserial PRIMARY KEY,
    instance_id               uuid NOT NULL,
    correlation_id            bigint NOT NULL,
    timestamp                 timestamptz NOT NULL,
    method                    varchar(10) NOT NULL,
    uri                       text NOT NULL,
    model                     text,
    status_code               integer,
    duration_ms               bigint,
    prompt_tokens             bigint DEFAULT 0,
    completion_tokens         bigint DEFAULT 0,
    total_tokens              bigint DEFAULT 0,
    response_type             text,
    created_at                timestamptz NOT NULL DEFAULT now(),
    user_id                   uuid REFERENCES public.users (id) ON DELETE SET NULL,
    access_source             varchar(20),
    input_price_per_token     numeric(12,8),
    output_price_per_token    numeric(12,8),
    total_cost                numeric(12,8) GENERATED ALWAYS AS (
        prompt_tokens * input_price_per_token + completion_tokens * output_price_per_token
    ) STORED,
    duration_to_first_byte_ms bigint,
    fusillade_request_id      uuid,
    fusillade_batch_id        uuid,
    custom_id                 text,
    request_origin            text NOT NULL DEFAULT 'api',
    batch_sla                 text NOT NULL DEFAULT '',
    batch_request_source      text NOT NULL DEFAULT '',
    api_key_id                uuid,
    trace_id                  text,
    tool_iterations           integer,
    reasoning_tokens          bigint NOT NULL DEFAULT 0,
    response_step_id          uuid,
    UNIQUE (instance_id, correlation_id),
    CONSTRAINT check_access_source CHECK (
        access_source IS NULL
        OR access_source IN ('api_key', 'playground', 'unknown_api_key', 'unauthenticated')
    )
);

CREATE INDEX http_analytics_fusillade_request_id_idx
    ON public.http_analytics (fusillade_request_id) WHERE fusillade_request_id IS NOT NULL;

CREATE TABLE public.credits_transactions (
    id                      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id                 uuid NOT NULL REFERENCES public.users (id),
    transaction_type        text NOT NULL,
    amount                  numeric(24,15) NOT NULL,
    source_id               text NOT NULL UNIQUE,
    balance_after           numeric(24,15),
    previous_transaction_id uuid REFERENCES public.credits_transactions (id),
    description             text,
    created_at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    seq                     bigserial NOT NULL,
    fusillade_batch_id      uuid,
    is_aggregated           boolean DEFAULT false,
    api_key_id              uuid,
    CONSTRAINT credits_transactions_transaction_type_check
        CHECK (transaction_type IN ('purchase', 'usage', 'admin_grant', 'admin_removal')),
    CONSTRAINT credits_transactions_amount_nonzero_check CHECK (amount > 0)
);

-- A check cannot look at another table, so a trigger tells people and
-- organizations apart. An invitation has no user yet.
-- +goose StatementBegin
CREATE FUNCTION public.check_membership_kinds() RETURNS trigger AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.users u
        WHERE u.id = NEW.organization_id AND u.user_type = 'organization'
    ) THEN
        RAISE EXCEPTION 'organization_id must be an organization'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.user_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.users u
        WHERE u.id = NEW.user_id AND u.user_type = 'individual'
    ) THEN
        RAISE EXCEPTION 'user_id must be an individual'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
-- +goose StatementEnd

CREATE TRIGGER check_membership_kinds
    BEFORE INSERT OR UPDATE ON public.user_organizations
    FOR EACH ROW EXECUTE FUNCTION public.check_membership_kinds();

-- Whoever caches keys and memberships listens on this channel. The payload is
-- the table and the moment, in microseconds since 1970.
-- +goose StatementBegin
CREATE FUNCTION public.notify_auth_config_changed() RETURNS trigger AS $$
BEGIN
    PERFORM pg_notify(
        'auth_config_changed',
        format('%s:%s', TG_TABLE_NAME, floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
    );
    RETURN NULL;
END;
$$ LANGUAGE plpgsql;
-- +goose StatementEnd

CREATE TRIGGER api_keys_notify
    AFTER INSERT OR UPDATE OR DELETE ON public.api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION public.notify_auth_config_changed();
CREATE TRIGGER user_organizations_notify
    AFTER INSERT OR UPDATE OR DELETE ON public.user_organizations
    FOR EACH STATEMENT EXECUTE FUNCTION public.notify_auth_config_changed();
CREATE TRIGGER users_notify
    AFTER INSERT ON public.users
    FOR EACH STATEMENT EXECUTE FUNCTION public.notify_auth_config_changed();

INSERT INTO public.users (id, username, email, auth_source, is_internal)
VALUES ('00000000-0000-0000-0000-000000000000', 'system', 'system@internal', 'system', true);
