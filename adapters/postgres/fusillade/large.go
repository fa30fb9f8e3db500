package fusillade

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
)

// forgetful is a connection for rows with contents, which may be large. Such a
// row is in memory twice, as it came over the wire and as it was scanned, and the
// first may be collected from then on.
type forgetful struct{ postgres.Conn }

func (c forgetful) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := c.Query(ctx, sql, args...)
	return forgottenRow{rows, err}
}

type forgottenRow struct {
	rows pgx.Rows
	err  error
}

func (r forgottenRow) Scan(to ...any) error {
	if r.err != nil {
		return r.err
	}
	_, err := pgx.CollectOneRow(r.rows, func(row pgx.CollectableRow) (struct{}, error) {
		err := row.Scan(to...)
		clear(row.RawValues()) // the connection points at them until another row has as many columns
		return struct{}{}, err
	})
	return err
}
