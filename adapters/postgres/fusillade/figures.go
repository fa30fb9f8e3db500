package fusillade

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// figureLimits bound what figures take.
type figureLimits struct {
	within time.Duration
	timed  int64 // of how many responses percentiles are read, which need sorting
	used   int64 // of how many usage records are read, each by an index
}

// figuresUpTo is also in openapi.yaml.
var figuresUpTo = figureLimits{within: 10 * time.Second, timed: 1_000_000, used: 100_000}

// otherSeries is the queries' word for the series that are not kept. Those of a value
// begin with =, and that of no value is empty.
const otherSeries = "other"

var errFiguresTooLong = domain.Errorf(domain.CodeUnavailable, "Counting these responses takes too long: narrow the time with from and to, or add a filter")

// figureQueries are the queries for figures, with their statements.
type figureQueries struct {
	counts    stated[dbsqlc.FiguresRow]
	durations stated[dbsqlc.FigureDurationsRow]
	usage     stated[dbsqlc.FigureUsageRow]
}

// stated is a query with its statement.
type stated[R any] struct {
	query[[]R]
	sql string
}

var (
	figuresOfAll = figureQueries{
		stated[dbsqlc.FiguresRow]{byName((*dbsqlc.Queries).Figures), dbsqlc.Figures},
		stated[dbsqlc.FigureDurationsRow]{byName((*dbsqlc.Queries).FigureDurations), dbsqlc.FigureDurations},
		stated[dbsqlc.FigureUsageRow]{byName((*dbsqlc.Queries).FigureUsage), dbsqlc.FigureUsage},
	}
	figuresOfCost = figureQueries{
		stated[dbsqlc.FiguresRow]{rowsOf((*dbsqlc.Queries).FiguresOfCost, func(r dbsqlc.FiguresOfCostRow) dbsqlc.FiguresRow { return dbsqlc.FiguresRow(r) }), dbsqlc.FiguresOfCost},
		stated[dbsqlc.FigureDurationsRow]{rowsOf((*dbsqlc.Queries).FigureDurationsOfCost, func(r dbsqlc.FigureDurationsOfCostRow) dbsqlc.FigureDurationsRow {
			return dbsqlc.FigureDurationsRow(r)
		}), dbsqlc.FigureDurationsOfCost},
		stated[dbsqlc.FigureUsageRow]{rowsOf((*dbsqlc.Queries).FigureUsageOfCost, func(r dbsqlc.FigureUsageOfCostRow) dbsqlc.FigureUsageRow { return dbsqlc.FigureUsageRow(r) }), dbsqlc.FigureUsageOfCost},
	}
)

// Figures makes up to three round trips. Each reads every response that passes the filter
// once; usage records are looked up one by one.
func (r *Responses) Figures(ctx context.Context, q domain.FigureQuery) ([]domain.FigurePoint, domain.Basis, error) {
	f, possible, err := r.narrow(q.Filter)
	if err != nil {
		return nil, "", err
	}
	a := f.arguments
	a.Stride, a.By, a.Max = postgres.Interval(q.Bucket.Width()), string(q.GroupBy), domain.MaxSeries
	counted, queries := figures{basis: domain.BasisRows}, figuresOfAll
	if f.MinTotalCost != "" {
		queries = figuresOfCost
	}
	if !possible {
		if r.usage {
			counted.basis = domain.BasisUsage
		}
		return nil, counted.basis, ctx.Err()
	}
	err = r.source().Read(postgres.For(ctx, postgres.Bulk), func(c postgres.Conn) error {
		return r.withCosts(r.usage, c, func(c postgres.Conn) error {
			counted = figures{
				conn: c, limits: r.figuresUpTo, end: time.Now().Add(r.figuresUpTo.within), arguments: a, retained: r.retained(),
				points: map[figureKey]*domain.FigurePoint{}, basis: domain.BasisRows,
			}
			err := counted.read(ctx, queries, r.usage)
			if timedOut(err) {
				return errFiguresTooLong
			}
			return err
		})
	})
	if err != nil {
		return nil, "", err
	}
	points := make([]domain.FigurePoint, 0, len(counted.points))
	for _, p := range counted.points {
		points = append(points, *p)
	}
	return points, counted.basis, nil
}

// figures are being counted.
type figures struct {
	conn   postgres.Conn
	limits figureLimits
	end    time.Time
	arguments
	retained bool // finished responses may have been moved
	points   map[figureKey]*domain.FigurePoint
	basis    domain.Basis
}

type figureKey struct {
	at     int64 // Unix time in microseconds
	series string
}

func (f *figures) read(ctx context.Context, queries figureQueries, usage bool) error {
	counts, err := answer(ctx, f, queries.counts)
	if err != nil {
		return err
	}
	var total int64
	for _, row := range counts {
		f.add(row)
		total += row.Responses
		if row.Series != otherSeries && !slices.Contains(f.Largest, row.Series) {
			f.Largest = append(f.Largest, row.Series)
		}
	}
	if total <= f.limits.timed {
		durations, err := answer(ctx, f, queries.durations)
		if err != nil {
			return err
		}
		for _, row := range durations {
			if p := f.point(row.Bucket, row.Series); p != nil && row.Known > 0 {
				p.P50, p.P95 = new(time.Duration(row.P50)*time.Microsecond), new(time.Duration(row.P95)*time.Microsecond)
			}
		}
	}
	if !usage || total > f.limits.used {
		return nil
	}
	f.basis = domain.BasisUsage
	sums, err := answer(ctx, f, queries.usage)
	for _, row := range sums {
		if p := f.point(row.Bucket, row.Series); p != nil {
			p.Usage = sumOf(row)
		}
	}
	return err
}

// answer runs a query in the time that is left.
func answer[R any](ctx context.Context, f *figures, q stated[R]) (rows []R, err error) {
	left := time.Until(f.end).Milliseconds()
	if left <= 0 {
		return nil, errFiguresTooLong
	}
	if f.retained {
		q.sql = with(besideRetained, q.sql)
	}
	var b pgx.Batch
	queueExec(&b, (*dbsqlc.Queries).LimitCount, fmt.Sprintf("%dms", left))
	postgres.Queue(&b, func(db postgres.DBTX) (err error) {
		rows, err = q.query(ctx, postgres.Rewritten{DBTX: db, SQL: q.sql}, f.arguments)
		return err
	})
	return rows, f.conn.SendBatch(ctx, &b).Close()
}

func (f *figures) add(row dbsqlc.FiguresRow) {
	p := domain.FigurePoint{At: row.Bucket.UTC(), Other: row.Series == otherSeries, Responses: row.Responses, Failures: row.Failures}
	if key, is := strings.CutPrefix(row.Series, "="); is {
		p.Key = &key
	}
	f.points[figureKey{row.Bucket.UnixMicro(), row.Series}] = &p
}

// point returns nil for what was not there when responses were counted.
func (f *figures) point(at time.Time, series string) *domain.FigurePoint {
	return f.points[figureKey{at.UnixMicro(), series}]
}

func sumOf(row dbsqlc.FigureUsageRow) domain.Usage {
	tokens := func(n int64) *int64 {
		if n < 0 {
			return nil
		}
		return &n
	}
	u := domain.Usage{
		PromptTokens: tokens(row.PromptTokens), CompletionTokens: tokens(row.CompletionTokens),
		ReasoningTokens: tokens(row.ReasoningTokens), TotalTokens: tokens(row.TotalTokens),
	}
	if row.TotalCost != "" {
		u.Cost = new(domain.Decimal(row.TotalCost))
	}
	return u
}
