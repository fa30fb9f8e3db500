// Package fusillade reads and erases responses in fusillade's database.
//
// [Responses] lists, fetches and erases single responses. [Erasures] and [Holds] keep
// bulk erasures and holds beside them. [Issuer] writes the receipt of each erasure in
// the same transaction.
package fusillade

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// Responses are the rows of fusillade's tables.
type Responses struct {
	src    postgres.Source
	outlet string
	usage  bool
	ledger func() bool // nil: there is none
	issuer Issuer
	reach
	leads     leads
	estimates *Estimates
	// figuresUpTo bounds figures.
	figuresUpTo figureLimits
	// arsenal reports whether fusillade-arsenal's tables exist.
	arsenal func() bool
	// retained reports whether finished responses may have been moved.
	retained func() bool
}

var (
	_ domain.Responses      = (*Responses)(nil)
	_ domain.ContentsReader = (*Responses)(nil)
)

// New makes the port. The search_path of the source's databases is fusillade's schema
// and then outletSchema, which holds the gateway's log, if any. usage reports that
// usage records are in the same database, as public.http_analytics.
func New(src postgres.Source, outletSchema string, usage bool, issuer Issuer) (*Responses, error) {
	if src.Primary == nil {
		return nil, errors.New("responses need a database")
	}
	if outletSchema == "" {
		return nil, errors.New("the name of the outlet's schema is missing")
	}
	if err := issuer.check(); err != nil {
		return nil, err
	}
	never := func() bool { return false }
	if issuer.Estimates == nil {
		issuer.Estimates = NewEstimates()
	}
	return &Responses{src: src, outlet: outletSchema, usage: usage, issuer: issuer, estimates: issuer.Estimates, figuresUpTo: figuresUpTo, arsenal: never, retained: never}, nil
}

// WithLedger makes the port take costs missing in usage records from the gateway's
// ledger of credits, whenever ledger reports that it can be read. Call it first.
func (r *Responses) WithLedger(ledger func() bool) { r.ledger = ledger }

// WithArsenal makes the port also read what only fusillade-arsenal has, prompts by day
// and retained responses, while these functions report true. Call it first. It does not
// affect what is erased.
func (r *Responses) WithArsenal(prompts, retained func() bool) {
	r.arsenal, r.retained = prompts, retained
}

// source returns where to read. With fusillade-arsenal it excludes replicas: rows move
// there, and one found in only one of two places must not be missed.
func (r *Responses) source() postgres.Source {
	src := r.src
	if r.arsenal() || r.retained() {
		src.Replica = nil
	}
	return src
}

func (r *Responses) finisher() finisher {
	return finisher{r.src.Primary, r.outlet, r.issuer, r.reach}
}

// Page makes one round trip; after a replica's answer, one more to the primary, and a
// third if rows have been erased meanwhile.
func (r *Responses) Page(ctx context.Context, q domain.PageQuery) ([]domain.Response, error) {
	page, _, err := r.PageAndCount(ctx, q, domain.CountNone)
	return page, err
}

// PageAndCount makes as many round trips as Page, and one more if the first shows that
// counting is cheap or that it takes too long.
func (r *Responses) PageAndCount(ctx context.Context, q domain.PageQuery, mode domain.CountMode) ([]domain.Response, *domain.Count, error) {
	f, possible, err := r.narrow(q.Filter)
	if err != nil || !possible {
		return nil, &domain.Count{Exact: true}, cmp.Or(err, ctx.Err())
	}
	asked := listing{q: q, whole: q, retained: r.retained()}
	if asked.retained {
		// What to skip is known when both are merged.
		asked.whole.Skip, asked.whole.Limit = 0, q.Limit+min(q.Skip, math.MaxInt64-q.Limit)
		asked.moved = f.retainedPages(asked.whole)
	}
	usage := r.usage && !asked.retained
	asked.queries, asked.particular = f.pages(asked.whole, usage)
	if len(asked.queries) == 0 && mode == domain.CountNone {
		return nil, nil, ctx.Err()
	}
	var page []domain.Response
	var count *domain.Count
	read := func(c postgres.Conn) error {
		return r.withCosts(usage || f.MinTotalCost != "", c, func(c postgres.Conn) (err error) {
			if mode == domain.CountNone {
				page, _, err = asked.read(ctx, c, nil)
				return err
			}
			page, count, err = asked.read(ctx, c, r.counter(f, mode, asked.retained))
			return err
		})
	}
	fromReplica, err := r.source().ReadAnywhere(ctx, read)
	if err == nil && fromReplica && len(page) > 0 {
		err = r.src.Primary.Use(ctx, func(c postgres.Conn) error {
			ids := make([]uuid.UUID, len(page))
			for i, row := range page {
				ids[i] = row.ID
			}
			n, err := dbsqlc.New(c).StillThere(ctx, ids)
			if err == nil && n < int64(len(ids)) {
				// Dropping erased rows would end the list too early.
				err = read(c)
			}
			return err
		})
	}
	if err != nil {
		return nil, nil, err
	}
	if fromReplica && count != nil {
		count.Exact = false // it may count what has been erased
	}
	return page, count, nil
}

// listing is what is asked for one page.
type listing struct {
	q, whole   domain.PageQuery
	retained   bool
	queries    []pageOf
	particular bool     // these need plans for their arguments
	moved      []pageOf // queries for retained responses
}

// read sends all queries together, and those of the counter, if any, last: one that takes
// too long ends nothing but itself.
func (l listing) read(ctx context.Context, c postgres.Conn, k *counter) ([]domain.Response, *domain.Count, error) {
	var all []row
	if len(l.queries) == 1 && !l.particular && len(l.moved) == 0 && k == nil {
		rows, err := l.queries[0](ctx, c)
		return l.responses(rows), nil, err
	}
	var batch pgx.Batch
	left := len(l.queries) + len(l.moved)
	queue := func(queries []pageOf) {
		for _, q := range queries {
			postgres.Queue(&batch, func(db postgres.DBTX) error {
				rows, err := q(ctx, db)
				if all = append(all, rows...); err == nil {
					left--
				}
				return err
			})
		}
	}
	if l.particular {
		queueFixed(&batch, (*dbsqlc.Queries).PlanForArguments)
	}
	queue(l.queries)
	if len(l.moved) > 0 {
		queueFixed(&batch, (*dbsqlc.Queries).PlanInOrder)
	}
	queue(l.moved)
	if k != nil {
		k.queue(ctx, &batch)
	}
	err := c.SendBatch(ctx, &batch).Close()
	var count *domain.Count
	if left == 0 && k != nil {
		count, err = k.result(ctx, c, err)
	}
	return l.responses(all), count, err
}

func (l listing) responses(rows []row) []domain.Response {
	if l.retained {
		rows = merged(rows, l.q)
	} else {
		sortPage(rows, l.q.ActiveFirst)
	}
	page := make([]domain.Response, min(int64(len(rows)), l.q.Limit))
	for i := range page {
		page[i] = response(rows[i].PageRow, "")
		page[i].KnownUsage = rows[i].usage
	}
	return page
}

// sortPage puts rows in the order of a list.
func sortPage(rows []row, activeFirst bool) {
	position := func(r row) domain.Position {
		return domain.PositionOf(domain.Response{ID: r.ID, State: r.State, CreatedAt: r.CreatedAt}, activeFirst)
	}
	slices.SortFunc(rows, func(a, b row) int { return position(a).Compare(position(b)) })
}

func response(row dbsqlc.PageRow, revision string) domain.Response {
	r := domain.Response{
		Revision: revision,
		ID:       row.ID, Owner: row.Owner, Model: row.Model, State: row.State, Tier: row.ServiceTier,
		CreatedAt: row.CreatedAt, StartedAt: row.StartedAt, CompletedAt: row.CompletedAt, FailedAt: row.FailedAt,
		HasError: row.HasError,
	}
	if row.ResponseStatus != nil {
		status := int(*row.ResponseStatus)
		r.HTTPStatus = &status
	}
	return r
}
