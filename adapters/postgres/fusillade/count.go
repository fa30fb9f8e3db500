package fusillade

import (
	"context"
	"encoding/json"
	"errors"

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
	// remembered, up to this many.
	few          = 1_000
	ownersOfMany = 1024

	queryCanceled = "57014"
)

// Count makes two round trips at most, and one more if finished responses may have been
// moved.
func (r *Responses) Count(ctx context.Context, filter domain.ResponseFilter, mode domain.CountMode) (domain.Count, error) {
	f, possible, err := r.narrow(filter)
	if err != nil {
		return domain.Count{}, err
	}
	if !possible {
		return domain.Count{Exact: true}, ctx.Err()
	}
	q, upTo := f.count(), counting{countOfOwnerUpTo, dbsqlc.CountOfOwnerUpTo, f.arguments}
	upTo.AtMost = few + 1
	reckon := f.estimate
	if r.retained() {
		reckon = f.reckonBoth
		q.sql, upTo.sql = with(besideRetained, q.sql), with(besideRetained, upTo.sql)
	}
	var count domain.Count
	read := func(c postgres.Conn) (err error) {
		if mode == domain.CountExact {
			if count, err = exact(ctx, c, q, exactWithin); timedOut(err) {
				count, _, err = reckon(ctx, c)
			}
			return err
		}
		simple := mode == domain.CountAuto && f.owned && !f.Narrowed
		if simple && !r.many.Contains(f.Owner) {
			if count, err = exact(ctx, c, upTo, cheapWithin); err == nil && count.Total <= few {
				return nil
			}
			if err != nil && !timedOut(err) {
				return err
			}
			r.many.Add(f.Owner, struct{}{})
			count, _, err = reckon(ctx, c)
			return err
		}
		guess, cost, err := reckon(ctx, c)
		count = guess
		affordable := float64(cheap)
		if f.MinTotalCost != "" {
			affordable = costly
		}
		if err != nil || mode == domain.CountEstimate || cost > affordable {
			return err
		}
		if count, err = exact(ctx, c, q, cheapWithin); timedOut(err) {
			count, err = guess, nil
		}
		if simple && err == nil && count.Exact && count.Total <= few {
			r.many.Remove(f.Owner)
		}
		return err
	}
	fromReplica, err := r.source().ReadAnywhere(ctx, func(c postgres.Conn) error { return r.narrowedByCost(f, c, read) })
	if err != nil {
		return domain.Count{}, err
	}
	if fromReplica {
		count.Exact = false // it may count what has been erased
	}
	return count, nil
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

func exact(ctx context.Context, c postgres.Conn, q counting, within string) (domain.Count, error) {
	count := domain.Count{Exact: true}
	err := limited(ctx, c, within, func(b *pgx.Batch) { q.queue(ctx, b, &count.Total) })
	return count, err
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

// estimate returns the number of rows that the planner expects, and the cost of
// counting them in the planner's units.
func (f filter) estimate(ctx context.Context, c postgres.Conn) (domain.Count, float64, error) {
	if !f.Narrowed || f.MinTotalCost != "" {
		return estimate(ctx, c, f.count(), nil)
	}
	var s shares
	count, cost, err := estimate(ctx, c, f.count(), func(b *pgx.Batch) { s.queue(ctx, b, f) })
	if err == nil && s.known {
		count.Total = s.total(f)
	}
	return count, cost, err
}

// estimate is filter.estimate by the plan of a query alone. What more queues is asked
// in the same round trip.
func estimate(ctx context.Context, c postgres.Conn, q counting, more func(*pgx.Batch)) (count domain.Count, cost float64, err error) {
	q.sql = explain + q.sql
	err = limited(ctx, c, exactWithin, func(b *pgx.Batch) {
		q.queue(ctx, b, new(int64)).QueryRow(func(row pgx.Row) error {
			aggregate, err := planOf(row)
			if err == nil {
				count.Total, cost = int64(aggregate.Plans[0].Rows), aggregate.Cost
			}
			return err
		})
		if more != nil {
			more(b)
		}
	})
	return count, cost, err
}

// reckonBoth is estimate including retained responses.
func (f filter) reckonBoth(ctx context.Context, c postgres.Conn) (count domain.Count, cost float64, err error) {
	if count, cost, err = f.estimate(ctx, c); err != nil {
		return domain.Count{}, 0, err
	}
	q, times := f.reckonedRetained()
	retained, more, err := estimate(ctx, c, q, nil)
	count.Total += times * retained.Total
	return count, cost + more, err
}

// limited runs the queued queries under a time limit. One batch is one implicit
// transaction, so the limit ends with it, even if a query fails.
func limited(ctx context.Context, c postgres.Conn, within string, queue func(*pgx.Batch)) error {
	var batch pgx.Batch
	queueExec(&batch, (*dbsqlc.Queries).LimitCount, within)
	queue(&batch)
	return c.SendBatch(ctx, &batch).Close()
}
