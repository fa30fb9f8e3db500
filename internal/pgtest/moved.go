package pgtest

import "fmt"

// Moved are the statements with which fusillade-arsenal moves a finished response. They do
// nothing if the response is gone.
func Moved(id string) string {
	return fmt.Sprintf(`BEGIN;
SELECT FROM fusillade.requests WHERE id = '%[1]s' FOR UPDATE;
INSERT INTO fusillade.retained_response_objects (delete_on, group_id, object_kind, object_id, schema_version, payload)
SELECT '2027-01-01', id, 'group', id, 1, jsonb_build_object('group_id', id, 'request_ids', jsonb_build_array(id))
FROM fusillade.requests WHERE id = '%[1]s';
INSERT INTO fusillade.retained_response_objects
    (delete_on, group_id, object_kind, object_id, request_id, created_by, service_tier, state, model, created_at, terminal_at, schema_version, payload)
SELECT '2027-01-01', r.id, 'request', r.id, r.id, r.created_by, r.service_tier, r.state, r.model, r.created_at, coalesce(r.completed_at, r.failed_at), 1,
       jsonb_build_object('request', to_jsonb(r), 'template', to_jsonb(t))
FROM fusillade.requests r LEFT JOIN fusillade.request_templates t ON t.id = r.template_id WHERE r.id = '%[1]s';
INSERT INTO fusillade.retained_response_group_routes SELECT id, '2027-01-01' FROM fusillade.requests WHERE id = '%[1]s';
INSERT INTO fusillade.retained_response_request_routes SELECT id, id, '2027-01-01' FROM fusillade.requests WHERE id = '%[1]s';
WITH gone AS (DELETE FROM fusillade.requests WHERE id = '%[1]s' RETURNING template_id)
DELETE FROM fusillade.request_templates t USING gone WHERE t.id = gone.template_id;
INSERT INTO fusillade.retained_response_resurrection_fences
VALUES ('%[1]s', 'archived', now() + interval '1 h') ON CONFLICT DO NOTHING;
COMMIT;`, id)
}
