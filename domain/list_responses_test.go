package domain_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

const (
	errReadForbidden   = "Insufficient permissions to Read Batches"
	errDeleteForbidden = "Insufficient permissions to Delete Batches"
	errMember          = "member_id filter requires platform manager permissions"
)

// patience is how long a test waits for what should come at once.
const patience = 5 * time.Second

func owners(page domain.ResponsePage) []string {
	var all []string
	for _, item := range page.Items {
		all = append(all, item.Owner)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestListScope goes through every caller with every wish.
func TestListScope(t *testing.T) {
	t.Parallel()
	everyone := []string{anna.String(), ben.String(), acme.String(), globex.String(), "someone"}
	slices.Sort(everyone)
	w := newWorld()
	for _, owner := range everyone {
		w.put(owner)
		w.put(owner)
	}
	for _, c := range callers {
		for _, organization := range []*uuid.UUID{nil, &acme} {
			for _, member := range []*uuid.UUID{nil, &anna, &ben, &acme, ptr(uuid.New())} {
				caller := c.principal
				caller.Organization = organization
				page, err := w.list().Execute(t.Context(), caller, domain.ListRequest{MemberID: member})
				switch {
				case c.read == "none":
					wantError(t, err, domain.CodeForbidden, errReadForbidden)
					continue
				case member != nil && c.read != "everyone":
					wantError(t, err, domain.CodeInvalid, errMember)
					continue
				case err != nil:
					t.Errorf("%s: %v", c.name, err)
					continue
				}
				want := everyone
				switch {
				case member != nil:
					want = nil
					if slices.Contains(everyone, member.String()) {
						want = []string{member.String()}
					}
				case organization != nil:
					want = []string{acme.String()}
				case c.read == "own":
					want = []string{anna.String()}
				}
				if got := owners(page); !slices.Equal(got, want) {
					t.Errorf("%s, organization %v, member %v: want rows of %v, got %v", c.name, organization, member, want, got)
				}
				if page.Count != (domain.Count{Total: int64(2 * len(want)), Exact: true}) {
					t.Errorf("%s, organization %v, member %v: want %d counted, got %+v", c.name, organization, member, 2*len(want), page.Count)
				}
			}
		}
	}
}

func TestListRefusalsAskNobody(t *testing.T) {
	t.Parallel()
	w := newWorld()
	fail := func(context.Context) error { return errors.New("asked") }
	w.page, w.count, w.get, w.erase = fail, fail, fail, fail
	nobody := domain.Principal{ID: anna}
	_, err := w.list().Execute(t.Context(), nobody, domain.ListRequest{MemberID: &ben})
	wantError(t, err, domain.CodeForbidden, errReadForbidden)
	_, err = w.getter().Execute(t.Context(), nobody, uuid.New())
	wantError(t, err, domain.CodeForbidden, errReadForbidden)
	_, err = w.eraser().Execute(t.Context(), nobody, uuid.New())
	wantError(t, err, domain.CodeForbidden, errDeleteForbidden)
}

func TestListBounds(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for i := range 120 {
		w.AddResponse(porttest.NewRow(anna.String(), "completed", noon.Add(time.Duration(i)*time.Second)))
	}
	for _, c := range []struct {
		skip, limit         *int64
		wantSkip, wantLimit int64
		items               int
	}{
		{nil, nil, 0, 10, 10},
		{ptr(int64(0)), ptr(int64(1)), 0, 1, 1},
		{ptr(int64(1)), ptr(int64(2)), 1, 2, 2},
		{ptr(int64(-1)), ptr(int64(0)), 0, 1, 1},
		{ptr(int64(math.MinInt64)), ptr(int64(math.MinInt64)), 0, 1, 1},
		{ptr(int64(math.MaxInt64)), ptr(int64(math.MaxInt64)), math.MaxInt64, 101, 0},
		{nil, ptr(int64(100)), 0, 100, 100},
		{nil, ptr(int64(101)), 0, 101, 101},
		{nil, ptr(int64(102)), 0, 101, 101},
		{ptr(int64(115)), nil, 115, 10, 5},
	} {
		page, err := w.list().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, domain.ListRequest{Skip: c.skip, Limit: c.limit})
		if err != nil {
			t.Fatal(err)
		}
		if page.Skip != c.wantSkip || page.Limit != c.wantLimit || len(page.Items) != c.items || page.Count.Total != 120 {
			t.Errorf("skip %v, limit %v: want %d, %d and %d items of 120, got %d, %d and %d of %d",
				c.skip, c.limit, c.wantSkip, c.wantLimit, c.items, page.Skip, page.Limit, len(page.Items), page.Count.Total)
		}
		if page.Items == nil {
			t.Error("no items must be an empty list")
		}
	}
}

// TestListFilters looks whether each wish reaches page and count alike.
func TestListFilters(t *testing.T) {
	t.Parallel()
	w := newWorld()
	row := func(model, state string, tier *string, after time.Duration) string {
		r := porttest.NewRow(anna.String(), state, noon.Add(after))
		r.Model, r.Tier = model, tier
		w.AddResponse(r)
		return r.ID.String()
	}
	done := row("m", "completed", nil, 0)
	working := row("n", "processing", ptr("flex"), -time.Hour)
	waiting := row("o", "pending", ptr("auto"), time.Hour)
	batched := porttest.NewRow("", "completed", noon)
	batched.Batched = true
	w.AddResponse(batched)
	for name, c := range map[string]struct {
		request domain.ListRequest
		want    []string
	}{
		"none":         {domain.ListRequest{}, []string{working, waiting, done}},
		"active first": {domain.ListRequest{ActiveFirst: ptr(true)}, []string{working, waiting, done}},
		"by time":      {domain.ListRequest{ActiveFirst: ptr(false)}, []string{waiting, done, working}},
		"state":        {domain.ListRequest{State: ptr("completed")}, []string{done}},
		"models":       {domain.ListRequest{Models: []string{"m", "n"}}, []string{working, done}},
		"no models":    {domain.ListRequest{Models: []string{}}, nil},
		"tiers":        {domain.ListRequest{Tiers: []string{"auto", "flex"}}, []string{working, waiting}},
		"no tiers":     {domain.ListRequest{Tiers: []string{}}, nil},
		"after":        {domain.ListRequest{CreatedAfter: &noon}, []string{waiting, done}},
		"before":       {domain.ListRequest{CreatedBefore: &noon}, []string{working, done}},
	} {
		page, err := w.list().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, c.request)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, item := range page.Items {
			got = append(got, item.ID.String())
		}
		if !slices.Equal(got, c.want) || page.Count.Total != int64(len(c.want)) {
			t.Errorf("%s: want %v, got %v, counted %d", name, c.want, got, page.Count.Total)
		}
	}
}

func TestListUsageAndEmails(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.AddPerson(porttest.Person{ID: ben, Email: "ben@example.com", Deleted: true})
	w.AddOrganization(porttest.Organization{ID: acme, Email: "acme@example.com"})
	mine, his, theirs := w.put(anna.String()), w.put(ben.String()), w.put(acme.String())
	stranger := w.put(globex.String())
	word, shouted := w.put("someone"), w.put(strings.ToUpper(ben.String()))
	w.AddUsage(porttest.UsageRow{Response: his.ID, At: noon, PromptTokens: ptr(int64(7))})
	caller := domain.Principal{ID: anna, Email: "anna@example.com", Admin: true}
	page, err := w.list().Execute(t.Context(), caller, domain.ListRequest{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[uuid.UUID]*string{
		mine.ID: &caller.Email, his.ID: ptr("ben@example.com"), theirs.ID: ptr("acme@example.com"),
		stranger.ID: nil, word.ID: nil, shouted.ID: nil,
	}
	if len(page.Items) != len(want) {
		t.Errorf("want %d items, got %d", len(want), len(page.Items))
	}
	for _, item := range page.Items {
		if w := want[item.ID]; (w == nil) != (item.OwnerEmail == nil) || w != nil && *w != *item.OwnerEmail {
			t.Errorf("owner %s: want %v, got %v", item.Owner, w, item.OwnerEmail)
		}
		if item.ID == his.ID && (item.Usage.PromptTokens == nil || *item.Usage.PromptTokens != 7) {
			t.Errorf("want 7 prompt tokens, got %v", item.Usage.PromptTokens)
		}
		if item.ID != his.ID && item.Usage != (domain.Usage{}) {
			t.Errorf("want no usage, got %+v", item.Usage)
		}
	}
	slices.SortFunc(w.asked, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
	if want := []uuid.UUID{ben, acme, globex}; !slices.Equal(w.asked, want) {
		t.Errorf("want addresses of %v looked up, got %v", want, w.asked)
	}
	if w.log.Len() > 0 {
		t.Errorf("want nothing logged, got %s", &w.log)
	}
}

// TestListFailures breaks one port at a time; the other side of each pair must
// be told to stop and must not be waited for in vain.
func TestListFailures(t *testing.T) {
	t.Parallel()
	gone := domain.Errorf(domain.CodeUnavailable, "gone")
	fail := func(context.Context) error { return gone }
	wait := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, change := range map[string]func(*world){
		"page":              func(w *world) { w.page = fail },
		"count":             func(w *world) { w.count = fail },
		"page, count waits": func(w *world) { w.page, w.count = fail, wait },
		"count, page waits": func(w *world) { w.count, w.page = fail, wait },
		"both":              func(w *world) { w.count, w.page = fail, fail },
		"usage":             func(w *world) { w.latest = fail },
		"usage, mail waits": func(w *world) { w.latest, w.emails = fail, wait },
	} {
		w := newWorld()
		w.put(ben.String())
		change(w)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		page, err := w.list().Execute(ctx, domain.Principal{ID: anna, Admin: true}, domain.ListRequest{})
		cancel()
		if err != error(gone) {
			t.Errorf("%s: want the port's error as it is, got %v", name, err)
		}
		if len(page.Items) != 0 {
			t.Errorf("%s: want no items with an error, got %d", name, len(page.Items))
		}
		if w.log.Len() > 0 {
			t.Errorf("%s: want nothing logged, got %s", name, &w.log)
		}
	}
}

func TestListToleratesMissingEmails(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.emails = func(context.Context) error { return errors.New("users are gone") }
	w.put(ben.String())
	page, err := w.list().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, domain.ListRequest{})
	if err != nil || len(page.Items) != 1 || page.Items[0].OwnerEmail != nil {
		t.Errorf("want one item without an address, got %+v, %v", page, err)
	}
	if log := w.log.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "users are gone") {
		t.Errorf("want one warning that says why, got %s", log)
	}
}

// TestListSkipsLookUpsOfNothing: an empty page asks for no usage, and one's own
// rows ask for no address.
func TestListSkipsLookUpsOfNothing(t *testing.T) {
	t.Parallel()
	w := newWorld()
	fail := func(context.Context) error { return errors.New("asked") }
	w.latest, w.emails = fail, fail
	caller := domain.Principal{ID: anna, Email: "anna@example.com", Admin: true}
	page, err := w.list().Execute(t.Context(), caller, domain.ListRequest{})
	if err != nil || page.Items == nil || len(page.Items) != 0 {
		t.Errorf("want an empty list, got %v, %v", page.Items, err)
	}
	w.latest = nil
	w.put(anna.String())
	page, err = w.list().Execute(t.Context(), caller, domain.ListRequest{})
	if err != nil || len(page.Items) != 1 || w.log.Len() > 0 {
		t.Errorf("want one item and nothing logged, got %v, %v, %s", page.Items, err, &w.log)
	}
}

func TestListEndsWithItsContext(t *testing.T) {
	t.Parallel()
	started := make(chan struct{}, 2)
	wait := func(ctx context.Context) error { started <- struct{}{}; <-ctx.Done(); return ctx.Err() }
	w := newWorld()
	w.page, w.count = wait, wait
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	go func() { <-started; <-started; cancel() }()
	if _, err := w.list().Execute(ctx, domain.Principal{ID: anna, Admin: true}, domain.ListRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("want the context's error, got %v", err)
	}

	// Addresses that are late are no warning when the caller has left.
	w = newWorld()
	w.put(ben.String())
	ctx, cancel = context.WithCancel(t.Context())
	w.emails = func(context.Context) error { cancel(); return context.Canceled }
	if _, err := w.list().Execute(ctx, domain.Principal{ID: anna, Admin: true}, domain.ListRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("want the context's error, got %v", err)
	}
	if w.log.Len() > 0 {
		t.Errorf("want nothing logged, got %s", &w.log)
	}
}

func TestListPanicsReachTheCaller(t *testing.T) {
	t.Parallel()
	burst := func(context.Context) error { panic("burst") }
	for name, change := range map[string]func(*world){
		"page":   func(w *world) { w.page = burst },
		"count":  func(w *world) { w.count = burst },
		"usage":  func(w *world) { w.latest = burst },
		"emails": func(w *world) { w.emails = burst },
	} {
		w := newWorld()
		w.put(ben.String())
		change(w)
		func() {
			defer func() {
				if p := recover(); p != "burst" {
					t.Errorf("%s: want the panic, got %v", name, p)
				}
			}()
			_, err := w.list().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, domain.ListRequest{})
			t.Errorf("%s: want a panic, got %v", name, err)
		}()
	}
}
