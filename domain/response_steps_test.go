package domain_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

func (w *world) stepLister() *domain.ListSteps {
	return domain.NewListSteps(w, w, func() time.Time { return noon })
}

// putChain stores a chain of two requests and a call of a tool.
func (w *world) putChain(owner string) []porttest.Step {
	first, last := porttest.NewRow(owner, "completed", noon), porttest.NewRow(owner, "completed", noon)
	chain := porttest.Chain(&first, nil, &last)
	w.AddChain(chain...)
	return chain
}

// TestStepsPermission: steps are shown to whoever is shown the response, and payloads of
// others' with one record.
func TestStepsPermission(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		for _, organization := range []*uuid.UUID{nil, &acme} {
			for _, owner := range []string{anna.String(), ben.String(), acme.String(), globex.String(), "someone"} {
				for _, payloads := range []bool{false, true} {
					w := newWorld()
					chain, single := w.putChain(owner), w.put(owner)
					caller := c.principal
					caller.Organization = organization
					for id, want := range map[uuid.UUID]int{chain[0].Row.ID: 3, chain[1].ID: 3, single.ID: 1} {
						before := len(w.allAccesses(t))
						page, err := w.stepLister().Execute(t.Context(), caller, domain.StepsRequest{ID: id, Payloads: payloads, Address: "192.0.2.7"})
						recorded := w.allAccesses(t)[before:]
						switch {
						case c.read == "none":
							wantError(t, err, domain.CodeForbidden, errReadForbidden)
						case !may(c.read, owner, organization):
							wantError(t, err, domain.CodeNotFound, notFound(id))
						case err != nil || len(page.Items) != want || page.Next != nil || page.Limit != domain.DefaultLimit:
							t.Errorf("%s, owner %s: want %d steps, got %+v, %v", c.name, owner, want, page, err)
						case payloads != (page.Items[0].Prompt != ""):
							t.Errorf("%s, owner %s: want payloads %t, got %q", c.name, owner, payloads, page.Items[0].Prompt)
						}
						if err != nil && len(page.Items) > 0 {
							t.Errorf("%s: refused: want nothing, got %+v", c.name, page)
						}
						records := 0
						if err == nil && payloads && !may("own", owner, organization) {
							records = 1
						}
						if len(recorded) != records || records == 1 && (recorded[0].By != anna || recorded[0].Address != "192.0.2.7" || recorded[0].Owner != owner) {
							t.Errorf("%s, owner %s, payloads %t: want %d records, got %+v", c.name, owner, payloads, records, recorded)
						}
					}
				}
			}
		}
	}
}

func TestStepsPages(t *testing.T) {
	t.Parallel()
	w := newWorld()
	chain, other := w.putChain(anna.String()), w.putChain(anna.String())
	w.AddUsage(porttest.UsageRow{Response: chain[2].Row.ID, At: noon, TotalTokens: ptr(int64(9))})
	caller := domain.Principal{ID: anna, Roles: []domain.Role{domain.RoleBatchAPIUser}}
	r := domain.StepsRequest{ID: chain[0].ID, Limit: ptr(int64(2))}
	first, err := w.stepLister().Execute(t.Context(), caller, r)
	if err != nil || len(first.Items) != 2 || first.Next == nil || first.Limit != 2 {
		t.Fatalf("want two steps and more, got %+v, %v", first, err)
	}
	r.After = first.Next
	second, err := w.stepLister().Execute(t.Context(), caller, r)
	if err != nil || len(second.Items) != 1 || second.Next != nil || second.Items[0].ID != chain[2].ID {
		t.Fatalf("want the last step, got %+v, %v", second, err)
	}
	if usage := second.Items[0].Usage.TotalTokens; usage == nil || *usage != 9 || first.Items[0].Usage.TotalTokens != nil {
		t.Errorf("want the usage of the last step, got %v", usage)
	}
	r.ID = other[0].ID
	if _, err := w.stepLister().Execute(t.Context(), caller, r); domain.CodeOf(err) != domain.CodeInvalid {
		t.Errorf("with the cursor of another: want %s, got %v", domain.CodeInvalid, err)
	}
}

func TestStepsFailures(t *testing.T) {
	t.Parallel()
	gone := domain.Errorf(domain.CodeUnavailable, "gone")
	admin := domain.Principal{ID: anna, Admin: true}
	w := newWorld()
	chain, single := w.putChain(ben.String()), w.put(ben.String())
	w.latest = func(context.Context) error { return gone }
	w.get = func(context.Context) error { return gone }
	for name, r := range map[string]domain.StepsRequest{"usage": {ID: chain[0].ID}, "get": {ID: single.ID, Payloads: true}} {
		if page, err := w.stepLister().Execute(t.Context(), admin, r); err != error(gone) || len(page.Items) > 0 {
			t.Errorf("%s: want the port's error, got %+v, %v", name, page, err)
		}
	}
	w = newWorld()
	chain, single = w.putChain(ben.String()), w.put(ben.String())
	for name, id := range map[string]uuid.UUID{"a chain": chain[0].ID, "alone": single.ID} {
		page, err := w.stepLister().Execute(t.Context(), admin, domain.StepsRequest{ID: id, Payloads: true, Max: 1})
		if err != nil || page.Left <= 1 || len(page.Items) > 0 || len(w.allAccesses(t)) > 0 {
			t.Errorf("%s: too large: want only a size and no record, got %+v, %v", name, page, err)
		}
	}
	if _, err := w.stepLister().Execute(t.Context(), admin, domain.StepsRequest{ID: uuid.New()}); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}
}

// TestStepsAccessLogUnwritable: payloads that need no record are shown all the same.
func TestStepsAccessLogUnwritable(t *testing.T) {
	t.Parallel()
	w := newWorld()
	list := domain.NewListSteps(unwritable{w}, w, time.Now)
	admin := domain.Principal{ID: anna, Admin: true, Organization: &acme}
	for owner, code := range map[string]domain.Code{anna.String(): "", acme.String(): "", ben.String(): domain.CodeUnavailable} {
		for name, id := range map[string]uuid.UUID{"a chain": w.putChain(owner)[0].ID, "alone": w.put(owner).ID} {
			page, err := list.Execute(t.Context(), admin, domain.StepsRequest{ID: id, Payloads: true})
			if err != nil && domain.CodeOf(err) != code || (err == nil) != (code == "") || (len(page.Items) > 0 && page.Items[0].Prompt != "") != (code == "") {
				t.Errorf("%s, owner %s: got %+v, %v; want the code %q", name, owner, page, err, code)
			}
		}
	}
	if _, err := list.Execute(t.Context(), admin, domain.StepsRequest{ID: uuid.New(), Payloads: true}); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("an unknown identifier: got %v, want not found", err)
	}
}

// TestStepAlone: a response without a chain is one step with all that is known of it.
func TestStepAlone(t *testing.T) {
	t.Parallel()
	w := newWorld()
	row := porttest.NewRow(ben.String(), "failed", noon)
	row.StartedAt, row.CompletedAt, row.FailedAt = ptr(noon.Add(time.Second)), ptr(noon.Add(3*time.Second)), ptr(noon.Add(4*time.Second))
	row.HTTPStatus, row.Error = ptr(500), ptr("it failed")
	w.AddResponse(row)
	page, err := w.stepLister().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, domain.StepsRequest{ID: row.ID, Payloads: true})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("want one step, got %+v, %v", page, err)
	}
	got := page.Items[0]
	want := domain.Step{
		ID: row.ID, Request: &row.ID, Kind: "model_call", State: "failed", Model: &row.Model, CreatedAt: row.CreatedAt,
		StartedAt: row.StartedAt, CompletedAt: row.CompletedAt, FailedAt: row.FailedAt, HTTPStatus: row.HTTPStatus, HasError: true, Contents: row.Contents,
	}
	if !reflect.DeepEqual(got.Step, want) {
		t.Errorf("want %+v, got %+v", want, got.Step)
	}
	if d := got.Duration(); d == nil || *d != 2*time.Second {
		t.Errorf("want 2 s, got %v", d)
	}
}

// TestStepsEncrypted: what is stored encrypted is withheld, names of tools too.
func TestStepsEncrypted(t *testing.T) {
	t.Parallel()
	if domain.ToolCall != "tool_call" {
		t.Errorf("calls of tools are %q", domain.ToolCall)
	}
	f := &scripted{Store: memory.New(), steps: &domain.StepPart{Steps: []domain.Step{
		{ID: uuid.New(), Tool: ptr("dwzdr1:AAAA"), Contents: domain.Contents{Prompt: "dwzdr1:AAAA", Answer: ptr("dwzdr1:AAAA")}},
		{ID: uuid.New(), Tool: ptr("search"), Contents: domain.Contents{Prompt: "sent"}},
		{ID: uuid.New()},
	}}}
	lister := domain.NewListSteps(f, f, func() time.Time { return noon })
	admin := domain.Principal{ID: anna, Admin: true}
	page, err := lister.Execute(t.Context(), admin, domain.StepsRequest{ID: uuid.New(), Payloads: true})
	if err != nil || len(page.Items) != 3 {
		t.Fatalf("want three steps, got %+v, %v", page, err)
	}
	if s := page.Items[0]; s.Tool != nil || s.Prompt != "" || s.Answer != nil || !s.Withheld.Prompt || !s.Withheld.Answer {
		t.Errorf("encrypted: got %+v", s)
	}
	if s := page.Items[1]; s.Tool == nil || *s.Tool != "search" || s.Prompt != "sent" || s.Withheld.Prompt {
		t.Errorf("readable: got %+v", s)
	}
	f.stepsFail = errBroken
	single := porttest.NewRow(ben.String(), "completed", noon)
	f.AddResponse(single)
	if page, err := lister.Execute(t.Context(), admin, domain.StepsRequest{ID: single.ID}); !errors.Is(err, errBroken) || len(page.Items) > 0 {
		t.Errorf("want %v, got %+v, %v", errBroken, page, err)
	}
}
