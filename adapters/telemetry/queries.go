package telemetry

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// queryTracer times the queries of one pool.
type queryTracer struct {
	duration prometheus.ObserverVec
	errors   *prometheus.CounterVec
}

var (
	_ pgx.QueryTracer = (*queryTracer)(nil)
	_ pgx.BatchTracer = (*queryTracer)(nil)
)

// QueryTracer times the queries of the pool of this name, from sending a query to the
// end of its rows.
func (m *Metrics) QueryTracer(pool string) pgx.QueryTracer {
	label := prometheus.Labels{"pool": pool}
	return &queryTracer{duration: m.queries.MustCurryWith(label), errors: m.queryErrors.MustCurryWith(label)}
}

// running is a query, or the current one of a batch.
type running struct {
	name  string
	begun time.Time
}

type runningKey struct{}

func (*queryTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, runningKey{}, &running{queryName(data.SQL), time.Now()})
}

func (t *queryTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	if q, ok := ctx.Value(runningKey{}).(*running); ok {
		t.observe(q.name, time.Since(q.begun), data.Err)
	}
}

func (*queryTracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return context.WithValue(ctx, runningKey{}, &running{begun: time.Now()})
}

// A batch's query is timed from the end of the previous one to its own end.
func (t *queryTracer) TraceBatchQuery(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	if q, ok := ctx.Value(runningKey{}).(*running); ok {
		now := time.Now()
		t.observe(queryName(data.SQL), now.Sub(q.begun), data.Err)
		q.begun = now
	}
}

func (*queryTracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (t *queryTracer) observe(name string, took time.Duration, err error) {
	t.duration.WithLabelValues(name).Observe(took.Seconds())
	if err != nil {
		t.errors.WithLabelValues(name).Inc()
	}
}

// queryName returns the query's name in queries/, which sqlc keeps in its first line;
// begin, commit or rollback; or "other". It contains nothing of the query itself.
func queryName(sql string) string {
	if rest, ok := strings.CutPrefix(sql, "-- name: "); ok {
		if name, _, ok := strings.Cut(rest, " "); ok && len(name) <= maxQueryName {
			return name
		}
		return otherQuery
	}
	for _, word := range []string{"begin", "commit", "rollback"} {
		if strings.HasPrefix(sql, word) {
			return word
		}
	}
	return otherQuery
}

const (
	otherQuery   = "other"
	maxQueryName = 64
)
