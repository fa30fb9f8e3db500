-- +goose Up
-- Persons' files end in several ways, some by an erasure, so the table itself says when.
-- +goose StatementBegin
CREATE FUNCTION lethe.person_file_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    file lethe.person_files := OLD;
    ended_at timestamptz := clock_timestamp();
BEGIN
    IF TG_OP = 'DELETE' THEN
        file.state := 'deleted';
    ELSE
        file := NEW;
        IF OLD.finished_at IS NULL THEN -- else it was finished earlier, and expires now
            ended_at := NEW.finished_at;
        END IF;
        IF NEW.reason = 'deleted' THEN -- and kept for its subject request
            file.state := 'deleted';
        END IF;
    END IF;
    INSERT INTO lethe.events (type, at, due_at, data)
    VALUES ('export.' || CASE file.state WHEN 'done' THEN 'finished' ELSE file.state END, ended_at, ended_at, json_build_object(
        'id', file.id, 'state', file.state, 'responses', file.responses, 'bytes', file.bytes,
        'finished_at', to_char(file.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER person_files_ended AFTER UPDATE OF state ON lethe.person_files
    FOR EACH ROW WHEN (OLD.state <> NEW.state AND NEW.state IN ('done', 'failed', 'expired')) EXECUTE FUNCTION lethe.person_file_ended();
-- What has failed or expired is only forgotten.
CREATE TRIGGER person_files_deleted AFTER DELETE ON lethe.person_files
    FOR EACH ROW WHEN (OLD.state NOT IN ('failed', 'expired')) EXECUTE FUNCTION lethe.person_file_ended();
