package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/internal/pgtest"
)

// TestLostCommit: when the connection is lost, the error says what is known of the
// transaction, which is not repeated if it may have been committed.
func TestLostCommit(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	admin := open(t, postgres.Config{URL: database.URL})
	exec(t, admin, `CREATE TABLE notes (name text)`)
	insert := func(ctx context.Context, tx *postgres.Tx, name string) error {
		_, err := tx.Exec(ctx, `INSERT INTO notes VALUES ($1)`, name)
		return err
	}
	const unknown, undone = "The connection to the database was lost before it confirmed the change", "The database cannot be reached, and nothing was changed"
	for name, c := range map[string]struct {
		cut  string
		do   func(context.Context, *postgres.Tx, string) error
		rows int
		want string
	}{
		"commit only": {"commit\x00", insert, 1, unknown},
		"commit with a statement": {"commit\x00", func(ctx context.Context, tx *postgres.Tx, name string) error {
			if _, err := tx.Exec(ctx, "SELECT 1"); err != nil {
				return err
			}
			var b pgx.Batch
			b.Queue(`INSERT INTO notes VALUES ($1)`, name)
			return tx.CommitWith(ctx, &b)
		}, 1, unknown},
		"one batch": {"commit\x00", func(ctx context.Context, tx *postgres.Tx, name string) error {
			var b pgx.Batch
			b.Queue(`INSERT INTO notes VALUES ($1)`, name)
			return tx.CommitWith(ctx, &b)
		}, 1, unknown},
		"before the commit": {"SELECT 'the last'", func(ctx context.Context, tx *postgres.Tx, name string) error {
			if err := insert(ctx, tx, name); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "SELECT 'the last'")
			return err
		}, 0, undone},
	} {
		for _, silent := range []bool{false, true} {
			name := name
			if silent {
				name += ", kept back"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				cut, address := pgtest.Cutting(t, database.URL)
				db := open(t, postgres.Config{URL: withParameter(t, address, "default_query_exec_mode", "exec")})
				if err := db.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
				cut.At(c.cut, silent)
				limit := time.Minute
				if silent {
					limit = time.Second
				}
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				calls := 0
				err := db.Tx(ctx, func(tx *postgres.Tx) error {
					calls++
					return c.do(ctx, tx, name)
				})
				if silent && c.want == undone {
					if err != context.DeadlineExceeded || calls != 1 {
						t.Errorf("after %d calls: got %v, want success", calls, err)
					}
				} else if domain.CodeOf(err) != domain.CodeUnavailable || !strings.HasPrefix(err.Error(), c.want) || calls != 1 {
					t.Errorf("after %d calls: %v", calls, err)
				}
				if n := one[int](t, admin, `SELECT count(*) FROM notes WHERE name = $1`, name); n != c.rows {
					t.Errorf("got %d rows", n)
				}
			})
		}
	}
}
