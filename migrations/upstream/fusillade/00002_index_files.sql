-- +goose Up
-- For erasures of responses whose prompts came with a file.
CREATE INDEX idx_requests_batch_id ON requests (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX idx_request_templates_file_id ON request_templates (file_id) WHERE file_id IS NOT NULL;
CREATE INDEX idx_batches_file_id ON batches (file_id) WHERE file_id IS NOT NULL;
