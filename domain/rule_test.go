package domain_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

var keeper = domain.Principal{ID: anna, Admin: true}

// ruleAsked is a request that nothing is wrong with.
func ruleAsked() domain.RuleRequest {
	return domain.RuleRequest{Name: "n", AgeDays: 30, RunAt: []domain.TimeOfDay{720}}
}

// ruleCases are the use cases on one store, at noon.
type ruleCases struct {
	*memory.Store
	retention domain.Retention
	approval  domain.ApprovalLimits
	now       time.Time
	log       strings.Builder
}

func newRuleCases() *ruleCases {
	store := memory.New()
	return &ruleCases{Store: store, retention: store.Retention(), now: noon}
}

func (r *ruleCases) clock() time.Time { return r.now }

func (r *ruleCases) create(by domain.Principal, q domain.RuleRequest) (domain.RetentionRule, error) {
	return domain.NewCreateRule(r.retention, r.clock).Execute(context.Background(), by, q)
}

func (r *ruleCases) change(by domain.Principal, id uuid.UUID, version int64, q domain.RuleRequest) (domain.RetentionRule, error) {
	return domain.NewChangeRule(r.retention, r.clock).Execute(context.Background(), by, id, version, q)
}

func (r *ruleCases) get(by domain.Principal, id uuid.UUID) (domain.RetentionRule, error) {
	return domain.NewGetRule(r.retention).Execute(context.Background(), by, id)
}

func (r *ruleCases) version(by domain.Principal, id uuid.UUID, version int64) (domain.RetentionVersion, error) {
	return domain.NewGetRule(r.retention).Version(context.Background(), by, id, version)
}

func (r *ruleCases) list(by domain.Principal, q domain.RuleListRequest) (domain.Page[domain.RetentionRule], error) {
	return domain.NewListRules(r.retention).Execute(context.Background(), by, q)
}

func (r *ruleCases) dryRun(by domain.Principal, id uuid.UUID) (domain.RetentionRule, error) {
	return domain.NewDryRunRule(r.retention, r.Erasures(), r.clock).Execute(context.Background(), by, id)
}

func (r *ruleCases) enable(by domain.Principal, id uuid.UUID, version int64) (domain.RetentionRule, error) {
	return domain.NewEnableRule(r.retention, r.approval, r.clock).Execute(context.Background(), by, id, version)
}

func (r *ruleCases) approve(by domain.Principal, id uuid.UUID, version int64) (domain.RetentionRule, error) {
	return domain.NewApproveRule(r.retention, r.Store, r.clock).Execute(context.Background(), by, id, version)
}

func (r *ruleCases) disable(by domain.Principal, id uuid.UUID) (domain.RetentionRule, error) {
	return domain.NewDisableRule(r.retention).Execute(context.Background(), by, id)
}

func (r *ruleCases) remove(by domain.Principal, id uuid.UUID) error {
	return domain.NewRemoveRule(r.retention).Execute(context.Background(), by, id)
}

func (r *ruleCases) run(ctx context.Context, jobs domain.Jobs) error {
	log := slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	return domain.NewRunRules(r.retention, jobs, r.clock, log).Execute(ctx)
}

// enabled is a rule that runs from its next time on.
func (r *ruleCases) enabled(t *testing.T, q domain.RuleRequest) domain.RetentionRule {
	t.Helper()
	rule, err := r.create(keeper, q)
	if err == nil {
		_, err = r.dryRun(keeper, rule.ID)
	}
	if err == nil {
		rule, err = r.enable(keeper, rule.ID, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rule
}

// TestRulePermission: every caller calls every use case, for an existing rule and a
// missing one. Callers without permission cannot tell the two apart.
func TestRulePermission(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		for _, organization := range []*uuid.UUID{nil, &acme} {
			r := newRuleCases()
			caller := c.principal
			caller.Organization = organization
			rule := r.enabled(t, ruleAsked())
			for name, call := range map[string]func(id uuid.UUID) error{
				"Create":  func(uuid.UUID) error { _, err := r.create(caller, ruleAsked()); return err },
				"Change":  func(id uuid.UUID) error { _, err := r.change(caller, id, 1, ruleAsked()); return err },
				"Read":    func(id uuid.UUID) error { _, err := r.get(caller, id); return err },
				"Read v":  func(id uuid.UUID) error { _, err := r.version(caller, id, 1); return err },
				"Read l":  func(uuid.UUID) error { _, err := r.list(caller, domain.RuleListRequest{}); return err },
				"Try":     func(id uuid.UUID) error { _, err := r.dryRun(caller, id); return err },
				"Enable":  func(id uuid.UUID) error { _, err := r.enable(caller, id, 1); return err },
				"Approve": func(id uuid.UUID) error { _, err := r.approve(caller, id, 1); return err },
				"Disable": func(id uuid.UUID) error { _, err := r.disable(caller, id); return err },
				"Remove":  func(id uuid.UUID) error { return r.remove(caller, id) },
			} {
				operation, _, _ := strings.Cut(name, " ")
				for _, id := range []uuid.UUID{rule.ID, anna} {
					err := call(id)
					if c.delete != "everyone" {
						wantError(t, err, domain.CodeForbidden, "Insufficient permissions to "+operation+" Retention Rules")
					} else if domain.CodeOf(err) == domain.CodeForbidden {
						t.Errorf("%s: %s: want it permitted, got %v", c.name, name, err)
					}
				}
			}
			if left, err := r.retention.Get(t.Context(), rule.ID); c.delete != "everyone" && (err != nil || !reflect.DeepEqual(left, rule)) {
				t.Errorf("%s: want the rule unchanged, got %+v, %v", c.name, left, err)
			}
			if _, err := domain.NewCreateRule(r.retention, clock).Execute(t.Context(), caller, domain.RuleRequest{}); c.delete != "everyone" {
				wantError(t, err, domain.CodeForbidden, "Insufficient permissions to Create Retention Rules")
			}
		}
	}
}

func TestRuleValidation(t *testing.T) {
	t.Parallel()
	words := func(n int) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprint(i)
		}
		return all
	}
	everyHour := make([]domain.TimeOfDay, 24)
	for i := range everyHour {
		everyHour[i] = domain.TimeOfDay(23-i) * 60
	}
	with := func(change func(*domain.RuleRequest)) domain.RuleRequest {
		q := ruleAsked()
		change(&q)
		return q
	}
	const (
		name  = "name: must have 1 to 100 characters, not all of them spaces, and no NUL"
		age   = "age_days: must be 1 to 36500"
		runs  = "run_at: must have 1 to 24 times of day"
		limit = "max_per_run: must be 1 to 1000000"
	)
	for _, c := range []struct {
		request        domain.RuleRequest
		about, message string // empty: it is taken
	}{
		{with(func(*domain.RuleRequest) {}), "", ""},
		{with(func(q *domain.RuleRequest) { q.Name = "" }), "name", name},
		{with(func(q *domain.RuleRequest) { q.Name = " \n" }), "name", name},
		{with(func(q *domain.RuleRequest) { q.Name = "a\x00" }), "name", name},
		{with(func(q *domain.RuleRequest) { q.Name = " " + strings.Repeat("ä", 100) + " " }), "", ""},
		{with(func(q *domain.RuleRequest) { q.Name = strings.Repeat("a", 101) }), "name", name},
		{with(func(q *domain.RuleRequest) { q.AgeDays = 0 }), "age_days", age},
		{with(func(q *domain.RuleRequest) { q.AgeDays = 1 }), "", ""},
		{with(func(q *domain.RuleRequest) { q.AgeDays = 36500 }), "", ""},
		{with(func(q *domain.RuleRequest) { q.AgeDays = 36501 }), "age_days", age},
		{with(func(q *domain.RuleRequest) { q.RunAt = nil }), "run_at", runs},
		{with(func(q *domain.RuleRequest) { q.RunAt = everyHour }), "", ""},
		{with(func(q *domain.RuleRequest) { q.RunAt = append(everyHour, 60) }), "", ""},
		{with(func(q *domain.RuleRequest) { q.RunAt = append(everyHour, 61) }), "run_at", runs},
		{with(func(q *domain.RuleRequest) { q.MaxPerRun = ptr(int64(0)) }), "max_per_run", limit},
		{with(func(q *domain.RuleRequest) { q.MaxPerRun = ptr(int64(1)) }), "", ""},
		{with(func(q *domain.RuleRequest) { q.MaxPerRun = ptr(int64(1_000_000)) }), "", ""},
		{with(func(q *domain.RuleRequest) { q.MaxPerRun = ptr(int64(1_000_001)) }), "max_per_run", limit},
		{with(func(q *domain.RuleRequest) { q.Filter.Owners = []uuid.UUID{} }), "filter.owners", "filter.owners: must have 1 to 100 entries"},
		{with(func(q *domain.RuleRequest) { q.Filter.Owners = make([]uuid.UUID, 100) }), "", ""},
		{with(func(q *domain.RuleRequest) { q.Filter.Owners = make([]uuid.UUID, 101) }), "filter.owners", "filter.owners: must have 1 to 100 entries"},
		{with(func(q *domain.RuleRequest) { q.Filter.States = []string{""} }), "filter.states",
			"filter.states: each must have 1 to 500 characters and no NUL"},
		{with(func(q *domain.RuleRequest) { q.Filter.Models = words(101) }), "filter.models", "filter.models: must have 1 to 100 entries"},
		{with(func(q *domain.RuleRequest) { q.Filter.Tiers = []string{""} }), "filter.tiers", "filter.tiers: each must have 1 to 500 characters and no NUL"},
		{with(func(q *domain.RuleRequest) {
			q.Filter = domain.RetentionFilter{States: []string{"pending"}, Models: words(100), Tiers: []string{"flex"}, Owners: []uuid.UUID{ben}}
		}), "", ""},
	} {
		r := newRuleCases()
		r.now = noon.Add(time.Nanosecond).In(time.FixedZone("", 3600))
		before := r.enabled(t, ruleAsked())
		created, createErr := r.create(keeper, c.request)
		r.now = r.now.Add(time.Hour)
		changed, changeErr := r.change(domain.Principal{ID: ben, Admin: true}, before.ID, 1, c.request)
		all, _ := r.list(keeper, domain.RuleListRequest{})
		if c.message != "" {
			for _, err := range []error{createErr, changeErr} {
				wantError(t, err, domain.CodeInvalid, c.message)
				if e, ok := errors.AsType[*domain.Error](err); !ok || e.Parameter != c.about {
					t.Errorf("want an error about the parameter, got %v", err)
				}
			}
			if len(all.Items) != 1 || !reflect.DeepEqual(all.Items[0], before) {
				t.Errorf("%s: want one rule, unchanged, got %+v", c.message, all.Items)
			}
			continue
		}
		terms := domain.RetentionTerms{
			Name: strings.TrimSpace(c.request.Name), Filter: c.request.Filter, AgeDays: c.request.AgeDays, MaxPerRun: 10_000, RunAt: []domain.TimeOfDay{720},
		}
		if len(c.request.RunAt) > 1 {
			terms.RunAt = nil
			for i := range 24 {
				terms.RunAt = append(terms.RunAt, domain.TimeOfDay(i)*60)
			}
		}
		if c.request.MaxPerRun != nil {
			terms.MaxPerRun = *c.request.MaxPerRun
		}
		want := domain.RetentionRule{
			ID: created.ID, CreatedAt: noon, CreatedBy: anna,
			RetentionVersion: domain.RetentionVersion{Version: 1, RetentionTerms: terms, ChangedAt: noon, ChangedBy: anna},
		}
		if createErr != nil || created.ID.Version() != 4 || !reflect.DeepEqual(created, want) {
			t.Errorf("want %+v, got %+v, %v", want, created, createErr)
		}
		want.ID, want.Version, want.ChangedAt, want.ChangedBy = before.ID, 2, noon.Add(time.Hour), ben
		if changeErr != nil || !reflect.DeepEqual(changed, want) {
			t.Errorf("want %+v, got %+v, %v", want, changed, changeErr)
		}
		for version, want := range map[int64]domain.RetentionVersion{1: before.RetentionVersion, 2: want.RetentionVersion} {
			if v, err := r.version(keeper, before.ID, version); err != nil || !reflect.DeepEqual(v, want) {
				t.Errorf("version %d: want %+v, got %+v, %v", version, want, v, err)
			}
		}
		if got, err := r.get(keeper, before.ID); err != nil || !reflect.DeepEqual(got, changed) {
			t.Errorf("want %+v, got %+v, %v", changed, got, err)
		}
	}
}

// racingRule is a rule that somebody else changes after it was read.
type racingRule struct {
	domain.Retention
	t *testing.T
}

func (r racingRule) Get(ctx context.Context, id uuid.UUID) (domain.RetentionRule, error) {
	rule, err := r.Retention.Get(ctx, id)
	if err == nil {
		v := rule.RetentionVersion
		v.Version++
		if _, err := r.Retention.Change(ctx, id, v); err != nil {
			r.t.Error(err)
		}
	}
	return rule, err
}

// TestRuleVersionConflict: a request about an outdated version changes nothing.
func TestRuleVersionConflict(t *testing.T) {
	t.Parallel()
	r := newRuleCases()
	rule, err := r.create(keeper, ruleAsked())
	if err != nil {
		t.Fatal(err)
	}
	id := rule.ID.String()
	_, untried := r.enable(keeper, rule.ID, 1)
	wantError(t, untried, domain.CodeConflict, "Retention rule with ID "+id+" has no dry run of version 1; make one, check its counts, then enable the rule")
	tried, err := r.dryRun(keeper, rule.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []int64{-1, 0} {
		_, changeErr := r.change(keeper, rule.ID, version, ruleAsked())
		_, enableErr := r.enable(keeper, rule.ID, version)
		for _, err := range []error{changeErr, enableErr} {
			wantError(t, err, domain.CodeInvalid, "version: must be the version of the rule that you read, 1 or more")
			if e, ok := errors.AsType[*domain.Error](err); !ok || e.Parameter != "version" {
				t.Errorf("want an error about the parameter, got %v", err)
			}
		}
	}
	for _, version := range []int64{2, 3} {
		_, changeErr := r.change(keeper, rule.ID, version, ruleAsked())
		_, enableErr := r.enable(keeper, rule.ID, version)
		_, approveErr := r.approve(keeper, rule.ID, version)
		for _, err := range []error{changeErr, enableErr, approveErr} {
			wantError(t, err, domain.CodeConflict, fmt.Sprintf("Retention rule with ID %s now has version 1, not %d; read it and try again", id, version))
		}
	}
	if left, err := r.get(keeper, rule.ID); err != nil || !reflect.DeepEqual(left, tried) {
		t.Errorf("want %+v, got %+v, %v", tried, left, err)
	}

	for version, call := range []func(version int64) error{
		func(int64) error { _, err := r.dryRun(keeper, rule.ID); return err },
		func(v int64) error { _, err := r.change(keeper, rule.ID, v, ruleAsked()); return err },
	} {
		if _, err := r.dryRun(keeper, rule.ID); err != nil {
			t.Fatal(err)
		}
		r.retention = racingRule{r.retention, t}
		err := call(int64(version + 1))
		wantError(t, err, domain.CodeConflict, "Retention rule with ID "+id+" was changed or removed in the meantime, so nothing was done; read it and try again")
		r.retention = r.Retention()
		if left, err := r.get(keeper, rule.ID); err != nil || left.Version != int64(version+2) || left.DryRun != nil || left.Enabled {
			t.Errorf("got %+v, %v", left, err)
		}
	}

	if err := r.remove(domain.Principal{ID: ben, Admin: true}, rule.ID); err != nil {
		t.Fatal(err)
	}
	_, changeErr := r.change(keeper, rule.ID, 3, ruleAsked())
	_, tryErr := r.dryRun(keeper, rule.ID)
	_, enableErr := r.enable(keeper, rule.ID, 3)
	_, approveErr := r.approve(keeper, rule.ID, 3)
	for _, err := range []error{changeErr, tryErr, enableErr, approveErr} {
		wantError(t, err, domain.CodeConflict, "Retention rule with ID "+id+" has been removed; create a new one")
	}
	if left, err := r.get(keeper, rule.ID); err != nil || left.RemovedAt == nil || *left.RemovedBy != ben {
		t.Errorf("got %+v, %v", left, err)
	}

	_, changeErr = r.change(keeper, anna, 1, ruleAsked())
	_, tryErr = r.dryRun(keeper, anna)
	_, enableErr = r.enable(keeper, anna, 1)
	_, approveErr = r.approve(keeper, anna, 1)
	_, disableErr := r.disable(keeper, anna)
	_, getErr := r.get(keeper, anna)
	for _, err := range []error{changeErr, tryErr, enableErr, approveErr, disableErr, getErr, r.remove(keeper, anna)} {
		wantError(t, err, domain.CodeNotFound, "Retention rule with ID "+anna.String()+" not found")
	}
	_, versionErr := r.version(keeper, rule.ID, 5)
	wantError(t, versionErr, domain.CodeNotFound, "Version 5 of the retention rule with ID "+id+" not found")
}

// TestApproveRule: where rules need an approval, one person enables a rule, and it runs
// once another has approved it, in time and while both may.
func TestApproveRule(t *testing.T) {
	t.Parallel()
	approver := domain.Principal{ID: ben, Roles: []domain.Role{domain.RolePlatformManager}}
	waiting := func(t *testing.T) (*ruleCases, domain.RetentionRule) {
		r := newRuleCases()
		r.approval = domain.ApprovalLimits{Rules: true, Wait: time.Hour}
		r.AddPerson(porttest.Person{ID: anna, Admin: true})
		r.AddPerson(porttest.Person{ID: ben, Roles: approver.Roles})
		rule := r.enabled(t, ruleAsked())
		want := domain.RuleEnabling{By: anna, At: noon, ApproveBy: ptr(noon.Add(time.Hour))}
		if rule.Enabled || rule.NextRunAt != nil || !reflect.DeepEqual(rule.Enabling, &want) {
			t.Fatalf("want %+v, got %+v", want, rule)
		}
		return r, rule
	}
	unchanged := func(t *testing.T, r *ruleCases, want domain.RetentionRule) {
		t.Helper()
		if got, err := r.get(keeper, want.ID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("want %+v, got %+v, %v", want, got, err)
		}
	}
	r, rule := waiting(t)
	id := rule.ID.String()
	r.now = noon.Add(time.Hour - time.Microsecond)
	for _, by := range []domain.Principal{keeper, approver} { // enabled again, it waits no longer
		if again, err := r.enable(by, rule.ID, 1); err != nil || !reflect.DeepEqual(again, rule) {
			t.Errorf("want %+v, got %+v, %v", rule, again, err)
		}
	}
	_, err := r.approve(keeper, rule.ID, 1)
	wantError(t, err, domain.CodeForbidden, "You enabled this retention rule, so somebody else who may decide about retention must approve it; you can disable it")
	unchanged(t, r, rule)
	want := rule
	want.Enabled, want.NextRunAt = true, ptr(noon.Add(24*time.Hour))
	want.Enabling = &domain.RuleEnabling{By: anna, At: noon, ApproveBy: rule.Enabling.ApproveBy, ApprovedBy: &ben, ApprovedAt: &r.now}
	for range 2 {
		if approved, err := r.approve(approver, rule.ID, 1); err != nil || !reflect.DeepEqual(approved, want) {
			t.Errorf("want %+v, got %+v, %v", want, approved, err)
		}
	}
	unchanged(t, r, want)
	disabled, err := r.disable(keeper, rule.ID)
	if err != nil || disabled.Enabled || disabled.Enabling != nil {
		t.Errorf("got %+v, %v", disabled, err)
	}
	_, err = r.approve(approver, rule.ID, 1)
	wantError(t, err, domain.CodeConflict, "Nobody has enabled the retention rule with ID "+id+"; enable it, then somebody else can approve it")

	r, rule = waiting(t)
	r.now = noon.Add(time.Hour)
	_, err = r.approve(approver, rule.ID, 1)
	wantError(t, err, domain.CodeConflict, "Retention rule with ID "+rule.ID.String()+" has waited too long for approval; look at a new dry run and enable it again")
	unchanged(t, r, rule)
	if again, err := r.enable(approver, rule.ID, 1); err != nil || again.Enabled || again.Enabling.By != ben || !again.Enabling.ApproveBy.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("want it to wait for another, got %+v, %v", again, err)
	}
	if approved, err := r.approve(keeper, rule.ID, 1); err != nil || !approved.Enabled {
		t.Errorf("got %+v, %v", approved, err)
	}

	for name, lost := range map[string]porttest.Person{
		"deleted": {ID: anna, Admin: true, Deleted: true}, "demoted": {ID: anna}, "unknown": {ID: acme},
	} {
		r, rule := waiting(t)
		err := func() error {
			other := memory.New()
			other.AddPerson(lost)
			_, err := domain.NewApproveRule(r.retention, other, r.clock).Execute(t.Context(), approver, rule.ID, 1)
			return err
		}()
		wantError(t, err, domain.CodeConflict, "Who enabled the retention rule with ID "+rule.ID.String()+" may not decide about retention any more; enable it again, then somebody else can approve it")
		if t.Failed() {
			t.Log(name)
		}
		unchanged(t, r, rule)
	}

	// What happens between reading and approving counts.
	r, rule = waiting(t)
	r.retention = racingRule{r.retention, t}
	_, err = r.approve(approver, rule.ID, 1)
	wantError(t, err, domain.CodeConflict, "Retention rule with ID "+rule.ID.String()+" now has version 2, not 1; read it and try again")

	// Nothing waits any more once the setting is off.
	r, rule = waiting(t)
	r.approval.Rules = false
	if enabled, err := r.enable(approver, rule.ID, 1); err != nil || !enabled.Enabled || !reflect.DeepEqual(enabled.Enabling, &domain.RuleEnabling{By: ben, At: noon}) {
		t.Errorf("got %+v, %v", enabled, err)
	}
	r, rule = waiting(t)
	gone := domain.Errorf(domain.CodeUnavailable, "gone")
	if _, err := domain.NewApproveRule(r.retention, failing{People: r.Store, id: gone}, r.clock).Execute(t.Context(), approver, rule.ID, 1); err != gone {
		t.Errorf("want %v, got %v", gone, err)
	}
}

func TestListRules(t *testing.T) {
	t.Parallel()
	r := newRuleCases()
	for range 12 {
		if _, err := r.create(keeper, ruleAsked()); err != nil {
			t.Fatal(err)
		}
	}
	first, err := r.list(keeper, domain.RuleListRequest{})
	if err != nil || int64(len(first.Items)) != domain.DefaultLimit || first.Limit != domain.DefaultLimit || first.Next == nil {
		t.Fatalf("first page: want %d rules and a cursor, got %+v, %v", domain.DefaultLimit, first, err)
	}
	if err := r.remove(keeper, first.Items[0].ID); err != nil {
		t.Fatal(err)
	}
	for removed, want := range map[bool]int{false: 11, true: 1} {
		page, err := r.list(keeper, domain.RuleListRequest{Removed: removed, Limit: ptr(int64(11))})
		if err != nil || len(page.Items) != want || page.Next != nil || page.Limit != 11 {
			t.Errorf("removed %t: want %d rules, got %+v, %v", removed, want, page, err)
		}
	}
	rest, err := r.list(keeper, domain.RuleListRequest{After: first.Next})
	if err != nil || len(rest.Items) != 2 || rest.Next != nil {
		t.Errorf("last page: want 2 rules and no cursor, got %+v, %v", rest, err)
	}
	_, err = r.list(keeper, domain.RuleListRequest{Removed: true, After: first.Next})
	wantError(t, err, domain.CodeInvalid, "after: must be the next_cursor of a page of this same list")
}

// failingRetention fails as the error says: Get, or everything else.
type failingRetention struct {
	domain.Retention
	err error
	get bool
}

func (f failingRetention) of() error {
	if f.get {
		return nil
	}
	return f.err
}

func (f failingRetention) Get(ctx context.Context, id uuid.UUID) (domain.RetentionRule, error) {
	if f.get {
		return domain.RetentionRule{}, f.err
	}
	return f.Retention.Get(ctx, id)
}

func (f failingRetention) Create(context.Context, domain.RetentionRule) (domain.RetentionRule, error) {
	return domain.RetentionRule{}, f.of()
}

func (f failingRetention) Change(context.Context, uuid.UUID, domain.RetentionVersion) (domain.RetentionRule, error) {
	return domain.RetentionRule{}, f.of()
}

func (f failingRetention) Version(context.Context, uuid.UUID, int64) (domain.RetentionVersion, error) {
	return domain.RetentionVersion{}, f.of()
}

func (f failingRetention) Page(context.Context, domain.RuleQuery) ([]domain.RetentionRule, error) {
	return nil, f.of()
}

func (f failingRetention) RecordDryRun(context.Context, uuid.UUID, int64, domain.DryRun) (domain.RetentionRule, error) {
	return domain.RetentionRule{}, f.of()
}

func (f failingRetention) Enable(context.Context, uuid.UUID, func(domain.RetentionRule) (domain.RetentionRule, error)) (domain.RetentionRule, error) {
	return domain.RetentionRule{}, f.of()
}

func (f failingRetention) Disable(context.Context, uuid.UUID) (domain.RetentionRule, error) {
	return domain.RetentionRule{}, f.of()
}

func (f failingRetention) Remove(context.Context, uuid.UUID, uuid.UUID) error { return f.of() }

func TestRuleFailures(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{domain.Errorf(domain.CodeUnavailable, "gone"), context.Canceled, errors.New("odd")} {
		for _, get := range []bool{true, false} {
			r := newRuleCases()
			rule := r.enabled(t, ruleAsked())
			r.retention = failingRetention{r.retention, failure, get}
			_, changeErr := r.change(keeper, rule.ID, 1, ruleAsked())
			_, tryErr := r.dryRun(keeper, rule.ID)
			_, approveErr := r.approve(keeper, rule.ID, 1)
			errs := []error{changeErr, tryErr, approveErr}
			if get {
				_, getErr := r.get(keeper, rule.ID)
				errs = append(errs, getErr)
			} else {
				_, enableErr := r.enable(keeper, rule.ID, 1)
				errs = append(errs, enableErr)
				_, createErr := r.create(keeper, ruleAsked())
				_, listErr := r.list(keeper, domain.RuleListRequest{})
				_, versionErr := r.version(keeper, rule.ID, 1)
				_, disableErr := r.disable(keeper, rule.ID)
				errs = append(errs, createErr, listErr, versionErr, disableErr, r.remove(keeper, rule.ID))
			}
			for i, err := range errs {
				if err != failure {
					t.Errorf("%d: want %v as it is, got %v", i, failure, err)
				}
			}
		}
	}
}

// failingEstimate cannot count.
type failingEstimate struct {
	domain.Erasures
	err error
}

func (f failingEstimate) Estimate(context.Context, domain.ErasureTarget, []string, time.Time) (domain.Estimate, error) {
	return domain.Estimate{}, f.err
}

func TestDryRunFailure(t *testing.T) {
	t.Parallel()
	r := newRuleCases()
	rule, err := r.create(keeper, ruleAsked())
	if err != nil {
		t.Fatal(err)
	}
	failure := domain.Errorf(domain.CodeUnavailable, "gone")
	if _, err := domain.NewDryRunRule(r.retention, failingEstimate{r.Erasures(), failure}, clock).Execute(t.Context(), keeper, rule.ID); err != failure {
		t.Errorf("want %v as it is, got %v", failure, err)
	}
	if left, err := r.get(keeper, rule.ID); err != nil || !reflect.DeepEqual(left, rule) {
		t.Errorf("want %+v, got %+v, %v", rule, left, err)
	}
}

// retained is a store with responses that a rule of 30 days may cover.
func retained() (r *ruleCases, old, chained, young, active, held, other porttest.Row) {
	r = newRuleCases()
	age := 30 * 24 * time.Hour
	row := func(owner uuid.UUID, state string, at time.Time) porttest.Row {
		row := porttest.NewRow(owner.String(), state, at)
		row.Model, row.Tier = "m", ptr("flex")
		return row
	}
	old = row(anna, "completed", noon.Add(-age))
	young = row(anna, "completed", noon.Add(-age+time.Microsecond))
	active = row(anna, "processing", noon.Add(-2*age))
	held = row(acme, "failed", noon.Add(-2*age))
	other = row(ben, "canceled", noon.Add(-3*age))
	other.Model, other.Tier = "another", ptr("auto")
	for _, row := range []porttest.Row{old, young, active, held, other} {
		r.AddResponse(row)
	}
	// A part of it is young: all of it stays.
	chained = row(anna, "completed", noon.Add(-2*age))
	late := row(anna, "completed", noon)
	r.AddChain(porttest.Chain(&chained, nil, &late)...)
	_, _ = r.Holds().Place(context.Background(), domain.Hold{ID: uuid.New(), HoldTarget: domain.HoldTarget{Responses: []uuid.UUID{held.ID}}, Reason: "r"})
	return r, old, chained, young, active, held, other
}

// TestRuleRun: a run erases what is old enough and nothing else. A dry run counts the
// same, except chains with a young part.
func TestRuleRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		filter domain.RetentionFilter
		old    bool // whether these go
		other  bool
		active bool
		held   int64
	}{
		"all":             {domain.RetentionFilter{}, true, true, false, 1},
		"state":           {domain.RetentionFilter{States: []string{"canceled"}}, false, true, false, 0},
		"active state":    {domain.RetentionFilter{States: []string{"processing"}}, false, false, true, 0},
		"model":           {domain.RetentionFilter{Models: []string{"m"}}, true, false, false, 1},
		"tier":            {domain.RetentionFilter{Tiers: []string{"auto"}}, false, true, false, 0},
		"owners":          {domain.RetentionFilter{Owners: []uuid.UUID{ben, acme}}, false, true, false, 1},
		"every condition": {domain.RetentionFilter{States: []string{"completed"}, Models: []string{"m"}, Tiers: []string{"flex"}, Owners: []uuid.UUID{anna}}, true, false, false, 0},
	} {
		r, old, chained, young, active, held, other := retained()
		q := ruleAsked()
		q.Filter = c.filter
		rule, err := r.create(keeper, q)
		if err != nil {
			t.Fatal(err)
		}
		before := r.Stored()
		tried, err := r.dryRun(keeper, rule.ID)
		if err != nil || r.Stored() != before {
			t.Fatalf("%s: dry run: want %+v left, got %+v, %v", name, before, r.Stored(), err)
		}
		want := map[uuid.UUID]bool{old.ID: c.old, other.ID: c.other, active.ID: c.active}
		var n int64
		for _, goes := range want {
			if goes {
				n++
			}
		}
		counted := n
		if c.old {
			counted++ // the chain
		}
		if d := tried.DryRun; d == nil || !d.At.Equal(noon) || d.Responses != counted || d.Held != c.held || d.Sum != (domain.Estimate{}).Sum {
			t.Errorf("%s: want %d counted, %d held, got %+v", name, counted, c.held, d)
		}
		if _, err := r.enable(keeper, rule.ID, 1); err != nil {
			t.Fatal(err)
		}
		if err := r.run(t.Context(), r.Jobs()); err != nil || len(r.Enqueued()) != 0 {
			t.Fatalf("%s: before its time: want no run, got %v, %v", name, r.Enqueued(), err)
		}
		// A day later, what was young by less than that is old.
		r.now = noon.Add(24 * time.Hour)
		if err := r.run(t.Context(), r.Jobs()); err != nil || len(r.Enqueued()) != 1 {
			t.Fatalf("%s: at its time: want one run, got %v, %v", name, r.Enqueued(), err)
		}
		want[young.ID] = c.old
		if c.old {
			n++
		}
		id := r.Enqueued()[0]
		e, err := r.Erasures().Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		cut := r.now.Add(-30 * 24 * time.Hour)
		filter := domain.ResponseFilter{States: c.filter.States, Models: c.filter.Models, Tiers: c.filter.Tiers, CreatedBefore: &cut}
		if filter.States == nil {
			filter.States = []string{"completed", "failed", "canceled"}
		}
		for _, owner := range c.filter.Owners {
			filter.Owners = append(filter.Owners, owner.String())
		}
		if wanted := (domain.Erasure{
			ID: id, Trigger: domain.TriggerRetention, Rule: &domain.RuleVersion{ID: rule.ID, Version: 1}, Kind: domain.TargetFilter,
			Target: &domain.ErasureTarget{Filter: &filter}, AsOf: cut, Max: 10_000, Ground: domain.GroundRetention,
			RequestedAt: r.now, Role: domain.ActorSystem, State: domain.ErasurePending,
		}); id.Version() != 4 || !reflect.DeepEqual(e, wanted) {
			t.Errorf("%s: want %+v, got %+v", name, wanted, e)
		}
		over, err := domain.NewRunErasure(r.Erasures(), func(context.Context, int) error { return nil }, r.clock).Execute(t.Context(), id, 0)
		if e, _ := r.Erasures().Get(t.Context(), id); err != nil || !over || e.Done != n || e.Held != c.held {
			t.Errorf("%s: want %d erased, %d held, got %+v, %v", name, n, c.held, e, err)
		}
		want[held.ID], want[chained.ID] = false, false
		for row, gone := range want {
			if _, _, err := r.Get(t.Context(), row, nil, math.MaxInt64, nil); (err != nil) != gone {
				t.Errorf("%s: %s: want it erased: %t, got %v", name, row, gone, err)
			}
		}
	}
}

// TestRuleSchedule: the next run is at the first set time after now, in UTC; missed
// times count once.
func TestRuleSchedule(t *testing.T) {
	t.Parallel()
	midnight := noon.Add(-12 * time.Hour)
	at := func(d time.Duration) time.Time { return midnight.Add(d) }
	for _, c := range []struct {
		runAt     []domain.TimeOfDay
		now, next time.Time
	}{
		{[]domain.TimeOfDay{720}, at(12*time.Hour - 1), at(12 * time.Hour)},
		{[]domain.TimeOfDay{720}, at(12 * time.Hour), at(36 * time.Hour)},
		{[]domain.TimeOfDay{0}, at(0), at(24 * time.Hour)},
		{[]domain.TimeOfDay{0}, at(23 * time.Hour), at(24 * time.Hour)},
		{[]domain.TimeOfDay{1439, 61}, at(time.Hour), at(61 * time.Minute)},
		{[]domain.TimeOfDay{1439, 61}, at(61 * time.Minute), at(1439 * time.Minute)},
		{[]domain.TimeOfDay{1439, 61}, at(1439 * time.Minute), at(25*time.Hour + time.Minute)},
		{[]domain.TimeOfDay{61}, at(time.Hour).In(time.FixedZone("", -9*3600)), at(61 * time.Minute)},
	} {
		r := newRuleCases()
		r.now = c.now
		q := ruleAsked()
		q.RunAt = c.runAt
		rule := r.enabled(t, q)
		if !rule.Enabled || !rule.NextRunAt.Equal(c.next) || rule.NextRunAt.Location() != time.UTC {
			t.Errorf("%v at %s: want %s, got %+v", c.runAt, c.now, c.next, rule)
		}
		// Enabled again, it runs when it was to run.
		r.now = c.next.Add(-time.Microsecond)
		if again, err := r.enable(keeper, rule.ID, 1); err != nil || !reflect.DeepEqual(again, rule) {
			t.Errorf("want %+v, got %+v, %v", rule, again, err)
		}
		if err := r.run(t.Context(), r.Jobs()); err != nil || len(r.Enqueued()) != 0 {
			t.Errorf("%v: before its time: want no run, got %v, %v", c.runAt, r.Enqueued(), err)
		}
		r.now = c.next.Add(5*24*time.Hour + time.Second)
		for range 2 {
			if err := r.run(t.Context(), r.Jobs()); err != nil || len(r.Enqueued()) != 1 {
				t.Errorf("%v: want one run, got %v, %v", c.runAt, r.Enqueued(), err)
			}
		}
		rule, err := r.get(keeper, rule.ID)
		if err != nil || !rule.NextRunAt.After(r.now) || rule.NextRunAt.Sub(r.now) > 24*time.Hour || !rule.LastRun.At.Equal(r.now.UTC()) || rule.LastRun.Erasure != r.Enqueued()[0] {
			t.Errorf("got %+v, %v", rule, err)
		}
	}
}

// failingJobs take nothing.
type failingJobs struct{ stop context.CancelFunc }

func (f failingJobs) Enqueue(context.Context, uuid.UUID) error {
	if f.stop != nil {
		f.stop()
	}
	return errors.New("no queue")
}

func TestRuleRunLog(t *testing.T) {
	t.Parallel()
	r := newRuleCases()
	rule := r.enabled(t, ruleAsked())
	told := func(want string) {
		t.Helper()
		if got := r.log.String(); got != want {
			t.Errorf("want %s, got %s", want, got)
		}
		r.log.Reset()
	}
	r.now = noon.Add(24 * time.Hour)
	if err := r.run(t.Context(), failingJobs{}); err != nil {
		t.Error(err)
	}
	ran, err := r.get(keeper, rule.ID)
	if err != nil || ran.LastRun == nil {
		t.Fatalf("want a last run, got %+v, %v", ran, err)
	}
	id := ran.LastRun.Erasure
	told(fmt.Sprintf("level=INFO msg=\"Retention run started\" rule=%s version=1 erasure=%s next_run_at=2026-03-03T12:00:00Z\n"+
		"level=WARN msg=\"Could not enqueue an erasure; it starts with the next scan\" erasure=%s error=\"no queue\"\n", rule.ID, id, id))
	r.now = noon.Add(48 * time.Hour)
	if err := r.run(t.Context(), failingJobs{}); err != nil {
		t.Error(err)
	}
	told(fmt.Sprintf("level=WARN msg=\"Retention run skipped: the previous run is not over\" "+
		"rule=%s version=1 running=%s next_run_at=2026-03-04T12:00:00Z\n", rule.ID, id))

	// Disabled, it does not run, and the run that is not over ends.
	disabled, err := r.disable(keeper, rule.ID)
	if e, _ := r.Erasures().Get(t.Context(), id); err != nil || disabled.Enabled || disabled.NextRunAt != nil || e.State != domain.ErasureCanceled {
		t.Errorf("got %+v, %s, %v", disabled, e.State, err)
	}
	r.now = noon.Add(30 * 24 * time.Hour)
	if err := r.run(t.Context(), failingJobs{}); err != nil {
		t.Error(err)
	}
	told("")

	// Of a service that stops nothing is told.
	if _, err := r.enable(keeper, rule.ID, 1); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(24 * time.Hour)
	ctx, stop := context.WithCancel(t.Context())
	if err := r.run(ctx, failingJobs{stop}); err != nil || strings.Contains(r.log.String(), "enqueued") {
		t.Errorf("stopped: want no error and no log of it, got %v, log %s", err, r.log.String())
	}
}

// startless fails to start one rule.
type startless struct {
	domain.Retention
	rule uuid.UUID
	err  error
}

func (s startless) Start(ctx context.Context, id uuid.UUID, now time.Time, begin func(domain.RetentionRule) (domain.Erasure, time.Time)) (domain.RetentionRule, domain.RunOutcome, error) {
	if id == s.rule {
		return domain.RetentionRule{}, domain.RunStarted, s.err
	}
	return s.Retention.Start(ctx, id, now, begin)
}

type dueless struct {
	domain.Retention
	err error
}

func (d dueless) Due(context.Context, time.Time, int) ([]uuid.UUID, error) { return nil, d.err }

// TestRunDueFailedRule: one failed rule does not stop the others, and a run that
// another process has started is not an error.
func TestRunDueFailedRule(t *testing.T) {
	t.Parallel()
	r := newRuleCases()
	failure := errors.New("odd")
	first, second := r.enabled(t, ruleAsked()), r.enabled(t, ruleAsked())
	r.now = noon.Add(24 * time.Hour)
	r.retention = startless{r.Retention(), first.ID, failure}
	for range 2 {
		if err := r.run(t.Context(), r.Jobs()); !errors.Is(err, failure) || len(r.Enqueued()) != 1 {
			t.Errorf("want %v and one run, got %v and %d", failure, err, len(r.Enqueued()))
		}
	}
	if ran, err := r.get(keeper, second.ID); err != nil || ran.LastRun == nil {
		t.Errorf("other rule: want a last run, got %+v, %v", ran, err)
	}
	if strings.Contains(r.log.String(), "enqueued") {
		t.Errorf("want no log of an enqueued run, got %s", r.log.String())
	}
	r.log.Reset()
	r.retention = dueless{r.Retention(), failure}
	if err := r.run(t.Context(), r.Jobs()); !errors.Is(err, failure) {
		t.Errorf("want %v, got %v", failure, err)
	}
	r.retention = lateRules{r.Retention(), []uuid.UUID{second.ID}}
	if err := r.run(t.Context(), r.Jobs()); err != nil || len(r.Enqueued()) != 1 || r.log.Len() != 0 {
		t.Errorf("want one run and no log, got %v, %d runs, log %s", err, len(r.Enqueued()), r.log.String())
	}
}

// lateRules finds rules due that are not any more.
type lateRules struct {
	domain.Retention
	due []uuid.UUID
}

func (l lateRules) Due(context.Context, time.Time, int) ([]uuid.UUID, error) { return l.due, nil }

func TestTimesOfDay(t *testing.T) {
	t.Parallel()
	for minutes := range domain.TimeOfDay(24 * 60) {
		if got, err := domain.ParseTimeOfDay(minutes.String()); err != nil || got != minutes {
			t.Errorf("%s: got %d, %v", minutes, got, err)
		}
	}
	if got := domain.TimeOfDay(61).String(); got != "01:01" {
		t.Errorf("got %s", got)
	}
	for _, text := range []string{"", "1:00", "24:00", "00:60", "12", "12:00:00", "12:00Z", " 12:00", "12.00", "-1:00", "١٢:٠٠"} {
		if got, err := domain.ParseTimeOfDay(text); err != domain.ErrNoTimeOfDay || got != 0 {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
}
