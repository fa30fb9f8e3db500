package e2e

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/domain"
	"lethe/internal/pgtest"
	"lethe/receipt"
)

// enableRule keeps a rule that erases what is older than a day, so many responses
// a run.
func enableRule(t *testing.T, url string, limit int64) uuid.UUID {
	t.Helper()
	db, err := postgres.Open(postgres.Config{URL: url, SearchPath: []string{"fusillade", "outlet"}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	retention, err := fusillade.NewRetention(db)
	if err != nil {
		t.Fatal(err)
	}
	admin := domain.Principal{ID: uuid.New(), Admin: true}
	rule, err := domain.NewCreateRule(retention, time.Now).Execute(t.Context(), admin, domain.RuleRequest{
		Name: "a day", AgeDays: 1, RunAt: []domain.TimeOfDay{0}, MaxPerRun: &limit, Filter: domain.RetentionFilter{States: []string{"pending"}},
	})
	if err == nil {
		_, err = retention.RecordDryRun(t.Context(), rule.ID, rule.Version, domain.DryRun{At: time.Now()})
	}
	if err == nil {
		_, err = domain.NewEnableRule(retention, domain.ApprovalLimits{}, time.Now).Execute(t.Context(), admin, rule.ID, rule.Version)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rule.ID
}

// TestKilledRetention: the service is killed at random moments while it starts runs of
// a rule and erases by them. At every moment a run is complete or absent, no two are
// at work, and each erased response was counted once and has a receipt.
func TestKilledRetention(t *testing.T) {
	t.Parallel()
	kills := killsOr(t, 4)
	const responses, limit = 3000, 500
	database := pgtest.New(t)
	conn := connect(t, database.URL)
	fill := func() {
		execute(t, conn, `INSERT INTO fusillade.requests (id, state, model, created_by, created_at)
			SELECT gen_random_uuid(), 'pending', 'm', 'somebody', now() - interval '1 day' - n * interval '1 s' FROM generate_series(1, $1) AS n`, responses)
	}
	fill()
	rule := enableRule(t, database.URL, limit)
	private, _, err := receipt.GenerateKey("kill.test/erasures")
	if err != nil {
		t.Fatal(err)
	}
	settings := []string{databaseURL(database.RoleURL), "LETHE_ERASURE_KEY=" + private}
	filled := int64(responses)
	check := func() (runs, gone int64) {
		t.Helper()
		var left, requests, ofReceipts, receipts, written, atWork, strange int64
		if err := conn.QueryRow(t.Context(), `
			SELECT count(*), coalesce(sum(done), 0), coalesce(sum(requests), 0), coalesce(sum(receipts), 0),
			       count(*) FILTER (WHERE finished_at IS NULL),
			       count(*) FILTER (WHERE rule_version <> 1 OR trigger <> 'retention' OR done > $2),
			       (SELECT count(*) FROM fusillade.requests),
			       (SELECT coalesce(sum(responses), 0) FROM lethe.erasure_receipts),
			       (SELECT count(*) FROM lethe.erasure_receipts x JOIN lethe.receipts r ON r.id = x.receipt_id)
			FROM lethe.erasures WHERE rule_id = $1`, rule, limit).
			Scan(&runs, &gone, &requests, &receipts, &atWork, &strange, &left, &ofReceipts, &written); err != nil {
			t.Fatal(err)
		}
		if gone+left != filled || requests != gone || ofReceipts != gone || written != receipts || atWork > 1 || strange > 0 {
			t.Fatalf("of %d: %d gone, %d requests, %d left, %d of receipts, %d of %d receipts, %d runs at work, %d strange",
				filled, gone, requests, left, ofReceipts, written, receipts, atWork, strange)
		}
		var named bool
		if err := conn.QueryRow(t.Context(), `
			SELECT coalesce(last_erasure_id = (SELECT id FROM lethe.erasures WHERE rule_id = $1 ORDER BY requested_at DESC LIMIT 1), $2 = 0)
			FROM lethe.retention_rules WHERE id = $1`, rule, runs).Scan(&named); err != nil || !named {
			t.Fatalf("rule: want its last run named, got %v", err)
		}
		return runs, gone
	}
	for ; kills > 0; kills-- {
		execute(t, conn, `UPDATE lethe.retention_rules SET next_run_at = now()`)
		p := serve(t, settings...)
		time.Sleep(rand.N(time.Second))
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.ended
		await(t, "the server has noticed", time.Minute, func() bool {
			var there bool
			err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
				WHERE datname = current_database() AND application_name LIKE 'lethe%')`).Scan(&there)
			return err == nil && !there
		})
		runs, gone := check()
		t.Logf("killed after %d runs, when %d were gone", runs, gone)
		// What River does by itself a minute later.
		execute(t, conn, "UPDATE lethe.river_job SET state = 'available', scheduled_at = now() WHERE state IN ('running', 'retryable')")
		if filled-gone < limit {
			fill()
			filled += responses
		}
	}
	execute(t, conn, `UPDATE lethe.retention_rules SET next_run_at = now()`)
	serve(t, settings...)
	await(t, "the last run is over", time.Minute, func() bool {
		var over bool
		err := conn.QueryRow(t.Context(), `
			SELECT next_run_at > now() AND NOT EXISTS (SELECT FROM lethe.erasures WHERE finished_at IS NULL) AND last_run_at IS NOT NULL
			FROM lethe.retention_rules`).Scan(&over)
		return err == nil && over
	})
	if runs, gone := check(); gone != runs*limit {
		t.Errorf("%d runs erased %d responses, want %d each", runs, gone, limit)
	}
}
