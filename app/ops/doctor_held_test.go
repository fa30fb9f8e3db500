package ops_test

import (
	"slices"
	"strings"
	"testing"

	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestDoctorBypassedHolds: doctor and the metrics report a held response that somebody
// has deleted with dwctl's own means, and purges of held responses.
func TestDoctorBypassedHolds(t *testing.T) {
	t.Parallel()
	database := pgtest.WithNewer(t)
	environ := "LETHE_DATABASE_URL=" + database.RoleURL
	doctor := func(want ops.Finding, words ...string) {
		t.Helper()
		report := apptest.Examine(t, environ)
		for _, w := range words {
			if !slices.ContainsFunc(apptest.Found(report, want), func(c ops.Check) bool {
				return c.Name == "what is held" && strings.Contains(c.Detail, w) && (want == ops.OK) != strings.Contains(c.Advice, "lethe guard")
			}) {
				t.Errorf("doctor: want %s with %q, got\n%s", want, w, apptest.Text(t, report))
			}
		}
	}
	const held = "01900000-0000-7000-8000-000000000007"
	apptest.Exec(t, database.URL, `
		INSERT INTO fusillade.requests (id, state, model, created_by, response_status, response_body, completed_at)
		VALUES ('`+held+`', 'completed', 'm', '`+apptest.Bob+`', 200, 'words', now());
		INSERT INTO lethe.holds (id, responses, reason, created_by) VALUES (gen_random_uuid(), ARRAY['`+held+`', gen_random_uuid()]::uuid[], 'r', gen_random_uuid());
		INSERT INTO lethe.holds (id, owners, reason, created_by) VALUES (gen_random_uuid(), ARRAY['`+apptest.Bob+`'], 'r', gen_random_uuid())`)
	doctor(ops.OK, "no response that a hold names is gone")
	s := apptest.Start(t, environ)
	apptest.Await(t, "the service has seen it", func() bool {
		return apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.holds WHERE seen = ARRAY['"+held+"']::uuid[]") == 1
	})
	apptest.Await(t, "nothing is gone", func() bool { return s.Metric(t, "lethe_held_responses_gone") == "0" })
	if got := s.Metric(t, `lethe_held_purges{state="waiting"}`); got != "0" {
		t.Errorf("waiting purges: want 0, got %s", got)
	}
	apptest.Exec(t, database.URL, `DELETE FROM fusillade.requests WHERE id = '`+held+`';
		INSERT INTO underway.task (id, task_queue_name, input) VALUES (gen_random_uuid(), 'purge-user-data', '{"user_id": "`+apptest.Bob+`"}')`)
	doctor(ops.Warning, "something other than Lethe deleted: 1, such as "+held, "1 purge of dwctl (purge-user-data), waiting")

	// Another process looks as soon as it starts.
	other := apptest.Start(t, environ)
	apptest.Await(t, "it is gone", func() bool { return other.Metric(t, "lethe_held_responses_gone") == "1" })
	apptest.Await(t, "a purge waits", func() bool { return other.Metric(t, `lethe_held_purges{state="waiting"}`) == "1" })
}
