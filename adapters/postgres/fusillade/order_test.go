package fusillade

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/receipt"
)

// together has all of these erase at the same time, and returns how many of them
// did; the others may say that there is nothing. That nobody waits in a circle is
// looked at by deadlocks.
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
				t.Errorf("refused: %v", err)
			}
		})
	}
	wait.Wait()
	return total, erased
}

// deadlocks is how many there were in the database. Sessions tell of theirs when
// they end, so the ways to it are closed.
func (b *bench) deadlocks(ways ...*postgres.DB) int64 {
	b.t.Helper()
	for _, db := range ways {
		db.Close()
	}
	b.await(`NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user)`)
	return b.number(`SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`)
}

// provenOnce tells that each of these requests is in exactly one receipt, that
// receipts are of nothing else, and that they count what went.
func (b *bench) provenOnce(ids []uuid.UUID) {
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
			b.t.Errorf("response %s is in %d receipts", id, of[id])
		}
	}
	if counted != len(ids) || committed != len(ids) {
		b.t.Errorf("receipts count %d requests and are of %d, and %d were there", counted, committed, len(ids))
	}
}

// All that erases the same at the same time waits in one order of locks, also where
// an erasure has to begin first: nobody is turned away, no deadlock is broken, and
// each response is in one receipt.
func TestErasureLocksInOneOrder(t *testing.T) {
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
				t.Errorf("%s: %d rows and notes are left", name, n)
			}
		}
	}
	a.provenOnce(ids)
	if n := a.deadlocks(a.responses.src.Primary, a.erasures.db); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}

// through goes on with an erasure until it is over.
func (a *apart) through(id uuid.UUID) error {
	for {
		if e, err := a.erasures.Advance(a.t.Context(), id, 50, porttest.JudgeAll); err != nil || e.State.Over() {
			return err
		}
	}
}

// A chain of later turns is erased from both ends and from its midst at the same
// time: each turn is in exactly one receipt, wherever its copies are, and none is left.
func TestTurnsFromBothEnds(t *testing.T) {
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
						t.Errorf("%d are left, and %d erasures were of %+v", left, erased, total)
					}
					ids = append(ids, chain...)
				}
				b.provenOnce(ids)
			})
		}
	}
}
