package apptest

// Rows of bob, who has others, too.
const (
	Bob        = "c0000100-0000-4000-8000-000000000004"
	Background = "01900000-0000-7000-8000-000000000001" // of a tier that came later
	Converted  = "01900000-0000-7000-8000-000000000002" // was in a batch of its own
	LaterTurn  = "01900000-0000-7000-8000-000000000003" // quotes the first
)

// NewerRows are the rows of a database of the newer dwctl in addition to the fixture.
const NewerRows = `
INSERT INTO public.user_roles (user_id, role) VALUES ('` + Bob + `', 'BACKGROUNDINFERENCEUSER');
UPDATE public.user_organizations SET status = 'requested' WHERE user_id = '` + Bob + `';
INSERT INTO public.image_access (user_id, sha256, mime, bytes_len) VALUES ('` + Bob + `', '\xaa', 'image/png', 3);
INSERT INTO public.prompt_cache_entries (principal_id, virtual_model, tokenizer_version, prefix_hash, cumulative_token_count, ttl_tier, expires_at)
VALUES ('` + Bob + `', 'm', '1', '\xbb', 1024, '1h', now() + interval '1 h');
INSERT INTO fusillade.files (id, name, purpose) VALUES ('02900000-0000-7000-8000-000000000002', 'single_request', 'batch');
INSERT INTO fusillade.batches (file_id, expires_at, total_requests, created_by) VALUES ('02900000-0000-7000-8000-000000000002', now(), 1, '` + Bob + `');
INSERT INTO fusillade.request_templates (id, file_id, endpoint, method, path, body, model, api_key, metadata) VALUES
    ('03900000-0000-7000-8000-000000000001', NULL, 'e', 'POST', '/v1/responses', '{"input": "first"}', 'm', 'k', '{}'),
    ('03900000-0000-7000-8000-000000000002', '02900000-0000-7000-8000-000000000002', 'e', 'POST', '/v1/responses', '{"input": "second"}', 'm', 'k', NULL),
    ('03900000-0000-7000-8000-000000000003', NULL, 'e', 'POST', '/v1/responses', '{"input": "third", "previous_response_id": "resp_` + Background + `"}', 'm', 'k', NULL);
INSERT INTO fusillade.requests (id, template_id, state, model, created_by, created_at, response_status, response_body, completed_at, service_tier) VALUES
    ('` + Background + `', '03900000-0000-7000-8000-000000000001', 'completed', 'm', '` + Bob + `', now(), 200, '{"output": "one"}', now(), 'background'),
    ('` + Converted + `', '03900000-0000-7000-8000-000000000002', 'completed', 'm', '` + Bob + `', now(), 200, '{"output": "two"}', now(), NULL),
    ('` + LaterTurn + `', '03900000-0000-7000-8000-000000000003', 'completed', 'm', '` + Bob + `', now(), 200, '{"output": "three"}', now(), 'default');
INSERT INTO public.credits_transactions (user_id, transaction_type, amount, source_id, fusillade_request_id)
VALUES ('` + Bob + `', 'usage', -0.25, 'one', '` + Background + `');`
