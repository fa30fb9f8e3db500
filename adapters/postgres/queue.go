package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DBTX is what the generated query methods call.
type DBTX interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Queue adds a query to a batch. call makes the query with its generated method, so
// that the compiler checks the arguments. It is called now, for the statement, and must
// return the method's error; it is called again with the server's answer, unless the
// caller sets another function to read that.
func Queue(b *pgx.Batch, call func(DBTX) error) *pgx.QueuedQuery {
	n := len(b.QueuedQueries)
	_ = call(queuing{b, call})
	return b.QueuedQueries[n]
}

// errQueued is returned by a method whose query waits in a batch.
var errQueued = errors.New("the query has been queued")

// queuing records the statements of methods and has the methods called again.
type queuing struct {
	b    *pgx.Batch
	call func(DBTX) error
}

func (q queuing) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	q.b.Queue(sql, args...).Exec(func(tag pgconn.CommandTag) error { return q.call(answered{tag: tag}) })
	return pgconn.CommandTag{}, errQueued
}

func (q queuing) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	q.b.Queue(sql, args...).Query(func(rows pgx.Rows) error { return q.call(answered{rows: rows}) })
	return nil, errQueued
}

func (q queuing) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	q.b.Queue(sql, args...).QueryRow(func(row pgx.Row) error { return q.call(answered{row: row}) })
	return queuedRow{}
}

type queuedRow struct{}

func (queuedRow) Scan(...any) error { return errQueued }

// answered passes the server's answer to methods.
type answered struct {
	tag  pgconn.CommandTag
	rows pgx.Rows
	row  pgx.Row
}

func (a answered) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) { return a.tag, nil }
func (a answered) Query(context.Context, string, ...any) (pgx.Rows, error)         { return a.rows, nil }
func (a answered) QueryRow(context.Context, string, ...any) pgx.Row                { return a.row }

// Rewritten is a connection that sends another statement than the method's, with the
// same arguments and columns, and appends the arguments in More.
type Rewritten struct {
	DBTX
	SQL  string
	More []any
}

// Exec, Query and QueryRow are DBTX's.
func (r Rewritten) Exec(ctx context.Context, _ string, args ...any) (pgconn.CommandTag, error) {
	return r.DBTX.Exec(ctx, r.SQL, append(args, r.More...)...)
}

func (r Rewritten) Query(ctx context.Context, _ string, args ...any) (pgx.Rows, error) {
	return r.DBTX.Query(ctx, r.SQL, append(args, r.More...)...)
}

func (r Rewritten) QueryRow(ctx context.Context, _ string, args ...any) pgx.Row {
	return r.DBTX.QueryRow(ctx, r.SQL, append(args, r.More...)...)
}
