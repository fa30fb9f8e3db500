package porttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// ResponsesFixture is an empty implementation of Responses and ways to fill it. A way
// that fails ends the test.
type ResponsesFixture interface {
	Responses() domain.Responses
	AddResponse(Row)
	AddChain(...Step) // the first is the head
	AddUsage(UsageRow)
	AddTask(response uuid.UUID, finished bool)
	Stored() Stored
	Hasten()                          // makes searches for erased requests due
	Refuse(id uuid.UUID, refuse bool) // makes the database refuse to delete a response, or stop refusing
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

// hostile words break careless queries and comparisons.
var hostile = []string{
	`it's`, `"quoted"`, `back\slash`, `\'`, `100%`, `_`, `%`, `a;b--`, `$1`, `{a,b}`, `NULL`, `null`, ``, ` `,
	`MODEL-A`, `model-a `, `modèle-ünïcode/λ`, `模型🙂`, "tab\tnewline\n", `/* */`,
}

// impossible words cannot be in any database, so no row has them.
var impossible = []string{"\x00", "model-a\x00", "\xff", "model-a\xc3"}

// Responses tests the contract of domain.Responses.
func Responses(t *testing.T, newFixture func(t *testing.T) ResponsesFixture) {
	Lists(t, newFixture)
	t.Run("nothing there", func(t *testing.T) {
		t.Parallel()
		testNothingThere(t, newFixture(t))
	})
	t.Run("get", func(t *testing.T) {
		t.Parallel()
		testGet(t, newFixture(t))
	})
	t.Run("copies of what is gone", func(t *testing.T) {
		t.Parallel()
		testGone(t, newFixture(t))
	})
	t.Run("canceled", func(t *testing.T) {
		t.Parallel()
		testCanceled(t, newFixture(t))
	})
	t.Run("erase", func(t *testing.T) { testErase(t, newFixture) })
	t.Run("later turns", func(t *testing.T) {
		t.Parallel()
		testLaterTurns(t, newFixture(t))
	})
	t.Run("sweep", func(t *testing.T) {
		t.Parallel()
		testSweep(t, newFixture(t))
		testSweepOfWhatIsRefused(t, newFixture(t))
	})
	t.Run("again", func(t *testing.T) {
		t.Parallel()
		testEraseAgain(t, newFixture(t))
	})
}

// Lists tests lists and counts only.
func Lists(t *testing.T, newFixture func(t *testing.T) ResponsesFixture) {
	t.Run("lists", func(t *testing.T) {
		t.Parallel()
		testLists(t, newFixture(t))
	})
	t.Run("hostile words", func(t *testing.T) {
		t.Parallel()
		testHostileWords(t, newFixture(t))
	})
}

// testLists compares pages and counts with what the domain says about the same rows,
// for every filter and order.
func testLists(t *testing.T, f ResponsesFixture) {
	ctx := t.Context()
	anna, ben := uuid.NewString(), uuid.NewString()
	var rows []domain.Response
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
			// Of several records the newest counts, whatever its price.
			tokens, none := int64(1), domain.Decimal("0")
			f.AddUsage(UsageRow{Response: row.ID, At: start, PromptTokens: &tokens, CompletionTokens: &tokens, PromptPrice: ptr(domain.Decimal("100")), CompletionPrice: &none})
			f.AddUsage(UsageRow{Response: row.ID, At: start.Add(time.Hour), PromptTokens: &tokens, CompletionTokens: &tokens, PromptPrice: &cost, CompletionPrice: &none})
			row.KnownUsage = &domain.Usage{Cost: &cost}
		}
		rows = append(rows, row.Response)
	}
	states := []string{"pending", "claimed", "processing", "completed", "failed", "canceled"}
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

	hour := start.Add(time.Hour)
	filters := map[string]domain.ResponseFilter{
		"all":                 {},
		"owner":               {Owners: []string{ben}},
		"owner unknown":       {Owners: []string{uuid.NewString()}},
		"owner in other case": {Owners: []string{"ABCDEF00-0000-4000-8000-000000000001"}},
		"owner empty":         {Owners: []string{""}},
		"two owners":          {Owners: []string{ben, anna, "unknown"}},
		"an owner twice":      {Owners: []string{ben, ben}},
		"no owners":           {Owners: []string{}},
		"two states":          {States: []string{"pending", "failed", "unknown"}},
		"working states":      {States: []string{"claimed", "processing"}},
		"a state twice":       {States: []string{"claimed", "claimed"}},
		"no states":           {States: []string{}},
		"state unknown":       {States: []string{"done"}},
		"state in capitals":   {States: []string{"PENDING"}},
		"state empty":         {States: []string{""}},
		"one model":           {Models: []string{"model-b"}},
		"two models":          {Models: []string{"model-c", "model-a", "unknown"}},
		"unknown model":       {Models: []string{"unknown"}},
		"no models":           {Models: []string{}},
		"one tier":            {Tiers: []string{"flex"}},
		"two tiers":           {Tiers: []string{"auto", "priority", "unknown"}},
		"unknown tier":        {Tiers: []string{"unknown"}},
		"no tiers":            {Tiers: []string{}},
		"tier named NULL":     {Tiers: []string{"NULL", "null", ""}},
		"after":               {CreatedAfter: &start},
		"just after":          {CreatedAfter: ptr(start.Add(time.Microsecond))},
		"before":              {CreatedBefore: &start},
		"just before":         {CreatedBefore: ptr(start.Add(-time.Microsecond))},
		"at":                  {CreatedAfter: &start, CreatedBefore: &start},
		"never":               {CreatedAfter: &hour, CreatedBefore: &start},
		"ever":                {CreatedAfter: ptr(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)), CreatedBefore: ptr(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))},
		"another zone":        {CreatedAfter: ptr(start.In(time.FixedZone("", -7*3600)))},
		"status from":         {StatusMin: ptr(int64(404))},
		"status just from":    {StatusMin: ptr(int64(405))},
		"status to":           {StatusMax: ptr(int64(404))},
		"status just to":      {StatusMax: ptr(int64(403))},
		"status between":      {StatusMin: ptr(int64(201)), StatusMax: ptr(int64(500))},
		"status nowhere":      {StatusMin: ptr(int64(500)), StatusMax: ptr(int64(404))},
		"any status":          {StatusMin: ptr(int64(math.MinInt64)), StatusMax: ptr(int64(math.MaxInt64))},
		"status from afar":    {StatusMin: ptr(int64(math.MaxInt64))},
		"status to afar":      {StatusMax: ptr(int64(math.MinInt64))},
		"any duration":        {MinDuration: ptr(time.Duration(0))},
		"duration":            {MinDuration: ptr(time.Second)},
		"just over":           {MinDuration: ptr(time.Second + time.Millisecond)},
		"duration of an age":  {MinDuration: ptr(time.Duration(math.MaxInt64))},
		"error":               {HasError: ptr(true)},
		"no error":            {HasError: ptr(false)},
		"cost":                {MinTotalCost: ptr(domain.Decimal("5"))},
		"cost, just over":     {MinTotalCost: ptr(domain.Decimal("5.00000001"))},
		"any cost":            {MinTotalCost: ptr(domain.Decimal("0"))},
		"cost of an age":      {MinTotalCost: ptr(domain.Decimal("1e300"))},
		"owner, state, cost":  {Owners: []string{anna}, States: []string{"completed"}, MinTotalCost: ptr(domain.Decimal("3"))},
		"slow failures": {
			Owners: []string{anna}, HasError: ptr(true), StatusMin: ptr(int64(300)), MinDuration: ptr(time.Millisecond),
		},
		"everything": {
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
	pages := []struct{ skip, limit int64 }{
		{0, 101}, {0, 1}, {1, 1}, {0, 10}, {3, 7}, {int64(len(rows)) - 1, 10}, {int64(len(rows)), 10}, {1000, 10},
		{math.MaxInt64, 101},
	}
	for name, filter := range filters {
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
			count, err := f.Responses().Count(ctx, filter, mode)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch {
			case count.Exact && count.Total != int64(len(want)):
				t.Errorf("%s: want %d, got %d", name, len(want), count.Total)
			case !count.Exact && mode != domain.CountEstimate:
				t.Errorf("%s: want a few dozen rows counted", name)
			case count.Total < 0:
				t.Errorf("%s: a negative number, %d", name, count.Total)
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
				t.Errorf("%s %q: want just the row of that word, got %v, %v", name, word, got, err)
				continue
			}
			_, contents, err := f.Responses().Get(ctx, got[0].ID, nil, math.MaxInt64)
			if err != nil || contents.Prompt != word || contents.Answer == nil || *contents.Answer != word {
				t.Errorf("contents %q came back as %+v, %v", word, contents, err)
			}
		}
		for name, filter := range map[string]domain.ResponseFilter{
			"state": {States: []string{word}}, "tier": {Tiers: []string{word}},
		} {
			got, err := f.Responses().Page(ctx, domain.PageQuery{Filter: filter, ActiveFirst: false, Limit: 101})
			if err != nil || len(got) != 0 {
				t.Errorf("%s %q: want nothing, got %v, %v", name, word, got, err)
			}
			if count, err := f.Responses().Count(ctx, filter, domain.CountAuto); err != nil || count.Exact && count.Total != 0 {
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
			if count, err := f.Responses().Count(ctx, filter, domain.CountAuto); err != nil || count.Exact && count.Total != 0 {
				t.Errorf("count of %s %q: want none, got %v, %v", name, word, count, err)
			}
		}
	}
	some := domain.ResponseFilter{Models: append(slices.Clone(impossible), "model-a")}
	if got, err := f.Responses().Page(ctx, domain.PageQuery{Filter: some, ActiveFirst: true, Limit: 101}); err != nil || len(got) != 1 {
		t.Errorf("a model among impossible ones: want its row, got %v, %v", got, err)
	}
	if got, err := f.Responses().Page(ctx, domain.PageQuery{Filter: domain.ResponseFilter{Models: hostile}, ActiveFirst: true, Limit: 101}); err != nil || len(got) != len(hostile) {
		t.Errorf("all the words at once: want %d rows, got %d, %v", len(hostile), len(got), err)
	}
}

func testNothingThere(t *testing.T, f ResponsesFixture) {
	ctx := t.Context()
	if page, err := f.Responses().Page(ctx, domain.PageQuery{ActiveFirst: true, Limit: 10}); err != nil || len(page) != 0 {
		t.Errorf("want an empty page, got %v, %v", page, err)
	}
	if count, err := f.Responses().Count(ctx, domain.ResponseFilter{}, domain.CountAuto); err != nil || count.Total != 0 {
		t.Errorf("want a count of 0, got %+v, %v", count, err)
	}
	for _, id := range []uuid.UUID{uuid.New(), uuid.Nil, uuid.Max} {
		if _, _, err := f.Responses().Get(ctx, id, nil, math.MaxInt64); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("get %s: want %s, got %v", id, domain.CodeNotFound, err)
		}
		if _, err := f.Responses().Erase(ctx, id, nil, neverAsked(t)); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("erase %s: want %s, got %v", id, domain.CodeNotFound, err)
		}
	}
}

// testGone erases copies of responses whose rows are gone.
func testGone(t *testing.T, f ResponsesFixture) {
	anna, ben := uuid.New(), uuid.New()
	f.AddResponse(NewRow(anna.String(), "completed", start))
	for name, c := range map[string]struct {
		usage   []UsageRow
		owners  []string
		unowned bool
		copies  int64
	}{
		"owned":     {[]UsageRow{{Owner: &anna, Copied: true}}, []string{anna.String()}, false, 1},
		"tried":     {[]UsageRow{{Owner: &anna}, {Owner: &anna, Copied: true}, {Owner: &anna, Copied: true}}, []string{anna.String()}, false, 2},
		"two":       {[]UsageRow{{Owner: &anna, Copied: true}, {Owner: &ben}}, []string{anna.String(), ben.String()}, false, 1},
		"nobody's":  {[]UsageRow{{Copied: true}}, nil, true, 1},
		"partly":    {[]UsageRow{{Copied: true}, {Owner: &ben, Copied: true}}, []string{ben.String()}, true, 2},
		"batch's":   {[]UsageRow{{Owner: &anna, Copied: true, Batched: true}}, nil, false, 0},
		"no copies": {[]UsageRow{{Owner: &anna}}, nil, false, 0},
	} {
		id := uuid.New()
		for i, u := range c.usage {
			u.Response, u.At = id, start.Add(time.Duration(i)*time.Second)
			f.AddUsage(u)
		}
		before := f.Stored()
		if c.copies == 0 {
			if _, err := f.Responses().Erase(t.Context(), id, nil, neverAsked(t)); domain.CodeOf(err) != domain.CodeNotFound || f.Stored() != before {
				t.Errorf("%s: want %s and nothing erased, got %v", name, domain.CodeNotFound, err)
			}
			continue
		}
		refusal := errors.New("no")
		if _, err := f.Responses().Erase(t.Context(), id, []string{uuid.NewString()}, neverAsked(t)); domain.CodeOf(err) != domain.CodeNotFound || f.Stored() != before {
			t.Fatalf("for others: want not found and nothing changed, got %v", err)
		}
		if _, err := f.Responses().Erase(t.Context(), id, nil, func(domain.Found) (domain.Authorization, error) { return domain.Authorization{}, refusal }); err != refusal || f.Stored() != before {
			t.Errorf("%s: want the refusal and nothing erased, got %v", name, err)
		}
		var found domain.Found
		want := domain.Erased{RawRequests: c.copies, RawResponses: c.copies}
		erased, err := f.Responses().Erase(t.Context(), id, nil, func(asked domain.Found) (domain.Authorization, error) {
			found = asked
			return Permit(asked)
		})
		slices.Sort(found.Owners)
		slices.Sort(c.owners)
		if err != nil || erased != want || f.Stored() != before.Less(want) || !slices.Equal(found.Owners, c.owners) || found.Unowned != c.unowned {
			t.Errorf("%s: want %+v erased, of %v, got %+v of %+v, %v", name, want, c.owners, erased, found, err)
		}
		if _, err := f.Responses().Erase(t.Context(), id, nil, neverAsked(t)); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("%s, again: want %s, got %v", name, domain.CodeNotFound, err)
		}
	}
}

func testGet(t *testing.T, f ResponsesFixture) {
	ctx := t.Context()
	row := func(state string, change func(*Row)) Row {
		r := NewRow(uuid.NewString(), state, start)
		change(&r)
		return r
	}
	rows := map[string]Row{
		"pending":      row("pending", func(*Row) {}),
		"claimed":      row("claimed", func(*Row) {}),
		"processing":   row("processing", func(*Row) {}),
		"completed":    row("completed", func(r *Row) { r.Tier = ptr("flex") }),
		"failed":       row("failed", func(*Row) {}),
		"canceled":     row("canceled", func(*Row) {}),
		"no template":  row("completed", func(r *Row) { r.NoTemplate = true; r.Prompt = "" }),
		"empty words":  row("completed", func(r *Row) { r.Prompt = ""; r.Answer = ptr("") }),
		"kept file":    row("completed", func(r *Row) { r.File = KeptFile }),
		"deleted file": row("completed", func(r *Row) { r.File = DeletedFile }),
		"status 0":     row("completed", func(r *Row) { r.HTTPStatus = ptr(0) }),
		"odd owner":    row("pending", func(r *Row) { r.Owner = "not a UUID" }),
	}
	for _, r := range rows {
		f.AddResponse(r)
	}
	for name, r := range rows {
		want := r.Contents
		if r.File == DeletedFile {
			want.Prompt = ""
		}
		response, contents, err := f.Responses().Get(ctx, r.ID, nil, math.MaxInt64)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := differ([]domain.Response{r.Response}, []domain.Response{response}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if !reflect.DeepEqual(want, contents) {
			t.Errorf("%s: want contents %s, got %s", name, show(want), show(contents))
		}
		summary, err := f.Responses().GetSummary(ctx, r.ID, nil)
		if err != nil {
			t.Errorf("%s: without contents: %v", name, err)
		}
		if diff := differ([]domain.Response{response}, []domain.Response{summary}); diff != "" {
			t.Errorf("%s: without contents: %s", name, diff)
		}
		size := contents.Bytes()
		if _, whole, err := f.Responses().Get(ctx, r.ID, nil, size); err != nil || whole.Bytes() != size || whole.Left != 0 {
			t.Errorf("of at most the %d bytes that there are: got %d, %d left, %v", size, whole.Bytes(), whole.Left, err)
		}
		if _, less, err := f.Responses().Get(ctx, r.ID, nil, size-1); err != nil || less != (domain.Contents{Left: size}) {
			t.Errorf("of less than the %d bytes that there are: got %d, %d left, %v", size, less.Bytes(), less.Left, err)
		}
		if _, _, err := f.Responses().Get(ctx, r.ID, []string{"another", r.Owner}, math.MaxInt64); err != nil {
			t.Errorf("%s: want it found as its owner's: %v", name, err)
		}
		for _, others := range [][]string{{}, {"another"}, {r.Owner + " "}} {
			_, contents, err := f.Responses().Get(ctx, r.ID, others, math.MaxInt64)
			_, summaryErr := f.Responses().GetSummary(ctx, r.ID, others)
			if domain.CodeOf(err) != domain.CodeNotFound || domain.CodeOf(summaryErr) != domain.CodeNotFound || contents != (domain.Contents{}) {
				t.Errorf("%s: want %s for %q, got %v and %v", name, domain.CodeNotFound, others, err, summaryErr)
			}
		}
		if response.Revision == "" || summary.Revision != response.Revision {
			t.Errorf("%s: want one revision with and without contents, got %q and %q", name, response.Revision, summary.Revision)
		}
	}
	batched := NewRow("", "completed", start)
	batched.Batched = true
	f.AddResponse(batched)
	if _, _, err := f.Responses().Get(ctx, batched.ID, nil, math.MaxInt64); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("a row of a batch: want %s, got %v", domain.CodeNotFound, err)
	}
	if _, err := f.Responses().GetSummary(ctx, batched.ID, nil); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("a row of a batch without contents: want %s, got %v", domain.CodeNotFound, err)
	}
}

func testCanceled(t *testing.T, f ResponsesFixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	row := NewRow(uuid.NewString(), "completed", start)
	f.AddResponse(row)
	before := f.Stored()
	_, pageErr := f.Responses().Page(ctx, domain.PageQuery{ActiveFirst: true, Limit: 10})
	_, countErr := f.Responses().Count(ctx, domain.ResponseFilter{}, domain.CountAuto)
	_, _, getErr := f.Responses().Get(ctx, row.ID, nil, math.MaxInt64)
	_, summaryErr := f.Responses().GetSummary(ctx, row.ID, nil)
	_, eraseErr := f.Responses().Erase(ctx, row.ID, nil, Permit)
	for name, err := range map[string]error{"page": pageErr, "count": countErr, "get": getErr, "get summary": summaryErr, "erase": eraseErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: want the context's error, got %v", name, err)
		}
	}
	if after := f.Stored(); after != before {
		t.Errorf("want everything left, %+v, got %+v", before, after)
	}
}

// crowd adds one of everything that an erasure must leave alone to a fixture, and
// returns a check that it did.
func crowd(f ResponsesFixture) (untouched func(t *testing.T)) {
	single, withFile := NewRow("someone", "completed", start), NewRow("someone", "completed", start)
	withFile.File = KeptFile
	a, b := NewRow("someone", "completed", start), NewRow("someone", "completed", start)
	batched := NewRow("", "completed", start)
	batched.Batched, batched.File = true, KeptFile
	f.AddResponse(single)
	f.AddResponse(withFile)
	f.AddResponse(batched)
	f.AddChain(Chain(&a, nil, &b)...)
	for i, r := range []Row{single, withFile, a, b, batched} {
		f.AddUsage(UsageRow{Response: r.ID, At: start.Add(time.Duration(i) * time.Second), Copied: true})
		f.AddTask(r.ID, i%2 == 0)
	}
	return func(t *testing.T) {
		t.Helper()
		for _, r := range []Row{single, withFile, a, b} {
			if _, contents, err := f.Responses().Get(t.Context(), r.ID, nil, math.MaxInt64); err != nil || contents.Prompt != r.Prompt {
				t.Errorf("another response was touched: %s, %v", show(contents), err)
			}
		}
	}
}

func testErase(t *testing.T, newFixture func(t *testing.T) ResponsesFixture) {
	anna, ben := uuid.NewString(), uuid.NewString()
	row := func(owner, state string) *Row {
		r := NewRow(owner, state, start)
		return &r
	}
	withFile := func(owner string, file File) *Row {
		r := row(owner, "completed")
		r.File = file
		return r
	}
	without := func(owner string) *Row {
		r := row(owner, "completed")
		r.NoTemplate, r.Prompt = true, ""
		return r
	}
	batched := func() *Row {
		r := row(anna, "completed")
		r.Batched = true
		return r
	}
	var long []*Row
	for i := range 50 {
		if i%2 == 1 {
			long = append(long, nil)
		} else {
			long = append(long, row(anna, "completed"))
		}
	}
	cases := []struct {
		name   string
		rows   []*Row // one: a single response; nil: a tool call
		copies int    // for each request
		tasks  int    // for each request
		owners []string
		want   domain.Erased
	}{
		{"single", []*Row{row(anna, "completed")}, 0, 0, []string{anna}, domain.Erased{Requests: 1, Templates: 1}},
		{"pending", []*Row{row(anna, "pending")}, 0, 1, []string{anna}, domain.Erased{Requests: 1, Templates: 1, Tasks: 1}},
		{"claimed", []*Row{row(anna, "claimed")}, 0, 0, []string{anna}, domain.Erased{Requests: 1, Templates: 1}},
		{"processing", []*Row{row(anna, "processing")}, 0, 0, []string{anna}, domain.Erased{Requests: 1, Templates: 1}},
		{"failed", []*Row{row(anna, "failed")}, 1, 0, []string{anna}, domain.Erased{Requests: 1, Templates: 1, RawRequests: 1, RawResponses: 1}},
		{"canceled", []*Row{row(anna, "canceled")}, 0, 0, []string{anna}, domain.Erased{Requests: 1, Templates: 1}},
		{"no template", []*Row{without(anna)}, 0, 0, []string{anna}, domain.Erased{Requests: 1}},
		{"template of a file", []*Row{withFile(anna, KeptFile)}, 0, 0, []string{anna}, domain.Erased{Requests: 1, Templates: 1}},
		{"template of a deleted file", []*Row{withFile(anna, DeletedFile)}, 0, 0, []string{anna}, domain.Erased{Requests: 1, Templates: 1}},
		{"file made for it", []*Row{withFile(anna, MadeFile)}, 1, 1, []string{anna}, domain.Erased{Requests: 1, Templates: 1, Files: 1, RawRequests: 1, RawResponses: 1, Tasks: 1}},
		{"odd owner", []*Row{row(`o'wner\%`, "completed")}, 0, 0, []string{`o'wner\%`}, domain.Erased{Requests: 1, Templates: 1}},
		{"copies and tasks", []*Row{row(anna, "completed")}, 3, 4, []string{anna}, domain.Erased{Requests: 1, Templates: 1, RawRequests: 3, RawResponses: 3, Tasks: 4}},
		{"chain of one", rowsOf(row(anna, "completed")), 1, 1, []string{anna}, domain.Erased{Requests: 1, Templates: 1, Steps: 1, RawRequests: 1, RawResponses: 1, Tasks: 1}},
		{
			"chain", rowsOf(row(anna, "completed"), nil, row(anna, "failed"), row(anna, "processing")), 2, 1,
			[]string{anna},
			domain.Erased{Requests: 3, Templates: 3, Steps: 4, RawRequests: 6, RawResponses: 6, Tasks: 3},
		},
		{"chain with a tool at its head", rowsOf(nil, row(anna, "completed"), row(anna, "completed")), 1, 0, []string{anna}, domain.Erased{Requests: 2, Templates: 2, Steps: 3, RawRequests: 2, RawResponses: 2}},
		{"chain with a tool at its end", rowsOf(row(anna, "completed"), nil, nil), 0, 0, []string{anna}, domain.Erased{Requests: 1, Templates: 1, Steps: 3}},
		{"chain with templates of all kinds", rowsOf(without(anna), withFile(anna, KeptFile), row(anna, "completed"), withFile(anna, MadeFile), withFile(anna, MadeFile)), 0, 0, []string{anna}, domain.Erased{Requests: 5, Templates: 4, Steps: 5, Files: 2}},
		{"chain of two owners", rowsOf(row(anna, "completed"), nil, row(ben, "completed")), 1, 2, []string{anna, ben}, domain.Erased{Requests: 2, Templates: 2, Steps: 3, RawRequests: 2, RawResponses: 2, Tasks: 4}},
		{"long chain", rowsOf(long...), 1, 1, []string{anna}, domain.Erased{Requests: 25, Templates: 25, Steps: 50, RawRequests: 25, RawResponses: 25, Tasks: 25}},
	}
	t.Run("whole", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		untouched := crowd(f)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				// Each part is erased by its ID in its own copy of the chain.
				for asked, part := range c.rows {
					if part == nil || len(c.rows) > 10 && asked > 0 && asked != 24 && asked != 48 {
						continue
					}
					rows := clones(c.rows)
					put(f, rows, c.want.Steps > 0)
					for _, r := range rows {
						if r == nil {
							continue
						}
						for i := range c.copies {
							f.AddUsage(UsageRow{Response: r.ID, At: start.Add(time.Duration(i) * time.Second), Copied: true})
						}
						f.AddUsage(UsageRow{Response: r.ID, At: start})
						for i := range c.tasks {
							f.AddTask(r.ID, i%2 == 1)
						}
					}
					erasable(t, f, rows[asked].ID, c.owners, c.want)
					for _, r := range rows {
						if r == nil {
							continue
						}
						if _, _, err := f.Responses().Get(t.Context(), r.ID, nil, math.MaxInt64); domain.CodeOf(err) != domain.CodeNotFound {
							t.Errorf("get of an erased part: want %s, got %v", domain.CodeNotFound, err)
						}
						if _, err := f.Responses().Erase(t.Context(), r.ID, nil, neverAsked(t)); domain.CodeOf(err) != domain.CodeNotFound {
							t.Errorf("second erasure: want %s, got %v", domain.CodeNotFound, err)
						}
					}
				}
				untouched(t)
			})
		}
	})

	t.Run("row of a batch", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		r := batched()
		f.AddResponse(*r)
		before := f.Stored()
		_, err := f.Responses().Erase(t.Context(), r.ID, nil, Permit)
		if domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("want %s, got %v", domain.CodeNotFound, err)
		}
		if after := f.Stored(); after != before {
			t.Errorf("want everything left, %+v, got %+v", before, after)
		}
	})

	t.Run("chain with a row of a batch", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		a, b := row(anna, "completed"), batched()
		f.AddChain(Chain(a, nil, b)...)
		before := f.Stored()
		var seen []string
		_, err := f.Responses().Erase(t.Context(), a.ID, nil, func(found domain.Found) (domain.Authorization, error) {
			seen = distinct(found.Owners)
			return refuseBatched(found)
		})
		if domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("want %s, got %v", domain.CodeNotFound, err)
		}
		if want := distinct([]string{anna, ""}); !slices.Equal(want, seen) {
			t.Errorf("want owners %q, got %q", want, seen)
		}
		if after := f.Stored(); after != before {
			t.Errorf("want everything left, %+v, got %+v", before, after)
		}
	})

	t.Run("step", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		steps := Chain(row(anna, "completed"), nil)
		f.AddChain(steps...)
		before := f.Stored()
		for _, s := range steps {
			if _, _, err := f.Responses().Get(t.Context(), s.ID, nil, math.MaxInt64); domain.CodeOf(err) != domain.CodeNotFound {
				t.Errorf("get by a step's identifier: want %s, got %v", domain.CodeNotFound, err)
			}
			if _, err := f.Responses().Erase(t.Context(), s.ID, nil, neverAsked(t)); domain.CodeOf(err) != domain.CodeNotFound {
				t.Errorf("erase by a step's identifier: want %s, got %v", domain.CodeNotFound, err)
			}
		}
		if after := f.Stored(); after != before {
			t.Errorf("want everything left, %+v, got %+v", before, after)
		}
	})

	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		untouched := crowd(f)
		single, a, b := row(anna, "completed"), row(anna, "completed"), row(ben, "completed")
		put(f, []*Row{single}, false)
		put(f, []*Row{a, nil, b}, true)
		for _, r := range []*Row{single, a, b} {
			f.AddUsage(UsageRow{Response: r.ID, At: start, Copied: true})
			f.AddTask(r.ID, false)
		}
		before := f.Stored()
		refusals := map[string]error{
			"plain":     errors.New("not today"),
			"wrapped":   fmt.Errorf("no: %w", context.DeadlineExceeded),
			"domain":    domain.Errorf(domain.CodeForbidden, "no"),
			"not found": domain.Errorf(domain.CodeNotFound, "no"),
		}
		for name, refusal := range refusals {
			for _, r := range []*Row{single, a, b} {
				if _, err := f.Responses().Erase(t.Context(), r.ID, []string{uuid.NewString()}, neverAsked(t)); domain.CodeOf(err) != domain.CodeNotFound || f.Stored() != before {
					t.Fatalf("for others: want not found and nothing changed, got %v", err)
				}
				erased, err := f.Responses().Erase(t.Context(), r.ID, nil, func(domain.Found) (domain.Authorization, error) { return domain.Authorization{}, refusal })
				if err != refusal { // the same value, not wrapped
					t.Errorf("%s: want permit's error as it is, got %v", name, err)
				}
				if erased != (domain.Erased{}) {
					t.Errorf("%s: want nothing erased, got %+v", name, erased)
				}
			}
		}
		if after := f.Stored(); after != before {
			t.Errorf("want everything left, %+v, got %+v", before, after)
		}
		untouched(t)
		// A refusal does not prevent a later erasure by another caller.
		erasable(t, f, single.ID, []string{anna}, domain.Erased{Requests: 1, Templates: 1, RawRequests: 1, RawResponses: 1, Tasks: 1})
		erasable(t, f, b.ID, []string{anna, ben}, domain.Erased{Requests: 2, Templates: 2, Steps: 3, RawRequests: 2, RawResponses: 2, Tasks: 2})
	})

	t.Run("templates of several", func(t *testing.T) {
		t.Parallel()
		for _, file := range []File{NoFile, KeptFile, DeletedFile, MadeFile} {
			f := newFixture(t)
			template := uuid.New()
			sharing := func(owner string) *Row {
				r := withFile(owner, file)
				r.Template, r.Prompt = template, "words of both"
				return r
			}
			first, second, third, fourth := sharing(anna), sharing(ben), sharing(anna), sharing(anna)
			batch := sharing("")
			batch.Batched = true
			f.AddResponse(*batch)
			f.AddResponse(*first)
			f.AddResponse(*second)
			f.AddChain(Chain(third, nil, fourth)...)
			f.AddUsage(UsageRow{Response: second.ID, At: start, Copied: true})
			made := domain.Erased{}
			if file == MadeFile {
				made.Files = 1
			}
			prompt := func(when string) {
				t.Helper()
				want := second.Prompt
				if file == DeletedFile {
					want = ""
				}
				if _, contents, err := f.Responses().Get(t.Context(), second.ID, nil, math.MaxInt64); err != nil || contents.Prompt != want {
					t.Errorf("%v, %s: want the prompt of another left, got %s, %v", file, when, show(contents), err)
				}
			}
			erasable(t, f, first.ID, []string{anna}, domain.Erased{Requests: 1, KeptTemplates: 1})
			prompt("after one")
			erasable(t, f, fourth.ID, []string{anna}, domain.Erased{Requests: 2, Steps: 3, KeptTemplates: 1})
			prompt("after a chain")
			erasable(t, f, second.ID, []string{ben}, domain.Erased{Requests: 1, KeptTemplates: 1, RawRequests: 1, RawResponses: 1})

			// Once only one chain needs it, it is removed, however many references it has.
			alone := uuid.New()
			a, b := withFile(anna, file), withFile(anna, file)
			a.Template, b.Template = alone, alone
			f.AddChain(Chain(a, b)...)
			erasable(t, f, a.ID, []string{anna}, domain.Erased{Requests: 2, Steps: 2, Templates: 1, Files: made.Files})
		}
	})

	t.Run("at the same time", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		untouched := crowd(f)
		for range 5 {
			var ids []uuid.UUID
			var rows []*Row
			for range 4 {
				r := row(anna, "completed")
				f.AddUsage(UsageRow{Response: r.ID, At: start, Copied: true})
				rows, ids = append(rows, r, nil), append(ids, r.ID, r.ID)
			}
			other := row(ben, "completed")
			put(f, rows, true)
			put(f, []*Row{other}, false)
			before := f.Stored()

			var wait sync.WaitGroup
			results := make([]error, len(ids))
			total := make([]domain.Erased, len(ids)+1)
			for i, id := range ids {
				wait.Go(func() { total[i], results[i] = f.Responses().Erase(t.Context(), id, nil, Permit) })
			}
			wait.Go(func() {
				var err error
				if total[len(ids)], err = f.Responses().Erase(t.Context(), other.ID, nil, Permit); err != nil {
					t.Errorf("another response at the same time: %v", err)
				}
			})
			wait.Wait()
			succeeded := 0
			for _, err := range results {
				switch {
				case err == nil:
					succeeded++
				case domain.CodeOf(err) != domain.CodeNotFound:
					t.Errorf("want %s of whoever came too late, got %v", domain.CodeNotFound, err)
				}
			}
			if succeeded != 1 {
				t.Errorf("want exactly one erasure to succeed, got %d", succeeded)
			}
			want := before.Less(domain.Erased{Requests: 5, Templates: 5, Steps: 8, RawRequests: 4, RawResponses: 4})
			for _, e := range total {
				before = before.Less(e)
			}
			if after := f.Stored(); after != want || before != want {
				t.Errorf("want %+v left, got %+v; it was said that %+v would be", want, after, before)
			}
		}
		untouched(t)
	})
}

// testSweep writes rows of responses again after their erasure.
func testSweep(t *testing.T, f ResponsesFixture) {
	late := clones(rowsOf(ptr(NewRow("anna", "completed", start)), ptr(NewRow("anna", "completed", start)), ptr(NewRow("ben", "completed", start))))
	kept := NewRow("anna", "completed", start)
	f.AddResponse(kept)
	f.AddUsage(UsageRow{Response: kept.ID, At: start, Copied: true})
	f.AddTask(kept.ID, false)
	for _, row := range late {
		f.AddResponse(*row)
		if _, err := f.Responses().Erase(t.Context(), row.ID, nil, Permit); err != nil {
			t.Fatal(err)
		}
	}
	before := f.Stored()
	write := func() {
		f.AddResponse(*late[0])
		f.AddUsage(UsageRow{Response: late[1].ID, At: start, Copied: true})
		f.AddTask(late[1].ID, true)
		before.Usage++
	}
	sweep := func(limit, looked int, want domain.Erased) {
		t.Helper()
		w, _ := Permit(domain.Found{})
		w.Trigger = domain.TriggerSweep
		n, erased, err := f.Responses().Sweep(t.Context(), limit, w)
		if err != nil || n != looked || erased != want {
			t.Errorf("want %d looked for and %+v removed, got %d, %+v, %v", looked, want, n, erased, err)
		}
	}
	all := domain.Erased{Requests: 1, Templates: 1, RawRequests: 1, RawResponses: 1, Tasks: 1}
	write()
	sweep(10, 0, domain.Erased{}) // not due
	for range len(domain.SweepAfter) {
		f.Hasten()
		sweep(10, 3, all)
		if after := f.Stored(); after != before {
			t.Errorf("want %+v left, got %+v", before, after)
		}
		sweep(10, 0, domain.Erased{})
		write()
	}
	f.Hasten()
	sweep(10, 0, domain.Erased{}) // forgotten by now
	// The searches for a response that is erased again start over.
	if _, err := f.Responses().Erase(t.Context(), late[0].ID, nil, Permit); err != nil {
		t.Fatal(err)
	}
	f.Hasten()
	sweep(10, 1, domain.Erased{})
	f.AddResponse(*late[2])
	if _, err := f.Responses().Erase(t.Context(), late[2].ID, nil, Permit); err != nil {
		t.Fatal(err)
	}
	f.Hasten()
	sweep(1, 1, domain.Erased{})
	sweep(1, 1, domain.Erased{})
	sweep(1, 0, domain.Erased{})
}

// What is refused is searched for again, and does not stop the rest.
func testSweepOfWhatIsRefused(t *testing.T, f ResponsesFixture) {
	rows := clones(rowsOf(ptr(NewRow("anna", "completed", start)), ptr(NewRow("anna", "completed", start)), ptr(NewRow("ben", "completed", start))))
	for _, row := range rows {
		f.AddResponse(*row)
		if _, err := f.Responses().Erase(t.Context(), row.ID, nil, Permit); err != nil {
			t.Fatal(err)
		}
		f.AddResponse(*row)
	}
	f.Refuse(rows[1].ID, true)
	sweep := func(want domain.Erased, code domain.Code) {
		t.Helper()
		f.Hasten()
		w, _ := Permit(domain.Found{})
		w.Trigger = domain.TriggerSweep
		n, erased, err := f.Responses().Sweep(t.Context(), 10, w)
		if n != 3 || erased != want || (err != nil) != (code != "") || err != nil && domain.CodeOf(err) != code {
			t.Errorf("want three looked for and %+v removed, got %d, %+v, %v", want, n, erased, err)
		}
	}
	sweep(domain.Erased{Requests: 2, Templates: 2}, domain.CodeRefused)
	sweep(domain.Erased{}, domain.CodeRefused)
	if erased, err := f.Responses().Erase(t.Context(), rows[1].ID, nil, Permit); domain.CodeOf(err) != domain.CodeRefused || erased != (domain.Erased{}) {
		t.Errorf("want %s, got %+v, %v", domain.CodeRefused, erased, err)
	}
	restored := f.Responses().(domain.Restored)
	w, _ := Permit(domain.Found{})
	w.Trigger = domain.TriggerReplay
	if erased, err := restored.EraseAgain(t.Context(), []uuid.UUID{rows[0].ID, rows[1].ID}, w); domain.CodeOf(err) != domain.CodeRefused || erased != (domain.Erased{}) {
		t.Errorf("want %s, got %+v, %v", domain.CodeRefused, erased, err)
	}
	f.Refuse(rows[1].ID, false)
	sweep(domain.Erased{Requests: 1, Templates: 1}, "")
}

// testEraseAgain brings back what was erased, as a restore does.
func testEraseAgain(t *testing.T, f ResponsesFixture) {
	head, second := NewRow("anna", "completed", start), NewRow("ben", "completed", start)
	chain := Chain(&head, &second, nil)
	single, copied, kept := NewRow("anna", "failed", start), NewRow("anna", "completed", start), NewRow("anna", "completed", start)
	batched := NewRow("", "completed", start)
	batched.Batched = true
	f.AddResponse(batched)
	f.AddResponse(kept)
	f.AddUsage(UsageRow{Response: kept.ID, At: start, Copied: true})
	f.AddChain(chain...)
	f.AddResponse(single)
	f.AddResponse(copied)
	for _, id := range []uuid.UUID{head.ID, single.ID, copied.ID} {
		if _, err := f.Responses().Erase(t.Context(), id, nil, Permit); err != nil {
			t.Fatal(err)
		}
	}
	before := f.Stored()
	ids := []uuid.UUID{second.ID, single.ID, head.ID, copied.ID, uuid.New()}
	restored := f.Responses().(domain.Restored)
	again := func(found []uuid.UUID, want domain.Erased) {
		t.Helper()
		remaining, err := restored.Remaining(t.Context(), ids)
		if err != nil || !slices.Equal(distinct(texts(remaining)), distinct(texts(found))) {
			t.Errorf("want something of %v, got %v, %v", found, remaining, err)
		}
		w, _ := Permit(domain.Found{})
		erased, err := restored.EraseAgain(t.Context(), ids, w)
		if err != nil || erased != want {
			t.Errorf("want %+v removed, got %+v, %v", want, erased, err)
		}
		if after := f.Stored(); after != before {
			t.Errorf("want %+v left, got %+v", before, after)
		}
	}
	again(nil, domain.Erased{})
	f.AddChain(chain...)
	f.AddResponse(single)
	f.AddTask(single.ID, false)
	f.AddUsage(UsageRow{Response: copied.ID, At: start, Copied: true})
	before.Usage++
	again([]uuid.UUID{head.ID, second.ID, single.ID, copied.ID},
		domain.Erased{Requests: 3, Steps: 3, Templates: 3, RawRequests: 1, RawResponses: 1, Tasks: 1})
	// What belongs to it is erased too, and searched for again.
	f.AddChain(chain...)
	ids = []uuid.UUID{second.ID}
	again(ids, domain.Erased{Requests: 2, Steps: 3, Templates: 2})
	f.AddTask(head.ID, false)
	f.Hasten()
	w, _ := Permit(domain.Found{})
	w.Trigger = domain.TriggerSweep
	if _, erased, err := f.Responses().Sweep(t.Context(), 10, w); err != nil || erased != (domain.Erased{Tasks: 1}) {
		t.Errorf("what came late after that: %+v, %v", erased, err)
	}
}

func texts(ids []uuid.UUID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return texts
}

// erasable erases, and checks the owners that permit is given and what is gone.
func erasable(t *testing.T, f ResponsesFixture, id uuid.UUID, owners []string, want domain.Erased) {
	t.Helper()
	before := f.Stored()
	asked := false
	erased, err := f.Responses().Erase(t.Context(), id, nil, func(found domain.Found) (domain.Authorization, error) {
		asked = true
		if !slices.Equal(distinct(owners), distinct(found.Owners)) {
			t.Errorf("want permit to hear of %q, got %q", owners, found.Owners)
		}
		return Permit(found)
	})
	if err != nil {
		t.Fatalf("erase: %v", err)
	}
	if !asked {
		t.Error("permit was not asked")
	}
	if erased != want {
		t.Errorf("want erased %+v, got %+v", want, erased)
	}
	if after := f.Stored(); after != before.Less(want) {
		t.Errorf("want left %+v, got %+v", before.Less(want), after)
	}
}

// rowsOf returns a list of rows; nil is a tool call.
func rowsOf(rows ...*Row) []*Row { return rows }

func put(f ResponsesFixture, rows []*Row, chain bool) {
	if chain {
		f.AddChain(Chain(rows...)...)
		return
	}
	for _, r := range rows {
		f.AddResponse(*r)
	}
}

// clones returns equal rows with new identifiers.
func clones(rows []*Row) []*Row {
	copies := make([]*Row, len(rows))
	for i, r := range rows {
		if r != nil {
			c := *r
			c.ID = uuid.New()
			copies[i] = &c
		}
	}
	return copies
}

// Permit returns an authorization for whatever was found.
func Permit(domain.Found) (domain.Authorization, error) {
	return domain.Authorization{
		Receipt: uuid.New(), Salt: domain.Salt{1, 2, 3}, Trigger: domain.TriggerSingle, Ground: domain.GroundUnspecified,
		RequestedAt: start, Role: domain.ActorAdministrator,
	}, nil
}

func neverAsked(t *testing.T) func(domain.Found) (domain.Authorization, error) {
	return func(found domain.Found) (domain.Authorization, error) {
		t.Error("permit was asked about nothing")
		return Permit(found)
	}
}

func refuseBatched(found domain.Found) (domain.Authorization, error) {
	if slices.Contains(found.Owners, "") {
		return domain.Authorization{}, domain.Errorf(domain.CodeNotFound, "a row of a batch")
	}
	return Permit(found)
}

func distinct(words []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(words)))
}

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

func show(c domain.Contents) string {
	return fmt.Sprintf("{prompt %q answer %s error %s}", c.Prompt, showText(c.Answer), showText(c.Error))
}

func showText(s *string) string {
	if s == nil {
		return "-"
	}
	return fmt.Sprintf("%q", *s)
}
