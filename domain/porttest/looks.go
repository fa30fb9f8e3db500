package porttest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// LooksFixture is an empty implementation of Looks, beside the responses that
// it is about, and ways to fill these.
type LooksFixture interface {
	ResponsesFixture
	Looks() domain.Looks
}

// Looks runs the promises of domain.Looks.
func Looks(t *testing.T, newFixture func(t *testing.T) LooksFixture) {
	t.Run("lists", func(t *testing.T) {
		t.Parallel()
		testLookLists(t, newFixture(t))
	})
	t.Run("go with their response", func(t *testing.T) {
		t.Parallel()
		testErasedLooks(t, newFixture(t))
	})
	t.Run("outlive no response", func(t *testing.T) {
		t.Parallel()
		testLooksWhileErasing(t, newFixture(t))
	})
	t.Run("canceled", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		l := addLooked(f, "anna", start)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, pageErr := f.Looks().Page(ctx, domain.LookQuery{Limit: 1})
		for name, err := range map[string]error{"record": f.Looks().Record(ctx, l), "page": pageErr} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: want the context's error, got %v", name, err)
			}
		}
		wantLooks(t, f, "after a canceled record", domain.LookFilter{})
	})
}

// addLooked stores a response and makes a look at it.
func addLooked(f ResponsesFixture, owner string, at time.Time) domain.Look {
	row := NewRow(owner, "completed", start)
	f.AddResponse(row)
	return lookAt(row, at)
}

func lookAt(row Row, at time.Time) domain.Look {
	return domain.Look{ID: uuid.New(), At: at, By: uuid.New(), Response: row.ID, Owner: row.Owner, Address: "2001:db8::1"}
}

func record(t *testing.T, f LooksFixture, looks ...domain.Look) {
	t.Helper()
	for _, l := range looks {
		if err := f.Looks().Record(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
}

func wantLooks(t *testing.T, f LooksFixture, when string, filter domain.LookFilter, want ...domain.Look) {
	t.Helper()
	got, err := f.Looks().Page(t.Context(), domain.LookQuery{Filter: filter, Limit: int64(len(want)) + 1})
	if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("%s: want %+v, got %+v, %v", when, want, got, err)
	}
}

// testLookLists compares pages with what the domain says about the same
// records, for every filter, whole and page by page.
func testLookLists(t *testing.T, f LooksFixture) {
	ctx := t.Context()
	wantLooks(t, f, "nothing there", domain.LookFilter{})
	var all []domain.Look
	people := []uuid.UUID{uuid.New(), uuid.New()}
	for i, owner := range append([]string{"anna", "ben", uuid.NewString()}, hostile...) {
		row := NewRow(owner, "completed", start)
		f.AddResponse(row)
		for j := range 3 {
			l := lookAt(row, start.Add(time.Duration(i/4)*time.Minute+time.Duration(j)*time.Microsecond))
			l.By = people[(i+j)%2]
			l.Address = []string{"192.0.2.7", "2001:db8::1", "fe80::1%eth0", ""}[i%4]
			all = append(all, l)
		}
	}
	record(t, f, all...)
	slices.SortFunc(all, func(a, b domain.Look) int { return a.Position().Compare(b.Position()) })

	filters := map[string]domain.LookFilter{
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
		filters[fmt.Sprintf("owner %q", word)] = domain.LookFilter{Owner: &word}
	}
	for name, filter := range filters {
		want := slices.DeleteFunc(slices.Clone(all), func(l domain.Look) bool { return !filter.Matches(l) })
		wantLooks(t, f, name, filter, want...)
		var got []domain.Look
		q := domain.LookQuery{Filter: filter, Limit: 2}
		for {
			page, err := f.Looks().Page(ctx, q)
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

// testErasedLooks: what is recorded of any part of a response goes with it, and
// nothing else does.
func testErasedLooks(t *testing.T, f LooksFixture) {
	kept := addLooked(f, "anna", start)
	alone := addLooked(f, "anna", start)
	head, tail, other := NewRow("anna", "completed", start), NewRow("ben", "completed", start), NewRow("ben", "completed", start)
	f.AddChain(Chain(&head, nil, &tail)...)
	f.AddResponse(other)
	late := lookAt(other, start.Add(time.Hour))
	record(t, f, kept, alone, lookAt(head, start), lookAt(tail, start), lookAt(tail, start.Add(time.Minute)), late)
	again := alone
	again.ID = uuid.New()
	record(t, f, again)

	erasable(t, f, head.ID, []string{"anna", "ben"}, domain.Erased{Requests: 2, Templates: 2, Steps: 3})
	erasable(t, f, alone.Response, []string{"anna"}, domain.Erased{Requests: 1, Templates: 1})
	wantLooks(t, f, "after two erasures", domain.LookFilter{}, late, kept)

	again.ID = uuid.New()
	for name, l := range map[string]domain.Look{"erased": again, "never there": lookAt(NewRow("anna", "completed", start), start)} {
		if err := f.Looks().Record(t.Context(), l); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("%s: want not found, got %v", name, err)
		}
	}
	wantLooks(t, f, "after looks at nothing", domain.LookFilter{}, late, kept)
	_, err := f.Responses().Erase(t.Context(), kept.Response, nil, func(domain.Found) (domain.Warrant, error) { return domain.Warrant{}, errNone })
	if !errors.Is(err, errNone) {
		t.Errorf("want it refused, got %v", err)
	}
	wantLooks(t, f, "after a refusal", domain.LookFilter{}, late, kept)
}

var errNone = errors.New("not to be erased")

// testLooksWhileErasing: whoever looks while others erase is either recorded
// before, and erased, or told that there is nothing.
func testLooksWhileErasing(t *testing.T, f LooksFixture) {
	for range 8 {
		head, tail := NewRow("anna", "completed", start), NewRow("anna", "completed", start)
		f.AddChain(Chain(&head, &tail)...)
		var wait sync.WaitGroup
		for i := range 6 {
			l := lookAt([]Row{head, tail}[i%2], start)
			wait.Go(func() {
				if err := f.Looks().Record(t.Context(), l); err != nil && domain.CodeOf(err) != domain.CodeNotFound {
					t.Errorf("want it recorded, or not found, got %v", err)
				}
			})
		}
		wait.Go(func() {
			if _, err := f.Responses().Erase(t.Context(), tail.ID, nil, Permit); err != nil {
				t.Errorf("want it erased, got %v", err)
			}
		})
		wait.Wait()
	}
	wantLooks(t, f, "with all erased", domain.LookFilter{})
}
