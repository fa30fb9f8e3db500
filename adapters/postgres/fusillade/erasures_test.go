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

// create stores an erasure of the target, without a preview.
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

// finish advances an erasure to its end.
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

// addLong stores a chain of requests of one owner.
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

// TestAdvanceAtomic fails each statement of a part in turn: nothing of the
// part is done, and the next call does it.
func TestAdvanceAtomic(t *testing.T) {
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
					t.Fatalf("%s at statement %d: want %+v with a receipt, got %+v with %d", name, at, want, got, receipts)
				}
				if m.count.Load() < at { // every statement failed once
					break
				}
				// A session that ends before the transaction starts has no effect:
				// another one is used.
				if at > 1 {
					t.Fatalf("%s at statement %d: want an error, got none", name, at)
				}
				e = domain.Erasure{}
				continue
			}
			failed++
			stored, getErr := erasures.Get(t.Context(), e.ID)
			if getErr != nil || !reflect.DeepEqual(stored, e) || b.Stored() != before || receipts != 0 {
				t.Fatalf("%s at statement %d: want everything left, got %+v, %v (%v)", name, at, stored, getErr, err)
			}
		}
		if failed < failure.least {
			t.Errorf("%s: only %d statements failed", name, failed)
		}
	}
}

// TestAdvanceRoundTrips: a call makes six round trips, for two responses and for
// a hundred.
func TestAdvanceRoundTrips(t *testing.T) {
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
			t.Errorf("erased %d responses in %d round trips (error %v)", got.Done, m.count.Load(), err)
		}
	}
}

// TestAdvanceConcurrently advances one erasure by many calls, beside other
// erasures of the same responses: each response is erased and counted once.
func TestAdvanceConcurrently(t *testing.T) {
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
						continue // yielded to others three times
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
			t.Fatalf("got %+v (error %v)", got, err)
		}
		done, receipts = done+got.Done, receipts+got.Receipts
		if n := b.number(`SELECT coalesce(sum(responses), 0) FROM lethe.erasure_receipts WHERE erasure_id = $1`, e.ID); n != got.Done {
			t.Errorf("%d done, but its receipts have %d", got.Done, n)
		}
		if got.Kind == domain.TargetResponses && got.Done+got.NotFound != int64(len(ids)) {
			t.Errorf("of %d named responses, got %d done and %d not found", len(ids), got.Done, got.NotFound)
		}
	}
	left := b.Stored()
	left.Usage = rest.Usage
	if left != rest || done+single.Load() != int64(len(ids)) || b.number(`SELECT count(*) FROM lethe.receipts`) != receipts+single.Load() {
		t.Errorf("erased %d and %d of %d with %d receipts; left %+v, want %+v", done, single.Load(), len(ids), receipts, left, rest)
	}
}

// TestCancelWaitsForPart: canceling waits for the current part, and no
// other part follows.
func TestCancelWaitsForPart(t *testing.T) {
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
		t.Error("canceled during a part")
	}
	close(goOn)
	wait.Wait()
	if n := b.number(`SELECT count(*) FROM requests`); n != 2 {
		t.Errorf("want 2 left, got %d", n)
	}
}

// TestAdvanceChangedMeanwhile: what changes while an erasure waits for its lock is
// read again. A chain that grew is erased whole, and a response that no longer
// passes the filter stays.
func TestAdvanceChangedMeanwhile(t *testing.T) {
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
		t.Error("want only the response left that no longer passes the filter")
	}
}

// TestAdvanceLongChains: a receipt holds a limited number of requests, but a
// response is erased whole.
func TestAdvanceLongChains(t *testing.T) {
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
		t.Errorf("want receipts of 550, 300, 500 and 200, and 2 requests, got %s", got)
	}
}

// TestEraseSeveralReceipts: a response with more requests than one receipt can
// hold is erased whole, with several receipts. However it is erased, each request
// is in exactly one of them.
func TestEraseSeveralReceipts(t *testing.T) {
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
				t.Errorf("%d rows left, want none", n)
			}
		})
	}
}

// severally checks the receipts of one response: each request is in exactly one of
// them, and the salt that the caller got opens it.
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
			b.t.Errorf("receipt %s does not name its owner", id)
		}
	}
	if int64(len(bodies)) != receipts || first == nil || int64(len(first.Parts)) != receipts-1 || len(of) != len(requests) ||
		counts.Requests != erased.Requests || erased.Requests != int64(len(requests)) || counts.Steps != erased.Steps {
		b.t.Fatalf("want %d receipts with the counts %+v, each request in one, got %d with %+v for %d requests", receipts, erased, len(bodies), counts, len(of))
	}
	for request, n := range of {
		if n != 1 {
			b.t.Errorf("request %s is in %d receipts, want 1", request, n)
		}
	}
	for _, part := range first.Parts {
		if _, there := bodies[part]; !there {
			b.t.Errorf("receipt %s is named but missing", part)
		}
	}
	if n := b.number(`SELECT sum(cardinality(request_ids)) FROM lethe.tombstones`); n != int64(len(requests)) {
		b.t.Errorf("want a tombstone of each request, got %d", n)
	}
	if n := b.number(`SELECT count(*) FROM lethe.receipt_secrets`); n != receipts {
		b.t.Errorf("want the salt of each receipt stored, got %d", n)
	}
}

// TestBulkErasureReceipts: each receipt of a bulk erasure has its own salt,
// derived from the erasure's secret, and the receipt of a rule's erasure names the
// rule.
func TestBulkErasureReceipts(t *testing.T) {
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
		t.Errorf("got the receipt %+v with the salt %x (error %v)", got, salt, err)
	}
	for _, row := range requests {
		if !slices.Contains(got.Responses, receipt.CommitResponse(derived, row.ID)) {
			t.Errorf("request %s is not in the receipt", row.ID)
		}
	}
	if !slices.Equal(got.Owners, []receipt.Commitment{receipt.CommitOwner(derived, owner.String())}) {
		t.Errorf("receipt: got owners %v", got.Owners)
	}
	if n := b.number(`SELECT cardinality(request_ids) FROM lethe.tombstones WHERE receipt_id = $1`, list[0].ID); n != 2 {
		t.Errorf("want 2 tombstones, got %d", n)
	}
}

// TestEstimateTimeout: an estimate that times out says what to do.
func TestEstimateTimeout(t *testing.T) {
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

// hasty makes the time limit of an estimate very short.
type hasty struct{ meddler }

func (*hasty) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, statement := range data.Batch.QueuedQueries {
		if strings.Contains(statement.SQL, "LimitEstimate") {
			statement.Arguments = []any{"20ms"}
		}
	}
	return ctx
}

// TestEstimatePages: an estimate continues where its last page ended, even in the
// middle of chains and of equal times.
func TestEstimatePages(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{})
	owner := uuid.New()
	b.fill(estimateAtOnce-10, owner.String()) // all at the same time
	b.addLong(owner.String(), 30)
	b.fill(100, owner.String())
	target := domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{owner.String()}}}
	n := int64(estimateAtOnce + 90)
	want := domain.Estimate{Responses: n + 1, Requests: n + 30, Steps: 30, Templates: n, RawRequests: n, RawResponses: n, Tasks: n,
		Turns: domain.EstimatedTurns{Searched: domain.LaterTurnsSearched}}
	got, err := erasures.Estimate(t.Context(), target, nil, time.Now().Add(time.Hour))
	if len(got.Counted) != int(n+30) {
		t.Errorf("counted %d requests", len(got.Counted))
	}
	if got.Sum, got.Counted = [32]byte{}, nil; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("want %+v, got %+v, %v", want, got, err)
	}
	// Beyond its limit, an estimate counts the same part each time, even if more
	// responses are added.
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

// TestAdvanceFailedItems: items that the database refuses to delete, only
// appears to delete, or has locked are named as failures. Everything else is
// erased, including responses of several receipts and of unusual times.
func TestAdvanceFailedItems(t *testing.T) {
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
			t.Fatal("the erasure did not finish")
		}
	}
	codes := map[domain.Code]int{}
	for _, f := range e.Failures {
		codes[f.Code]++
		if n := b.number(`SELECT count(*) FROM requests WHERE id = $1 AND model <> 'm'`, f.Response); n != 1 {
			t.Errorf("%s is among the failures, want it erased", f.Response)
		}
	}
	if e.Done != 792 || e.Refused != 12 || codes[domain.CodeRefused] != 11 || codes[domain.CodeBusy] != 1 || b.number(`SELECT count(*) FROM requests`) != 12 {
		t.Errorf("want all erased but 11 refused and one busy, got %d erased, %d refused, %v", e.Done, e.Refused, codes)
	}
	if e.VerifyAt == nil || strings.Contains(e.LastError, "words") {
		t.Errorf("want one more attempt, got %+v", e)
	}
	t.Logf("%d calls", calls)
}

// TestReceiptOfEmptyErasure: the receipt of an erasure that found nothing commits to the
// owner and to no response.
func TestReceiptOfEmptyErasure(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{})
	owner := uuid.New()
	e := b.create(erasures, domain.ErasureTarget{Owner: &owner})
	if e = b.finish(erasures, e.ID, 10); e.Receipts != 1 || b.number(`SELECT count(*) FROM lethe.tombstones`) != 0 {
		t.Fatalf("want one receipt and no tombstones, got %+v", e)
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
