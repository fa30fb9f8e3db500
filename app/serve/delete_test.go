package serve_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lethe/app/config"
	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestDeleteEveryDwctlVersion: the response of DELETE and its effect are the same with
// the tables of each version, with the guard and without it.
func TestDeleteEveryDwctlVersion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		database func(testing.TB) *pgtest.Database
		guarded  bool
	}{
		"8.52.1":            {pgtest.WithFixture, false},
		"8.52.1, guarded":   {pgtest.WithFixture, true},
		"10.13.1":           {pgtest.WithNewer, false},
		"10.13.1, guarded":  {pgtest.WithNewer, true},
		"and arsenal 4.1.0": {pgtest.WithArsenal, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := c.database(t)
			if c.guarded {
				installGuard(t, database)
			}
			s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
			ids := make([]string, 6)
			for i := range ids {
				ids[i] = fmt.Sprintf("01900000-0000-7000-8000-00000000010%d", i)
			}
			alone, first, second, third, refused, others := ids[0], ids[1], ids[2], ids[3], ids[4], ids[5]
			follows := map[string]string{second: first, third: second}
			for i, id := range ids {
				owner := apptest.Bob
				if id == others {
					owner = apptest.Alice
				}
				apptest.Exec(t, database.URL, fmt.Sprintf(`
					INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key)
					VALUES ('%[1]s', 'e', 'POST', '/v1/responses', '{"input": "words", "previous_response_id": "resp_%[2]s"}', 'm', 'k');
					INSERT INTO fusillade.requests (id, template_id, state, model, created_by, created_at, response_status, response_body, completed_at)
					VALUES ('%[1]s', '%[1]s', 'completed', 'm', '%[3]s', now() + interval '%[4]d s', 200, '{"output": "words"}', now())`, id, follows[id], owner, i))
			}
			apptest.Exec(t, database.URL, `CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				    IF OLD.id = '`+refused+`' THEN RAISE EXCEPTION 'words of people'; END IF;
				    RETURN OLD;
				END $$;
				CREATE TRIGGER refuse BEFORE DELETE ON fusillade.requests FOR EACH ROW EXECUTE FUNCTION public.refuse()`)
			there := func() int {
				t.Helper()
				return apptest.Number(t, database.URL, `SELECT (SELECT count(*) FROM fusillade.requests WHERE id::text IN ('`+strings.Join(ids, "', '")+`'))
					+ (SELECT count(*) FROM fusillade.request_templates WHERE id::text IN ('`+strings.Join(ids, "', '")+`'))`)
			}
			left, receipts := 2*len(ids), 0
			ask := func(what, path, key string, want int, words string, gone int) {
				t.Helper()
				status, header, body := s.Send(t, http.MethodDelete, apptest.RequestsPath+"/"+path, key, "")
				if status != want || !strings.Contains(body, words) || strings.Contains(body, "words of people") {
					t.Errorf("%s: %d %s, want %d %s", what, status, body, want, words)
				}
				proven := header.Get("Location") != "" && header.Get("Receipt-Salt") != ""
				if erased := want == http.StatusNoContent; proven != erased || erased != (body == "") || !erased && header.Get("Content-Type") != "application/problem+json" {
					t.Errorf("%s: want proof headers and no body if erased, else a problem; got %v %q", what, header, body)
				}
				if gone > 0 {
					receipts++
				}
				if left -= 2 * gone; there() != left || apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.receipts") != receipts {
					t.Errorf("%s: %d rows are left, want %d, with %d receipts", what, there(), left, receipts)
				}
			}
			const key, root, along = "sk-bob-platform", "sk-root-platform", "?include_later_turns=true"
			status, hold := s.Post(t, "/lethe/api/v1/holds", map[string]any{"responses": []string{third}, "reason": "court"})
			if status != http.StatusCreated {
				t.Fatalf("place a hold: want %d, got %d %v", http.StatusCreated, status, hold)
			}
			placed := hold["id"].(string)

			ask("without a key", alone, "", http.StatusUnauthorized, "", 0)
			ask("what is no identifier", "words", key, http.StatusBadRequest, "", 0)
			ask("what is not there", "01900000-0000-7000-8000-000000000999", key, http.StatusNotFound, "Response with ID 01900000-0000-7000-8000-000000000999 not found", 0)
			ask("somebody else's", others, key, http.StatusNotFound, "Response with ID "+others+" not found", 0)
			ask("of what is held", third, key, http.StatusConflict, "Response with ID "+third+" is held and cannot be erased", 0)
			ask("of what is held, for who sees holds", third, root, http.StatusConflict, "until these holds are released or expire: "+placed, 0)
			ask("with a later turn that is held", first+along, key, http.StatusConflict, "Response with ID "+first+" is held and cannot be erased", 0)
			ask("the same, for who sees holds", first+along, root, http.StatusConflict, "until these holds are released or expire: "+placed, 0)
			ask("what the database refuses", refused, key, http.StatusConflict, "The database refuses to delete it: have its operator look for triggers, constraints and damaged rows", 0)
			ask("one alone", alone, key, http.StatusNoContent, "", 1)
			ask("again", alone, key, http.StatusNotFound, "Response with ID "+alone+" not found", 0)
			ask("its later turns stay", first, key, http.StatusNoContent, "", 1)
			if status, _ := s.DeleteAs(t, "/lethe/api/v1/holds/"+placed, root); status != http.StatusOK {
				t.Fatalf("release a hold: want %d, got %d", http.StatusOK, status)
			}
			ask("with later turns", second+along, key, http.StatusNoContent, "", 2)
			ask("of the last", third, key, http.StatusNotFound, "Response with ID "+third+" not found", 0)
		})
	}
}

// installGuard installs the guard for the service's role, as the owner of the tables.
func installGuard(t *testing.T, database *pgtest.Database) {
	t.Helper()
	role, err := url.Parse(database.RoleURL)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(config.Sources{Environ: []string{"LETHE_DATABASE_URL=" + database.URL}})
	if err != nil {
		t.Fatal(err)
	}
	var sql, progress strings.Builder
	if err := ops.PrintGuard(t.Context(), cfg, []string{role.User.Username()}, false, &sql, &progress); err != nil {
		t.Fatal(err)
	}
	apptest.Exec(t, database.URL, strings.Replace(sql.String(), "\\set ON_ERROR_STOP on\n", "", 1))
	if n := apptest.Number(t, database.URL, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'lethe_guard%'"); n == 0 {
		t.Fatal("triggers of the guard: want some, got none")
	}
}

// TestDeleteIdempotencyKeyOtherRequest: an Idempotency-Key belongs to one request.
// With another include_later_turns it reveals nothing about the first one, and does
// nothing.
func TestDeleteIdempotencyKeyOtherRequest(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_ERASURE_KEY="+apptest.NewKey(t))
	remove := func(path string) (int, string, string) {
		t.Helper()
		status, header, body := s.Send(t, http.MethodDelete, path, "sk-bob-platform", "", "Idempotency-Key", "once")
		return status, header.Get("Receipt-Salt"), body
	}
	for before, after := range map[string]string{"": "?include_later_turns=true", "?include_later_turns=true": "?include_later_turns=false"} {
		first := apptest.AddFinished(t, database.URL, "first"+after, 1, "1 hour")[0]
		later := apptest.AddFinished(t, database.URL, "later"+after, 1, "1 hour")[0]
		apptest.Exec(t, database.URL, fmt.Sprintf(`UPDATE fusillade.request_templates SET body = '{"input": "words", "previous_response_id": "resp_%s"}' WHERE id = '%s'`, first, later))
		path := apptest.RequestsPath + "/" + first
		status, salt, body := remove(path + before)
		if status != http.StatusNoContent || salt == "" {
			t.Fatalf("%q: want %d with a salt, got %d %s", before, http.StatusNoContent, status, body)
		}
		left := apptest.Number(t, database.URL, `SELECT count(*) FROM fusillade.requests WHERE id = '`+later+`'`)
		if status, salt, body := remove(path + after); status != http.StatusConflict || salt != "" || !strings.Contains(body, "was used with a different request") {
			t.Errorf("%q after %q: want %d without a salt, got %d %s", after, before, http.StatusConflict, status, body)
		}
		if n := apptest.Number(t, database.URL, `SELECT count(*) FROM fusillade.requests WHERE id = '`+later+`'`); n != left {
			t.Errorf("%q after %q: want %d later turns left, got %d", after, before, left, n)
		}
		if status, again, body := remove(path + before); status != http.StatusNoContent || again != salt {
			t.Errorf("%q repeated: want %d with the same salt, got %d %s", before, http.StatusNoContent, status, body)
		}
	}
}
