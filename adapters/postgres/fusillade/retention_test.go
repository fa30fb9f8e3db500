package fusillade

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
)

var ruleNoon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// retention makes the ports with one application name.
func (b *fixture) retention(application string) (*Retention, *Erasures) {
	b.t.Helper()
	db := openDB(b.t, postgres.Config{URL: b.database.RoleURL, ApplicationName: application})
	retention, err := NewRetention(db)
	if err != nil {
		b.t.Fatal(err)
	}
	erasures, err := NewErasures(db, "outlet", TestIssuer)
	if err != nil {
		b.t.Fatal(err)
	}
	return retention, erasures
}

// dueRule is a rule that is due at noon.
func dueRule(t *testing.T, r *Retention) domain.RetentionRule {
	t.Helper()
	by := uuid.New()
	rule, err := r.Create(t.Context(), domain.RetentionRule{
		ID: uuid.New(), CreatedAt: ruleNoon, CreatedBy: by,
		RetentionVersion: domain.RetentionVersion{Version: 1, ChangedAt: ruleNoon, ChangedBy: by, RetentionTerms: domain.RetentionTerms{
			Name: "n", AgeDays: 1, RunAt: []domain.TimeOfDay{720}, MaxPerRun: 100,
		}},
	})
	if err == nil {
		_, err = r.RecordDryRun(t.Context(), rule.ID, 1, domain.DryRun{At: ruleNoon})
	}
	if err == nil {
		rule, err = r.Enable(t.Context(), rule.ID, func(r domain.RetentionRule) (domain.RetentionRule, error) {
			r.Enabled, r.Enabling, r.NextRunAt = true, &domain.RuleEnabling{By: by, At: ruleNoon}, new(ruleNoon)
			return r, nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return rule
}

func beginRun(r domain.RetentionRule) (domain.Erasure, time.Time) {
	return domain.Erasure{
		ID: uuid.New(), Trigger: domain.TriggerRetention, Rule: &domain.RuleVersion{ID: r.ID, Version: r.Version},
		Kind: domain.TargetFilter, Target: &domain.ErasureTarget{Filter: &domain.ResponseFilter{}}, AsOf: ruleNoon.Add(time.Hour),
		Ground: domain.GroundRetention, RequestedAt: ruleNoon, Role: domain.ActorSystem, State: domain.ErasurePending,
	}, ruleNoon.Add(24 * time.Hour)
}

// TestChangeRuleDuringRun: a change of a rule waits for the current part of
// its run. What that part erased is counted, and nothing is erased after the change
// has returned.
func TestChangeRuleDuringRun(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	retention, erasures := b.retention("runner")
	changing, _ := b.retention("changer")
	for range 3 {
		b.addChain("somebody", 1)
	}
	rule, outcome, err := retention.Start(t.Context(), dueRule(t, retention).ID, ruleNoon, beginRun)
	if err != nil || outcome != domain.RunStarted {
		t.Fatalf("got outcome %d (error %v)", outcome, err)
	}
	changed := make(chan error, 1)
	e, err := erasures.Advance(t.Context(), rule.LastRun.Erasure, 1, func(e domain.Erasure, parts []domain.Part) ([]domain.Verdict, domain.Authorization) {
		go func() {
			v := rule.RetentionVersion
			v.Version++
			_, err := changing.Change(t.Context(), rule.ID, v)
			changed <- err
		}()
		b.await(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'changer' AND wait_event_type = 'Lock')`)
		return porttest.JudgeAll(e, parts)
	})
	if err != nil || e.Done != 1 {
		t.Fatalf("got %+v (error %v)", e, err)
	}
	if err := <-changed; err != nil {
		t.Fatal(err)
	}
	e, err = erasures.Advance(t.Context(), rule.LastRun.Erasure, 10, porttest.JudgeAll)
	if left := b.number(`SELECT count(*) FROM fusillade.requests`); err != nil || e.State != domain.ErasureCanceled || e.Done != 1 || left != 2 {
		t.Errorf("got %d left and the erasure %+v (error %v)", left, e, err)
	}
}

// TestBeginRunAtomic: a run that cannot start does not change its rule,
// so it is tried again.
func TestBeginRunAtomic(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	retention, _ := b.retention("")
	rule := dueRule(t, retention)
	_, _, err := retention.Start(t.Context(), rule.ID, ruleNoon, func(r domain.RetentionRule) (domain.Erasure, time.Time) {
		e, next := beginRun(r)
		e.State = "odd"
		return e, next
	})
	if left, getErr := retention.Get(t.Context(), rule.ID); domain.CodeOf(err) != domain.CodeInternal || getErr != nil || !reflect.DeepEqual(left, rule) {
		t.Errorf("after error %v: got the rule %+v (error %v), want it unchanged", err, left, getErr)
	}
	if n := b.number(`SELECT count(*) FROM lethe.erasures`); n != 0 {
		t.Errorf("got %d erasures, want none", n)
	}
}

// TestRuleConstraints: the database refuses changes of a rule's
// version, even from the service's role, and refuses a run of a version without a
// dry run.
func TestRuleConstraints(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	retention, _ := b.retention("")
	rule := dueRule(t, retention)
	conn, err := pgx.Connect(t.Context(), b.database.RoleURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for _, sql := range []string{
		`UPDATE lethe.retention_versions SET age_days = 2 WHERE rule_id = $1`,
		`DELETE FROM lethe.retention_versions WHERE rule_id = $1`,
		`DELETE FROM lethe.retention_rules WHERE id = $1`,
		`UPDATE lethe.retention_rules SET dry_run_at = NULL, dry_run_counts = NULL WHERE id = $1`,
		`UPDATE lethe.retention_rules SET version = 2 WHERE id = $1`,
		`UPDATE lethe.retention_rules SET removed_at = now(), removed_by = id WHERE id = $1`,
		`UPDATE lethe.retention_rules SET approve_by = now() WHERE id = $1`,
		`UPDATE lethe.retention_rules SET approve_by = now(), approved_at = now(), approved_by = enabled_by WHERE id = $1`,
	} {
		if _, err := conn.Exec(t.Context(), sql, rule.ID); err == nil {
			t.Errorf("the database accepted: %s", sql)
		}
	}
	if left, err := retention.Get(t.Context(), rule.ID); err != nil || !reflect.DeepEqual(left, rule) {
		t.Errorf("want %+v, got %+v, %v", rule, left, err)
	}
}
