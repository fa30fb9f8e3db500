package fusillade

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/domain"
)

// narrow is [narrow] for lists. It fails with ErrNoCosts if usage records are in another
// database.
func (r *Responses) narrow(f domain.ResponseFilter) (narrowed filter, possible bool, err error) {
	if f.MinTotalCost != nil && !r.usage {
		return filter{}, false, domain.ErrNoCosts
	}
	narrowed, possible = narrow(f)
	return narrowed, possible, nil
}

// withCosts calls read with a connection that knows costs as lists show them, including
// those of the ledger if it can be read. needed reports whether read needs any.
func (r *Responses) withCosts(needed bool, c postgres.Conn, read func(postgres.Conn) error) error {
	if !needed {
		return read(c)
	}
	return postgres.WithLedger(r.ledger, func(ledger bool) error {
		if ledger {
			return read(charged{c})
		}
		return read(c)
	})
}

// charged is a connection that takes a cost missing in usage records from the ledger.
type charged struct{ postgres.Conn }

var ledgerToo = strings.NewReplacer(
	"(SELECT a.total_cost FROM", "coalesce((SELECT a.total_cost FROM",
	"a.id DESC LIMIT 1), 'NaN')", "a.id DESC LIMIT 1), "+postgres.LedgerCost("requests.id")+"::numeric), 'NaN')",
	"coalesce(a.total_cost::text, '')", "coalesce(a.total_cost::text, "+postgres.LedgerCost("p.id")+", '')",
)

func (c charged) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	for _, q := range b.QueuedQueries {
		q.SQL = ledgerToo.Replace(q.SQL)
	}
	return c.Conn.SendBatch(ctx, b)
}

func (c charged) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return c.Conn.Query(ctx, ledgerToo.Replace(sql), args...)
}
