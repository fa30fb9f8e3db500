package fusillade

import (
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/receipt"
)

// The sizes of the tests' long forms.
const (
	holdRounds     = "LETHE_TEST_HOLD_ROUNDS"
	endedSessions  = "LETHE_TEST_ENDED_SESSIONS"
	ownerResponses = "LETHE_TEST_OWNER_RESPONSES"
)

// asOften is usual, or the value of the environment variable.
func asOften(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, want a number", variable, text)
	}
	return n
}

// TestConcurrentHoldsAndErasuresBulk places holds during bulk erasures of each kind.
// Once a hold is placed, nothing it covers is erased.
func TestConcurrentHoldsAndErasuresBulk(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	retention, erasures := b.retention("runner")
	holds := b.holds(postgres.Config{})
	rule := dueRule(t, retention)
	const responses = 24
	// Orphans are erased by their owner and by the sweep. For single erasures see
	// TestConcurrentHoldsAndErasures.
	kinds := []string{"identifiers", "owner", "filter", "rule", "orphans", "sweep"}
	erased, kept := map[string]int64{}, map[string]int64{}
	for round := range asOften(t, holdRounds, 12) {
		kind := kinds[round%len(kinds)]
		owner := uuid.New()
		var ids []uuid.UUID
		if kind == "sweep" { // has no owner
			b.exec(`DELETE FROM outlet.http_requests`)
			b.exec(`DELETE FROM outlet.http_responses`)
			b.exec(`UPDATE lethe.orphans SET after_request = 0, after_response = 0, responses = false, due_at = '-infinity'`)
		}
		for i := range responses {
			if kind == "orphans" || kind == "sweep" {
				ids = append(ids, uuid.New())
				b.AddUsage(porttest.UsageRow{Response: ids[i], At: ruleNoon, Owner: &owner, Copied: true})
			} else {
				ids = append(ids, b.addChain(owner.String(), 1+i%2)[0].ID)
			}
		}
		hold := holdOn(owner)
		switch round / len(kinds) % 3 {
		case 1:
			hold.HoldTarget = domain.HoldTarget{Responses: ids}
		case 2:
			hold.HoldTarget = domain.HoldTarget{Filter: &domain.HoldFilter{Models: []string{"model-a"}}}
		}
		var id uuid.UUID
		switch kind {
		case "identifiers":
			id = b.create(erasures, domain.ErasureTarget{Responses: ids}).ID
		case "owner", "orphans":
			id = b.create(erasures, domain.ErasureTarget{Owner: &owner}).ID
		case "filter":
			id = b.create(erasures, domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{owner.String()}}}).ID
		case "rule":
			b.exec(`UPDATE lethe.retention_rules SET next_run_at = $1`, ruleNoon)
			begun, outcome, err := retention.Start(t.Context(), rule.ID, ruleNoon, func(r domain.RetentionRule) (domain.Erasure, time.Time) {
				e, next := beginRun(r)
				e.Target.Filter.Owners = []string{owner.String()}
				return e, next
			})
			if err != nil || outcome != domain.RunStarted {
				t.Fatalf("got outcome %d (error %v)", outcome, err)
			}
			id = begun.LastRun.Erasure
		}
		var done atomic.Int64
		advance := func(domain.Erasure) (domain.Erasure, bool, error) {
			e, err := erasures.Advance(t.Context(), id, 2, porttest.JudgeAll)
			return e, e.State.Finished(), err
		}
		if kind == "sweep" {
			advance = func(e domain.Erasure) (domain.Erasure, bool, error) {
				turn, err := b.responses.SweepOrphans(t.Context(), time.Now(), 2, time.Hour, orphansAuthorization())
				e.Done += turn.RawRequests
				e.Held = b.number(`SELECT count(*) FROM outlet.http_requests`)
				return e, turn.Looked == 0, err
			}
		}
		ended := make(chan domain.Erasure, 1)
		go func() {
			defer close(ended)
			var e domain.Erasure
			for over := false; !over; {
				var err error
				if e, over, err = advance(e); err != nil {
					t.Error(err)
					return
				}
				done.Store(e.Done)
			}
			ended <- e
		}()
		midst := int64(rand.N(responses))
		for deadline := time.Now().Add(10 * time.Second); done.Load() < midst && time.Now().Before(deadline); {
			time.Sleep(100 * time.Microsecond)
		}
		if _, err := holds.Place(t.Context(), hold); err != nil {
			t.Fatal(err)
		}
		then := b.Stored()
		e := <-ended
		if after := b.Stored(); after != then {
			t.Fatalf("round %d, %s: something was erased after the hold was placed: before %+v, after %+v", round, kind, then, after)
		}
		if e.Done+e.Held != responses {
			t.Errorf("round %d, %s: got %d erased and %d held of %d", round, kind, e.Done, e.Held, responses)
		}
		erased[kind] += e.Done
		kept[kind] += e.Held
		if _, err := holds.Release(t.Context(), hold.ID, uuid.New()); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range kinds {
		if erased[kind] == 0 && kept[kind] == 0 {
			t.Errorf("%s: nothing was erased or nothing was kept", kind)
		}
	}
	t.Logf("erased %v, kept %v", erased, kept)
}

// TestEraseEndedSessions ends random server sessions during single and bulk
// erasures. Nothing is half erased, and every response is in one receipt, even if
// its caller got an error.
func TestEraseEndedSessions(t *testing.T) {
	t.Parallel()
	responses := asOften(t, endedSessions, 100)
	b := newFixture(t, postgres.Config{MaxConns: 4})
	erasures := b.erasures(postgres.Config{MaxConns: 2})
	many, ones := uuid.New(), make(chan uuid.UUID, responses)
	for i := range responses {
		owner := many
		if i%2 == 0 {
			owner = uuid.New()
		}
		chain := b.addChain(owner.String(), 1+i%4)
		if i%2 == 0 {
			ones <- chain[0].ID
		}
	}
	close(ones)
	full := b.Stored()
	e := b.create(erasures, domain.ErasureTarget{Owner: &many})

	stop := make(chan struct{})
	var ender sync.WaitGroup
	var ends, failures, unknown atomic.Int64
	ender.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(rand.N(24 * time.Millisecond)):
			}
			tag, err := b.owner.Pool().Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM (
				SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user AND state <> 'idle' ORDER BY random() LIMIT 1) one`)
			if err != nil {
				t.Error(err)
				return
			}
			ends.Add(tag.RowsAffected())
		}
	})
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			for id := range ones {
				for failed := false; ; failed = true {
					_, err := b.responses.Erase(t.Context(), id, nil, porttest.Permit)
					if err == nil {
						break
					}
					if failed && domain.CodeOf(err) == domain.CodeNotFound {
						unknown.Add(1) // committed despite the error
						break
					}
					if !failed && domain.CodeOf(err) == domain.CodeNotFound {
						t.Errorf("%s was already erased", id)
						break
					}
					failures.Add(1)
				}
			}
		})
	}
	callers.Go(func() {
		for !e.State.Finished() {
			next, err := erasures.Advance(t.Context(), e.ID, 10, porttest.JudgeAll)
			if err != nil {
				failures.Add(1)
				continue
			}
			e = next
		}
	})
	callers.Wait()
	close(stop)
	ender.Wait()

	if left, want := b.Stored(), (porttest.Stored{Usage: full.Usage}); left != want {
		t.Errorf("want only usage left, got %+v of %+v", left, full)
	}
	var requests, told int64
	for id, body := range b.bodies() {
		r, err := receipt.Parse(body)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		requests += r.Counts.Requests
		told++
	}
	if requests != full.Requests || e.Failures != nil || e.Done != int64(responses/2) {
		t.Errorf("receipts have %d requests of %d; the bulk erasure erased %d responses of %d, failures %v", requests, full.Requests, e.Done, responses/2, e.Failures)
	}
	if linked := b.number(`SELECT count(*) FROM lethe.erasure_receipts`); told != int64(responses-responses/2)+linked {
		t.Errorf("got %d receipts for %d single erasures and %d parts", told, responses-responses/2, linked)
	}
	if ends.Load() < int64(responses/50) || failures.Load() == 0 {
		t.Errorf("only %d sessions were ended and %d calls failed", ends.Load(), failures.Load())
	}
	t.Logf("%d sessions ended, %d calls failed, %d of them had erased", ends.Load(), failures.Load(), unknown.Load())
}

// TestEraseLargeOwner erases an owner of many responses, including long chains,
// times without text in JSON, and ten that the database refuses to delete.
// Everything is erased but these ten, which are named.
func TestEraseLargeOwner(t *testing.T) {
	t.Parallel()
	responses := asOften(t, ownerResponses, 1_000)
	b := newFixture(t, postgres.Config{})
	erasures := b.erasures(postgres.Config{MaxConns: 1})
	owner := uuid.New()
	b.exec(`INSERT INTO underway.task_queue (name) VALUES ('create-response') ON CONFLICT DO NOTHING`)
	b.exec(fillMany, responses, owner.String())
	for _, requests := range []int{700, 1500} {
		b.addLong(owner.String(), requests)
	}
	b.exec(`UPDATE requests SET created_at = CASE WHEN n % 2 = 0 THEN 'infinity' ELSE '-infinity' END::timestamptz
		FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM requests WHERE model = 'm' AND state = 'completed' LIMIT 50) odd WHERE odd.id = requests.id`)
	b.exec(`UPDATE requests SET model = 'refused' WHERE id IN (SELECT id FROM requests WHERE state = 'completed' ORDER BY created_at, id LIMIT 10)`)
	b.exec(`CREATE FUNCTION refuse_ten() RETURNS trigger AS $$ BEGIN
		IF OLD.model = 'refused' THEN RAISE EXCEPTION 'no'; END IF;
		RETURN OLD; END $$ LANGUAGE plpgsql`)
	b.exec(`CREATE TRIGGER refuse_ten BEFORE DELETE ON requests FOR EACH ROW EXECUTE FUNCTION refuse_ten()`)
	b.exec(`ANALYZE`)
	e := b.create(erasures, domain.ErasureTarget{Owner: &owner})
	begun := time.Now()
	over, err := domain.NewRunErasure(erasures, noPace, time.Now).Execute(t.Context(), e.ID, 0)
	if err != nil || !over {
		t.Fatal(over, err)
	}
	took := time.Since(begun)
	if e, err = erasures.Get(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	if want := int64(responses + 2 - 10); e.Done != want || e.Refused != 10 || len(e.Failures) != 10 {
		t.Errorf("got %d erased of %d, %d refused, %d failures", e.Done, want, e.Refused, len(e.Failures))
	}
	for _, f := range e.Failures {
		if b.number(`SELECT count(*) FROM requests WHERE id = $1 AND model = 'refused'`, f.Response) != 1 || f.Code != domain.CodeRefused {
			t.Errorf("failures: got %+v", f)
		}
	}
	if left := b.number(`SELECT count(*) FROM requests`); left != 10 {
		t.Errorf("%d requests left", left)
	}
	if left := b.number(`SELECT count(*) FROM request_templates t WHERE NOT EXISTS (SELECT FROM requests r WHERE r.template_id = t.id)`); left != 0 {
		t.Errorf("%d prompts left", left)
	}
	if e.State != domain.ErasureFinished {
		t.Errorf("got state %s", e.State)
	}
	t.Logf("%d responses in %s, %d receipts", e.Done, took.Round(time.Second), e.Receipts)
}
