package fusillade

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

const (
	// Time limits of a count that was asked for, and of one expected to be cheap.
	exactWithin = "1s"
	cheapWithin = "100ms"

	// cheap is the highest cost, in the planner's estimate, of a count that nobody asked
	// for: some 2,000 rows of an index, less than the page that it comes with.
	cheap = 250

	// costly is the same for counts by cost: the planner estimates some eight units for
	// reading a usage record by its index, mostly for a page that is in memory.
	costly = 10 * cheap

	// few is how many responses of one owner are counted without asking the planner,
	// which costs as much as counting hundreds. Owners found to have more are
	// remembered.
	few = 1_000

	queryCanceled = "57014"
)

// counter counts what passes a filter. What queue asks goes along with a page; result
// asks again if that does not suffice.
type counter struct {
	*Responses
	filter
	mode     domain.CountMode
	retained bool // finished responses may have been moved
	simple   bool // everything of one owner is to be counted as is cheapest
	few      bool // it may be few responses, which are just counted
	all      counting
	upToFew  counting

	count  domain.Count
	cost   float64 // of counting exactly, in the planner's units
	shares shares
}

// counter decides once how to begin: what is known of owners may change meanwhile.
func (r *Responses) counter(f filter, mode domain.CountMode, retained bool) *counter {
	k := &counter{Responses: r, filter: f, mode: mode, retained: retained, all: f.count(), upToFew: counting{countOfOwnerUpTo, dbsqlc.CountOfOwnerUpTo, f.arguments}}
	k.simple = mode == domain.CountAuto && f.owned && !f.Narrowed
	k.few = k.simple && !r.estimates.hasMany(f.Owner)
	k.upToFew.AtMost = few + 1
	if retained {
		k.all.sql, k.upToFew.sql = with(besideRetained, k.all.sql), with(besideRetained, k.upToFew.sql)
	}
	return k
}

func (k *counter) queue(ctx context.Context, b *pgx.Batch) {
	switch {
	case k.mode == domain.CountExact:
		k.queueExact(ctx, b, k.all, exactWithin)
	case k.few:
		queueExec(b, (*dbsqlc.Queries).LimitTime, cheapWithin)
		k.upToFew.queue(ctx, b, &k.count.Total)
		k.count.Exact = true
	default:
		k.queueEstimate(ctx, b)
	}
}

// result takes the error of the batch. The count is nil if it takes too long: the page
// has been read, and is worth more.
func (k *counter) result(ctx context.Context, c postgres.Conn, err error) (*domain.Count, error) {
	if err = k.finish(ctx, c, err); timedOut(err) {
		return nil, nil
	}
	return &k.count, err
}

func (k *counter) finish(ctx context.Context, c postgres.Conn, err error) error {
	ask := func(queue func(*pgx.Batch)) error {
		var b pgx.Batch
		queue(&b)
		return c.SendBatch(ctx, &b).Close()
	}
	estimate := func() error { return ask(func(b *pgx.Batch) { k.queueEstimate(ctx, b) }) }
	switch {
	case err != nil && !timedOut(err):
		return err
	case k.mode == domain.CountExact:
		if err != nil {
			return estimate()
		}
		return nil
	case k.few:
		if err == nil && k.count.Total <= few {
			return nil
		}
		k.estimates.many.Add(k.Owner, time.Now())
		return estimate()
	}
	affordable := float64(cheap)
	if k.MinTotalCost != "" {
		affordable = costly
	}
	if err != nil || k.mode == domain.CountEstimate || k.cost > affordable {
		return err
	}
	guess := k.count
	if err = ask(func(b *pgx.Batch) { k.queueExact(ctx, b, k.all, cheapWithin) }); timedOut(err) {
		k.count, err = guess, nil
	}
	if k.simple && err == nil && k.count.Exact && k.count.Total <= few {
		k.estimates.many.Remove(k.Owner)
	}
	return err
}

func (k *counter) queueExact(ctx context.Context, b *pgx.Batch, q counting, within string) {
	queueExec(b, (*dbsqlc.Queries).LimitCount, within)
	q.queue(ctx, b, &k.count.Total)
	k.count.Exact = true
}

// queueEstimate adds the queries for what the planner expects, unless that is remembered.
func (k *counter) queueEstimate(ctx context.Context, b *pgx.Batch) {
	var known bool
	if k.count, k.cost, known = k.estimates.get(k.filter); known {
		return
	}
	queueExec(b, (*dbsqlc.Queries).LimitCount, exactWithin)
	if k.Narrowed && k.MinTotalCost == "" {
		k.shares.queue(ctx, b, k.filter)
	}
	k.filter.count().queueExplain(ctx, b, func(rows, cost float64) {
		k.count.Total, k.cost = int64(rows), cost
		if k.shares.known {
			k.count.Total = k.shares.total(k.filter)
		}
		if !k.retained {
			k.estimates.add(k.filter, k.count, k.cost)
		}
	})
	if k.retained {
		q, times := k.reckonedRetained()
		q.queueExplain(ctx, b, func(rows, cost float64) {
			k.count.Total, k.cost = k.count.Total+times*int64(rows), k.cost+cost
			k.estimates.add(k.filter, k.count, k.cost)
		})
	}
}

func timedOut(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == queryCanceled
}

// counting is a counting query with its arguments and its statement, which may differ
// from the method's.
type counting struct {
	query[int64]
	sql string
	arguments
}

// queue adds the query to a batch.
func (q counting) queue(ctx context.Context, b *pgx.Batch, total *int64) *pgx.QueuedQuery {
	return postgres.Queue(b, func(db postgres.DBTX) (err error) {
		*total, err = q.query(ctx, postgres.Rewritten{DBTX: db, SQL: q.sql}, q.arguments)
		return err
	})
}

// explain precedes a statement whose plan is wanted.
const explain = "EXPLAIN (FORMAT JSON) "

// plan is a node of a plan with what the planner expects of it.
type plan struct {
	Rows  float64 `json:"Plan Rows"`
	Cost  float64 `json:"Total Cost"`
	Plans []plan
}

func planOf(row pgx.Row) (plan, error) {
	var text []byte
	if err := row.Scan(&text); err != nil {
		return plan{}, err
	}
	var explained []struct{ Plan plan }
	if err := json.Unmarshal(text, &explained); err != nil {
		return plan{}, err
	}
	if len(explained) != 1 || len(explained[0].Plan.Plans) == 0 {
		return plan{}, errors.New("the query plan has an unexpected form")
	}
	return explained[0].Plan, nil
}

// queueExplain adds what the planner expects of a counting query: the number of rows,
// and the cost of counting them in its units.
func (q counting) queueExplain(ctx context.Context, b *pgx.Batch, read func(rows, cost float64)) {
	q.sql = explain + q.sql
	q.queue(ctx, b, new(int64)).QueryRow(func(row pgx.Row) error {
		aggregate, err := planOf(row)
		if err == nil {
			read(aggregate.Plans[0].Rows, aggregate.Cost)
		}
		return err
	})
}
