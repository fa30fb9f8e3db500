package telemetry_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

const listQuery = "-- name: PageOfOwner :many\nSELECT id FROM requests WHERE created_by = $1"

// ask runs a query through a tracer, as pgx does.
func ask(ctx context.Context, tracer pgx.QueryTracer, sql string, err error) {
	ctx = tracer.TraceQueryStart(ctx, nil, pgx.TraceQueryStartData{SQL: sql, Args: []any{"sk-canary"}})
	tracer.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{Err: err})
}

func TestQueryTracer(t *testing.T) {
	t.Parallel()
	m := newMetrics(t, "1")
	main, replica := m.QueryTracer("main"), m.QueryTracer("replica")
	ask(t.Context(), main, listQuery, nil)
	ask(t.Context(), main, listQuery, errors.New("canary"))
	ask(t.Context(), replica, listQuery, nil)
	for _, sql := range []string{
		"begin isolation level read committed read write", "commit", "rollback", "SELECT 'canary'",
		"-- name: canary", "-- name: " + strings.Repeat("canary", 20) + " :one\nSELECT 1",
	} {
		ask(t.Context(), main, sql, nil)
	}
	batch := main.(pgx.BatchTracer)
	ctx := batch.TraceBatchStart(t.Context(), nil, pgx.TraceBatchStartData{})
	batch.TraceBatchQuery(ctx, nil, pgx.TraceBatchQueryData{SQL: listQuery})
	batch.TraceBatchQuery(ctx, nil, pgx.TraceBatchQueryData{SQL: "-- name: Latest :many\nSELECT 1", Err: errors.New("canary")})
	batch.TraceBatchEnd(ctx, nil, pgx.TraceBatchEndData{})
	// A query that was never started is not counted.
	main.TraceQueryEnd(t.Context(), nil, pgx.TraceQueryEndData{})
	batch.TraceBatchQuery(t.Context(), nil, pgx.TraceBatchQueryData{SQL: listQuery})

	got := fetch(t, m)
	expect(t, got,
		`lethe_query_duration_seconds_count{pool="main",query="PageOfOwner"} 3`,
		`lethe_query_duration_seconds_count{pool="replica",query="PageOfOwner"} 1`,
		`lethe_query_duration_seconds_count{pool="main",query="Latest"} 1`,
		`lethe_query_duration_seconds_count{pool="main",query="begin"} 1`,
		`lethe_query_duration_seconds_count{pool="main",query="commit"} 1`,
		`lethe_query_duration_seconds_count{pool="main",query="rollback"} 1`,
		`lethe_query_duration_seconds_count{pool="main",query="other"} 3`,
		`lethe_query_errors_total{pool="main",query="PageOfOwner"} 1`,
		`lethe_query_errors_total{pool="main",query="Latest"} 1`,
	)
	if strings.Contains(got, "canary") {
		t.Errorf("the metrics contain query text:\n%s", got)
	}
}

// BenchmarkQueryTracer measures what timing adds to a query. A list takes two to
// four queries of some 200 µs each.
func BenchmarkQueryTracer(b *testing.B) {
	tracer := newMetrics(b, "1").QueryTracer("main")
	b.ReportAllocs()
	for b.Loop() {
		ask(b.Context(), tracer, listQuery, nil)
	}
}
