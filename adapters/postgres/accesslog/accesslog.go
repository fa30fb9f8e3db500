// Package accesslog keeps in Postgres who read other people's responses.
//
// [Log] implements domain.AccessLog and domain.ExportLog on lethe.access_log. The package
// fusillade writes the records of single responses, in the transaction that reads the
// contents.
package accesslog

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/accesslog/internal/dbsqlc"
	"lethe/domain"
)

type Log struct {
	db *postgres.DB
}

var (
	_ domain.AccessLog = (*Log)(nil)
	_ domain.ExportLog = (*Log)(nil)
)

// New makes the port on the primary of fusillade's database.
func New(db *postgres.DB) (*Log, error) {
	if db == nil {
		return nil, errors.New("the access log needs a database")
	}
	return &Log{db}, nil
}

// queue adds a query to a batch, like postgres.Queue.
func queue(b *pgx.Batch, call func(*dbsqlc.Queries) error) {
	postgres.Queue(b, func(db postgres.DBTX) error { return call(dbsqlc.New(db)) })
}

// Page makes one round trip.
func (l *Log) Page(ctx context.Context, q domain.AccessQuery) ([]domain.Access, error) {
	f := q.Filter
	if f.Owner != nil && !domain.Storable(*f.Owner) {
		return nil, ctx.Err() // nobody has that name
	}
	p := dbsqlc.PageParams{
		RequestID: f.Response, Owner: f.Owner, AccessedBy: f.By, From: f.From, To: f.To, Max: q.Limit,
	}
	if q.After != nil {
		p.AfterAt, p.AfterID = &q.After.CreatedAt, &q.After.ID
	}
	var found []domain.Access
	err := l.db.Use(ctx, func(c postgres.Conn) error {
		var b pgx.Batch
		queue(&b, func(q *dbsqlc.Queries) error { return q.PlanForArguments(ctx) })
		queue(&b, func(q *dbsqlc.Queries) error {
			rows, err := q.Page(ctx, p)
			found = make([]domain.Access, len(rows))
			for i, k := range rows {
				found[i] = domain.Access{ID: k.ID, At: k.AccessedAt, By: k.AccessedBy, Owner: k.Owner, Address: k.Address}
				if k.RequestID != nil {
					found[i].Response = *k.RequestID
				} else if err := json.Unmarshal(k.Export, &found[i].Export); err != nil {
					return err
				}
			}
			return err
		})
		return c.SendBatch(ctx, &b).Close()
	})
	return found, err
}

// RecordExport makes one round trip.
func (l *Log) RecordExport(ctx context.Context, a domain.Access) error {
	export, err := json.Marshal(a.Export)
	if err != nil {
		return err
	}
	p := dbsqlc.RecordExportParams{
		ID: a.ID, AccessedAt: a.At, AccessedBy: a.By, Owner: a.Owner, Address: a.Address, Export: string(export),
	}
	return l.db.Tx(ctx, func(tx *postgres.Tx) error {
		var b pgx.Batch
		queue(&b, func(q *dbsqlc.Queries) error { return q.Durably(ctx) })
		queue(&b, func(q *dbsqlc.Queries) error { return q.RecordExport(ctx, p) })
		return tx.SendBatch(ctx, &b).Close()
	})
}

// MaxRemoved is how many records one call of RemoveOld removes at most.
const MaxRemoved = 1000

// lockKey is "lethelok" in ASCII.
const lockKey = 0x6c657468656c6f6b

// RemoveOld removes the oldest records from before an instant, at most MaxRemoved, and
// returns their number. If several processes call it at once, one works and the others
// return 0 at once. Errors are those of domain.AccessLog.
func (l *Log) RemoveOld(ctx context.Context, before time.Time) (n int64, err error) {
	err = l.db.Tx(ctx, func(tx *postgres.Tx) error {
		n = 0
		queries := dbsqlc.New(tx)
		taken, err := queries.TakeTurn(ctx, lockKey)
		if err != nil || !taken {
			return err
		}
		n, err = queries.Forget(ctx, dbsqlc.ForgetParams{Before: before, Max: MaxRemoved})
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
