package fusillade

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
)

// forgetful is a connection for rows with large contents. Such a row is in memory
// twice, as received and as scanned, and this lets the first be collected early.
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
