package serve_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/app/config"
	"lethe/app/ops"
	"lethe/domain"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// eraseOwner adds responses of a new owner, and starts the erasure of that owner.
func eraseOwner(t *testing.T, url string, responses int) uuid.UUID {
	t.Helper()
	owner, by := uuid.New(), uuid.New()
	apptest.Exec(t, url, fmt.Sprintf(`INSERT INTO fusillade.requests (id, state, model, created_by, created_at)
		SELECT gen_random_uuid(), 'pending', 'm', '%s', now() - n * interval '1 s' FROM generate_series(1, %d) AS n`, owner, responses))
	db, err := postgres.Open(postgres.Config{URL: url, SearchPath: []string{"fusillade", "outlet"}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	erasures, err := fusillade.NewErasures(db, "outlet", fusillade.Issuer{Origin: "test.example/log", Build: "test", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := erasures.Create(t.Context(), domain.Erasure{
		ID: uuid.New(), Trigger: domain.TriggerBulk, Kind: domain.TargetOwner, Target: &domain.ErasureTarget{Owner: &owner},
		AsOf: time.Now(), Ground: domain.GroundRequest, RequestedAt: time.Now(), RequestedBy: &by,
		Role: domain.ActorAdministrator, Secret: &domain.Salt{}, State: domain.ErasurePending,
	})
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}

// TestBackgroundErasure: a running service finishes an erasure that any process has
// started, verifies it when that is due, and counts it.
func TestBackgroundErasure(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	id := eraseOwner(t, database.URL, 450)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	is := func(condition string) func() bool {
		return func() bool {
			return apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.erasures WHERE id = '"+id.String()+"' AND "+condition) == 1
		}
	}
	apptest.Await(t, "it is finished", is("state = 'finished' AND done = 450 AND requests = 450 AND verify_at > now() + interval '23 h'"))
	if left := apptest.Number(t, database.URL, "SELECT count(*) FROM fusillade.requests"); left != 0 {
		t.Errorf("%d are left, want 0", left)
	}
	if named := apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.receipts WHERE convert_from(body, 'UTF8') LIKE '%image_store%'"); named != 0 {
		t.Errorf("%d receipts name a place that is not there, want 0", named)
	}
	for sample, want := range map[string]string{
		`lethe_erased_responses_total{trigger="bulk"}`: "450", `lethe_erased_rows_total{table="requests"}`: "450",
		`lethe_erased_rows_total{table="steps"}`: "0", `lethe_erased_responses_total{trigger="single"}`: "0",
	} {
		if got := s.Metric(t, sample); got != want {
			t.Errorf("%s %s, want %s", sample, got, want)
		}
	}
	if s.Metric(t, `lethe_erasures{state="pending",trigger="bulk"}`)+s.Metric(t, `lethe_erasures{state="running",trigger="bulk"}`)+
		s.Metric(t, `lethe_erasures{state="finished",trigger="bulk"}`) == "" {
		t.Error("metrics: want lethe_erasures by state, got none")
	}
	apptest.Exec(t, database.URL, "UPDATE lethe.erasures SET verify_at = now()")
	apptest.Await(t, "it is verified", is("verify_at IS NULL AND verified_at IS NOT NULL"))
}

// TestDeleteRefusedByDatabase: DELETE reports the same as a bulk erasure, without the
// database's message.
func TestDeleteRefusedByDatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	id := said(t, database.URL, `SELECT id::text FROM fusillade.requests WHERE created_by = '`+apptest.Alice+`' AND batch_id IS NULL AND state = 'completed' ORDER BY id LIMIT 1`)
	left := `SELECT count(*) FROM fusillade.requests`
	before := apptest.Number(t, database.URL, left)
	for how, does := range map[string]string{"loudly": `RAISE EXCEPTION 'words of people: %', OLD`, "silently": `RETURN NULL`} {
		apptest.Exec(t, database.URL, `CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN `+does+`; END $$;
			CREATE TRIGGER refuse BEFORE DELETE ON fusillade.requests FOR EACH ROW EXECUTE FUNCTION public.refuse()`)
		for _, query := range []string{"", "?include_later_turns=true"} {
			status, body := s.DeleteAs(t, apptest.RequestsPath+"/"+id+query, "sk-alice-platform")
			if status != http.StatusConflict || !strings.Contains(body, "The database refuses to delete it: have its operator look for triggers, constraints and damaged rows\"") {
				t.Errorf("%s: want %d without the database's message, got %d %s", how, http.StatusConflict, status, body)
			}
			if status, _ := s.DeleteAs(t, apptest.RequestsPath+"/"+id+query, "sk-bob-platform"); status != http.StatusNotFound {
				t.Errorf("%s: somebody else's: want %d, got %d", how, http.StatusNotFound, status)
			}
		}
		if n := apptest.Number(t, database.URL, left); n != before {
			t.Errorf("%s: %d of %d are left, want %d", how, n, before, before)
		}
		apptest.Exec(t, database.URL, `DROP FUNCTION public.refuse() CASCADE`)
	}
	if status, body := s.DeleteAs(t, apptest.RequestsPath+"/"+id, "sk-alice-platform"); status != http.StatusNoContent {
		t.Errorf("in the end: want %d, got %d %s", http.StatusNoContent, status, body)
	}
}

// TestErasureRedactedAfterADay a day after their end.
func TestErasureRedactedAfterADay(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	old, recent := eraseOwner(t, database.URL, 0), eraseOwner(t, database.URL, 0)
	apptest.Exec(t, database.URL, "UPDATE lethe.erasures SET state = 'finished', finished_at = now() - CASE id WHEN '"+old.String()+"' THEN interval '25 h' ELSE interval '23 h' END")
	start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	apptest.Await(t, "one is forgotten", func() bool {
		return apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.erasures WHERE target IS NULL") == 1
	})
	if kept := apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.erasures WHERE target IS NOT NULL AND id = '"+recent.String()+"'"); kept != 1 {
		t.Errorf("recent erasure: want its target kept, got %d rows", kept)
	}
}

// TestErasuresWaitForTables: a service that starts before the tables exist begins by
// itself when they do.
func TestErasuresWaitForTables(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, "DROP SCHEMA lethe CASCADE")
	settings := []string{"LETHE_DATABASE_URL=" + database.URL, "LETHE_LOG_LEVEL=error"}
	s := start(t, settings...)
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "lethe.") {
		t.Errorf("readyz without tables: want %d, got %d %s", http.StatusServiceUnavailable, status, body)
	}
	apptest.Await(t, "the failure is counted", func() bool {
		n := s.Metric(t, `lethe_background_failures_total{work="erasures"}`)
		return n != "" && n != "0"
	})
	cfg, err := config.Load(config.Sources{Environ: settings})
	if err != nil {
		t.Fatal(err)
	}
	if err := ops.MigrateUp(t.Context(), cfg, io.Discard, io.Discard, false); err != nil {
		t.Fatal(err)
	}
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
		t.Errorf("not ready: want %d, got %d %s", http.StatusOK, status, body)
	}
	eraseOwner(t, database.URL, 3)
	apptest.Await(t, "the erasure is finished", func() bool {
		return apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.erasures WHERE state = 'finished' AND done = 3") == 1
	})
}
