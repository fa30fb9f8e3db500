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
	errEmail           = "created_by_email filter requires platform manager permissions"
	errAfter           = "after: must be the next_cursor of a page of this same list"
	errSkipAfter       = "skip: must be 0 or omitted with after"
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

// TestListScope goes through every caller with every parameter.
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
				if *page.Count != (domain.Count{Total: int64(2 * len(want)), Exact: true}) {
					t.Errorf("%s, organization %v, member %v: want %d counted, got %+v", c.name, organization, member, 2*len(want), page.Count)
				}
			}
		}
	}
}

func TestListRefusedWithoutQueries(t *testing.T) {
	t.Parallel()
	w := newWorld()
	fail := func(context.Context) error { return errors.New("asked") }
	w.page, w.count, w.get, w.erase = fail, fail, fail, fail
	nobody := domain.Principal{ID: anna}
	w.byEmail = fail
	_, err := w.list().Execute(t.Context(), nobody, domain.ListRequest{MemberID: &ben, OwnerEmail: ptr("ben@example.com")})
	wantError(t, err, domain.CodeForbidden, errReadForbidden)
	_, err = w.getter().Execute(t.Context(), nobody, domain.GetRequest{ID: uuid.New()})
	wantError(t, err, domain.CodeForbidden, errReadForbidden)
	_, _, err = w.eraser().Execute(t.Context(), nobody, uuid.New(), false)
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
			t.Error("items: want an empty list, got nil")
		}
	}
}

// TestListFilters checks that each parameter reaches page and count alike.
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
	failed := row("p", "failed", nil, 2*time.Hour)
	batched := porttest.NewRow("", "completed", noon)
	batched.Batched = true
	w.AddResponse(batched)
	for name, c := range map[string]struct {
		request domain.ListRequest
		want    []string
	}{
		"none":         {domain.ListRequest{}, []string{working, waiting, failed, done}},
		"active first": {domain.ListRequest{ActiveFirst: ptr(true)}, []string{working, waiting, failed, done}},
		"by time":      {domain.ListRequest{ActiveFirst: ptr(false)}, []string{failed, waiting, done, working}},
		"state":        {domain.ListRequest{State: ptr("completed")}, []string{done}},
		"models":       {domain.ListRequest{ResponseFilter: domain.ResponseFilter{Models: []string{"m", "n"}}}, []string{working, done}},
		"no models":    {domain.ListRequest{ResponseFilter: domain.ResponseFilter{Models: []string{}}}, nil},
		"tiers":        {domain.ListRequest{ResponseFilter: domain.ResponseFilter{Tiers: []string{"auto", "flex"}}}, []string{working, waiting}},
		"no tiers":     {domain.ListRequest{ResponseFilter: domain.ResponseFilter{Tiers: []string{}}}, nil},
		"after":        {domain.ListRequest{ResponseFilter: domain.ResponseFilter{CreatedAfter: &noon}}, []string{waiting, failed, done}},
		"before":       {domain.ListRequest{ResponseFilter: domain.ResponseFilter{CreatedBefore: &noon}}, []string{working, done}},
		"states":       {domain.ListRequest{ResponseFilter: domain.ResponseFilter{States: []string{"completed", "pending"}}}, []string{waiting, done}},
		"no states":    {domain.ListRequest{ResponseFilter: domain.ResponseFilter{States: []string{}}}, nil},
		"both, within": {domain.ListRequest{State: ptr("pending"), ResponseFilter: domain.ResponseFilter{States: []string{"completed", "pending"}}}, []string{waiting}},
		"both, apart":  {domain.ListRequest{State: ptr("pending"), ResponseFilter: domain.ResponseFilter{States: []string{"completed"}}}, nil},
		"status from":  {domain.ListRequest{ResponseFilter: domain.ResponseFilter{StatusMin: ptr(int64(200))}}, []string{failed, done}},
		"status above": {domain.ListRequest{ResponseFilter: domain.ResponseFilter{StatusMin: ptr(int64(201))}}, []string{failed}},
		"status to":    {domain.ListRequest{ResponseFilter: domain.ResponseFilter{StatusMax: ptr(int64(200))}}, []string{done}},
		"slow":         {domain.ListRequest{ResponseFilter: domain.ResponseFilter{MinDuration: ptr(time.Second)}}, []string{done}},
		"slower":       {domain.ListRequest{ResponseFilter: domain.ResponseFilter{MinDuration: ptr(time.Minute)}}, nil},
		"error":        {domain.ListRequest{ResponseFilter: domain.ResponseFilter{HasError: ptr(true)}}, []string{failed}},
		"no error":     {domain.ListRequest{ResponseFilter: domain.ResponseFilter{HasError: ptr(false)}}, []string{working, waiting, done}},
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

// TestListPortFailures: each port fails in turn; the other side of each pair must be
// canceled, and not waited for.
func TestListPortFailures(t *testing.T) {
	t.Parallel()
	gone := domain.Errorf(domain.CodeUnavailable, "gone")
	fail := func(context.Context) error { return gone }
	wait := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, change := range map[string]func(*world){
		"page":              func(w *world) { w.page = fail },
		"count":             func(w *world) { w.count = fail },
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

func TestListMissingEmails(t *testing.T) {
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

// TestListWithoutLookups: an empty page asks for no usage, and the caller's own rows
// ask for no address.
func TestListWithoutLookups(t *testing.T) {
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

func TestListCanceledContext(t *testing.T) {
	t.Parallel()
	started := make(chan struct{}, 1)
	wait := func(ctx context.Context) error { started <- struct{}{}; <-ctx.Done(); return ctx.Err() }
	w := newWorld()
	w.page = wait
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	go func() { <-started; cancel() }()
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

func TestListPanic(t *testing.T) {
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

func TestListByEmail(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.AddPerson(porttest.Person{ID: ben, Email: "shared@example.com", Deleted: true})
	w.AddOrganization(porttest.Organization{ID: acme, Email: "shared@example.com"})
	w.AddPerson(porttest.Person{ID: anna, Email: "anna@example.com"})
	for _, owner := range []string{anna.String(), ben.String(), acme.String(), globex.String(), "shared@example.com", strings.ToUpper(acme.String())} {
		w.put(owner)
	}
	admin := domain.Principal{ID: anna, Admin: true}
	inAcme := domain.Principal{ID: anna, Admin: true, Organization: &acme}
	for name, c := range map[string]struct {
		caller domain.Principal
		member *uuid.UUID
		email  string
		want   []string
	}{
		"of one":                       {admin, nil, "anna@example.com", []string{anna.String()}},
		"of several":                   {admin, nil, "shared@example.com", []string{acme.String(), ben.String()}},
		"of nobody":                    {admin, nil, "nobody@example.com", nil},
		"empty":                        {admin, nil, "", nil},
		"in other case":                {admin, nil, "Anna@example.com", nil},
		"and member":                   {admin, &ben, "shared@example.com", []string{ben.String()}},
		"and another member":           {admin, &anna, "shared@example.com", nil},
		"and organization":             {inAcme, nil, "shared@example.com", []string{acme.String()}},
		"and another organization":     {inAcme, nil, "anna@example.com", nil},
		"and member, not organization": {inAcme, &ben, "shared@example.com", []string{ben.String()}},
	} {
		page, err := w.list().Execute(t.Context(), c.caller, domain.ListRequest{MemberID: c.member, OwnerEmail: &c.email})
		slices.Sort(c.want)
		if got := owners(page); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: want rows of %v, got %v, %v", name, c.want, got, err)
		} else if page.Count.Total != int64(len(c.want)) {
			t.Errorf("%s: want %d counted, got %+v", name, len(c.want), page.Count)
		}
	}

	gone := domain.Errorf(domain.CodeUnavailable, "gone")
	w.byEmail = func(context.Context) error { return gone }
	if _, err := w.list().Execute(t.Context(), admin, domain.ListRequest{OwnerEmail: ptr("a")}); err != error(gone) {
		t.Errorf("want the port's error, got %v", err)
	}
	own := domain.Principal{ID: anna, Roles: []domain.Role{domain.RoleBatchAPIUser}}
	_, err := w.list().Execute(t.Context(), own, domain.ListRequest{OwnerEmail: ptr("anna@example.com")})
	wantAbout(t, err, errEmail, "created_by_email")
	_, err = w.list().Execute(t.Context(), own, domain.ListRequest{OwnerEmail: ptr("anna@example.com"), MemberID: &ben})
	wantAbout(t, err, errMember, "member_id")
}

func wantAbout(t *testing.T, err error, message, about string) {
	t.Helper()
	wantError(t, err, domain.CodeInvalid, message)
	if e, ok := errors.AsType[*domain.Error](err); ok && e.Parameter != about {
		t.Errorf("want an error of parameter %s, got one of %s", about, e.Parameter)
	}
}

// TestListPages: pages of lists of several sizes, in both orders, while other rows are
// added, deleted and change state.
func TestListPages(t *testing.T) {
	t.Parallel()
	states := []string{"completed", "processing", "pending", "claimed", "failed"}
	for _, activeFirst := range []bool{true, false} {
		for _, size := range []int64{1, 2, 3, 7, 101} {
			w := newWorld()
			var rows []porttest.Row
			for i := range 40 {
				// Ties of four.
				rows = append(rows, porttest.NewRow(anna.String(), states[i%5], noon.Add(time.Duration(i/4)*time.Microsecond)))
				w.AddResponse(rows[i])
			}
			seen := make(map[uuid.UUID]int)
			r := domain.ListRequest{ActiveFirst: &activeFirst, Limit: &size}
			for n := 0; ; n++ {
				page, err := w.list().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, r)
				if err != nil {
					t.Fatal(err)
				}
				for _, item := range page.Items {
					seen[item.ID]++
				}
				if page.Next == nil {
					break
				}
				if int64(len(page.Items)) != size {
					t.Fatalf("a page of %d with more to come, want %d", len(page.Items), size)
				}
				// Every third row is not to be relied upon.
				switch at := n % 14 * 3; n % 3 {
				case 0:
					rows[at].State = states[n%5]
					w.AddResponse(rows[at])
				case 1:
					if _, _, err := w.eraser().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, rows[at].ID, false); err != nil && domain.CodeOf(err) != domain.CodeNotFound {
						t.Fatal(err)
					}
				case 2:
					w.AddResponse(porttest.NewRow(anna.String(), states[n%5], noon.Add(time.Duration(n%15)*time.Microsecond)))
				}
				after, err := domain.ParseCursor(page.Next.String())
				if err != nil {
					t.Fatal(err)
				}
				r.After = &after
			}
			for i, row := range rows {
				if i%3 != 0 && seen[row.ID] != 1 {
					t.Errorf("active first %t, pages of %d: row %d: want it once, got it %d times", activeFirst, size, i, seen[row.ID])
				}
			}
		}
	}
}

// TestListCursorOfOtherList: a cursor is refused if one parameter of the list changes.
func TestListCursorOfOtherList(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for range 3 {
		w.put(anna.String())
	}
	admin := domain.Principal{ID: anna, Admin: true}
	wishes := func() domain.ListRequest {
		return domain.ListRequest{
			MemberID:    ptr(anna),
			ActiveFirst: ptr(true),
			Limit:       ptr(int64(2)),
			ResponseFilter: domain.ResponseFilter{
				States:        []string{"completed", "failed"},
				Models:        []string{"model-a", "model-b"},
				CreatedAfter:  ptr(noon.Add(-time.Hour)),
				CreatedBefore: ptr(noon.Add(time.Hour)),
				StatusMin:     ptr(int64(200)),
				StatusMax:     ptr(int64(299)),
				MinDuration:   ptr(time.Second),
				HasError:      ptr(false),
			},
		}
	}
	first, err := w.list().Execute(t.Context(), admin, wishes())
	if err != nil || first.Next == nil {
		t.Fatalf("want a page with more to come, got %+v, %v", first, err)
	}
	zone := time.FixedZone("", 3600)
	for name, change := range map[string]func(*domain.ListRequest){
		"nothing":             func(*domain.ListRequest) {},
		"limit":               func(r *domain.ListRequest) { r.Limit = nil },
		"count":               func(r *domain.ListRequest) { r.Count = domain.CountNone },
		"skip 0":              func(r *domain.ListRequest) { r.Skip = ptr(int64(0)) },
		"skip below 0":        func(r *domain.ListRequest) { r.Skip = ptr(int64(-1)) },
		"default order":       func(r *domain.ListRequest) { r.ActiveFirst = nil },
		"order of words":      func(r *domain.ListRequest) { r.Models = []string{"model-b", "model-a", "model-b"} },
		"another zone":        func(r *domain.ListRequest) { r.CreatedAfter = ptr(r.CreatedAfter.In(zone)) },
		"another zone before": func(r *domain.ListRequest) { r.CreatedBefore = ptr(r.CreatedBefore.In(zone)) },
	} {
		r := wishes()
		change(&r)
		r.After = first.Next
		page, err := w.list().Execute(t.Context(), admin, r)
		if err != nil || len(page.Items) != 1 || page.Next != nil {
			t.Errorf("%s: want the last row, got %+v, %v", name, page, err)
		}
	}
	for name, change := range map[string]func(*domain.ListRequest){
		"owner":          func(r *domain.ListRequest) { r.MemberID = &ben },
		"everyone":       func(r *domain.ListRequest) { r.MemberID = nil },
		"e-mail":         func(r *domain.ListRequest) { r.OwnerEmail = ptr("") },
		"state":          func(r *domain.ListRequest) { r.State = ptr("completed") },
		"states":         func(r *domain.ListRequest) { r.States = r.States[:1] },
		"all states":     func(r *domain.ListRequest) { r.States = nil },
		"no states":      func(r *domain.ListRequest) { r.States = []string{} },
		"models":         func(r *domain.ListRequest) { r.Models = append(r.Models, "model-c") },
		"tiers":          func(r *domain.ListRequest) { r.Tiers = []string{} },
		"created after":  func(r *domain.ListRequest) { r.CreatedAfter = ptr(r.CreatedAfter.Add(time.Microsecond)) },
		"created before": func(r *domain.ListRequest) { r.CreatedBefore = nil },
		"times swapped":  func(r *domain.ListRequest) { r.CreatedAfter, r.CreatedBefore = r.CreatedBefore, r.CreatedAfter },
		"status from":    func(r *domain.ListRequest) { *r.StatusMin++ },
		"status to":      func(r *domain.ListRequest) { *r.StatusMax++ },
		"duration":       func(r *domain.ListRequest) { *r.MinDuration++ },
		"error":          func(r *domain.ListRequest) { r.HasError = nil },
		"order":          func(r *domain.ListRequest) { r.ActiveFirst = ptr(false) },
	} {
		r := wishes()
		change(&r)
		r.After = first.Next
		_, err := w.list().Execute(t.Context(), admin, r)
		wantAbout(t, err, errAfter, "after")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	r := wishes()
	r.After, r.Skip = first.Next, ptr(int64(1))
	_, err = w.list().Execute(t.Context(), admin, r)
	wantAbout(t, err, errSkipAfter, "skip")
}

// TestListCounts: a list that was read to its end has an exact count, whatever was
// estimated.
func TestListCounts(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for range 3 {
		w.put(anna.String())
	}
	admin := domain.Principal{ID: anna, Admin: true}
	list := func(mode domain.CountMode, skip, limit int64, after *domain.Cursor) domain.ResponsePage {
		t.Helper()
		page, err := w.list().Execute(t.Context(), admin, domain.ListRequest{Count: mode, Skip: &skip, Limit: &limit, After: after})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	for _, mode := range []domain.CountMode{domain.CountAuto, domain.CountExact, domain.CountEstimate} {
		w.counted = nil
		page := list(mode, 0, 2, nil)
		if !slices.Equal(w.counted, []domain.CountMode{mode}) || page.Count == nil || page.Count.Exact != (mode != domain.CountEstimate) {
			t.Errorf("mode %d: asked for %v, got %+v", mode, w.counted, page.Count)
		}
	}
	w.counted = nil
	if page := list(domain.CountNone, 0, 10, nil); page.Count != nil || w.counted != nil {
		t.Errorf("want nothing counted, got %+v", page.Count)
	}
	next := list(domain.CountNone, 0, 2, nil).Next
	for name, c := range map[string]struct {
		page domain.ResponsePage
		want domain.Count
	}{
		"whole list, limit not reached": {list(domain.CountEstimate, 0, 10, nil), domain.Count{Total: 3, Exact: true}},
		"whole list, limit reached":     {list(domain.CountEstimate, 0, 3, nil), domain.Count{Total: 3, Exact: true}},
		"last page":                     {list(domain.CountEstimate, 2, 10, nil), domain.Count{Total: 3, Exact: true}},
		"first page":                    {list(domain.CountEstimate, 0, 2, nil), domain.Count{Total: 3}},
		"past the end":                  {list(domain.CountEstimate, 3, 10, nil), domain.Count{Total: 3}},
		"after a cursor":                {list(domain.CountEstimate, 0, 10, next), domain.Count{Total: 3}},
	} {
		if *c.page.Count != c.want {
			t.Errorf("%s: want %+v, got %+v", name, c.want, *c.page.Count)
		}
	}
	w = newWorld()
	if page := list(domain.CountEstimate, 0, 10, nil); *page.Count != (domain.Count{Exact: true}) {
		t.Errorf("want none for sure, got %+v", *page.Count)
	}
}

func TestSearches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request domain.ListRequest
		want    bool
	}{
		"everything":   {domain.ListRequest{Skip: ptr(int64(1000)), Count: domain.CountEstimate, MemberID: &anna}, false},
		"state":        {domain.ListRequest{State: ptr("failed")}, true},
		"address":      {domain.ListRequest{OwnerEmail: ptr("anna@example.com")}, true},
		"filter":       {domain.ListRequest{ResponseFilter: domain.ResponseFilter{HasError: ptr(true)}}, true},
		"many skipped": {domain.ListRequest{Skip: ptr(int64(1001))}, true},
		"exact count":  {domain.ListRequest{Count: domain.CountExact}, true},
	} {
		if got := c.request.Searches(); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
}
