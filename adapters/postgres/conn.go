package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Conn is a connection as queries need it.
type Conn interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

var (
	_ Conn = (*pgxpool.Conn)(nil)
	_ Conn = pooled{}
)

// accepted are the parameters that PgBouncer takes when a connection begins.
var accepted = []string{"application_name", "client_encoding", "datestyle", "timezone", "standard_conforming_strings"}

// localSettings takes out of params what PgBouncer refuses and returns a
// statement that sets it until the transaction ends.
func localSettings(params map[string]string) string {
	var calls []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if slices.Contains(accepted, strings.ToLower(name)) {
			continue
		}
		calls = append(calls, "set_config("+literal(name)+", "+literal(params[name])+", true)")
		delete(params, name)
	}
	return "SELECT " + strings.Join(calls, ", ")
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// pooled is a connection through PgBouncer, whose server changes from one
// transaction to the next. What is sent together is one implicit transaction,
// so the settings go along with every query, in the same round trip.
type pooled struct {
	conn     *pgxpool.Conn
	settings string
}

// SendBatch sends the settings and then the batch.
func (p pooled) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	var all pgx.Batch
	all.Queue(p.settings)
	all.QueuedQueries = append(all.QueuedQueries, b.QueuedQueries...)
	results := p.conn.SendBatch(ctx, &all)
	// Where this fails, so does all that follows, with the same error.
	_, _ = results.Exec()
	return results
}

func (p pooled) send(ctx context.Context, sql string, args []any) pgx.BatchResults {
	var one pgx.Batch
	one.Queue(sql, args...)
	return p.SendBatch(ctx, &one)
}

func (p pooled) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	results := p.send(ctx, sql, args)
	tag, err := results.Exec()
	return tag, errors.Join(err, results.Close())
}

func (p pooled) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	results := p.send(ctx, sql, args)
	rows, err := results.Query()
	if err != nil {
		return nil, errors.Join(err, results.Close())
	}
	return pooledRows{rows, results}, nil
}

func (p pooled) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	results := p.send(ctx, sql, args)
	return pooledRow{results.QueryRow(), results}
}

// pooledRows end their batch when they are closed, which callers always do.
type pooledRows struct {
	pgx.Rows
	results pgx.BatchResults
}

func (r pooledRows) Close() {
	r.Rows.Close()
	_ = r.results.Close() // the rows know the error
}

type pooledRow struct {
	row     pgx.Row
	results pgx.BatchResults
}

func (r pooledRow) Scan(to ...any) error {
	return errors.Join(r.row.Scan(to...), r.results.Close())
}
