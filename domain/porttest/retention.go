package porttest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// RetentionFixture is an empty implementation of Retention, with the erasures that
// rules start.
type RetentionFixture interface {
	ErasuresFixture
	Retention() domain.Retention
}

// Retention tests the contract of domain.Retention.
func Retention(t *testing.T, newFixture func(t *testing.T) RetentionFixture) {
	for name, test := range map[string]func(*testing.T, RetentionFixture){
		"create and get":       testRulesAreKept,
		"change":               testRulesAreChanged,
		"list":                 testPagesOfRules,
		"dry run":              testDryRunsAreKept,
		"enable":               testRulesAreEnabled,
		"remove":               testRulesAreRemoved,
		"due":                  testRulesAreDue,
		"start run":            testRunsAreStarted,
		"start run/concurrent": testRunsAreStartedOnce,
		"skip run":             testRunsAreSkipped,
		"stop run":             testRunsAreStopped,
		"canceled context":     testRetentionCanceledContext,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newFixture(t))
		})
	}
}

// terms are of every kind.
func terms() []domain.RetentionTerms {
	return []domain.RetentionTerms{
		{Name: "all", AgeDays: 1, RunAt: []domain.TimeOfDay{0}, MaxPerRun: 1},
		{
			Name: "a name: " + hostile[0], AgeDays: domain.MaxAgeDays, RunAt: []domain.TimeOfDay{1, 60, 1439}, MaxPerRun: domain.MaxPerRun,
			Filter: domain.RetentionFilter{
				States: []string{"failed", "canceled"}, Models: hostile[:12], Tiers: []string{"flex", "auto"},
				Owners: []uuid.UUID{uuid.New(), uuid.New()},
			},
		},
		{Name: "one", AgeDays: 30, RunAt: []domain.TimeOfDay{720}, MaxPerRun: 10, Filter: domain.RetentionFilter{Tiers: []string{"flex"}}},
	}
}

func newRule(terms domain.RetentionTerms) domain.RetentionRule {
	by := uuid.New()
	return domain.RetentionRule{
		ID: uuid.New(), CreatedAt: start, CreatedBy: by,
		RetentionVersion: domain.RetentionVersion{Version: 1, RetentionTerms: terms, ChangedAt: start, ChangedBy: by},
	}
}

func nextVersion(r domain.RetentionRule, terms domain.RetentionTerms) domain.RetentionVersion {
	return domain.RetentionVersion{Version: r.Version + 1, RetentionTerms: terms, ChangedAt: start.Add(time.Hour), ChangedBy: uuid.New()}
}

var aDryRun = domain.DryRun{At: start, Estimate: domain.Estimate{
	Responses: 1, Requests: 2, Steps: 3, Templates: 4, RawRequests: 5, RawResponses: 6, Tasks: 7, Held: 8, Partial: true, Files: 9, KeptTemplates: 10, Retained: 11,
}}

// addRule stores a rule; wantRule fetches it and compares.
func addRule(t *testing.T, r domain.Retention, terms domain.RetentionTerms) domain.RetentionRule {
	t.Helper()
	created, err := r.Create(t.Context(), newRule(terms))
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func wantRule(t *testing.T, r domain.Retention, want domain.RetentionRule) {
	t.Helper()
	if got, err := r.Get(t.Context(), want.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("want %+v, got %+v, %v", want, got, err)
	}
}

// enabledFrom decides that a rule runs from a time on.
func enabledFrom(next time.Time) func(domain.RetentionRule) (domain.RetentionRule, error) {
	return func(r domain.RetentionRule) (domain.RetentionRule, error) {
		r.Enabled, r.NextRunAt = true, &next
		r.Enabling = &domain.RuleEnabling{By: r.CreatedBy, At: start}
		return r, nil
	}
}

// addEnabled stores a rule that is due from then on.
func addEnabled(t *testing.T, r domain.Retention, terms domain.RetentionTerms, next time.Time) domain.RetentionRule {
	t.Helper()
	rule := addRule(t, r, terms)
	if _, err := r.RecordDryRun(t.Context(), rule.ID, 1, aDryRun); err != nil {
		t.Fatal(err)
	}
	rule, err := r.Enable(t.Context(), rule.ID, enabledFrom(next))
	if err != nil {
		t.Fatal(err)
	}
	return rule
}

func wantCode(t *testing.T, code domain.Code, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if domain.CodeOf(err) != code {
			t.Errorf("%d: want %s, got %v", i, code, err)
		}
	}
}

func testRulesAreKept(t *testing.T, f RetentionFixture) {
	r := f.Retention()
	for _, terms := range terms() {
		want := newRule(terms)
		created, err := r.Create(t.Context(), want)
		if err != nil || !reflect.DeepEqual(created, want) {
			t.Errorf("want %+v, created %+v, %v", want, created, err)
		}
		wantRule(t, r, want)
		if v, err := r.Version(t.Context(), want.ID, 1); err != nil || !reflect.DeepEqual(v, want.RetentionVersion) {
			t.Errorf("want %+v, got %+v, %v", want.RetentionVersion, v, err)
		}
		for _, version := range []int64{0, 2, -1} {
			_, err := r.Version(t.Context(), want.ID, version)
			wantCode(t, domain.CodeNotFound, err)
		}
	}
	_, getErr := r.Get(t.Context(), uuid.New())
	_, versionErr := r.Version(t.Context(), uuid.New(), 1)
	wantCode(t, domain.CodeNotFound, getErr, versionErr)
}

func testRulesAreChanged(t *testing.T, f RetentionFixture) {
	r := f.Retention()
	other := addEnabled(t, r, terms()[2], start)
	rule := addEnabled(t, r, terms()[1], start.Add(time.Hour))
	first := rule.RetentionVersion
	v := nextVersion(rule, terms()[0])
	want := rule
	want.RetentionVersion, want.Enabled, want.Enabling, want.NextRunAt, want.DryRun = v, false, nil, nil, nil
	changed, err := r.Change(t.Context(), rule.ID, v)
	if err != nil || !reflect.DeepEqual(changed, want) {
		t.Errorf("want %+v, got %+v, %v", want, changed, err)
	}
	wantRule(t, r, want)
	wantRule(t, r, other)
	for version, said := range map[int64]domain.RetentionVersion{1: first, 2: v} {
		if got, err := r.Version(t.Context(), rule.ID, version); err != nil || !reflect.DeepEqual(got, said) {
			t.Errorf("version %d: want %+v, got %+v, %v", version, said, got, err)
		}
	}
	for _, base := range []int64{0, 1, 3} { // not its version
		again := v
		again.Version = base + 1
		_, err := r.Change(t.Context(), rule.ID, again)
		wantCode(t, domain.CodeConflict, err)
	}
	_, err = r.Change(t.Context(), uuid.New(), v)
	wantCode(t, domain.CodeNotFound, err)
	wantRule(t, r, want)

	// Of several concurrent changes of one version, one succeeds.
	var made atomic.Int64
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			switch _, err := r.Change(t.Context(), rule.ID, nextVersion(want, terms()[2])); {
			case err == nil:
				made.Add(1)
			case domain.CodeOf(err) != domain.CodeConflict:
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got, err := r.Get(t.Context(), rule.ID); made.Load() != 1 || err != nil || got.Version != 3 {
		t.Errorf("after %d changes: got rule %+v, %v", made.Load(), got, err)
	}
}

func testPagesOfRules(t *testing.T, f RetentionFixture) {
	r := f.Retention()
	var kept, removed []domain.RetentionRule
	for i := range 10 {
		rule := newRule(terms()[i%3])
		rule.CreatedAt = start.Add(time.Duration(i/3) * time.Microsecond) // ties
		rule, err := r.Create(t.Context(), rule)
		if err != nil {
			t.Fatal(err)
		}
		if i%4 != 1 {
			kept = append(kept, rule)
			continue
		}
		if err := r.Remove(t.Context(), rule.ID, uuid.New()); err != nil {
			t.Fatal(err)
		}
		if rule, err = r.Get(t.Context(), rule.ID); err != nil {
			t.Fatal(err)
		}
		removed = append(removed, rule)
	}
	for _, list := range [][]domain.RetentionRule{kept, removed} {
		slices.SortFunc(list, func(a, b domain.RetentionRule) int { return a.Position().Compare(b.Position()) })
		for limit := int64(1); limit <= 11; limit += 5 {
			var got []domain.RetentionRule
			for q := (domain.RuleQuery{Removed: list[0].RemovedAt != nil, Limit: limit}); ; {
				page, err := r.Page(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, page...)
				if int64(len(page)) < limit {
					break
				}
				q.After = ptr(page[len(page)-1].Position())
			}
			if !reflect.DeepEqual(got, list) {
				t.Errorf("by %d: want %+v, got %+v", limit, list, got)
			}
		}
	}
}

func testDryRunsAreKept(t *testing.T, f RetentionFixture) {
	r := f.Retention()
	rule := addRule(t, r, terms()[0])
	for i := range 2 {
		d := aDryRun
		d.At, d.Responses = start.Add(time.Duration(i)*time.Hour), int64(i)
		want := rule
		want.DryRun = &d
		if got, err := r.RecordDryRun(t.Context(), rule.ID, 1, d); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("want %+v, got %+v, %v", want, got, err)
		}
		wantRule(t, r, want)
	}
	if _, err := r.Change(t.Context(), rule.ID, nextVersion(rule, terms()[1])); err != nil {
		t.Fatal(err)
	}
	_, oldErr := r.RecordDryRun(t.Context(), rule.ID, 1, aDryRun)
	_, futureErr := r.RecordDryRun(t.Context(), rule.ID, 3, aDryRun)
	wantCode(t, domain.CodeConflict, oldErr, futureErr)
	_, noneErr := r.RecordDryRun(t.Context(), uuid.New(), 1, aDryRun)
	wantCode(t, domain.CodeNotFound, noneErr)
	if got, err := r.Get(t.Context(), rule.ID); err != nil || got.DryRun != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func testRulesAreEnabled(t *testing.T, f RetentionFixture) {
	r := f.Retention()
	rule := addRule(t, r, terms()[0])
	rule, err := r.RecordDryRun(t.Context(), rule.ID, 1, aDryRun)
	if err != nil {
		t.Fatal(err)
	}
	refused := domain.Errorf(domain.CodeForbidden, "no")
	if _, err := r.Enable(t.Context(), rule.ID, func(got domain.RetentionRule) (domain.RetentionRule, error) {
		if !reflect.DeepEqual(got, rule) {
			t.Errorf("want %+v, got %+v", rule, got)
		}
		decided, _ := enabledFrom(start)(got)
		return decided, refused
	}); err != refused {
		t.Errorf("want %v, got %v", refused, err)
	}
	_, noneErr := r.Enable(t.Context(), uuid.New(), enabledFrom(start))
	_, disableNoneErr := r.Disable(t.Context(), uuid.New())
	wantCode(t, domain.CodeNotFound, noneErr, disableNoneErr)
	wantRule(t, r, rule)

	for _, enabling := range []domain.RuleEnabling{
		{By: uuid.New(), At: start},
		{By: uuid.New(), At: start, ApproveBy: ptr(start.Add(time.Hour))},
		{By: uuid.New(), At: start, ApproveBy: ptr(start.Add(time.Hour)), ApprovedBy: ptr(uuid.New()), ApprovedAt: ptr(start.Add(time.Minute))},
	} {
		want := rule
		want.Enabling = &enabling
		if enabling.ApproveBy == nil || enabling.ApprovedBy != nil {
			want.Enabled, want.NextRunAt = true, ptr(start.Add(time.Minute))
		}
		// The rest of what is decided is not stored.
		got, err := r.Enable(t.Context(), rule.ID, func(r domain.RetentionRule) (domain.RetentionRule, error) {
			r.Enabled, r.NextRunAt, r.Enabling = want.Enabled, want.NextRunAt, want.Enabling
			r.Name, r.Version, r.DryRun = "another", 7, nil
			return r, nil
		})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("want %+v, got %+v, %v", want, got, err)
		}
		wantRule(t, r, want)
	}
	for range 2 {
		if got, err := r.Disable(t.Context(), rule.ID); err != nil || !reflect.DeepEqual(got, rule) {
			t.Errorf("want %+v, got %+v, %v", rule, got, err)
		}
		wantRule(t, r, rule)
	}
}

func testRulesAreRemoved(t *testing.T, f RetentionFixture) {
	r := f.Retention()
	other, rule := addEnabled(t, r, terms()[0], start), addEnabled(t, r, terms()[1], start)
	by := uuid.New()
	for _, remover := range []uuid.UUID{by, uuid.New()} {
		if err := r.Remove(t.Context(), rule.ID, remover); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := r.Get(t.Context(), rule.ID)
	if err != nil || removed.RemovedAt == nil || removed.RemovedAt.Location() != time.UTC {
		t.Fatalf("got %+v, %v", removed, err)
	}
	want := rule
	want.Enabled, want.Enabling, want.NextRunAt, want.RemovedAt, want.RemovedBy = false, nil, nil, removed.RemovedAt, &by
	if !reflect.DeepEqual(removed, want) {
		t.Errorf("want %+v, got %+v", want, removed)
	}
	_, changeErr := r.Change(t.Context(), rule.ID, nextVersion(rule, terms()[0]))
	_, tryErr := r.RecordDryRun(t.Context(), rule.ID, 1, aDryRun)
	wantCode(t, domain.CodeConflict, changeErr, tryErr)
	if _, err := r.Disable(t.Context(), rule.ID); err != nil {
		t.Error(err)
	}
	wantCode(t, domain.CodeNotFound, r.Remove(t.Context(), uuid.New(), by))
	wantRule(t, r, want)
	wantRule(t, r, other)
}

func due(t *testing.T, r domain.Retention, now time.Time, limit int) []uuid.UUID {
	t.Helper()
	ids, err := r.Due(t.Context(), now, limit)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func testRulesAreDue(t *testing.T, f RetentionFixture) {
	r := f.Retention()
	at := start.Add(time.Hour)
	addRule(t, r, terms()[0])
	later, earlier := addEnabled(t, r, terms()[0], at), addEnabled(t, r, terms()[1], at.Add(-time.Minute))
	disabled, removed := addEnabled(t, r, terms()[2], start), addEnabled(t, r, terms()[2], start)
	if _, err := r.Disable(t.Context(), disabled.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Remove(t.Context(), removed.ID, uuid.New()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		now   time.Time
		limit int
		want  []uuid.UUID
	}{
		{start, 10, nil}, {at.Add(-time.Minute), 10, []uuid.UUID{earlier.ID}}, {at.Add(-time.Microsecond), 10, []uuid.UUID{earlier.ID}},
		{at, 10, []uuid.UUID{earlier.ID, later.ID}}, {at.Add(time.Hour), 1, []uuid.UUID{earlier.ID}},
	} {
		if got := due(t, r, c.now, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("at %s: want %v, got %v", c.now, c.want, got)
		}
	}
}

// begin returns how a run of these tests begins.
func begin(now time.Time) func(domain.RetentionRule) (domain.Erasure, time.Time) {
	return func(r domain.RetentionRule) (domain.Erasure, time.Time) {
		e := newErasure(domain.ErasureTarget{Filter: &domain.ResponseFilter{CreatedBefore: &start}})
		e.Trigger, e.Ground, e.Role, e.Ticket = domain.TriggerRetention, domain.GroundRetention, domain.ActorSystem, ""
		e.Rule, e.RequestedBy, e.Secret = &domain.RuleVersion{ID: r.ID, Version: r.Version}, nil, nil
		e.AsOf, e.RequestedAt, e.Max = start, now, r.MaxPerRun
		return e, now.Add(24 * time.Hour)
	}
}

func startRun(t *testing.T, r domain.Retention, id uuid.UUID, now time.Time, want domain.RunOutcome) domain.RetentionRule {
	t.Helper()
	rule, outcome, err := r.Start(t.Context(), id, now, begin(now))
	if err != nil || outcome != want {
		t.Fatalf("want outcome %d, got %d, %v", want, outcome, err)
	}
	return rule
}

func testRunsAreStarted(t *testing.T, f RetentionFixture) {
	r, now := f.Retention(), start.Add(time.Hour)
	other, rule := addEnabled(t, r, terms()[0], start), addEnabled(t, r, terms()[1], start)
	var began domain.Erasure
	got, outcome, err := r.Start(t.Context(), rule.ID, now, func(reported domain.RetentionRule) (domain.Erasure, time.Time) {
		if !reflect.DeepEqual(reported, rule) {
			t.Errorf("got rule %+v, want %+v", reported, rule)
		}
		var next time.Time
		began, next = begin(now)(reported)
		return began, next
	})
	want := rule
	want.NextRunAt = ptr(now.Add(24 * time.Hour))
	want.LastRun = &domain.RetentionRun{At: now, Version: 1, Erasure: began.ID}
	if err != nil || outcome != domain.RunStarted || !reflect.DeepEqual(got, want) {
		t.Errorf("want %+v, got %+v, %d, %v", want, got, outcome, err)
	}
	wantRule(t, r, want)
	wantRule(t, r, other)
	if e, err := f.Erasures().Get(t.Context(), began.ID); err != nil || !reflect.DeepEqual(e, began) {
		t.Errorf("want %+v, got %+v, %v", began, e, err)
	}
	if left := due(t, r, now, 10); !slices.Equal(left, []uuid.UUID{other.ID}) {
		t.Errorf("want no rule due, got %v", left)
	}
	// A rule that is not due does not run.
	idle := addRule(t, r, terms()[0])
	for _, id := range []uuid.UUID{rule.ID, idle.ID} {
		startRun(t, r, id, now, domain.RunNotDue)
	}
	_, _, err = r.Start(t.Context(), uuid.New(), now, begin(now))
	wantCode(t, domain.CodeNotFound, err)
	if all, err := f.Erasures().Page(t.Context(), domain.ErasureQuery{Limit: 10}); err != nil || len(all) != 1 {
		t.Errorf("%d erasures, %v", len(all), err)
	}
	// The content of the old version remains after a change.
	changed, err := r.Change(t.Context(), rule.ID, nextVersion(rule, terms()[0]))
	if err != nil || !reflect.DeepEqual(changed.LastRun, want.LastRun) {
		t.Errorf("want the last run %+v, got %+v, %v", want.LastRun, changed.LastRun, err)
	}
}

func testRunsAreStartedOnce(t *testing.T, f RetentionFixture) {
	r := f.Retention()
	var rules []uuid.UUID
	for range 3 {
		rules = append(rules, addEnabled(t, r, terms()[0], start).ID)
	}
	var started [3]atomic.Int64
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for i, id := range rules {
				_, outcome, err := r.Start(t.Context(), id, start, begin(start))
				if err != nil {
					t.Error(err)
				}
				if outcome == domain.RunStarted {
					started[i].Add(1)
				}
			}
		})
	}
	wait.Wait()
	for i := range rules {
		if n := started[i].Load(); n != 1 {
			t.Errorf("rule %d was started %d times", i, n)
		}
	}
	if all, err := f.Erasures().Page(t.Context(), domain.ErasureQuery{Limit: 10}); err != nil || len(all) != len(rules) {
		t.Errorf("%d erasures, %v", len(all), err)
	}
}

func testRunsAreSkipped(t *testing.T, f RetentionFixture) {
	r := f.Retention()
	rule := addEnabled(t, r, terms()[0], start)
	first := startRun(t, r, rule.ID, start, domain.RunStarted)
	tomorrow := start.Add(24 * time.Hour)
	want := first
	want.NextRunAt, want.SkippedAt = ptr(tomorrow.Add(24*time.Hour)), &tomorrow
	if got := startRun(t, r, rule.ID, tomorrow, domain.RunSkipped); !reflect.DeepEqual(got, want) {
		t.Errorf("want %+v, got %+v", want, got)
	}
	wantRule(t, r, want)
	advance(t, f, first.LastRun.Erasure, 10)
	after := startRun(t, r, rule.ID, *want.NextRunAt, domain.RunStarted)
	if after.LastRun.Erasure == first.LastRun.Erasure || !reflect.DeepEqual(after.SkippedAt, want.SkippedAt) {
		t.Errorf("got %+v", after)
	}
}

func testRunsAreStopped(t *testing.T, f RetentionFixture) {
	r := f.Retention()
	for name, stop := range map[string]func(domain.RetentionRule) error{
		"change": func(rule domain.RetentionRule) error {
			_, err := r.Change(t.Context(), rule.ID, nextVersion(rule, terms()[1]))
			return err
		},
		"disabled": func(rule domain.RetentionRule) error { _, err := r.Disable(t.Context(), rule.ID); return err },
		"remove":   func(rule domain.RetentionRule) error { return r.Remove(t.Context(), rule.ID, uuid.New()) },
	} {
		for range 3 {
			f.AddResponse(NewRow(uuid.NewString(), "completed", start.Add(-time.Hour)))
		}
		terms := terms()[0]
		terms.MaxPerRun = 10
		other := startRun(t, r, addEnabled(t, r, terms, start).ID, start, domain.RunStarted)
		rule := startRun(t, r, addEnabled(t, r, terms, start).ID, start, domain.RunStarted)
		id := rule.LastRun.Erasure
		if e, err := f.Erasures().Advance(t.Context(), id, 1, JudgeAll); err != nil || e.Done != 1 || e.State != domain.ErasureRunning {
			t.Fatalf("%s: got %+v, %v", name, e, err)
		}
		if err := stop(rule); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		e, err := f.Erasures().Advance(t.Context(), id, 10, JudgeAll)
		if err != nil || e.State != domain.ErasureCanceled || e.FinishedAt == nil || e.Done != 1 {
			t.Errorf("%s: want no progress, got %+v, %v", name, e, err)
		}
		// Another rule's run continues; one that is over stays so.
		if e := advance(t, f, other.LastRun.Erasure, 10); e.State != domain.ErasureFinished || e.Done != 2 {
			t.Errorf("%s: another erasure: want it unchanged, got %+v", name, e)
		}
		if _, err := r.Disable(t.Context(), other.ID); err != nil {
			t.Fatal(err)
		}
		if e, err := f.Erasures().Get(t.Context(), other.LastRun.Erasure); err != nil || e.State != domain.ErasureFinished {
			t.Errorf("%s: finished erasure: want it unchanged, got %+v, %v", name, e, err)
		}
	}
}

func testRetentionCanceledContext(t *testing.T, f RetentionFixture) {
	r := f.Retention()
	rule := addEnabled(t, r, terms()[0], start)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, createErr := r.Create(ctx, newRule(terms()[1]))
	_, changeErr := r.Change(ctx, rule.ID, nextVersion(rule, terms()[1]))
	_, getErr := r.Get(ctx, rule.ID)
	_, versionErr := r.Version(ctx, rule.ID, 1)
	_, pageErr := r.Page(ctx, domain.RuleQuery{Limit: 1})
	_, tryErr := r.RecordDryRun(ctx, rule.ID, 1, aDryRun)
	_, enableErr := r.Enable(ctx, rule.ID, enabledFrom(start))
	_, disableErr := r.Disable(ctx, rule.ID)
	removeErr := r.Remove(ctx, rule.ID, uuid.New())
	_, dueErr := r.Due(ctx, start, 1)
	_, _, startErr := r.Start(ctx, rule.ID, start, begin(start))
	for i, err := range []error{createErr, changeErr, getErr, versionErr, pageErr, tryErr, enableErr, disableErr, removeErr, dueErr, startErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%d: want the context's error, got %v", i, err)
		}
	}
	wantRule(t, r, rule)
	if all, err := r.Page(t.Context(), domain.RuleQuery{Limit: 10}); err != nil || len(all) != 1 {
		t.Errorf("%d rules, %v", len(all), err)
	}
}
