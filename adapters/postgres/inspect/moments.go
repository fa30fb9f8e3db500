package inspect

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Unsayable are responses with a time that answers cannot express: infinite, or outside
// of the years 1 to 9999. They are shown without it.
type Unsayable struct {
	Responses []uuid.UUID // the first MaxUnsayable
	Partial   bool        // reading all rows would have taken too long
}

// MaxUnsayable is how many UnsayableTimes returns at most.
const MaxUnsayable = 100

// UnsayableTimes looks for such responses: by their time of creation with an index, and by
// their other times for a few seconds. A missing table has none.
func UnsayableTimes(ctx context.Context, conn *pgx.Conn, s Schemas) (found Unsayable, err error) {
	table := pgx.Identifier{s.withDefaults().Fusillade, "requests"}.Sanitize()
	var there bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&there); err != nil || !there {
		return Unsayable{}, err
	}
	const mine, before, after = ` batch_id IS NULL AND created_by IS NOT NULL`, ` < '0001-01-01 00:00:00+00'`, ` >= '10000-01-01 00:00:00+00'`
	look := func(conditions ...string) (ids []uuid.UUID, err error) {
		var parts []string
		for _, condition := range conditions {
			parts = append(parts, `(SELECT id FROM `+table+` WHERE`+mine+` AND (`+condition+`) LIMIT $1)`)
		}
		err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = '3s'`); err != nil {
				return err
			}
			rows, err := tx.Query(ctx, `SELECT DISTINCT id FROM (`+strings.Join(parts, ` UNION ALL `)+`) AS found ORDER BY id LIMIT $1`, MaxUnsayable)
			if err != nil {
				return err
			}
			ids, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			return err
		})
		return ids, err
	}
	created := []string{"created_at" + before, "created_at" + after}
	if found.Responses, err = look(created...); err != nil || len(found.Responses) == MaxUnsayable {
		return found, err
	}
	var others []string
	for _, column := range []string{"started_at", "completed_at", "failed_at"} {
		others = append(others, column+before, column+after)
	}
	all, err := look(append(created, strings.Join(others, " OR "))...)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "57014" && ctx.Err() == nil {
		found.Partial = true
		return found, nil
	}
	found.Responses = all
	return found, err
}
