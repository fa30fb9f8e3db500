package domain_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

var reader = domain.Principal{ID: anna, Roles: []domain.Role{domain.RolePlatformManager}}

// putAll stores this many responses of an owner, a minute apart; the newest is at noon.
// It returns them newest first.
func (w *world) putAll(owner string, n int) []porttest.Row {
	rows := make([]porttest.Row, n)
	for i := range rows {
		rows[i] = porttest.NewRow(owner, "completed", noon.Add(-time.Duration(i)*time.Minute))
		w.AddResponse(rows[i])
	}
	return rows
}

func (w *world) export(t *testing.T, caller domain.Principal, r domain.ExportRequest) *domain.Export {
	t.Helper()
	e, err := w.exporter().Start(t.Context(), caller, r)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// rest returns everything that an export still has, and the cursor after its next part.
func rest(t *testing.T, e *domain.Export) (items []domain.ResponseDetail, next *domain.Cursor) {
	t.Helper()
	for parts := 0; ; parts++ {
		page, err := e.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, page.Items...)
		if parts == 0 {
			next = page.Next
		}
		if page.Next == nil {
			return items, next
		}
	}
}

func idsOf(items []domain.ResponseDetail) []uuid.UUID {
	ids := make([]uuid.UUID, len(items))
	for i, item := range items {
		ids[i] = item.ID
	}
	return ids
}

// TestExportScope: an export has what a list has, for every caller and parameter.
func TestExportScope(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for _, owner := range []string{anna.String(), ben.String(), acme.String(), "someone"} {
		w.put(owner)
		w.put(owner)
	}
	for _, c := range callers {
		for _, organization := range []*uuid.UUID{nil, &acme} {
			for _, r := range []domain.ListRequest{
				{}, {MemberID: &anna}, {MemberID: &ben}, {OwnerEmail: ptr("ben@example.com")}, {State: ptr("completed")}, {State: ptr("failed")},
				{ResponseFilter: domain.ResponseFilter{Models: []string{"none"}}},
			} {
				caller := c.principal
				caller.Organization = organization
				r.Limit, r.ActiveFirst = ptr(int64(100)), ptr(false)
				list, want := w.list().Execute(t.Context(), caller, r)
				e, err := w.exporter().Start(t.Context(), caller, domain.ExportRequest{ListRequest: r})
				if want != nil || err != nil {
					if want == nil || err == nil || err.Error() != want.Error() {
						t.Errorf("%s, %+v: want the list's error %v, got %v", c.name, r, want, err)
					}
					continue
				}
				got, _ := rest(t, e)
				if len(got) != len(list.Items) {
					t.Fatalf("%s, %+v: want %d responses, got %d", c.name, r, len(list.Items), len(got))
				}
				for i, item := range list.Items {
					if !reflect.DeepEqual(item, got[i].ResponseSummary) {
						t.Errorf("%s, %+v: want %+v, got %+v", c.name, r, item, got[i])
					}
				}
			}
		}
	}
}

// TestExportMeanwhile: what is created after the start, or erased before the export
// reaches it, is left out; everything else comes once, with contents and without.
func TestExportMeanwhile(t *testing.T) {
	t.Parallel()
	for _, contents := range []bool{false, true} {
		w := newWorld()
		rows := w.putAll(ben.String(), 2100)
		e := w.export(t, reader, domain.ExportRequest{Contents: contents})
		w.AddResponse(porttest.NewRow(ben.String(), "completed", noon.Add(time.Microsecond)))
		first, err := e.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if size := map[bool]int{false: 1000, true: 64}[contents]; len(first.Items) != size {
			t.Errorf("contents %t: want %d at a time, got %d", contents, size, len(first.Items))
		}
		w.AddResponse(porttest.NewRow(ben.String(), "completed", noon.Add(time.Microsecond)))
		erased := rows[1500]
		if _, err := w.Store.Erase(t.Context(), erased.ID, nil, porttest.Permit); err != nil {
			t.Fatal(err)
		}
		others, _ := rest(t, e)
		want := make([]uuid.UUID, 0, len(rows))
		for _, row := range rows {
			if row.ID != erased.ID {
				want = append(want, row.ID)
			}
		}
		if got := append(idsOf(first.Items), idsOf(others)...); !slices.Equal(got, want) {
			t.Errorf("contents %t: want %d responses in order, got %d", contents, len(want), len(got))
		}
		for i, item := range first.Items {
			if (item.Prompt == rows[i].Prompt) != contents || (item.Answer != nil) != contents {
				t.Fatalf("contents %t: got %+v", contents, item.Contents)
			}
		}
	}
}

// TestExportResumed: an export goes on after a cursor, with exactly what was missing.
func TestExportResumed(t *testing.T) {
	t.Parallel()
	w := newWorld()
	rows := w.putAll(anna.String(), 1500)
	request := domain.ExportRequest{ListRequest: domain.ListRequest{State: ptr("completed")}}
	all, next := rest(t, w.export(t, reader, request))
	if next == nil || len(all) != len(rows) {
		t.Fatalf("want %d responses and a cursor, got %d and %v", len(rows), len(all), next)
	}
	w.AddResponse(porttest.NewRow(anna.String(), "completed", noon))
	request.After = next
	missing, _ := rest(t, w.export(t, reader, request))
	if !slices.Equal(idsOf(missing), idsOf(all[1000:])) {
		t.Errorf("want the last %d, got %d", len(all)-1000, len(missing))
	}
}

// TestExportForeignCursor: a cursor is refused by every other export, and by every list,
// and so is a list's by an export.
func TestExportForeignCursor(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.putAll(ben.String(), 1001)
	_, next := rest(t, w.export(t, reader, domain.ExportRequest{}))
	for name, r := range map[string]domain.ExportRequest{
		"contents": {Contents: true},
		"scope":    {ListRequest: domain.ListRequest{MemberID: &ben}},
		"address":  {ListRequest: domain.ListRequest{OwnerEmail: ptr("ben@example.com")}},
		"state":    {ListRequest: domain.ListRequest{State: ptr("completed")}},
		"filter":   {ListRequest: domain.ListRequest{ResponseFilter: domain.ResponseFilter{HasError: ptr(false)}}},
	} {
		r.After = next
		_, err := w.exporter().Start(t.Context(), reader, r)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantError(t, err, domain.CodeInvalid, errAfter)
	}
	own := domain.Principal{ID: ben, Roles: []domain.Role{domain.RoleBatchAPIUser}}
	_, err := w.exporter().Start(t.Context(), own, domain.ExportRequest{ListRequest: domain.ListRequest{After: next}})
	wantError(t, err, domain.CodeInvalid, errAfter)
	_, err = w.list().Execute(t.Context(), reader, domain.ListRequest{After: next, ActiveFirst: ptr(false)})
	wantError(t, err, domain.CodeInvalid, errAfter)
	page, err := w.list().Execute(t.Context(), reader, domain.ListRequest{ActiveFirst: ptr(false)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.exporter().Start(t.Context(), reader, domain.ExportRequest{ListRequest: domain.ListRequest{After: page.Next}})
	wantError(t, err, domain.CodeInvalid, errAfter)
}

// TestExportRecord: an export of contents that may be somebody else's has one record, and
// others have none.
func TestExportRecord(t *testing.T) {
	t.Parallel()
	admin := domain.Principal{ID: anna, Admin: true}
	forAcme, member := admin, domain.Principal{ID: ben, Roles: []domain.Role{domain.RoleBatchAPIUser}, Organization: &acme}
	forAcme.Organization = &acme
	late := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		caller   domain.Principal
		request  domain.ExportRequest
		recorded bool
		owner    string
		filter   domain.ResponseFilter
	}{
		"everyone's":            {admin, domain.ExportRequest{Contents: true}, true, "", domain.ResponseFilter{}},
		"without contents":      {admin, domain.ExportRequest{}, false, "", domain.ResponseFilter{}},
		"of one":                {admin, domain.ExportRequest{Contents: true, ListRequest: domain.ListRequest{MemberID: &ben}}, true, ben.String(), domain.ResponseFilter{Owners: []string{ben.String()}}},
		"their own":             {admin, domain.ExportRequest{Contents: true, ListRequest: domain.ListRequest{MemberID: &anna}}, false, "", domain.ResponseFilter{}},
		"of their organization": {forAcme, domain.ExportRequest{Contents: true}, false, "", domain.ResponseFilter{}},
		"of nobody":             {admin, domain.ExportRequest{Contents: true, ListRequest: domain.ListRequest{OwnerEmail: ptr("nobody")}}, false, "", domain.ResponseFilter{}},
		"by a member":           {member, domain.ExportRequest{Contents: true}, false, "", domain.ResponseFilter{}},
		"with a filter": {reader, domain.ExportRequest{Contents: true, ListRequest: domain.ListRequest{State: ptr("completed"), ResponseFilter: domain.ResponseFilter{CreatedBefore: &late, CreatedAfter: ptr(noon.AddDate(-1, 0, 0))}}},
			true, "", domain.ResponseFilter{States: []string{"completed"}, CreatedAfter: ptr(noon.AddDate(-1, 0, 0))}},
	} {
		w := newWorld()
		w.putAll(ben.String(), 200)
		w.putAll(anna.String(), 10)
		c.request.Address = "192.0.2.7"
		e := w.export(t, c.caller, c.request)
		if log := w.accesses(t); len(log) != 0 {
			t.Errorf("%s: recorded before anything was read: %+v", name, log)
		}
		rest(t, e)
		log := w.accesses(t)
		if len(log) > 1 || (len(log) == 1) != c.recorded {
			t.Errorf("%s: want a record: %t, got %+v", name, c.recorded, log)
			continue
		}
		for _, l := range log {
			want := domain.Access{ID: l.ID, At: noon, By: c.caller.ID, Owner: c.owner, Address: "192.0.2.7", Export: &c.filter}
			if l.ID == uuid.Nil || !reflect.DeepEqual(l, want) {
				t.Errorf("%s: want %+v, got %+v with %+v", name, want, l, l.Export)
			}
		}
	}
}

func (w *world) accesses(t *testing.T) []domain.Access {
	t.Helper()
	log, err := w.AccessLog().Page(t.Context(), domain.AccessQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// TestExportNotRecorded: without a record nothing is read, and the export can be asked
// again.
func TestExportNotRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.put(ben.String())
	w.record = func(context.Context) error { return errors.New("disk full") }
	w.page = func(context.Context) error { return errors.New("read without a record") }
	e := w.export(t, reader, domain.ExportRequest{Contents: true})
	_, err := e.Next(t.Context())
	wantError(t, err, domain.CodeUnavailable, "Could not record this access, so the response is not shown; try again later: disk full")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("want the context's error, got %v", err)
	}
	w.record, w.page = nil, nil
	if items, _ := rest(t, e); len(items) != 1 || len(w.accesses(t)) != 1 {
		t.Errorf("want one response and one record, got %d and %d", len(items), len(w.accesses(t)))
	}
}

// TestExportContinue: an export goes on only while its caller may see all of it.
func TestExportContinue(t *testing.T) {
	t.Parallel()
	w := newWorld()
	user := domain.Principal{ID: anna, Roles: []domain.Role{domain.RoleBatchAPIUser}}
	with := func(p domain.Principal, organization *uuid.UUID) domain.Principal {
		p.Organization = organization
		return p
	}
	acmes := domain.ExportRequest{Contents: true, ListRequest: domain.ListRequest{MemberID: &acme}}
	for name, c := range map[string]struct {
		caller  domain.Principal
		request domain.ExportRequest
		now     domain.Principal
		goesOn  bool
	}{
		"unchanged":                        {reader, domain.ExportRequest{}, reader, true},
		"reader without a role":            {reader, domain.ExportRequest{}, domain.Principal{ID: anna}, false},
		"reader without the organization":  {with(reader, &acme), domain.ExportRequest{}, reader, false},
		"still everyone's":                 {reader, domain.ExportRequest{}, domain.Principal{ID: anna, Admin: true}, true},
		"own only":                         {reader, domain.ExportRequest{}, user, false},
		"without a role":                   {user, domain.ExportRequest{}, domain.Principal{ID: anna}, false},
		"somebody else":                    {reader, domain.ExportRequest{}, domain.Principal{ID: ben, Admin: true}, false},
		"another's organization":           {with(user, &acme), domain.ExportRequest{}, with(user, &globex), false},
		"without the organization":         {with(user, &acme), domain.ExportRequest{}, user, false},
		"same organization":                {with(user, &acme), domain.ExportRequest{}, with(user, &acme), true},
		"manager, member no more":          {with(reader, &acme), acmes, reader, false},
		"manager, member no more, summary": {with(reader, &acme), domain.ExportRequest{ListRequest: acmes.ListRequest}, reader, true},
		"manager, member still":            {with(reader, &acme), acmes, with(reader, &acme), true},
		"manager, never a member":          {reader, acmes, reader, true},
	} {
		err := w.export(t, c.caller, c.request).Continue(c.now)
		if c.goesOn != (err == nil) {
			t.Errorf("%s: want it to go on: %t, got %v", name, c.goesOn, err)
		}
		if err != nil {
			wantError(t, err, domain.CodeForbidden, errReadForbidden)
		}
	}
	// Their own responses have the address that they have now.
	w.put(anna.String())
	before, now := reader, reader
	before.Email, now.Email = "before@example.com", "now@example.com"
	e := w.export(t, before, domain.ExportRequest{})
	if err := e.Continue(now); err != nil {
		t.Fatal(err)
	}
	if items, _ := rest(t, e); len(items) != 1 || items[0].OwnerEmail == nil || *items[0].OwnerEmail != now.Email {
		t.Errorf("want one of %s, got %+v", now.Email, items)
	}
}

// TestExportLargeContents: large contents are read alone, and encrypted ones withheld.
func TestExportLargeContents(t *testing.T) {
	t.Parallel()
	w := newWorld()
	sized := func(bytes int64) porttest.Row {
		row := porttest.NewRow(ben.String(), "completed", noon)
		row.Prompt += strings.Repeat("x", int(bytes-row.Contents.Bytes()))
		return row
	}
	small, large, gone, secret := sized(32_768), sized(32_769), sized(40<<10), porttest.NewRow(ben.String(), "completed", noon)
	secret.Answer = ptr("dwzdr1:abc")
	for _, row := range []porttest.Row{small, large, secret, gone} {
		w.AddResponse(row)
	}
	e := w.export(t, reader, domain.ExportRequest{Contents: true})
	items, _ := rest(t, e)
	if len(items) != 4 {
		t.Fatalf("want 4 responses, got %d", len(items))
	}
	if _, err := w.Store.Erase(t.Context(), gone.ID, nil, porttest.Permit); err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		switch item.ID {
		case small.ID:
			if item.Left != 0 || item.Prompt != small.Prompt {
				t.Errorf("want contents of %d bytes, got %d left", small.Contents.Bytes(), item.Left)
			}
		case secret.ID:
			if item.Answer != nil || !item.Withheld.Answer || item.Prompt != secret.Prompt || item.Left != 0 {
				t.Errorf("want the answer withheld, got %+v", item)
			}
		case large.ID:
			if item.Left != large.Contents.Bytes() || item.Prompt != "" {
				t.Errorf("want only the size, got %d and %q", item.Left, item.Prompt)
			}
			if less, err := e.Whole(t.Context(), item, 5); err != nil || less.Left != item.Left {
				t.Errorf("below its size: got %d left, %v", less.Left, err)
			}
			whole, err := e.Whole(t.Context(), item, item.Left)
			if err != nil || whole.Prompt != large.Prompt || whole.Left != 0 || !reflect.DeepEqual(whole.ResponseSummary, item.ResponseSummary) {
				t.Errorf("got %d left, %v", whole.Left, err)
			}
		case gone.ID:
			if _, err := e.Whole(t.Context(), item, item.Left); domain.CodeOf(err) != domain.CodeNotFound {
				t.Errorf("erased meanwhile: got %v", err)
			}
		}
	}
}

// GetAll fails as Get does.
func (w *world) GetAll(ctx context.Context, ids []uuid.UUID, owners []string, limit int64) (map[uuid.UUID]domain.ResponseContents, error) {
	if w.get != nil {
		if err := w.get(ctx); err != nil {
			return nil, err
		}
	}
	return w.Store.GetAll(ctx, ids, owners, limit)
}

// TestExportContentsMeanwhile: a response that is erased just before its contents are
// read is left out, and one that is changed comes as it is by then.
func TestExportContentsMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld()
	rows := w.putAll(ben.String(), 3)
	changed := rows[2]
	changed.State, changed.Answer = "failed", ptr("another")
	w.get = func(ctx context.Context) error {
		w.AddResponse(changed)
		_, err := w.Store.Erase(ctx, rows[1].ID, nil, porttest.Permit)
		return err
	}
	items, _ := rest(t, w.export(t, reader, domain.ExportRequest{Contents: true}))
	if want := []uuid.UUID{rows[0].ID, changed.ID}; !slices.Equal(idsOf(items), want) {
		t.Fatalf("want %v, got %v", want, idsOf(items))
	}
	if got := items[1]; got.State != "failed" || got.Answer == nil || *got.Answer != "another" {
		t.Errorf("want it as it is by now, got %+v", got)
	}
}

// TestExportOwnerUnknown: if it cannot be told whose address it is, nothing begins.
func TestExportOwnerUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.byEmail = func(context.Context) error { return domain.Errorf(domain.CodeUnavailable, "away") }
	_, err := w.exporter().Start(t.Context(), reader, domain.ExportRequest{ListRequest: domain.ListRequest{OwnerEmail: ptr("ben@example.com")}})
	wantError(t, err, domain.CodeUnavailable, "away")
}

// TestExportRepeated: after an error the same part can be read again.
func TestExportRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld()
	const size = 64
	rows := w.putAll(ben.String(), size+20)
	e := w.export(t, reader, domain.ExportRequest{Contents: true})
	if _, err := e.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, fails := range []*func(context.Context) error{&w.page, &w.get, &w.latest} {
		*fails = func(context.Context) error { return domain.Errorf(domain.CodeUnavailable, "away") }
		if _, err := e.Next(t.Context()); domain.CodeOf(err) != domain.CodeUnavailable {
			t.Errorf("want %s, got %v", domain.CodeUnavailable, err)
		}
		*fails = nil
	}
	if items, _ := rest(t, e); len(items) != len(rows)-size {
		t.Errorf("want the last %d, got %d", len(rows)-size, len(items))
	}
}
