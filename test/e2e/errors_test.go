package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lethe/internal/pgtest"
)

// TestErrorsQuoteNoContents: the database fails with errors that quote parts of a
// response, in each use of the service. The log says where and why it failed; neither
// the log nor a response quotes contents.
func TestErrorsQuoteNoContents(t *testing.T) {
	t.Parallel()
	const canary = "KanarienvogelXYZ"
	database := pgtest.New(t)
	key := newKey(t, database.URL)
	conn := connect(t, database.URL)
	ids := addResponses(t, conn, 40)
	execute(t, conn, `INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key)
		SELECT id, 'e', 'POST', '/', '`+canary+`', 'm', '`+canary+`' FROM fusillade.requests`)
	execute(t, conn, `UPDATE fusillade.requests SET state = 'completed', claimed_at = now(), started_at = now(), completed_at = now(), response_status = 200,
		response_body = '{"said": "`+canary+`"}', template_id = id`)
	execute(t, conn, `CREATE TABLE public.refused (words text UNIQUE, n int CHECK (n > 0)); INSERT INTO public.refused VALUES ('`+canary+`', 1)`)
	p := serve(t, databaseURL(database.URL), "LETHE_LOG_LEVEL=debug")
	p.awaitStatus(t, "/readyz", http.StatusOK)
	var answers strings.Builder
	ask := func(method, path string) int {
		t.Helper()
		a := p.ask(t, method, path, key)
		fmt.Fprintln(&answers, a.status, a.body)
		return a.status
	}
	// said are words that the log holds from now on.
	after := func(from int, what string, said ...string) {
		t.Helper()
		await(t, what+" is told", 20*time.Second, func() bool {
			for _, want := range said {
				if !strings.Contains(p.stderr.String()[from:], want) {
					return false
				}
			}
			return true
		})
	}
	next := 0
	for name, c := range map[string]struct{ body, said string }{
		"raised":              {`RAISE EXCEPTION 'no %', OLD.response_body USING DETAIL = OLD.response_body, TABLE = OLD.response_body, HINT = OLD.response_body`, "SQLSTATE P0001"},
		"raised as damage":    {`RAISE EXCEPTION 'no %', OLD.response_body USING ERRCODE = 'XX001'`, "SQLSTATE XX001"},
		"raised as privilege": {`RAISE EXCEPTION 'no %', OLD.response_body USING ERRCODE = '42501'`, "SQLSTATE 42501"},
		"raised as full":      {`RAISE EXCEPTION 'no %', OLD.response_body USING ERRCODE = '53100'`, "SQLSTATE 53100"},
		"raised as busy":      {`RAISE EXCEPTION 'no %', OLD.response_body USING ERRCODE = '55P03'`, "SQLSTATE 55P03"},
		"cast":                {`PERFORM OLD.response_body::int`, "SQLSTATE 22P02: invalid input syntax for type integer"},
		"key":                 {`INSERT INTO public.refused VALUES (OLD.response_body::jsonb->>'said', 1)`, `duplicate key value violates unique constraint \"refused_words_key\" (Key (words)=(…))`},
		"check":               {`INSERT INTO public.refused VALUES (OLD.response_body, 0)`, `violates check constraint \"refused_n_check\"`},
		"dynamic":             {`EXECUTE 'SELECT ' || OLD.response_body`, "SQLSTATE 42601"},
		"notice":              {`RAISE WARNING '%', OLD.response_body; PERFORM 1/0`, "SQLSTATE 22012"},
	} {
		execute(t, conn, `CREATE OR REPLACE FUNCTION public.refuse() RETURNS trigger AS $$ BEGIN `+c.body+`; RETURN OLD; END $$ LANGUAGE plpgsql`)
		execute(t, conn, `DROP TRIGGER IF EXISTS refuse ON fusillade.requests; CREATE TRIGGER refuse BEFORE DELETE ON fusillade.requests FOR EACH ROW EXECUTE FUNCTION public.refuse()`)
		from := len(p.stderr.String())
		if status := ask(http.MethodDelete, requestsPath+"/"+ids[next]); status < 400 || status == http.StatusNotFound {
			t.Errorf("%s: erase: want an error, got %d", name, status)
		}
		after(from, name, c.said, "public.refuse() line 1", "in statement")
		body := map[string]any{"responses": ids[next+1 : next+4]}
		a, err := p.post(erasuresPath, key, body)
		fmt.Fprintln(&answers, a.status, a.body, err)
		next += 4
	}
	execute(t, conn, `DROP TRIGGER refuse ON fusillade.requests`)
	for name, c := range map[string]struct{ broken, mended, said string }{
		"no column": {"ALTER TABLE fusillade.requests RENAME model TO modell", "ALTER TABLE fusillade.requests RENAME modell TO model", "SQLSTATE 42703: column "},
		"no table":  {"ALTER TABLE fusillade.requests RENAME TO requestz", "ALTER TABLE fusillade.requestz RENAME TO requests", "SQLSTATE 42P01: relation "},
	} {
		execute(t, conn, c.broken)
		from := len(p.stderr.String())
		for _, path := range []string{requestsPath, requestsPath + "/" + ids[0]} {
			if status := ask(http.MethodGet, path); status < 500 {
				t.Errorf("%s: %s: want an error of the server, got %d", name, path, status)
			}
		}
		after(from, name, c.said, "in statement", " at character ")
		execute(t, conn, c.mended)
	}
	if all := p.stdout.String() + p.stderr.String() + answers.String(); strings.Contains(all, "Kanarienvogel") {
		at := strings.Index(all, "Kanarienvogel")
		t.Errorf("want no contents in log or answers, got …%s…", all[max(0, at-300):min(len(all), at+100)])
	}
}
