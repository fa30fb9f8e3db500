// Package analytics reads the costs of responses from the gateway's accounts.
//
// [UsageRecords] implements domain.UsageRecords on public.http_analytics, a table of
// another system that is only read.
package analytics

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/analytics/internal/dbsqlc"
	"lethe/domain"
)

type UsageRecords struct {
	src    postgres.Source
	ledger func() bool // nil: there is none
}

var _ domain.UsageRecords = (*UsageRecords)(nil)

// New makes the port on the main database.
func New(src postgres.Source) (*UsageRecords, error) {
	if src.Primary == nil {
		return nil, errors.New("analytics needs a database")
	}
	return &UsageRecords{src: src}, nil
}

// WithLedger makes the port take costs missing in usage records from the gateway's
// ledger of credits, whenever ledger reports that it can be read. Call it first.
func (u *UsageRecords) WithLedger(ledger func() bool) { u.ledger = ledger }

// latestWithLedger is Latest of queries/analytics/latest.sql with the ledger's cost if
// there is no other, and also for responses without a usage record. It uses a column
// that older versions of dwctl do not have, so it is not one of sqlc's queries.
var latestWithLedger = `-- name: LatestWithLedger :many
SELECT w.id, a.prompt_tokens, a.completion_tokens, a.reasoning_tokens, a.total_tokens,
       coalesce(a.total_cost::text, ` + postgres.LedgerCost("w.id") + `) AS total_cost, a.id IS NOT NULL AS recorded
FROM (SELECT DISTINCT unnest($1::uuid[]) AS id) w
LEFT JOIN LATERAL (
    SELECT id, prompt_tokens, completion_tokens, reasoning_tokens, total_tokens, total_cost
    FROM public.http_analytics
    WHERE fusillade_request_id = w.id ORDER BY timestamp DESC, id DESC LIMIT 1
) a ON true`

func (u *UsageRecords) Latest(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]domain.Usage, error) {
	if err := ctx.Err(); err != nil || len(ids) == 0 {
		return nil, err
	}
	var usage map[uuid.UUID]domain.Usage
	err := u.src.Read(ctx, func(c postgres.Conn) error {
		return postgres.WithLedger(u.ledger, func(ledger bool) (err error) {
			if ledger {
				usage, err = withLedger(ctx, c, ids)
			} else {
				usage, err = latest(ctx, c, ids)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return usage, nil
}

func latest(ctx context.Context, c postgres.Conn, ids []uuid.UUID) (map[uuid.UUID]domain.Usage, error) {
	rows, err := dbsqlc.New(c).Latest(ctx, ids)
	usage := make(map[uuid.UUID]domain.Usage, len(rows))
	for _, r := range rows {
		one := domain.Usage{
			PromptTokens: r.PromptTokens, CompletionTokens: r.CompletionTokens,
			ReasoningTokens: &r.ReasoningTokens, TotalTokens: r.TotalTokens,
		}
		if r.TotalCost != "" {
			cost := domain.Decimal(r.TotalCost)
			one.Cost = &cost
		}
		usage[r.ResponseID] = one
	}
	return usage, err
}

func withLedger(ctx context.Context, c postgres.Conn, ids []uuid.UUID) (map[uuid.UUID]domain.Usage, error) {
	rows, err := c.Query(ctx, latestWithLedger, ids)
	if err != nil {
		return nil, err
	}
	usage := make(map[uuid.UUID]domain.Usage, len(ids))
	var id uuid.UUID
	var one domain.Usage
	var cost *string
	var recorded bool
	_, err = pgx.ForEachRow(rows, []any{
		&id, &one.PromptTokens, &one.CompletionTokens, &one.ReasoningTokens, &one.TotalTokens, &cost, &recorded,
	}, func() error {
		if recorded || cost != nil {
			one.Cost = (*domain.Decimal)(cost)
			usage[id] = one
		}
		return nil
	})
	return usage, err
}
