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

// narrowedByCost calls read with a connection that filters by the costs that lists
// show, including those of the ledger if it can be read.
func (r *Responses) narrowedByCost(f filter, c postgres.Conn, read func(postgres.Conn) error) error {
	if f.MinTotalCost == "" {
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
	"a.id DESC LIMIT 1) >=", "a.id DESC LIMIT 1), "+postgres.LedgerCost("requests.id")+"::numeric) >=",
)

func (c charged) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	for _, q := range b.QueuedQueries {
		q.SQL = ledgerToo.Replace(q.SQL)
	}
	return c.Conn.SendBatch(ctx, b)
}
