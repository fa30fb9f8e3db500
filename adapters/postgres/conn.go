package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

type Conn interface {
	DBTX
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

var (
	_ Conn = (*pgxpool.Conn)(nil)
	_ Conn = prefixed{}
	_ Conn = (*Tx)(nil)
)

// Literal quotes a text as a string constant of SQL, for statements that take no
// arguments.
func Literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// prefixed is a connection that sends statements ahead of each query, in the same round
// trip. Through PgBouncer these are the settings: its server changes from one
// transaction to the next, and what is sent together is one implicit transaction.
type prefixed struct {
	conn       *pgxpool.Conn
	statements []string
}

// SendBatch sends the statements and then the batch.
func (p prefixed) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	results, _ := p.sendBatch(ctx, b)
	return results
}

// sendBatch also returns the result of the statements. If one fails, all that follows
// fails with the same error.
func (p prefixed) sendBatch(ctx context.Context, b *pgx.Batch) (pgx.BatchResults, error) {
	var all pgx.Batch
	for _, sql := range p.statements {
		all.Queue(sql)
	}
	all.QueuedQueries = append(all.QueuedQueries, b.QueuedQueries...)
	results := p.conn.SendBatch(ctx, &all)
	var err error
	for range p.statements {
		if _, e := results.Exec(); err == nil {
			err = e
		}
	}
	return results, err
}

func one(sql string, args []any) *pgx.Batch {
	var b pgx.Batch
	b.Queue(sql, args...)
	return &b
}

func (p prefixed) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return execOf(p.SendBatch(ctx, one(sql, args)))
}

func (p prefixed) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return queryOf(p.SendBatch(ctx, one(sql, args)))
}

func (p prefixed) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return rowOf(p.SendBatch(ctx, one(sql, args)))
}

func execOf(results pgx.BatchResults) (pgconn.CommandTag, error) {
	tag, err := results.Exec()
	return tag, errors.Join(err, results.Close())
}

func queryOf(results pgx.BatchResults) (pgx.Rows, error) {
	rows, err := results.Query()
	if err != nil {
		return nil, errors.Join(err, results.Close())
	}
	return batchRows{rows, results}, nil
}

func rowOf(results pgx.BatchResults) pgx.Row { return batchRow{results.QueryRow(), results} }

// batchRows end their batch when they are closed, which callers always do.
type batchRows struct {
	pgx.Rows
	results pgx.BatchResults
}

func (r batchRows) Close() {
	r.Rows.Close()
	_ = r.results.Close() // the rows have the error
}

type batchRow struct {
	row     pgx.Row
	results pgx.BatchResults
}

func (r batchRow) Scan(to ...any) error {
	return errors.Join(r.row.Scan(to...), r.results.Close())
}

// Tx is a transaction. It begins with the first query sent in it, in the same round
// trip.
type Tx struct {
	conn      *pgxpool.Conn
	begin     []string
	begun     bool
	sent      bool // the commit, whose answer may be lost
	committed bool
}

// SendBatch is Conn's, as are the other methods.
func (t *Tx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if t.begun {
		return t.conn.SendBatch(ctx, b)
	}
	results, err := prefixed{t.conn, t.begin}.sendBatch(ctx, b)
	t.begun = err == nil
	return results
}

func (t *Tx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if t.begun {
		return t.conn.Exec(ctx, sql, args...)
	}
	return execOf(t.SendBatch(ctx, one(sql, args)))
}

func (t *Tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if t.begun {
		return t.conn.Query(ctx, sql, args...)
	}
	return queryOf(t.SendBatch(ctx, one(sql, args)))
}

func (t *Tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if t.begun {
		return t.conn.QueryRow(ctx, sql, args...)
	}
	return rowOf(t.SendBatch(ctx, one(sql, args)))
}

// CommitWith sends the batch and commits in one round trip: nothing can follow in the
// transaction. If any query of the batch fails, nothing is committed.
func (t *Tx) CommitWith(ctx context.Context, b *pgx.Batch) error {
	t.sent = true
	b.Queue("commit").Exec(func(tag pgconn.CommandTag) error {
		t.committed = true
		return rolledBack(tag)
	})
	return t.SendBatch(ctx, b).Close()
}

func (t *Tx) commit(ctx context.Context) error {
	if !t.begun || t.committed {
		return nil
	}
	t.sent = true
	tag, err := t.conn.Exec(ctx, "commit")
	if err != nil {
		return err
	}
	return rolledBack(tag)
}

// rolledBack returns an error if the server rolled back instead of committing, as it
// does after a failure.
func rolledBack(tag pgconn.CommandTag) error {
	if tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return nil
}

// rollback does nothing after a commit. A connection that cannot roll back is closed.
func (t *Tx) rollback(ctx context.Context) {
	if t.conn.Conn().PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if _, err := t.conn.Exec(ctx, "rollback"); err != nil {
		_ = t.conn.Conn().Close(ctx)
	}
}
