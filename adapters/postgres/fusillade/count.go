package fusillade

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

const (
	exactWithin   = "100ms" // how long an exact count may take
	queryCanceled = "57014"
)

// Count is domain.Responses'. It makes one round trip where the exact number
// can be had in time, else two.
func (r *Responses) Count(ctx context.Context, filter domain.ResponseFilter) (domain.Count, error) {
	f, possible := narrow(filter)
	if !possible {
		return domain.Count{Exact: true}, ctx.Err()
	}
	var count domain.Count
	fromReplica, err := r.src.ReadAnywhere(ctx, func(c *pgxpool.Conn) error {
		total, err := exact(ctx, c, f)
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != queryCanceled {
			count = domain.Count{Total: total, Exact: true}
			return err
		}
		total, err = estimate(ctx, c, f)
		count = domain.Count{Total: total}
		return err
	})
	if err != nil {
		return domain.Count{}, err
	}
	if fromReplica {
		count.Exact = false // it may count what has been erased
	}
	return count, nil
}

// exact counts under the limit of time. What is sent together is one implicit
// transaction, so the limit ends with it, also when the count fails.
func exact(ctx context.Context, c *pgxpool.Conn, f filter) (total int64, err error) {
	var batch pgx.Batch
	batch.Queue(dbsqlc.LimitTime, exactWithin)
	sql, args := f.count()
	batch.Queue(sql, args...)
	results := c.SendBatch(ctx, &batch)
	if _, err = results.Exec(); err == nil {
		err = results.QueryRow().Scan(&total)
	}
	return total, errors.Join(err, results.Close())
}

// estimate is the number of rows that the planner expects of the list, before
// its LIMIT.
func estimate(ctx context.Context, c *pgxpool.Conn, f filter) (int64, error) {
	sql, args := f.list()
	var plan []byte
	if err := c.QueryRow(ctx, "EXPLAIN (FORMAT JSON) "+sql, args...).Scan(&plan); err != nil {
		return 0, err
	}
	type node struct {
		Rows  float64 `json:"Plan Rows"`
		Plans []node
	}
	var explained []struct{ Plan node }
	if err := json.Unmarshal(plan, &explained); err != nil {
		return 0, err
	}
	if len(explained) != 1 || len(explained[0].Plan.Plans) == 0 {
		return 0, errors.New("the plan has another form than expected")
	}
	return int64(explained[0].Plan.Plans[0].Rows), nil
}
