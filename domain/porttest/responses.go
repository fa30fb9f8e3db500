package porttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// ResponsesFixture is an empty implementation of Responses and ways to fill it. A way
// that fails ends the test.
type ResponsesFixture interface {
	Responses() domain.Responses
	AddResponse(Row)
	AddChain(...Step) // the first is the head
	AddUsage(UsageRow)
	AddTask(response uuid.UUID, finished bool)
	Stored() Stored
	Hasten()                          // makes searches for erased requests due
	Refuse(id uuid.UUID, refuse bool) // makes the database refuse to delete a response, or stop refusing
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

// Responses tests the contract of domain.Responses.
func Responses(t *testing.T, newFixture func(t *testing.T) ResponsesFixture) {
	Lists(t, newFixture)
	for name, test := range map[string]func(*testing.T, ResponsesFixture){
		"empty database":      testEmptyDatabase,
		"get":                 testGet,
		"chain":               testChain,
		"get all":             testGetAll,
		"canceled context":    testCanceled,
		"models":              testModels,
		"steps":               testSteps,
		"steps/payloads":      testStepPayloads,
		"steps/mixed owners":  testStepsOfSeveral,
		"erase later turns":   testLaterTurns,
		"erase after restore": testEraseAgain,
		"erase deleted rows":  testEraseDeleted,
		"erase/each part":     testEraseParts,
		"erase/batched row":   testEraseBatched,
		"erase/step ID":       testEraseStep,
		"erase/refused":       testEraseRefused,
		"erase/concurrent":    testEraseConcurrently,
		"sweep":               testSweep,
		"sweep/refused":       testSweepRefused,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newFixture(t))
		})
	}
	for name, file := range map[string]File{"no": NoFile, "kept": KeptFile, "deleted": DeletedFile, "made": MadeFile} {
		t.Run("erase/shared template/"+name+" file", func(t *testing.T) {
			t.Parallel()
			testEraseShared(t, newFixture(t), file)
		})
	}
}

func testEmptyDatabase(t *testing.T, f ResponsesFixture) {
	ctx := t.Context()
	if page, err := f.Responses().Page(ctx, domain.PageQuery{ActiveFirst: true, Limit: 10}); err != nil || len(page) != 0 {
		t.Errorf("want an empty page, got %v, %v", page, err)
	}
	if count, err := Count(ctx, f.Responses(), domain.ResponseFilter{}, domain.CountAuto); err != nil || count.Total != 0 {
		t.Errorf("want a count of 0, got %+v, %v", count, err)
	}
	for _, id := range []uuid.UUID{uuid.New(), uuid.Nil, uuid.Max} {
		if _, _, err := f.Responses().Get(ctx, id, nil, math.MaxInt64, nil); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("get %s: want %s, got %v", id, domain.CodeNotFound, err)
		}
		if _, err := f.Responses().Erase(ctx, id, nil, neverAsked(t)); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("erase %s: want %s, got %v", id, domain.CodeNotFound, err)
		}
	}
}

// testChain: each part leads to the whole response, in the order of its steps.
func testChain(t *testing.T, f ResponsesFixture) {
	// The later ones are older, and more than one digit counts them.
	var rows []*Row
	var requests []uuid.UUID
	for i := range 12 {
		rows = append(rows, ptr(NewRow(uuid.NewString(), "completed", start.Add(time.Duration(-i)*time.Minute))))
		requests = append(requests, rows[i].ID)
	}
	rows = slices.Insert(rows, 1, nil)
	steps := Chain(rows...)
	f.AddChain(steps...)
	f.AddChain(Chain(ptr(NewRow(uuid.NewString(), "completed", start)))...)
	alone := NewRow(uuid.NewString(), "completed", start)
	f.AddResponse(alone)
	want := domain.Chain{ID: steps[0].ID, Requests: requests}
	for _, id := range append([]uuid.UUID{steps[0].ID, steps[1].ID, steps[12].ID}, requests...) {
		if got, err := f.Responses().Chain(t.Context(), id, nil); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("chain of part %s: want %v, got %v, %v", id, want, got, err)
		}
	}
	for _, id := range []uuid.UUID{alone.ID, uuid.New(), uuid.Nil} {
		want := domain.Chain{ID: id, Requests: []uuid.UUID{id}}
		if got, err := f.Responses().Chain(t.Context(), id, nil); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("chain of %s, without steps: want %v, got %v, %v", id, want, got, err)
		}
	}
	mine := []*Row{ptr(NewRow("mine", "completed", start)), ptr(NewRow("mine", "completed", start))}
	steps = Chain(mine...)
	f.AddChain(steps...)
	if got, err := f.Responses().Chain(t.Context(), mine[1].ID, []string{"other", "mine"}); err != nil || got.ID != steps[0].ID || len(got.Requests) != 2 {
		t.Errorf("chain of this owner: want 2 parts, got %v, %v", got, err)
	}
	foreign := Chain(ptr(NewRow("mine", "completed", start)), ptr(NewRow("other", "completed", start)))
	f.AddChain(foreign...)
	for i, owners := range [][]string{{"stranger"}, {"mine"}, {"other"}} {
		for _, id := range []uuid.UUID{foreign[0].ID, foreign[1].ID} {
			if got, err := f.Responses().Chain(t.Context(), id, owners); domain.CodeOf(err) != domain.CodeNotFound && !reflect.DeepEqual(got, domain.Chain{ID: id, Requests: []uuid.UUID{id}}) {
				t.Errorf("%d: chain of several owners: want nothing of it, got %v, %v", i, got, err)
			}
		}
	}
}

func testGet(t *testing.T, f ResponsesFixture) {
	ctx := t.Context()
	row := func(state string, change func(*Row)) Row {
		r := NewRow(uuid.NewString(), state, start)
		change(&r)
		return r
	}
	rows := map[string]Row{
		"pending":      row("pending", func(*Row) {}),
		"claimed":      row("claimed", func(*Row) {}),
		"processing":   row("processing", func(*Row) {}),
		"completed":    row("completed", func(r *Row) { r.Tier = ptr("flex") }),
		"failed":       row("failed", func(*Row) {}),
		"canceled":     row("canceled", func(*Row) {}),
		"no template":  row("completed", func(r *Row) { r.NoTemplate = true; r.Prompt = "" }),
		"empty words":  row("completed", func(r *Row) { r.Prompt = ""; r.Answer = ptr("") }),
		"kept file":    row("completed", func(r *Row) { r.File = KeptFile }),
		"deleted file": row("completed", func(r *Row) { r.File = DeletedFile }),
		"status 0":     row("completed", func(r *Row) { r.HTTPStatus = ptr(0) }),
		"odd owner":    row("pending", func(r *Row) { r.Owner = "not a UUID" }),
	}
	for _, r := range rows {
		f.AddResponse(r)
	}
	for name, r := range rows {
		want := r.Contents
		if r.File == DeletedFile {
			want.Prompt = ""
		}
		response, contents, err := f.Responses().Get(ctx, r.ID, nil, math.MaxInt64, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := differ([]domain.Response{r.Response}, []domain.Response{response}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if !reflect.DeepEqual(want, contents) {
			t.Errorf("%s: want contents %s, got %s", name, show(want), show(contents))
		}
		summary, err := f.Responses().GetSummary(ctx, r.ID, nil)
		if err != nil {
			t.Errorf("%s: without contents: %v", name, err)
		}
		if diff := differ([]domain.Response{response}, []domain.Response{summary}); diff != "" {
			t.Errorf("%s: without contents: %s", name, diff)
		}
		size := contents.Bytes()
		if _, whole, err := f.Responses().Get(ctx, r.ID, nil, size, nil); err != nil || whole.Bytes() != size || whole.Left != 0 {
			t.Errorf("of at most the %d bytes that there are: got %d, %d left, %v", size, whole.Bytes(), whole.Left, err)
		}
		if _, less, err := f.Responses().Get(ctx, r.ID, nil, size-1, nil); err != nil || less != (domain.Contents{Left: size}) {
			t.Errorf("of less than the %d bytes that there are: got %d, %d left, %v", size, less.Bytes(), less.Left, err)
		}
		if _, _, err := f.Responses().Get(ctx, r.ID, []string{"another", r.Owner}, math.MaxInt64, nil); err != nil {
			t.Errorf("%s: want it found as its owner's: %v", name, err)
		}
		for _, others := range [][]string{{}, {"another"}, {r.Owner + " "}} {
			_, contents, err := f.Responses().Get(ctx, r.ID, others, math.MaxInt64, nil)
			_, summaryErr := f.Responses().GetSummary(ctx, r.ID, others)
			if domain.CodeOf(err) != domain.CodeNotFound || domain.CodeOf(summaryErr) != domain.CodeNotFound || contents != (domain.Contents{}) {
				t.Errorf("%s: want %s for %q, got %v and %v", name, domain.CodeNotFound, others, err, summaryErr)
			}
		}
		if response.Revision == "" || summary.Revision != response.Revision {
			t.Errorf("%s: want one revision with and without contents, got %q and %q", name, response.Revision, summary.Revision)
		}
	}
	batched := NewRow("", "completed", start)
	batched.Batched = true
	f.AddResponse(batched)
	if _, _, err := f.Responses().Get(ctx, batched.ID, nil, math.MaxInt64, nil); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("a row of a batch: want %s, got %v", domain.CodeNotFound, err)
	}
	if _, err := f.Responses().GetSummary(ctx, batched.ID, nil); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("a row of a batch without contents: want %s, got %v", domain.CodeNotFound, err)
	}
}

func testCanceled(t *testing.T, f ResponsesFixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	row := NewRow(uuid.NewString(), "completed", start)
	f.AddResponse(row)
	before := f.Stored()
	_, pageErr := f.Responses().Page(ctx, domain.PageQuery{ActiveFirst: true, Limit: 10})
	_, countErr := Count(ctx, f.Responses(), domain.ResponseFilter{}, domain.CountAuto)
	_, _, getErr := f.Responses().Get(ctx, row.ID, nil, math.MaxInt64, nil)
	_, summaryErr := f.Responses().GetSummary(ctx, row.ID, nil)
	_, stepsErr := f.Responses().Steps(ctx, domain.StepQuery{ID: row.ID, Limit: 10}, nil)
	_, eraseErr := f.Responses().Erase(ctx, row.ID, nil, Permit)
	for name, err := range map[string]error{"page": pageErr, "count": countErr, "get": getErr, "get summary": summaryErr, "steps": stepsErr, "erase": eraseErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: want the context's error, got %v", name, err)
		}
	}
	if after := f.Stored(); after != before {
		t.Errorf("want everything left, %+v, got %+v", before, after)
	}
}

// erasable erases, and checks the owners that permit is given and what is gone.
func erasable(t *testing.T, f ResponsesFixture, id uuid.UUID, owners []string, want domain.Erased) {
	t.Helper()
	before := f.Stored()
	asked := false
	erased, err := f.Responses().Erase(t.Context(), id, nil, func(found domain.Found) (domain.Authorization, error) {
		asked = true
		if !slices.Equal(distinct(owners), distinct(found.Owners)) {
			t.Errorf("want permit to hear of %q, got %q", owners, found.Owners)
		}
		return Permit(found)
	})
	if err != nil {
		t.Fatalf("erase: %v", err)
	}
	if !asked {
		t.Error("permit was not asked")
	}
	if erased != want {
		t.Errorf("want erased %+v, got %+v", want, erased)
	}
	if after := f.Stored(); after != before.Less(want) {
		t.Errorf("want left %+v, got %+v", before.Less(want), after)
	}
}

// rowsOf returns a list of rows; nil is a tool call.
func rowsOf(rows ...*Row) []*Row { return rows }

func put(f ResponsesFixture, rows []*Row, chain bool) {
	if chain {
		f.AddChain(Chain(rows...)...)
		return
	}
	for _, r := range rows {
		f.AddResponse(*r)
	}
}

// clones returns equal rows with new identifiers.
func clones(rows []*Row) []*Row {
	copies := make([]*Row, len(rows))
	for i, r := range rows {
		if r != nil {
			c := *r
			c.ID = uuid.New()
			copies[i] = &c
		}
	}
	return copies
}

// Permit returns an authorization for whatever was found.
func Permit(domain.Found) (domain.Authorization, error) {
	return domain.Authorization{
		Receipt: uuid.New(), Salt: domain.Salt{1, 2, 3}, Trigger: domain.TriggerSingle, Ground: domain.GroundUnspecified,
		RequestedAt: start, Role: domain.ActorAdministrator,
	}, nil
}

func neverAsked(t *testing.T) func(domain.Found) (domain.Authorization, error) {
	return func(found domain.Found) (domain.Authorization, error) {
		t.Error("permit was asked about nothing")
		return Permit(found)
	}
}

func distinct(words []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(words)))
}

func show(c domain.Contents) string {
	return fmt.Sprintf("{prompt %q answer %s error %s}", c.Prompt, showText(c.Answer), showText(c.Error))
}

func showText(s *string) string {
	if s == nil {
		return "-"
	}
	return fmt.Sprintf("%q", *s)
}
