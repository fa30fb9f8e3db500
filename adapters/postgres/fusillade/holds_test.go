package fusillade

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
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

// heed permits whatever is not held.
func heed(found domain.Found) (domain.Authorization, error) {
	if len(found.Holds) > 0 {
		return domain.Authorization{}, errHeld
	}
	return porttest.Permit(found)
}

func (b *fixture) holds(cfg postgres.Config) *Holds {
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

// TestEraseRoundTrips: looking for holds takes no extra round
// trip.
func TestEraseRoundTrips(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	b := newFixture(t, postgres.Config{Tracer: m, MaxConns: 1})
	first, second := b.addChain("somebody", 1), b.addChain("somebody", 1)
	if _, err := b.responses.Erase(t.Context(), first[0].ID, nil, heed); err != nil { // connects, too
		t.Fatal(err)
	}
	m.count.Store(0)
	if _, err := b.responses.Erase(t.Context(), second[0].ID, nil, heed); err != nil || m.count.Load() != 3 {
		t.Errorf("got %d round trips (error %v), want 3", m.count.Load(), err)
	}
}

// TestPlaceHoldWaitsForErasures: a hold waits for a running erasure. An erasure that
// starts meanwhile is refused because of the hold.
func TestPlaceHoldWaitsForErasures(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	holds := b.holds(postgres.Config{ApplicationName: "placer"})
	for _, steps := range []int{1, 4} {
		owner := uuid.New()
		early, late := b.addChain(owner.String(), steps), b.addChain(owner.String(), steps)
		before := b.Stored()
		begun, finish := make(chan struct{}), make(chan struct{})
		var once sync.Once
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := b.responses.Erase(t.Context(), early[0].ID, nil, func(found domain.Found) (domain.Authorization, error) {
				once.Do(func() { close(begun) })
				<-finish
				return heed(found)
			}); err != nil {
				t.Errorf("%d steps: running erasure: got %v, want no error", steps, err)
			}
		})
		<-begun
		var placed atomic.Bool
		wait.Go(func() {
			if _, err := holds.Place(t.Context(), holdOn(owner)); err != nil {
				t.Errorf("%d steps: PlaceHold: %v", steps, err)
			}
			placed.Store(true)
		})
		const waiting = `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'placer' AND wait_event = 'advisory')`
		b.await(waiting)
		wait.Go(func() {
			if _, err := b.responses.Erase(t.Context(), late[0].ID, nil, heed); err != errHeld {
				t.Errorf("%d steps: want the later erasure refused, got %v", steps, err)
			}
		})
		b.await(`SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) = 2`)
		if placed.Load() {
			t.Errorf("%d steps: the hold was placed during an erasure", steps)
		}
		close(finish)
		wait.Wait()
		if after := b.Stored(); after != before.Less(whole(steps, len(early))) {
			t.Errorf("%d steps: left %+v of %+v", steps, after, before)
		}
	}
}

// TestConcurrentHoldsAndErasures: many erasures run while a hold is placed. Once it is
// placed, nothing is erased.
func TestConcurrentHoldsAndErasures(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{MaxConns: 4})
	holds := b.holds(postgres.Config{})
	erased, refused := 0, 0
	for round := range asOften(t, holdRounds, 12) {
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
					switch _, err := b.responses.Erase(t.Context(), id, nil, heed); err {
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
			t.Fatalf("round %d: something was erased after the hold was placed: before %+v, after %+v", round, then, after)
		}
		erased += int(succeeded.Load())
		refused += len(ids) - int(succeeded.Load())
		if _, err := holds.Release(t.Context(), hold.ID, uuid.New()); err != nil {
			t.Fatal(err)
		}
	}
	if erased == 0 || refused == 0 {
		t.Errorf("got %d erased and %d refused, want some of both", erased, refused)
	}
}

// TestPlaceHoldLockTimeout: a hold that cannot be placed in time is not placed.
func TestPlaceHoldLockTimeout(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	impatient, err := NewHolds(openDB(t, postgres.Config{URL: withParameter(t, b.database.RoleURL, "lock_timeout", "50ms")}))
	if err != nil {
		t.Fatal(err)
	}
	row := b.addChain("somebody", 1)[0]
	_, err = b.responses.Erase(t.Context(), row.ID, nil, func(domain.Found) (domain.Authorization, error) {
		_, err := impatient.Place(t.Context(), holdOn(uuid.New()))
		if domain.CodeOf(err) != domain.CodeUnavailable {
			t.Errorf("want %s, got %v", domain.CodeUnavailable, err)
		}
		return domain.Authorization{}, errHeld
	})
	if n := b.number(`SELECT count(*) FROM lethe.holds`); err != errHeld || n != 0 {
		t.Errorf("got %d holds (error %v), want none", n, err)
	}
	if _, err := impatient.Place(t.Context(), holdOn(uuid.New())); err != nil {
		t.Errorf("after the erasures: got %v, want it placed", err)
	}
}

// TestPlaceHoldSynchronousCommit: a hold reported before its commit is on disk could be lost in
// a crash.
func TestPlaceHoldSynchronousCommit(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
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

// TestEraseHeldStepAddedMeanwhile: a hold on a step that is added while an erasure waits
// for its chain refuses the erasure.
func TestEraseHeldStepAddedMeanwhile(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{ApplicationName: "eraser"})
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
		_, err := b.responses.Erase(t.Context(), requests[0].ID, nil, heed)
		done <- err
	}()
	b.await(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'eraser' AND wait_event_type = 'Lock')`)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != errHeld {
		t.Errorf("got %v, want held", err)
	}
}

// TestBypassed: held responses that others delete are reported, and so are purges
// of held responses. Responses that Lethe erased, that never existed or that are no
// longer held are not.
func TestBypassed(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	holds := b.holds(postgres.Config{})
	found := func() Bypassed {
		t.Helper()
		if err := holds.See(t.Context()); err != nil {
			t.Fatal(err)
		}
		found, err := holds.Bypassed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	place := func(target domain.HoldTarget) domain.Hold {
		t.Helper()
		hold, err := holds.Place(t.Context(), domain.Hold{ID: uuid.New(), HoldTarget: target, Reason: "r", CreatedBy: uuid.New()})
		if err != nil {
			t.Fatal(err)
		}
		return hold
	}
	want := func(name string, want Bypassed) {
		t.Helper()
		if got := found(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: want %+v, got %+v", name, want, got)
		}
	}
	owner, other := uuid.New(), uuid.New()
	erased, kept := b.addChain(owner.String(), 1)[0], b.addChain(owner.String(), 1)[0]
	first, second := b.addChain(owner.String(), 1)[0], b.addChain(owner.String(), 4)[0]
	if _, err := b.responses.Erase(t.Context(), erased.ID, nil, porttest.Permit); err != nil {
		t.Fatal(err)
	}
	late := porttest.NewRow(owner.String(), "completed", time.Now())
	hold := place(domain.HoldTarget{Responses: []uuid.UUID{second.ID, first.ID, first.ID, kept.ID, erased.ID, uuid.New(), late.ID}})
	want("all there", Bypassed{Gone: []GoneResponse{}})

	// Deleted before the first check; it existed when the hold was placed.
	b.exec("DELETE FROM fusillade.requests WHERE id = $1", first.ID)
	gone := []GoneResponse{{hold.ID, first.ID}}
	want("one gone", Bypassed{Gone: gone})
	b.AddResponse(late)
	want("one came", Bypassed{Gone: gone})
	b.exec("DELETE FROM fusillade.requests WHERE id = $1", late.ID)
	gone = append(gone, GoneResponse{hold.ID, late.ID})
	slices.SortFunc(gone, func(a, b GoneResponse) int { return bytes.Compare(a.Response[:], b.Response[:]) })
	want("what came is gone", Bypassed{Gone: gone})
	if _, err := b.responses.Erase(t.Context(), second.ID, nil, porttest.Permit); err != nil { // like an erasure that started before the hold
		t.Fatal(err)
	}
	want("one erased by Lethe", Bypassed{Gone: gone})
	b.exec("DELETE FROM lethe.tombstones") // a day later
	want("and forgotten", Bypassed{Gone: gone})
	if _, err := holds.Release(t.Context(), hold.ID, uuid.New()); err != nil {
		t.Fatal(err)
	}
	want("released", Bypassed{Gone: []GoneResponse{}})

	// Purges.
	b.exec("INSERT INTO underway.task_queue (name) VALUES ('purge-user-data'), ('other') ON CONFLICT DO NOTHING")
	task := func(state string, of uuid.UUID, input string) {
		b.exec(`INSERT INTO underway.task (id, task_queue_name, state, input) VALUES ($1, 'purge-user-data', $2::text::underway.task_state, replace($3, '$', $4)::jsonb)`,
			uuid.New(), state, input, of.String())
	}
	b.addChain(other.String(), 1)
	for _, state := range []string{"pending", "in_progress", "failed", "succeeded", "cancelled"} {
		task(state, owner, `{"user_id": "$"}`)
	}
	task("pending", owner, `{"step_index": 0, "step_input": {"user_id": "$"}}`)
	task("pending", other, `{"user_id": "$"}`)
	task("pending", uuid.New(), `{"user_id": "$"}`)
	task("pending", owner, `{}`)
	b.exec("UPDATE underway.task SET task_queue_name = 'other' WHERE input = '{}'")
	want("nothing held", Bypassed{Gone: []GoneResponse{}})
	for name, target := range map[string]domain.HoldTarget{
		"by owner":      {Owners: []uuid.UUID{owner, uuid.New()}},
		"by identifier": {Responses: []uuid.UUID{kept.ID}},
	} {
		hold := place(target)
		want(name, Bypassed{Gone: []GoneResponse{}, Waiting: 3, Failed: 1})
		if _, err := holds.Release(t.Context(), hold.ID, uuid.New()); err != nil {
			t.Fatal(err)
		}
	}
	place(domain.HoldTarget{Filter: &domain.HoldFilter{Models: []string{"another"}}})
	want("by another filter", Bypassed{Gone: []GoneResponse{}})
	place(domain.HoldTarget{Filter: &domain.HoldFilter{CreatedBefore: new(time.Now().Add(time.Hour))}})
	want("by a filter", Bypassed{Gone: []GoneResponse{}, Waiting: 4, Failed: 1})

	// Responses that were moved to the archive are not deleted. Without a job
	// queue, no purge is waiting.
	b.exec("CREATE TABLE fusillade.retained_response_request_routes (request_id uuid PRIMARY KEY, group_id uuid, delete_on date)")
	role, err := url.Parse(b.database.RoleURL)
	if err != nil {
		t.Fatal(err)
	}
	b.exec("GRANT SELECT ON fusillade.retained_response_request_routes TO " + role.User.Username())
	b.exec("DROP SCHEMA underway CASCADE")
	moved, deleted := porttest.NewRow(owner.String(), "completed", time.Now()), porttest.NewRow(owner.String(), "completed", time.Now())
	b.AddResponse(moved)
	b.AddResponse(deleted)
	hold = place(domain.HoldTarget{Responses: []uuid.UUID{moved.ID, deleted.ID}})
	b.exec("INSERT INTO fusillade.retained_response_request_routes (request_id) VALUES ($1)", moved.ID)
	b.exec("DELETE FROM fusillade.requests WHERE id = ANY ($1)", []uuid.UUID{moved.ID, deleted.ID})
	want("moved", Bypassed{Gone: []GoneResponse{{hold.ID, deleted.ID}}})
}

// BenchmarkBypassed checks the maximum number of holds, each on the maximum number
// of responses, a tenth of which are deleted.
func BenchmarkBypassed(t *testing.B) {
	b := newFixture(t, postgres.Config{})
	holds := b.holds(postgres.Config{})
	b.exec(`INSERT INTO fusillade.requests (id, state, model, created_by, response_status, response_body, completed_at)
		SELECT gen_random_uuid(), 'completed', 'm', 'somebody', 200, 'words', now() FROM generate_series(1, 100000)`)
	b.exec(`INSERT INTO lethe.holds (id, responses, reason, created_by)
		SELECT gen_random_uuid(), array_agg(id), 'r', gen_random_uuid()
		FROM (SELECT id, row_number() OVER () / 100 AS part FROM fusillade.requests) r GROUP BY part`)
	if err := holds.See(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.exec(`DELETE FROM fusillade.requests WHERE get_byte(uuid_send(id), 0) < 26`)
	b.exec(`INSERT INTO lethe.tombstones (receipt_id, request_ids, due_at)
		SELECT gen_random_uuid(), ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 100) WHERE n > 0), now() FROM generate_series(1, 10000) n`)
	b.exec("ANALYZE")
	for t.Loop() {
		if err := holds.See(t.Context()); err != nil {
			t.Fatal(err)
		}
		if found, err := holds.Bypassed(t.Context()); err != nil || len(found.Gone) != MaxGone {
			t.Fatal(len(found.Gone), err)
		}
	}
}

// TestSweepHeldCopies: a copy written after its response was erased stays
// while a hold covers it, and is removed once the hold is released.
func TestSweepHeldCopies(t *testing.T) {
	t.Parallel()
	for name, open := range besideAndApart {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, raw := open(t)
			owner := uuid.New()
			id := b.addChain(owner.String(), 1)[0].ID
			if _, err := b.responses.Erase(t.Context(), id, nil, porttest.Permit); err != nil {
				t.Fatal(err)
			}
			holds := b.holds(postgres.Config{})
			hold := holdOn(owner)
			if _, err := holds.Place(t.Context(), hold); err != nil {
				t.Fatal(err)
			}
			b.addOld(raw, old{request: &id, owner: &owner, header: id.String()})
			late := copied(t, raw)
			sweep := func() domain.Erased {
				t.Helper()
				b.Hasten()
				_, erased, err := b.responses.Sweep(t.Context(), 10, sweepAuthorization())
				if err != nil {
					t.Fatal(err)
				}
				return erased
			}
			if erased := sweep(); copied(t, raw) != late || erased.RawRequests != 0 {
				t.Errorf("held: erased %+v, left %v of %v", erased, copied(t, raw), late)
			}
			if _, err := holds.Release(t.Context(), hold.ID, uuid.New()); err != nil {
				t.Fatal(err)
			}
			if erased := sweep(); copied(t, raw) != [2]int64{} || erased.RawRequests != 1 {
				t.Errorf("released: erased %+v, left %v", erased, copied(t, raw))
			}
		})
	}
}
