// Package accesslog keeps in Postgres who read responses that are not theirs.
package accesslog

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/accesslog/internal/dbsqlc"
	"lethe/domain"
)

// Log is the rows of lethe.access_log.
type Log struct {
	db *postgres.DB
}

var _ domain.AccessLog = (*Log)(nil)

// New makes the port on the primary of the database that fusillade is in, whose
// schema is first on its search_path.
func New(db *postgres.DB) (*Log, error) {
	if db == nil {
		return nil, errors.New("the access log needs a database")
	}
	return &Log{db}, nil
}

// Record is domain.AccessLog'. It makes one round trip, and another where the response
// has been moved.
func (l *Log) Record(ctx context.Context, access domain.Access) error {
	retained, err := l.record(ctx, dbsqlc.Record, access)
	if retained && domain.CodeOf(err) == domain.CodeNotFound {
		_, err = l.record(ctx, dbsqlc.RecordOfRetained, access)
	}
	return err
}

// record also tells whether finished responses may have been moved.
func (l *Log) record(ctx context.Context, query string, access domain.Access) (retained bool, err error) {
	err = l.db.Tx(ctx, func(tx *postgres.Tx) error {
		var b pgx.Batch
		b.Queue(dbsqlc.Durably)
		b.Queue(dbsqlc.MayBeRetained).QueryRow(func(row pgx.Row) error { return row.Scan(&retained) })
		b.Queue(query, access.ID, access.At, access.By, access.Owner, access.Address, access.Response).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				return domain.Errorf(domain.CodeNotFound, "There is no response %s", access.Response)
			}
			return nil
		})
		return tx.CommitWith(ctx, &b)
	})
	return retained, err
}

// Page is domain.AccessLog'. It makes one round trip.
func (l *Log) Page(ctx context.Context, q domain.AccessQuery) ([]domain.Access, error) {
	f := q.Filter
	if f.Owner != nil && !domain.Storable(*f.Owner) {
		return nil, ctx.Err() // nobody is called that
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
		b.Queue(dbsqlc.PlanForArguments)
		b.Queue(dbsqlc.Page, p.RequestID, p.Owner, p.AccessedBy, p.From, p.To, p.AfterAt, p.AfterID, p.Max).Query(func(rows pgx.Rows) (err error) {
			found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (domain.Access, error) {
				var k domain.Access
				err := row.Scan(&k.ID, &k.At, &k.By, &k.Response, &k.Owner, &k.Address)
				return k, err
			})
			return err
		})
		return c.SendBatch(ctx, &b).Close()
	})
	return found, err
}

// MaxRemoved is how many records a call of Forget removes at most.
const MaxRemoved = 1000

// lockKey is "lethelok" in ASCII.
const lockKey = 0x6c657468656c6f6b

// RemoveOld removes the oldest records from before an instant, at most
// MaxRemoved; n is how many. Of any number of processes that call it at a
// time one does, and the others return 0 at once. Errors as of domain.AccessLog.
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
