package domain_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

func (w *world) allAccesses(t *testing.T) []domain.Access {
	t.Helper()
	found, err := w.AccessLog().Page(t.Context(), domain.AccessQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestAccessRecorded: only contents shown of another owner's response are recorded.
func TestAccessRecorded(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		for _, organization := range []*uuid.UUID{nil, &acme} {
			for _, owner := range []string{anna.String(), ben.String(), acme.String(), globex.String(), "someone", ""} {
				for _, omit := range []bool{false, true} {
					w := newWorld()
					row := w.put(owner)
					caller := c.principal
					caller.Organization = organization
					_, err := w.getter().Execute(t.Context(), caller, domain.GetRequest{ID: row.ID, OmitContents: omit, Address: "192.0.2.7"})
					own := owner == anna.String() || organization != nil && owner == organization.String()
					accesses := w.allAccesses(t)
					if want := err == nil && !omit && !own; (len(accesses) == 1) != want || len(accesses) > 1 {
						t.Errorf("%s, owner %s, omit %t: want a record: %t, got %+v", c.name, owner, omit, want, accesses)
					}
					for _, l := range accesses {
						if want := (domain.Access{ID: l.ID, At: noon, By: anna, Response: row.ID, Owner: owner, Address: "192.0.2.7"}); l != want || l.ID.Version() != 4 {
							t.Errorf("want %+v, got %+v", want, l)
						}
					}
				}
			}
		}
	}
}

// TestGetAccessNotRecorded: contents are not shown if the access cannot be recorded;
// the caller's own need no record.
func TestGetAccessNotRecorded(t *testing.T) {
	t.Parallel()
	const unrecorded = "Could not record this access, so the response is not shown; try again later"
	admin := domain.Principal{ID: anna, Admin: true}
	for name, c := range map[string]struct {
		err  error
		code domain.Code
	}{
		"unavailable":    {domain.ErrNotRecorded(domain.Errorf(domain.CodeUnavailable, "gone")), domain.CodeUnavailable},
		"internal error": {domain.ErrNotRecorded(domain.Errorf(domain.CodeInternal, "no table")), domain.CodeUnavailable},
		"erased":         {domain.Errorf(domain.CodeNotFound, "none"), domain.CodeNotFound},
	} {
		w := newWorld()
		w.record = func(context.Context) error { return c.err }
		mine, others := w.put(anna.String()), w.put(ben.String())
		got, err := w.getter().Execute(t.Context(), admin, domain.GetRequest{ID: others.ID})
		want := c.err.Error()
		if c.code == domain.CodeNotFound {
			want = notFound(others.ID)
		} else if !strings.HasPrefix(want, unrecorded+": ") {
			t.Errorf("%s: got the words %q, want %q", name, want, unrecorded)
		}
		wantError(t, err, c.code, want)
		if got != (domain.ResponseDetail{}) {
			t.Errorf("%s: refused: want an empty result, got %+v", name, got)
		}
		for _, r := range []domain.GetRequest{{ID: mine.ID}, {ID: others.ID, OmitContents: true}} {
			if _, err := w.getter().Execute(t.Context(), admin, r); err != nil {
				t.Errorf("%s: %+v: %v", name, r, err)
			}
		}
	}
	for _, owner := range []string{ben.String(), "someone"} {
		w := newWorld()
		others := w.put(owner)
		ctx, cancel := context.WithCancel(t.Context())
		w.record = func(ctx context.Context) error { cancel(); return ctx.Err() }
		if _, err := w.getter().Execute(ctx, admin, domain.GetRequest{ID: others.ID}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: want the context's error, got %v", owner, err)
		}
	}
}

var errUnrecorded = errors.New("anybody's contents read without a record")

// unwritable is a world whose access log cannot be written at all.
type unwritable struct{ *world }

func (w unwritable) Get(ctx context.Context, id uuid.UUID, owners []string, limit int64, record *domain.Recording) (domain.Response, domain.Contents, error) {
	if record != nil {
		return domain.Response{}, domain.Contents{}, domain.ErrNotRecorded(errors.New("no table"))
	}
	if owners == nil {
		return domain.Response{}, domain.Contents{}, errUnrecorded
	}
	return w.world.Get(ctx, id, owners, limit, record)
}

func (w unwritable) Steps(ctx context.Context, q domain.StepQuery, record *domain.Recording) (domain.StepPart, error) {
	if record == nil && q.Owners == nil && q.Payloads {
		return domain.StepPart{}, errUnrecorded
	}
	part, err := w.world.Steps(ctx, q, record)
	if record != nil && q.Payloads && err == nil && len(part.Steps) > 0 {
		return domain.StepPart{}, domain.ErrNotRecorded(errors.New("no table"))
	}
	return part, err
}

// TestGetAccessLogUnwritable: what needs no record is answered all the same.
func TestGetAccessLogUnwritable(t *testing.T) {
	t.Parallel()
	w := newWorld()
	get := domain.NewGetResponse(unwritable{w}, w, w, time.Now, w.logger())
	for owner, code := range map[string]domain.Code{
		anna.String(): "", acme.String(): "", ben.String(): domain.CodeUnavailable, "": domain.CodeUnavailable,
	} {
		row := w.put(owner)
		got, err := get.Execute(t.Context(), domain.Principal{ID: anna, Admin: true, Organization: &acme}, domain.GetRequest{ID: row.ID})
		if err != nil && domain.CodeOf(err) != code || (err == nil) != (code == "") || (got.Prompt == row.Prompt) != (code == "") {
			t.Errorf("owner %q: got %+v, %v; want the code %q", owner, got, err, code)
		}
	}
	_, err := get.Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, domain.GetRequest{ID: uuid.New()})
	if domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("an unknown identifier: got %v, want not found", err)
	}
	row := w.put(anna.String())
	w.get = func(context.Context) error { return domain.Errorf(domain.CodeUnavailable, "gone") }
	if _, err = get.Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, domain.GetRequest{ID: row.ID}); domain.CodeOf(err) != domain.CodeUnavailable {
		t.Errorf("the database is gone: got %v", err)
	}
}

func TestListAccessLog(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.AddPerson(porttest.Person{ID: ben, Email: "ben@example.com", Deleted: true})
	var all []domain.Access
	for i := range 25 {
		row := w.put([]string{ben.String(), globex.String(), "someone", anna.String()}[i%4])
		l := domain.Access{ID: uuid.New(), At: noon.Add(time.Duration(i/3) * time.Second), By: []uuid.UUID{ben, globex, anna}[i%3], Response: row.ID, Owner: row.Owner}
		if _, _, err := w.Get(t.Context(), row.ID, nil, math.MaxInt64, &domain.Recording{Access: l}); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	admin := domain.Principal{ID: anna, Email: "anna@example.com", Admin: true}
	known := map[string]string{ben.String(): "ben@example.com", anna.String(): "anna@example.com"}
	for _, filter := range []domain.AccessFilter{{}, {Owner: ptr("someone")}, {By: &ben, From: &all[4].At}, {Response: &all[0].Response}} {
		seen := map[uuid.UUID]bool{}
		r := domain.AccessLogRequest{Filter: filter, Limit: ptr(int64(4))}
		for {
			page, err := w.accessLister().Execute(t.Context(), admin, r)
			if err != nil || page.Limit != 4 {
				t.Fatalf("limit: want 4, got %d, %v", page.Limit, err)
			}
			for _, item := range page.Items {
				if seen[item.ID] || !filter.Matches(item.Access) {
					t.Errorf("%+v: got %+v", filter, item)
				}
				seen[item.ID] = true
				if by, ok := known[item.By.String()]; ok != (item.ByEmail != nil) || ok && *item.ByEmail != by {
					t.Errorf("address of caller %s: got %v", item.By, item.ByEmail)
				}
				if owner, ok := known[item.Owner]; ok != (item.OwnerEmail != nil) || ok && *item.OwnerEmail != owner {
					t.Errorf("address of owner %s: got %v", item.Owner, item.OwnerEmail)
				}
			}
			if page.Next == nil {
				break
			}
			again, err := domain.ParseCursor(page.Next.String())
			if err != nil {
				t.Fatal(err)
			}
			r.After = &again
			other := domain.AccessLogRequest{Filter: domain.AccessFilter{Owner: ptr("another")}, After: &again}
			if _, err := w.accessLister().Execute(t.Context(), admin, other); domain.CodeOf(err) != domain.CodeInvalid {
				t.Errorf("cursor of another list: want %s, got %v", domain.CodeInvalid, err)
			}
			if _, err := w.list().Execute(t.Context(), admin, domain.ListRequest{After: &again}); domain.CodeOf(err) != domain.CodeInvalid {
				t.Errorf("cursor of the access log, for responses: want %s, got %v", domain.CodeInvalid, err)
			}
		}
		want := 0
		for _, l := range all {
			if filter.Matches(l) {
				want++
			}
		}
		if len(seen) != want || want == 0 {
			t.Errorf("%+v: %d records, want %d", filter, len(seen), want)
		}
	}
	for limit, want := range map[int64]int64{-1: 1, 0: 1, 1: 1, 1000: domain.MaxLimit} {
		if page, err := w.accessLister().Execute(t.Context(), admin, domain.AccessLogRequest{Limit: &limit}); err != nil || page.Limit != want {
			t.Errorf("limit %d: got %d, %v", limit, page.Limit, err)
		}
	}
	w.emails = func(context.Context) error { return errors.New("users are gone") }
	page, err := w.accessLister().Execute(t.Context(), admin, domain.AccessLogRequest{})
	if err != nil || int64(len(page.Items)) != domain.DefaultLimit || page.Limit != domain.DefaultLimit || w.log.Len() == 0 {
		t.Errorf("want records without addresses and a warning, got %+v, %v", page, err)
	}
	gone := domain.Errorf(domain.CodeUnavailable, "gone")
	w.readAccessLog = func(context.Context) error { return gone }
	if _, err := w.accessLister().Execute(t.Context(), admin, domain.AccessLogRequest{}); err != error(gone) {
		t.Errorf("want the port's error as it is, got %v", err)
	}
	for _, c := range callers {
		if c.principal.Admin {
			continue
		}
		w.readAccessLog = func(context.Context) error { t.Error("the access log was read"); return nil }
		_, err := w.accessLister().Execute(t.Context(), c.principal, domain.AccessLogRequest{})
		wantError(t, err, domain.CodeForbidden, "Insufficient permissions to Read AccessLog")
	}
}
