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
		response = `CASE WHEN created_by IS NOT NULL THEN `
		of       = `(` + response + `state END), (` + response + `response_status END), (` + response + `num_nulls(error) END)`
		duration = `(CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END)`
		among    = `(` + response + `model END), (` + response + `service_tier END), (` + response + `created_at END), ` + duration
		outcomes = `CREATE STATISTICS "fusillade"."responses_outcomes" (mcv) ON ` + of + ` FROM "fusillade"."requests"`
		values   = `CREATE STATISTICS "fusillade"."responses_values" (ndistinct) ON ` + among + ` FROM "fusillade"."requests"`
		more     = `ALTER STATISTICS "fusillade"."responses_outcomes" SET STATISTICS 300`
		moreOf   = `ALTER STATISTICS "fusillade"."responses_values" SET STATISTICS 300`
		analyze  = `ANALYZE "fusillade"."requests"`
	)
	for name, tc := range map[string]struct {
		change string
		want   []string
	}{
		"as migrated": {"", []string{outcomes, more, values, moreOf, analyze}},
		"one":         {outcomes, []string{values, moreOf, analyze}},
		"both":        {outcomes + ";" + values, nil},
		"other names and schema": {`CREATE STATISTICS public.a (ndistinct) ON (length(model)), ` + among + ` FROM fusillade.requests;
			CREATE STATISTICS public.b ON ` + of + ` FROM fusillade.requests`, nil},
		"other kinds":      {`CREATE STATISTICS public.a (ndistinct, dependencies) ON ` + of + ` FROM fusillade.requests;` + values, []string{outcomes, more, analyze}},
		"more columns":     {`CREATE STATISTICS public.a (mcv) ON model, ` + of + ` FROM fusillade.requests;` + values, []string{outcomes, more, analyze}},
		"other expression": {`CREATE STATISTICS public.a ON ` + duration + ` FROM fusillade.requests;` + outcomes, []string{values, moreOf, analyze}},
		"another table":    {`CREATE TABLE fusillade.others AS SELECT * FROM fusillade.requests; CREATE STATISTICS public.a (ndistinct) ON ` + among + ` FROM fusillade.others;` + outcomes, []string{values, moreOf, analyze}},
		"name taken": {`CREATE STATISTICS fusillade.responses_values ON model, state FROM fusillade.requests;` + outcomes,
			[]string{strings.Replace(values, "responses_values", "responses_values_", 1), strings.Replace(moreOf, "responses_values", "responses_values_", 1), analyze}},
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
