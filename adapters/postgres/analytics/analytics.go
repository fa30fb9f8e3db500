// Package analytics reads what responses cost from the gateway's accounts.
package analytics

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/analytics/internal/dbsqlc"
	"lethe/domain"
)

// UsageRecords are the rows of public.http_analytics.
type UsageRecords struct {
	src postgres.Source
}

var _ domain.UsageRecords = (*UsageRecords)(nil)

// New makes the port on the main database.
func New(src postgres.Source) (*UsageRecords, error) {
	if src.Primary == nil {
		return nil, errors.New("analytics needs a database")
	}
	return &UsageRecords{src}, nil
}

// Latest is domain.UsageRecords'.
func (u *UsageRecords) Latest(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]domain.Usage, error) {
	if err := ctx.Err(); err != nil || len(ids) == 0 {
		return nil, err
	}
	var rows []dbsqlc.LatestRow
	err := u.src.Read(ctx, func(c postgres.Conn) (err error) {
		rows, err = dbsqlc.New(c).Latest(ctx, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
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
	return usage, nil
}
