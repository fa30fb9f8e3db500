package serve_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
	"lethe/receipt"
)

const rulesPath = "/lethe/api/v1/retention-rules"

// rule is the service's representation of a retention rule.
type rule struct {
	ID        uuid.UUID  `json:"id"`
	Version   int64      `json:"version"`
	Enabled   bool       `json:"enabled"`
	NextRunAt *time.Time `json:"next_run_at"`
	DryRun    *struct {
		Responses int64 `json:"responses"`
	} `json:"dry_run"`
	LastRun *struct {
		Version   int64     `json:"version"`
		ErasureID uuid.UUID `json:"erasure_id"`
	} `json:"last_run"`
}

// rule sends a request about a rule as root.
func (s *service) rule(t *testing.T, method, path, body string) (told rule) {
	t.Helper()
	status, _, text := s.Send(t, method, path, "sk-root-platform", body)
	if err := json.Unmarshal([]byte(text), &told); err != nil || status > http.StatusCreated {
		t.Fatalf("%s %s: want 200 or 201 with a rule, got %d %s, %v", method, path, status, text, err)
	}
	return told
}

// enabledRule creates a rule, dry-runs it, checks the result and enables it.
func (s *service) enabledRule(t *testing.T, body string, counted int64) rule {
	t.Helper()
	r := s.rule(t, http.MethodPost, rulesPath, body)
	at := rulesPath + "/" + r.ID.String()
	if tried := s.rule(t, http.MethodPost, at+"/dry-run", ""); tried.DryRun == nil || tried.DryRun.Responses != counted {
		t.Errorf("want %d counted, got %+v", counted, tried.DryRun)
	}
	if r = s.rule(t, http.MethodPost, at+"/enable", `{"version":1}`); !r.Enabled || r.NextRunAt == nil {
		t.Fatalf("want the rule enabled with a next run, got %+v", r)
	}
	return r
}

// addAged adds responses of a model that were created that long ago.
func addAged(t *testing.T, url, model, state string, responses int, ago string) {
	t.Helper()
	apptest.Exec(t, url, fmt.Sprintf(`INSERT INTO fusillade.requests (id, state, model, created_by, created_at, canceled_at)
		SELECT gen_random_uuid(), '%[1]s', '%[2]s', '%[3]s', now() - interval '%[4]s' - n * interval '1 s', CASE '%[1]s' WHEN 'canceled' THEN now() END
		FROM generate_series(1, %[5]d) AS n`, state, model, apptest.Alice, ago, responses))
}

// said returns a text from the database.
func said(t *testing.T, url, sql string) (told string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if err := conn.QueryRow(t.Context(), sql).Scan(&told); err != nil {
		t.Fatal(err)
	}
	return told
}

// TestRetentionRun: when its time comes, a rule erases only what is old, and its
// receipts name it; any number of missed times counts once.
func TestRetentionRun(t *testing.T) {
	t.Parallel()
	database, key := pgtest.WithFixture(t), apptest.NewKey(t)
	addAged(t, database.URL, "aged", "canceled", 7, "30 days")
	addAged(t, database.URL, "aged", "canceled", 5, "29 days")
	addAged(t, database.URL, "aged", "pending", 3, "60 days")
	addAged(t, database.URL, "other", "canceled", 2, "60 days")
	before := apptest.Number(t, database.URL, `SELECT count(*) FROM fusillade.requests`)
	settings := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_ERASURE_KEY=" + key}
	s := start(t, settings...)
	r := s.enabledRule(t, `{"name":"a month","filter":{"models":["aged"]},"age_days":30,"run_at":["00:00","12:00"]}`, 7)
	s.Stop()
	if err := <-s.Result; err != nil {
		t.Fatal(err)
	}
	s.Result <- nil
	apptest.Exec(t, database.URL, `UPDATE lethe.retention_rules SET next_run_at = now() - interval '3 days'`)

	s = start(t, settings...)
	other := start(t, settings...) // another process
	apptest.Await(t, "it has run", func() bool {
		return apptest.Number(t, database.URL, `SELECT count(*) FROM lethe.erasures WHERE state = 'finished' AND trigger = 'retention' AND done = 7`) == 1
	})
	for _, s := range []*service{s, other} {
		r = s.rule(t, http.MethodGet, rulesPath+"/"+r.ID.String(), "")
		if r.LastRun == nil || r.LastRun.Version != 1 || r.NextRunAt == nil || !r.NextRunAt.After(time.Now()) || time.Until(*r.NextRunAt) > 12*time.Hour {
			t.Errorf("want a last run of version 1 and a next run within 12 hours, got %+v", r)
		}
	}
	if n := apptest.Number(t, database.URL, `SELECT count(*) FROM lethe.erasures`); n != 1 {
		t.Errorf("%d runs, want one", n)
	}
	for sql, want := range map[string]int{
		`SELECT count(*) FROM fusillade.requests`:                                                    before - 7,
		`SELECT count(*) FROM fusillade.requests WHERE model = 'aged' AND state = 'canceled'`:        5,
		`SELECT count(*) FROM fusillade.requests WHERE model = 'aged' AND state = 'pending'`:         3,
		`SELECT count(*) FROM fusillade.requests WHERE model = 'other' AND state = 'canceled'`:       2,
		`SELECT count(*) FROM lethe.erasure_receipts e JOIN lethe.receipts r ON r.id = e.receipt_id`: 1,
	} {
		if got := apptest.Number(t, database.URL, sql); got != want {
			t.Errorf("%s: %d, want %d", sql, got, want)
		}
	}
	id := said(t, database.URL, `SELECT receipt_id::text FROM lethe.erasure_receipts`)
	var file string
	apptest.Await(t, "its receipt is sealed", func() bool {
		var status int
		status, _, file = s.Get(t, apptest.ReceiptsPath+id+"/receipt", "sk-root-platform")
		return status == http.StatusOK
	})
	result, err := receipt.Check([]byte(file), apptest.PublicOf(t, key), receipt.Options{})
	if err != nil || result.Receipt.Trigger != receipt.TriggerRetention || result.Receipt.Rule == nil ||
		*result.Receipt.Rule != (receipt.Rule{ID: r.ID, Version: 1}) || result.Receipt.Counts.Requests != 7 {
		t.Errorf("receipt: want rule version 1 and 7 requests, got %+v, %v", result.Receipt, err)
	}
	if status, _, _ := s.Get(t, apptest.ReceiptsPath+id+"/receipt", "sk-alice-platform"); status != http.StatusNotFound {
		t.Errorf("the receipt is told to somebody who did not ask for it: want %d, got %d", http.StatusNotFound, status)
	}
	if got := s.Metric(t, `lethe_background_failures_total{work="retention"}`); got != "0" {
		t.Errorf("background failures: want 0, got %s", got)
	}
}

// TestApprovedRule: with erasure.approve_rules, a rule that one person enables runs once
// another has approved it.
func TestApprovedRule(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_ERASURE_KEY="+apptest.NewKey(t), "LETHE_ERASURE_APPROVE_RULES=true")
	at := rulesPath + "/" + s.rule(t, http.MethodPost, rulesPath, `{"name":"n","age_days":30,"run_at":["00:00"]}`).ID.String()
	s.rule(t, http.MethodPost, at+"/dry-run", "")
	if r := s.rule(t, http.MethodPost, at+"/enable", `{"version":1}`); r.Enabled || r.NextRunAt != nil {
		t.Errorf("want it to wait, got %+v", r)
	}
	if status, _, text := s.Send(t, http.MethodPost, at+"/approve", "sk-root-platform", `{"version":1}`); status != http.StatusForbidden || !strings.Contains(text, "somebody else") {
		t.Errorf("one's own rule: got %d %s", status, text)
	}
	if status, _, text := s.Send(t, http.MethodPost, at+"/approve", "sk-pmonly-platform", `{"version":1}`); status != http.StatusOK {
		t.Errorf("somebody else's: got %d %s", status, text)
	}
	if r := s.rule(t, http.MethodGet, at, ""); !r.Enabled || r.NextRunAt == nil {
		t.Errorf("want it to run, got %+v", r)
	}
	_, _, metrics := s.Get(t, "/metrics", "")
	for _, want := range []string{`lethe_erasure_approvals_total{outcome="approved"} 1`, `lethe_erasure_approvals_total{outcome="failed"} 1`} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("want %s in the metrics", want)
		}
	}
}

// TestRuleChangedDuringRun: deleted responses stay deleted, and the others stay.
func TestRuleChangedDuringRun(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	const all = 4000
	addAged(t, database.URL, "aged", "canceled", all, "30 days")
	slow := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_ERASURE_RATE=200"}
	s := start(t, slow...)
	r := s.enabledRule(t, `{"name":"a month","filter":{"models":["aged"]},"age_days":30,"run_at":["00:00"]}`, all)
	s.Stop()
	if err := <-s.Result; err != nil {
		t.Fatal(err)
	}
	s.Result <- nil
	apptest.Exec(t, database.URL, `UPDATE lethe.retention_rules SET next_run_at = now()`)
	s = start(t, slow...)
	apptest.Await(t, "it runs", func() bool {
		return apptest.Number(t, database.URL, `SELECT count(*) FROM lethe.erasures WHERE done > 0`) == 1
	})
	at := rulesPath + "/" + r.ID.String()
	r = s.rule(t, http.MethodPut, at, `{"version":1,"name":"two months","filter":{"models":["aged"]},"age_days":60,"run_at":["00:00"]}`)
	left := apptest.Number(t, database.URL, `SELECT count(*) FROM fusillade.requests WHERE model = 'aged'`)
	if r.Version != 2 || r.Enabled || r.NextRunAt != nil || left == 0 || left == all {
		t.Errorf("want some responses left and the rule disabled at version 2, got %d left and %+v", left, r)
	}
	state := said(t, database.URL, `SELECT state || ' ' || done FROM lethe.erasures`)
	if want := fmt.Sprintf("canceled %d", all-left); state != want {
		t.Errorf("its run is %s, want %s", state, want)
	}
	if again := said(t, database.URL, `SELECT state || ' ' || done FROM lethe.erasures`); again != state {
		t.Errorf("want the run stopped at %s, got %s", state, again)
	}
}
