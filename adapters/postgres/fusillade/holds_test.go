package fusillade

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
)

var errHeld = errors.New("held")

// heed permits what is not held.
func heed(found domain.Found) (domain.Warrant, error) {
	if len(found.Holds) > 0 {
		return domain.Warrant{}, errHeld
	}
	return porttest.Permit(found)
}

func (b *bench) holds(cfg postgres.Config) *Holds {
	b.t.Helper()
	cfg.URL = b.database.RoleURL
	holds, err := NewHolds(openDB(b.t, cfg))
	if err != nil {
		b.t.Fatal(err)
	}
	return holds
}

func holdOn(owner uuid.UUID) domain.Hold {
	return domain.Hold{ID: uuid.New(), HoldTarget: domain.HoldTarget{Owners: []uuid.UUID{owner}}, Reason: "r", CreatedBy: uuid.New()}
}

// Looking for holds takes no further round trip.
func TestErasureLooksForHoldsInThreeRoundTrips(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	b := newBench(t, postgres.Config{Tracer: m, MaxConns: 1})
	first, second := b.addChain("somebody", 1), b.addChain("somebody", 1)
	if _, err := b.responses.Erase(t.Context(), first[0].ID, heed); err != nil { // connects, too
		t.Fatal(err)
	}
	m.count.Store(0)
	if _, err := b.responses.Erase(t.Context(), second[0].ID, heed); err != nil || m.count.Load() != 3 {
		t.Errorf("%d round trips, %v", m.count.Load(), err)
	}
}

// A hold waits for an erasure that is under way, and one that begins while it
// waits is told of it.
func TestHoldWaitsForErasures(t *testing.T) {
	t.Parallel()
	b := newBench(t, postgres.Config{})
	holds := b.holds(postgres.Config{ApplicationName: "placer"})
	for _, steps := range []int{1, 4} {
		owner := uuid.New()
		early, late := b.addChain(owner.String(), steps), b.addChain(owner.String(), steps)
		before := b.Stored()
		begun, finish := make(chan struct{}), make(chan struct{})
		var once sync.Once
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := b.responses.Erase(t.Context(), early[0].ID, func(found domain.Found) (domain.Warrant, error) {
				once.Do(func() { close(begun) })
				<-finish
				return heed(found)
			}); err != nil {
				t.Errorf("%d steps: the erasure that was under way: %v", steps, err)
			}
		})
		<-begun
		var placed atomic.Bool
		wait.Go(func() {
			if _, err := holds.Place(t.Context(), holdOn(owner)); err != nil {
				t.Errorf("%d steps: %v", steps, err)
			}
			placed.Store(true)
		})
		const waiting = `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'placer' AND wait_event = 'advisory')`
		b.await(waiting)
		wait.Go(func() {
			if _, err := b.responses.Erase(t.Context(), late[0].ID, heed); err != errHeld {
				t.Errorf("%d steps: want the later erasure refused, got %v", steps, err)
			}
		})
		b.await(`SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) = 2`)
		if placed.Load() {
			t.Errorf("%d steps: placed while an erasure was under way", steps)
		}
		close(finish)
		wait.Wait()
		if after := b.Stored(); after != before.Less(whole(steps, len(early))) {
			t.Errorf("%d steps: got %+v of %+v", steps, after, before)
		}
	}
}

// Many erase while a hold is placed: from its answer on, nothing goes.
func TestHoldsAndErasuresRace(t *testing.T) {
	t.Parallel()
	b := newBench(t, postgres.Config{MaxConns: 4})
	holds := b.holds(postgres.Config{})
	erased, refused := 0, 0
	for round := range 12 {
		owner := uuid.New()
		var ids []uuid.UUID
		for i := range 24 {
			ids = append(ids, b.addChain(owner.String(), 1+i%2)[0].ID)
		}
		rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		hold := holdOn(owner)
		switch round % 3 {
		case 1:
			hold.HoldTarget = domain.HoldTarget{Responses: ids}
		case 2:
			hold.HoldTarget = domain.HoldTarget{Filter: &domain.HoldFilter{Models: []string{"model-a"}}}
		}
		work := make(chan uuid.UUID, len(ids))
		for _, id := range ids {
			work <- id
		}
		close(work)
		var wait sync.WaitGroup
		var succeeded atomic.Int64
		for range 4 {
			wait.Go(func() {
				for id := range work {
					switch _, err := b.responses.Erase(t.Context(), id, heed); err {
					case nil:
						succeeded.Add(1)
					case errHeld:
					default:
						t.Error(err)
					}
				}
			})
		}
		for succeeded.Load() < int64(rand.N(16)) {
			time.Sleep(100 * time.Microsecond)
		}
		if _, err := holds.Place(t.Context(), hold); err != nil {
			t.Fatal(err)
		}
		then := b.Stored()
		wait.Wait()
		if after := b.Stored(); after != then {
			t.Fatalf("round %d: something was erased after the hold had been placed: %+v, then %+v", round, then, after)
		}
		erased += int(succeeded.Load())
		refused += len(ids) - int(succeeded.Load())
		if _, err := holds.Release(t.Context(), hold.ID, uuid.New()); err != nil {
			t.Fatal(err)
		}
	}
	if erased == 0 || refused == 0 {
		t.Errorf("%d erased and %d refused: nothing raced", erased, refused)
	}
}

// A hold that cannot be placed in time is not placed at all.
func TestHoldThatWaitsTooLong(t *testing.T) {
	t.Parallel()
	b := newBench(t, postgres.Config{})
	impatient, err := NewHolds(openDB(t, postgres.Config{URL: withParameter(t, b.database.RoleURL, "lock_timeout", "50ms")}))
	if err != nil {
		t.Fatal(err)
	}
	row := b.addChain("somebody", 1)[0]
	_, err = b.responses.Erase(t.Context(), row.ID, func(domain.Found) (domain.Warrant, error) {
		_, err := impatient.Place(t.Context(), holdOn(uuid.New()))
		if domain.CodeOf(err) != domain.CodeUnavailable {
			t.Errorf("want %s, got %v", domain.CodeUnavailable, err)
		}
		return domain.Warrant{}, errHeld
	})
	if n := b.number(`SELECT count(*) FROM lethe.holds`); err != errHeld || n != 0 {
		t.Errorf("%d holds, %v", n, err)
	}
	if _, err := impatient.Place(t.Context(), holdOn(uuid.New())); err != nil {
		t.Errorf("want it placed once nothing is under way: %v", err)
	}
}

// A hold that is reported before it is on disk could be lost.
func TestHoldIsDurable(t *testing.T) {
	t.Parallel()
	b := newBench(t, postgres.Config{})
	b.exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`)
	b.exec(`CREATE TABLE public.seen (level text)`)
	b.exec(`CREATE FUNCTION look() RETURNS trigger SECURITY DEFINER AS $$ BEGIN
		INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$ LANGUAGE plpgsql`)
	b.exec(`CREATE TRIGGER look BEFORE INSERT ON lethe.holds FOR EACH ROW EXECUTE FUNCTION look()`)
	if _, err := b.holds(postgres.Config{}).Place(t.Context(), holdOn(uuid.New())); err != nil {
		t.Fatal(err)
	}
	if n := b.number(`SELECT count(*) FROM public.seen WHERE level = 'on'`); n != 1 {
		t.Errorf("want the hold placed with synchronous_commit on, got %d", n)
	}
}

// A step that comes while an erasure waits for its chain brings its holds.
func TestHoldOnAGrowingChain(t *testing.T) {
	t.Parallel()
	b := newBench(t, postgres.Config{ApplicationName: "eraser"})
	requests := b.addChain("anna", 4)
	late := porttest.NewRow("ben", "completed", time.Now())
	b.AddResponse(late)
	if _, err := b.holds(postgres.Config{}).Place(t.Context(), domain.Hold{
		ID: uuid.New(), HoldTarget: domain.HoldTarget{Responses: []uuid.UUID{late.ID}}, Reason: "r", CreatedBy: uuid.New(),
	}); err != nil {
		t.Fatal(err)
	}
	tx, err := b.owner.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), `INSERT INTO response_steps (id, request_id, parent_step_id, step_kind, step_sequence, request_payload)
		SELECT gen_random_uuid(), $2, s.id, 'model_call', 9, '{}' FROM response_steps s WHERE s.request_id = $1`, requests[0].ID, late.ID); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := b.responses.Erase(t.Context(), requests[0].ID, heed)
		done <- err
	}()
	b.await(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'eraser' AND wait_event_type = 'Lock')`)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != errHeld {
		t.Errorf("want it refused, got %v", err)
	}
}
