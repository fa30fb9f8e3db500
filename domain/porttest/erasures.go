package porttest

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// ErasuresFixture is an empty implementation of Erasures, with the responses that
// they erase, and ways to add them.
type ErasuresFixture interface {
	HoldsFixture
	Erasures() domain.Erasures
	HastenVerification() // makes pending verifications due
}

// Erasures tests the contract of domain.Erasures.
func Erasures(t *testing.T, newFixture func(t *testing.T) ErasuresFixture) {
	for name, test := range map[string]func(*testing.T, ErasuresFixture){
		"create and get":          testErasuresAreKept,
		"list":                    testPagesOfErasures,
		"previews":                testPreviewsAreKept,
		"estimate":                testEstimate,
		"named responses":         testErasureOfResponses,
		"templates":               testErasureOfTemplates,
		"parts of a chain":        testErasureOfAChainByItsParts,
		"filter":                  testErasureByFilter,
		"previewed filter":        testErasureOfPreviewedFilter,
		"many previews":           testManyPreviews,
		"bounded":                 testBoundedErasure,
		"later turns":             testErasureOfLaterTurns,
		"later turns until then":  testErasureOfLaterTurnsUntil,
		"no match":                testErasureWithoutMatch,
		"owner":                   testErasureOfAnOwner,
		"held owner":              testErasureOfAHeldOwner,
		"deleted rows":            testErasureOfDeletedRows,
		"verdicts":                testVerdicts,
		"refused by the database": testRefusedErasure,
		"cancel":                  testCanceledErasure,
		"approval":                testApprovedErasure,
		"record":                  testRecordedErasure,
		"redact":                  testRedactedErasure,
		"receipts":                testReceiptsOfAnErasure,
		"canceled context":        testErasuresCanceledContext,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newFixture(t))
		})
	}
}

// JudgeAll erases whatever no hold covers; its authorization has every field.
func JudgeAll(e domain.Erasure, parts []domain.Part) ([]domain.Verdict, domain.Authorization) {
	verdicts := make([]domain.Verdict, len(parts))
	for i, p := range parts {
		switch {
		case slices.ContainsFunc(p.Requests, func(r domain.Response) bool { return r.Owner == "" }):
			verdicts[i] = domain.Withhold
		case len(p.Holds) > 0:
			verdicts[i] = domain.KeepHeld
		}
	}
	w, _ := Permit(domain.Found{})
	w.Trigger, w.Rule, w.Ground, w.Shared = e.Trigger, e.Rule, e.Ground, true
	return verdicts, w
}

// testErasureOfDeletedRows erases copies of responses whose rows are gone, by owner
// and by name, with others.
func testErasureOfDeletedRows(t *testing.T, f ErasuresFixture) {
	anna, ben := uuid.New(), uuid.New()
	gone := func(owners ...*uuid.UUID) uuid.UUID {
		id := uuid.New()
		for i, owner := range owners {
			f.AddUsage(UsageRow{Response: id, At: start.Add(time.Duration(i) * time.Second), Owner: owner, Copied: true})
		}
		return id
	}
	for _, rows := range []int{0, 3} {
		for range rows {
			row := NewRow(anna.String(), "completed", start)
			f.AddResponse(row)
			f.AddUsage(UsageRow{Response: row.ID, At: start, Owner: &anna, Copied: true})
		}
		for range 5 {
			gone(&anna)
		}
		gone(&anna, &anna)
		bens, nobodys, both := gone(&ben), gone(nil), gone(&anna, &ben)
		batched := uuid.New()
		f.AddUsage(UsageRow{Response: batched, At: start, Owner: &anna, Copied: true, Batched: true})
		held := gone(&anna)
		f.AddUsage(UsageRow{Response: uuid.New(), At: start, Owner: &anna})
		hold := place(t, f.Holds(), domain.HoldTarget{Responses: []uuid.UUID{held}})
		before := f.Stored()
		want := domain.Erased{Requests: int64(rows), Templates: int64(rows), RawRequests: int64(rows) + 7, RawResponses: int64(rows) + 7}
		target := domain.ErasureTarget{Owner: &anna}
		estimate, err := f.Erasures().Estimate(t.Context(), target, []string{anna.String()}, start.Add(time.Hour))
		if err != nil || estimate.Responses != int64(rows)+6 || estimate.Requests != want.Requests || estimate.RawRequests != want.RawRequests || estimate.Held != 1 {
			t.Errorf("want what is gone counted, got %+v, %v", estimate, err)
		}
		e := advance(t, f, create(t, f, newErasure(target)).ID, 2)
		if e.Done != int64(rows)+6 || e.Held != 1 || e.Erased != want || f.Stored() != before.Less(want) {
			t.Errorf("want %d done with %+v, and one held, got %+v", rows+6, want, e.ErasureProgress)
		}
		if _, err := f.Holds().Release(t.Context(), hold.ID, anna); err != nil {
			t.Fatal(err)
		}
		before = f.Stored()
		want = domain.Erased{RawRequests: 2, RawResponses: 2}
		target = domain.ErasureTarget{Responses: []uuid.UUID{held, nobodys, batched, both, bens, uuid.New()}}
		if estimate, err = f.Erasures().Estimate(t.Context(), target, nil, start); err != nil || estimate.Responses != 2 || estimate.NotFound != 4 || estimate.RawRequests != 2 {
			t.Errorf("estimate: want only the responses of one owner counted, got %+v, %v", estimate, err)
		}
		e = advance(t, f, create(t, f, newErasure(target)).ID, 2)
		if e.Done != 2 || e.NotFound != 4 || e.Erased != want || f.Stored() != before.Less(want) {
			t.Errorf("want %+v, got %+v", want, e.ErasureProgress)
		}
	}
}

func newErasure(t domain.ErasureTarget) domain.Erasure {
	by := uuid.New()
	secret := domain.Salt{1, 2, 3}
	return domain.Erasure{
		ID: uuid.New(), Trigger: domain.TriggerBulk, Kind: t.Kind(), Target: &t, AsOf: start.Add(24 * time.Hour),
		Ground: domain.GroundRequest, Ticket: "T-1 " + hostile[0], RequestedAt: start, RequestedBy: &by,
		Role: domain.ActorAdministrator, Secret: &secret, RequestSum: sha256.Sum256([]byte("a request")), State: domain.ErasurePending,
	}
}

func create(t *testing.T, f ErasuresFixture, e domain.Erasure) domain.Erasure {
	t.Helper()
	stored, created, err := f.Erasures().Create(t.Context(), e)
	if err != nil || !created {
		t.Fatalf("want it created, got %v, %v", created, err)
	}
	return stored
}

// advance continues until the erasure is over, and fails if that takes too many
// calls.
func advance(t *testing.T, f ErasuresFixture, id uuid.UUID, limit int) domain.Erasure {
	t.Helper()
	for range 50 {
		e, err := f.Erasures().Advance(t.Context(), id, limit, JudgeAll)
		if err != nil {
			t.Fatal(err)
		}
		if e.State.Finished() {
			return e
		}
	}
	t.Fatal("the erasure did not finish")
	return domain.Erasure{}
}

func wantProgress(t *testing.T, e domain.Erasure, state domain.ErasureState, done, held, notFound int64) {
	t.Helper()
	if e.State != state || e.Done != done || e.Held != held || e.NotFound != notFound {
		t.Errorf("want %s with %d done, %d held, %d not found; got %s with %d, %d, %d",
			state, done, held, notFound, e.State, e.Done, e.Held, e.NotFound)
	}
	if (e.FinishedAt != nil) != e.State.Finished() || (e.StartedAt == nil) != (e.State == domain.ErasurePending) && e.State != domain.ErasureCanceled && e.State != domain.ErasureFailed {
		t.Errorf("state %s: got started at %v, finished at %v", e.State, e.StartedAt, e.FinishedAt)
	}
}

func testErasuresAreKept(t *testing.T, f ErasuresFixture) {
	owner := uuid.New()
	states, duration, hasError, low := []string{"completed", "failed"}, 1500*time.Millisecond, true, int64(400)
	targets := []domain.ErasureTarget{
		{Responses: []uuid.UUID{uuid.New(), uuid.New()}},
		{Owner: &owner},
		{Filter: &domain.ResponseFilter{}},
		{Filter: &domain.ResponseFilter{
			Owners: []string{owner.String(), hostile[1]}, States: states, Models: hostile, Tiers: []string{"flex"},
			CreatedAfter: &start, CreatedBefore: ptr(start.Add(time.Microsecond)), StatusMin: &low, StatusMax: ptr(int64(599)),
			MinDuration: &duration, HasError: &hasError,
		}},
	}
	for i, target := range targets {
		e := newErasure(target)
		if i == 1 {
			e.Scope, e.Expected, e.Max = []string{owner.String()}, ptr(int64(7)), 12
			e.Trigger, e.Rule, e.RequestedBy, e.Secret = domain.TriggerRetention, &domain.RuleVersion{ID: uuid.New(), Version: 3}, nil, nil
		}
		stored := create(t, f, e)
		if !reflect.DeepEqual(stored, e) {
			t.Errorf("want %+v, got %+v", e, stored)
		}
		if got, err := f.Erasures().Get(t.Context(), e.ID); err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("want %+v, got %+v, %v", e, got, err)
		}
	}
	if _, err := f.Erasures().Get(t.Context(), uuid.New()); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}

	first := newErasure(targets[0])
	first.IdempotencyKey = "key " + hostile[0]
	create(t, f, first)
	again := newErasure(targets[1])
	again.IdempotencyKey, again.RequestedBy = first.IdempotencyKey, first.RequestedBy
	if got, created, err := f.Erasures().Create(t.Context(), again); err != nil || created || !reflect.DeepEqual(got, first) {
		t.Errorf("want the first one, got %+v, %v, %v", got, created, err)
	}
	if got, err := f.Erasures().ByKey(t.Context(), *first.RequestedBy, first.IdempotencyKey); err != nil || got.ID != first.ID {
		t.Errorf("by idempotency key: want %s, got %+v, %v", first.ID, got, err)
	}
	other := newErasure(targets[1])
	other.IdempotencyKey = first.IdempotencyKey
	create(t, f, other) // of somebody else
	for _, key := range []string{"", "another"} {
		if _, err := f.Erasures().ByKey(t.Context(), *first.RequestedBy, key); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("key %q: want %s, got %v", key, domain.CodeNotFound, err)
		}
	}
}

func testPagesOfErasures(t *testing.T, f ErasuresFixture) {
	by := uuid.New()
	var all []domain.Erasure
	for i := range 12 {
		e := newErasure(domain.ErasureTarget{Responses: []uuid.UUID{uuid.New()}})
		e.RequestedAt = start.Add(time.Duration(i/3) * time.Microsecond) // ties
		if i%2 == 0 {
			e.RequestedBy = &by
		}
		if i%3 == 0 {
			e.Trigger, e.Rule = domain.TriggerRetention, &domain.RuleVersion{ID: uuid.New(), Version: 1}
		}
		create(t, f, e)
		if i%4 == 0 {
			e = advance(t, f, e.ID, 10)
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b domain.Erasure) int { return a.Position().Compare(b.Position()) })
	retention := domain.TriggerRetention
	for _, q := range []domain.ErasureQuery{
		{Limit: 100}, {Limit: 5}, {Limit: 100, RequestedBy: &by}, {Limit: 100, Trigger: &retention},
		{Limit: 100, States: []domain.ErasureState{domain.ErasurePending}},
		{Limit: 100, States: []domain.ErasureState{domain.ErasurePending, domain.ErasureFinished}, RequestedBy: &by},
		{Limit: 100, States: []domain.ErasureState{}},
		{Limit: 3, After: ptr(all[4].Position())}, {Limit: 100, After: ptr(all[11].Position())},
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(e domain.Erasure) bool {
			return q.RequestedBy != nil && (e.RequestedBy == nil || *e.RequestedBy != *q.RequestedBy) ||
				q.Trigger != nil && e.Trigger != *q.Trigger ||
				q.States != nil && !slices.Contains(q.States, e.State) ||
				q.After != nil && e.Position().Compare(*q.After) <= 0
		})
		want = want[:min(len(want), int(q.Limit))]
		got, err := f.Erasures().Page(t.Context(), q)
		if err != nil || len(got) != len(want) {
			t.Errorf("%+v: want %d, got %d, %v", q, len(want), len(got), err)
			continue
		}
		for i := range got {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Errorf("%+v: want %+v at %d, got %+v", q, want[i], i, got[i])
			}
		}
	}
}

func testPreviewsAreKept(t *testing.T, f ErasuresFixture) {
	p := domain.Preview{
		TokenSum: sha256.Sum256([]byte("token")), RequestedBy: uuid.New(), Target: sha256.Sum256([]byte("target")),
		AsOf: start, ExpiresAt: start.Add(time.Minute),
		Estimate: domain.Estimate{Responses: 1, Requests: 2, Steps: 3, Templates: 4, RawRequests: 5, RawResponses: 6, Tasks: 7, Held: 8, NotFound: 9, Files: 10, KeptTemplates: 11, Retained: 12, Partial: true, Sum: sha256.Sum256([]byte("rows"))},
	}
	if err := f.Erasures().SavePreview(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Erasures().Preview(t.Context(), p.TokenSum); err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("want %+v, got %+v, %v", p, got, err)
	}
	if err := f.Erasures().Forget(t.Context(), p.ExpiresAt); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Erasures().Preview(t.Context(), p.TokenSum); err != nil {
		t.Errorf("want it there until its time is over, got %v", err)
	}
	if err := f.Erasures().Forget(t.Context(), p.ExpiresAt.Add(time.Microsecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Erasures().Preview(t.Context(), p.TokenSum); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}
}

// add stores n completed responses of an owner, a second apart.
func add(f ErasuresFixture, owner string, n int, from time.Time) []Row {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = NewRow(owner, "completed", from.Add(time.Duration(i)*time.Second))
		f.AddResponse(rows[i])
	}
	return rows
}

// addChained stores a chain of n requests and one tool call.
func addChained(f ErasuresFixture, owner string, n int, from time.Time) []Row {
	rows := make([]Row, n)
	parts := make([]*Row, n, n+1)
	for i := range rows {
		rows[i] = NewRow(owner, "completed", from.Add(time.Duration(i)*time.Second))
		parts[i] = &rows[i]
	}
	f.AddChain(Chain(append(parts, nil)...)...)
	return rows
}

func testEstimate(t *testing.T, f ErasuresFixture) {
	ctx := t.Context()
	owner, other := uuid.New(), uuid.New()
	single := add(f, owner.String(), 3, start)
	chain := addChained(f, owner.String(), 3, start.Add(time.Minute))
	strange := add(f, other.String(), 2, start)
	mixed := []Row{NewRow(owner.String(), "completed", start), NewRow(other.String(), "completed", start)}
	f.AddChain(Chain(&mixed[0], &mixed[1])...)
	late := add(f, owner.String(), 1, start.Add(48*time.Hour))
	batched := NewRow("", "completed", start)
	batched.Batched = true
	f.AddResponse(batched)
	f.AddUsage(UsageRow{Response: single[0].ID, At: start, Copied: true})
	f.AddUsage(UsageRow{Response: chain[1].ID, At: start, Copied: true})
	f.AddTask(chain[2].ID, false)
	f.AddTask(strange[0].ID, true)
	place(t, f.Holds(), domain.HoldTarget{Responses: []uuid.UUID{single[1].ID}})
	asOf := start.Add(24 * time.Hour)

	estimate := func(name string, target domain.ErasureTarget, owners []string, want domain.Estimate) [sha256.Size]byte {
		t.Helper()
		got, err := f.Erasures().Estimate(ctx, target, owners, asOf)
		sum := got.Sum
		if got.Turns.Found == nil || *got.Turns.Found != 0 || !got.Turns.Complete {
			t.Errorf("%s: later turns %+v", name, got.Turns)
		}
		got.Sum, got.Counted, got.Turns = [sha256.Size]byte{}, nil, domain.EstimatedTurns{}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: want %+v, got %+v, %v", name, want, got, err)
		}
		return sum
	}
	estimate("nothing", domain.ErasureTarget{Owner: ptr(uuid.New())}, nil, domain.Estimate{})
	own := []string{owner.String()}
	// The owner may not erase the mixed chain: one of its two is not found.
	everything := domain.Estimate{Responses: 4, Requests: 6, Steps: 4, Templates: 6, RawRequests: 2, RawResponses: 2, Tasks: 1, Held: 1, NotFound: 1}
	before := estimate("own", domain.ErasureTarget{Owner: &owner}, own, everything)
	all := everything
	all.Responses, all.Requests, all.Steps, all.Templates, all.NotFound = 5, 8, 6, 8, 0
	estimate("by everyone's", domain.ErasureTarget{Owner: &owner}, nil, all)
	filter := domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: own}}
	early := all
	early.Responses, early.Requests, early.Templates = 4, 7, 7 // without the late one
	estimate("filter", filter, nil, early)
	estimate("narrow filter", domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: own, CreatedAfter: ptr(start.Add(time.Minute))}}, nil,
		domain.Estimate{Responses: 1, Requests: 3, Steps: 4, Templates: 3, RawRequests: 1, RawResponses: 1, Tasks: 1})
	estimate("named", domain.ErasureTarget{Responses: []uuid.UUID{
		single[0].ID, single[1].ID, chain[0].ID, chain[2].ID, strange[0].ID, batched.ID, uuid.New(), mixed[0].ID,
	}}, own, domain.Estimate{Responses: 2, Requests: 4, Steps: 4, Templates: 4, RawRequests: 2, RawResponses: 2, Tasks: 1, Held: 1, NotFound: 4})

	if again := estimate("the same", domain.ErasureTarget{Owner: &owner}, own, everything); again != before {
		t.Error("checksum: want it unchanged, as no row changed")
	}
	sum := estimate("filter", filter, nil, early)
	if _, err := f.Responses().Erase(ctx, late[0].ID, nil, Permit); err != nil {
		t.Fatal(err)
	}
	if again := estimate("filter", filter, nil, early); again != sum {
		t.Error("checksum: want it unchanged by a row created after the time asked about")
	}
	if _, err := f.Responses().Erase(ctx, single[0].ID, nil, Permit); err != nil {
		t.Fatal(err)
	}
	add(f, owner.String(), 1, start)
	changed := early
	changed.RawRequests, changed.RawResponses = 1, 1
	if again := estimate("exchanged", filter, nil, changed); again == sum {
		t.Error("checksum: want it changed after one row replaced another")
	}
}

// testErasureOfTemplates erases the responses of an owner who shares prompts with
// others, in parts of every size.
func testErasureOfTemplates(t *testing.T, f ErasuresFixture) {
	for _, limit := range []int{1, 2, 100} {
		owner, other := uuid.New(), uuid.NewString()
		with := func(owner string, at int, file File, template uuid.UUID) Row {
			r := NewRow(owner, "completed", start.Add(time.Duration(at)*time.Second))
			r.File, r.Template, r.Prompt = file, template, "words"
			f.AddResponse(r)
			return r
		}
		ours, theirs, held := uuid.New(), uuid.New(), uuid.New()
		before := f.Stored()
		with(owner.String(), 0, MadeFile, uuid.New())
		with(owner.String(), 1, KeptFile, uuid.New())
		with(owner.String(), 2, NoFile, ours)
		with(owner.String(), 3, NoFile, ours)
		with(owner.String(), 4, MadeFile, theirs)
		with(owner.String(), 5, NoFile, held)
		needed, keeps := with(other, 6, NoFile, theirs), with(owner.String(), 7, NoFile, held)
		place(t, f.Holds(), domain.HoldTarget{Responses: []uuid.UUID{keeps.ID}})
		estimate, err := f.Erasures().Estimate(t.Context(), domain.ErasureTarget{Owner: &owner}, nil, start)
		estimate.Sum, estimate.Counted, estimate.Turns = [sha256.Size]byte{}, nil, domain.EstimatedTurns{}
		if want := (domain.Estimate{Responses: 6, Requests: 6, Templates: 3, KeptTemplates: 2, Files: 1, Held: 1}); err != nil || !reflect.DeepEqual(estimate, want) {
			t.Errorf("parts of %d: want %+v, got %+v, %v", limit, want, estimate, err)
		}
		e := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
		e = advance(t, f, e.ID, limit)
		want := domain.Erased{Requests: 6, Templates: 3, Files: 1, KeptTemplates: 2}
		if limit < 100 {
			want.KeptTemplates = e.KeptTemplates // a template that another part still needed counts as kept
		}
		if e.Erased != want || e.KeptTemplates < 2 || e.KeptTemplates > 3 || e.Held != 1 {
			t.Errorf("parts of %d: want %+v erased, got %+v", limit, want, e)
		}
		for _, r := range []Row{needed, keeps} {
			if _, contents, err := f.Responses().Get(t.Context(), r.ID, nil, math.MaxInt64, nil); err != nil || contents.Prompt != "words" {
				t.Errorf("parts of %d: want the prompt that another response needs, got %s, %v", limit, show(contents), err)
			}
		}
		before.Requests, before.Templates, before.Files, before.Batches = before.Requests+2, before.Templates+2, before.Files+2, before.Batches+1
		if after := f.Stored(); after != before {
			t.Errorf("parts of %d: want %+v left, got %+v", limit, before, after)
		}
	}
}

func testErasureOfResponses(t *testing.T, f ErasuresFixture) {
	owner := uuid.NewString()
	rows := add(f, owner, 3, start)
	chain := addChained(f, owner, 2, start)
	batched := NewRow("", "completed", start)
	batched.Batched = true
	f.AddResponse(batched)
	f.AddUsage(UsageRow{Response: rows[0].ID, At: start, Copied: true})
	f.AddTask(rows[0].ID, true)
	hold := place(t, f.Holds(), domain.HoldTarget{Responses: []uuid.UUID{rows[1].ID}})
	missing := uuid.New()
	before := f.Stored()
	for _, limit := range []int{2, 100} {
		e := create(t, f, newErasure(domain.ErasureTarget{Responses: []uuid.UUID{missing, rows[0].ID, batched.ID, rows[1].ID, chain[1].ID}}))
		e = advance(t, f, e.ID, limit)
		if limit == 2 {
			wantProgress(t, e, domain.ErasureFinished, 2, 1, 2)
			want := domain.Erased{Requests: 3, Steps: 3, Templates: 3, RawRequests: 1, RawResponses: 1, Tasks: 1}
			if e.Erased != want || f.Stored() != before.Less(want) || e.Receipts != 2 {
				t.Errorf("want %+v erased with 2 receipts, got %+v with %d", want, e.Erased, e.Receipts)
			}
		} else {
			wantProgress(t, e, domain.ErasureFinished, 0, 1, 4)
			if e.Erased != (domain.Erased{}) || e.Receipts != 0 {
				t.Errorf("want nothing erased, got %+v with %d receipts", e.Erased, e.Receipts)
			}
		}
		failures := []domain.ErasureFailure{
			{Response: missing, Code: domain.CodeNotFound},
			{Response: batched.ID, Code: domain.CodeNotFound},
			{Response: rows[1].ID, Code: domain.CodeHeld, Holds: []uuid.UUID{hold.ID}},
		}
		for _, failure := range failures {
			if !slices.ContainsFunc(e.Failures, func(f domain.ErasureFailure) bool { return reflect.DeepEqual(f, failure) }) {
				t.Errorf("want %+v among the failures, got %+v", failure, e.Failures)
			}
		}
		if e.VerifyAt != nil {
			t.Errorf("erasure of named responses: want no verification, got one due at %v", e.VerifyAt)
		}
	}
	if _, err := f.Erasures().Advance(t.Context(), uuid.New(), 1, JudgeAll); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}
}

// Naming several parts of a response erases it once, and reports none of them as not
// found.
func testErasureOfAChainByItsParts(t *testing.T, f ErasuresFixture) {
	for _, limit := range []int{1, 10} {
		chain := addChained(f, uuid.NewString(), 3, start)
		held := addChained(f, uuid.NewString(), 3, start)
		place(t, f.Holds(), domain.HoldTarget{Responses: []uuid.UUID{held[0].ID}})
		e := create(t, f, newErasure(domain.ErasureTarget{Responses: []uuid.UUID{chain[1].ID, held[2].ID, chain[0].ID, held[1].ID, chain[2].ID}}))
		e = advance(t, f, e.ID, limit)
		wantProgress(t, e, domain.ErasureFinished, 1, 1, 0)
		if len(e.Failures) != 1 || e.Failures[0].Response != held[2].ID {
			t.Errorf("want one failure, of %s, got %+v", held[2].ID, e.Failures)
		}
	}
}

func testErasureByFilter(t *testing.T, f ErasuresFixture) {
	owner := uuid.NewString()
	rows := add(f, owner, 5, start)
	late := add(f, owner, 1, start.Add(48*time.Hour))
	other := add(f, uuid.NewString(), 2, start)
	failed := NewRow(owner, "failed", start)
	f.AddResponse(failed)
	e := create(t, f, newErasure(domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{owner}, States: []string{"completed"}}}))
	half, err := f.Erasures().Advance(t.Context(), e.ID, 2, JudgeAll)
	if err != nil || half.State != domain.ErasureRunning || half.Done != 2 {
		t.Errorf("want 2 done, got %+v, %v", half, err)
	}
	for i, r := range rows { // oldest first
		if _, err := f.Responses().GetSummary(t.Context(), r.ID, nil); (domain.CodeOf(err) == domain.CodeNotFound && err != nil) != (i < 2) {
			t.Errorf("row %d: %v", i, err)
		}
	}
	wantProgress(t, advance(t, f, e.ID, 2), domain.ErasureFinished, 5, 0, 0)
	for _, left := range []Row{late[0], other[0], other[1], failed} {
		if _, err := f.Responses().GetSummary(t.Context(), left.ID, nil); err != nil {
			t.Errorf("want %s left: %v", left.ID, err)
		}
	}
	over, err := f.Erasures().Advance(t.Context(), e.ID, 2, JudgeAll)
	if err != nil || over.Done != 5 {
		t.Errorf("want it left as it was, got %+v, %v", over, err)
	}
	everything := create(t, f, newErasure(domain.ErasureTarget{Filter: &domain.ResponseFilter{}}))
	wantProgress(t, advance(t, f, everything.ID, 10), domain.ErasureFinished, 3, 0, 0)
	nothing := create(t, f, newErasure(domain.ErasureTarget{Filter: &domain.ResponseFilter{States: []string{}}}))
	wantProgress(t, advance(t, f, nothing.ID, 10), domain.ErasureFinished, 0, 0, 0)
}

// A response that passes a filter only after its preview is not erased, whatever
// change made it pass.
func testErasureOfPreviewedFilter(t *testing.T, f ErasuresFixture) {
	ctx := t.Context()
	owner := uuid.NewString()
	shown := add(f, owner, 7, start)
	chain := addChained(f, owner, 3, start.Add(time.Minute))
	target := domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{owner}}}
	asOf := start.Add(time.Hour)
	estimate, err := f.Erasures().Estimate(ctx, target, nil, asOf)
	if err != nil || estimate.Responses != 8 || len(estimate.Counted) != 10 || estimate.Counted[0] != shown[0].ID || estimate.Counted[9] != chain[2].ID {
		t.Fatalf("want ten requests counted in their order, got %+v, %v", estimate, err)
	}
	p := domain.Preview{TokenSum: sha256.Sum256([]byte(owner)), RequestedBy: uuid.New(), AsOf: asOf, ExpiresAt: start.Add(time.Hour), Estimate: estimate}
	if err := f.Erasures().SavePreview(ctx, p); err != nil {
		t.Fatal(err)
	}
	later := slices.Concat(add(f, owner, 2, start.Add(-time.Hour)), add(f, owner, 2, start), add(f, owner, 1, start.Add(30*time.Minute)))
	e := newErasure(target)
	e.AsOf, e.Preview, e.Expected = asOf, &p.TokenSum, &estimate.Responses
	if e = create(t, f, e); e.Preview == nil || *e.Preview != p.TokenSum {
		t.Errorf("want the preview kept, got %v", e.Preview)
	}
	if _, err := f.Responses().Erase(ctx, shown[4].ID, nil, Permit); err != nil { // meanwhile
		t.Fatal(err)
	}
	if err := f.Erasures().Forget(ctx, start.Add(2*time.Hour)); err != nil { // forgets the preview, not the erasure that it started
		t.Fatal(err)
	}
	half, err := f.Erasures().Advance(ctx, e.ID, 3, JudgeAll)
	if err != nil || half.Done != 3 || half.State != domain.ErasureRunning {
		t.Fatalf("want three done, got %+v, %v", half, err)
	}
	later = append(later, add(f, owner, 1, start.Add(5500*time.Millisecond))...)
	wantProgress(t, advance(t, f, e.ID, 3), domain.ErasureFinished, 7, 0, 0)
	for _, r := range later {
		if _, err := f.Responses().GetSummary(ctx, r.ID, nil); err != nil {
			t.Errorf("row created at %s was not previewed: want it left, got %v", r.CreatedAt, err)
		}
	}
	for _, r := range slices.Concat(shown, chain) {
		if _, err := f.Responses().GetSummary(ctx, r.ID, nil); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("row created at %s was previewed: want it erased, got %v", r.CreatedAt, err)
		}
	}
	if err := f.Erasures().Forget(ctx, time.Now().Add(48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if e, err = f.Erasures().Get(ctx, e.ID); err != nil || e.Target != nil || e.Preview != nil {
		t.Errorf("want the preview deleted, got %+v, %v", e, err)
	}
}

// A person can have only MaxPreviews at a time, not counting those that were used.
func testManyPreviews(t *testing.T, f ErasuresFixture) {
	ctx := t.Context()
	by := uuid.New()
	sum := func(i int) [sha256.Size]byte { return sha256.Sum256([]byte{byte(i), byte(i >> 8)}) }
	keep := func(i int, by uuid.UUID) {
		t.Helper()
		p := domain.Preview{
			TokenSum: sum(i), RequestedBy: by, ExpiresAt: start.Add(time.Duration(i) * time.Second),
			Estimate: domain.Estimate{Counted: []uuid.UUID{uuid.New()}},
		}
		if err := f.Erasures().SavePreview(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	keep(0, by)
	e := newErasure(domain.ErasureTarget{Filter: &domain.ResponseFilter{}})
	begun := sum(0)
	e.Preview = &begun
	create(t, f, e)
	keep(1000, uuid.New())
	for i := 1; i <= domain.MaxPreviews+1; i++ {
		keep(i, by)
	}
	for i, there := range map[int]bool{0: true, 1: false, 2: true, domain.MaxPreviews + 1: true, 1000: true} {
		if _, err := f.Erasures().Preview(ctx, sum(i)); (err == nil) != there {
			t.Errorf("preview %d: want it there: %t, got %v", i, there, err)
		}
	}
}

// An erasure by owner or filter leaves a receipt even if it found nothing.
func testErasureWithoutMatch(t *testing.T, f ErasuresFixture) {
	owner := uuid.New()
	add(f, owner.String(), 2, start)
	held := uuid.New()
	place(t, f.Holds(), domain.HoldTarget{Responses: []uuid.UUID{add(f, held.String(), 1, start)[0].ID}})
	rule := newErasure(domain.ErasureTarget{Filter: &domain.ResponseFilter{States: []string{"none"}}})
	rule.Trigger, rule.Rule, rule.Secret, rule.RequestedBy = domain.TriggerRetention, &domain.RuleVersion{ID: uuid.New(), Version: 1}, nil, nil
	for i, c := range []struct {
		name     string
		erasure  domain.Erasure
		receipts int64
		nothing  bool
	}{
		{"owner", newErasure(domain.ErasureTarget{Owner: &owner}), 1, false},
		{"the same again", newErasure(domain.ErasureTarget{Owner: &owner}), 1, true},
		{"nobody", newErasure(domain.ErasureTarget{Owner: ptr(uuid.New())}), 1, true},
		{"filter", newErasure(domain.ErasureTarget{Filter: &domain.ResponseFilter{States: []string{"none"}}}), 1, true},
		{"impossible filter", newErasure(domain.ErasureTarget{Filter: &domain.ResponseFilter{States: []string{}}}), 1, true},
		{"named", newErasure(domain.ErasureTarget{Responses: []uuid.UUID{uuid.New()}}), 0, false},
		{"held", newErasure(domain.ErasureTarget{Owner: &held}), 0, false},
		{"rule", rule, 0, false},
	} {
		e := advance(t, f, create(t, f, c.erasure).ID, 10)
		receipts, err := f.Erasures().Receipts(t.Context(), domain.ErasureReceiptQuery{Erasure: e.ID, Limit: 10})
		if err != nil || e.Receipts != c.receipts || int64(len(receipts)) != c.receipts {
			t.Errorf("%s: want %d receipts, got %d, %+v, %v", c.name, c.receipts, e.Receipts, receipts, err)
			continue
		}
		if c.receipts > 0 && (receipts[0].Responses == 0) != c.nothing {
			t.Errorf("%s: want a receipt of nothing: %t, got %+v", c.name, c.nothing, receipts)
		}
		if i == 1 { // and no more when it is verified
			f.HastenVerification()
			for range 3 {
				if e, err = f.Erasures().Advance(t.Context(), e.ID, 10, JudgeAll); err != nil {
					t.Fatal(err)
				}
			}
			if e.Receipts != 1 || e.VerifiedAt == nil {
				t.Errorf("want it verified with its receipt, got %d, %v", e.Receipts, e.VerifiedAt)
			}
		}
	}
}

func testBoundedErasure(t *testing.T, f ErasuresFixture) {
	owner := uuid.NewString()
	rows := add(f, owner, 5, start)
	e := newErasure(domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{owner}}})
	e.Max = 3
	create(t, f, e)
	wantProgress(t, advance(t, f, e.ID, 2), domain.ErasureFinished, 3, 0, 0)
	if _, err := f.Responses().GetSummary(t.Context(), rows[3].ID, nil); err != nil {
		t.Errorf("want the fourth left: %v", err)
	}
}

func testErasureOfAnOwner(t *testing.T, f ErasuresFixture) {
	ctx := t.Context()
	owner := uuid.New()
	add(f, owner.String(), 4, start)
	addChained(f, owner.String(), 2, start)
	other := add(f, uuid.NewString(), 1, start)
	e := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
	if _, err := f.Erasures().Advance(ctx, e.ID, 3, JudgeAll); err != nil {
		t.Fatal(err)
	}
	add(f, owner.String(), 1, start.Add(-time.Hour))     // older than what has been processed
	add(f, owner.String(), 1, start.Add(1000*time.Hour)) // newer than the request
	e = advance(t, f, e.ID, 3)
	wantProgress(t, e, domain.ErasureFinished, 7, 0, 0)
	if e.VerifyAt == nil || e.VerifyAt.Sub(*e.FinishedAt) != domain.VerifyAfter || e.VerifiedAt != nil {
		t.Errorf("want it to be verified %s after %v, got %v", domain.VerifyAfter, e.FinishedAt, e.VerifyAt)
	}
	if due, err := f.Erasures().Due(ctx, 10); err != nil || len(due) != 0 {
		t.Errorf("want none due, got %v, %v", due, err)
	}
	late := add(f, owner.String(), 2, start)
	if again := advance(t, f, e.ID, 3); again.Done != 7 {
		t.Errorf("want nothing erased before its time, got %+v", again)
	}
	f.HastenVerification()
	if due, err := f.Erasures().Due(ctx, 10); err != nil || !slices.Equal(due, []uuid.UUID{e.ID}) {
		t.Errorf("want it due, got %v, %v", due, err)
	}
	for range 5 {
		e = advance(t, f, e.ID, 3)
	}
	wantProgress(t, e, domain.ErasureFinished, 9, 0, 0)
	if e.VerifyAt != nil || e.VerifiedAt == nil {
		t.Errorf("want it verified, got %v, %v", e.VerifyAt, e.VerifiedAt)
	}
	for _, r := range late {
		if _, err := f.Responses().GetSummary(ctx, r.ID, nil); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("want %s gone, got %v", r.ID, err)
		}
	}
	if _, err := f.Responses().GetSummary(ctx, other[0].ID, nil); err != nil {
		t.Errorf("want the other's left: %v", err)
	}
}

func testErasureOfAHeldOwner(t *testing.T, f ErasuresFixture) {
	owner := uuid.New()
	rows := add(f, owner.String(), 5, start)
	held := addChained(f, owner.String(), 3, start.Add(time.Minute))
	hold := place(t, f.Holds(), domain.HoldTarget{Responses: []uuid.UUID{rows[1].ID, held[2].ID}})
	e := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
	e = advance(t, f, e.ID, 2)
	wantProgress(t, e, domain.ErasureFinished, 4, 2, 0)
	if len(e.Failures) != 2 {
		t.Errorf("want two failures, got %+v", e.Failures)
	}
	if _, err := f.Holds().Release(t.Context(), hold.ID, uuid.New()); err != nil {
		t.Fatal(err)
	}
	f.HastenVerification()
	for range 20 {
		e = advance(t, f, e.ID, 2)
	}
	wantProgress(t, e, domain.ErasureFinished, 6, 0, 0)
	if e.VerifiedAt == nil || len(e.Failures) != 0 {
		t.Errorf("want it verified without failures, got %v, %+v", e.VerifiedAt, e.Failures)
	}
}

// A refused response stops no others, in any kind of erasure, and is erased once it
// is not refused any more.
func testRefusedErasure(t *testing.T, f ErasuresFixture) {
	for _, kind := range []string{"responses", "owner", "filter"} {
		owner := uuid.New()
		rows := add(f, owner.String(), 9, start)
		chain := addChained(f, owner.String(), 3, start.Add(time.Minute))
		held := add(f, owner.String(), 1, start.Add(2*time.Minute))
		place(t, f.Holds(), domain.HoldTarget{Responses: []uuid.UUID{held[0].ID}})
		target := domain.ErasureTarget{Owner: &owner}
		notFound := int64(0)
		switch kind {
		case "responses":
			notFound = 1
			target = domain.ErasureTarget{Responses: []uuid.UUID{uuid.New()}}
			for _, r := range slices.Concat(rows, chain, held) {
				target.Responses = append(target.Responses, r.ID)
			}
		case "filter":
			target = domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{owner.String()}}}
		}
		f.Refuse(rows[3].ID, true)
		f.Refuse(chain[1].ID, true)
		e := create(t, f, newErasure(target))
		for _, limit := range []int{5, 20} {
			e = advance(t, f, e.ID, limit)
			wantProgress(t, e, domain.ErasureFinished, 8, 1, notFound)
			named := map[uuid.UUID]domain.Code{}
			for _, failure := range e.Failures {
				named[failure.Response] = failure.Code
			}
			if e.Refused != 2 || len(e.Failures) != 3+int(notFound) || named[rows[3].ID] != domain.CodeRefused || named[chain[0].ID] != domain.CodeRefused {
				t.Errorf("%s: want two named as refused, got %d, %+v", kind, e.Refused, e.Failures)
			}
			if e.VerifyAt == nil {
				t.Errorf("%s: want it tried once more", kind)
			}
		}
		f.Refuse(rows[3].ID, false)
		f.HastenVerification()
		for range 20 {
			var err error
			if e, err = f.Erasures().Advance(t.Context(), e.ID, 3, JudgeAll); err != nil {
				t.Fatal(err)
			}
		}
		wantProgress(t, e, domain.ErasureFinished, 9, 1, notFound)
		if e.Refused != 1 || len(e.Failures) != 2+int(notFound) || e.VerifiedAt == nil || e.VerifyAt != nil {
			t.Errorf("%s: want one left and verified, got %d, %+v, %v", kind, e.Refused, e.Failures, e.VerifiedAt)
		}
	}
}

func testVerdicts(t *testing.T, f ErasuresFixture) {
	owner := uuid.New()
	single := NewRow(owner.String(), "failed", start)
	single.Tier = ptr("flex")
	f.AddResponse(single)
	chain := addChained(f, owner.String(), 2, start.Add(time.Hour))
	hold := place(t, f.Holds(), domain.HoldTarget{Responses: []uuid.UUID{chain[1].ID}})
	e := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
	before := f.Stored()
	var seen []domain.Part
	got, err := f.Erasures().Advance(t.Context(), e.ID, 10, func(given domain.Erasure, parts []domain.Part) ([]domain.Verdict, domain.Authorization) {
		if len(parts) == 0 { // the authorization for a receipt of nothing
			return JudgeAll(given, parts)
		}
		if given.ID != e.ID || given.Secret == nil || *given.Secret != *e.Secret {
			t.Errorf("want %s with its secret, got %+v", e.ID, given)
		}
		seen = parts
		_, w := JudgeAll(given, nil)
		verdicts := make([]domain.Verdict, len(parts))
		for i := range verdicts {
			verdicts[i] = domain.Spare
		}
		return verdicts, w
	})
	if err != nil || len(seen) != 2 || f.Stored() != before {
		t.Fatalf("want two parts judged and left, got %+v, %v", seen, err)
	}
	if got.Done+got.Held+got.NotFound != 0 {
		t.Errorf("want what is spared not counted, got %+v", got.ErasureProgress)
	}
	for _, p := range seen {
		want := []Row{single}
		if len(p.Requests) == 2 {
			want = chain
			if !slices.Equal(p.Holds, []uuid.UUID{hold.ID}) {
				t.Errorf("want hold %s, got %v", hold.ID, p.Holds)
			}
		} else if len(p.Holds) != 0 {
			t.Errorf("want no hold, got %v", p.Holds)
		}
		for _, row := range want {
			if !slices.ContainsFunc(p.Requests, func(r domain.Response) bool {
				r.Revision, row.Response.Revision = "", ""
				return reflect.DeepEqual(r, row.Response)
			}) {
				t.Errorf("want %+v among %+v", row.Response, p.Requests)
			}
		}
	}
}

// testApprovedErasure: one that waits erases nothing, and then nothing created later.
func testApprovedErasure(t *testing.T, f ErasuresFixture) {
	ctx, owner, other := t.Context(), uuid.New(), uuid.New()
	add(f, owner.String(), 3, start)
	until := start.Add(time.Hour)
	e := newErasure(domain.ErasureTarget{Owner: &owner, Until: &until})
	e.State, e.Approval = domain.ErasureAwaitingApproval, &domain.Approval{ExpiresAt: start.Add(2 * time.Hour)}
	waits := create(t, f, e)
	add(f, owner.String(), 1, until.Add(time.Second))
	if got, err := f.Erasures().Get(ctx, waits.ID); err != nil || !reflect.DeepEqual(got.Approval, e.Approval) || !reflect.DeepEqual(got.Target, e.Target) {
		t.Errorf("want %+v, got %+v, %v", e, got, err)
	}
	if due, err := f.Erasures().Due(ctx, 10); err != nil || slices.Contains(due, waits.ID) {
		t.Errorf("want it not due, got %v, %v", due, err)
	}
	if got, err := f.Erasures().Advance(ctx, waits.ID, 10, JudgeAll); err != nil || got.State != domain.ErasureAwaitingApproval || got.Done != 0 {
		t.Errorf("want nothing done, got %+v, %v", got, err)
	}
	for at, want := range map[time.Duration]int{-time.Second: 0, 0: 1} {
		if ids, err := f.Erasures().Unapproved(ctx, e.Approval.ExpiresAt.Add(at), 10); err != nil || len(ids) != want {
			t.Errorf("want %d that waited, got %v, %v", want, ids, err)
		}
	}
	no := domain.Errorf(domain.CodeConflict, "no")
	if _, err := f.Erasures().Decide(ctx, waits.ID, func(domain.Erasure) (domain.Erasure, error) { return domain.Erasure{}, no }); !errors.Is(err, no) {
		t.Errorf("want %v, got %v", no, err)
	}
	decide := func(id uuid.UUID, to domain.ErasureState, reason domain.RefusalReason, end *time.Time) domain.Erasure {
		t.Helper()
		decided, err := f.Erasures().Decide(ctx, id, func(e domain.Erasure) (domain.Erasure, error) {
			at := start.Add(time.Hour)
			e.State, e.FinishedAt = to, end
			e.Approval = &domain.Approval{ExpiresAt: e.Approval.ExpiresAt, DecidedAt: &at, DecidedBy: &other, Reason: reason}
			return e, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.Erasures().Get(ctx, id); err != nil || !reflect.DeepEqual(got, decided) {
			t.Errorf("want it stored as %+v, got %+v, %v", decided, got, err)
		}
		return decided
	}
	decide(waits.ID, domain.ErasurePending, "", nil)
	if due, err := f.Erasures().Due(ctx, 10); err != nil || !slices.Contains(due, waits.ID) {
		t.Errorf("want it due, got %v, %v", due, err)
	}
	wantProgress(t, advance(t, f, waits.ID, 2), domain.ErasureFinished, 3, 0, 0)
	if left := f.Stored().Requests; left != 1 {
		t.Errorf("want the later one left, got %d", left)
	}
	e.ID = uuid.New()
	refused := create(t, f, e)
	decide(refused.ID, domain.ErasureRefused, "too_broad", &until)
	if got, err := f.Erasures().Advance(ctx, refused.ID, 10, JudgeAll); err != nil || got.Done != 0 || got.State != domain.ErasureRefused {
		t.Errorf("want nothing done, got %+v, %v", got, err)
	}
	if _, err := f.Erasures().Decide(ctx, uuid.New(), func(e domain.Erasure) (domain.Erasure, error) { return e, nil }); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}
}

func testCanceledErasure(t *testing.T, f ErasuresFixture) {
	ctx := t.Context()
	owner := uuid.New()
	rows := add(f, owner.String(), 4, start)
	pending := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
	running := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
	if _, err := f.Erasures().Advance(ctx, running.ID, 2, JudgeAll); err != nil {
		t.Fatal(err)
	}
	for id, done := range map[uuid.UUID]int64{pending.ID: 0, running.ID: 2} {
		canceled, err := f.Erasures().Cancel(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		wantProgress(t, canceled, domain.ErasureCanceled, done, 0, 0)
		if again, err := f.Erasures().Cancel(ctx, id); err != nil || !reflect.DeepEqual(again, canceled) {
			t.Errorf("want it left as it was, %+v, got %+v, %v", canceled, again, err)
		}
		if after, err := f.Erasures().Advance(ctx, id, 10, JudgeAll); err != nil || !reflect.DeepEqual(after, canceled) {
			t.Errorf("want nothing more erased, got %+v, %v", after, err)
		}
	}
	if _, err := f.Responses().GetSummary(ctx, rows[3].ID, nil); err != nil {
		t.Errorf("want the last left: %v", err)
	}
	finished := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
	was := advance(t, f, finished.ID, 10)
	called, err := f.Erasures().Cancel(ctx, finished.ID)
	if err != nil || called.State != domain.ErasureFinished || !called.FinishedAt.Equal(*was.FinishedAt) || called.VerifyAt != nil {
		t.Errorf("want it finished and not to be verified, got %+v, %v", called, err)
	}
	if _, err := f.Erasures().Cancel(ctx, uuid.New()); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}
}

func testRecordedErasure(t *testing.T, f ErasuresFixture) {
	ctx := t.Context()
	owner := uuid.New()
	add(f, owner.String(), 2, start)
	note := func(id uuid.UUID, lastError string, failed bool) domain.Erasure {
		t.Helper()
		if err := f.Erasures().Note(ctx, id, lastError, failed); err != nil {
			t.Fatal(err)
		}
		e, err := f.Erasures().Get(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
	if e = note(e.ID, hostile[0], false); e.LastError != hostile[0] || e.State != domain.ErasurePending {
		t.Errorf("want the error recorded, got %+v", e)
	}
	e, err := f.Erasures().Advance(ctx, e.ID, 1, JudgeAll)
	if err != nil || e.LastError != "" {
		t.Errorf("want no last error, got %+v, %v", e, err)
	}
	e = note(e.ID, "it cannot be", true)
	wantProgress(t, e, domain.ErasureFailed, 1, 0, 0)
	if e.LastError != "it cannot be" {
		t.Errorf("want a last error, got %q", e.LastError)
	}
	if again := note(e.ID, "another", true); !reflect.DeepEqual(again, e) {
		t.Errorf("want it left as it was, got %+v", again)
	}
	if after, err := f.Erasures().Advance(ctx, e.ID, 10, JudgeAll); err != nil || !reflect.DeepEqual(after, e) {
		t.Errorf("want nothing more erased, got %+v, %v", after, err)
	}
	if err := f.Erasures().Note(ctx, uuid.New(), "nobody's", false); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}
}

func testRedactedErasure(t *testing.T, f ErasuresFixture) {
	ctx := t.Context()
	owner := uuid.New()
	named := newErasure(domain.ErasureTarget{Responses: []uuid.UUID{uuid.New()}})
	named.Scope = []string{owner.String()}
	create(t, f, named)
	finished := advance(t, f, named.ID, 1)
	person := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
	advance(t, f, person.ID, 1)
	pending := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
	forget := func(before time.Time) {
		t.Helper()
		if err := f.Erasures().Forget(ctx, before); err != nil {
			t.Fatal(err)
		}
	}
	want := func(id uuid.UUID, forgotten bool) {
		t.Helper()
		e, err := f.Erasures().Get(ctx, id)
		if err != nil || (e.Target == nil) != forgotten || (e.Secret == nil) != forgotten {
			t.Errorf("want it redacted: %v, got %+v, %v", forgotten, e, err)
		}
		if forgotten && (e.RequestSum != [sha256.Size]byte{} || e.Scope != nil || len(e.Failures) != 0 || e.FinishedAt == nil || e.State != domain.ErasureFinished) {
			t.Errorf("want counts and nothing else left, got %+v", e)
		}
	}
	forget(*finished.FinishedAt)
	want(named.ID, false)
	forget(finished.FinishedAt.Add(time.Hour))
	want(named.ID, true)
	want(person.ID, false) // it is still to be verified
	want(pending.ID, false)
	f.HastenVerification()
	if e := advance(t, f, person.ID, 1); e.VerifiedAt == nil {
		t.Fatal("want it verified")
	}
	forget(finished.FinishedAt.Add(time.Hour))
	want(person.ID, true)
	if e := advance(t, f, named.ID, 1); e.Target != nil {
		t.Error("a redacted erasure continued")
	}
}

func testReceiptsOfAnErasure(t *testing.T, f ErasuresFixture) {
	owner := uuid.New()
	add(f, owner.String(), 5, start)
	e := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
	e = advance(t, f, e.ID, 2)
	page := func(after *domain.Position, limit int64) []domain.ErasureReceipt {
		t.Helper()
		got, err := f.Erasures().Receipts(t.Context(), domain.ErasureReceiptQuery{Erasure: e.ID, After: after, Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	all := page(nil, 10)
	var responses int64
	seen := make(map[uuid.UUID]bool)
	for _, r := range all {
		responses += r.Responses
		seen[r.ID] = true
	}
	if len(all) != 3 || len(seen) != 3 || responses != 5 || e.Receipts != 3 {
		t.Errorf("want 3 receipts of 5 responses, got %+v of %d", all, e.Receipts)
	}
	if !slices.IsSortedFunc(all, func(a, b domain.ErasureReceipt) int { return a.Position().Compare(b.Position()) }) {
		t.Errorf("want the newest first, got %+v", all)
	}
	if got := append(page(nil, 2), page(ptr(all[1].Position()), 2)...); !slices.Equal(got, all) {
		t.Errorf("want %+v in pages, got %+v", all, got)
	}
	if got, err := f.Erasures().Receipts(t.Context(), domain.ErasureReceiptQuery{Erasure: uuid.New(), Limit: 10}); err != nil || len(got) != 0 {
		t.Errorf("receipts of an unknown erasure: want none, got %+v, %v", got, err)
	}
}

func testErasuresCanceledContext(t *testing.T, f ErasuresFixture) {
	owner := uuid.New()
	add(f, owner.String(), 1, start)
	e := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
	before := f.Stored()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, createErr := f.Erasures().Create(ctx, newErasure(domain.ErasureTarget{Owner: &owner}))
	_, getErr := f.Erasures().Get(ctx, e.ID)
	_, keyErr := f.Erasures().ByKey(ctx, owner, "key")
	_, pageErr := f.Erasures().Page(ctx, domain.ErasureQuery{Limit: 1})
	_, receiptsErr := f.Erasures().Receipts(ctx, domain.ErasureReceiptQuery{Erasure: e.ID, Limit: 1})
	_, cancelErr := f.Erasures().Cancel(ctx, e.ID)
	_, advanceErr := f.Erasures().Advance(ctx, e.ID, 1, JudgeAll)
	_, dueErr := f.Erasures().Due(ctx, 1)
	_, estimateErr := f.Erasures().Estimate(ctx, domain.ErasureTarget{Owner: &owner}, nil, start)
	_, previewErr := f.Erasures().Preview(ctx, sha256.Sum256(nil))
	for name, err := range map[string]error{
		"create": createErr, "get": getErr, "by key": keyErr, "page": pageErr, "receipts": receiptsErr, "cancel": cancelErr,
		"advance": advanceErr, "due": dueErr, "estimate": estimateErr, "preview": previewErr,
		"note": f.Erasures().Note(ctx, e.ID, "", true), "forget": f.Erasures().Forget(ctx, start),
		"keep preview": f.Erasures().SavePreview(ctx, domain.Preview{}),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: want the context's error, got %v", name, err)
		}
	}
	if got, err := f.Erasures().Get(t.Context(), e.ID); err != nil || !reflect.DeepEqual(got, e) || f.Stored() != before {
		t.Errorf("want everything left, got %+v, %v", got, err)
	}
}
