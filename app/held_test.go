package app_test

import (
	"slices"
	"strings"
	"testing"

	"lethe/app"
	"lethe/internal/pgtest"
)

// TestBypassedHolds: doctor and the metrics tell of a held response that somebody
// has deleted with dwctl's own means, and of purges of what is held.
func TestBypassedHolds(t *testing.T) {
	t.Parallel()
	database := pgtest.WithNewer(t)
	environ := "LETHE_DATABASE_URL=" + database.RoleURL
	doctor := func(want app.Finding, words ...string) {
		t.Helper()
		report := examine(t, environ)
		for _, w := range words {
			if !slices.ContainsFunc(found(report, want), func(c app.Check) bool {
				return c.Name == "what is held" && strings.Contains(c.Detail, w) && (want == app.OK) != strings.Contains(c.Advice, "lethe guard")
			}) {
				t.Errorf("%s, %q is not in\n%s", want, w, text(t, report))
			}
		}
	}
	const held = "01900000-0000-7000-8000-000000000007"
	exec(t, database.URL, `
		INSERT INTO fusillade.requests (id, state, model, created_by, response_status, response_body, completed_at)
		VALUES ('`+held+`', 'completed', 'm', '`+bob+`', 200, 'words', now());
		INSERT INTO lethe.holds (id, responses, reason, created_by) VALUES (gen_random_uuid(), ARRAY['`+held+`', gen_random_uuid()]::uuid[], 'r', gen_random_uuid());
		INSERT INTO lethe.holds (id, owners, reason, created_by) VALUES (gen_random_uuid(), ARRAY['`+bob+`'], 'r', gen_random_uuid())`)
	doctor(app.OK, "no response that a hold names is gone")
	s := start(t, environ)
	await(t, "the service has seen it", func() bool {
		return number(t, database.URL, "SELECT count(*) FROM lethe.holds WHERE seen = ARRAY['"+held+"']::uuid[]") == 1
	})
	await(t, "nothing is gone", func() bool { return s.metric(t, "lethe_held_responses_gone") == "0" })
	if got := s.metric(t, `lethe_held_purges{state="waiting"}`); got != "0" {
		t.Errorf("%s purges", got)
	}
	exec(t, database.URL, `DELETE FROM fusillade.requests WHERE id = '`+held+`';
		INSERT INTO underway.task (id, task_queue_name, input) VALUES (gen_random_uuid(), 'purge-user-data', '{"user_id": "`+bob+`"}')`)
	doctor(app.Warning, "gone without Lethe: 1, such as "+held, "1 purge of dwctl's (purge-user-data) that waits")

	// Another process looks as soon as it starts.
	other := start(t, environ)
	await(t, "it is gone", func() bool { return other.metric(t, "lethe_held_responses_gone") == "1" })
	await(t, "a purge waits", func() bool { return other.metric(t, `lethe_held_purges{state="waiting"}`) == "1" })
}
