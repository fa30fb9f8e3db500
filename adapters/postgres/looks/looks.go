// Package looks keeps in Postgres who looked at responses that are not theirs.
package looks

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/looks/internal/dbsqlc"
	"lethe/domain"
)

// Looks are the rows of lethe.looks.
type Looks struct {
	db *postgres.DB
}

var _ domain.Looks = (*Looks)(nil)

// New makes the port on the primary of the database that fusillade is in, whose
// schema is first on its search_path.
func New(db *postgres.DB) (*Looks, error) {
	if db == nil {
		return nil, errors.New("looks need a database")
	}
	return &Looks{db}, nil
}

// Record is domain.Looks'. It makes one round trip, and another where the response
// has been moved.
func (l *Looks) Record(ctx context.Context, look domain.Look) error {
	retained, err := l.record(ctx, dbsqlc.Record, look)
	if retained && domain.CodeOf(err) == domain.CodeNotFound {
		_, err = l.record(ctx, dbsqlc.RecordOfRetained, look)
	}
	return err
}

// record also tells whether finished responses may have been moved.
func (l *Looks) record(ctx context.Context, query string, look domain.Look) (retained bool, err error) {
	err = l.db.Tx(ctx, func(tx *postgres.Tx) error {
		var b pgx.Batch
		b.Queue(dbsqlc.Durably)
		b.Queue(dbsqlc.MayBeRetained).QueryRow(func(row pgx.Row) error { return row.Scan(&retained) })
		b.Queue(query, look.ID, look.At, look.By, look.Owner, look.Address, look.Response).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				return domain.Errorf(domain.CodeNotFound, "There is no response %s", look.Response)
			}
			return nil
		})
		return tx.CommitWith(ctx, &b)
	})
	return retained, err
}

// Page is domain.Looks'. It makes one round trip.
func (l *Looks) Page(ctx context.Context, q domain.LookQuery) ([]domain.Look, error) {
	f := q.Filter
	if f.Owner != nil && !domain.Storable(*f.Owner) {
		return nil, ctx.Err() // nobody is called that
	}
	p := dbsqlc.PageParams{
		RequestID: f.Response, Owner: f.Owner, LookedBy: f.By, From: f.From, To: f.To, Most: q.Limit,
	}
	if q.After != nil {
		p.AfterAt, p.AfterID = &q.After.CreatedAt, &q.After.ID
	}
	var found []domain.Look
	err := l.db.Use(ctx, func(c postgres.Conn) error {
		var b pgx.Batch
		b.Queue(dbsqlc.PlanForArguments)
		b.Queue(dbsqlc.Page, p.RequestID, p.Owner, p.LookedBy, p.From, p.To, p.AfterAt, p.AfterID, p.Most).Query(func(rows pgx.Rows) (err error) {
			found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (domain.Look, error) {
				var k domain.Look
				err := row.Scan(&k.ID, &k.At, &k.By, &k.Response, &k.Owner, &k.Address)
				return k, err
			})
			return err
		})
		return c.SendBatch(ctx, &b).Close()
	})
	return found, err
}

// MaxForgotten is how many records a call of Forget removes at most.
const MaxForgotten = 1000

// lockKey is "lethelok" in ASCII.
const lockKey = 0x6c657468656c6f6b

// Forget removes the oldest records from before an instant, at most
// MaxForgotten; n is how many. Of any number of processes that call it at a
// time one does, and the others return 0 at once. Errors as of domain.Looks.
func (l *Looks) Forget(ctx context.Context, before time.Time) (n int64, err error) {
	err = l.db.Tx(ctx, func(tx *postgres.Tx) error {
		n = 0
		queries := dbsqlc.New(tx)
		taken, err := queries.TakeTurn(ctx, lockKey)
		if err != nil || !taken {
			return err
		}
		n, err = queries.Forget(ctx, dbsqlc.ForgetParams{Before: before, Most: MaxForgotten})
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
