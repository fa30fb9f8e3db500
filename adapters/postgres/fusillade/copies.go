package fusillade

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// Copies are the gateway's raw copies, in another database than fusillade's.
type Copies struct {
	outlet, usage *postgres.DB
}

// NewCopies takes the database with the copies, whose search_path includes them, and
// the primary of the database with usage records, where public.http_analytics locates
// copies; usage is nil if that is fusillade's database.
func NewCopies(outlet, usage *postgres.DB) (*Copies, error) {
	if outlet == nil {
		return nil, errors.New("raw copies need a database")
	}
	return &Copies{outlet, usage}, nil
}

// located holds the places of copies.
type located struct {
	instances    []uuid.UUID
	correlations []int64
	requests     []string // that they belong to, if known

	byHeader, byStep bool // whether these leads were followed
}

// addTo adds places and the requests that their copies belong to.
func addTo[R dbsqlc.CopiesOfRow | dbsqlc.CopiesOfStepsRow | dbsqlc.CopiesByHeaderRow | dbsqlc.CopiesByHeaderAloneRow](l *located) func([]R) {
	return func(rows []R) {
		for _, row := range rows {
			at := dbsqlc.CopiesOfRow(row)
			l.instances, l.correlations = append(l.instances, at.InstanceID), append(l.correlations, at.CorrelationID)
			l.requests = append(l.requests, at.RequestID)
		}
	}
}

// queueByHeader adds the copies that name one of these requests in a header.
func (l *located) queueByHeader(b *pgx.Batch, requests []uuid.UUID) {
	queue(b, (*dbsqlc.Queries).CopiesByHeader, digits(requests), addTo[dbsqlc.CopiesByHeaderRow](l))
}

// locate uses the transaction if usage records are in its database: waiting for another
// connection of the same pool could take long.
func (c *Copies) locate(ctx context.Context, tx *postgres.Tx, requests, steps []uuid.UUID) (located, error) {
	var l located
	if len(requests) == 0 {
		return l, nil
	}
	byUsage := func(conn postgres.Conn) (err error) {
		l = located{}
		if l.byStep, err = dbsqlc.New(conn).StepIndexed(ctx); err != nil {
			return err
		}
		var b pgx.Batch
		queue(&b, (*dbsqlc.Queries).CopiesOf, requests, addTo[dbsqlc.CopiesOfRow](&l))
		if l.byStep && len(steps) > 0 {
			queue(&b, (*dbsqlc.Queries).CopiesOfSteps, steps, addTo[dbsqlc.CopiesOfStepsRow](&l))
		}
		return conn.SendBatch(ctx, &b).Close()
	}
	var err error
	if c.usage == nil {
		err = byUsage(tx)
	} else {
		err = c.usage.Use(ctx, byUsage)
	}
	if err != nil {
		return l, err
	}
	known := l
	return l, c.outlet.Use(ctx, func(conn postgres.Conn) (err error) {
		l = known
		if l.byHeader, err = dbsqlc.New(conn).HeaderIndexed(ctx); err != nil || !l.byHeader {
			return err
		}
		var b pgx.Batch
		l.queueByHeader(&b, requests)
		return conn.SendBatch(ctx, &b).Close()
	})
}

// named returns the requests that the copies may belong to.
func (l located) named() []uuid.UUID { return parsed(l.requests) }

// parsed returns the texts that are identifiers.
func parsed(texts []string) (ids []uuid.UUID) {
	for _, text := range texts {
		if id, err := uuid.Parse(text); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// batchedByHeader passes to read those of these requests that belong to a batch according
// to a header, if an index makes that cheap.
func (c *Copies) batchedByHeader(ctx context.Context, requests []uuid.UUID, read func([]string)) error {
	return c.outlet.Use(ctx, func(conn postgres.Conn) error {
		if indexed, err := dbsqlc.New(conn).HeaderIndexed(ctx); err != nil || !indexed {
			return err
		}
		found, err := dbsqlc.New(conn).BatchedByHeader(ctx, digits(requests))
		read(found)
		return err
	})
}

// spelling removes what a header may contain besides the digits of an identifier.
var spelling = strings.NewReplacer("-", "", "[", "", "]", "", "{", "", "}", "", `"`, "")

// parseNamed parses a header that holds a request's identifier and nothing else, in the
// spellings that inspect.CopyResponse finds.
func parseNamed(header string) (uuid.UUID, error) {
	digits := spelling.Replace(strings.ToLower(header))
	return uuid.Parse(strings.TrimPrefix(strings.TrimPrefix(digits, "urn:uuid:"), "resp_"))
}

type copyAt struct {
	instance    uuid.UUID
	correlation int64
}

// distinct drops places that several leads found.
func (l located) distinct() (instances []uuid.UUID, correlations []int64) {
	seen := make(map[copyAt]bool, len(l.instances))
	for i, instance := range l.instances {
		at := copyAt{instance, l.correlations[i]}
		if !seen[at] {
			seen[at] = true
			instances, correlations = append(instances, at.instance), append(correlations, at.correlation)
		}
	}
	return instances, correlations
}

// queue looks for the copies of requests and of responses.
func (l located) queue(b *pgx.Batch, ofRequests, ofResponses *[]copyAt) {
	var at dbsqlc.RawRequestsAtParams
	at.InstanceIds, at.CorrelationIds = l.distinct()
	queue(b, (*dbsqlc.Queries).RawRequestsAt, at, func(rows []dbsqlc.RawRequestsAtRow) {
		*ofRequests = nil
		for _, row := range rows {
			*ofRequests = append(*ofRequests, copyAt{row.InstanceID, row.CorrelationID})
		}
	})
	queue(b, (*dbsqlc.Queries).RawResponsesAt, dbsqlc.RawResponsesAtParams(at), func(rows []dbsqlc.RawResponsesAtRow) {
		*ofResponses = nil
		for _, row := range rows {
			*ofResponses = append(*ofResponses, copyAt{row.InstanceID, row.CorrelationID})
		}
	})
}

// queueDeletes removes the copies and adds their numbers.
func (l located) queueDeletes(b *pgx.Batch, rawRequests, rawResponses *int64) {
	at := dbsqlc.DeleteRawRequestsAtParams{InstanceIds: l.instances, CorrelationIds: l.correlations}
	queue(b, (*dbsqlc.Queries).DeleteRawRequestsAt, at, adding(rawRequests))
	queue(b, (*dbsqlc.Queries).DeleteRawResponsesAt, dbsqlc.DeleteRawResponsesAtParams(at), adding(rawResponses))
}

// find counts and locates the copies of these requests and steps. It makes five round
// trips at most.
func (c *Copies) find(ctx context.Context, tx *postgres.Tx, requests, steps []uuid.UUID) (found located, rawRequests, rawResponses int64, err error) {
	l, err := c.locate(ctx, tx, requests, steps)
	if err != nil || len(l.instances) == 0 {
		return found, 0, 0, err
	}
	var ofRequests, ofResponses []copyAt
	err = c.outlet.Use(ctx, func(conn postgres.Conn) error {
		var b pgx.Batch
		l.queue(&b, &ofRequests, &ofResponses)
		return conn.SendBatch(ctx, &b).Close()
	})
	there := make(map[copyAt]bool)
	for _, at := range append(ofRequests, ofResponses...) {
		there[at] = true
	}
	for i, request := range l.requests {
		if instance, correlation := l.instances[i], l.correlations[i]; there[copyAt{instance, correlation}] {
			found.instances, found.correlations = append(found.instances, instance), append(found.correlations, correlation)
			found.requests = append(found.requests, request)
		}
	}
	return found, int64(len(ofRequests)), int64(len(ofResponses)), err
}

// remove deletes the copies of these requests and steps, and reads back that none is
// left. It returns their number and the leads that found them. When it returns, the
// deletion is durable. It makes seven round trips at most, unless new copies arrive
// meanwhile.
func (c *Copies) remove(ctx context.Context, tx *postgres.Tx, requests, steps []uuid.UUID) (rawRequests, rawResponses int64, l located, err error) {
	l, err = c.locate(ctx, tx, requests, steps)
	if err != nil || len(l.instances) == 0 {
		return 0, 0, l, err
	}
	err = c.outlet.Tx(ctx, func(outlet *postgres.Tx) (err error) {
		rawRequests, rawResponses, err = l.remove(ctx, outlet)
		return err
	})
	if err != nil {
		return 0, 0, l, err
	}
	return rawRequests, rawResponses, l, nil
}

// errRehearsed rolls back a rehearsal.
var errRehearsed error = domain.Errorf(domain.CodeInternal, "The rehearsal is rolled back")

// rehearse runs remove and rolls it back.
func (c *Copies) rehearse(ctx context.Context, tx *postgres.Tx, requests, steps []uuid.UUID) (rawRequests, rawResponses int64, err error) {
	l, err := c.locate(ctx, tx, requests, steps)
	if err != nil || len(l.instances) == 0 {
		return 0, 0, err
	}
	err = c.outlet.Tx(ctx, func(outlet *postgres.Tx) (err error) {
		// New holds wait for the transaction that this one belongs to.
		if err = dbsqlc.New(outlet).WaitShortly(ctx); err == nil {
			rawRequests, rawResponses, err = l.remove(ctx, outlet)
		}
		return cmp.Or(err, errRehearsed)
	})
	if errors.Is(err, errRehearsed) {
		err = nil
	}
	return rawRequests, rawResponses, err
}

// remove deletes the copies at these places and reads back that none is left.
func (l located) remove(ctx context.Context, outlet *postgres.Tx) (rawRequests, rawResponses int64, err error) {
	for range deleteRounds {
		var b pgx.Batch
		var ofRequests, ofResponses []copyAt
		queueFixed(&b, (*dbsqlc.Queries).Durably)
		l.queueDeletes(&b, &rawRequests, &rawResponses)
		l.queue(&b, &ofRequests, &ofResponses)
		if err := outlet.SendBatch(ctx, &b).Close(); err != nil {
			return 0, 0, err
		}
		if len(ofRequests)+len(ofResponses) == 0 {
			return rawRequests, rawResponses, nil
		}
	}
	return 0, 0, errStillThere
}
