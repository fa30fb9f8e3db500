package porttest

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/domain"
)

// stepped stores a chain of an owner: a model call, a tool call, a model call.
func stepped(f ResponsesFixture, owner string) []Step {
	first, last := NewRow(owner, "completed", start), NewRow(owner, "completed", start)
	last.Model = "model-b"
	steps := Chain(&first, nil, &last)
	f.AddChain(steps...)
	return steps
}

func testSteps(t *testing.T, f ResponsesFixture) {
	ctx, anna := t.Context(), uuid.NewString()
	stepped(f, uuid.NewString())
	steps := stepped(f, anna)
	for name, id := range map[string]uuid.UUID{
		"first request": steps[0].Row.ID, "last request": steps[2].Row.ID,
		"first step": steps[0].ID, "call of a tool": steps[1].ID, "last step": steps[2].ID,
	} {
		for _, owners := range [][]string{nil, {anna}, {"another", anna}} {
			part, err := f.Responses().Steps(ctx, domain.StepQuery{ID: id, Owners: owners, Limit: 10}, nil)
			if err != nil || len(part.Steps) != 3 || part.More || part.Left != 0 {
				t.Fatalf("%s: want 3 steps, got %+v, %v", name, part, err)
			}
			for i, got := range part.Steps {
				want := domain.Step{ID: steps[i].ID, Kind: domain.ToolCall, State: "completed"}
				if row := steps[i].Row; row != nil {
					want.Kind, want.Request, want.Model, want.HTTPStatus = domain.ModelCall, &row.ID, &row.Model, row.HTTPStatus
				}
				want.CreatedAt, want.StartedAt, want.CompletedAt = got.CreatedAt, got.StartedAt, got.CompletedAt
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s: step %d: got %+v, want %+v", name, i, got, want)
				}
			}
		}
		for _, owners := range [][]string{{}, {"another"}, {anna + " "}} {
			if part, err := f.Responses().Steps(ctx, domain.StepQuery{ID: id, Owners: owners, Limit: 10, Payloads: true, Max: math.MaxInt64}, nil); err != nil && domain.CodeOf(err) != domain.CodeNotFound || len(part.Steps) > 0 {
				t.Errorf("%s as %q: want nothing, got %+v, %v", name, owners, part, err)
			}
		}
		var seen []uuid.UUID
		q := domain.StepQuery{ID: id, Limit: 1}
		for more := true; more; {
			part, err := f.Responses().Steps(ctx, q, nil)
			if err != nil || len(part.Steps) != 1 || len(seen) > 3 {
				t.Fatalf("%s: want one step a page, got %+v, %v", name, part, err)
			}
			seen, more = append(seen, part.Steps[0].ID), part.More
			q.After = &seen[len(seen)-1]
		}
		if want := []uuid.UUID{steps[0].ID, steps[1].ID, steps[2].ID}; !reflect.DeepEqual(seen, want) {
			t.Errorf("%s: got steps %v page by page, want %v", name, seen, want)
		}
	}
	single := NewRow(anna, "completed", start)
	f.AddResponse(single)
	for name, id := range map[string]uuid.UUID{"a response without a chain": single.ID, "nothing": uuid.New()} {
		if part, err := f.Responses().Steps(ctx, domain.StepQuery{ID: id, Limit: 10}, nil); err != nil || len(part.Steps) > 0 {
			t.Errorf("%s: want no steps, got %+v, %v", name, part, err)
		}
	}
}

func testStepPayloads(t *testing.T, f ResponsesFixture) {
	ctx, anna := t.Context(), uuid.NewString()
	row := NewRow(anna, "completed", start)
	steps := Chain(&row, nil, nil, nil)
	sizes := []int{10, 5 << 20, 2 << 20, 3 << 20}
	for i := range steps {
		steps[i].Payload = fmt.Sprintf(`{"words": "%s"}`, strings.Repeat("x", sizes[i]))
	}
	f.AddChain(steps...)
	q := domain.StepQuery{ID: row.ID, Limit: 10, Payloads: true, Max: math.MaxInt64}
	part, err := f.Responses().Steps(ctx, q, nil)
	if err != nil || len(part.Steps) != 3 || !part.More {
		t.Fatalf("want as many steps as have 8 MiB of payloads, 3, and more, got %d, %t, %v", len(part.Steps), part.More, err)
	}
	var size int64
	for i, s := range part.Steps {
		if size += s.Bytes(); s.Prompt != steps[i].Payload || s.Answer == nil || *s.Answer != StepAnswer || s.Error != nil {
			t.Errorf("step %d: want its payloads, got %d bytes and %v", i, len(s.Prompt), s.Answer)
		}
	}
	q.Max = size - 1
	if part, err := f.Responses().Steps(ctx, q, nil); err != nil || !reflect.DeepEqual(part, domain.StepPart{Left: size}) {
		t.Errorf("of at most %d bytes: want %d left, got %d steps, %d left, %v", q.Max, size, len(part.Steps), part.Left, err)
	}
	q.Max, q.After = size, &steps[2].ID
	if part, err := f.Responses().Steps(ctx, q, nil); err != nil || len(part.Steps) != 1 || part.More || part.Steps[0].Prompt != steps[3].Payload {
		t.Errorf("want the last step, got %d, %t, %v", len(part.Steps), part.More, err)
	}
	large := NewRow(anna, "completed", start)
	one := Chain(&large, nil)
	one[0].Payload = fmt.Sprintf(`{"words": "%s"}`, strings.Repeat("x", domain.MaxStepBytes))
	f.AddChain(one...)
	q = domain.StepQuery{ID: large.ID, Limit: 10, Payloads: true, Max: math.MaxInt64}
	if part, err := f.Responses().Steps(ctx, q, nil); err != nil || len(part.Steps) != 1 || !part.More || part.Steps[0].Prompt != one[0].Payload {
		t.Errorf("a step that is larger than a page: want it alone, got %d, %t, %v", len(part.Steps), part.More, err)
	}
}

// testStepsOfSeveral: one owner of several does not see a part of it.
func testStepsOfSeveral(t *testing.T, f ResponsesFixture) {
	ctx, anna, ben := t.Context(), uuid.NewString(), uuid.NewString()
	mine, other := NewRow(anna, "completed", start), NewRow(ben, "completed", start)
	f.AddChain(Chain(&mine, &other)...)
	batched := NewRow("", "completed", start)
	batched.Batched = true
	of := NewRow(anna, "completed", start)
	f.AddChain(Chain(&of, &batched)...)
	for name, c := range map[string]struct {
		id     uuid.UUID
		owners []string
		code   domain.Code
	}{
		"one owner":             {mine.ID, []string{anna}, domain.CodeNotFound},
		"the other":             {other.ID, []string{ben}, domain.CodeNotFound},
		"both":                  {mine.ID, []string{anna, ben}, ""},
		"anyone":                {other.ID, nil, ""},
		"with a row of a batch": {of.ID, nil, domain.CodeNotFound},
	} {
		part, err := f.Responses().Steps(ctx, domain.StepQuery{ID: c.id, Owners: c.owners, Limit: 10, Payloads: true, Max: math.MaxInt64}, nil)
		if c.code == "" && (err != nil || len(part.Steps) != 2) || c.code != "" && (domain.CodeOf(err) != c.code || len(part.Steps) > 0) {
			t.Errorf("%s: want code %q, got %d steps, %v", name, c.code, len(part.Steps), err)
		}
	}
}
