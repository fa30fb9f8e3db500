-- +goose Up
-- An erasure by a filter erases the requests that its preview counted, and none
-- that came to pass the filter later. So they are kept with it.
CREATE TABLE lethe.preview_requests (
    token_sum   bytea NOT NULL,
    part        integer NOT NULL,
    request_ids uuid[] NOT NULL,
    PRIMARY KEY (token_sum, part)
);
COMMENT ON TABLE lethe.preview_requests IS 'Which requests a preview of a filter counted, a thousand in each part, in the order in which they are erased; until the preview and what was begun with it are forgotten.';

ALTER TABLE lethe.erasures ADD COLUMN preview bytea;
CREATE INDEX erasures_preview_idx ON lethe.erasures (preview) WHERE preview IS NOT NULL;
COMMENT ON COLUMN lethe.erasures.preview IS 'previews.token_sum, with a filter that was previewed: only the requests that it counted are erased; null when it has been forgotten.';
