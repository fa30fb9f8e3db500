package porttest

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// HoldsFixture is an empty implementation of Holds, with the responses that they
// hold, and ways to add them.
type HoldsFixture interface {
	ResponsesFixture
	Holds() domain.Holds
}

// Holds tests the contract of domain.Holds, and what Responses says about holds.
func Holds(t *testing.T, newFixture func(t *testing.T) HoldsFixture) {
	t.Run("place and get", func(t *testing.T) {
		t.Parallel()
		testHoldsAreKept(t, newFixture(t).Holds())
	})
	t.Run("release", func(t *testing.T) {
		t.Parallel()
		testHoldsAreReleased(t, newFixture(t).Holds())
	})
	t.Run("list", func(t *testing.T) {
		t.Parallel()
		testPagesOfHolds(t, newFixture(t).Holds())
	})
	t.Run("find for request", func(t *testing.T) {
		t.Parallel()
		testHoldsAreFound(t, newFixture(t))
	})
	t.Run("find/more than the limit", func(t *testing.T) {
		t.Parallel()
		testManyHoldsAreFound(t, newFixture(t))
	})
	t.Run("deleted response", func(t *testing.T) {
		t.Parallel()
		testHoldsOnDeletedResponses(t, newFixture(t))
	})
	t.Run("sweep/held response stays", func(t *testing.T) {
		t.Parallel()
		testSweepSparesHeld(t, newFixture(t))
	})
	t.Run("canceled context", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		hold := place(t, f.Holds(), domain.HoldTarget{Owners: []uuid.UUID{uuid.New()}})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, placeErr := f.Holds().Place(ctx, newHold(hold.HoldTarget))
		_, pageErr := f.Holds().Page(ctx, domain.HoldQuery{Limit: 1})
		_, getErr := f.Holds().Get(ctx, hold.ID)
		_, releaseErr := f.Holds().Release(ctx, hold.ID, uuid.New())
		for _, err := range []error{placeErr, pageErr, getErr, releaseErr} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("want the context's error, got %v", err)
			}
		}
		if left := holds(t, f.Holds(), domain.HoldQuery{Limit: 10}); !reflect.DeepEqual(left, []domain.Hold{hold}) {
			t.Errorf("want %+v left, got %+v", hold, left)
		}
	})
}

func newHold(target domain.HoldTarget) domain.Hold {
	return domain.Hold{ID: uuid.New(), HoldTarget: target, Reason: "a reason: " + hostile[0], CreatedBy: uuid.New()}
}

func place(t *testing.T, h domain.Holds, target domain.HoldTarget) domain.Hold {
	t.Helper()
	placed, err := h.Place(t.Context(), newHold(target))
	if err != nil {
		t.Fatal(err)
	}
	return placed
}

func holds(t *testing.T, h domain.Holds, q domain.HoldQuery) []domain.Hold {
	t.Helper()
	page, err := h.Page(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// targets are of every kind, and cover no response of the tests.
func targets() []domain.HoldTarget {
	many := make([]uuid.UUID, domain.MaxHeld)
	for i := range many {
		many[i] = uuid.New()
	}
	return []domain.HoldTarget{
		{Responses: many[:1]}, {Responses: many}, {Owners: many[:1]}, {Owners: many},
		{Filter: &domain.HoldFilter{States: []string{"failed", "canceled"}}},
		{Filter: &domain.HoldFilter{Models: hostile[:12]}},
		{Filter: &domain.HoldFilter{Tiers: []string{"flex"}}},
		{Filter: &domain.HoldFilter{CreatedAfter: ptr(start)}},
		{Filter: &domain.HoldFilter{CreatedBefore: ptr(start)}},
		{Filter: &domain.HoldFilter{
			States: []string{"failed"}, Models: []string{"a"}, Tiers: []string{"auto"},
			CreatedAfter: ptr(start), CreatedBefore: ptr(start.Add(time.Hour)),
		}},
	}
}

func testHoldsAreKept(t *testing.T, h domain.Holds) {
	for i, target := range targets() {
		want := newHold(target)
		want.Active = true
		switch i % 3 {
		case 1:
			want.ExpiresAt = ptr(time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond))
		case 2:
			want.ExpiresAt, want.Active = ptr(start), false
		}
		placed, err := h.Place(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		if placed.CreatedAt.IsZero() || placed.CreatedAt.Location() != time.UTC {
			t.Errorf("placed at %s", placed.CreatedAt)
		}
		want.CreatedAt = placed.CreatedAt
		got, err := h.Get(t.Context(), want.ID)
		if err != nil || !reflect.DeepEqual(placed, want) || !reflect.DeepEqual(got, want) {
			t.Errorf("want %+v, placed %+v, got %+v, %v", want, placed, got, err)
		}
	}
	for _, id := range []uuid.UUID{uuid.New(), uuid.Nil} {
		if _, err := h.Get(t.Context(), id); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("want %s, got %v", domain.CodeNotFound, err)
		}
	}
}

func testHoldsAreReleased(t *testing.T, h domain.Holds) {
	hold, other := place(t, h, targets()[0]), place(t, h, targets()[4])
	by := uuid.New()
	released, err := h.Release(t.Context(), hold.ID, by)
	if err != nil || released.ReleasedAt == nil || released.ReleasedAt.Before(hold.CreatedAt) {
		t.Fatalf("got %+v, %v", released, err)
	}
	want := hold
	want.Active, want.ReleasedAt, want.ReleasedBy = false, released.ReleasedAt, &by
	again, err := h.Release(t.Context(), hold.ID, uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.Get(t.Context(), hold.ID)
	for _, got := range []domain.Hold{released, again, got} {
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("want %+v, got %+v, %v", want, got, err)
		}
	}
	if got, err := h.Get(t.Context(), other.ID); err != nil || !reflect.DeepEqual(got, other) {
		t.Errorf("another hold: want it unchanged, got %+v, %v", got, err)
	}
	if _, err := h.Release(t.Context(), uuid.New(), by); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}
}

func testPagesOfHolds(t *testing.T, h domain.Holds) {
	if page := holds(t, h, domain.HoldQuery{Limit: 1}); len(page) != 0 {
		t.Errorf("want none, got %+v", page)
	}
	var all, active, ended []domain.Hold
	for i := range 12 {
		hold := place(t, h, targets()[i%3])
		if i%3 == 1 {
			var err error
			if hold, err = h.Release(t.Context(), hold.ID, uuid.New()); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, hold)
	}
	order := func(hold domain.Hold) domain.Position {
		return domain.Position{CreatedAt: hold.CreatedAt, ID: hold.ID}
	}
	slices.SortFunc(all, func(a, b domain.Hold) int { return order(a).Compare(order(b)) })
	for _, hold := range all {
		if hold.Active {
			active = append(active, hold)
		} else {
			ended = append(ended, hold)
		}
	}
	for name, c := range map[string]struct {
		active *bool
		want   []domain.Hold
	}{"all": {nil, all}, "active": {ptr(true), active}, "ended": {ptr(false), ended}} {
		for limit := int64(1); limit <= 13; limit += 4 {
			var got []domain.Hold
			for q := (domain.HoldQuery{Active: c.active, Limit: limit}); ; {
				page := holds(t, h, q)
				got = append(got, page...)
				if int64(len(page)) < limit {
					break
				}
				q.After = ptr(order(page[len(page)-1]))
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s, by %d: want %+v, got %+v", name, limit, c.want, got)
			}
		}
	}
}

// testHoldsAreFound erases each part of a chain and a single response, and checks
// which holds the erasure is shown.
func testHoldsAreFound(t *testing.T, f HoldsFixture) {
	anna, ben := uuid.New(), uuid.New()
	row := func(owner uuid.UUID, state, model string, tier *string, at time.Time) *Row {
		r := NewRow(owner.String(), state, at)
		r.Model, r.Tier = model, tier
		return &r
	}
	a, b := row(anna, "completed", "modèle", nil, start), row(ben, "failed", "m", ptr("flex"), start.Add(time.Hour))
	single := row(ben, "pending", "it's", ptr("auto"), start.Add(2*time.Hour))
	put(f, []*Row{a, nil, b}, true)
	put(f, []*Row{single}, false)

	before, after := start.Add(-time.Microsecond), start.Add(2*time.Hour+time.Microsecond)
	all := append(targets()[:4],
		domain.HoldTarget{Responses: []uuid.UUID{uuid.New(), a.ID}},
		domain.HoldTarget{Responses: []uuid.UUID{b.ID, single.ID}},
		domain.HoldTarget{Owners: []uuid.UUID{anna}},
		domain.HoldTarget{Owners: []uuid.UUID{uuid.New(), ben}},
	)
	for _, filter := range []domain.HoldFilter{
		{States: []string{"failed", "pending"}}, {States: []string{"completed"}}, {States: []string{"processing"}},
		{Models: []string{"modèle"}}, {Models: []string{"it's", "other"}}, {Models: []string{"M"}},
		{Tiers: []string{"flex", "auto"}}, {Tiers: []string{"priority"}},
		{CreatedAfter: &start}, {CreatedAfter: ptr(start.Add(time.Microsecond))}, {CreatedAfter: &after},
		{CreatedBefore: &start}, {CreatedBefore: &before}, {CreatedBefore: &after},
		{CreatedAfter: ptr(start.Add(time.Minute)), CreatedBefore: ptr(start.Add(90 * time.Minute))},
		{States: []string{"failed"}, Models: []string{"m"}, Tiers: []string{"flex"}, CreatedAfter: &before, CreatedBefore: &after},
		// No part passes both conditions, although two parts pass one each.
		{States: []string{"failed"}, Models: []string{"modèle"}},
	} {
		all = append(all, domain.HoldTarget{Filter: &filter})
	}
	refusal := errors.New("not now")
	found := func(id uuid.UUID) (reported []domain.Hold) {
		_, err := f.Responses().Erase(t.Context(), id, nil, func(found domain.Found) (domain.Authorization, error) {
			reported = found.Holds
			return domain.Authorization{}, refusal
		})
		if err != refusal {
			t.Fatal(err)
		}
		return reported
	}
	for _, target := range all {
		hold := place(t, f.Holds(), target)
		expired := newHold(target)
		expired.ExpiresAt = ptr(time.Now().Add(-time.Minute))
		if _, err := f.Holds().Place(t.Context(), expired); err != nil {
			t.Fatal(err)
		}
		for _, response := range [][]*Row{{a, b}, {single}} {
			covered := slices.ContainsFunc(response, func(r *Row) bool { return target.Covers(r.Response) })
			for _, part := range response {
				var want []domain.Hold
				if covered {
					want = []domain.Hold{hold}
				}
				if got := found(part.ID); len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
					t.Errorf("%s by %+v: want %+v, got %+v", part.ID, target, want, got)
				}
			}
		}
		if _, err := f.Holds().Release(t.Context(), hold.ID, uuid.New()); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []*Row{a, single} {
		if got := found(r.ID); len(got) != 0 {
			t.Errorf("want no hold left, got %+v", got)
		}
	}
}

func testManyHoldsAreFound(t *testing.T, f HoldsFixture) {
	anna := uuid.New()
	row := NewRow(anna.String(), "completed", start)
	f.AddResponse(row)
	var want []uuid.UUID
	for i := range domain.MaxHoldsFound + 2 {
		// Each entry covers it in two ways.
		hold := place(t, f.Holds(), domain.HoldTarget{Owners: []uuid.UUID{anna, anna}})
		if i < domain.MaxHoldsFound {
			want = append(want, hold.ID)
		}
	}
	_, _ = f.Responses().Erase(t.Context(), row.ID, nil, func(found domain.Found) (domain.Authorization, error) {
		var got []uuid.UUID
		for _, hold := range found.Holds {
			got = append(got, hold.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("want the oldest, %v, got %v", want, got)
		}
		return domain.Authorization{}, errors.New("no")
	})
}

// testHoldsOnDeletedResponses checks the holds on copies of responses whose rows are gone.
// If the owner of a part is unknown, every hold by owner covers it.
func testHoldsOnDeletedResponses(t *testing.T, f HoldsFixture) {
	anna, ben := uuid.New(), uuid.New()
	onAnna := place(t, f.Holds(), domain.HoldTarget{Owners: []uuid.UUID{anna}})
	onOther := place(t, f.Holds(), domain.HoldTarget{Owners: []uuid.UUID{uuid.New(), uuid.New()}})
	place(t, f.Holds(), domain.HoldTarget{Responses: []uuid.UUID{uuid.New()}})
	ended := place(t, f.Holds(), domain.HoldTarget{Owners: []uuid.UUID{anna}})
	if _, err := f.Holds().Release(t.Context(), ended.ID, uuid.New()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		owners []*uuid.UUID
		want   []uuid.UUID
	}{
		"hers":             {[]*uuid.UUID{&anna}, []uuid.UUID{onAnna.ID}},
		"his":              {[]*uuid.UUID{&ben}, nil},
		"nobody's":         {[]*uuid.UUID{nil}, []uuid.UUID{onAnna.ID, onOther.ID}},
		"his and nobody's": {[]*uuid.UUID{&ben, nil}, []uuid.UUID{onAnna.ID, onOther.ID}},
	} {
		id := uuid.New()
		for i, owner := range c.owners {
			f.AddUsage(UsageRow{Response: id, At: start.Add(time.Duration(i) * time.Second), Owner: owner, Copied: true})
		}
		var found []uuid.UUID
		if _, err := f.Responses().Erase(t.Context(), id, nil, func(asked domain.Found) (domain.Authorization, error) {
			found = nil
			for _, hold := range asked.Holds {
				found = append(found, hold.ID)
			}
			return Permit(asked)
		}); err != nil || !slices.Equal(found, c.want) {
			t.Errorf("%s: want the holds %v, got %v, %v", name, c.want, found, err)
		}
	}
}

// testSweepSparesHeld writes rows of erased responses again; one of them is held by
// then.
func testSweepSparesHeld(t *testing.T, f HoldsFixture) {
	held, free := NewRow(uuid.NewString(), "completed", start), NewRow(uuid.NewString(), "completed", start)
	for _, row := range []Row{held, free} {
		f.AddResponse(row)
		if _, err := f.Responses().Erase(t.Context(), row.ID, nil, Permit); err != nil {
			t.Fatal(err)
		}
	}
	hold := place(t, f.Holds(), domain.HoldTarget{Owners: []uuid.UUID{uuid.MustParse(held.Owner)}})
	sweep := func(looked int, want domain.Erased) {
		t.Helper()
		f.Hasten()
		w, _ := Permit(domain.Found{})
		w.Trigger = domain.TriggerSweep
		n, erased, err := f.Responses().Sweep(t.Context(), 10, w)
		if err != nil || n < looked || looked == 0 && n > 0 || erased != want {
			t.Errorf("want %d or more looked for and %+v removed, got %d, %+v, %v", looked, want, n, erased, err)
		}
	}
	f.AddResponse(held)
	f.AddResponse(free)
	sweep(2, domain.Erased{Requests: 1, Templates: 1})
	for range len(domain.SweepAfter) - 1 {
		sweep(2, domain.Erased{})
	}
	sweep(1, domain.Erased{}) // a held request stays due
	if _, _, err := f.Responses().Get(t.Context(), held.ID, nil, math.MaxInt64, nil); err != nil {
		t.Errorf("get of the held response: %v", err)
	}
	// After a restore, holds are ignored.
	w, _ := Permit(domain.Found{})
	if erased, err := f.Responses().(domain.Restored).EraseAgain(t.Context(), []uuid.UUID{held.ID}, w); err != nil || erased != (domain.Erased{Requests: 1, Templates: 1}) {
		t.Errorf("erase again after a restore: want the held request erased, got %+v, %v", erased, err)
	}
	f.AddResponse(held)
	if _, err := f.Holds().Release(t.Context(), hold.ID, uuid.New()); err != nil {
		t.Fatal(err)
	}
	sweep(1, domain.Erased{Requests: 1, Templates: 1})
}
