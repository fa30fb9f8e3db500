package fusillade

import (
	"context"
	"runtime/debug"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
)

// large is how much of a row, in bytes, is worth giving its memory back at once.
const large = 8 << 20

// forgetful is a connection for rows with contents, which may be large. Such a
// row is in memory twice, as it came over the wire and as it was scanned, and
// neither stays: the first may be collected from then on, and both are when the
// request's context ends. The runtime by itself would let more rows like it come
// before it collects any, and keep their memory for minutes.
type forgetful struct{ postgres.Conn }

func (c forgetful) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := c.Query(ctx, sql, args...)
	return forgottenRow{ctx, rows, err}
}

type forgottenRow struct {
	ctx  context.Context
	rows pgx.Rows
	err  error
}

func (r forgottenRow) Scan(to ...any) error {
	if r.err != nil {
		return r.err
	}
	_, err := pgx.CollectOneRow(r.rows, func(row pgx.CollectableRow) (struct{}, error) {
		values := row.RawValues()
		size := 0
		for _, value := range values {
			size += len(value)
		}
		if size >= large {
			context.AfterFunc(r.ctx, debug.FreeOSMemory)
		}
		err := row.Scan(to...)
		clear(values) // the connection points at them until another row has as many columns
		return struct{}{}, err
	})
	return err
}
