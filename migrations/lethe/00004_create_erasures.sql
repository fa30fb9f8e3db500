-- +goose Up
-- Bulk erasures. Each goes through what it is about in parts; a part is a
-- transaction that erases, writes a receipt, and notes here how far it has come.
CREATE TABLE lethe.erasures (
    id              uuid PRIMARY KEY,
    trigger         text NOT NULL CONSTRAINT erasures_trigger_check CHECK (trigger IN ('bulk', 'retention')),
    rule_id         uuid,
    rule_version    bigint,
    kind            text NOT NULL CONSTRAINT erasures_kind_check CHECK (kind IN ('responses', 'owner', 'filter')),
    target          jsonb,
    scope           text[],
    as_of           timestamptz NOT NULL,
    preview         bytea,
    max             bigint NOT NULL CONSTRAINT erasures_max_check CHECK (max >= 0),
    ground          text NOT NULL,
    ticket          text NOT NULL,
    requested_at    timestamptz NOT NULL,
    requested_by    uuid,
    role            text NOT NULL,
    secret          bytea CONSTRAINT erasures_secret_check CHECK (octet_length(secret) = 32),
    idempotency_key text CONSTRAINT erasures_idempotency_key_check CHECK (idempotency_key <> ''),
    request_sum     bytea NOT NULL,
    state           text NOT NULL
        CONSTRAINT erasures_state_check CHECK (state IN ('pending', 'running', 'finished', 'canceled', 'failed')),
    started_at      timestamptz,
    finished_at     timestamptz,
    verify_at       timestamptz,
    verified_at     timestamptz,
    expected        bigint,
    done            bigint NOT NULL DEFAULT 0,
    requests        bigint NOT NULL DEFAULT 0,
    steps           bigint NOT NULL DEFAULT 0,
    templates       bigint NOT NULL DEFAULT 0,
    raw_requests    bigint NOT NULL DEFAULT 0,
    raw_responses   bigint NOT NULL DEFAULT 0,
    tasks           bigint NOT NULL DEFAULT 0,
    files           bigint NOT NULL DEFAULT 0,
    kept_templates  bigint NOT NULL DEFAULT 0,
    retained        bigint NOT NULL DEFAULT 0,
    held            bigint NOT NULL DEFAULT 0,
    not_found       bigint NOT NULL DEFAULT 0,
    refused         bigint NOT NULL DEFAULT 0,
    receipts        bigint NOT NULL DEFAULT 0,
    failures        jsonb NOT NULL DEFAULT '[]',
    last_error      text NOT NULL DEFAULT '',
    pass_created_at timestamptz,
    pass_id         uuid,
    pass_named      bigint NOT NULL DEFAULT 0,
    pass_erased     bigint NOT NULL DEFAULT 0,
    CONSTRAINT erasures_rule_check CHECK (num_nulls(rule_id, rule_version) IN (0, 2)),
    CONSTRAINT erasures_finished_check CHECK ((finished_at IS NULL) = (state IN ('pending', 'running'))),
    CONSTRAINT erasures_pass_check CHECK (num_nulls(pass_created_at, pass_id) IN (0, 2))
);
CREATE UNIQUE INDEX erasures_idempotency_key ON lethe.erasures (requested_by, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX erasures_list_idx ON lethe.erasures (requested_at DESC, id DESC);
CREATE INDEX erasures_requested_by_idx ON lethe.erasures (requested_by, requested_at DESC, id DESC);
CREATE INDEX erasures_unfinished_idx ON lethe.erasures (requested_at, id) WHERE finished_at IS NULL;
CREATE INDEX erasures_verify_idx ON lethe.erasures (verify_at) WHERE verify_at IS NOT NULL;
CREATE INDEX erasures_preview_idx ON lethe.erasures (preview) WHERE preview IS NOT NULL;
CREATE INDEX erasures_known_idx ON lethe.erasures (finished_at) WHERE target IS NOT NULL;
COMMENT ON TABLE lethe.erasures IS 'The erasing of many responses, and how far it has come. Rows are never removed; what says whose responses they were is, some time after the end.';
COMMENT ON COLUMN lethe.erasures.target IS 'What is erased: identifiers, an owner, or a filter; null when it has been forgotten.';
COMMENT ON COLUMN lethe.erasures.scope IS 'Whose responses may be erased, as requests.created_by spells it; null: everyone''s.';
COMMENT ON COLUMN lethe.erasures.as_of IS 'With a filter, what was created later is left.';
COMMENT ON COLUMN lethe.erasures.preview IS 'previews.token_sum, with a filter that was previewed: only the requests that it counted are erased; null when it has been forgotten.';
COMMENT ON COLUMN lethe.erasures.max IS 'How many responses may be erased; 0: all.';
COMMENT ON COLUMN lethe.erasures.secret IS 'What the salts of its receipts are derived from; null when it has been forgotten.';
COMMENT ON COLUMN lethe.erasures.request_sum IS 'A hash of all that was asked for, to tell requests with one key apart.';
COMMENT ON COLUMN lethe.erasures.verify_at IS 'When what is left is looked for once more; null: not, or no more.';
COMMENT ON COLUMN lethe.erasures.done IS 'Responses that are gone; the columns that follow it count their rows.';
COMMENT ON COLUMN lethe.erasures.files IS 'Files that were made for one request, each with its empty batch.';
COMMENT ON COLUMN lethe.erasures.kept_templates IS 'Prompts that stayed when their response went, as another request needed them.';
COMMENT ON COLUMN lethe.erasures.retained IS 'Objects of retained responses: two for each.';
COMMENT ON COLUMN lethe.erasures.refused IS 'Responses that could not be erased for a reason of the database''s.';
COMMENT ON COLUMN lethe.erasures.failures IS 'The first responses that were not erased, and why.';
COMMENT ON COLUMN lethe.erasures.pass_created_at IS 'With pass_id: the last request that was looked at, in the order of both; null before the first.';
COMMENT ON COLUMN lethe.erasures.pass_named IS 'How many of the identifiers have been looked at.';
COMMENT ON COLUMN lethe.erasures.pass_erased IS 'Responses that were erased since it last began with the oldest.';

CREATE TABLE lethe.erasure_receipts (
    receipt_id uuid PRIMARY KEY,
    erasure_id uuid NOT NULL,
    at         timestamptz NOT NULL,
    responses  bigint NOT NULL
);
CREATE INDEX erasure_receipts_list_idx ON lethe.erasure_receipts (erasure_id, at DESC, receipt_id DESC);
COMMENT ON TABLE lethe.erasure_receipts IS 'Which receipts a bulk erasure has. No foreign key to receipts: it would lock them, which would make the sealer pass over them.';
COMMENT ON COLUMN lethe.erasure_receipts.responses IS 'How many responses were erased with it.';

CREATE TABLE lethe.previews (
    token_sum      bytea PRIMARY KEY,
    requested_by   uuid NOT NULL,
    target         bytea NOT NULL,
    as_of          timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    responses      bigint NOT NULL,
    requests       bigint NOT NULL,
    steps          bigint NOT NULL,
    templates      bigint NOT NULL,
    raw_requests   bigint NOT NULL,
    raw_responses  bigint NOT NULL,
    tasks          bigint NOT NULL,
    files          bigint NOT NULL,
    kept_templates bigint NOT NULL,
    retained       bigint NOT NULL,
    held           bigint NOT NULL,
    not_found      bigint NOT NULL,
    partial        boolean NOT NULL,
    sum            bytea NOT NULL
);
CREATE INDEX previews_expires_at_idx ON lethe.previews (expires_at);
COMMENT ON TABLE lethe.previews IS 'What was shown to somebody of what they could erase, until it has expired.';
COMMENT ON COLUMN lethe.previews.token_sum IS 'A hash of the token that was told.';
COMMENT ON COLUMN lethe.previews.target IS 'A hash of what would be erased.';
COMMENT ON COLUMN lethe.previews.partial IS 'There was more than was counted.';
COMMENT ON COLUMN lethe.previews.sum IS 'A hash of the requests that were counted.';

-- An erasure by a filter erases the requests that its preview counted, and none
-- that came to pass the filter later. So they are kept with it.
CREATE TABLE lethe.preview_requests (
    token_sum   bytea NOT NULL,
    part        integer NOT NULL,
    request_ids uuid[] NOT NULL,
    PRIMARY KEY (token_sum, part)
);
COMMENT ON TABLE lethe.preview_requests IS 'Which requests a preview of a filter counted, a thousand in each part, in the order in which they are erased; until the preview and what was begun with it are forgotten.';

-- Where raw copies are in another database, one transaction cannot erase all of
-- a response. What is going to be erased is then written here first, and goes on
-- after a crash.
CREATE TABLE lethe.intents (
    id            uuid PRIMARY KEY,
    begun_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    trigger       text NOT NULL,
    rule_id       uuid,
    rule_version  bigint,
    ground        text NOT NULL,
    requested_at  timestamptz NOT NULL,
    actor_id      uuid,
    role          text NOT NULL,
    shared        boolean NOT NULL DEFAULT false,
    salt          bytea NOT NULL CONSTRAINT intents_salt_check CHECK (octet_length(salt) = 32),
    request_ids   uuid[] NOT NULL CONSTRAINT intents_request_ids_check CHECK (cardinality(request_ids) > 0),
    owners        text[] NOT NULL,
    raw_requests  bigint NOT NULL,
    raw_responses bigint NOT NULL,
    erasure_id    uuid,
    responses     bigint NOT NULL,
    -- Of orphaned copies: it is about those at these places, and nothing else.
    instance_ids    uuid[],
    correlation_ids bigint[],
    CONSTRAINT intents_rule_check CHECK (num_nulls(rule_id, rule_version) IN (0, 2)),
    CONSTRAINT intents_places_check CHECK (
        (trigger = 'orphans') = (instance_ids IS NOT NULL)
        AND cardinality(instance_ids) IS NOT DISTINCT FROM cardinality(correlation_ids)
    )
);
CREATE INDEX intents_requests_idx ON lethe.intents USING gin (request_ids);
CREATE INDEX intents_erasure_idx ON lethe.intents (erasure_id) WHERE erasure_id IS NOT NULL;
COMMENT ON TABLE lethe.intents IS 'Erasures that have begun and are not finished. A row goes with what it is about.';
COMMENT ON COLUMN lethe.intents.id IS 'That of the receipt to come; the columns that follow are what it will say.';
COMMENT ON COLUMN lethe.intents.salt IS 'Opens the commitments of the receipt to come, or is what its salt is derived from.';
COMMENT ON COLUMN lethe.intents.shared IS 'The salts of all receipts to come are derived; else that of the first is salt itself.';
COMMENT ON COLUMN lethe.intents.owners IS 'Whose responses they are: what has come to them since is erased along only if it is theirs.';
COMMENT ON COLUMN lethe.intents.raw_requests IS 'With raw_responses: how many copies there were when it began.';
COMMENT ON COLUMN lethe.intents.erasure_id IS 'The bulk erasure that it is a part of; null: none.';
COMMENT ON COLUMN lethe.intents.responses IS 'How many responses it is about.';
COMMENT ON COLUMN lethe.intents.instance_ids IS 'With correlation_ids: where the copies are whose request is gone; null: an erasure of responses.';

-- How far the gateway's raw copies have been gone through for those whose request
-- is gone. They are gone through by their numbers, those of requests first.
CREATE TABLE lethe.orphans (
    single         boolean PRIMARY KEY DEFAULT true CONSTRAINT orphans_single_check CHECK (single),
    after_request  bigint NOT NULL DEFAULT 0,
    after_response bigint NOT NULL DEFAULT 0,
    responses      boolean NOT NULL DEFAULT false,
    due_at         timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO lethe.orphans DEFAULT VALUES;
COMMENT ON TABLE lethe.orphans IS 'Where the sweep for copies whose request is gone stands: one row.';
COMMENT ON COLUMN lethe.orphans.responses IS 'The copies of requests have been gone through, and those of responses are next.';
COMMENT ON COLUMN lethe.orphans.due_at IS 'When to go on: at once, or after a pass when the next one begins.';
