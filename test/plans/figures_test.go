package plans_test

import (
	"testing"
	"time"

	"lethe/domain"
)

// testFigures: figures of few responses are read by indexes, with their usage records.
// Those of 180,000 read the requests once to count them and once to sort their durations,
// and no usage record.
func (b *fixture) testFigures(t *testing.T) {
	last := createdAt(200_000)
	for name, c := range map[string]struct {
		filter     domain.ResponseFilter
		from       time.Time
		basis      domain.Basis
		statements int
		scans      bool
	}{
		"an hour":             {domain.ResponseFilter{}, last.Add(-time.Hour), domain.BasisUsage, 3, false},
		"a day of an owner":   {domain.ResponseFilter{Owners: []string{large}}, last.Add(-24 * time.Hour), domain.BasisUsage, 3, false},
		"all of an owner":     {domain.ResponseFilter{Owners: []string{"owner-1900"}}, last.Add(-31 * 24 * time.Hour), domain.BasisUsage, 3, false},
		"all of two owners":   {domain.ResponseFilter{Owners: []string{"owner-1900", "owner-1901"}}, last.Add(-31 * 24 * time.Hour), domain.BasisUsage, 3, false},
		"failed, of an owner": {domain.ResponseFilter{Owners: []string{large}, States: []string{"failed"}}, last.Add(-24 * time.Hour), domain.BasisUsage, 3, false},
		"everything":          {domain.ResponseFilter{}, last.Add(-31 * 24 * time.Hour), domain.BasisRows, 2, true},
	} {
		c.filter.CreatedAfter, c.filter.CreatedBefore = &c.from, &last
		for _, by := range []domain.Grouping{"", domain.ByModel, domain.ByOwner} {
			b.recorder.take()
			begin := time.Now()
			points, basis, err := b.responses.Figures(t.Context(), domain.FigureQuery{Filter: c.filter, Bucket: domain.Hourly, GroupBy: by})
			took := time.Since(begin)
			var total int64
			for _, p := range points {
				total += p.Responses
			}
			sent := b.recorder.take()
			if err != nil || basis != c.basis || len(sent) != c.statements || total == 0 {
				t.Errorf("%s by %q: want %d statements on %s, got %d on %s, of %d responses, %v", name, by, c.statements, c.basis, len(sent), basis, total, err)
			}
			t.Logf("%s by %q: %d responses, %d points in %s", name, by, total, len(points), took)
			for _, s := range sent {
				if plan := b.explain(s, "custom", ""); !c.scans && scan.MatchString(plan) {
					t.Errorf("%s by %q: want no sequential scan, got\n%s\n%s", name, by, s.sql, plan)
				}
			}
		}
	}
}
