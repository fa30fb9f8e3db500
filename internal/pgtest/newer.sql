-- The tables of dwctl 10.13.1 with fusillade 24.1.0, as far as they differ from
-- those that the migrations make.

ALTER TYPE public.user_role ADD VALUE 'BACKGROUNDINFERENCEUSER';

ALTER TABLE public.user_organizations
    DROP CONSTRAINT user_organizations_status_check,
    ADD CONSTRAINT user_organizations_status_check CHECK (status IN ('active', 'pending', 'requested'));

ALTER TABLE public.credits_transactions
    DROP CONSTRAINT credits_transactions_amount_nonzero_check,
    ADD CONSTRAINT credits_transactions_amount_nonzero_check CHECK (amount <> 0),
    ADD fusillade_request_id uuid;
CREATE INDEX credits_transactions_fusillade_request_idx
    ON public.credits_transactions (fusillade_request_id, seq DESC) WHERE fusillade_request_id IS NOT NULL;

CREATE TABLE public.image_access (
    user_id         uuid NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
    organization_id uuid,
    sha256          bytea NOT NULL,
    mime            text NOT NULL,
    bytes_len       bigint NOT NULL,
    first_seen_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, sha256)
);

CREATE TABLE public.prompt_cache_entries (
    id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    principal_id           uuid NOT NULL,
    virtual_model          text NOT NULL,
    tokenizer_version      text NOT NULL,
    prefix_hash            bytea NOT NULL,
    cumulative_token_count bigint NOT NULL,
    ttl_tier               text NOT NULL CHECK (ttl_tier IN ('5m', '1h', '24h')),
    created_at             timestamptz NOT NULL DEFAULT now(),
    expires_at             timestamptz NOT NULL
);

ALTER TABLE fusillade.requests
    DROP CONSTRAINT requests_service_tier_check,
    ADD CONSTRAINT requests_service_tier_check
        CHECK (service_tier IS NULL OR service_tier IN ('auto', 'default', 'flex', 'priority', 'background')),
    DROP CONSTRAINT requests_attribution_xor,
    ADD CONSTRAINT requests_attribution_xor CHECK ((batch_id IS NULL) <> (created_by IS NULL)) NOT VALID;
ALTER TABLE fusillade.request_templates ADD metadata jsonb;

INSERT INTO underway.task_queue (name) VALUES ('purge-user-data') ON CONFLICT DO NOTHING;
