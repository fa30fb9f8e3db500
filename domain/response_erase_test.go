package domain_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

// TestErasePermission: every caller erases responses of one or more parts; each part
// is checked.
func TestErasePermission(t *testing.T) {
	t.Parallel()
	responses := [][]string{
		{anna.String()},
		{ben.String()},
		{acme.String()},
		{globex.String()},
		{"someone"},
		{anna.String(), anna.String()},
		{anna.String(), acme.String()},
		{acme.String(), anna.String(), anna.String()},
		{anna.String(), ben.String()},
		{ben.String(), anna.String()},
		{acme.String(), globex.String()},
		{anna.String(), ""}, // a row of a batch
		{anna.String(), "", anna.String()},
	}
	for _, c := range callers {
		for _, organization := range []*uuid.UUID{nil, &acme} {
			for _, owners := range responses {
				for asked := range owners {
					w := newWorld()
					other := w.put(anna.String())
					permitted := true
					rows := make([]*porttest.Row, len(owners))
					for i, owner := range owners {
						row := porttest.NewRow(owner, "completed", noon)
						row.Batched = owner == ""
						rows[i] = &row
						permitted = permitted && owner != "" && may(c.delete, owner, organization)
					}
					steps := int64(0)
					if len(rows) == 1 {
						w.AddResponse(*rows[0])
					} else {
						steps = int64(len(rows)) + 1
						w.AddChain(porttest.Chain(append(rows, nil)...)...)
					}
					before := w.Stored()
					caller := c.principal
					caller.Organization = organization
					id := rows[asked].ID
					erased, _, err := w.eraser().Execute(t.Context(), caller, id, false)
					want := domain.Erased{}
					switch {
					case c.delete == "none":
						wantError(t, err, domain.CodeForbidden, errDeleteForbidden)
					case !permitted:
						wantError(t, err, domain.CodeNotFound, notFound(id))
					default:
						want = domain.Erased{Requests: int64(len(rows)), Templates: int64(len(rows)), Steps: steps}
						if err != nil {
							t.Errorf("%s, %q: %v", c.name, owners, err)
						}
						_, _, err := w.eraser().Execute(t.Context(), caller, id, false)
						wantError(t, err, domain.CodeNotFound, notFound(id))
					}
					if erased != want || w.Stored() != before.Less(want) {
						t.Errorf("%s, %q: want erased %+v and left %+v, got %+v and %+v", c.name, owners, want, before.Less(want), erased, w.Stored())
					}
					if _, _, err := w.Store.Get(t.Context(), other.ID, nil, math.MaxInt64, nil); err != nil {
						t.Errorf("get of another response: %v", err)
					}
				}
			}
		}
	}
}

// TestEraseCopiesPermission: every caller erases copies of a response whose row is
// gone. Usage records name its owner; without one, only callers who may erase
// everyone's responses can erase it.
func TestEraseCopiesPermission(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		for _, owners := range [][]*uuid.UUID{{&anna}, {&ben}, {&acme}, {&anna, &ben}, {nil}, {&anna, nil}} {
			for _, organization := range []*uuid.UUID{nil, &acme} {
				w := newWorld()
				id := uuid.New()
				permitted := true
				for _, owner := range owners {
					w.AddUsage(porttest.UsageRow{Response: id, At: noon, Owner: owner, Copied: true})
					permitted = permitted && (owner == nil && c.delete == "everyone" || owner != nil && may(c.delete, owner.String(), organization))
				}
				before := w.Stored()
				caller := c.principal
				caller.Organization = organization
				erased, _, err := w.eraser().Execute(t.Context(), caller, id, false)
				want := domain.Erased{}
				switch {
				case c.delete == "none":
					wantError(t, err, domain.CodeForbidden, errDeleteForbidden)
				case !permitted:
					wantError(t, err, domain.CodeNotFound, notFound(id))
				default:
					want.RawRequests, want.RawResponses = int64(len(owners)), int64(len(owners))
					if err != nil {
						t.Errorf("%s, %v: %v", c.name, owners, err)
					}
				}
				if erased != want || w.Stored() != before.Less(want) {
					t.Errorf("%s, %v: want erased %+v, got %+v", c.name, owners, want, erased)
				}
			}
		}
	}
}

// TestEraseBatchedRow: refused even if the port permits it.
func TestEraseBatchedRow(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.put(anna.String())
	id := uuid.New()
	permitting := erasing{erase: func(_ []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
		_, err := permit(domain.Found{Owners: []string{""}})
		return domain.Erased{Requests: 1}, err
	}}
	_, _, err := domain.NewEraseResponse(permitting, time.Now).Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, id, false)
	wantError(t, err, domain.CodeNotFound, notFound(id))
}

// erasing erases by a function that is given the owners that are asked about.
type erasing struct {
	domain.Responses
	erase func(owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error)
}

func (e erasing) Erase(_ context.Context, _ uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	return e.erase(owners, permit)
}

func TestEraseFailures(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"port":     domain.Errorf(domain.CodeUnavailable, "gone"),
		"context":  context.Canceled,
		"anything": errors.New("odd"),
	} {
		w := newWorld()
		row := w.put(anna.String())
		w.erase = func(context.Context) error { return failure }
		erased, _, err := w.eraser().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, row.ID, false)
		if err != failure || erased != (domain.Erased{}) {
			t.Errorf("%s: want the error as it is and nothing erased, got %v, %+v", name, err, erased)
		}
	}
}

// TestAuthorization: it names the caller and the least role that permits the erasure.
func TestAuthorization(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		caller domain.Principal
		owners []string
		want   domain.ActorRole
	}{
		"own":                     {domain.Principal{ID: anna, Roles: []domain.Role{domain.RoleBatchAPIUser}}, []string{anna.String()}, domain.ActorOwner},
		"own, as administrator":   {domain.Principal{ID: anna, Admin: true}, []string{anna.String()}, domain.ActorOwner},
		"organization":            {domain.Principal{ID: anna, Organization: &acme, Roles: []domain.Role{domain.RoleBatchAPIUser}}, []string{acme.String(), anna.String()}, domain.ActorOrganization},
		"other owner":             {domain.Principal{ID: anna, Admin: true, Roles: []domain.Role{domain.RolePlatformManager}}, []string{anna.String(), ben.String()}, domain.ActorAdministrator},
		"other owner, as manager": {domain.Principal{ID: anna, Roles: []domain.Role{domain.RolePlatformManager}}, []string{ben.String()}, domain.ActorPlatformManager},
	} {
		var given domain.Authorization
		responses := erasing{erase: func(_ []string, permit func(domain.Found) (domain.Authorization, error)) (_ domain.Erased, err error) {
			given, err = permit(domain.Found{Owners: c.owners})
			return domain.Erased{Requests: 1}, err
		}}
		_, told, err := domain.NewEraseResponse(responses, func() time.Time { return noon }).Execute(t.Context(), c.caller, uuid.New(), false)
		if err != nil || told != given {
			t.Errorf("%s: want receipt %+v, got %+v, %v", name, given, told, err)
		}
		if given.Role != c.want || given.Actor == nil || *given.Actor != anna || !given.RequestedAt.Equal(noon) ||
			given.Trigger != domain.TriggerSingle || given.Ground != domain.GroundUnspecified || given.Receipt == uuid.Nil || given.Salt == (domain.Salt{}) {
			t.Errorf("%s: want %s, got %+v", name, c.want, given)
		}
	}
}

// TestEraseScope: other owners' responses are neither looked up nor locked.
func TestEraseScope(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		if c.delete == "none" {
			continue
		}
		caller := c.principal
		caller.Organization = &acme
		want := []string{caller.ID.String(), acme.String()}
		if c.delete == "everyone" {
			want = nil
		}
		var asked []string
		responses := erasing{erase: func(owners []string, _ func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
			asked = owners
			return domain.Erased{}, domain.Errorf(domain.CodeNotFound, "none")
		}}
		_, _, err := domain.NewEraseResponse(responses, time.Now).Execute(t.Context(), caller, uuid.New(), false)
		if domain.CodeOf(err) != domain.CodeNotFound || !slices.Equal(asked, want) {
			t.Errorf("%s: asked of %v, want %v: %v", c.name, asked, want, err)
		}
	}
}

// TestEraseChecksEveryOwner: the owners of all that was found decide, whatever scope
// was looked up. A row without an owner belongs to nobody.
func TestEraseChecksEveryOwner(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		if c.delete == "none" {
			continue
		}
		mine, others := c.principal.ID.String(), "somebody else"
		for name, f := range map[string]struct {
			found          domain.Found
			ours, everyone bool
		}{
			"own":                         {domain.Found{Owners: []string{mine, mine}}, true, true},
			"other owner":                 {domain.Found{Owners: []string{others}}, false, true},
			"other owner's part":          {domain.Found{Owners: []string{mine, others}}, false, true},
			"batched part":                {domain.Found{Owners: []string{mine, ""}}, false, false},
			"deleted row, partly unowned": {domain.Found{Owners: []string{mine}, Unowned: true}, false, true},
			"deleted row, unowned":        {domain.Found{Unowned: true}, false, true},
			"no owner":                    {domain.Found{}, false, false},
		} {
			responses := erasing{erase: func(_ []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
				_, err := permit(f.found)
				return domain.Erased{}, err
			}}
			_, _, err := domain.NewEraseResponse(responses, time.Now).Execute(t.Context(), c.principal, uuid.New(), false)
			if may := f.ours && c.delete != "everyone" || f.everyone && c.delete == "everyone"; (err == nil) != may || err != nil && domain.CodeOf(err) != domain.CodeNotFound {
				t.Errorf("%s, %s: may %v, got %v", c.name, name, may, err)
			}
		}
	}
}
