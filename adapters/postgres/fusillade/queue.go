package fusillade

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
)

// queue adds a query to a batch, by its generated method, and passes its result to
// read.
func queue[A, R any](b *pgx.Batch, query func(*dbsqlc.Queries, context.Context, A) (R, error), arg A, read func(R)) {
	queueChecked(b, query, arg, func(found R) error {
		read(found)
		return nil
	})
}

// queueChecked is queue with a check of the result: its error ends the batch.
func queueChecked[A, R any](b *pgx.Batch, query func(*dbsqlc.Queries, context.Context, A) (R, error), arg A, check func(R) error) {
	queueRewritten(b, "", query, arg, check)
}

// queueRewritten is queueChecked with another statement of the same arguments and
// columns; empty: the method's own.
func queueRewritten[A, R any](b *pgx.Batch, sql string, query func(*dbsqlc.Queries, context.Context, A) (R, error), arg A, check func(R) error) {
	postgres.Queue(b, func(db postgres.DBTX) error {
		if sql != "" {
			db = postgres.Rewritten{DBTX: db, SQL: sql}
		}
		found, err := query(dbsqlc.New(db), context.Background(), arg) // the batch has the context
		if err != nil {
			return err
		}
		return check(found)
	})
}

// queueRows is queue for rows that are too large to be in memory together.
func queueRows[A, R any](b *pgx.Batch, query func(*dbsqlc.Queries, context.Context, A) ([]R, error), arg A, read func(pgx.Rows) error) {
	postgres.Queue(b, func(db postgres.DBTX) error {
		_, err := query(dbsqlc.New(db), context.Background(), arg)
		return err
	}).Query(read)
}

// queueExec adds a statement that returns nothing.
func queueExec[A any](b *pgx.Batch, query func(*dbsqlc.Queries, context.Context, A) error, arg A) {
	postgres.Queue(b, func(db postgres.DBTX) error { return query(dbsqlc.New(db), context.Background(), arg) })
}

// queueFixed adds a statement without arguments and results.
func queueFixed(b *pgx.Batch, query func(*dbsqlc.Queries, context.Context) error) {
	postgres.Queue(b, func(db postgres.DBTX) error { return query(dbsqlc.New(db), context.Background()) })
}

// read runs a query on a connection of its own.
func read[R any](ctx context.Context, db *postgres.DB, query func(*dbsqlc.Queries) (R, error)) (found R, err error) {
	err = db.Use(ctx, func(c postgres.Conn) (err error) {
		found, err = query(dbsqlc.New(c))
		return err
	})
	return found, err
}

// adding adds a number that a query returns.
func adding(sum *int64) func(int64) { return func(n int64) { *sum += n } }

// nothing is the argument of a query without any; argless adapts such a query.
type nothing struct{}

func argless[R any](query func(*dbsqlc.Queries, context.Context) (R, error)) func(*dbsqlc.Queries, context.Context, nothing) (R, error) {
	return func(q *dbsqlc.Queries, ctx context.Context, _ nothing) (R, error) { return query(q, ctx) }
}
