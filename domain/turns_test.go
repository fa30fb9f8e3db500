package domain_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

// TestEraseLaterTurnsPermission: every caller erases a response with a later turn that
// belongs to a chain. The caller must be permitted to erase all of it.
func TestEraseLaterTurnsPermission(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		for _, first := range []string{anna.String(), ben.String(), acme.String()} {
			for _, beside := range []string{anna.String(), ben.String(), acme.String(), ""} {
				for _, organization := range []*uuid.UUID{nil, &acme} {
					w := newWorld()
					row := w.put(first)
					turn, other := porttest.NewTurn(first, row.ID, noon), porttest.NewRow(beside, "completed", noon)
					other.Batched = beside == ""
					w.AddChain(porttest.Chain(&turn, &other)...)
					before := w.Stored()
					caller := c.principal
					caller.Organization = organization
					erased, _, err := w.eraser().Execute(t.Context(), caller, row.ID, true)
					want := domain.Erased{}
					switch {
					case c.delete == "none":
						wantError(t, err, domain.CodeForbidden, errDeleteForbidden)
					case beside == "" || !may(c.delete, first, organization) || !may(c.delete, beside, organization):
						wantError(t, err, domain.CodeNotFound, notFound(row.ID))
					default:
						if want = (domain.Erased{Requests: 3, Templates: 3, Steps: 2}); err != nil {
							t.Errorf("%s, %s beside %q: %v", c.name, first, beside, err)
						}
					}
					if erased != want || w.Stored() != before.Less(want) {
						t.Errorf("%s, %s beside %q: want %+v, got %+v", c.name, first, beside, want, erased)
					}
				}
			}
		}
	}
}

// TestEraseLaterTurnsHeld: nothing is erased while a later turn of a later turn is
// held, and only callers who may erase the response learn of the hold.
func TestEraseLaterTurnsHeld(t *testing.T) {
	t.Parallel()
	w := newWorld()
	row := w.put(anna.String())
	turn := porttest.NewTurn(anna.String(), row.ID, noon)
	last := porttest.NewTurn(anna.String(), turn.ID, noon)
	w.AddResponse(turn)
	w.AddResponse(last)
	if _, err := w.Holds().Place(t.Context(), domain.Hold{ID: uuid.New(), HoldTarget: domain.HoldTarget{Responses: []uuid.UUID{last.ID}}, Reason: "r", CreatedBy: anna}); err != nil {
		t.Fatal(err)
	}
	before := w.Stored()
	for role, want := range map[domain.Role]domain.Code{domain.RoleBatchAPIUser: domain.CodeHeld, domain.RolePlatformManager: domain.CodeHeld, "CONNECTIONSUSER": domain.CodeForbidden} {
		if _, _, err := w.eraser().Execute(t.Context(), domain.Principal{ID: anna, Roles: []domain.Role{role}}, row.ID, true); domain.CodeOf(err) != want {
			t.Errorf("%s: want %q, got %v", role, want, err)
		}
	}
	if _, _, err := w.eraser().Execute(t.Context(), domain.Principal{ID: ben, Roles: []domain.Role{domain.RoleBatchAPIUser}}, row.ID, true); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("other owner: want %s, got %v", domain.CodeNotFound, err)
	}
	if w.Stored() != before {
		t.Errorf("want nothing erased of %+v, left is %+v", before, w.Stored())
	}
	if _, _, err := w.eraser().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, row.ID, false); err != nil {
		t.Errorf("erase without later turns: %v", err)
	}
}

// TestEraseLaterTurnsTooMany: only callers who may erase the response learn that it
// has too many later turns.
func TestEraseLaterTurnsTooMany(t *testing.T) {
	t.Parallel()
	w := newWorld()
	row := w.put(anna.String())
	for i := range domain.MaxLaterTurns + 1 {
		w.AddResponse(porttest.NewTurn(anna.String(), row.ID, noon.Add(time.Duration(i)*time.Second)))
	}
	before := w.Stored()
	if _, _, err := w.eraser().Execute(t.Context(), domain.Principal{ID: ben, Roles: []domain.Role{domain.RoleBatchAPIUser}}, row.ID, true); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("other owner: want %s, got %v", domain.CodeNotFound, err)
	}
	if _, _, err := w.eraser().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, row.ID, true); domain.CodeOf(err) != domain.CodeRefused || w.Stored() != before {
		t.Errorf("administrator: want %s and %+v left, got %v and %+v", domain.CodeRefused, before, err, w.Stored())
	}
}
