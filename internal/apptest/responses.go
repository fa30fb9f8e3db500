package apptest

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/internal/pgtest"
)

const MissingID = "01900000-0000-7000-8000-00000000dead"

// AddFinished adds finished responses of a model with prompts, which Move can move.
func AddFinished(t *testing.T, url, model string, responses int, ago string) []string {
	t.Helper()
	return AddFinishedOf(t, url, Bob, model, responses, ago)
}

// AddFinishedOf is AddFinished for another owner.
func AddFinishedOf(t *testing.T, url, owner, model string, responses int, ago string) (ids []string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), fmt.Sprintf(`WITH new AS (SELECT gen_random_uuid() AS id, n FROM generate_series(1, %[1]d) AS n), prompts AS (
			INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key)
			SELECT id, 'http://upstream.test', 'POST', '/v1/responses', '{"input": "words"}', '%[2]s', 'key' FROM new
		), responses AS (
			INSERT INTO fusillade.requests (id, template_id, state, response_status, response_body, created_at, completed_at, model, created_by, service_tier)
			SELECT id, id, 'completed', 200, '{"output": "words"}', now() - interval '%[3]s' - n * interval '1 s', now() - interval '%[3]s', '%[2]s', '%[4]s', 'flex' FROM new
			RETURNING id
		)
		SELECT id::text FROM responses ORDER BY id`, responses, model, ago, owner))
	if err == nil {
		ids, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil || len(ids) != responses {
		t.Fatalf("%d added: %v", len(ids), err)
	}
	return ids
}

// Move moves responses to retained responses, as dwctl's sweep does.
func Move(t *testing.T, url string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		Exec(t, url, pgtest.Moved(id))
	}
}

// KeptElsewhere counts the remaining rows of retained responses.
const KeptElsewhere = `SELECT (SELECT count(*) FROM fusillade.retained_response_objects)
	+ (SELECT count(*) FROM fusillade.retained_response_request_routes) + (SELECT count(*) FROM fusillade.retained_response_group_routes)`
