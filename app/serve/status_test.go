package serve_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestStatus follows a figure of each source.
func TestStatus(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	apptest.Exec(t, database.URL, `CREATE TABLE public._sqlx_migrations (version bigint, success boolean);
		INSERT INTO public._sqlx_migrations VALUES (97, true);
		GRANT SELECT ON public._sqlx_migrations TO public`)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_ERASURE_KEY="+apptest.NewKey(t))
	type status struct {
		Well     bool
		Sentence string
		Log      struct {
			SealedAt *time.Time `json:"sealed_at"`
			Leaves   int64
			Unsealed int64
		}
		Erasures  struct{ Unfinished, Failed int64 }
		NextRules []struct{ Name string } `json:"next_rules"`
		Schemas   []struct {
			Schema    string
			Migration *int64
		}
	}
	get := func() (got status) {
		t.Helper()
		code, _, text := s.Send(t, http.MethodGet, "/lethe/api/v1/status", "sk-pmonly-platform", "")
		if err := json.Unmarshal([]byte(text), &got); err != nil || code != http.StatusOK {
			t.Fatalf("got %d %s", code, text)
		}
		return got
	}
	got := get()
	if !got.Well || got.Sentence != "All is well." || got.Log.SealedAt != nil || len(got.NextRules) != 0 {
		t.Errorf("want that all is well and nothing is sealed, got %+v", got)
	}
	if len(got.Schemas) != 2 || got.Schemas[0].Schema != "public" || got.Schemas[0].Migration == nil || *got.Schemas[0].Migration != 97 || got.Schemas[1].Schema != "fusillade" {
		t.Errorf("want migration 97 of public, got %+v", got.Schemas)
	}

	id := apptest.AddFinishedOf(t, database.URL, apptest.Bob, "watched", 1, "1 hour")[0]
	if code, _, text := s.Send(t, http.MethodDelete, apptest.RequestsPath+"/"+id, "sk-root-platform", ""); code != http.StatusNoContent {
		t.Fatalf("got %d %s", code, text)
	}
	apptest.Await(t, "the receipt is sealed", func() bool {
		got = get()
		return got.Log.Leaves == 1 && got.Log.Unsealed == 0 && got.Log.SealedAt != nil && time.Since(*got.Log.SealedAt) < time.Minute
	})

	code, _, text := s.Send(t, http.MethodPost, rulesPath, "sk-root-platform", `{"name":"watched","filter":{"models":["none"]},"age_days":30,"run_at":["00:00"]}`)
	var rule struct{ ID string }
	if err := json.Unmarshal([]byte(text), &rule); err != nil || code != http.StatusCreated {
		t.Fatalf("got %d %s", code, text)
	}
	for _, step := range []struct{ path, body string }{{"/dry-run", ""}, {"/enable", `{"version":1}`}} {
		if code, _, text := s.Send(t, http.MethodPost, rulesPath+"/"+rule.ID+step.path, "sk-root-platform", step.body); code != http.StatusOK {
			t.Fatalf("got %d %s", code, text)
		}
	}
	if got = get(); len(got.NextRules) != 1 || got.NextRules[0].Name != "watched" {
		t.Errorf("want the enabled rule, got %+v", got.NextRules)
	}

	// The newest erasure as if it had failed.
	code, _, text = s.Send(t, http.MethodPost, apptest.ErasuresPath, "sk-root-platform", `{"responses":["`+apptest.MissingID+`"]}`)
	if code >= 300 {
		t.Fatalf("got %d %s", code, text)
	}
	apptest.Exec(t, database.URL, `UPDATE lethe.erasures SET state = 'failed'`)
	if got = get(); got.Well || got.Erasures.Failed != 1 || !strings.HasPrefix(got.Sentence, "Erasures that failed within the last day: 1; ") {
		t.Errorf("want the failed erasure, got %+v", got)
	}
}
