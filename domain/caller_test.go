package domain_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

func TestGetCaller(t *testing.T) {
	t.Parallel()
	w := newWorld()
	acme, globex := uuid.New(), uuid.New()
	w.AddOrganization(porttest.Organization{ID: acme, Email: "acme@example.com"})
	w.AddOrganization(porttest.Organization{ID: globex, Email: "globex@example.com"})
	for name, c := range map[string]struct {
		admin  bool
		roles  []domain.Role
		active *uuid.UUID
		want   string
	}{
		"without a role": {want: "none none none none false false false [acme@example.com]"},
		"reader":         {roles: []domain.Role{domain.RoleConnectionsUser}, want: "own own none own false false false [acme@example.com]"},
		"user":           {roles: []domain.Role{domain.RoleBatchAPIUser}, active: &acme, want: "own own own own false false false [acme@example.com]"},
		"manager":        {roles: []domain.Role{domain.RolePlatformManager}, active: &globex, want: "all all all all true true false [acme@example.com globex@example.com]"},
		"administrator":  {admin: true, want: "all all all all true true true [acme@example.com]"},
	} {
		person := porttest.Person{ID: uuid.New(), Email: name + "@example.com", Admin: c.admin, Roles: c.roles}
		w.AddPerson(person)
		w.AddMembership(porttest.Membership{Person: person.ID, Organization: acme})
		got, err := domain.NewGetCaller(w, w.logger()).Execute(t.Context(),
			domain.Principal{ID: person.ID, Email: person.Email, Admin: c.admin, Roles: c.roles, Organization: c.active})
		var organizations []string
		for _, o := range got.Organizations {
			organizations = append(organizations, *o.Email)
		}
		can := got.Can
		shown := fmt.Sprintf("%v %v %v %v %v %v %v %v", can.List, can.Contents, can.Erase, can.Export, can.Holds, can.Retention, can.AccessLog, organizations)
		if err != nil || shown != c.want || got.ID != person.ID {
			t.Errorf("%s: want %s, got %s, %v", name, c.want, shown, err)
		}
	}
}

func TestGetCallerWithoutAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.emails = func(context.Context) error { return errors.New("no addresses") }
	acme := uuid.New()
	got, err := domain.NewGetCaller(w, w.logger()).Execute(t.Context(), domain.Principal{ID: uuid.New(), Organization: &acme})
	if err != nil || len(got.Organizations) != 1 || got.Organizations[0].ID != acme || got.Organizations[0].Email != nil {
		t.Errorf("want the active organization without an address, got %+v, %v", got.Organizations, err)
	}
}

func TestFindOwners(t *testing.T) {
	t.Parallel()
	w := newWorld()
	acme := porttest.Organization{ID: uuid.New(), Email: "office@acme.example"}
	anna := porttest.Person{ID: uuid.New(), Email: "anna@acme.example"}
	ben := porttest.Person{ID: uuid.New(), Email: "ben@acme.example", Deleted: true}
	w.AddOrganization(acme)
	w.AddPerson(anna)
	w.AddPerson(ben)
	w.AddMembership(porttest.Membership{Person: anna.ID, Organization: acme.ID})
	w.put(anna.ID.String())
	w.put(ben.ID.String())
	w.put(ben.ID.String())
	u := domain.NewFindOwners(w, w)
	as := func(role domain.Role) domain.Principal {
		return domain.Principal{ID: anna.ID, Roles: []domain.Role{role}}
	}
	for role, want := range map[domain.Role]string{
		domain.RolePlatformManager: "[anna@acme.example 1 ben@acme.example 2 office@acme.example 0]",
		domain.RoleConnectionsUser: "[anna@acme.example 1 office@acme.example 0]",
	} {
		found, more, err := u.Execute(t.Context(), as(role), " ACME ")
		var shown []string
		for _, o := range found {
			shown = append(shown, fmt.Sprint(o.Email, " ", o.Responses.Total))
		}
		if err != nil || more || fmt.Sprint(shown) != want {
			t.Errorf("%s: want %s, got %v, %t, %v", role, want, shown, more, err)
		}
	}
	_, _, err := u.Execute(t.Context(), as("STANDARDUSER"), "acme")
	wantError(t, err, domain.CodeForbidden, "Insufficient permissions to Read Batches")
	for _, text := range []string{"", "ac", "  üü  "} {
		_, _, err = u.Execute(t.Context(), as(domain.RolePlatformManager), text)
		wantError(t, err, domain.CodeInvalid, "q: must have at least 3 characters: an identifier, or a part of an e-mail address or a name")
	}
	for i := range 30 {
		w.AddPerson(porttest.Person{ID: uuid.New(), Email: fmt.Sprintf("%02d@many.example", i)})
	}
	if found, more, err := u.Execute(t.Context(), as(domain.RolePlatformManager), "many.example"); err != nil || !more || len(found) != 20 || found[19].Email != "19@many.example" {
		t.Errorf("want the first 20 of 30, got %d, %t, %v", len(found), more, err)
	}
}

func TestIdentifyOwner(t *testing.T) {
	t.Parallel()
	w := newWorld()
	acme := porttest.Organization{ID: uuid.New(), Email: "office@acme.example"}
	anna := porttest.Person{ID: uuid.New(), Email: "Anna@acme.example"}
	gone := porttest.Person{ID: uuid.New(), Email: "gone@acme.example", Deleted: true}
	twin := porttest.Person{ID: uuid.New(), Email: "twin@acme.example"}
	Twin := porttest.Person{ID: uuid.New(), Email: "Twin@acme.example", Deleted: true}
	w.AddOrganization(acme)
	w.AddMembership(porttest.Membership{Person: anna.ID, Organization: acme.ID})
	for _, p := range []porttest.Person{anna, gone, twin, Twin} {
		w.AddPerson(p)
	}
	const (
		noName = "owner: must be the UUID or the whole e-mail address of a person or an organization; find both at /lethe/api/v1/owners?q="
		nobody = "owner: no person or organization that you may see has this e-mail address; search for it at /lethe/api/v1/owners?q="
	)
	manager, user := []domain.Role{domain.RolePlatformManager}, []domain.Role{domain.RoleBatchAPIUser}
	stranger := uuid.New()
	for _, c := range []struct {
		roles []domain.Role
		text  string
		want  uuid.UUID
		err   string
	}{
		{manager, "anna@ACME.example", anna.ID, ""},
		{manager, "gone@acme.example", gone.ID, ""},
		{manager, "office@acme.example", acme.ID, ""},
		{manager, "twin@acme.example", twin.ID, ""},
		{manager, "Twin@acme.example", Twin.ID, ""},
		{manager, strings.ToUpper(stranger.String()), stranger, ""},
		{manager, "nna@acme.example", uuid.Nil, nobody},
		{manager, "anna", uuid.Nil, noName},
		{manager, "", uuid.Nil, noName},
		{user, "anna@acme.example", anna.ID, ""},
		{user, "office@acme.example", acme.ID, ""},
		{user, "gone@acme.example", uuid.Nil, nobody},
		{nil, "Anna@acme.example", anna.ID, ""},
		{nil, "gone@acme.example", uuid.Nil, nobody},
		{user, stranger.String(), stranger, ""},
	} {
		got, err := domain.NewIdentifyOwner(w).Execute(t.Context(), domain.Principal{ID: anna.ID, Roles: c.roles}, "owner", c.text)
		if c.err != "" {
			wantError(t, err, domain.CodeInvalid, c.err)
		} else if err != nil {
			t.Errorf("%v, %q: %v", c.roles, c.text, err)
		}
		if got != c.want {
			t.Errorf("%v, %q: want %s, got %s", c.roles, c.text, c.want, got)
		}
	}
	_, err := domain.NewIdentifyOwner(w).Execute(t.Context(), domain.Principal{ID: anna.ID, Admin: true}, "owners", "TWIN@acme.example")
	wantError(t, err, domain.CodeConflict, "owners: several people or organizations have this e-mail address; give the UUID of one of the choices")
	if e, ok := errors.AsType[*domain.Error](err); !ok || e.Parameter != "owners" || len(e.Choices) != 2 {
		t.Errorf("want two choices, got %+v", err)
	}
}

// TestAccessLogOwner: an owner that is spelled so comes before a person with this address.
func TestAccessLogOwner(t *testing.T) {
	t.Parallel()
	w := newWorld()
	anna := porttest.Person{ID: uuid.New(), Email: "anna@acme.example"}
	w.AddPerson(anna)
	admin := domain.Principal{ID: uuid.New(), Admin: true}
	u := w.accessLister()
	for _, text := range []string{anna.ID.String(), "someone"} {
		if got, err := u.Owner(t.Context(), admin, text); err != nil || got != text {
			t.Errorf("%s: want it as it is, got %q, %v", text, got, err)
		}
	}
	if got, err := u.Owner(t.Context(), admin, anna.Email); err != nil || got != anna.ID.String() {
		t.Errorf("address: want %s, got %q, %v", anna.ID, got, err)
	}
	_, err := u.Owner(t.Context(), admin, "nobody@acme.example")
	wantError(t, err, domain.CodeInvalid, "owner: no person or organization that you may see has this e-mail address; search for it at /lethe/api/v1/owners?q=")
	_, err = u.Owner(t.Context(), domain.Principal{ID: anna.ID, Roles: []domain.Role{domain.RolePlatformManager}}, anna.Email)
	wantError(t, err, domain.CodeForbidden, "Insufficient permissions to Read AccessLog")
	if got, err := u.Person(t.Context(), admin, anna.Email); err != nil || got != anna.ID {
		t.Errorf("person: want %s, got %s, %v", anna.ID, got, err)
	}
	_, err = u.Person(t.Context(), admin, "nobody@acme.example")
	wantError(t, err, domain.CodeInvalid, "accessed_by: no person or organization that you may see has this e-mail address; search for it at /lethe/api/v1/owners?q=")
	_, err = u.Person(t.Context(), domain.Principal{ID: anna.ID, Roles: []domain.Role{domain.RolePlatformManager}}, anna.Email)
	wantError(t, err, domain.CodeForbidden, "Insufficient permissions to Read AccessLog")
	row := w.put(anna.Email)
	if _, err := w.getter().Execute(t.Context(), admin, domain.GetRequest{ID: row.ID}); err != nil {
		t.Fatal(err)
	}
	if got, err := u.Owner(t.Context(), admin, anna.Email); err != nil || got != anna.Email {
		t.Errorf("spelled so: want %s, got %q, %v", anna.Email, got, err)
	}
}

// TestPeopleFailures: an error of a port is returned, and nothing else.
func TestPeopleFailures(t *testing.T) {
	t.Parallel()
	user := domain.Principal{ID: anna, Roles: []domain.Role{domain.RoleBatchAPIUser}}
	admin := domain.Principal{ID: anna, Admin: true}
	store := memory.New()
	store.AddPerson(porttest.Person{ID: anna, Email: "anna@acme.example"})
	logger := newWorld().logger()
	for name, f := range map[string]*scripted{
		"person": {Store: store, byID: errBroken}, "owners": {Store: store, owners: errBroken}, "count": {Store: store, count: errBroken},
	} {
		found, _, err := domain.NewFindOwners(f, f).Execute(t.Context(), user, "anna@acme.example")
		if !errors.Is(err, errBroken) || len(found) > 0 {
			t.Errorf("%s: find: want %v, got %v, %v", name, errBroken, found, err)
		}
		if name == "count" {
			continue
		}
		if id, err := domain.NewIdentifyOwner(f).Execute(t.Context(), user, "owner", "anna@acme.example"); !errors.Is(err, errBroken) || id != uuid.Nil {
			t.Errorf("%s: identify: want %v, got %s, %v", name, errBroken, id, err)
		}
	}
	f := &scripted{Store: store, byID: errBroken}
	if got, err := domain.NewGetCaller(f, logger).Execute(t.Context(), admin); !errors.Is(err, errBroken) || got.ID != uuid.Nil {
		t.Errorf("caller: want %v, got %+v, %v", errBroken, got, err)
	}
	if _, err := domain.NewIdentifyOwner(f).Execute(t.Context(), admin, "owner", "anna@acme.example"); err != nil {
		t.Errorf("an administrator's memberships do not matter: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	acme := uuid.New()
	if _, err := domain.NewGetCaller(uncanceled{store}, logger).Execute(ctx, domain.Principal{ID: anna, Organization: &acme}); !errors.Is(err, context.Canceled) {
		t.Errorf("caller: want %v, got %v", context.Canceled, err)
	}
}

// uncanceled finds people although the request has ended.
type uncanceled struct{ *memory.Store }

func (u uncanceled) ByID(ctx context.Context, id uuid.UUID) (domain.Person, error) {
	return u.Store.ByID(context.WithoutCancel(ctx), id)
}

// TestOwnerBounds: how much must be given, and how many are found.
func TestOwnerBounds(t *testing.T) {
	t.Parallel()
	w := newWorld()
	admin := domain.Principal{ID: uuid.New(), Admin: true}
	find := domain.NewFindOwners(w, &scripted{Store: w.Store})
	for i := range 20 {
		w.AddPerson(porttest.Person{ID: uuid.New(), Email: fmt.Sprintf("%02d@many.example", i)})
	}
	last := porttest.Person{ID: uuid.New(), Email: "zoe@other.example"}
	w.AddPerson(last)
	w.put(last.ID.String())
	if found, more, err := find.Execute(t.Context(), admin, "many"); err != nil || more || len(found) != 20 {
		t.Errorf("want 20 and no more, got %d, %t, %v", len(found), more, err)
	}
	if found, _, err := find.Execute(t.Context(), admin, "zoe"); err != nil || len(found) != 1 || found[0].Responses.Total != 1 {
		t.Errorf("three characters: want one, got %v, %v", found, err)
	}
	_, _, err := find.Execute(t.Context(), admin, "zo")
	if e, ok := errors.AsType[*domain.Error](err); !ok || e.Parameter != "q" {
		t.Errorf("two characters: want the parameter q, got %v", err)
	}
	if id, err := domain.NewIdentifyOwner(w).Execute(t.Context(), admin, "owner", last.Email); err != nil || id != last.ID {
		t.Errorf("want %s, got %s, %v", last.ID, id, err)
	}
}

func TestListModels(t *testing.T) {
	t.Parallel()
	var asked *string
	f := &scripted{Store: memory.New(), models: func(owner *string, limit int64) (domain.ModelList, error) {
		asked = owner
		if limit != 1000 {
			t.Errorf("want at most 1000, got %d", limit)
		}
		return domain.ModelList{Models: []domain.ModelCount{{Model: "m"}}, More: true}, nil
	}}
	u := domain.NewListModels(f)
	for _, c := range callers {
		for _, member := range []*uuid.UUID{nil, &ben} {
			asked = nil
			list, err := u.Execute(t.Context(), c.principal, member)
			switch {
			case c.read == "none":
				wantError(t, err, domain.CodeForbidden, errReadForbidden)
			case member != nil && c.read != "everyone":
				wantError(t, err, domain.CodeInvalid, "member_id filter requires platform manager permissions")
			case err != nil || len(list.Models) != 1 || !list.More:
				t.Errorf("%s: got %+v, %v", c.name, list, err)
			case member != nil && (asked == nil || *asked != ben.String()), member == nil && (asked == nil) != (c.read == "everyone"):
				t.Errorf("%s, member %v: asked for %v", c.name, member, asked)
			}
			if err != nil && len(list.Models) > 0 {
				t.Errorf("%s: refused: want nothing, got %+v", c.name, list)
			}
		}
	}
}
