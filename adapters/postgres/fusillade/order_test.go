package fusillade

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/receipt"
)

// together runs all erasures at the same time, and returns the sum and the number
// of those that erased something; the others may find nothing. deadlocks checks
// that none waits in a cycle.
func together(t *testing.T, all ...func() (domain.Erased, error)) (total domain.Erased, erased int) {
	t.Helper()
	var wait sync.WaitGroup
	var mutex sync.Mutex
	for _, erase := range all {
		wait.Go(func() {
			one, err := erase()
			mutex.Lock()
			defer mutex.Unlock()
			if err == nil {
				total.Add(one)
				erased++
			} else if domain.CodeOf(err) != domain.CodeNotFound {
				t.Errorf("erasure refused: %v", err)
			}
		})
	}
	wait.Wait()
	return total, erased
}

// deadlocks counts the deadlocks in the database. Sessions report theirs when they
// end, so the connections are closed first.
func (b *fixture) deadlocks(ways ...*postgres.DB) int64 {
	b.t.Helper()
	for _, db := range ways {
		db.Close()
	}
	b.await(`NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user)`)
	return b.number(`SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`)
}

// provenOnce checks that each request is in exactly one receipt, that receipts name
// no others, and that their counts are right.
func (b *fixture) provenOnce(ids []uuid.UUID) {
	b.t.Helper()
	rows, err := b.owner.Pool().Query(b.t.Context(), `SELECT r.body, s.salt FROM lethe.receipts r JOIN lethe.receipt_secrets s ON s.receipt_id = r.id`)
	if err != nil {
		b.t.Fatal(err)
	}
	of := make(map[uuid.UUID]int)
	counted, committed := 0, 0
	var body, salt []byte
	if _, err := pgx.ForEachRow(rows, []any{&body, &salt}, func() error {
		r, err := receipt.Parse(body)
		if err != nil {
			return err
		}
		counted, committed = counted+int(r.Counts.Requests), committed+len(r.Responses)
		for _, id := range ids {
			if slices.Contains(r.Responses, receipt.CommitResponse(receipt.Salt(salt), id)) {
				of[id]++
			}
		}
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	for _, id := range ids {
		if of[id] != 1 {
			b.t.Errorf("response %s is in %d receipts, want 1", id, of[id])
		}
	}
	if counted != len(ids) || committed != len(ids) {
		b.t.Errorf("the receipts count %d requests and name %d, want %d", counted, committed, len(ids))
	}
}

// TestEraseLockOrder: concurrent erasures of the same responses take their
// locks in one order, even if one has to write an intent first. None is refused,
// there is no deadlock, and each response is in one receipt.
func TestEraseLockOrder(t *testing.T) {
	t.Parallel()
	a := newApart(t, 12)
	index(t, a.owner)
	owner := uuid.New()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var ids []uuid.UUID
	single := func(id uuid.UUID) func() (domain.Erased, error) {
		return func() (domain.Erased, error) { return a.responses.Erase(t.Context(), id, nil, porttest.Permit) }
	}
	along := func(id uuid.UUID) func() (domain.Erased, error) {
		return func() (domain.Erased, error) {
			return a.responses.EraseWithLaterTurns(t.Context(), id, nil, porttest.Permit)
		}
	}
	others := map[string]func([]uuid.UUID) func() (domain.Erased, error){
		"by identifiers": func(ids []uuid.UUID) func() (domain.Erased, error) {
			e := a.create(a.erasures, domain.ErasureTarget{Responses: ids})
			return func() (domain.Erased, error) { return domain.Erased{}, a.through(e.ID) }
		},
		"sweep": func([]uuid.UUID) func() (domain.Erased, error) {
			return func() (domain.Erased, error) { return domain.Erased{}, a.sweep() }
		},
		"replay": func(ids []uuid.UUID) func() (domain.Erased, error) {
			return func() (domain.Erased, error) {
				w, err := porttest.Permit(domain.Found{})
				if err != nil {
					return domain.Erased{}, err
				}
				w.Trigger = domain.TriggerReplay
				return a.responses.EraseAgain(t.Context(), ids, w)
			}
		},
		"nothing else": func([]uuid.UUID) func() (domain.Erased, error) {
			return func() (domain.Erased, error) { return domain.Erased{}, nil }
		},
	}
	for name, other := range others {
		for round := range 6 {
			chain := a.addChain(owner.String(), 1+round%2*3)
			var round []uuid.UUID
			for _, row := range chain {
				round = append(round, row.ID)
			}
			first, last := round[0], round[len(round)-1]
			turn := a.addTurn(owner.String(), last.String(), at.Add(time.Minute))
			a.AddUsage(porttest.UsageRow{Response: turn.ID, At: at, Copied: true})
			round = append(round, turn.ID)
			together(t, single(first), single(last), along(first), along(turn.ID), single(turn.ID), other(round))
			ids = append(ids, round...)
			if n := a.number(`SELECT (SELECT count(*) FROM lethe.intents) + count(*) FROM requests WHERE id = ANY ($1)`, round); n != 0 {
				t.Errorf("%s: %d rows and intents left, want none", name, n)
			}
		}
	}
	a.provenOnce(ids)
	if n := a.deadlocks(a.responses.src.Primary, a.erasures.db); n != 0 {
		t.Errorf("got %d deadlocks, want none", n)
	}
}

// through advances an erasure to its end.
func (a *apart) through(id uuid.UUID) error {
	for {
		if e, err := a.erasures.Advance(a.t.Context(), id, 50, porttest.JudgeAll); err != nil || e.State.Finished() {
			return err
		}
	}
}

// TestEraseTurnsFromBothEnds: a conversation is erased from both ends and from its
// middle at the same time. Each turn is in exactly one receipt, wherever its copies
// are, and none is left.
func TestEraseTurnsFromBothEnds(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, open := range besideAndApart {
		for _, indexed := range []bool{true, false} {
			t.Run(name+map[bool]string{true: ", by index", false: ", by search"}[indexed], func(t *testing.T) {
				t.Parallel()
				b, _ := open(t)
				if indexed {
					b.index()
				}
				var ids []uuid.UUID
				for range 12 {
					var chain []uuid.UUID
					last := uuid.New()
					for i := range 12 {
						last = b.addTurn("anna", last.String(), at.Add(time.Duration(i)*time.Minute)).ID
						chain = append(chain, last)
					}
					var all []func() (domain.Erased, error)
					for _, from := range []int{0, 5, 11} {
						all = append(all, func() (domain.Erased, error) {
							return b.responses.EraseWithLaterTurns(t.Context(), chain[from], nil, porttest.Permit)
						})
					}
					total, erased := together(t, all...)
					if left := b.number(`SELECT count(*) FROM requests`); left != 0 || erased == 0 || total.Requests != 12 {
						t.Errorf("%d left after %d erasures of %+v", left, erased, total)
					}
					ids = append(ids, chain...)
				}
				b.provenOnce(ids)
			})
		}
	}
}

// fillWith runs a statement in its own session, which has reported its statistics
// when it returns. Cached plans let foreign keys be checked by sequential scans, too.
func (b *fixture) fillWith(id *uuid.UUID, sql string, args ...any) {
	b.t.Helper()
	conn, err := pgx.Connect(b.t.Context(), b.database.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { b.await(`NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)`, conn.PgConn().PID()) }()
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(b.t.Context(), sql, args...).Scan(id); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
}

// addTurns stores a conversation of n turns after a first response.
func (b *fixture) addTurns(owner string, n int) (first, last uuid.UUID) {
	b.t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	first = b.addTurn(owner, uuid.NewString(), at).ID
	b.fillWith(&last, `WITH n AS MATERIALIZED (
			SELECT n, gen_random_uuid() AS id FROM generate_series(1, $2::int) n
		), p AS (
			SELECT n, id, lag(id, 1, $1::uuid) OVER (ORDER BY n) AS previous FROM n
		), t AS (
			INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key)
			SELECT id, 'e', 'POST', '/v1/responses', jsonb_build_object('previous_response_id', previous)::text, 'm', 'k' FROM p
		), r AS (
			INSERT INTO fusillade.requests (id, template_id, state, model, created_by, created_at, response_status, response_body, completed_at)
			SELECT id, id, 'completed', 'm', $3, $4::timestamptz + n * interval '1 s', 200, '{}', $4 FROM p
		)
		SELECT id FROM p ORDER BY n DESC LIMIT 1`, first, n, owner, at)
	return first, last
}

// trips records the statements sent to a database, a batch as one.
type trips struct {
	mutex sync.Mutex
	sent  []string
	act   func(sql string)
}

func (s *trips) note(sql string) {
	s.mutex.Lock()
	s.sent = append(s.sent, sql)
	act := s.act
	s.mutex.Unlock()
	if act != nil {
		act(sql)
	}
}

func (s *trips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.note(data.SQL)
	return ctx
}

func (s *trips) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	var all []string
	for _, q := range data.Batch.QueuedQueries {
		all = append(all, q.SQL)
	}
	s.note(strings.Join(all, ";"))
	return ctx
}
func (s *trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (s *trips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (s *trips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// whileHoldsWait lists the statements sent while no hold could be placed.
func (s *trips) whileHoldsWait() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	i := slices.IndexFunc(s.sent, func(sql string) bool { return strings.Contains(sql, dbsqlc.ShareHolds) })
	if i < 0 {
		return nil
	}
	return slices.Clone(s.sent[i:])
}

// TestPlaceHoldDuringTurnSearch: however long a conversation is, placing a hold waits
// for the same number of statements, one of which looks for turns added meanwhile.
// The search comes before.
func TestPlaceHoldDuringTurnSearch(t *testing.T) {
	t.Parallel()
	s := &trips{}
	b := newFixture(t, postgres.Config{Tracer: s})
	b.index()
	erasures := b.erasures(postgres.Config{Tracer: s})
	for name, erase := range map[string]func(uuid.UUID) error{
		"DELETE": func(id uuid.UUID) error {
			_, err := b.responses.EraseWithLaterTurns(t.Context(), id, nil, porttest.Permit)
			return err
		},
		"of many": func(id uuid.UUID) error {
			e := b.create(erasures, domain.ErasureTarget{Responses: []uuid.UUID{id}, LaterTurns: true})
			s.sent = nil
			_, err := erasures.Advance(t.Context(), e.ID, 10, porttest.JudgeAll)
			return err
		},
	} {
		var before int
		for _, turns := range []int{3, 60} {
			first, _ := b.addTurns("anna", turns)
			s.sent = nil
			if err := erase(first); err != nil {
				t.Fatal(name, err)
			}
			searches := 0
			waited := s.whileHoldsWait()
			for _, sql := range waited {
				searches += strings.Count(sql, dbsqlc.TurnsByIndex)
			}
			if searches != 1 || before > 0 && len(waited) != before {
				t.Errorf("%s, %d turns: a hold waits for %d round trips with %d searches; searches before: %d", name, turns, len(waited), searches, before)
			}
			before = len(waited)
			if n := b.number(`SELECT count(*) FROM requests`); n != 0 {
				t.Errorf("%s, %d turns: %d left", name, turns, n)
			}
		}
	}
}

// TestEraseTurnsAddedMeanwhile: a turn added between the search and the locks is
// erased too. If turns keep being added, the last ones stay, and the receipt names
// them.
func TestEraseTurnsAddedMeanwhile(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, open := range map[string]func(*trips) (*fixture, *Erasures){
		"DELETE": func(s *trips) (*fixture, *Erasures) { return newFixture(t, postgres.Config{Tracer: s}), nil },
		"of many": func(s *trips) (*fixture, *Erasures) {
			b := newFixture(t, postgres.Config{})
			return b, b.erasures(postgres.Config{Tracer: s})
		},
	} {
		for come, left := range map[int]int64{1: 0, 2: 0, 3: 0, 100: 1} {
			s := &trips{}
			b, erasures := open(s)
			b.index()
			first, last := b.addTurns("anna", 5)
			n := 0
			s.act = func(sql string) {
				if n < come && strings.Contains(sql, dbsqlc.ShareHolds) {
					n++
					last = b.addTurn("anna", last.String(), at.Add(time.Hour)).ID
				}
			}
			if erasures == nil {
				if _, err := b.responses.EraseWithLaterTurns(t.Context(), first, nil, porttest.Permit); err != nil {
					t.Fatal(name, err)
				}
			} else if _, err := erasures.Advance(t.Context(), b.create(erasures, domain.ErasureTarget{Responses: []uuid.UUID{first}, LaterTurns: true}).ID, 10, porttest.JudgeAll); err != nil {
				t.Fatal(name, err)
			}
			if got := b.number(`SELECT count(*) FROM requests`); got != left || n == 0 {
				t.Errorf("%s, %d added: want %d left, got %d", name, come, left, got)
			}
			if named := slices.Contains(b.lastReceipt().NotCovered, receipt.GapLaterTurns); named != (left > 0) {
				t.Errorf("%s, %d added: the receipt names later turns: %t, want the opposite", name, come, named)
			}
		}
	}
}

// TestLaterTurnsByIndex: later turns are found by index, whatever
// statistics, cached plans or prompts suggest.
func TestLaterTurnsByIndex(t *testing.T) {
	t.Parallel()
	const turns, others = 300, 3000
	b := newFixture(t, postgres.Config{MaxConns: 1})
	b.index()
	b.exec(`ALTER TABLE fusillade.requests SET (autovacuum_enabled = false)`)
	b.exec(`ALTER TABLE fusillade.request_templates SET (autovacuum_enabled = false)`)
	b.exec(`ANALYZE fusillade.requests, fusillade.request_templates`)
	warm, _ := b.addTurns("anna", 1)
	b.eraseTurns(warm)
	var one uuid.UUID
	b.fillWith(&one, `WITH n AS MATERIALIZED (
			SELECT n, gen_random_uuid() AS id FROM generate_series(1, $1::int) n
		), t AS (
			INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key)
			SELECT id, 'e', 'POST', '/v1/responses', jsonb_build_object('previous_response_id', gen_random_uuid())::text, 'm', 'k' FROM n
		), r AS (
			INSERT INTO fusillade.requests (id, template_id, state, model, created_by, created_at, response_status, response_body, completed_at)
			SELECT id, id, 'completed', 'm', 'somebody', now(), 200, '{}', now() FROM n
		)
		SELECT id FROM n LIMIT 1`, others)
	read := func() int64 {
		t.Helper()
		b.responses.src.Primary.Pool().Reset()
		b.await(`NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user)`)
		return b.number(`SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ('requests', 'request_templates')`)
	}
	first, _ := b.addTurns("anna", turns)
	before := b.number(`SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ('requests', 'request_templates')`)
	if erased, _ := b.eraseTurns(first); erased.Requests != turns+1 {
		t.Errorf("want all erased, got %+v", erased)
	}
	if n := read() - before; n > 5*others { // allows for statements that are sent once
		t.Errorf("%d rows were read sequentially for %d turns", n, turns)
	}
	b.exec(`ANALYZE fusillade.requests, fusillade.request_templates`)
	alone := b.addTurn("anna", uuid.NewString(), time.Now())
	before = read()
	if _, err := b.responses.Erase(t.Context(), alone.ID, nil, porttest.Permit); err != nil {
		t.Fatal(err)
	}
	if n := read() - before; n >= others {
		t.Errorf("%d rows were read sequentially for one response", n)
	}
}

// TestDeletedResponseInOneReceipt: copies of a deleted response have no row to lock,
// but are still in only one receipt.
func TestDeletedResponseInOneReceipt(t *testing.T) {
	t.Parallel()
	for name, open := range besideAndApart {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, raw := open(t)
			erasures := b.erasures(postgres.Config{})
			if b.responses.copies != nil {
				erasures.WithCopies(b.responses.copies)
			}
			owner := uuid.New()
			for range 8 {
				gone := uuid.New()
				b.addOld(raw, old{request: &gone, owner: &owner})
				e := b.create(erasures, domain.ErasureTarget{Responses: []uuid.UUID{gone}})
				single := func() (domain.Erased, error) { return b.responses.Erase(t.Context(), gone, nil, porttest.Permit) }
				before := b.number(`SELECT count(*) FROM lethe.receipts WHERE body LIKE '%"raw_requests":1%'::bytea`)
				together(t, single, single, single, func() (domain.Erased, error) {
					for {
						if e, err := erasures.Advance(t.Context(), e.ID, 10, porttest.JudgeAll); err != nil || e.State.Finished() {
							return domain.Erased{}, err
						}
					}
				})
				if n := b.number(`SELECT count(*) FROM lethe.receipts WHERE body LIKE '%"raw_requests":1%'::bytea`) - before; n != 1 {
					t.Errorf("the copies are in %d receipts, want 1", n)
				}
			}
		})
	}
}
