package porttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

const anna, ben = "a0000000-0000-4000-8000-00000000000a", "b0000000-0000-4000-8000-00000000000b"

func newRow(owner, state string) *Row {
	r := NewRow(owner, state, start)
	return &r
}

// completed returns a completed request of an owner, with a template of this origin.
func completed(owner string, file File) *Row {
	r := newRow(owner, "completed")
	r.File = file
	return r
}

func withoutTemplate(owner string) *Row {
	r := newRow(owner, "completed")
	r.NoTemplate, r.Prompt = true, ""
	return r
}

func batchedRow() *Row {
	r := newRow(anna, "completed")
	r.Batched = true
	return r
}

// longChain is a chain of model calls, each followed by a tool call.
func longChain(calls int) (rows []*Row) {
	for range calls {
		rows = append(rows, newRow(anna, "completed"), nil)
	}
	return rows
}

// eraseCase is a response and what its erasure removes. It is a chain if this includes
// steps.
type eraseCase struct {
	rows   []*Row // nil: a tool call
	copies int    // for each request
	tasks  int    // for each request
	want   domain.Erased
}

// eraseCases has, by the name of a case, every kind of response.
func eraseCases() map[string]eraseCase {
	cases := map[string]eraseCase{
		"odd owner":                       {rowsOf(newRow(`o'wner\%`, "completed")), 0, 0, domain.Erased{Requests: 1, Templates: 1}},
		"copies and tasks":                {rowsOf(newRow(anna, "completed")), 3, 4, domain.Erased{Requests: 1, Templates: 1, RawRequests: 3, RawResponses: 3, Tasks: 4}},
		"template/none":                   {rowsOf(withoutTemplate(anna)), 0, 0, domain.Erased{Requests: 1}},
		"template/kept file":              {rowsOf(completed(anna, KeptFile)), 0, 0, domain.Erased{Requests: 1, Templates: 1}},
		"template/deleted file":           {rowsOf(completed(anna, DeletedFile)), 0, 0, domain.Erased{Requests: 1, Templates: 1}},
		"template/made file":              {rowsOf(completed(anna, MadeFile)), 1, 1, domain.Erased{Requests: 1, Templates: 1, Files: 1, RawRequests: 1, RawResponses: 1, Tasks: 1}},
		"chain/one call":                  {rowsOf(newRow(anna, "completed")), 1, 1, domain.Erased{Requests: 1, Templates: 1, Steps: 1, RawRequests: 1, RawResponses: 1, Tasks: 1}},
		"chain/three calls":               {rowsOf(newRow(anna, "completed"), nil, newRow(anna, "failed"), newRow(anna, "processing")), 2, 1, domain.Erased{Requests: 3, Templates: 3, Steps: 4, RawRequests: 6, RawResponses: 6, Tasks: 3}},
		"chain/tool call first":           {rowsOf(nil, newRow(anna, "completed"), newRow(anna, "completed")), 1, 0, domain.Erased{Requests: 2, Templates: 2, Steps: 3, RawRequests: 2, RawResponses: 2}},
		"chain/tool calls last":           {rowsOf(newRow(anna, "completed"), nil, nil), 0, 0, domain.Erased{Requests: 1, Templates: 1, Steps: 3}},
		"chain/templates of every origin": {rowsOf(withoutTemplate(anna), completed(anna, KeptFile), newRow(anna, "completed"), completed(anna, MadeFile), completed(anna, MadeFile)), 0, 0, domain.Erased{Requests: 5, Templates: 4, Steps: 5, Files: 2}},
		"chain/two owners":                {rowsOf(newRow(anna, "completed"), nil, newRow(ben, "completed")), 1, 2, domain.Erased{Requests: 2, Templates: 2, Steps: 3, RawRequests: 2, RawResponses: 2, Tasks: 4}},
		"chain/25 calls":                  {longChain(25), 1, 1, domain.Erased{Requests: 25, Templates: 25, Steps: 50, RawRequests: 25, RawResponses: 25, Tasks: 25}},
		"state/failed, with a copy":       {rowsOf(newRow(anna, "failed")), 1, 0, domain.Erased{Requests: 1, Templates: 1, RawRequests: 1, RawResponses: 1}},
		"state/pending, with a task":      {rowsOf(newRow(anna, "pending")), 0, 1, domain.Erased{Requests: 1, Templates: 1, Tasks: 1}},
	}
	for _, state := range []string{"claimed", "processing", "completed", "canceled"} {
		cases["state/"+state] = eraseCase{rowsOf(newRow(anna, state)), 0, 0, domain.Erased{Requests: 1, Templates: 1}}
	}
	return cases
}

// testEraseParts erases each case by the ID of each of its parts, once per copy of the
// case, and nothing else.
func testEraseParts(t *testing.T, f ResponsesFixture) {
	untouched := crowd(f)
	for name, c := range eraseCases() {
		t.Run(name, func(t *testing.T) {
			var owners []string
			for _, part := range c.rows {
				if part != nil {
					owners = append(owners, part.Owner)
				}
			}
			for asked, part := range c.rows {
				if part == nil || len(c.rows) > 10 && asked > 0 && asked != 24 && asked != 48 {
					continue
				}
				rows := clones(c.rows)
				put(f, rows, c.want.Steps > 0)
				rows, id := slices.DeleteFunc(slices.Clone(rows), func(r *Row) bool { return r == nil }), rows[asked].ID
				for _, r := range rows {
					addAround(f, r.ID, c.copies, c.tasks)
				}
				erasable(t, f, id, owners, c.want)
				for _, r := range rows {
					if _, _, err := f.Responses().Get(t.Context(), r.ID, nil, math.MaxInt64, nil); domain.CodeOf(err) != domain.CodeNotFound {
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
}

// addAround adds usage of a request with and without raw copies, and tasks.
func addAround(f ResponsesFixture, id uuid.UUID, copies, tasks int) {
	for i := range copies {
		f.AddUsage(UsageRow{Response: id, At: start.Add(time.Duration(i) * time.Second), Copied: true})
	}
	f.AddUsage(UsageRow{Response: id, At: start})
	for i := range tasks {
		f.AddTask(id, i%2 == 1)
	}
}

// wantUnchanged fails if the fixture does not store the same number of rows as before.
func wantUnchanged(t *testing.T, f ResponsesFixture, before Stored) {
	t.Helper()
	if after := f.Stored(); after != before {
		t.Errorf("stored rows: want %+v, as before, got %+v", before, after)
	}
}

// testEraseBatched: neither the row of a batch nor a chain that includes one is erased.
func testEraseBatched(t *testing.T, f ResponsesFixture) {
	single, head, part := batchedRow(), newRow(anna, "completed"), batchedRow()
	f.AddResponse(*single)
	f.AddChain(Chain(head, nil, part)...)
	before := f.Stored()
	if _, err := f.Responses().Erase(t.Context(), single.ID, nil, Permit); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("row of a batch: want %s, got %v", domain.CodeNotFound, err)
	}
	var owners []string
	_, err := f.Responses().Erase(t.Context(), head.ID, nil, func(found domain.Found) (domain.Authorization, error) {
		owners = distinct(found.Owners)
		if slices.Contains(owners, "") {
			return domain.Authorization{}, domain.Errorf(domain.CodeNotFound, "a row of a batch")
		}
		return Permit(found)
	})
	if domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("chain with a row of a batch: want %s, got %v", domain.CodeNotFound, err)
	}
	if want := distinct([]string{anna, ""}); !slices.Equal(owners, want) {
		t.Errorf("chain with a row of a batch: want owners %q, got %q", want, owners)
	}
	wantUnchanged(t, f, before)
}

// testEraseStep: the ID of a step is not that of a response.
func testEraseStep(t *testing.T, f ResponsesFixture) {
	steps := Chain(newRow(anna, "completed"), nil)
	f.AddChain(steps...)
	before := f.Stored()
	for _, s := range steps {
		if _, _, err := f.Responses().Get(t.Context(), s.ID, nil, math.MaxInt64, nil); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("get by a step's ID: want %s, got %v", domain.CodeNotFound, err)
		}
		if _, err := f.Responses().Erase(t.Context(), s.ID, nil, neverAsked(t)); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("erase by a step's ID: want %s, got %v", domain.CodeNotFound, err)
		}
	}
	wantUnchanged(t, f, before)
}

// testEraseRefused: a refusal is returned as it is, erases nothing, and does not
// prevent a later erasure by another caller.
func testEraseRefused(t *testing.T, f ResponsesFixture) {
	untouched := crowd(f)
	single, a, b := newRow(anna, "completed"), newRow(anna, "completed"), newRow(ben, "completed")
	f.AddResponse(*single)
	f.AddChain(Chain(a, nil, b)...)
	for _, r := range rowsOf(single, a, b) {
		f.AddUsage(UsageRow{Response: r.ID, At: start, Copied: true})
		f.AddTask(r.ID, false)
	}
	before := f.Stored()
	for name, refusal := range map[string]error{
		"plain":     errors.New("not today"),
		"wrapped":   fmt.Errorf("no: %w", context.DeadlineExceeded),
		"domain":    domain.Errorf(domain.CodeForbidden, "no"),
		"not found": domain.Errorf(domain.CodeNotFound, "no"),
	} {
		for _, r := range rowsOf(single, a, b) {
			if _, err := f.Responses().Erase(t.Context(), r.ID, []string{uuid.NewString()}, neverAsked(t)); domain.CodeOf(err) != domain.CodeNotFound || f.Stored() != before {
				t.Fatalf("for another owner: want %s and nothing erased, got %v", domain.CodeNotFound, err)
			}
			erased, err := f.Responses().Erase(t.Context(), r.ID, nil, func(domain.Found) (domain.Authorization, error) { return domain.Authorization{}, refusal })
			if err != refusal { // the same value, not wrapped
				t.Errorf("%s refusal: want the same error, got %v", name, err)
			}
			if erased != (domain.Erased{}) {
				t.Errorf("%s refusal: want nothing erased, got %+v", name, erased)
			}
		}
	}
	wantUnchanged(t, f, before)
	untouched(t)
	erasable(t, f, single.ID, []string{anna}, domain.Erased{Requests: 1, Templates: 1, RawRequests: 1, RawResponses: 1, Tasks: 1})
	erasable(t, f, b.ID, []string{anna, ben}, domain.Erased{Requests: 2, Templates: 2, Steps: 3, RawRequests: 2, RawResponses: 2, Tasks: 2})
}

// testEraseShared: a template stays until no other response needs it.
func testEraseShared(t *testing.T, f ResponsesFixture, file File) {
	template := uuid.New()
	sharing := func(owner string) *Row {
		r := completed(owner, file)
		r.Template, r.Prompt = template, "words of both"
		return r
	}
	first, second, third, fourth, batched := sharing(anna), sharing(ben), sharing(anna), sharing(anna), sharing("")
	batched.Batched = true
	put(f, rowsOf(batched, first, second), false)
	f.AddChain(Chain(third, nil, fourth)...)
	f.AddUsage(UsageRow{Response: second.ID, At: start, Copied: true})
	wantPrompt := func(when string) {
		t.Helper()
		want := second.Prompt
		if file == DeletedFile {
			want = ""
		}
		if _, contents, err := f.Responses().Get(t.Context(), second.ID, nil, math.MaxInt64, nil); err != nil || contents.Prompt != want {
			t.Errorf("after erasing %s: want another response's prompt %q, got %s, %v", when, want, show(contents), err)
		}
	}
	erasable(t, f, first.ID, []string{anna}, domain.Erased{Requests: 1, KeptTemplates: 1})
	wantPrompt("one")
	erasable(t, f, fourth.ID, []string{anna}, domain.Erased{Requests: 2, Steps: 3, KeptTemplates: 1})
	wantPrompt("a chain")
	erasable(t, f, second.ID, []string{ben}, domain.Erased{Requests: 1, KeptTemplates: 1, RawRequests: 1, RawResponses: 1})

	// Once only one chain needs it, it is removed, however many references it has.
	a, b := completed(anna, file), completed(anna, file)
	a.Template = uuid.New()
	b.Template = a.Template
	f.AddChain(Chain(a, b)...)
	want := domain.Erased{Requests: 2, Steps: 2, Templates: 1}
	if file == MadeFile {
		want.Files = 1
	}
	erasable(t, f, a.ID, []string{anna}, want)
}

// testEraseConcurrently: of concurrent erasures of one chain exactly one succeeds, and
// what they report adds up to what is gone.
func testEraseConcurrently(t *testing.T, f ResponsesFixture) {
	untouched := crowd(f)
	for range 5 {
		var ids []uuid.UUID
		rows := longChain(4)
		for _, r := range rows {
			if r != nil {
				f.AddUsage(UsageRow{Response: r.ID, At: start, Copied: true})
				ids = append(ids, r.ID, r.ID)
			}
		}
		other := newRow(ben, "completed")
		f.AddChain(Chain(rows...)...)
		f.AddResponse(*other)
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
				t.Errorf("concurrent erasure of another response: %v", err)
			}
		})
		wait.Wait()
		succeeded := 0
		for _, err := range results {
			switch {
			case err == nil:
				succeeded++
			case domain.CodeOf(err) != domain.CodeNotFound:
				t.Errorf("concurrent erasure that lost: want %s, got %v", domain.CodeNotFound, err)
			}
		}
		if succeeded != 1 {
			t.Errorf("want 1 erasure to succeed, got %d", succeeded)
		}
		want := before.Less(domain.Erased{Requests: 5, Templates: 5, Steps: 8, RawRequests: 4, RawResponses: 4})
		for _, e := range total {
			before = before.Less(e)
		}
		if after := f.Stored(); after != want || before != want {
			t.Errorf("stored rows: want %+v, got %+v, and %+v according to the erasures", want, after, before)
		}
	}
	untouched(t)
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
			if _, contents, err := f.Responses().Get(t.Context(), r.ID, nil, math.MaxInt64, nil); err != nil || contents.Prompt != r.Prompt {
				t.Errorf("another response was touched: %s, %v", show(contents), err)
			}
		}
	}
}

// testEraseDeleted erases the raw copies of responses whose rows were deleted.
func testEraseDeleted(t *testing.T, f ResponsesFixture) {
	anna, ben := uuid.New(), uuid.New()
	f.AddResponse(NewRow(anna.String(), "completed", start))
	for name, c := range map[string]struct {
		usage   []UsageRow
		owners  []string
		unowned bool
		copies  int64
	}{
		"one owner":          {[]UsageRow{{Owner: &anna, Copied: true}}, []string{anna.String()}, false, 1},
		"three attempts":     {[]UsageRow{{Owner: &anna}, {Owner: &anna, Copied: true}, {Owner: &anna, Copied: true}}, []string{anna.String()}, false, 2},
		"two owners":         {[]UsageRow{{Owner: &anna, Copied: true}, {Owner: &ben}}, []string{anna.String(), ben.String()}, false, 1},
		"no owner":           {[]UsageRow{{Copied: true}}, nil, true, 1},
		"one owner and none": {[]UsageRow{{Copied: true}, {Owner: &ben, Copied: true}}, []string{ben.String()}, true, 2},
		"batched":            {[]UsageRow{{Owner: &anna, Copied: true, Batched: true}}, nil, false, 0},
		"no copies":          {[]UsageRow{{Owner: &anna}}, nil, false, 0},
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
			t.Fatalf("%s, for another owner: want %s and nothing erased, got %v", name, domain.CodeNotFound, err)
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
