package porttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// Lists tests lists, counts and figures only.
func Lists(t *testing.T, newFixture func(t *testing.T) ResponsesFixture) {
	t.Run("list/filters", func(t *testing.T) {
		t.Parallel()
		testLists(t, newFixture(t))
	})
	t.Run("list/hostile words", func(t *testing.T) {
		t.Parallel()
		testHostileWords(t, newFixture(t))
	})
	t.Run("figures", func(t *testing.T) {
		t.Parallel()
		testFigures(t, newFixture(t))
	})
}

// states are those of every response.
var states = []string{"pending", "claimed", "processing", "completed", "failed", "canceled"}

// addListed adds responses of two owners with every combination that filters
// distinguish, and rows of batches, which no list shows.
func addListed(f ResponsesFixture, anna, ben string) (rows []domain.Response) {
	add := func(owner, state, model string, tier *string, created time.Time, id string) {
		row := NewRow(owner, state, created)
		row.Model, row.Tier = model, tier
		if n := len(rows); state == "completed" {
			row.HTTPStatus = ptr([]int{200, 200, 404, 500, 0, math.MaxInt16}[n/6%6])
			row.CompletedAt = ptr(row.StartedAt.Add(time.Duration(n/6) * 500 * time.Millisecond))
			if n%4 == 0 {
				row.Error, row.HasError = ptr("an error all the same"), true
			}
		}
		if id != "" {
			row.ID = uuid.MustParse(id)
		}
		f.AddResponse(row)
		if cost := domain.Decimal(strconv.Itoa(len(rows) / 2)); len(rows)%3 > 0 {
			if len(rows) == 13 {
				cost = "NaN" // above every number in Postgres, and shown as unknown
			}
			// Of several records the newest counts, whatever its price.
			tokens, none := int64(1), domain.Decimal("0")
			f.AddUsage(UsageRow{Response: row.ID, At: start, PromptTokens: &tokens, CompletionTokens: &tokens, PromptPrice: ptr(domain.Decimal("100")), CompletionPrice: &none})
			f.AddUsage(UsageRow{Response: row.ID, At: start.Add(time.Hour), PromptTokens: &tokens, CompletionTokens: &tokens, PromptPrice: &cost, CompletionPrice: &none})
			row.KnownUsage = &domain.Usage{Cost: &cost}
		}
		rows = append(rows, row.Response)
	}
	tiers := []*string{nil, ptr("auto"), ptr("default"), ptr("flex"), ptr("priority")}
	for i := range 30 {
		add([]string{anna, ben}[i%2], states[i%6], []string{"model-a", "model-b", "model-c"}[i%3], tiers[i%5],
			start.Add(time.Duration(i/4)*time.Minute), "")
	}
	// A microsecond apart, and with ties that only the identifier breaks.
	for i, id := range []string{
		"7fffffff-0000-4000-8000-000000000001", "80000000-0000-4000-8000-000000000001",
		"ffffffff-0000-4000-8000-000000000001", "0a000000-0000-4000-8000-000000000001",
		"a0000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000001",
	} {
		add(anna, states[i], "model-a", nil, start, id)
		add(anna, states[i], "model-a", nil, start.Add(-time.Microsecond), "")
	}
	// Rows of batches look alike but are never listed.
	for _, state := range states {
		row := NewRow("", state, start)
		row.Batched = true
		f.AddResponse(row)
	}
	return rows
}

// listFilters are the filters that every implementation applies as domain does.
func listFilters(anna, ben string) map[string]domain.ResponseFilter {
	hour := start.Add(time.Hour)
	filters := map[string]domain.ResponseFilter{
		"all":                   {},
		"owner":                 {Owners: []string{ben}},
		"owner unknown":         {Owners: []string{uuid.NewString()}},
		"owner, other case":     {Owners: []string{"ABCDEF00-0000-4000-8000-000000000001"}},
		"owner empty":           {Owners: []string{""}},
		"two owners":            {Owners: []string{ben, anna, "unknown"}},
		"an owner twice":        {Owners: []string{ben, ben}},
		"no owners":             {Owners: []string{}},
		"two states":            {States: []string{"pending", "failed", "unknown"}},
		"working states":        {States: []string{"claimed", "processing"}},
		"a state twice":         {States: []string{"claimed", "claimed"}},
		"no states":             {States: []string{}},
		"state unknown":         {States: []string{"done"}},
		"state in capitals":     {States: []string{"PENDING"}},
		"state empty":           {States: []string{""}},
		"one model":             {Models: []string{"model-b"}},
		"two models":            {Models: []string{"model-c", "model-a", "unknown"}},
		"unknown model":         {Models: []string{"unknown"}},
		"no models":             {Models: []string{}},
		"one tier":              {Tiers: []string{"flex"}},
		"two tiers":             {Tiers: []string{"auto", "priority", "unknown"}},
		"unknown tier":          {Tiers: []string{"unknown"}},
		"no tiers":              {Tiers: []string{}},
		"tier named NULL":       {Tiers: []string{"NULL", "null", ""}},
		"after":                 {CreatedAfter: &start},
		"after, exclusive":      {CreatedAfter: ptr(start.Add(time.Microsecond))},
		"before":                {CreatedBefore: &start},
		"before, exclusive":     {CreatedBefore: ptr(start.Add(-time.Microsecond))},
		"at one time":           {CreatedAfter: &start, CreatedBefore: &start},
		"times, none":           {CreatedAfter: &hour, CreatedBefore: &start},
		"times, all":            {CreatedAfter: ptr(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)), CreatedBefore: ptr(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))},
		"after, other zone":     {CreatedAfter: ptr(start.In(time.FixedZone("", -7*3600)))},
		"status min":            {StatusMin: ptr(int64(404))},
		"status min, exclusive": {StatusMin: ptr(int64(405))},
		"status max":            {StatusMax: ptr(int64(404))},
		"status max, exclusive": {StatusMax: ptr(int64(403))},
		"status between":        {StatusMin: ptr(int64(201)), StatusMax: ptr(int64(500))},
		"status, none":          {StatusMin: ptr(int64(500)), StatusMax: ptr(int64(404))},
		"status, all":           {StatusMin: ptr(int64(math.MinInt64)), StatusMax: ptr(int64(math.MaxInt64))},
		"status min, largest":   {StatusMin: ptr(int64(math.MaxInt64))},
		"status max, smallest":  {StatusMax: ptr(int64(math.MinInt64))},
		"duration, all":         {MinDuration: ptr(time.Duration(0))},
		"duration":              {MinDuration: ptr(time.Second)},
		"duration, just over":   {MinDuration: ptr(time.Second + time.Millisecond)},
		"duration, largest":     {MinDuration: ptr(time.Duration(math.MaxInt64))},
		"error":                 {HasError: ptr(true)},
		"no error":              {HasError: ptr(false)},
		"cost":                  {MinTotalCost: ptr(domain.Decimal("5"))},
		"cost, just over":       {MinTotalCost: ptr(domain.Decimal("5.00000001"))},
		"cost, all":             {MinTotalCost: ptr(domain.Decimal("0"))},
		"cost, large":           {MinTotalCost: ptr(domain.Decimal("1e300"))},
		"owner, state, cost":    {Owners: []string{anna}, States: []string{"completed"}, MinTotalCost: ptr(domain.Decimal("3"))},
		"owner, error, status, duration": {
			Owners: []string{anna}, HasError: ptr(true), StatusMin: ptr(int64(300)), MinDuration: ptr(time.Millisecond),
		},
		"owner, state, models, tiers, times": {
			Owners: []string{anna}, States: []string{"completed"}, Models: []string{"model-a", "model-b"}, Tiers: []string{"auto", "flex", "priority", "default"},
			CreatedAfter: &start, CreatedBefore: &hour,
		},
		"owner, model, tier": {Owners: []string{anna}, Models: []string{"model-a"}, Tiers: []string{"default", "flex"}},
		"state, times":       {States: []string{"pending"}, CreatedAfter: &start, CreatedBefore: ptr(start.Add(3 * time.Minute))},
	}
	for _, state := range states {
		filters["state "+state] = domain.ResponseFilter{States: []string{state}}
		filters["owner, state "+state] = domain.ResponseFilter{Owners: []string{anna}, States: []string{state}}
	}
	return filters
}

// testLists compares pages and counts with what the domain says about the same rows,
// for every filter and order.
func testLists(t *testing.T, f ResponsesFixture) {
	ctx := t.Context()
	anna, ben := uuid.NewString(), uuid.NewString()
	rows := addListed(f, anna, ben)
	pages := []struct{ skip, limit int64 }{
		{0, 101}, {0, 1}, {1, 1}, {0, 10}, {3, 7}, {int64(len(rows)) - 1, 10}, {int64(len(rows)), 10}, {1000, 10},
		{math.MaxInt64, 101},
	}
	for name, filter := range listFilters(anna, ben) {
		var want []domain.Response
		for _, r := range rows {
			if filter.Matches(r) {
				want = append(want, r)
			}
		}
		for _, activeFirst := range []bool{true, false} {
			slices.SortFunc(want, func(a, b domain.Response) int { return domain.CompareResponses(a, b, activeFirst) })
			for _, p := range pages {
				got, err := f.Responses().Page(ctx, domain.PageQuery{Filter: filter, ActiveFirst: activeFirst, Skip: p.skip, Limit: p.limit})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				first := min(p.skip, int64(len(want)))
				last := min(first+p.limit, int64(len(want)))
				if diff := differ(want[first:last], got); diff != "" {
					t.Errorf("%s, active first %t, skip %d, limit %d: %s", name, activeFirst, p.skip, p.limit, diff)
				}
			}
			testAfter(t, f, name, domain.PageQuery{Filter: filter, ActiveFirst: activeFirst}, rows, want)
		}
		for mode, name := range map[domain.CountMode]string{
			domain.CountAuto: "count of " + name, domain.CountExact: "exact count of " + name, domain.CountEstimate: "estimate of " + name,
		} {
			count, err := Count(ctx, f.Responses(), filter, mode)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch {
			case count.Exact && count.Total != int64(len(want)):
				t.Errorf("%s: want %d, got %d", name, len(want), count.Total)
			case !count.Exact && mode != domain.CountEstimate:
				t.Errorf("%s: want an exact count, got the estimate %d", name, count.Total)
			case count.Total < 0:
				t.Errorf("%s: want a count of 0 or more, got %d", name, count.Total)
			}
		}
	}
}

// testAfter continues after every row, in the list or not, because a row may leave a
// list after its page was shown.
func testAfter(t *testing.T, f ResponsesFixture, name string, q domain.PageQuery, rows, want []domain.Response) {
	t.Helper()
	for i, r := range rows {
		after := domain.PositionOf(r, q.ActiveFirst)
		rest := want[len(want):]
		for at, candidate := range want {
			if domain.PositionOf(candidate, q.ActiveFirst).Compare(after) > 0 {
				rest = want[at:]
				break
			}
		}
		q.After, q.Limit = &after, []int64{1, 5, 101}[i%3]
		got, err := f.Responses().Page(t.Context(), q)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := differ(rest[:min(q.Limit, int64(len(rest)))], got); diff != "" {
			t.Errorf("%s, active first %t, after %+v, limit %d: %s", name, q.ActiveFirst, after, q.Limit, diff)
		}
	}
}

func testHostileWords(t *testing.T, f ResponsesFixture) {
	ctx := t.Context()
	all := append([]string{"model-a"}, hostile...)
	for i, word := range all {
		row := NewRow(word, "completed", start.Add(time.Duration(i)*time.Second))
		row.Model, row.Prompt, row.Answer = word, word, &word
		f.AddResponse(row)
	}
	for _, word := range all {
		for name, filter := range map[string]domain.ResponseFilter{
			"model":      {Models: []string{word}},
			"owner":      {Owners: []string{word}},
			"everything": {Models: []string{word, "unknown"}, Owners: []string{word}, States: []string{"completed"}},
		} {
			got, err := f.Responses().Page(ctx, domain.PageQuery{Filter: filter, ActiveFirst: true, Limit: 101})
			if err != nil || len(got) != 1 || got[0].Model != word || got[0].Owner != word {
				t.Errorf("%s %q: want the one row with that word, got %v, %v", name, word, got, err)
				continue
			}
			_, contents, err := f.Responses().Get(ctx, got[0].ID, nil, math.MaxInt64, nil)
			if err != nil || contents.Prompt != word || contents.Answer == nil || *contents.Answer != word {
				t.Errorf("contents: want %q, got %+v, %v", word, contents, err)
			}
		}
		for name, filter := range map[string]domain.ResponseFilter{
			"state": {States: []string{word}}, "tier": {Tiers: []string{word}},
		} {
			got, err := f.Responses().Page(ctx, domain.PageQuery{Filter: filter, ActiveFirst: false, Limit: 101})
			if err != nil || len(got) != 0 {
				t.Errorf("%s %q: want nothing, got %v, %v", name, word, got, err)
			}
			if count, err := Count(ctx, f.Responses(), filter, domain.CountAuto); err != nil || count.Exact && count.Total != 0 {
				t.Errorf("count of %s %q: want none, got %v, %v", name, word, count, err)
			}
		}
	}
	for _, word := range impossible {
		for name, filter := range map[string]domain.ResponseFilter{
			"owner": {Owners: []string{word}}, "state": {States: []string{word}}, "model": {Models: []string{word}}, "tier": {Tiers: []string{word}},
		} {
			got, err := f.Responses().Page(ctx, domain.PageQuery{Filter: filter, ActiveFirst: true, Limit: 101})
			if err != nil || len(got) != 0 {
				t.Errorf("%s %q: want nothing, got %v, %v", name, word, got, err)
			}
			if count, err := Count(ctx, f.Responses(), filter, domain.CountAuto); err != nil || count.Exact && count.Total != 0 {
				t.Errorf("count of %s %q: want none, got %v, %v", name, word, count, err)
			}
		}
	}
	some := domain.ResponseFilter{Models: append(slices.Clone(impossible), "model-a")}
	if got, err := f.Responses().Page(ctx, domain.PageQuery{Filter: some, ActiveFirst: true, Limit: 101}); err != nil || len(got) != 1 {
		t.Errorf("one possible model and impossible ones: want 1 row, got %v, %v", got, err)
	}
	if got, err := f.Responses().Page(ctx, domain.PageQuery{Filter: domain.ResponseFilter{Models: hostile}, ActiveFirst: true, Limit: 101}); err != nil || len(got) != len(hostile) {
		t.Errorf("all words in one filter: want %d rows, got %d, %v", len(hostile), len(got), err)
	}
}

// hostile words break careless queries and comparisons.
var hostile = []string{
	`it's`, `"quoted"`, `back\slash`, `\'`, `100%`, `_`, `%`, `a;b--`, `$1`, `{a,b}`, `NULL`, `null`, ``, ` `,
	`MODEL-A`, `model-a `, `modèle-ünïcode/λ`, `模型🙂`, "tab\tnewline\n", `/* */`,
}

// impossible words cannot be in any database, so no row has them.
var impossible = []string{"\x00", "model-a\x00", "\xff", "model-a\xc3"}

// differ says how two lists differ; times are compared as instants in UTC.
func differ(want, got []domain.Response) string {
	if len(want) != len(got) {
		return fmt.Sprintf("want %d rows, got %d", len(want), len(got))
	}
	for i := range want {
		if w, g := showResponse(want[i]), showResponse(got[i]); w != g {
			return fmt.Sprintf("row %d: want %s, got %s", i, w, g)
		}
		for _, at := range []*time.Time{&got[i].CreatedAt, got[i].StartedAt, got[i].CompletedAt, got[i].FailedAt} {
			if at != nil && at.Location() != time.UTC {
				return fmt.Sprintf("row %d: %s is not in UTC", i, at)
			}
		}
	}
	return ""
}

func showResponse(r domain.Response) string {
	at := func(t *time.Time) string {
		if t == nil {
			return "-"
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	status := "-"
	if r.HTTPStatus != nil {
		status = fmt.Sprint(*r.HTTPStatus)
	}
	return fmt.Sprintf("{%s owner %q model %q %s tier %s at %s %s %s %s status %s error %t}",
		r.ID, r.Owner, r.Model, r.State, showText(r.Tier), at(&r.CreatedAt), at(r.StartedAt), at(r.CompletedAt), at(r.FailedAt), status, r.HasError)
}

// Count returns how many responses match, next to a page of one.
func Count(ctx context.Context, r domain.ResponseReader, filter domain.ResponseFilter, mode domain.CountMode) (domain.Count, error) {
	_, count, err := r.PageAndCount(ctx, domain.PageQuery{Filter: filter, Limit: 1}, mode)
	if err == nil && count == nil {
		err = errors.New("counting took too long")
	}
	if err != nil {
		return domain.Count{}, err
	}
	return *count, nil
}
