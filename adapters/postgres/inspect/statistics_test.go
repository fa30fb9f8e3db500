package inspect_test

import (
	"slices"
	"strings"
	"testing"

	"lethe/adapters/postgres/inspect"
	"lethe/internal/pgtest"
)

func TestMissingStatistics(t *testing.T) {
	t.Parallel()
	const (
		duration = `CREATE STATISTICS "fusillade"."requests_duration" ON (completed_at - started_at) FROM "fusillade"."requests"`
		statuses = `CREATE STATISTICS "fusillade"."requests_state_response_status" (mcv) ON response_status, state FROM "fusillade"."requests"`
		analyze  = `ANALYZE "fusillade"."requests"`
	)
	for name, tc := range map[string]struct {
		change string
		want   []string
	}{
		"as migrated": {"", []string{duration, statuses, analyze}},
		"one":         {duration, []string{statuses, analyze}},
		"both":        {duration + ";" + statuses, nil},
		"other names and schema": {`CREATE STATISTICS public.a ON (started_at - created_at), (completed_at-started_at) FROM fusillade.requests;
			CREATE STATISTICS public.b ON state, response_status FROM fusillade.requests`, nil},
		"other kinds": {`CREATE STATISTICS public.a (ndistinct, dependencies) ON state, response_status FROM fusillade.requests;` + duration,
			[]string{statuses, analyze}},
		"more columns": {`CREATE STATISTICS public.a (mcv) ON state, response_status, model FROM fusillade.requests;
			CREATE STATISTICS public.b (mcv) ON state, response_status, (length(model)) FROM fusillade.requests;` + duration, []string{statuses, analyze}},
		"other expression": {`CREATE STATISTICS public.a ON (started_at - completed_at) FROM fusillade.requests;` + statuses, []string{duration, analyze}},
		"another table": {`CREATE TABLE fusillade.others AS SELECT completed_at, started_at FROM fusillade.requests;
			CREATE STATISTICS public.a ON (completed_at - started_at) FROM fusillade.others;` + statuses, []string{duration, analyze}},
		"name taken": {`CREATE STATISTICS fusillade.requests_duration ON model, state FROM fusillade.requests;` + statuses,
			[]string{strings.Replace(duration, "requests_duration", "requests_duration_", 1), analyze}},
		"no table": {"DROP TABLE fusillade.requests CASCADE", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := pgtest.New(t)
			db := connect(t, database.URL)
			exec(t, db, tc.change)
			// The service's role can see this, too.
			got, err := inspect.MissingStatistics(t.Context(), connect(t, database.RoleURL), inspect.Schemas{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
			for _, statement := range got {
				exec(t, db, statement)
			}
			if left, err := inspect.MissingStatistics(t.Context(), db, inspect.Schemas{}); err != nil || len(left) != 0 {
				t.Errorf("after creating them: got %q missing (error %v), want none", left, err)
			}
		})
	}
}
