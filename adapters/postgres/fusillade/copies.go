package fusillade

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
)

// Copies are raw copies of the gateway's in another database than fusillade's.
type Copies struct {
	outlet, usage *postgres.DB
}

// NewCopies takes the database with the copies, whose search_path leads to them,
// and the primary of the one with usage records, in which public.http_analytics
// says where they are; nil where that is fusillade's.
func NewCopies(outlet, usage *postgres.DB) (*Copies, error) {
	if outlet == nil {
		return nil, errors.New("raw copies need a database")
	}
	return &Copies{outlet, usage}, nil
}

// located is where copies are.
type located struct {
	rows         []dbsqlc.CopiesOfRow
	instances    []uuid.UUID
	correlations []int64
}

// locate asks the transaction where usage records are in its database: another
// connection of the same pool could be long in coming.
func (c *Copies) locate(ctx context.Context, tx *postgres.Tx, requests []uuid.UUID) (l located, err error) {
	read := func(conn postgres.Conn) (err error) {
		l.rows, err = dbsqlc.New(conn).CopiesOf(ctx, requests)
		return err
	}
	switch {
	case len(requests) == 0:
	case c.usage == nil:
		err = read(tx)
	default:
		err = c.usage.Use(ctx, read)
	}
	for _, row := range l.rows {
		l.instances, l.correlations = append(l.instances, row.InstanceID), append(l.correlations, row.CorrelationID)
	}
	return l, err
}

type copyAt struct {
	instance    uuid.UUID
	correlation int64
}

// queue looks for the copies of requests, and of answers.
func (l located) queue(b *pgx.Batch, ofRequests, ofResponses *[]copyAt) {
	for sql, found := range map[string]*[]copyAt{dbsqlc.RawRequestsAt: ofRequests, dbsqlc.RawResponsesAt: ofResponses} {
		b.Queue(sql, l.instances, l.correlations).Query(func(rows pgx.Rows) (err error) {
			*found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (at copyAt, err error) {
				return at, row.Scan(&at.instance, &at.correlation)
			})
			return err
		})
	}
}

// find counts the copies of these requests, and says which of them have any. It
// makes two round trips at most.
func (c *Copies) find(ctx context.Context, tx *postgres.Tx, requests []uuid.UUID) (of []uuid.UUID, rawRequests, rawResponses int64, err error) {
	l, err := c.locate(ctx, tx, requests)
	if err != nil || len(l.rows) == 0 {
		return nil, 0, 0, err
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
	for _, row := range l.rows {
		if there[copyAt{row.InstanceID, row.CorrelationID}] {
			of = append(of, row.RequestID)
		}
	}
	return of, int64(len(ofRequests)), int64(len(ofResponses)), err
}

// remove deletes the copies of these requests, reads back that none is left, and
// returns how many they were. When it returns, it is durable. It makes four
// round trips at most, but for copies that come in between.
func (c *Copies) remove(ctx context.Context, tx *postgres.Tx, requests []uuid.UUID) (rawRequests, rawResponses int64, err error) {
	l, err := c.locate(ctx, tx, requests)
	if err != nil || len(l.rows) == 0 {
		return 0, 0, err
	}
	err = c.outlet.Tx(ctx, func(outlet *postgres.Tx) error {
		rawRequests, rawResponses = 0, 0
		for range deleteRounds {
			var b pgx.Batch
			var ofRequests, ofResponses []copyAt
			b.Queue(dbsqlc.Durably)
			for sql, removed := range map[string]*int64{dbsqlc.DeleteRawRequestsAt: &rawRequests, dbsqlc.DeleteRawResponsesAt: &rawResponses} {
				b.Queue(sql, l.instances, l.correlations).Exec(func(tag pgconn.CommandTag) error {
					*removed += tag.RowsAffected()
					return nil
				})
			}
			l.queue(&b, &ofRequests, &ofResponses)
			if err := outlet.SendBatch(ctx, &b).Close(); err != nil {
				return err
			}
			if len(ofRequests)+len(ofResponses) == 0 {
				return nil
			}
		}
		return errStillThere
	})
	if err != nil {
		return 0, 0, err
	}
	return rawRequests, rawResponses, nil
}
