// Package demo fills an empty database with sample data and prints commands that use it.
package demo

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Schemas are the configurable schema names.
type Schemas struct{ Fusillade, Outlet string }

// ErrOtherData is returned, and nothing is written, if a database contains other data.
var ErrOtherData = errors.New("the database contains users or responses of its own")

// fillLock serializes programs that fill the same database; it is "demo" in ASCII.
const fillLock = 0x64656d6f

// Fill writes about 5,000 responses of the 30 days before now, in one transaction. If
// the database already has them, whatever was erased since, it returns false and writes
// nothing; if it has other data, it returns ErrOtherData.
//
// The rows are the same every time, relative to now, except the secrets of the keys,
// which are random because a publicly known key would let anyone in.
func Fill(ctx context.Context, conn *pgx.Conn, schemas Schemas, now time.Time) (filled bool, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(fillLock)); err != nil {
			return err
		}
		var ours, others bool
		err := tx.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM public.users WHERE id = $1),
			       EXISTS (SELECT FROM public.users WHERE id <> '00000000-0000-0000-0000-000000000000')
			       OR EXISTS (SELECT FROM `+pgx.Identifier{schemas.Fusillade, "requests"}.Sanitize()+`)`,
			administrator.id()).Scan(&ours, &others)
		switch {
		case err != nil:
			return err
		case ours:
			return nil
		case others:
			return ErrOtherData
		}
		filled = true
		return write(ctx, tx, schemas, now)
	})
	if err != nil {
		return false, fmt.Errorf("fill the database: %w", err)
	}
	if filled {
		// Row estimates come from statistics.
		if _, err := conn.Exec(ctx, "ANALYZE"); err != nil {
			return true, fmt.Errorf("gather statistics: %w", err)
		}
	}
	return filled, nil
}

// table contains rows to be written to a table.
type table struct {
	name    pgx.Identifier
	columns []string
	rows    [][]any
}

func (t *table) add(values ...any) { t.rows = append(t.rows, values) }

func write(ctx context.Context, tx pgx.Tx, schemas Schemas, now time.Time) error {
	// COPY sends values in binary form and must know these types.
	for _, name := range []string{"public.user_role", "underway.task_state"} {
		t, err := tx.Conn().LoadType(ctx, name)
		if err != nil {
			return err
		}
		tx.Conn().TypeMap().RegisterType(t)
	}
	g := newGenerator(schemas, now.UTC().Truncate(time.Microsecond), newSecret)
	g.generate()
	for _, t := range g.tables() {
		if _, err := tx.CopyFrom(ctx, t.name, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
			return fmt.Errorf("%s: %w", t.name.Sanitize(), err)
		}
	}
	return nil
}

func newSecret() string { return "sk-" + cryptorand.Text() }
