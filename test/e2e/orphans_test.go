package e2e

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/internal/pgtest"
	"lethe/receipt"
)

// TestKilledOrphans: the service is killed at random moments while it removes raw
// copies whose request is gone. At every moment, the copies of a request and of its
// response are removed together, each removed copy is in one receipt, and no needed
// copy is removed.
func TestKilledOrphans(t *testing.T) {
	t.Parallel()
	kills := killsOr(t, 4)
	t.Run("copies in same database", func(t *testing.T) {
		t.Parallel()
		killSweep(t, kills, false)
	})
	t.Run("copies in other database", func(t *testing.T) {
		t.Parallel()
		killSweep(t, (kills+1)/2, true)
	})
}

// swept are raw copies of requests that are gone, one of each, and what became of
// them.
type swept struct {
	t            *testing.T
	conn, copies *pgx.Conn
	there        map[uuid.UUID]bool // by request: those without a receipt
	receipts     map[uuid.UUID]bool
	told         int // requests that receipts are about
	needed       int // copies of requests that are there
}

func killSweep(t *testing.T, kills int, apart bool) {
	database := pgtest.New(t)
	private, _, err := receipt.GenerateKey("kill.test/orphans")
	if err != nil {
		t.Fatal(err)
	}
	s := &swept{t: t, conn: connect(t, database.URL), there: map[uuid.UUID]bool{}, receipts: map[uuid.UUID]bool{}}
	s.copies = s.conn
	settings := []string{databaseURL(database.RoleURL), "LETHE_ERASURE_KEY=" + private, "LETHE_ERASURE_ORPHANS=true"}
	if apart {
		elsewhere := pgtest.New(t)
		s.copies = connect(t, elsewhere.URL)
		settings = append(settings, "LETHE_OUTLET_DATABASE_URL="+elsewhere.RoleURL, "LETHE_OUTLET_SCHEMA=outlet")
	}
	s.need(100)
	killed, midst, halfGone := 0, 0, 0
	telling := func() bool { return midst > kills/4 && (!apart || halfGone > 0) }
	// On a busy machine a kill more often comes before anything has begun.
	for n := 0; n < kills || n < 8*kills && !telling(); n++ {
		const limit = 2000 // is looked at in a second
		s.add(max(0, limit-len(s.there)))
		execute(t, s.conn, "UPDATE lethe.orphans SET due_at = '-infinity', after_request = 0, after_response = 0, responses = false")
		p := serve(t, settings...)
		if apart && n%2 == 1 {
			s.awaitHalfGone()
		} else {
			time.Sleep(rand.N(time.Second))
		}
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.ended
		killed++
		for _, conn := range []*pgx.Conn{s.conn, s.copies} {
			await(t, "the server has noticed", time.Minute, func() bool {
				return scan[int](t, conn, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'") == 0
			})
		}
		before := len(s.there)
		unfinished := s.check()
		if gone := before - len(s.there); gone > 0 && len(s.there) > 0 {
			midst++
		}
		halfGone += unfinished
		if t.Failed() {
			return
		}
	}
	if !telling() {
		t.Errorf("want kills during passes and copies without a receipt yet: of %d kills, got %d during a pass and %d such copies", killed, midst, halfGone)
	}
	execute(t, s.conn, "UPDATE lethe.orphans SET due_at = '-infinity', after_request = 0, after_response = 0, responses = false")
	serve(t, settings...)
	await(t, "all is gone", time.Minute, func() bool {
		return scan[int](t, s.copies, "SELECT count(*) FROM outlet.http_responses") == s.needed && scan[int](t, s.conn, "SELECT count(*) FROM lethe.intents") == 0
	})
	if s.check(); len(s.there) > 0 {
		t.Errorf("copies left: want 0, got %d", len(s.there))
	}
	t.Logf("%d kills, %d in the midst of a pass; copies of %d requests removed, with %d receipts; those of %d were gone without one, and it was written later", killed, midst, s.told, len(s.receipts), halfGone)
}

// awaitHalfGone waits until copies have gone in another database, of which a
// receipt is yet to be written: a random moment seldom comes between. It gives up
// where none go.
func (s *swept) awaitHalfGone() {
	s.t.Helper()
	const count = "SELECT count(*) FROM outlet.http_requests"
	for before, end := scan[int](s.t, s.copies, count), time.Now().Add(2*time.Second); time.Now().Before(end); {
		if scan[int](s.t, s.copies, count) < before {
			return
		}
	}
}

// add adds the copies of so many requests that are gone; half of them are named
// by a usage record, the others by a header.
func (s *swept) add(n int) {
	s.t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
		s.there[ids[i]] = true
	}
	s.store(ids)
}

// need adds the copies of so many requests that are there.
func (s *swept) need(n int) {
	s.t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	execute(s.t, s.conn, `INSERT INTO fusillade.requests (id, state, model, created_by) SELECT unnest($1::uuid[]), 'pending', 'm', 'somebody'`, ids)
	s.store(ids)
	s.needed += n
}

func (s *swept) store(ids []uuid.UUID) {
	s.t.Helper()
	execute(s.t, s.conn, `INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id)
		SELECT id, 1, now() - interval '8 days', 'POST', '/', id FROM unnest($1::uuid[]) WITH ORDINALITY one (id, n) WHERE n % 2 = 0`, ids)
	execute(s.t, s.copies, `INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers)
		SELECT id, 1, now() - interval '8 days', 'POST', '/', CASE n % 2 WHEN 1 THEN jsonb_build_object('x-fusillade-request-id', id) ELSE '{}' END
		FROM unnest($1::uuid[]) WITH ORDINALITY one (id, n)`, ids)
	execute(s.t, s.copies, `INSERT INTO outlet.http_responses (instance_id, correlation_id, timestamp, status_code, headers, duration_to_first_byte_ms, duration_ms)
		SELECT unnest($1::uuid[]), 1, now() - interval '8 days', 200, '{}', 1, 2`, ids)
}

func identifiers(t *testing.T, conn *pgx.Conn, sql string) map[uuid.UUID]bool {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	there := map[uuid.UUID]bool{}
	var id uuid.UUID
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { there[id] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	return there
}

// check compares what has gone since with the receipts that were written since,
// and returns how many requests are noted whose copies are gone.
func (s *swept) check() (halfGone int) {
	s.t.Helper()
	requests := identifiers(s.t, s.copies, "SELECT instance_id FROM outlet.http_requests")
	answers := identifiers(s.t, s.copies, "SELECT instance_id FROM outlet.http_responses")
	noted := identifiers(s.t, s.conn, "SELECT unnest(request_ids) FROM lethe.intents")
	gone := map[uuid.UUID]bool{}
	left := 0
	for id := range s.there {
		switch {
		case requests[id] != answers[id]:
			s.t.Fatalf("copies of request and answer: want both or none, got %t and %t", requests[id], answers[id])
		case requests[id]:
			left++
		case noted[id]:
			halfGone++
		default:
			gone[id] = true
		}
	}
	if len(requests) != left+s.needed || len(answers) != left+s.needed {
		s.t.Errorf("of the copies of %d requests that are there, %d and %d are left", s.needed, len(requests)-left, len(answers)-left)
	}
	rows, err := s.conn.Query(s.t.Context(), "SELECT r.id, r.body, x.salt FROM lethe.receipts r JOIN lethe.receipt_secrets x ON x.receipt_id = r.id")
	if err != nil {
		s.t.Fatal(err)
	}
	var id uuid.UUID
	var body, salt []byte
	about := map[uuid.UUID]bool{}
	if _, err := pgx.ForEachRow(rows, []any{&id, &body, &salt}, func() error {
		if s.receipts[id] {
			return nil
		}
		s.receipts[id] = true
		r, err := receipt.Parse(body)
		if err != nil || r.Trigger != receipt.TriggerOrphans {
			s.t.Fatalf("receipt %s is of %q, %v", id, r.Trigger, err)
		}
		var of []receipt.Commitment
		for request := range gone {
			if c := receipt.CommitResponse(receipt.Salt(salt), request); slices.Contains(r.Responses, c) {
				if about[request] {
					s.t.Errorf("receipt %s: has a request that another receipt has, too", id)
				}
				about[request] = true
				of = append(of, c)
			}
		}
		n := int64(len(of))
		if want := (receipt.Counts{RawRequests: n, RawResponses: n}); r.Counts != want || !sameCommitments(of, r.Responses) {
			s.t.Errorf("receipt %s is of %d requests whose copies have gone since, and says %d and %+v", id, n, len(r.Responses), r.Counts)
		}
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
	if all := scan[int](s.t, s.conn, "SELECT count(*) FROM lethe.receipts"); all != len(s.receipts) {
		s.t.Errorf("receipts looked at: want %d, got %d", all, len(s.receipts))
	}
	if len(about) != len(gone) {
		s.t.Errorf("requests in receipts: want %d, those without copies, got %d", len(gone), len(about))
	}
	for request := range gone {
		delete(s.there, request)
	}
	s.told += len(about)
	return halfGone
}
