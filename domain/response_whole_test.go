package domain_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

// TestIdentifyKey: a key of any purpose identifies its creator for its owner, unless
// nobody could call with it.
func TestIdentifyKey(t *testing.T) {
	t.Parallel()
	s := peopled()
	identify := domain.NewIdentifyCaller(s, func() time.Time { return noon })
	for secret, want := range map[string]struct {
		creator      uuid.UUID
		organization *uuid.UUID
	}{
		"key of anna":           {anna, nil},
		"key of ben":            {ben, nil},
		"realtime key":          {anna, nil},
		"batch key":             {anna, nil},
		"inference key":         {anna, nil},
		"playground key":        {anna, nil},
		"Platform key":          {anna, nil},
		" key":                  {anna, nil},
		"acme's key of anna":    {anna, &acme},
		"acme's key of manager": {manager, &acme},
		"acme's key of root":    {root, &acme},
		"ben's key of manager":  {manager, &ben},

		"":                       {},
		"unknown":                {},
		"revoked":                {},
		"key of gone":            {},
		"key of system":          {},
		"acme's key of ben":      {},
		"acme's key of gone":     {},
		"globex's key of anna":   {},
		"closed's key of anna":   {},
		"ben's key of anna":      {},
		"acme's key of system":   {},
		"closed's key of system": {},
	} {
		got, err := identify.ExecuteKey(t.Context(), secret)
		key, keyErr := s.ByKey(t.Context(), secret)
		if works := keyErr == nil && key.Works(); works != (err == nil) {
			t.Errorf("%q: works: %v, but %v", secret, works, err)
		}
		if want.creator == uuid.Nil {
			wantError(t, err, domain.CodeUnauthenticated, errAuthentication)
			if got.Creator.ID != uuid.Nil {
				t.Errorf("%q: want nobody, got %+v", secret, got)
			}
			continue
		}
		if err != nil || got.Creator.ID != want.creator || (got.Creator.Organization == nil) != (want.organization == nil) ||
			want.organization != nil && *got.Creator.Organization != *want.organization {
			t.Errorf("%q: want %+v, got %+v, %v", secret, want, got, err)
		}
	}
	down := domain.Errorf(domain.CodeUnavailable, "gone")
	_, err := domain.NewIdentifyCaller(failing{People: s, key: down}, time.Now).ExecuteKey(t.Context(), "key of anna")
	if !errors.Is(err, down) {
		t.Errorf("want %v, got %v", down, err)
	}
	_, err = domain.NewIdentifyCaller(failing{People: s, key: down}, time.Now).ExecuteKey(t.Context(), "")
	wantError(t, err, domain.CodeUnauthenticated, errAuthentication)
}

// holder returns who calls with that key of peopled.
func holder(t *testing.T, s *memory.Store, secret string) domain.KeyHolder {
	t.Helper()
	h, err := domain.NewIdentifyCaller(s, func() time.Time { return noon }).ExecuteKey(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// chained stores a response whose parts have these owners.
func chained(s *memory.Store, owners ...string) (steps []porttest.Step) {
	rows := make([]*porttest.Row, len(owners))
	for i, owner := range owners {
		rows[i] = ptr(porttest.NewRow(owner, "completed", noon))
	}
	if len(rows) > 1 {
		steps = porttest.Chain(slices.Insert(rows, 1, nil)...)
		s.AddChain(steps...)
		return steps
	}
	s.AddResponse(*rows[0])
	return []porttest.Step{{ID: rows[0].ID, Row: rows[0]}}
}

// TestWholePermission: a response is fetched and erased by the key of the owner of all its
// parts, whatever the roles of its creator, and is missing for all others.
func TestWholePermission(t *testing.T) {
	t.Parallel()
	a, b, c := anna.String(), ben.String(), acme.String()
	for _, owners := range [][]string{{a}, {b}, {c}, {a, a}, {c, c, c}, {a, b}, {b, a}, {a, c}, {c, a}} {
		for secret, owner := range map[string]string{
			"key of anna": a, "realtime key": a, "key of ben": b, "acme's key of anna": c, "key of root": root.String(),
			"key of manager": manager.String(), "acme's key of root": c, "ben's key of manager": b,
		} {
			s := peopled()
			steps := chained(s, owners...)
			other := chained(s, a)[0].ID
			own := !slices.ContainsFunc(owners, func(o string) bool { return o != owner })
			get := domain.NewGetWholeResponse(s)
			erase := domain.NewEraseWholeResponse(s, domain.NewEraseResponse(s, func() time.Time { return noon }))
			for _, step := range steps {
				for _, headOnly := range []bool{false, true} {
					whole, err := get.Execute(t.Context(), holder(t, s, secret), domain.WholeRequest{ID: step.ID, HeadOnly: headOnly})
					if !own {
						wantError(t, err, domain.CodeNotFound, fmt.Sprintf("Response with ID %s not found", step.ID))
						if len(whole.Parts) > 0 {
							t.Errorf("%v by %s: got %+v", owners, secret, whole)
						}
						continue
					}
					if err != nil || whole.ID != steps[0].ID || len(whole.Parts) != len(owners) {
						t.Fatalf("%v by %s: %v, got %+v", owners, secret, err, whole)
					}
					for i, part := range whole.Parts {
						if shown := part.Answer != nil && part.Prompt != ""; shown != (i == 0 || !headOnly) {
							t.Errorf("part %d, head only: %v, shown: %v", i, headOnly, shown)
						}
					}
				}
			}
			before := s.Stored()
			asked := steps[len(steps)-1].ID
			erased, w, err := erase.Execute(t.Context(), holder(t, s, secret), asked, nil)
			if !own {
				wantError(t, err, domain.CodeNotFound, fmt.Sprintf("Response with ID %s not found", asked))
				if s.Stored() != before {
					t.Errorf("%v by %s: erased", owners, secret)
				}
				continue
			}
			role := domain.ActorOrganization
			if secret == "key of anna" || secret == "realtime key" || secret == "key of ben" {
				role = domain.ActorOwner
			}
			if err != nil || erased.Requests != int64(len(owners)) || w.Role != role || w.Trigger != domain.TriggerSingle || w.RequestedAt != noon {
				t.Errorf("%v by %s: %v, erased %+v by %+v, want role %s", owners, secret, err, erased, w, role)
			}
			if _, err := s.GetSummary(t.Context(), other, nil); err != nil {
				t.Errorf("another response: %v", err)
			}
			_, _, err = erase.Execute(t.Context(), holder(t, s, secret), asked, nil)
			wantError(t, err, domain.CodeNotFound, fmt.Sprintf("Response with ID %s not found", asked))
		}
	}
}

// TestWholeLimit: contents beyond the limit are not read, and all of them are counted.
func TestWholeLimit(t *testing.T) {
	t.Parallel()
	s := peopled()
	steps := chained(s, anna.String(), anna.String(), anna.String())
	all := int64(0)
	for _, step := range steps {
		if step.Row != nil {
			all += step.Row.Bytes()
		}
	}
	first := steps[0].Row.Bytes()
	get := domain.NewGetWholeResponse(s)
	for _, limit := range []int64{1, first - 1, first, first + 1, all - 1, all, all + 1, 0} {
		whole, err := get.Execute(t.Context(), holder(t, s, "key of anna"), domain.WholeRequest{ID: steps[1].ID, Max: limit})
		left, parts := all, 0
		if limit >= all || limit == 0 {
			left, parts = 0, 3
		}
		if err != nil || whole.Left != left || len(whole.Parts) != parts {
			t.Errorf("limit %d of %d: want %d left and %d parts, got %d and %d, %v", limit, all, left, parts, whole.Left, len(whole.Parts), err)
		}
	}
	long := slices.Repeat([]string{anna.String()}, domain.MaxParts)
	id := chained(s, long...)[0].ID
	if whole, err := get.Execute(t.Context(), holder(t, s, "key of anna"), domain.WholeRequest{ID: id}); err != nil || len(whole.Parts) != domain.MaxParts {
		t.Errorf("want %d parts, got %d, %v", domain.MaxParts, len(whole.Parts), err)
	}
	id = chained(s, append(long, anna.String())...)[0].ID
	if _, err := get.Execute(t.Context(), holder(t, s, "key of anna"), domain.WholeRequest{ID: id}); err == nil {
		t.Error("too many parts: want an error")
	} else {
		wantError(t, err, domain.CodeConflict, fmt.Sprintf("Response with ID %s has more than 256 parts; fetch them one by one at /admin/api/v1/batches/requests", id))
	}
}

// TestWholeReadsNoMore: once something exceeds the limit, only sizes are read.
func TestWholeReadsNoMore(t *testing.T) {
	t.Parallel()
	s := peopled()
	steps := chained(s, anna.String(), anna.String(), anna.String())
	f := &scripted{Store: s}
	whole, err := domain.NewGetWholeResponse(f).Execute(t.Context(), holder(t, s, "key of anna"), domain.WholeRequest{ID: steps[0].ID, Max: 1})
	if err != nil || whole.Left == 0 || !slices.Equal(f.limits, []int64{1, 0, 0}) {
		t.Errorf("want limits of 1, 0 and 0, got %v, %+v, %v", f.limits, whole, err)
	}
	f.limits = nil
	whole, err = domain.NewGetWholeResponse(f).Execute(t.Context(), holder(t, s, "key of anna"), domain.WholeRequest{ID: steps[0].ID, HeadOnly: true})
	if err != nil || len(f.limits) != 1 || len(whole.Parts) != 3 || whole.Parts[2].ID != steps[3].Row.ID {
		t.Errorf("want contents of the head and three parts, got %v, %+v, %v", f.limits, whole, err)
	}
}

// TestWholeGone: a response that is erased meanwhile is missing under the identifier that
// was asked for, and a repeated erasure is answered like the first.
func TestWholeGone(t *testing.T) {
	t.Parallel()
	s := peopled()
	asked := uuid.New()
	f := &scripted{Store: s, chain: &domain.Chain{ID: uuid.New(), Requests: []uuid.UUID{uuid.New()}}}
	eraser := domain.NewEraseResponse(s, time.Now)
	_, _, err := domain.NewEraseWholeResponse(f, eraser).Execute(t.Context(), holder(t, s, "key of anna"), asked, nil)
	wantError(t, err, domain.CodeNotFound, fmt.Sprintf("Response with ID %s not found", asked))
	_, _, err = domain.NewEraseWholeResponse(s, eraser).Execute(t.Context(), holder(t, s, "key of anna"), chained(s, anna.String())[0].ID, ptr("once"))
	wantError(t, err, domain.CodeInvalid, "Idempotency-Key: not supported for single erasures on this server")
}

// brokenChains is a store whose chains cannot be read.
type brokenChains struct{ *memory.Store }

var errBroken = domain.Errorf(domain.CodeUnavailable, "broken")

func (brokenChains) Chain(context.Context, uuid.UUID, []string) (domain.Chain, error) {
	return domain.Chain{}, errBroken
}

// brokenParts is a store whose responses cannot be read.
type brokenParts struct{ *memory.Store }

func (brokenParts) Get(context.Context, uuid.UUID, []string, int64, *domain.Recording) (domain.Response, domain.Contents, error) {
	return domain.Response{}, domain.Contents{}, errBroken
}

func TestWholeFailures(t *testing.T) {
	t.Parallel()
	s := peopled()
	id := chained(s, anna.String())[0].ID
	for name, port := range map[string]domain.ResponseReader{"chain": brokenChains{s}, "part": brokenParts{s}} {
		if _, err := domain.NewGetWholeResponse(port).Execute(t.Context(), holder(t, s, "key of anna"), domain.WholeRequest{ID: id}); !errors.Is(err, errBroken) {
			t.Errorf("%s: want %v, got %v", name, errBroken, err)
		}
	}
	erase := domain.NewEraseWholeResponse(brokenChains{s}, domain.NewEraseResponse(s, time.Now))
	if _, _, err := erase.Execute(t.Context(), holder(t, s, "key of anna"), id, nil); !errors.Is(err, errBroken) {
		t.Errorf("erase: want %v, got %v", errBroken, err)
	}
}

// TestWholeEncrypted: encrypted contents are withheld.
func TestWholeEncrypted(t *testing.T) {
	t.Parallel()
	s := peopled()
	row := porttest.NewRow(anna.String(), "completed", noon)
	row.Prompt, row.Answer = "dwzdr1:secret", ptr("dwzdr1:secret")
	s.AddResponse(row)
	whole, err := domain.NewGetWholeResponse(s).Execute(t.Context(), holder(t, s, "key of anna"), domain.WholeRequest{ID: row.ID})
	if err != nil || len(whole.Parts) != 1 || whole.Parts[0].Prompt != "" || whole.Parts[0].Answer != nil || !whole.Parts[0].Withheld.Prompt || !whole.Parts[0].Withheld.Answer {
		t.Errorf("want a response with nothing shown, got %+v, %v", whole, err)
	}
}
