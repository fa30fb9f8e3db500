package fusillade

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/receipt"
)

func noPace(context.Context, int) error { return nil }

func (b *fixture) erasures(cfg postgres.Config) *Erasures {
	b.t.Helper()
	cfg.URL = b.database.RoleURL
	erasures, err := NewErasures(openDB(b.t, cfg), "outlet", TestIssuer)
	if err != nil {
		b.t.Fatal(err)
	}
	return erasures
}

// create stores an erasure of everything that the target is about.
func (b *fixture) create(erasures *Erasures, t domain.ErasureTarget) domain.Erasure {
	b.t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	e, _, err := erasures.Create(b.t.Context(), domain.Erasure{
		ID: uuid.New(), Trigger: domain.TriggerBulk, Kind: t.Kind(), Target: &t, AsOf: now.Add(time.Hour), Ground: domain.GroundRequest,
		RequestedAt: now, Role: domain.ActorAdministrator, Secret: &domain.Salt{7}, State: domain.ErasurePending,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

// finish goes on with an erasure until it is over.
func (b *fixture) finish(erasures *Erasures, id uuid.UUID, limit int) domain.Erasure {
	b.t.Helper()
	for {
		e, err := erasures.Advance(b.t.Context(), id, limit, porttest.JudgeAll)
		if err != nil {
			b.t.Fatal(err)
		}
		if e.State.Finished() {
			return e
		}
	}
}

// addLong stores a chain of that many requests of one owner.
func (b *fixture) addLong(owner string, requests int) {
	b.t.Helper()
	b.exec(`WITH r AS MATERIALIZED (
			SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS step FROM generate_series(1, $1::int) n
		), requests AS (
			INSERT INTO requests (id, state, model, created_by, canceled_at, created_at)
			SELECT id, 'canceled', 'm', $2, now(), now() + n * interval '1 microsecond' FROM r
		)
		INSERT INTO response_steps (id, request_id, prev_step_id, step_kind, step_sequence, request_payload)
		SELECT r.step, r.id, p.step, 'model_call', r.n, '{}' FROM r LEFT JOIN r p ON p.n = r.n - 1`, requests, owner)
}

// Each statement of a part fails in turn: then nothing of it is done, and the
// next call does it.
func TestPartIsAllOrNothing(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{Tracer: m, MaxConns: 1})
	unsent := func(ctx context.Context, _ *pgx.Conn) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx
	}
	ended := func(ctx context.Context, c *pgx.Conn) context.Context {
		b.number(`SELECT pg_terminate_backend($1, 10000)::int`, c.PgConn().PID())
		return ctx
	}
	for name, failure := range map[string]struct {
		each  bool
		act   func(context.Context, *pgx.Conn) context.Context
		least int
	}{
		"unsent":        {false, unsent, 6},
		"session ended": {false, ended, 5},
		"refused":       {true, unsent, 20},
	} {
		m.each, m.act = failure.each, failure.act
		failed := 0
		var e domain.Erasure
		for at := int64(1); ; at++ {
			if e.ID == uuid.Nil {
				owner := uuid.New()
				b.addChain(owner.String(), 1)
				b.addChain(owner.String(), 4)
				b.addChain(owner.String(), 1)
				e = b.create(erasures, domain.ErasureTarget{Owner: &owner})
			}
			before, receipts := b.Stored(), b.number(`SELECT count(*) FROM lethe.receipts`)
			m.count.Store(0)
			m.at = at
			got, err := erasures.Advance(t.Context(), e.ID, 100, porttest.JudgeAll)
			m.at = 0
			receipts = b.number(`SELECT count(*) FROM lethe.receipts`) - receipts
			if err == nil {
				want := domain.Erased{Requests: 5, Templates: 5, Steps: 4, RawRequests: 5, RawResponses: 5, Tasks: 10}
				if got.Erased != want || got.Done != 3 || receipts != 1 || b.Stored() != before.Less(want) {
					t.Fatalf("%s at %d: want %+v with a receipt, got %+v with %d", name, at, want, got, receipts)
				}
				if m.count.Load() < at { // every statement has failed once
					break
				}
				// A session that ends before the transaction has begun costs
				// nothing: the next one takes over.
				if at > 1 {
					t.Fatalf("%s at %d: want an error", name, at)
				}
				e = domain.Erasure{}
				continue
			}
			failed++
			stored, getErr := erasures.Get(t.Context(), e.ID)
			if getErr != nil || !reflect.DeepEqual(stored, e) || b.Stored() != before || receipts != 0 {
				t.Fatalf("%s at %d: want everything left, got %+v, %v (%v)", name, at, stored, getErr, err)
			}
		}
		if failed < failure.least {
			t.Errorf("%s: only %d times", name, failed)
		}
	}
}

// A call makes as many round trips for a hundred responses as for two.
func TestPartInSixRoundTrips(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{Tracer: m, MaxConns: 1})
	for _, responses := range []int{2, 100} {
		owner := uuid.New()
		for range responses {
			b.addChain(owner.String(), 1)
		}
		b.addChain(owner.String(), 7)
		e := b.create(erasures, domain.ErasureTarget{Owner: &owner})
		m.count.Store(0)
		got, err := erasures.Advance(t.Context(), e.ID, 1000, porttest.JudgeAll)
		if err != nil || got.Done != int64(responses)+1 || m.count.Load() != 6 {
			t.Errorf("%d erased in %d round trips, %v", got.Done, m.count.Load(), err)
		}
	}
}

// Many calls for one erasure, beside others that erase the same responses:
// each goes once and is counted once.
func TestErasuresOfTheSameAtOnce(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{MaxConns: 2})
	erasures := b.erasures(postgres.Config{MaxConns: 6})
	owner := uuid.New()
	b.addChain(uuid.NewString(), 3)
	rest := b.Stored()
	var ids []uuid.UUID
	for i := range 60 {
		ids = append(ids, b.addChain(owner.String(), 1+i%4)[0].ID)
	}
	named := slices.Clone(ids)
	rand.Shuffle(len(named), func(i, j int) { named[i], named[j] = named[j], named[i] })
	all := []domain.Erasure{
		b.create(erasures, domain.ErasureTarget{Owner: &owner}),
		b.create(erasures, domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{owner.String()}}}),
		b.create(erasures, domain.ErasureTarget{Responses: named}),
	}
	var wait sync.WaitGroup
	var single atomic.Int64
	for _, e := range all {
		for range 2 {
			wait.Go(func() {
				for {
					e, err := erasures.Advance(t.Context(), e.ID, 3, porttest.JudgeAll)
					if domain.CodeOf(err) == domain.CodeUnavailable {
						continue // three times given up for the sake of others
					}
					if err != nil {
						t.Error(err)
						return
					}
					if e.State.Finished() {
						return
					}
				}
			})
		}
	}
	wait.Go(func() {
		for _, id := range ids[40:] {
			switch _, err := b.responses.Erase(t.Context(), id, nil, porttest.Permit); domain.CodeOf(err) {
			case domain.CodeNotFound, domain.CodeUnavailable:
			default:
				if err != nil {
					t.Error(err)
				}
				single.Add(1)
			}
		}
	})
	wait.Wait()
	var done, receipts int64
	for _, e := range all {
		got, err := erasures.Get(t.Context(), e.ID)
		if err != nil || got.State != domain.ErasureFinished {
			t.Fatalf("%+v, %v", got, err)
		}
		done, receipts = done+got.Done, receipts+got.Receipts
		if n := b.number(`SELECT coalesce(sum(responses), 0) FROM lethe.erasure_receipts WHERE erasure_id = $1`, e.ID); n != got.Done {
			t.Errorf("%d done, by its receipts %d", got.Done, n)
		}
		if got.Kind == domain.TargetResponses && got.Done+got.NotFound != int64(len(ids)) {
			t.Errorf("of %d that were named, %d are done and %d not found", len(ids), got.Done, got.NotFound)
		}
	}
	left := b.Stored()
	left.Usage = rest.Usage
	if left != rest || done+single.Load() != int64(len(ids)) || b.number(`SELECT count(*) FROM lethe.receipts`) != receipts+single.Load() {
		t.Errorf("%d and %d of %d erased with %d receipts; left %+v, want %+v", done, single.Load(), len(ids), receipts, left, rest)
	}
}

// Canceling waits for the part that is under way, and is the end.
func TestCancelWaitsForThePartUnderWay(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{ApplicationName: "erasures"})
	owner := uuid.New()
	for range 4 {
		b.addChain(owner.String(), 1)
	}
	e := b.create(erasures, domain.ErasureTarget{Owner: &owner})
	begun, goOn := make(chan struct{}), make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		if _, err := erasures.Advance(t.Context(), e.ID, 2, func(e domain.Erasure, parts []domain.Part) ([]domain.Verdict, domain.Authorization) {
			close(begun)
			<-goOn
			return porttest.JudgeAll(e, parts)
		}); err != nil {
			t.Error(err)
		}
	})
	<-begun
	var canceled atomic.Bool
	wait.Go(func() {
		got, err := erasures.Cancel(t.Context(), e.ID)
		canceled.Store(true)
		if err != nil || got.State != domain.ErasureCanceled || got.Done != 2 {
			t.Errorf("want it canceled with 2 done, got %+v, %v", got, err)
		}
	})
	b.await(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'erasures' AND wait_event_type = 'Lock')`)
	if canceled.Load() {
		t.Error("canceled while a part was under way")
	}
	close(goOn)
	wait.Wait()
	if n := b.number(`SELECT count(*) FROM requests`); n != 2 {
		t.Errorf("want 2 left, got %d", n)
	}
}

// What changes while an erasure waits for its lock is looked at anew: a chain
// that has grown goes as a whole, and what no longer passes the filter stays.
func TestPartThatChangesMeanwhile(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{ApplicationName: "erasures"})
	grown, changed := b.addChain("anna", 4), b.addChain("anna", 1)
	late := porttest.NewRow("ben", "completed", time.Now())
	b.AddResponse(late)
	e := b.create(erasures, domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{"anna"}, Models: []string{"model-a"}}})
	tx, err := b.owner.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	for sql, args := range map[string][]any{
		`INSERT INTO response_steps (id, request_id, parent_step_id, step_kind, step_sequence, request_payload)
			SELECT gen_random_uuid(), $2, s.id, 'model_call', 9, '{}' FROM response_steps s WHERE s.request_id = $1`: {grown[0].ID, late.ID},
		`UPDATE requests SET model = 'model-b' WHERE id = $1`: {changed[0].ID},
	} {
		if _, err := tx.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error)
	go func() {
		_, err := erasures.Advance(t.Context(), e.ID, 100, func(e domain.Erasure, parts []domain.Part) ([]domain.Verdict, domain.Authorization) {
			if len(parts) != 1 || len(parts[0].Requests) != len(grown)+1 {
				t.Errorf("want one part of %d requests, got %+v", len(grown)+1, parts)
			}
			return porttest.JudgeAll(e, parts)
		})
		done <- err
	}()
	b.await(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'erasures' AND wait_event_type = 'Lock')`)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := b.number(`SELECT count(*) FROM requests WHERE id = $1`, changed[0].ID); n != 1 || b.number(`SELECT count(*) FROM requests`) != 1 {
		t.Error("want what no longer passes left, and nothing else")
	}
}

// A receipt is about no more requests than it can hold, but a response goes as
// a whole.
func TestLongChainsInParts(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{})
	owner := uuid.New()
	for _, requests := range []int{400, 150, 300, 700, 1, 1} {
		b.addLong(owner.String(), requests)
	}
	e := b.create(erasures, domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{owner.String()}}})
	if e = b.finish(erasures, e.ID, 1000); e.Done != 6 || e.Requests != 1552 {
		t.Errorf("want 6 responses of 1,552 requests, got %d of %d", e.Done, e.Requests)
	}
	var sizes []string
	rows, err := b.owner.Pool().Query(t.Context(), `SELECT body FROM lethe.receipts ORDER BY created_at`)
	if err != nil {
		t.Fatal(err)
	}
	bodies, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range bodies {
		r, err := receipt.Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, fmt.Sprint(len(r.Responses)))
	}
	if got := strings.Join(sizes, " "); got != "550 300 500 200 2" && got != "550 300 200 500 2" {
		t.Errorf("want the receipts to be about 550, 300, 500 and 200, and 2 requests, got %s", got)
	}
}

// A response of more requests than one receipt can hold is erased whole, with
// several: however it is erased, each request is in one of them.
func TestResponseOfSeveralReceipts(t *testing.T) {
	t.Parallel()
	const requests = 1500
	for name, erase := range map[string]func(*fixture, uuid.UUID, uuid.UUID) (receipts int64, erased domain.Erased){
		"single": func(b *fixture, _, id uuid.UUID) (int64, domain.Erased) {
			erased, err := b.responses.Erase(b.t.Context(), id, nil, porttest.Permit)
			if err != nil {
				b.t.Fatal(err)
			}
			return 3, erased
		},
		"owner": func(b *fixture, owner, _ uuid.UUID) (int64, domain.Erased) {
			erasures := b.erasures(postgres.Config{})
			e := b.finish(erasures, b.create(erasures, domain.ErasureTarget{Owner: &owner}).ID, 200)
			listed, err := erasures.Receipts(b.t.Context(), domain.ErasureReceiptQuery{Erasure: e.ID, Limit: 10})
			var responses int64
			for _, r := range listed {
				responses += r.Responses
			}
			if err != nil || len(listed) != 3 || responses != 1 || e.Done != 1 {
				b.t.Errorf("want three receipts of one response, got %+v, %v", listed, err)
			}
			return e.Receipts, e.Erased
		},
		"restored": func(b *fixture, _, id uuid.UUID) (int64, domain.Erased) {
			w, _ := porttest.Permit(domain.Found{})
			w.Trigger = domain.TriggerReplay
			erased, err := b.responses.EraseAgain(b.t.Context(), []uuid.UUID{id}, w)
			if err != nil {
				b.t.Fatal(err)
			}
			return 3, erased
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t, postgres.Config{})
			owner := uuid.New()
			b.addLong(owner.String(), requests)
			var ids []uuid.UUID
			rows, err := b.owner.Pool().Query(t.Context(), `SELECT id FROM fusillade.requests`)
			if err == nil {
				ids, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			}
			if err != nil {
				t.Fatal(err)
			}
			receipts, erased := erase(b, owner, ids[7])
			b.severally(receipts, erased, owner, ids)
			if n := b.number(`SELECT count(*) FROM requests`) + b.number(`SELECT count(*) FROM response_steps`); n != 0 {
				t.Errorf("%d rows are left", n)
			}
		})
	}
}

// severally looks at the receipts of one response: each request is in one of
// them, which whoever was told the salt can open.
func (b *fixture) severally(receipts int64, erased domain.Erased, owner uuid.UUID, requests []uuid.UUID) {
	b.t.Helper()
	bodies := b.bodies()
	var counts receipt.Counts
	var first *receipt.Receipt
	of := map[uuid.UUID]int{}
	for id, body := range bodies {
		r, err := receipt.Parse(body)
		if err != nil {
			b.t.Fatal(err)
		}
		counts.Requests += r.Counts.Requests
		counts.Steps += r.Counts.Steps
		if len(r.Parts) > 0 {
			first = &r
		}
		told := receipt.Salt{1, 2, 3} // of porttest.Permit
		derived := receipt.DeriveSalt(told, id)
		for _, request := range requests {
			if slices.Contains(r.Responses, receipt.CommitResponse(told, request)) || slices.Contains(r.Responses, receipt.CommitResponse(derived, request)) {
				of[request]++
			}
		}
		if !slices.Contains(r.Owners, receipt.CommitOwner(told, owner.String())) && !slices.Contains(r.Owners, receipt.CommitOwner(derived, owner.String())) {
			b.t.Errorf("receipt %s is not of its owner", id)
		}
	}
	if int64(len(bodies)) != receipts || first == nil || int64(len(first.Parts)) != receipts-1 || len(of) != len(requests) ||
		counts.Requests != erased.Requests || erased.Requests != int64(len(requests)) || counts.Steps != erased.Steps {
		b.t.Fatalf("want %d receipts of %+v that are about each request, got %d of %+v about %d", receipts, erased, len(bodies), counts, len(of))
	}
	for request, n := range of {
		if n != 1 {
			b.t.Errorf("request %s is in %d receipts", request, n)
		}
	}
	for _, part := range first.Parts {
		if _, there := bodies[part]; !there {
			b.t.Errorf("receipt %s is named and is not there", part)
		}
	}
	if n := b.number(`SELECT sum(cardinality(request_ids)) FROM lethe.tombstones`); n != int64(len(requests)) {
		b.t.Errorf("want all requests looked for later, got %d", n)
	}
	if n := b.number(`SELECT count(*) FROM lethe.receipt_secrets`); n != receipts {
		b.t.Errorf("want the salt of each kept, got %d", n)
	}
}

// The receipts of one erasure have salts of their own, which are derived from
// its secret, and those of a rule name it.
func TestReceiptsOfAnErasureOfMany(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{})
	owner := uuid.New()
	requests := b.addChain(owner.String(), 1)
	requests = append(requests, b.addChain(owner.String(), 1)...)
	now := time.Now().UTC().Truncate(time.Microsecond)
	rule, secret := domain.RuleVersion{ID: uuid.New(), Version: 4}, domain.Salt{1, 2, 3}
	e, _, err := erasures.Create(t.Context(), domain.Erasure{
		ID: uuid.New(), Trigger: domain.TriggerRetention, Rule: &rule, Kind: domain.TargetFilter,
		Target: &domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{owner.String()}}}, AsOf: now, Ground: domain.GroundRetention, RequestedAt: now, Role: domain.ActorSystem, Secret: &secret, State: domain.ErasurePending,
	})
	if err != nil {
		t.Fatal(err)
	}
	run := domain.NewRunErasure(erasures, noPace, time.Now)
	if over, err := run.Execute(t.Context(), e.ID, 0); err != nil || !over {
		t.Fatal(over, err)
	}
	list, err := erasures.Receipts(t.Context(), domain.ErasureReceiptQuery{Erasure: e.ID, Limit: 10})
	if err != nil || len(list) != 1 || list[0].Responses != 2 {
		t.Fatalf("want one receipt of 2 responses, got %+v, %v", list, err)
	}
	var body, salt []byte
	if err := b.owner.Pool().QueryRow(t.Context(), `SELECT r.body, s.salt FROM lethe.receipts r
		JOIN lethe.receipt_secrets s ON s.receipt_id = r.id WHERE r.id = $1`, list[0].ID).Scan(&body, &salt); err != nil {
		t.Fatal(err)
	}
	derived := receipt.DeriveSalt(receipt.Salt(secret), list[0].ID)
	got, err := receipt.Parse(body)
	if err != nil || receipt.Salt(salt) != derived || got.Trigger != receipt.TriggerRetention || got.Ground != receipt.GroundRetention ||
		got.Actor != receipt.ActorSystem || got.Rule == nil || got.Rule.ID != rule.ID || got.Rule.Version != rule.Version {
		t.Errorf("got %+v with %x, %v", got, salt, err)
	}
	for _, row := range requests {
		if !slices.Contains(got.Responses, receipt.CommitResponse(derived, row.ID)) {
			t.Errorf("%s is not in it", row.ID)
		}
	}
	if !slices.Equal(got.Owners, []receipt.Commitment{receipt.CommitOwner(derived, owner.String())}) {
		t.Errorf("got owners %v", got.Owners)
	}
	if n := b.number(`SELECT cardinality(request_ids) FROM lethe.tombstones WHERE receipt_id = $1`, list[0].ID); n != 2 {
		t.Errorf("want both to be looked for again, got %d", n)
	}
}

// An estimate that takes too long says what to do.
func TestEstimateThatTakesTooLong(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{Tracer: &hasty{}})
	b.addChain("anna", 1)
	tx, err := b.owner.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), `LOCK TABLE requests IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	_, err = erasures.Estimate(t.Context(), domain.ErasureTarget{Filter: &domain.ResponseFilter{}}, nil, time.Now())
	if domain.CodeOf(err) != domain.CodeUnavailable || !strings.Contains(err.Error(), "narrow the target by time") {
		t.Errorf("want %s with advice, got %v", domain.CodeUnavailable, err)
	}
}

// hasty leaves an estimate next to no time.
type hasty struct{ meddler }

func (*hasty) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, statement := range data.Batch.QueuedQueries {
		if strings.Contains(statement.SQL, "LimitEstimate") {
			statement.Arguments = []any{"20ms"}
		}
	}
	return ctx
}

// An estimate goes on where a page of it ends, in the midst of chains and ties.
func TestEstimateOfMany(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{})
	owner := uuid.New()
	b.fill(estimateAtOnce-10, owner.String()) // at one instant
	b.addLong(owner.String(), 30)
	b.fill(100, owner.String())
	target := domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{owner.String()}}}
	n := int64(estimateAtOnce + 90)
	want := domain.Estimate{Responses: n + 1, Requests: n + 30, Steps: 30, Templates: n, RawRequests: n, RawResponses: n, Tasks: n,
		Turns: domain.EstimatedTurns{Searched: domain.LaterTurnsSearched}}
	got, err := erasures.Estimate(t.Context(), target, nil, time.Now().Add(time.Hour))
	if len(got.Counted) != int(n+30) {
		t.Errorf("want the requests counted, got %d", len(got.Counted))
	}
	if got.Sum, got.Counted = [32]byte{}, nil; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("want %+v, got %+v, %v", want, got, err)
	}
	// Of more than that it counts the same part each time, whatever comes later.
	part, err := erasures.Estimate(t.Context(), target, nil, time.Now().Add(time.Hour))
	if err != nil || part.Partial {
		t.Errorf("want all counted, got %+v, %v", part, err)
	}
	erasures.estimateMax = estimateAtOnce
	first, err := erasures.Estimate(t.Context(), target, nil, time.Now().Add(time.Hour))
	if err != nil || !first.Partial || first.Requests < estimateAtOnce || first.Requests >= part.Requests || first.Sum == part.Sum {
		t.Errorf("want a part of %d requests, got %d, %v", part.Requests, first.Requests, err)
	}
	b.fill(1, owner.String())
	if again, err := erasures.Estimate(t.Context(), target, nil, time.Now().Add(time.Hour)); err != nil || !reflect.DeepEqual(again, first) {
		t.Errorf("want %d requests again, got %d, %v", first.Requests, again.Requests, err)
	}
}

// What the database refuses, what pretends to be deleted and what something else
// is at work on are found and named, and all the rest is erased: also what is too
// much for one receipt, and what is of any time.
func TestOneBadItemStopsNoOthers(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{})
	owner := uuid.New()
	b.exec(`INSERT INTO requests (id, state, model, created_by, canceled_at, created_at)
		SELECT gen_random_uuid(), 'canceled', CASE WHEN n % 80 = 7 THEN 'refused' WHEN n = 400 THEN 'pretends' WHEN n = 500 THEN 'busy' ELSE 'm' END,
			$1, now(), now() + n * interval '1 microsecond' FROM generate_series(1, 800) n`, owner.String())
	b.addLong(owner.String(), 1500)
	b.exec(`INSERT INTO requests (id, state, model, created_by, canceled_at, created_at)
		SELECT gen_random_uuid(), 'canceled', 'm', $1, now(), at FROM unnest('{-infinity,infinity,"4713-01-01 BC"}'::timestamptz[]) at`, owner.String())
	b.exec(`CREATE FUNCTION meddle() RETURNS trigger AS $$ BEGIN
		IF OLD.model = 'refused' THEN RAISE EXCEPTION 'words of people'; END IF;
		IF OLD.model = 'pretends' THEN RETURN NULL; END IF;
		RETURN OLD; END $$ LANGUAGE plpgsql`)
	b.exec(`CREATE TRIGGER meddle BEFORE DELETE ON requests FOR EACH ROW EXECUTE FUNCTION meddle()`)
	other, err := pgx.Connect(t.Context(), b.database.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(context.Background()) }()
	if _, err := other.Exec(t.Context(), `BEGIN; SELECT FROM fusillade.requests WHERE model = 'busy' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	e := b.create(erasures, domain.ErasureTarget{Owner: &owner})
	calls := 0
	for !e.State.Finished() {
		if e, err = erasures.Advance(t.Context(), e.ID, 200, porttest.JudgeAll); err != nil {
			t.Fatal(err)
		}
		if calls++; calls > 300 {
			t.Fatal("the erasure does not come to its end")
		}
	}
	codes := map[domain.Code]int{}
	for _, f := range e.Failures {
		codes[f.Code]++
		if n := b.number(`SELECT count(*) FROM requests WHERE id = $1 AND model <> 'm'`, f.Response); n != 1 {
			t.Errorf("%s is named and should have been erased", f.Response)
		}
	}
	if e.Done != 792 || e.Refused != 12 || codes[domain.CodeRefused] != 11 || codes[domain.CodeBusy] != 1 || b.number(`SELECT count(*) FROM requests`) != 12 {
		t.Errorf("want all but 11 refused and one busy erased, got %d, %d, %v", e.Done, e.Refused, codes)
	}
	if e.VerifyAt == nil || strings.Contains(e.LastError, "words") {
		t.Errorf("want it tried once more, got %+v", e)
	}
	t.Logf("%d calls", calls)
}

// The receipt of an erasure that found nothing commits to whose it was, and to no
// response.
func TestReceiptOfNothing(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{})
	owner := uuid.New()
	e := b.create(erasures, domain.ErasureTarget{Owner: &owner})
	if e = b.finish(erasures, e.ID, 10); e.Receipts != 1 || b.number(`SELECT count(*) FROM lethe.tombstones`) != 0 {
		t.Fatalf("want one receipt and nothing to look for, got %+v", e)
	}
	for id, body := range b.bodies() {
		r, err := receipt.Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		whose := receipt.CommitOwner(receipt.DeriveSalt(receipt.Salt{1, 2, 3}, id), owner.String())
		if r.Counts != (receipt.Counts{}) || len(r.Responses) != 0 || !slices.Equal(r.Owners, []receipt.Commitment{whose}) || r.Trigger != receipt.TriggerBulk ||
			!slices.Contains(r.NotCovered, receipt.GapUnlocatedCopies) {
			t.Errorf("got %+v", r)
		}
	}
}
