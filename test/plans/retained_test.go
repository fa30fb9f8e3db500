package plans_test

import (
	_ "embed"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/adapters/postgres/fusillade"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
)

//go:embed testdata/retained.sql
var retained string

// retainedScan is a reading of the whole of what is retained.
var retainedScan = regexp.MustCompile(`Seq Scan on retained_response_(objects|request_routes|group_routes)\w*\b`)

// TestRetainedPlans: a list of responses that fusillade-arsenal has moved reads about
// as much as it shows, and no payload of other responses.
func TestRetainedPlans(t *testing.T) {
	t.Parallel()
	b := newFixtureOn(t, pgtest.WithArsenal(t), "DELETE FROM fusillade.requests", func(b *fixture, _ *pgtest.Database) {
		for statement := range strings.SplitSeq(retained, ";\n") {
			b.exec(statement)
		}
		// Whoever unpacks one of these fails: what is shown is newer than the oldest half.
		b.exec(`UPDATE fusillade.retained_response_objects SET payload = jsonb_set(payload, '{request}',
			payload -> 'request' || '{"started_at": "nobody reads this", "completed_at": "nobody reads this", "response_status": "nobody reads this"}')
			WHERE object_kind = 'request' AND created_at < timestamptz '2026-01-01' + interval '100000 seconds'`)
	})
	always := func() bool { return true }
	responses := b.responses.(*fusillade.Responses)
	responses.WithArsenal(always, always)
	r := retainedFixture{b, responses}
	t.Run("lists", r.testLists)
	t.Run("lists, filters on payloads", r.testPayloadFilters)
	t.Run("fetch", r.testFetch)
	t.Run("bulk erasures", r.testErasures)
	t.Run("estimates", r.testEstimates)
}

const (
	shown = 21   // responses on a page
	few   = 1000 // blocks, at most, of a page in time order
)

type retainedFixture struct {
	*fixture
	responses *fusillade.Responses
}

// list reads a page of at least so many responses, with so many blocks at most.
func (r retainedFixture) list(t *testing.T, what string, q domain.PageQuery, want, limit int) {
	t.Helper()
	r.recorder.take()
	page, err := r.responses.Page(t.Context(), q)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if len(page) < want {
		t.Errorf("%s: want %d responses or more, got %d", what, want, len(page))
	}
	looked := 0
	for _, s := range r.recorder.take() {
		if !strings.Contains(s.sql, "-- name: PageOfRetained ") {
			continue
		}
		looked++
		plan := r.explain(s, "custom", "(ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF)")
		if retainedScan.MatchString(plan) {
			t.Errorf("%s: want no scan of all retained rows, got\n%s\n%s", what, s.sql, plan)
		}
		n := blocks(t, plan)
		t.Logf("%s: %d blocks", what, n)
		if n > limit {
			t.Errorf("%s: want %d blocks or fewer, got %d\n%s\n%s", what, limit, n, s.sql, plan)
		}
	}
	if looked == 0 {
		t.Errorf("%s: want a query of retained rows, got none", what)
	}
}

func (r retainedFixture) testLists(t *testing.T) {
	const ofOwner = 2500 // blocks of a filtered page of one owner, whose rows are all read
	for scope, owners := range map[string][]string{"everyone": nil, "a large owner": {large}, "several owners": {large, "owner-3", "owner-none"}} {
		for name, c := range map[string]struct {
			filter      domain.ResponseFilter
			want, limit int
		}{
			"none":         {want: shown, limit: few},
			"state":        {filter: domain.ResponseFilter{States: []string{"failed"}}, want: 8, limit: ofOwner},
			"common state": {filter: domain.ResponseFilter{States: []string{"completed"}}, want: shown, limit: few},
			"model":        {filter: domain.ResponseFilter{Models: []string{"model-1"}}, want: shown, limit: few},
			"tiers":        {filter: domain.ResponseFilter{Tiers: []string{"flex", "auto"}}, want: shown, limit: few},
			"at work":      {filter: domain.ResponseFilter{States: []string{"pending", "processing"}}, limit: few},
			"after":        {filter: domain.ResponseFilter{CreatedAfter: new(createdAt(19_000))}, want: shown, limit: few},
		} {
			for _, activeFirst := range []bool{true, false} {
				for _, after := range []*domain.Position{nil, {CreatedAt: createdAt(19_900), ID: uuid.Max}} {
					if after != nil && activeFirst {
						after = &domain.Position{Rank: 3, CreatedAt: after.CreatedAt, ID: after.ID}
						if name == "at work" { // nothing is asked then
							continue
						}
					}
					c.filter.Owners = owners
					limit := int64(shown)
					if c.want > 0 {
						limit = int64(c.want)
					}
					r.list(t, fmt.Sprintf("%s of %s, active first %t, after %+v", name, scope, activeFirst, after),
						domain.PageQuery{Filter: c.filter, ActiveFirst: activeFirst, After: after, Limit: limit}, c.want, c.limit)
				}
			}
		}
	}
}

// testPayloadFilters: payloads are unpacked until a page is full, and no others.
func (r retainedFixture) testPayloadFilters(t *testing.T) {
	for name, filter := range map[string]domain.ResponseFilter{
		"status":   {States: []string{"completed"}, StatusMin: new(int64(200)), StatusMax: new(int64(299))},
		"duration": {States: []string{"completed"}, MinDuration: new(createdAt(0).Sub(createdAt(0)))},
		"no error": {States: []string{"completed"}, HasError: new(false)},
	} {
		r.list(t, name, domain.PageQuery{Filter: filter, ActiveFirst: true, Limit: shown}, shown, few)
		filter.Owners, filter.States = []string{large}, nil
		r.list(t, name+" of an owner", domain.PageQuery{Filter: filter, ActiveFirst: true, Limit: shown}, shown-2, few)
	}
}

func (r retainedFixture) testFetch(t *testing.T) {
	id := uuid.MustParse("00000000-0000-4000-9000-000000004e1f")
	r.recorder.take()
	if _, _, err := r.responses.Get(t.Context(), id, nil, math.MaxInt64, nil); err != nil {
		t.Error(err)
	}
	fetched := 0
	for _, s := range r.recorder.take() {
		if !strings.Contains(s.sql, "retained_response_objects") {
			continue
		}
		fetched++
		for _, mode := range []string{"custom", "generic"} {
			plan := r.explain(s, mode, "(ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF)")
			if n := blocks(t, plan); n > 100 {
				t.Errorf("fetch, %s plan: want 100 blocks or fewer, got %d\n%s\n%s", mode, n, s.sql, plan)
			}
		}
	}
	if fetched != 1 {
		t.Errorf("fetch: want 1 query of retained rows, got %d", fetched)
	}
}

// testErasures: a bulk erasure reads the oldest responses that it erases next, and
// not many others.
func (r retainedFixture) testErasures(t *testing.T) {
	for name, filter := range map[string]domain.ResponseFilter{
		"everyone": {}, "a large owner": {Owners: []string{large}}, "a state": {States: []string{"failed"}}, "a model": {Models: []string{"model-1"}},
	} {
		filter.CreatedAfter = new(createdAt(10_100))
		const limit = 20
		id := r.start(domain.ErasureTarget{Filter: &filter})
		for range 2 {
			r.recorder.take()
			if _, err := r.erasures.Advance(t.Context(), id, limit, spareAll); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			looked := 0
			for _, s := range r.recorder.take() {
				if !strings.Contains(s.sql, "-- name: NextOfRetained ") {
					continue
				}
				looked++
				plan := r.explain(s, "custom", "(ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF)")
				n := blocks(t, plan)
				t.Logf("erasure of %s: %d blocks", name, n)
				if n > few {
					t.Errorf("erasure of %s: want %d blocks or fewer, got %d\n%s\n%s", name, few, n, s.sql, plan)
				}
			}
			if looked == 0 {
				t.Errorf("erasure of %s: want a query of retained rows, got none", name)
			}
		}
	}
}

func (r retainedFixture) testEstimates(t *testing.T) {
	for name, filter := range map[string]domain.ResponseFilter{
		"none": {}, "common state": {States: []string{"completed"}}, "tiers": {Tiers: []string{"flex", "auto"}},
		"state, tier, after": {States: []string{"completed"}, Tiers: []string{"flex"}, CreatedAfter: new(createdAt(2_000))},
	} {
		for scope, owners := range map[string][]string{"everyone": nil, "a large owner": {large}} {
			filter.Owners = owners
			exact, err := porttest.Count(t.Context(), r.responses, filter, domain.CountExact)
			if err != nil || !exact.Exact || exact.Total < 300 {
				t.Fatalf("%s of %s: want an exact count of 300 or more, got %+v, %v", name, scope, exact, err)
			}
			estimate, err := porttest.Count(t.Context(), r.responses, filter, domain.CountEstimate)
			if off := math.Abs(float64(estimate.Total - exact.Total)); err != nil || off > 0.15*float64(exact.Total) {
				t.Errorf("%s of %s: want an estimate within 15 %% of %d, got %d, %v", name, scope, exact.Total, estimate.Total, err)
			}
		}
	}
}
