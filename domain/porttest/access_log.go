package porttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// AccessLogFixture is an empty implementation of AccessLog, with the responses that
// it refers to, and ways to add them.
type AccessLogFixture interface {
	ResponsesFixture
	AccessLog() domain.AccessLog
}

// AccessLog tests the contract of domain.AccessLog, and the records that
// domain.Responses writes into it.
func AccessLog(t *testing.T, newFixture func(t *testing.T) AccessLogFixture) {
	t.Run("list", func(t *testing.T) {
		t.Parallel()
		testAccessLists(t, newFixture(t))
	})
	t.Run("record", func(t *testing.T) {
		t.Parallel()
		testRecords(t, newFixture(t))
	})
	t.Run("erase/accesses deleted", func(t *testing.T) {
		t.Parallel()
		testErasedAccesses(t, newFixture(t))
	})
	t.Run("record/concurrent erasure", func(t *testing.T) {
		t.Parallel()
		testAccessesWhileErasing(t, newFixture(t))
	})
	t.Run("canceled context", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		l := addAccessed(f, "anna", start)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, pageErr := f.AccessLog().Page(ctx, domain.AccessQuery{Limit: 1})
		for name, err := range map[string]error{"record": read(ctx, f, l), "page": pageErr} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: want the context's error, got %v", name, err)
			}
		}
		wantAccesses(t, f, "after a canceled record", domain.AccessFilter{})
	})
}

// addAccessed stores a response and returns an access to it.
func addAccessed(f ResponsesFixture, owner string, at time.Time) domain.Access {
	row := NewRow(owner, "completed", start)
	f.AddResponse(row)
	return accessOf(row, at)
}

func accessOf(row Row, at time.Time) domain.Access {
	return domain.Access{ID: uuid.New(), At: at, By: uuid.New(), Response: row.ID, Owner: row.Owner, Address: "2001:db8::1"}
}

// read fetches the response of an access, which records it.
func read(ctx context.Context, f ResponsesFixture, l domain.Access) error {
	response, _, err := f.Responses().Get(ctx, l.Response, nil, math.MaxInt64, &domain.Recording{Access: l})
	if err == nil && response.ID != l.Response {
		return fmt.Errorf("want %s fetched, got %s", l.Response, response.ID)
	}
	return err
}

func record(t *testing.T, f AccessLogFixture, accesses ...domain.Access) {
	t.Helper()
	for _, l := range accesses {
		if err := read(t.Context(), f, l); err != nil {
			t.Fatal(err)
		}
	}
}

func wantAccesses(t *testing.T, f AccessLogFixture, when string, filter domain.AccessFilter, want ...domain.Access) {
	t.Helper()
	got, err := f.AccessLog().Page(t.Context(), domain.AccessQuery{Filter: filter, Limit: int64(len(want)) + 1})
	if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("%s: want %+v, got %+v, %v", when, want, got, err)
	}
}

// testAccessLists compares pages with what the domain says about the same records,
// for every filter, whole and page by page.
func testAccessLists(t *testing.T, f AccessLogFixture) {
	ctx := t.Context()
	wantAccesses(t, f, "nothing there", domain.AccessFilter{})
	var all []domain.Access
	people := []uuid.UUID{uuid.New(), uuid.New()}
	for i, owner := range append([]string{"anna", "ben", uuid.NewString()}, hostile...) {
		row := NewRow(owner, "completed", start)
		f.AddResponse(row)
		for j := range 3 {
			l := accessOf(row, start.Add(time.Duration(i/4)*time.Minute+time.Duration(j)*time.Microsecond))
			l.By = people[(i+j)%2]
			l.Address = []string{"192.0.2.7", "2001:db8::1", "fe80::1%eth0", ""}[i%4]
			all = append(all, l)
		}
	}
	record(t, f, all...)
	for i, exported := range []domain.ResponseFilter{
		{},
		{Owners: []string{}, States: []string{"failed"}, Models: hostile, Tiers: []string{"flex"}, HasError: ptr(true)},
		{CreatedAfter: &start, CreatedBefore: ptr(start.Add(time.Hour)), StatusMin: ptr(int64(400)), StatusMax: ptr(int64(499)), MinDuration: ptr(time.Second), MinTotalCost: ptr(domain.Decimal("0.25"))},
		{Owners: []string{"anna"}},
	} {
		l := domain.Access{ID: uuid.New(), At: start.Add(time.Duration(i) * time.Minute), By: people[i%2], Address: "192.0.2.7", Export: &exported}
		if len(exported.Owners) == 1 {
			l.Owner = exported.Owners[0]
		}
		if err := f.AccessLog().(domain.ExportLog).RecordExport(ctx, l); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b domain.Access) int { return a.Position().Compare(b.Position()) })

	filters := map[string]domain.AccessFilter{
		"all":                         {},
		"response":                    {Response: &all[7].Response},
		"response unknown":            {Response: ptr(uuid.New())},
		"who":                         {By: &people[1]},
		"who unknown":                 {By: ptr(uuid.New())},
		"owner in other case":         {Owner: ptr("ANNA")},
		"from":                        {From: &all[10].At},
		"to":                          {To: &all[10].At},
		"from and to":                 {From: &all[20].At, To: &all[5].At},
		"one instant":                 {From: &all[20].At, To: &all[20].At},
		"from after to":               {From: &all[5].At, To: ptr(all[5].At.Add(-time.Microsecond))},
		"before all":                  {To: ptr(start.Add(-time.Microsecond))},
		"everything":                  {Response: &all[3].Response, Owner: &all[3].Owner, By: &all[3].By, From: &all[3].At, To: &all[3].At},
		"another's response":          {Response: &all[3].Response, Owner: ptr("somebody else")},
		"the first year and the last": {From: ptr(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)), To: ptr(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))},
	}
	for _, word := range slices.Concat(hostile, impossible) {
		filters[fmt.Sprintf("owner %q", word)] = domain.AccessFilter{Owner: &word}
	}
	for name, filter := range filters {
		want := slices.DeleteFunc(slices.Clone(all), func(l domain.Access) bool { return !filter.Matches(l) })
		wantAccesses(t, f, name, filter, want...)
		var got []domain.Access
		q := domain.AccessQuery{Filter: filter, Limit: 2}
		for {
			page, err := f.AccessLog().Page(ctx, q)
			if err != nil || len(page) > 2 {
				t.Fatalf("%s: %d records, %v", name, len(page), err)
			}
			if got = append(got, page...); len(page) == 0 {
				break
			}
			q.After = ptr(page[len(page)-1].Position())
		}
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: page by page: want %d records, got %d", name, len(want), len(got))
		}
	}
}

// testRecords: each time contents are returned that need a record, there is one.
func testRecords(t *testing.T, f AccessLogFixture) {
	anna := NewRow("anna", "completed", start)
	anna.Answer = ptr("an answer")
	batched := NewRow("", "completed", start)
	batched.Batched = true
	f.AddResponse(anna)
	f.AddResponse(batched)
	size := anna.Contents.Bytes()
	var want []domain.Access
	for name, c := range map[string]struct {
		id     uuid.UUID
		owners []string
		limit  int64
		exempt []string
		code   domain.Code
		is     bool
	}{
		"whole":                   {anna.ID, nil, math.MaxInt64, nil, "", true},
		"again":                   {anna.ID, nil, math.MaxInt64, nil, "", true},
		"exactly as large":        {anna.ID, nil, size, nil, "", true},
		"one of these owners'":    {anna.ID, []string{"ben", "anna"}, math.MaxInt64, nil, "", true},
		"no owner exempt":         {anna.ID, nil, math.MaxInt64, []string{}, "", true},
		"others exempt":           {anna.ID, nil, math.MaxInt64, []string{"ben", "ANNA", ""}, "", true},
		"exempt":                  {anna.ID, nil, math.MaxInt64, []string{"anna"}, "", false},
		"exempt among others":     {anna.ID, nil, math.MaxInt64, []string{"ben", "anna"}, "", false},
		"too large":               {anna.ID, nil, size - 1, nil, "", false},
		"too large for anything":  {anna.ID, nil, 0, nil, "", false},
		"another owner's":         {anna.ID, []string{"ben"}, math.MaxInt64, nil, domain.CodeNotFound, false},
		"no owner's":              {anna.ID, []string{}, math.MaxInt64, nil, domain.CodeNotFound, false},
		"not there":               {uuid.New(), nil, math.MaxInt64, nil, domain.CodeNotFound, false},
		"a row of a batch":        {batched.ID, nil, math.MaxInt64, nil, domain.CodeNotFound, false},
		"not there and too large": {uuid.New(), nil, 0, nil, domain.CodeNotFound, false},
	} {
		l := accessOf(anna, start.Add(time.Duration(len(want))*time.Second))
		record := &domain.Recording{Access: l, Exempt: c.exempt}
		record.Response, record.Owner = uuid.Nil, ""
		_, contents, err := f.Responses().Get(t.Context(), c.id, c.owners, c.limit, record)
		switch shown := c.code == "" && c.limit >= size; {
		case c.code != "" && (err == nil || domain.CodeOf(err) != c.code), c.code == "" && err != nil:
			t.Errorf("%s: want the code %q, got %v", name, c.code, err)
		case shown && !reflect.DeepEqual(contents, anna.Contents), !shown && contents.Bytes() > 0:
			t.Errorf("%s: want contents: %t, got %s", name, shown, show(contents))
		}
		if c.is {
			want = append([]domain.Access{l}, want...)
		}
		wantAccesses(t, f, name, domain.AccessFilter{}, want...)
	}
	for range 2 {
		if _, err := f.Responses().GetSummary(t.Context(), anna.ID, nil); err != nil {
			t.Error(err)
		}
		if _, _, err := f.Responses().Get(t.Context(), anna.ID, nil, math.MaxInt64, nil); err != nil {
			t.Error(err)
		}
	}
	wantAccesses(t, f, "without contents or without being asked", domain.AccessFilter{}, want...)
}

// testErasedAccesses: the records of any part of a response are erased with it, and
// no others.
func testErasedAccesses(t *testing.T, f AccessLogFixture) {
	kept := addAccessed(f, "anna", start)
	alone := addAccessed(f, "anna", start)
	head, tail, other := NewRow("anna", "completed", start), NewRow("ben", "completed", start), NewRow("ben", "completed", start)
	f.AddChain(Chain(&head, nil, &tail)...)
	f.AddResponse(other)
	late := accessOf(other, start.Add(time.Hour))
	record(t, f, kept, alone, accessOf(head, start), accessOf(tail, start), accessOf(tail, start.Add(time.Minute)), late)
	again := alone
	again.ID = uuid.New()
	record(t, f, again)

	erasable(t, f, head.ID, []string{"anna", "ben"}, domain.Erased{Requests: 2, Templates: 2, Steps: 3})
	erasable(t, f, alone.Response, []string{"anna"}, domain.Erased{Requests: 1, Templates: 1})
	wantAccesses(t, f, "after two erasures", domain.AccessFilter{}, late, kept)

	again.ID = uuid.New()
	for name, l := range map[string]domain.Access{"erased": again, "never there": accessOf(NewRow("anna", "completed", start), start)} {
		if err := read(t.Context(), f, l); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("%s: want not found, got %v", name, err)
		}
	}
	wantAccesses(t, f, "after looks at nothing", domain.AccessFilter{}, late, kept)
	_, err := f.Responses().Erase(t.Context(), kept.Response, nil, func(domain.Found) (domain.Authorization, error) { return domain.Authorization{}, errNone })
	if !errors.Is(err, errNone) {
		t.Errorf("record of an erased response: want it refused, got %v", err)
	}
	wantAccesses(t, f, "after a refusal", domain.AccessFilter{}, late, kept)
}

var errNone = errors.New("not to be erased")

// testAccessesWhileErasing: an access during an erasure is either recorded before it,
// and erased, or gets CodeNotFound.
func testAccessesWhileErasing(t *testing.T, f AccessLogFixture) {
	for range 8 {
		head, tail := NewRow("anna", "completed", start), NewRow("anna", "completed", start)
		f.AddChain(Chain(&head, &tail)...)
		var wait sync.WaitGroup
		for i := range 6 {
			l := accessOf([]Row{head, tail}[i%2], start)
			wait.Go(func() {
				if err := read(t.Context(), f, l); err != nil && domain.CodeOf(err) != domain.CodeNotFound {
					t.Errorf("record during an erasure: want no error or not found, got %v", err)
				}
			})
		}
		wait.Go(func() {
			if _, err := f.Responses().Erase(t.Context(), tail.ID, nil, Permit); err != nil {
				t.Errorf("erase during a record: %v", err)
			}
		})
		wait.Wait()
	}
	wantAccesses(t, f, "with all erased", domain.AccessFilter{})
}
