package fusillade

import (
	"context"
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
	"lethe/internal/pgtest"
	"lethe/receipt"
)

// apart is a fixture whose raw copies are in another database, with a meddler on
// each connection.
type apart struct {
	*fixture
	erasures *Erasures
	main     *meddler
	outlet   *meddler
	copies   *postgres.DB // connects to the copies as their owner
}

func newApart(t testing.TB, conns int32) *apart {
	t.Helper()
	other := pgtest.New(t)
	a := &apart{main: &meddler{}, outlet: &meddler{}}
	a.fixture = newFixture(t, postgres.Config{Tracer: a.main, MaxConns: conns})
	a.erasures = a.fixture.erasures(postgres.Config{Tracer: a.main, MaxConns: conns})
	a.copies = openDB(t, postgres.Config{URL: other.URL})
	a.CopiesIn(other.URL)
	a.copiesAt(postgres.Config{URL: other.RoleURL, Tracer: a.outlet, MaxConns: conns})
	return a
}

func (a *apart) copiesAt(cfg postgres.Config) {
	a.t.Helper()
	copies, err := NewCopies(openDB(a.t, cfg), nil)
	if err != nil {
		a.t.Fatal(err)
	}
	a.responses.WithCopies(copies)
	a.erasures.WithCopies(copies)
}

func sweepAuthorization() domain.Authorization {
	return domain.Authorization{
		Receipt: uuid.New(), Trigger: domain.TriggerSweep, Ground: domain.GroundUnspecified, RequestedAt: time.Now(), Role: domain.ActorSystem,
	}
}

// sweep runs the service's periodic sweep.
func (a *apart) sweep() error {
	a.t.Helper()
	_, _, err := a.responses.Sweep(a.t.Context(), 10, sweepAuthorization())
	return err
}

// removing is how many statements the database with the copies gets until it
// removes them: finding them, and rehearsing the removal.
const removing = 6

// failBegun starts to erase a response, and fails when the copies are to be
// removed.
func (a *apart) failBegun(id uuid.UUID) {
	a.t.Helper()
	a.outlet.count.Store(0)
	a.outlet.at, a.outlet.each, a.outlet.act = removing, false, a.endSession
	_, err := a.responses.Erase(a.t.Context(), id, nil, porttest.Permit)
	a.outlet.at = 0
	if domain.CodeOf(err) != domain.CodeUnavailable || !strings.Contains(err.Error(), "has begun") {
		a.t.Fatalf("want %s and has begun, got %v", domain.CodeUnavailable, err)
	}
	if n := a.number(`SELECT count(*) FROM lethe.intents`); n != 1 {
		a.t.Fatalf("want one intent, got %d", n)
	}
}

// endSession ends the session with the copies before a statement and before all
// later ones, since the pool would open another connection.
func (a *apart) endSession(ctx context.Context, c *pgx.Conn) context.Context {
	a.outlet.at++
	if _, err := a.copies.Pool().Exec(ctx, `SELECT pg_terminate_backend($1, 10000)`, c.PgConn().PID()); err != nil {
		a.t.Error(err)
	}
	return ctx
}

// TestEraseSeparateCopiesAtomic fails each statement of an erasure in turn, on both
// databases. Then the service, or a caller who repeats the request, finishes it.
// Either nothing has happened, or all of it has, with one receipt and the right
// counts.
func TestEraseSeparateCopiesAtomic(t *testing.T) {
	t.Parallel()
	unsent := func(ctx context.Context, _ *pgx.Conn) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx
	}
	for name, where := range map[string]func(*apart) *meddler{
		"main":   func(a *apart) *meddler { return a.main },
		"outlet": func(a *apart) *meddler { return a.outlet },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApart(t, 1)
			m := where(a)
			ended := func(ctx context.Context, c *pgx.Conn) context.Context {
				owner := a.owner
				if m == a.outlet {
					owner = a.copies
				}
				if _, err := owner.Pool().Exec(a.t.Context(), `SELECT pg_terminate_backend($1, 10000)`, c.PgConn().PID()); err != nil {
					t.Error(err)
				}
				return ctx
			}
			begun, unbegun := 0, 0
			for how, failure := range map[string]struct {
				each bool
				act  func(context.Context, *pgx.Conn) context.Context
			}{"unsent": {false, unsent}, "session ended": {false, ended}, "refused": {true, unsent}} {
				for at := int64(1); ; at++ {
					steps := 1 + int(at)%4*2
					requests := a.addChain("somebody", steps)
					before, receipts := a.Stored(), a.number(`SELECT count(*) FROM lethe.receipts`)
					m.count.Store(0)
					m.at, m.each, m.act = at, failure.each, failure.act
					_, err := a.responses.Erase(t.Context(), requests[0].ID, nil, porttest.Permit)
					m.at = 0
					if err == nil && m.count.Load() < at {
						break // every statement failed once
					}
					open := a.number(`SELECT count(*) FROM lethe.intents`)
					switch {
					case err == nil:
					case open == 1:
						begun++
						if now := a.Stored(); now.Requests != before.Requests || now.Steps != before.Steps {
							t.Fatalf("%s at %d: rows were deleted before the erasure was finished: before %+v, after %+v", how, at, before, now)
						}
						if at%2 == 0 {
							err = a.sweep()
						} else {
							_, err = a.responses.Erase(t.Context(), requests[0].ID, nil, porttest.Permit)
						}
					default:
						unbegun++
						if now := a.Stored(); now != before {
							t.Fatalf("%s at %d: want everything left, %+v, got %+v", how, at, before, now)
						}
						_, err = a.responses.Erase(t.Context(), requests[0].ID, nil, porttest.Permit)
					}
					if err != nil {
						t.Fatalf("%s at %d: %v", how, at, err)
					}
					want := whole(steps, len(requests))
					if now := a.Stored(); now != before.Less(want) {
						t.Fatalf("%s at %d: want %+v erased of %+v, left is %+v", how, at, want, before, now)
					}
					if n := a.number(`SELECT count(*) FROM lethe.receipts`) - receipts; n != 1 || a.number(`SELECT count(*) FROM lethe.intents`) != 0 {
						t.Fatalf("%s at %d: got %d receipts", how, at, n)
					}
					if got := a.newest(); got.Counts != (receipt.Counts{
						Requests: want.Requests, Steps: want.Steps, Templates: want.Templates,
						RawRequests: want.RawRequests, RawResponses: want.RawResponses, Tasks: want.Tasks,
					}) || len(got.Responses) != len(requests) {
						t.Fatalf("%s at %d: want %+v, got %+v", how, at, want, got)
					}
				}
			}
			if begun < 5 || unbegun < 2 {
				t.Errorf("want failures before and after the intent, got %d after and %d before", begun, unbegun)
			}
		})
	}
}

// newest is the latest receipt.
func (a *apart) newest() receipt.Receipt {
	a.t.Helper()
	var body []byte
	if err := a.owner.Pool().QueryRow(a.t.Context(), `SELECT body FROM lethe.receipts ORDER BY created_at DESC LIMIT 1`).Scan(&body); err != nil {
		a.t.Fatal(err)
	}
	r, err := receipt.Parse(body)
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

// TestEraseCopiesUnreachable: while the copies cannot be reached, no erasure starts.
// Usage records may have their own connection.
func TestEraseCopiesUnreachable(t *testing.T) {
	t.Parallel()
	a := newApart(t, 2)
	requests := a.addChain("somebody", 4)
	before := a.Stored()
	there := a.responses.copies.outlet
	a.copiesAt(postgres.Config{URL: "postgres://nobody@127.0.0.1:1/nowhere"})
	if _, err := a.responses.Erase(t.Context(), requests[0].ID, nil, porttest.Permit); domain.CodeOf(err) != domain.CodeUnavailable || strings.Contains(err.Error(), "has begun") {
		t.Errorf("want %s, got %v", domain.CodeUnavailable, err)
	}
	if n := a.number(`SELECT count(*) FROM lethe.intents`); n != 0 || a.Stored() != before {
		t.Errorf("got %d intents, want none", n)
	}
	copies, err := NewCopies(there, openDB(t, postgres.Config{URL: a.database.RoleURL}))
	if err != nil {
		t.Fatal(err)
	}
	a.responses.WithCopies(copies)
	want := whole(4, len(requests))
	if got, err := a.responses.Erase(t.Context(), requests[0].ID, nil, porttest.Permit); err != nil || got != want || a.Stored() != before.Less(want) {
		t.Errorf("want %+v, got %+v, %v", want, got, err)
	}
}

// TestResumeErasureHeld: a hold placed before an erasure refuses it. A hold
// placed after its intent does not stop it from being finished, by anyone.
func TestResumeErasureHeld(t *testing.T) {
	t.Parallel()
	a := newApart(t, 2)
	holds := a.holds(postgres.Config{})
	for _, again := range []bool{false, true} {
		owner := uuid.New()
		requests := a.addChain(owner.String(), 4)
		a.failBegun(requests[0].ID)
		if _, err := holds.Place(t.Context(), holdOn(owner)); err != nil {
			t.Fatal(err)
		}
		var err error
		if again {
			_, err = a.responses.Erase(t.Context(), requests[1].ID, nil, heed)
		} else {
			err = a.sweep()
		}
		if n := a.number(`SELECT count(*) FROM requests WHERE created_by = $1`, owner.String()); err != nil || n != 0 {
			t.Errorf("repeated %t: left %d (error %v)", again, n, err)
		}
		later := a.addChain(owner.String(), 1)
		if _, err := a.responses.Erase(t.Context(), later[0].ID, nil, heed); err != errHeld || a.number(`SELECT count(*) FROM lethe.intents`) != 0 {
			t.Errorf("repeated %t: want an erasure without an intent to be held, got %v", again, err)
		}
	}
}

// TestResumeErasureHeldTurns: a response with an intent is erased despite a later
// hold. Later turns without an intent are not.
func TestResumeErasureHeldTurns(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for begun := range 2 {
		a := newApart(t, 2)
		index(t, a.owner)
		owner := uuid.NewString()
		first := a.addChain(owner, 1)[0]
		second := a.addTurn(owner, first.ID.String(), at.Add(time.Minute))
		a.AddUsage(porttest.UsageRow{Response: second.ID, At: at, Copied: true})
		ids := []uuid.UUID{first.ID, second.ID}
		held := ids[1-begun]
		hold := domain.Hold{ID: uuid.New(), HoldTarget: domain.HoldTarget{Responses: []uuid.UUID{held}}, Reason: "a case", CreatedBy: uuid.New()}
		if _, err := a.holds(postgres.Config{}).Place(t.Context(), hold); err != nil {
			t.Fatal(err)
		}
		a.failBegun(ids[begun])
		if _, err := a.responses.EraseWithLaterTurns(t.Context(), first.ID, nil, heed); err != errHeld {
			t.Errorf("intent of response %d: want the other one held, got %v", begun, err)
		}
		if n := a.number(`SELECT count(*) FROM requests WHERE id = $1`, held); n != 1 {
			t.Errorf("intent of response %d: the held response was erased", begun)
		}
	}
}

// TestResumeErasureNotPermitted: a caller who may not erase a response cannot resume
// its erasure either.
func TestResumeErasureNotPermitted(t *testing.T) {
	t.Parallel()
	a := newApart(t, 2)
	requests := a.addChain("anna", 1)
	a.failBegun(requests[0].ID)
	refusal := domain.Errorf(domain.CodeNotFound, "not yours")
	if _, err := a.responses.Erase(t.Context(), requests[0].ID, nil, func(domain.Found) (domain.Authorization, error) { return domain.Authorization{}, refusal }); err != error(refusal) {
		t.Errorf("got %v, want a refusal", err)
	}
	if n := a.number(`SELECT count(*) FROM lethe.intents`); n != 1 {
		t.Errorf("want the intent unchanged, got %d", n)
	}
}

// TestResumeErasureGrown: a request added after the intent is erased too if it
// has the same owner. Another owner's request stays and keeps this erasure from
// finishing, but no other.
func TestResumeErasureGrown(t *testing.T) {
	t.Parallel()
	a := newApart(t, 2)
	grow := func(first porttest.Row, owner string) porttest.Row {
		t.Helper()
		late := porttest.NewRow(owner, "completed", time.Now())
		a.AddResponse(late)
		a.AddUsage(porttest.UsageRow{Response: late.ID, At: time.Now(), Copied: true})
		a.exec(`INSERT INTO response_steps (id, request_id, parent_step_id, step_kind, step_sequence, request_payload)
			SELECT gen_random_uuid(), $2, s.id, 'model_call', 9, '{}' FROM response_steps s WHERE s.request_id = $1`, first.ID, late.ID)
		return late
	}
	own := a.addChain("anna", 4)
	a.failBegun(own[0].ID)
	grow(own[0], "anna")
	if err := a.sweep(); err != nil || a.Stored() != (porttest.Stored{Usage: 4}) {
		t.Errorf("want everything gone, got %+v, %v", a.Stored(), err)
	}
	if got := a.newest(); len(got.Responses) != 4 || got.Counts.RawRequests != 4 {
		t.Errorf("want a receipt of all four, got %+v", got)
	}

	mixed := a.addChain("anna", 4)
	a.failBegun(mixed[0].ID)
	foreign := grow(mixed[0], "ben")
	before := a.Stored()
	if err := a.sweep(); domain.CodeOf(err) != domain.CodeInternal || a.Stored() != before {
		t.Errorf("want %s and nothing gone, got %v", domain.CodeInternal, err)
	}
	a.Hasten()
	a.AddTask(own[0].ID, true) // added after the intent
	if err := a.sweep(); err == nil || a.number(`SELECT count(*) FROM underway.task WHERE input::text LIKE '%' || $1 || '%'`, own[0].ID.String()) != 0 {
		t.Errorf("sweep: got %v, want no error", err)
	}
	a.exec(`DELETE FROM response_steps WHERE request_id = $1`, foreign.ID)
	if err := a.sweep(); err != nil || a.number(`SELECT count(*) FROM requests`) != 1 {
		t.Errorf("want only the other owner's request left, got %v", err)
	}
}

// TestEraseSeparateCopiesConcurrently: many erase the same responses, sweep and
// cancel while the database of the copies comes and goes. Each response is erased
// once, and no receipt is empty.
func TestEraseSeparateCopiesConcurrently(t *testing.T) {
	t.Parallel()
	a := newApart(t, 6)
	a.addChain(uuid.NewString(), 3)
	rest := a.Stored()
	owner := uuid.New()
	var ids []uuid.UUID
	requests := 0
	for i := range 24 {
		rows := a.addChain(owner.String(), 1+i%4)
		ids, requests = append(ids, rows[0].ID), requests+len(rows)
	}
	e := a.create(a.erasures, domain.ErasureTarget{Owner: &owner})
	var n atomic.Int64
	var stop atomic.Bool
	var wait, sweeper sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			for i := int(n.Add(1)) - 1; i < len(ids); i = int(n.Add(1)) - 1 {
				if _, err := a.responses.Erase(t.Context(), ids[i], nil, porttest.Permit); err != nil &&
					domain.CodeOf(err) != domain.CodeNotFound && domain.CodeOf(err) != domain.CodeUnavailable {
					t.Error(err)
				}
			}
		})
	}
	wait.Go(func() {
		for {
			e, err := a.erasures.Advance(t.Context(), e.ID, 2, porttest.JudgeAll)
			if err != nil && domain.CodeOf(err) != domain.CodeUnavailable && domain.CodeOf(err) != domain.CodeNotFound {
				t.Error(err)
				return
			}
			if err == nil && e.State.Finished() {
				return
			}
		}
	})
	sweeper.Go(func() {
		for !stop.Load() {
			if err := a.sweep(); err != nil && domain.CodeOf(err) != domain.CodeUnavailable {
				t.Error(err)
				return
			}
		}
	})
	sweeper.Go(func() {
		for !stop.Load() {
			_, _ = a.copies.Pool().Exec(context.WithoutCancel(t.Context()), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND usename <> current_user`)
			time.Sleep(30 * time.Millisecond)
		}
	})
	wait.Wait()
	stop.Store(true)
	sweeper.Wait()
	if err := a.sweep(); err != nil {
		t.Fatal(err)
	}
	left := a.Stored()
	left.Usage = rest.Usage
	if left != rest || a.number(`SELECT count(*) FROM lethe.intents`) != 0 {
		t.Errorf("want %+v left, got %+v", rest, left)
	}
	var counted, copied int
	rows, err := a.owner.Pool().Query(t.Context(), `SELECT body FROM lethe.receipts`)
	if err != nil {
		t.Fatal(err)
	}
	bodies, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range bodies {
		r, err := receipt.Parse(body)
		if err != nil || r.Counts == (receipt.Counts{}) {
			t.Errorf("empty receipt: %+v (error %v)", r, err)
		}
		counted, copied = counted+int(r.Counts.Requests), copied+int(r.Counts.RawRequests)
	}
	if counted != requests || copied != requests {
		t.Errorf("the receipts have %d requests and %d copies, want %d of each", counted, copied, requests)
	}
	got, err := a.erasures.Get(t.Context(), e.ID)
	if sum := a.number(`SELECT coalesce(sum(responses), 0) FROM lethe.erasure_receipts`); err != nil || sum != got.Done ||
		a.number(`SELECT count(*) FROM lethe.erasure_receipts`) != got.Receipts {
		t.Errorf("%d done with %d receipts, which have %d (error %v)", got.Done, got.Receipts, sum, err)
	}
}

// TestResumePart: a part of a bulk erasure with an intent is finished before
// anything else, even before a cancellation, and is counted once.
func TestResumePart(t *testing.T) {
	t.Parallel()
	a := newApart(t, 2)
	for _, cancel := range []bool{false, true} {
		owner := uuid.New()
		for i := range 5 {
			a.addChain(owner.String(), 1+i%2)
		}
		e := a.create(a.erasures, domain.ErasureTarget{Owner: &owner})
		a.outlet.count.Store(0)
		a.outlet.at, a.outlet.act = removing, a.endSession
		_, err := a.erasures.Advance(t.Context(), e.ID, 3, porttest.JudgeAll)
		a.outlet.at = 0
		if domain.CodeOf(err) != domain.CodeUnavailable || a.number(`SELECT count(*) FROM lethe.intents`) != 1 {
			t.Fatalf("want %s and an intent, got %v", domain.CodeUnavailable, err)
		}
		done := int64(5)
		if cancel {
			done = a.number(`SELECT responses FROM lethe.intents`)
			e, err = a.erasures.Cancel(t.Context(), e.ID)
		} else {
			e, err = a.finish(a.erasures, e.ID, 3), nil
		}
		if err != nil || e.Done != done || !e.State.Finished() || a.number(`SELECT count(*) FROM lethe.intents`) != 0 {
			t.Errorf("cancel %t: want %d done, got %+v, %v", cancel, done, e.ErasureProgress, err)
		}
		if n := a.number(`SELECT sum(responses) FROM lethe.erasure_receipts WHERE erasure_id = $1`, e.ID); n != done {
			t.Errorf("cancel %t: its receipts have %d done, want %d", cancel, n, done)
		}
	}
}

// TestResumeErasureRestored: a restore may bring back an intent, and a mirror
// of the log its receipt. The erasure is then finished with another receipt.
func TestResumeErasureRestored(t *testing.T) {
	t.Parallel()
	a := newApart(t, 2)
	requests := a.addChain("anna", 4)
	a.failBegun(requests[0].ID)
	a.exec(`INSERT INTO lethe.receipts (id, body) SELECT id, '\x00' FROM lethe.intents`)
	if err := a.sweep(); err != nil {
		t.Fatal(err)
	}
	if got := a.newest(); len(got.Responses) != len(requests) || a.number(`SELECT count(*) FROM lethe.receipts`) != 2 ||
		a.number(`SELECT count(*) FROM requests`) != 0 || a.number(`SELECT count(*) FROM lethe.intents`) != 0 {
		t.Errorf("want all gone with a receipt of its own, got %+v", got)
	}
}

// TestResumeErasureSeveralReceipts: several receipts of one response work with
// separate copies, too. The caller that finishes the erasure gets the counts of all
// of them.
func TestResumeErasureSeveralReceipts(t *testing.T) {
	t.Parallel()
	a := newApart(t, 4)
	owner := uuid.New()
	a.addLong(owner.String(), 1200)
	var ids []uuid.UUID
	rows, err := a.owner.Pool().Query(t.Context(), `SELECT id FROM fusillade.requests`)
	if err == nil {
		ids, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	}
	if err != nil {
		t.Fatal(err)
	}
	a.AddUsage(porttest.UsageRow{Response: ids[0], At: time.Now(), Copied: true})
	a.failBegun(ids[0])
	if err := a.sweep(); err != nil {
		t.Fatal(err)
	}
	a.severally(3, domain.Erased{Requests: 1200, Steps: 1200}, owner, ids)
}

// refuseCopy makes the other database refuse to delete the raw copies of a request.
func (a *apart) refuseCopy(id uuid.UUID) {
	a.t.Helper()
	var instance uuid.UUID
	if err := a.owner.Pool().QueryRow(a.t.Context(), `SELECT instance_id FROM public.http_analytics WHERE fusillade_request_id = $1`, id).Scan(&instance); err != nil {
		a.t.Fatal(err)
	}
	if _, err := a.copies.Pool().Exec(a.t.Context(), `
		CREATE FUNCTION outlet.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE restrict_violation; END $$;
		CREATE TRIGGER refuse BEFORE DELETE ON outlet.http_requests FOR EACH ROW WHEN (OLD.instance_id = '`+instance.String()+`') EXECUTE FUNCTION outlet.refuse()`); err != nil {
		a.t.Fatal(err)
	}
}

// TestSeparateCopiesRefusedDelete: a copy that the other database refuses to delete does not
// stop others, and no intent is left that could not be finished.
func TestSeparateCopiesRefusedDelete(t *testing.T) {
	t.Parallel()
	const chains = 6
	owner := uuid.New()
	open := func(t *testing.T) (a *apart, ids []uuid.UUID, refused uuid.UUID) {
		t.Parallel()
		a = newApart(t, 3)
		for range chains {
			ids = append(ids, a.addChain(owner.String(), 1)[0].ID)
		}
		a.refuseCopy(ids[3])
		return a, ids, ids[3]
	}
	left := func(t *testing.T, a *apart, requests, copies int64) {
		t.Helper()
		intents := a.number(`SELECT count(*) FROM lethe.intents`)
		if stored := a.Stored(); stored.Requests != requests || stored.RawRequests != copies || stored.RawResponses != copies || intents != 0 {
			t.Errorf("want %d requests and %d copies left and no intent, got %+v and %d intents", requests, copies, stored, intents)
		}
	}
	t.Run("single", func(t *testing.T) {
		a, ids, refused := open(t)
		for _, id := range ids {
			_, err := a.responses.Erase(t.Context(), id, nil, porttest.Permit)
			if want := id == refused; (domain.CodeOf(err) == domain.CodeRefused) != want || !want && err != nil {
				t.Errorf("copy refused %t: got %v", want, err)
			}
		}
		left(t, a, 1, 1)
	})
	t.Run("bulk", func(t *testing.T) {
		a, _, refused := open(t)
		e := a.create(a.erasures, domain.ErasureTarget{Owner: &owner})
		for range 4 * chains {
			if e.State.Finished() {
				break
			}
			var err error
			if e, err = a.erasures.Advance(t.Context(), e.ID, 100, porttest.JudgeAll); err != nil {
				t.Fatal(err)
			}
		}
		if e.State != domain.ErasureFinished || e.Done != chains-1 || len(e.Failures) != 1 || e.Failures[0].Response != refused {
			t.Errorf("got state %s, %d done, failures %+v", e.State, e.Done, e.Failures)
		}
		left(t, a, 1, 1)
	})
	t.Run("canceled", func(t *testing.T) {
		a, _, _ := open(t)
		e := a.create(a.erasures, domain.ErasureTarget{Owner: &owner})
		if _, err := a.erasures.Advance(t.Context(), e.ID, 100, porttest.JudgeAll); err != nil {
			t.Fatal(err)
		}
		if got, err := a.erasures.Cancel(t.Context(), e.ID); err != nil || got.State != domain.ErasureCanceled {
			t.Errorf("got state %s (error %v)", got.State, err)
		}
	})
	t.Run("replay", func(t *testing.T) {
		a, ids, refused := open(t)
		again := func(ids ...uuid.UUID) error {
			w, _ := porttest.Permit(domain.Found{})
			w.Trigger = domain.TriggerReplay
			_, err := a.responses.EraseAgain(t.Context(), ids, w)
			return err
		}
		if err := again(ids...); domain.CodeOf(err) != domain.CodeRefused {
			t.Errorf("all: got %v", err)
		}
		for _, id := range ids {
			if err := again(id); (err != nil) != (id == refused) {
				t.Errorf("copy refused %t: got %v", id == refused, err)
			}
		}
		left(t, a, 1, 1)
	})
	t.Run("sweep", func(t *testing.T) {
		t.Parallel()
		a := newApart(t, 3)
		var ids []uuid.UUID
		for range chains {
			id := a.addChain(owner.String(), 1)[0].ID
			if _, err := a.responses.Erase(t.Context(), id, nil, porttest.Permit); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		a.exec(`DELETE FROM public.http_analytics`)
		for _, id := range ids {
			a.AddUsage(porttest.UsageRow{Response: id, At: time.Now(), Copied: true})
		}
		a.refuseCopy(ids[3])
		a.Hasten()
		if _, _, err := a.responses.Sweep(t.Context(), 100, sweepAuthorization()); domain.CodeOf(err) != domain.CodeRefused {
			t.Errorf("got %v", err)
		}
		left(t, a, 0, 1)
	})
}
