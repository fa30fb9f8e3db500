package fusillade

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
)

// counts replaces the statements of batches that count or estimate.
type counts struct {
	*meddler
	replace func(*pgx.QueuedQuery)
}

func (s counts) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, statement := range data.Batch.QueuedQueries {
		if strings.Contains(statement.SQL, "-- name: Count") {
			s.replace(statement)
		}
	}
	return s.meddler.TraceBatchStart(ctx, conn, data)
}

// TestCountTimesOut: a page is shown without a number if every count and every estimate
// takes too long.
func TestCountTimesOut(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{MaxConns: 1, Tracer: counts{&meddler{}, func(statement *pgx.QueuedQuery) {
		statement.SQL, statement.Arguments = `DO $$BEGIN RAISE 'out of time' USING ERRCODE = 'query_canceled'; END$$`, nil
	}}})
	for range 3 {
		b.AddResponse(porttest.NewRow("somebody", "completed", time.Now()))
	}
	for name, filter := range map[string]domain.ResponseFilter{
		"everyone": {}, "owner": {Owners: []string{"somebody"}}, "owner, state": {Owners: []string{"somebody"}, States: []string{"completed"}},
	} {
		for _, mode := range []domain.CountMode{domain.CountAuto, domain.CountExact, domain.CountEstimate} {
			page, count, err := b.responses.PageAndCount(t.Context(), domain.PageQuery{Filter: filter, Limit: 2}, mode)
			if err != nil || len(page) != 2 || count != nil {
				t.Errorf("%s, mode %d: want a page of two and no count, got %d, %+v, %v", name, mode, len(page), count, err)
			}
		}
	}
}
