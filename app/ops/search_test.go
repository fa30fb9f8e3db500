package ops_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lethe/adapters/postgres/inspect"
	"lethe/app/config"
	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

func look(t *testing.T, options ops.SearchOptions, environ ...string) *ops.Searched {
	t.Helper()
	found, err := trySearch(t, options, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func trySearch(t *testing.T, options ops.SearchOptions, environ ...string) (*ops.Searched, error) {
	t.Helper()
	cfg, err := config.Load(config.Sources{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	return ops.Search(t.Context(), cfg, options, ops.Output{Out: io.Discard, Progress: io.Discard})
}

// where returns the places of the findings with their row counts.
func where(s *ops.Searched) map[string]int {
	found := map[string]int{}
	for _, p := range s.Places {
		found[fmt.Sprintf("%s %s.%s %s", p.Database, p.Table, p.Column, p.Treatment)] = p.Rows
	}
	return found
}

func TestSearch(t *testing.T) {
	t.Parallel()
	database, copies := pgtest.New(t), pgtest.New(t)
	apptest.Exec(t, database.URL, `
		INSERT INTO fusillade.request_templates (endpoint, method, path, body, model, api_key) SELECT '', '', '', '{"input": "a secret"}', '', '' FROM generate_series(1, 3);
		INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, custom_id) VALUES (gen_random_uuid(), 1, now(), '', '', 'a secret');
		CREATE TABLE public.forgotten AS SELECT 'a secret, another secret'::text AS said;
		CREATE FOREIGN DATA WRAPPER nowhere;
		CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere`)
	apptest.Exec(t, copies.URL, `INSERT INTO outlet.http_responses (instance_id, correlation_id, timestamp, status_code, headers, body, duration_to_first_byte_ms, duration_ms)
		VALUES (gen_random_uuid(), 1, now(), 200, '{}', '{"output": "a secret"}', 1, 1)`)
	environ := []string{
		"LETHE_DATABASE_URL=" + database.URL, "LETHE_OUTLET_DATABASE_URL=" + copies.URL, "LETHE_OUTLET_SCHEMA=outlet",
		// The same database, configured twice, is read once.
		"LETHE_FUSILLADE_DATABASE_URL=" + database.URL, "LETHE_FUSILLADE_SCHEMA=fusillade",
	}
	needles := func(text string) ops.SearchOptions { return ops.SearchOptions{Needles: strings.NewReader(text)} }
	found := look(t, needles("nothing at all\na secret\n\nanother secret\n"), environ...)
	want := map[string]int{
		"main fusillade.request_templates.body known": 3, "main public.http_analytics.custom_id kept": 1,
		"main public.forgotten.said unknown": 1, "outlet outlet.http_responses.body known": 1,
	}
	if got := where(found); !maps.Equal(got, want) || !found.Left() || !found.Complete() {
		t.Errorf("found %v, want %v; unread %v", got, want, found.Unread)
	}
	if found.Needles != 3 || found.Found != 2 || !slices.Equal(found.Lines, []int{2, 4}) || found.Tables < 40 || found.Bytes == 0 {
		t.Errorf("want 2 of 3 needles, of lines 2 and 4, got %+v", found)
	}
	var printed, asJSON strings.Builder
	if err := found.Write(&printed, false); err != nil {
		t.Fatal(err)
	}
	if err := found.Write(&asJSON, true); err != nil {
		t.Fatal(err)
	}
	if out := printed.String(); !strings.Contains(out, "public.forgotten") || !strings.Contains(out, "UNKNOWN") || !strings.Contains(out, "2 of 3 needles") || strings.Contains(out+asJSON.String(), "secret") {
		t.Errorf("want the unknown place and 2 of 3 needles without their text, got\n%s%s", out, &asJSON)
	}
	var again ops.Searched
	if err := json.Unmarshal([]byte(asJSON.String()), &again); err != nil || len(again.Places) != len(found.Places) {
		t.Errorf("as JSON: want %d places, got %v in %s", len(found.Places), err, &asJSON)
	}

	apptest.Exec(t, copies.URL, "ALTER TABLE outlet.http_requests RENAME TO elsewhere; CREATE VIEW outlet.http_requests AS SELECT * FROM outlet.elsewhere")
	apptest.Exec(t, database.URL, "CREATE FOREIGN TABLE public.distant (said text) SERVER nowhere")
	found = look(t, needles("nothing at all"), environ...)
	printed.Reset()
	if err := found.Write(&printed, false); err != nil {
		t.Fatal(err)
	}
	if out := printed.String(); found.Left() || found.Complete() || len(found.Unread) != 2 || !strings.Contains(out, "is a view") || !strings.Contains(out, "is a foreign table") || !strings.Contains(out, "2 places NOT read") {
		t.Errorf("want the view and the foreign table named as not read, got\n%s", out)
	}
	// A role that may not read everything.
	found = look(t, needles("a secret"), "LETHE_DATABASE_URL="+database.RoleURL)
	if found.Complete() || !slices.ContainsFunc(found.Unread, func(u ops.UnreadPlace) bool {
		return u.Name == "public.forgotten" && strings.Contains(u.Why, "may not be read by this role")
	}) {
		t.Errorf("unread: want public.forgotten, got %+v", found.Unread)
	}
}

// TestSearchInvalidOptions: nothing is read if the request is wrong.
func TestSearchInvalidOptions(t *testing.T) {
	t.Parallel()
	const away = "LETHE_DATABASE_URL=postgres://nobody@127.0.0.1:1/none"
	for _, tc := range []struct {
		options ops.SearchOptions
		environ []string
		want    string
	}{
		{ops.SearchOptions{Needles: strings.NewReader("long enough\nshort")}, nil, "line 2 is shorter than 8"},
		{ops.SearchOptions{Needles: strings.NewReader("")}, nil, "standard input is empty"},
		{ops.SearchOptions{Sample: 10_001}, nil, "--sample"},
		{ops.SearchOptions{Sample: -1}, nil, "--sample"},
		{ops.SearchOptions{Sample: 1, Rate: -1}, nil, "--rate"},
		{ops.SearchOptions{Sample: 1}, []string{"LETHE_DATABASE_PGBOUNCER=true"}, "PgBouncer"},
	} {
		_, err := trySearch(t, tc.options, append(tc.environ, away)...)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("want %q, got %v", tc.want, err)
		}
	}
	if _, err := trySearch(t, ops.SearchOptions{Sample: 1}, "LETHE_DATABASE_URL="+pgtest.New(t).URL); err == nil || !strings.Contains(err.Error(), "no response") {
		t.Errorf("empty database: want an error, got %v", err)
	}
}

// TestSample distinguishes what an erasure removes from what it would leave.
func TestSample(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	environ := "LETHE_DATABASE_URL=" + database.URL
	missed := func(s *ops.Searched) map[string]int {
		all := where(s)
		maps.DeleteFunc(all, func(place string, _ int) bool { return !strings.HasSuffix(place, " missed") })
		return all
	}
	found := look(t, ops.SearchOptions{Sample: 1000}, environ)
	if found.Left() || !found.Complete() || found.Responses < 50 || found.Found != found.Needles || where(found)["main fusillade.requests.response_body erased"] < 10 {
		t.Errorf("sample of the fixture: want all found and nothing missed, got %+v", found)
	}

	apptest.Exec(t, database.URL, `
		CREATE TABLE public.forgotten AS SELECT to_json(response_body) AS said FROM fusillade.requests WHERE batch_id IS NULL AND length(response_body) > 100 LIMIT 2;
		CREATE TABLE public.named AS SELECT replace(upper(id::text), '-', '') AS id FROM fusillade.requests WHERE batch_id IS NULL LIMIT 3;
		INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers)
			SELECT gen_random_uuid(), 1, now(), '', '', jsonb_build_object('x-fusillade-request-id', id) FROM fusillade.requests WHERE batch_id IS NULL LIMIT 1;
		INSERT INTO underway.task_queue (name) VALUES ('webhooks');
		INSERT INTO underway.task (id, task_queue_name, input)
			SELECT gen_random_uuid(), 'webhooks', jsonb_build_object('about', 'resp_' || id) FROM fusillade.requests WHERE batch_id IS NULL LIMIT 1`)
	found = look(t, ops.SearchOptions{Sample: 1000}, environ)
	want := map[string]int{
		"main public.forgotten.said missed": 2, "main public.named.id missed": 3, "main outlet.http_requests.headers missed": 1,
		"main underway.task.input missed": 1,
	}
	got := missed(found)
	if !maps.Equal(got, want) || !found.Left() {
		t.Errorf("missed %v, want %v", got, want)
	}
	var printed strings.Builder
	if err := found.Write(&printed, false); err != nil || !strings.Contains(printed.String(), "MISSED") || strings.Contains(printed.String(), "question ") {
		t.Errorf("want MISSED without contents, got %v\n%s", err, &printed)
	}
}

// TestSampleMatchesErasure: the rows that a sample reports as erased are those that
// its erasure removes, whatever leads to them.
func TestSampleMatchesErasure(t *testing.T) {
	t.Parallel()
	const (
		mine     = "10000000-0000-4000-8000-000000000001"
		second   = "10010000-0000-4000-8000-000000000001"
		others   = "10000000-0000-4000-8000-000000000002"
		byHeader = `
			CREATE INDEX ON outlet.http_requests ((` + inspect.CopyResponse + `)) WHERE (` + inspect.CopyResponse + `) IS NOT NULL;`
		byHeaderAsWritten = `
			CREATE INDEX ON outlet.http_requests ((headers ->> 'x-fusillade-request-id')) WHERE headers ->> 'x-fusillade-request-id' IS NOT NULL;`
		byStep = `
			CREATE INDEX ON public.http_analytics (response_step_id) WHERE response_step_id IS NOT NULL;`
		arsenal = `
			WITH moved AS (DELETE FROM fusillade.request_templates WHERE body LIKE '%unshared%' RETURNING id, endpoint, method, path, body, model, api_key),
			     routed AS (INSERT INTO fusillade.request_template_routes (id, created_on) SELECT id, '2026-05-01' FROM moved)
			INSERT INTO fusillade.request_templates_g2 (created_on, id, endpoint, method, path, body, model, api_key)
			SELECT '2026-05-01', id, endpoint, method, path, body, model, api_key FROM moved;`
	)
	writtenAgain := `
		INSERT INTO fusillade.requests (id, template_id, created_by, model, state, response_status, response_body, completed_at) VALUES
			('` + mine + `', '30000000-0000-4000-8000-000000000001', '` + apptest.Bob + `', 'm', 'completed', 200, '{"output": "the first answer, written again"}', now());`
	const retiring = `
		UPDATE fusillade.retained_response_buckets SET state = 'retiring';`
	rows := `
		DELETE FROM fusillade.requests WHERE batch_id IS NULL;
		INSERT INTO fusillade.files (id, name) VALUES ('20000000-0000-4000-8000-000000000001', 'an upload');
		INSERT INTO fusillade.request_templates (id, file_id, endpoint, method, path, body, model, api_key) VALUES
			('30000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000001', '', '', '', '{"input": "the words of an unshared file"}', '', ''),
			('30000000-0000-4000-8000-000000000002', NULL, '', '', '', '{"input": "the words that both of them need"}', '', '');
		INSERT INTO fusillade.requests (id, template_id, created_by, batch_id, model, state, response_status, response_body, completed_at) VALUES
			('` + mine + `', '30000000-0000-4000-8000-000000000001', '` + apptest.Bob + `', NULL, 'm', 'completed', 200, '{"output": "the first answer of these"}', now()),
			('` + second + `', '30000000-0000-4000-8000-000000000002', '` + apptest.Bob + `', NULL, 'm', 'completed', 200, '{"output": "the second answer of these"}', now());
		INSERT INTO fusillade.batches (id, expires_at) VALUES ('40000000-0000-4000-8000-000000000001', now());
		INSERT INTO fusillade.requests (id, template_id, batch_id, model, state) VALUES
			('` + others + `', '30000000-0000-4000-8000-000000000002', '40000000-0000-4000-8000-000000000001', 'm', 'pending')`
	const steps = `
		INSERT INTO fusillade.response_steps (id, request_id, step_kind, step_sequence, request_payload) VALUES
			('50000000-0000-4000-8000-000000000001', '` + mine + `', 'model_call', 0, '{}');
		INSERT INTO fusillade.response_steps (id, parent_step_id, step_kind, step_sequence, request_payload) VALUES
			('50000000-0000-4000-8000-000000000002', '50000000-0000-4000-8000-000000000001', 'tool_call', 1, '{}');`
	// Each copy belongs to the first response, and something different leads to each.
	copies := func(steps bool) string {
		sql := `
		INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id) VALUES ('` + mine + `', 1, now(), '', '', '` + mine + `');`
		if steps {
			sql += `
		INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, response_step_id) VALUES ('` + mine + `', 2, now(), '', '', '50000000-0000-4000-8000-000000000002');`
		}
		return sql
	}
	raw := `
		INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers, body)
			SELECT '` + mine + `', n, now(), '', '', CASE n WHEN 3 THEN '{"x-fusillade-request-id": "` + mine + `"}' WHEN 4 THEN '{"x-request-id": "` + mine + `"}'
			       WHEN 5 THEN '{"x-fusillade-request-id": "RESP_` + mine + `"}' WHEN 6 THEN '{"x-fusillade-request-id": ["` + strings.ReplaceAll(mine, "-", "") + `"]}'
			       WHEN 7 THEN '{"x-fusillade-request-id": ["` + mine + `", "` + others + `"]}' ELSE '{}' END::jsonb,
			       '{"input": "the words of an unshared file"}' FROM generate_series(1, 7) n;
		INSERT INTO outlet.http_responses (instance_id, correlation_id, timestamp, status_code, headers, body, duration_to_first_byte_ms, duration_ms)
			SELECT '` + mine + `', n, now(), 200, '{}', '{"output": "the first answer of these"}', 1, 1 FROM generate_series(1, 7) n;`
	for name, of := range map[string]struct {
		open              func(testing.TB) *pgtest.Database
		apart             bool
		main, copiesBegin string // additional statements for each database
		steps             bool
		moved, again      int // number of retained responses, and of those also in requests
	}{
		"without indexes":             {open: pgtest.WithFixture, steps: true},
		"with indexes":                {open: pgtest.WithFixture, main: byHeader + byStep, steps: true},
		"by header alone":             {open: pgtest.WithFixture, main: byHeader, steps: true},
		"index on headers as written": {open: pgtest.WithFixture, main: byHeaderAsWritten + byStep, steps: true},
		"copies apart":                {open: pgtest.WithFixture, apart: true, main: byStep, copiesBegin: byHeader, steps: true},
		"arsenal":                     {open: pgtest.WithArsenal, main: arsenal + byHeader},
		"moved":                       {open: pgtest.WithArsenal, main: byHeader + pgtest.Moved(mine), moved: 1},
		"moved without prompt":        {open: pgtest.WithArsenal, main: arsenal + pgtest.Moved(mine), moved: 1},
		"moved, both":                 {open: pgtest.WithArsenal, main: byHeader + pgtest.Moved(mine) + pgtest.Moved(second), moved: 2},
		"in both places":              {open: pgtest.WithArsenal, main: byHeader + pgtest.Moved(mine) + writtenAgain, moved: 1, again: 1},
		"retiring bucket":             {open: pgtest.WithArsenal, main: byHeader + pgtest.Moved(mine) + writtenAgain + retiring, moved: 1, again: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := of.open(t)
			elsewhere := database
			environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL}
			asOwner := []string{"LETHE_DATABASE_URL=" + database.URL}
			apptest.Exec(t, database.URL, rows)
			if of.steps {
				apptest.Exec(t, database.URL, steps)
			}
			if of.apart {
				elsewhere = pgtest.New(t)
				environ = append(environ, "LETHE_OUTLET_DATABASE_URL="+elsewhere.RoleURL, "LETHE_OUTLET_SCHEMA=outlet")
				asOwner = append(asOwner, "LETHE_OUTLET_DATABASE_URL="+elsewhere.URL, "LETHE_OUTLET_SCHEMA=outlet")
			}
			apptest.Exec(t, database.URL, copies(of.steps)+of.main)
			apptest.Exec(t, elsewhere.URL, raw+of.copiesBegin)
			count := func() map[string]int {
				n := map[string]int{}
				for _, table := range []string{
					"fusillade.requests", "fusillade.request_templates", "fusillade.request_templates_g2", "fusillade.response_steps", "outlet.http_requests", "outlet.http_responses",
					"fusillade.retained_response_objects", "fusillade.retained_response_request_routes", "fusillade.retained_response_group_routes",
				} {
					url := database.URL
					if strings.HasPrefix(table, "outlet") {
						url = elsewhere.URL
					}
					if apptest.Number(t, url, "SELECT count(*) FROM (SELECT to_regclass('"+table+"') AS there) t WHERE there IS NOT NULL") == 1 {
						n[table] = apptest.Number(t, url, "SELECT count(*) FROM "+table)
					}
				}
				return n
			}
			found := look(t, ops.SearchOptions{Sample: 100}, asOwner...)
			said := map[string]int{} // the most rows in a column of each table
			for _, p := range found.Places {
				if p.Treatment == "erased" {
					said[p.Table] = max(said[p.Table], p.Rows)
				}
				if p.Treatment == "missed" && strings.HasPrefix(p.Table, "fusillade.") {
					t.Errorf("%s: want no row missed, got %d of %s", p.Column, p.Rows, p.Table)
				}
			}
			before := count()
			s := apptest.Start(t, environ...)
			for _, id := range []string{mine, second} {
				s.EraseOne(t, id)
			}
			for table, left := range count() {
				if before[table]-left != said[table] {
					t.Errorf("%s: the sample reported %d rows as erased, and the erasure removed %d of %d", table, said[table], before[table]-left, before[table])
				}
			}
			if said["fusillade.requests"] != 2-of.moved+of.again || said["fusillade.retained_response_objects"] != 2*of.moved || said["outlet.http_requests"] == 0 {
				t.Errorf("rows reported as erased: got %v", said)
			}
		})
	}
}

// TestSampleRefusedErasure: what an erasure would refuse is reported as missed.
func TestSampleRefusedErasure(t *testing.T) {
	t.Parallel()
	database := pgtest.WithArsenal(t)
	apptest.Exec(t, database.URL, apptest.NewerRows)
	apptest.Exec(t, database.URL, "DELETE FROM fusillade.requests WHERE batch_id IS NULL AND id <> '"+apptest.Converted+"'")
	apptest.Exec(t, database.URL, pgtest.Moved(apptest.Converted))
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL}
	objects := func() map[string]int {
		all := map[string]int{}
		for _, p := range look(t, ops.SearchOptions{Sample: 10}, "LETHE_DATABASE_URL="+database.URL).Places {
			if p.Table == "fusillade.retained_response_objects" && p.Column == "payload" {
				all[p.Treatment] += p.Rows
			}
		}
		return all
	}
	if got := objects(); !maps.Equal(got, map[string]int{"erased": 2}) {
		t.Errorf("want 2 objects erased, got %v", got)
	}
	s := apptest.Start(t, environ...)
	for name, change := range map[string]string{
		"another request": `payload = jsonb_set(payload, '{request_ids}', '["` + apptest.MissingID + `"]')`,
		"no request":      `payload = payload - 'request_ids'`,
		"no list":         `payload = jsonb_set(payload, '{request_ids}', '"` + apptest.Converted + `"')`,
	} {
		apptest.Exec(t, database.URL, "UPDATE fusillade.retained_response_objects SET "+change+" WHERE object_kind = 'group'")
		if got := objects(); got["erased"] != 0 || got["missed"] == 0 {
			t.Errorf("%s: want objects missed and none erased, got %v", name, got)
		}
		if status, body := s.DeleteAs(t, apptest.RequestsPath+"/"+apptest.Converted, "sk-root-platform"); status == http.StatusNoContent {
			t.Errorf("%s: want DELETE refused, got 204 %s", name, body)
		}
	}
	apptest.Exec(t, database.URL, `UPDATE fusillade.retained_response_objects SET payload = jsonb_set(payload, '{request_ids}', '["`+strings.ToUpper(apptest.Converted)+`"]') WHERE object_kind = 'group'`)
	if got := objects(); !maps.Equal(got, map[string]int{"erased": 2}) {
		t.Errorf("request ID in capitals: want 2 objects erased, got %v", got)
	}
	s.EraseOne(t, apptest.Converted)
}

// TestSampleSharedText: text that two responses share is not reported as missed by the
// erasure of one.
func TestSampleSharedText(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, `
		INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key)
			SELECT ('00000000-0000-4000-8000-00000000000' || i)::uuid, '', '', '', '{"input": "both asked for the same thing"}', '', '' FROM generate_series(1, 2) i;
		INSERT INTO fusillade.requests (template_id, created_by, model, state, response_status, response_body, completed_at)
			SELECT id, 'somebody', '', 'completed', 200, '{"output": "and both were told the same"}', now() FROM fusillade.request_templates`)
	found := look(t, ops.SearchOptions{Sample: 1}, "LETHE_DATABASE_URL="+database.URL)
	want := map[string]int{
		"main fusillade.requests.id erased": 1, "main fusillade.requests.template_id erased": 1, "main fusillade.request_templates.id erased": 1,
		"main fusillade.requests.response_body erased": 1, "main fusillade.request_templates.body erased": 1,
		"main fusillade.requests.response_body shared": 1, "main fusillade.request_templates.body shared": 1,
	}
	if got := where(found); !maps.Equal(got, want) || found.Left() {
		t.Errorf("found %v, want %v", got, want)
	}
}
