package porttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// testFigures compares figures with what was written down by hand, and with every filter
// of lists.
func testFigures(t *testing.T, f ResponsesFixture) {
	t.Run("points", func(t *testing.T) { testPoints(t, f) })
	t.Run("many series", func(t *testing.T) { testManySeries(t, f) })
	t.Run("filters", func(t *testing.T) { testFigureFilters(t, f) })
}

// between returns a filter of these owners' responses of two days.
func between(owners ...string) domain.ResponseFilter {
	from := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	return domain.ResponseFilter{Owners: owners, CreatedAfter: &from, CreatedBefore: ptr(from.Add(48*time.Hour - time.Microsecond))}
}

func testPoints(t *testing.T, f ResponsesFixture) {
	anna, ben := uuid.NewString(), uuid.NewString()
	add := func(owner, state, model string, tier *string, at string, took time.Duration, usage ...UsageRow) {
		created, err := time.Parse("2006-01-02 15:04:05.999999", "2026-04-"+at)
		if err != nil {
			t.Fatal(err)
		}
		row := NewRow(owner, state, created)
		row.Model, row.Tier = model, tier
		if state == "completed" {
			row.CompletedAt = ptr(row.StartedAt.Add(took))
		}
		f.AddResponse(row)
		for _, u := range usage {
			u.Response = row.ID
			f.AddUsage(u)
		}
	}
	used := func(prompt, completion int64, price string, at time.Time) UsageRow {
		none := domain.Decimal("0")
		return UsageRow{At: at, PromptTokens: &prompt, CompletionTokens: &completion, TotalTokens: ptr(prompt + completion), ReasoningTokens: 1,
			PromptPrice: ptr(domain.Decimal(price)), CompletionPrice: &none}
	}
	flex := ptr("flex")
	add(anna, "completed", "m", flex, "01 00:00:00", 4*time.Second, used(9, 9, "9", start.Add(-time.Hour)), used(10, 1, "0.5", start)) // the newest counts
	add(anna, "completed", "m", flex, "01 00:59:59.999999", time.Second, used(20, 2, "0.25", start))
	add(anna, "completed", "m", nil, "01 01:00:00", 2*time.Second)
	add(anna, "failed", "n", nil, "01 23:00:00", 0, UsageRow{At: start, PromptTokens: ptr(int64(5))}) // without a price
	add(anna, "pending", "n", flex, "02 00:00:00", 0)
	add(ben, "completed", "m", nil, "02 23:59:59.999999", 1500001*time.Microsecond)
	add(ben, "completed", "m", nil, "03 00:00:00", time.Second) // after the end
	add(ben, "completed", "m", flex, "03 00:00:00", time.Second)
	batched := NewRow("", "completed", time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC))
	batched.Batched = true
	f.AddResponse(batched)

	for _, c := range []struct {
		name    string
		filter  domain.ResponseFilter
		bucket  domain.Bucket
		groupBy domain.Grouping
		want    []string
	}{
		{"one series by hour", between(anna, ben), domain.Hourly, "", []string{
			"01 00: 2, 0 failed, 30 3 2 33 tokens, cost 10.00000000, 1s 4s",
			"01 01: 1, 0 failed, - - - - tokens, cost -, 2s 2s",
			"01 23: 1, 1 failed, 5 - 0 - tokens, cost -, - -",
			"02 00: 1, 0 failed, - - - - tokens, cost -, - -",
			"02 23: 1, 0 failed, - - - - tokens, cost -, 1.500001s 1.500001s",
		}},
		{"one series by day", between(anna, ben), domain.Daily, "", []string{
			"01 00: 4, 1 failed, 35 3 2 33 tokens, cost 10.00000000, 2s 4s",
			"02 00: 2, 0 failed, - - - - tokens, cost -, 1.500001s 1.500001s",
		}},
		{"by model", between(anna, ben), domain.Daily, domain.ByModel, []string{
			"m 01 00: 3, 0 failed, 30 3 2 33 tokens, cost 10.00000000, 2s 4s",
			"m 02 00: 1, 0 failed, - - - - tokens, cost -, 1.500001s 1.500001s",
			"n 01 00: 1, 1 failed, 5 - 0 - tokens, cost -, - -",
			"n 02 00: 1, 0 failed, - - - - tokens, cost -, - -",
		}},
		{"by state", between(ben, anna), domain.Daily, domain.ByState, []string{
			"completed 01 00: 3, 0 failed, 30 3 2 33 tokens, cost 10.00000000, 2s 4s",
			"completed 02 00: 1, 0 failed, - - - - tokens, cost -, 1.500001s 1.500001s",
			"failed 01 00: 1, 1 failed, 5 - 0 - tokens, cost -, - -",
			"pending 02 00: 1, 0 failed, - - - - tokens, cost -, - -",
		}},
		{"by tier", between(anna), domain.Daily, domain.ByTier, []string{
			"(none) 01 00: 2, 1 failed, 5 - 0 - tokens, cost -, 2s 2s",
			"flex 01 00: 2, 0 failed, 30 3 2 33 tokens, cost 10.00000000, 1s 4s",
			"flex 02 00: 1, 0 failed, - - - - tokens, cost -, - -",
		}},
		{"by owner", between(ben), domain.Daily, domain.ByOwner, []string{
			ben + " 02 00: 1, 0 failed, - - - - tokens, cost -, 1.500001s 1.500001s",
		}},
		{"nobody", between(uuid.NewString()), domain.Daily, domain.ByModel, nil},
		{"no owners", func() domain.ResponseFilter { f := between(); f.Owners = []string{}; return f }(), domain.Hourly, "", nil},
	} {
		points, basis, err := f.Responses().Figures(t.Context(), domain.FigureQuery{Filter: c.filter, Bucket: c.bucket, GroupBy: c.groupBy})
		var got []string
		for _, p := range points {
			got = append(got, showPoint(p, c.groupBy))
		}
		slices.Sort(got)
		if err != nil || basis != domain.BasisUsage || !slices.Equal(got, c.want) {
			t.Errorf("%s: want\n%s\ngot %s, %v\n%s", c.name, strings.Join(c.want, "\n"), basis, err, strings.Join(got, "\n"))
		}
	}
}

func showPoint(p domain.FigurePoint, by domain.Grouping) string {
	key := "(none) "
	switch {
	case p.Other:
		key = "(other) "
	case p.Key != nil:
		key = *p.Key + " "
	case by == "":
		key = ""
	}
	n := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	took := func(d *time.Duration) string {
		if d == nil {
			return "-"
		}
		return d.String()
	}
	u, cost := p.Usage, "-"
	if u.Cost != nil {
		cost = string(*u.Cost)
	}
	return fmt.Sprintf("%s%s: %d, %d failed, %s %s %s %s tokens, cost %s, %s %s", key, p.At.UTC().Format("02 15"), p.Responses, p.Failures,
		n(u.PromptTokens), n(u.CompletionTokens), n(u.ReasoningTokens), n(u.TotalTokens), cost, took(p.P50), took(p.P95))
}

// testManySeries: those with the most responses are kept, of equal ones the first by
// name. A word may look like that of the others.
func testManySeries(t *testing.T, f ResponsesFixture) {
	owner := uuid.NewString()
	at := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	models := []string{"other", "=", "", "it's"}
	for i := range domain.MaxSeries {
		models = append(models, fmt.Sprintf("many-%02d", i))
	}
	for i, model := range models {
		n := 1
		if i < 4 || model == "many-19" {
			n = 2
		}
		for range n {
			row := NewRow(owner, "completed", at)
			row.Model = model
			f.AddResponse(row)
		}
	}
	points, _, err := f.Responses().Figures(t.Context(), domain.FigureQuery{Filter: between(owner), Bucket: domain.Hourly, GroupBy: domain.ByModel})
	got := map[string]int64{}
	for _, p := range points {
		key := "the others"
		if !p.Other && p.Key != nil {
			key = "model " + *p.Key
		}
		got[key] += p.Responses
		if p.Other && (p.P50 == nil || *p.P50 != 1500001*time.Microsecond) {
			t.Errorf("the others: want their percentiles, got %+v", p)
		}
	}
	if err != nil || len(got) != domain.MaxSeries+1 || got["the others"] != 4 || got["model other"] != 2 || got["model ="] != 2 || got["model "] != 2 ||
		got["model it's"] != 2 || got["model many-19"] != 2 || got["model many-14"] != 1 {
		t.Errorf("want the %d largest models and 4 others, got %v, %v", domain.MaxSeries, got, err)
	}
}

// testFigureFilters compares totals with what the domain says about the same rows.
func testFigureFilters(t *testing.T, f ResponsesFixture) {
	anna, ben := uuid.NewString(), uuid.NewString()
	rows := addListed(f, anna, ben)
	for name, filter := range listFilters(anna, ben) {
		if filter.Owners == nil {
			filter.Owners = []string{anna, ben} // without those of other tests
		}
		if filter.CreatedAfter == nil {
			filter.CreatedAfter = ptr(start.Add(-30 * 24 * time.Hour))
		}
		if filter.CreatedBefore == nil {
			filter.CreatedBefore = ptr(start.Add(30 * 24 * time.Hour))
		}
		var responses, failures int64
		for _, r := range rows {
			if filter.Matches(r) {
				responses++
				if r.State == "failed" {
					failures++
				}
			}
		}
		for _, by := range []domain.Grouping{"", domain.ByModel, domain.ByState, domain.ByTier, domain.ByOwner} {
			points, _, err := f.Responses().Figures(t.Context(), domain.FigureQuery{Filter: filter, Bucket: domain.Daily, GroupBy: by})
			var counted, failed int64
			for _, p := range points {
				counted, failed = counted+p.Responses, failed+p.Failures
			}
			if err != nil || counted != responses || failed != failures {
				t.Errorf("%s by %q: want %d responses, %d failed, got %d, %d, %v", name, by, responses, failures, counted, failed, err)
			}
		}
	}
}
