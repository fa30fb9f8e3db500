package plans_test

import (
	_ "embed"
	"math"
	"testing"
	"time"

	"lethe/adapters/postgres/inspect"
	"lethe/domain"
	"lethe/domain/porttest"
)

//go:embed testdata/skewed.sql
var skewed string

func day(n int) *time.Time { return new(time.Date(2026, 1, 1+n, 0, 0, 0, 0, time.UTC)) }

// estimated are filters of which estimates hold; those with durations, and with
// states and HTTP statuses together, where the advised statistics are there.
var estimated = map[string]domain.ResponseFilter{
	"none":           {},
	"state":          {States: []string{"completed"}},
	"uncommon state": {States: []string{"failed"}},
	"states":         {States: []string{"failed", "canceled", "pending"}},
	"model":          {Models: []string{"model-0"}},
	"models":         {Models: []string{"model-1", "model-3", "model-none"}},
	"tier":           {Tiers: []string{"flex"}},
	"tiers":          {Tiers: []string{"auto", "default"}},
	"after":          {CreatedAfter: day(20)},
	"before":         {CreatedBefore: day(2)},
	"between":        {CreatedAfter: day(5), CreatedBefore: day(15)},
	"status from":    {StatusMin: new(int64(400))},
	"status to":      {StatusMax: new(int64(299))},
	"status between": {StatusMin: new(int64(400)), StatusMax: new(int64(499))},
	"error":          {HasError: new(true)},
	"no error":       {HasError: new(false)},

	"model and tier":    {Models: []string{"model-0"}, Tiers: []string{"auto"}},
	"state after":       {States: []string{"completed"}, CreatedAfter: day(10)},
	"model, with error": {Models: []string{"model-0"}, HasError: new(true)},
}

var estimatedByStatistics = map[string]domain.ResponseFilter{
	"any duration":         {MinDuration: new(time.Duration(0))},
	"5 s":                  {MinDuration: new(5 * time.Second)},
	"20 s":                 {MinDuration: new(20 * time.Second)},
	"100 s":                {MinDuration: new(100 * time.Second)},
	"250 s":                {MinDuration: new(250 * time.Second)},
	"5 s of a model":       {MinDuration: new(5 * time.Second), Models: []string{"model-0"}},
	"5 s, after":           {MinDuration: new(5 * time.Second), CreatedAfter: day(10)},
	"failed, status from":  {States: []string{"failed"}, StatusMin: new(int64(500))},
	"failed, of the three": {States: []string{"failed"}, StatusMin: new(int64(429)), StatusMax: new(int64(429))},
	"completed, good":      {States: []string{"completed"}, StatusMin: new(int64(200)), StatusMax: new(int64(299))},
	"ended, status from":   {States: []string{"completed", "failed", "canceled"}, StatusMin: new(int64(400))},
	"failed, of a model":   {States: []string{"failed"}, StatusMin: new(int64(500)), Models: []string{"model-0"}},
}

// TestEstimates: estimated counts are compared with exact ones.
func TestEstimates(t *testing.T) {
	t.Parallel()
	b := newFixture(t, skewed)
	const (
		within = 0.15
		// Of what fewer rows pass, the planner's sample holds too few.
		enough = 1500
	)
	// off is by what part each estimate is off.
	off := func(filters map[string]domain.ResponseFilter) map[string]float64 {
		t.Helper()
		all := make(map[string]float64)
		for name, filter := range filters {
			for scope, owners := range map[string][]string{
				"everyone": nil, "one owner": {"owner-first"}, "several owners": {"owner-first", "owner-second", "owner-none"},
			} {
				filter.Owners = owners
				exact := b.exactly(t, filter)
				estimate, err := porttest.Count(t.Context(), b.responses, filter, domain.CountEstimate)
				if err != nil || estimate.Exact {
					t.Fatalf("%s of %s: want an estimate, got %+v, %v", name, scope, estimate, err)
				}
				if exact.Total >= enough {
					all[name+" of "+scope] = float64(estimate.Total-exact.Total) / float64(exact.Total)
				}
				t.Logf("%s of %s: %d, estimated %d", name, scope, exact.Total, estimate.Total)
			}
		}
		if len(all) < 2*len(filters) {
			t.Errorf("estimates of enough rows: want 2 for each of %d filters, got %d", len(filters), len(all))
		}
		return all
	}
	holds := func(all map[string]float64) {
		t.Helper()
		for name, part := range all {
			if math.Abs(part) > within {
				t.Errorf("%s: the estimate is %+.0f %% off, more than permitted", name, 100*part)
			}
		}
	}
	holds(off(estimated))
	wrong := 0
	for _, part := range off(estimatedByStatistics) {
		if math.Abs(part) > within {
			wrong++
		}
	}
	if wrong == 0 {
		t.Error("without the advised statistics: want an estimate that is off, got none")
	}

	statements, err := inspect.MissingStatistics(t.Context(), b.conn, inspect.Schemas{})
	if err != nil || len(statements) == 0 {
		t.Fatalf("want statistics to make, got %q, %v", statements, err)
	}
	for _, statement := range statements {
		b.exec(statement)
	}
	b.newResponses()
	holds(off(estimated))
	holds(off(estimatedByStatistics))
}
