package domain_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

func clock() time.Time { return noon }

// TestHoldPermission: every caller calls every use case of holds.
func TestHoldPermission(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		store := memory.New().Holds()
		hold, err := store.Place(t.Context(), domain.Hold{ID: uuid.New(), HoldTarget: domain.HoldTarget{Owners: []uuid.UUID{anna}}, Reason: "r"})
		if err != nil {
			t.Fatal(err)
		}
		may := c.delete == "everyone"
		for _, organization := range []*uuid.UUID{nil, &acme} {
			caller := c.principal
			caller.Organization = organization
			placed, placeErr := domain.NewPlaceHold(store, clock).Execute(t.Context(), caller, domain.HoldRequest{HoldTarget: hold.HoldTarget, Reason: "r"})
			// Who may not is told so before what they ask for is looked at.
			_, badErr := domain.NewPlaceHold(store, clock).Execute(t.Context(), caller, domain.HoldRequest{})
			page, listErr := domain.NewListHolds(store).Execute(t.Context(), caller, domain.HoldListRequest{})
			got, getErr := domain.NewGetHold(store).Execute(t.Context(), caller, hold.ID)
			_, noneErr := domain.NewGetHold(store).Execute(t.Context(), caller, anna)
			released, releaseErr := domain.NewReleaseHold(store).Execute(t.Context(), caller, hold.ID)
			_, gone := domain.NewReleaseHold(store).Execute(t.Context(), caller, anna)
			if !may {
				for err, operation := range map[error]string{
					placeErr: "Place", badErr: "Place", listErr: "Read", getErr: "Read", noneErr: "Read", releaseErr: "Release", gone: "Release",
				} {
					wantError(t, err, domain.CodeForbidden, "Insufficient permissions to "+operation+" Holds")
				}
				if left, _ := store.Get(t.Context(), hold.ID); !left.Active || placed.ID != uuid.Nil || len(page.Items) != 0 || got.ID != uuid.Nil || released.ID != uuid.Nil {
					t.Errorf("%s: want no effect, got %+v", c.name, left)
				}
				continue
			}
			if err := errors.Join(placeErr, listErr, getErr, releaseErr); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if placed.CreatedBy != anna || !placed.Active || len(page.Items) < 2 || got.ID != hold.ID || released.Active || *released.ReleasedBy != anna {
				t.Errorf("%s: placed %+v, listed %+v, got %+v, released %+v", c.name, placed, page, got, released)
			}
			if domain.CodeOf(badErr) != domain.CodeInvalid {
				t.Errorf("%s: want %s, got %v", c.name, domain.CodeInvalid, badErr)
			}
			for _, err := range []error{noneErr, gone} {
				wantError(t, err, domain.CodeNotFound, "Hold with ID "+anna.String()+" not found")
			}
		}
	}
}

func TestPlaceHold(t *testing.T) {
	t.Parallel()
	admin := domain.Principal{ID: anna, Admin: true}
	ids := func(n int) []uuid.UUID { return make([]uuid.UUID, n) }
	words := func(n int) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprint(i)
		}
		return all
	}
	filter := func(f domain.HoldFilter) domain.HoldTarget { return domain.HoldTarget{Filter: &f} }
	owner := domain.HoldTarget{Owners: []uuid.UUID{ben}}
	const kinds = "exactly one of responses, owners and filter must be given"
	const reason = "reason: must have 1 to 500 characters, not all of them spaces, and no NUL"
	for name, c := range map[string]struct {
		request        domain.HoldRequest
		about, message string // empty: it is placed
	}{
		"one response":           {domain.HoldRequest{HoldTarget: domain.HoldTarget{Responses: ids(1)}, Reason: "r"}, "", ""},
		"100 responses":          {domain.HoldRequest{HoldTarget: domain.HoldTarget{Responses: ids(100)}, Reason: "r"}, "", ""},
		"no response":            {domain.HoldRequest{HoldTarget: domain.HoldTarget{Responses: ids(0)}, Reason: "r"}, "responses", "responses: must have 1 to 100 entries"},
		"101 responses":          {domain.HoldRequest{HoldTarget: domain.HoldTarget{Responses: ids(101)}, Reason: "r"}, "responses", "responses: must have 1 to 100 entries"},
		"100 owners":             {domain.HoldRequest{HoldTarget: domain.HoldTarget{Owners: ids(100)}, Reason: "r"}, "", ""},
		"no owner":               {domain.HoldRequest{HoldTarget: domain.HoldTarget{Owners: ids(0)}, Reason: "r"}, "owners", "owners: must have 1 to 100 entries"},
		"101 owners":             {domain.HoldRequest{HoldTarget: domain.HoldTarget{Owners: ids(101)}, Reason: "r"}, "owners", "owners: must have 1 to 100 entries"},
		"no target":              {domain.HoldRequest{Reason: "r"}, "", kinds},
		"two targets":            {domain.HoldRequest{HoldTarget: domain.HoldTarget{Responses: ids(1), Owners: ids(1)}, Reason: "r"}, "", kinds},
		"two targets, one empty": {domain.HoldRequest{HoldTarget: domain.HoldTarget{Responses: ids(0), Filter: &domain.HoldFilter{Models: words(1)}}, Reason: "r"}, "", kinds},
		"filter, no condition":   {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{}), Reason: "r"}, "filter", "filter: must have a condition: states, models, tiers, created_after or created_before"},
		"filter, every condition": {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{
			States: []string{"pending", "claimed", "processing", "completed", "failed", "canceled"}, Models: words(100),
			Tiers: []string{"auto", "default", "flex", "priority"}, CreatedAfter: &noon, CreatedBefore: &noon,
		}), Reason: "r"}, "", ""},
		"created after":  {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{CreatedAfter: &noon}), Reason: "r"}, "", ""},
		"created before": {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{CreatedBefore: &noon}), Reason: "r"}, "", ""},
		"empty interval": {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{CreatedAfter: ptr(noon.Add(1)), CreatedBefore: &noon}), Reason: "r"},
			"filter.created_after", "filter.created_after: must not be later than created_before"},
		"empty states":   {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{States: []string{}}), Reason: "r"}, "filter.states", "filter.states: must have 1 to 100 entries"},
		"empty state":    {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{States: []string{"failed", ""}}), Reason: "r"}, "filter.states", "filter.states: each must have 1 to 500 characters and no NUL"},
		"long tier":      {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{Tiers: []string{strings.Repeat("x", 501)}}), Reason: "r"}, "filter.tiers", "filter.tiers: each must have 1 to 500 characters and no NUL"},
		"empty tiers":    {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{Tiers: []string{}}), Reason: "r"}, "filter.tiers", "filter.tiers: must have 1 to 100 entries"},
		"101 models":     {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{Models: words(101)}), Reason: "r"}, "filter.models", "filter.models: must have 1 to 100 entries"},
		"empty model":    {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{Models: []string{""}}), Reason: "r"}, "filter.models", "filter.models: each must have 1 to 500 characters and no NUL"},
		"long model":     {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{Models: []string{strings.Repeat("ä", 501)}}), Reason: "r"}, "filter.models", "filter.models: each must have 1 to 500 characters and no NUL"},
		"NUL in model":   {domain.HoldRequest{HoldTarget: filter(domain.HoldFilter{Models: []string{"\x00"}}), Reason: "r"}, "filter.models", "filter.models: each must have 1 to 500 characters and no NUL"},
		"no reason":      {domain.HoldRequest{HoldTarget: owner}, "reason", reason},
		"blank reason":   {domain.HoldRequest{HoldTarget: owner, Reason: " \n\t"}, "reason", reason},
		"long reason":    {domain.HoldRequest{HoldTarget: owner, Reason: strings.Repeat("ä", 501)}, "reason", reason},
		"NUL in reason":  {domain.HoldRequest{HoldTarget: owner, Reason: "a\x00"}, "reason", reason},
		"longest reason": {domain.HoldRequest{HoldTarget: owner, Reason: " " + strings.Repeat("ä", 500) + " "}, "", ""},
		"expires now":    {domain.HoldRequest{HoldTarget: owner, Reason: "r", ExpiresAt: &noon}, "expires_at", "expires_at: must be in the future"},
		"expires later":  {domain.HoldRequest{HoldTarget: owner, Reason: "r", ExpiresAt: ptr(noon.Add(1))}, "", ""},
	} {
		store := memory.New().Holds()
		hold, err := domain.NewPlaceHold(store, clock).Execute(t.Context(), admin, c.request)
		all, _ := store.Page(t.Context(), domain.HoldQuery{Limit: 2})
		if c.message != "" {
			wantError(t, err, domain.CodeInvalid, c.message)
			if e, ok := errors.AsType[*domain.Error](err); !ok || e.Parameter != c.about || len(all) != 0 {
				t.Errorf("%s: want an error about %q and no hold, got %v and %d", name, c.about, err, len(all))
			}
			continue
		}
		if err != nil || len(all) != 1 || !reflect.DeepEqual(all[0].HoldTarget, c.request.HoldTarget) ||
			hold.ID.Version() != 4 || hold.Reason != strings.TrimSpace(c.request.Reason) || hold.ExpiresAt != c.request.ExpiresAt {
			t.Errorf("%s: want a hold as requested, got %+v, %v", name, hold, err)
		}
	}
}

func TestListHolds(t *testing.T) {
	t.Parallel()
	admin := domain.Principal{ID: anna, Admin: true}
	store := memory.New().Holds()
	for range domain.MaxLimit + 2 {
		if _, err := store.Place(t.Context(), domain.Hold{ID: uuid.New(), HoldTarget: domain.HoldTarget{Owners: []uuid.UUID{anna}}}); err != nil {
			t.Fatal(err)
		}
	}
	list := domain.NewListHolds(store)
	for limit, want := range map[int64]int64{-1: 1, 0: 1, 1: 1, 50: 50, 101: 101, 102: 101} {
		seen := make(map[uuid.UUID]bool)
		r := domain.HoldListRequest{Limit: &limit, Active: ptr(true)}
		for n := int64(domain.MaxLimit + 2); n > 0; n -= want {
			page, err := list.Execute(t.Context(), admin, r)
			if err != nil || int64(len(page.Items)) != min(want, n) || page.Limit != want || (page.Next == nil) != (n <= want) {
				t.Fatalf("limit %d: want %d items, got %d, next %v, %v", limit, min(want, n), len(page.Items), page.Next, err)
			}
			for _, hold := range page.Items {
				seen[hold.ID] = true
			}
			r.After = page.Next
		}
		if int64(len(seen)) != domain.MaxLimit+2 {
			t.Errorf("limit %d: want %d holds on all pages, got %d", limit, domain.MaxLimit+2, len(seen))
		}
	}
	page, err := list.Execute(t.Context(), admin, domain.HoldListRequest{})
	if err != nil || page.Limit != domain.DefaultLimit {
		t.Fatalf("default limit: want %d, got %+v, %v", domain.DefaultLimit, page, err)
	}
	for _, active := range []*bool{ptr(true), ptr(false)} {
		_, err := list.Execute(t.Context(), admin, domain.HoldListRequest{Active: active, After: page.Next})
		wantError(t, err, domain.CodeInvalid, "after: must be the next_cursor of a page of this same list")
		if e, ok := errors.AsType[*domain.Error](err); !ok || e.Parameter != "after" {
			t.Errorf("invalid cursor: want an error about after, got %v", err)
		}
	}
	for active, want := range map[bool]int64{true: domain.DefaultLimit, false: 0} {
		page, err := list.Execute(t.Context(), admin, domain.HoldListRequest{Active: &active})
		if err != nil || int64(len(page.Items)) != want {
			t.Errorf("active %t: want %d, got %d, %v", active, want, len(page.Items), err)
		}
	}
}

// failingHolds fail as the error says.
type failingHolds struct{ err error }

func (f failingHolds) Place(context.Context, domain.Hold) (domain.Hold, error) {
	return domain.Hold{}, f.err
}

func (f failingHolds) Page(context.Context, domain.HoldQuery) ([]domain.Hold, error) {
	return nil, f.err
}

func (f failingHolds) Get(context.Context, uuid.UUID) (domain.Hold, error) {
	return domain.Hold{}, f.err
}

func (f failingHolds) Release(context.Context, uuid.UUID, uuid.UUID) (domain.Hold, error) {
	return domain.Hold{}, f.err
}

func TestHoldFailures(t *testing.T) {
	t.Parallel()
	admin := domain.Principal{ID: anna, Admin: true}
	for _, failure := range []error{domain.Errorf(domain.CodeUnavailable, "gone"), context.Canceled, errors.New("odd")} {
		store := failingHolds{failure}
		_, placeErr := domain.NewPlaceHold(store, clock).Execute(t.Context(), admin, domain.HoldRequest{HoldTarget: domain.HoldTarget{Owners: []uuid.UUID{anna}}, Reason: "r"})
		_, listErr := domain.NewListHolds(store).Execute(t.Context(), admin, domain.HoldListRequest{})
		_, getErr := domain.NewGetHold(store).Execute(t.Context(), admin, anna)
		_, releaseErr := domain.NewReleaseHold(store).Execute(t.Context(), admin, anna)
		for _, err := range []error{placeErr, listErr, getErr, releaseErr} {
			if err != failure {
				t.Errorf("want %v as it is, got %v", failure, err)
			}
		}
	}
}

// TestEraseHeld: every caller erases a chain of two owners, one part of which is held.
// Callers who do not own it do not learn of the hold.
func TestEraseHeld(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		for _, second := range []uuid.UUID{anna, ben} {
			w := newWorld()
			first, last := porttest.NewRow(anna.String(), "completed", noon), porttest.NewRow(second.String(), "failed", noon)
			w.AddChain(porttest.Chain(&first, nil, &last)...)
			var holds []domain.Hold
			for _, target := range []domain.HoldTarget{
				{Responses: []uuid.UUID{last.ID}}, {Filter: &domain.HoldFilter{States: []string{"failed"}}},
			} {
				hold, err := w.Holds().Place(t.Context(), domain.Hold{ID: uuid.New(), HoldTarget: target, Reason: "r"})
				if err != nil {
					t.Fatal(err)
				}
				holds = append(holds, hold)
			}
			before := w.Stored()
			id := first.ID
			erased, _, err := w.eraser().Execute(t.Context(), c.principal, id, false)
			switch permitted := may(c.delete, second.String(), nil); {
			case c.delete == "none":
				wantError(t, err, domain.CodeForbidden, errDeleteForbidden)
			case !permitted:
				wantError(t, err, domain.CodeNotFound, notFound(id))
			case c.delete == "own":
				wantError(t, err, domain.CodeHeld, "Response with ID "+id.String()+" is held and cannot be erased")
			default:
				wantError(t, err, domain.CodeHeld, fmt.Sprintf("Response with ID %s is held and cannot be erased until these holds are released or expire: %s, %s", id, holds[0].ID, holds[1].ID))
			}
			if erased != (domain.Erased{}) || w.Stored() != before {
				t.Errorf("%s, while held: want nothing erased of %+v, got %+v and %+v left", c.name, before, erased, w.Stored())
			}
			for _, hold := range holds {
				if _, err := w.Holds().Release(t.Context(), hold.ID, anna); err != nil {
					t.Fatal(err)
				}
			}
			if _, _, err := w.eraser().Execute(t.Context(), c.principal, id, false); (err == nil) != may(c.delete, second.String(), nil) {
				t.Errorf("%s, after the release: got %v", c.name, err)
			}
		}
	}
}
