// Package events keeps in Postgres what a webhook is told of.
//
// [Events] implements domain.Events on lethe.events. Triggers fill that table, in the
// transactions in which something happens.
package events

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/events/internal/dbsqlc"
	"lethe/domain"
)

type Events struct {
	db *postgres.DB
}

var _ domain.Events = (*Events)(nil)

// New makes the port on the primary of the database with schema lethe.
func New(db *postgres.DB) (*Events, error) {
	if db == nil {
		return nil, errors.New("events need a database")
	}
	return &Events{db}, nil
}

// Claim makes one round trip, as do the others.
func (s *Events) Claim(ctx context.Context, now, againAt time.Time) (e domain.Event, err error) {
	err = s.use(ctx, func(q *dbsqlc.Queries) error {
		row, err := q.ClaimEvent(ctx, dbsqlc.ClaimEventParams{Now: now, AgainAt: againAt})
		e = domain.Event{ID: row.ID, Type: row.Type, At: row.At, Data: row.Data, Attempts: row.Attempts}
		return err
	})
	if err != nil {
		return domain.Event{}, err
	}
	return e, nil
}

func (s *Events) Retry(ctx context.Context, id uuid.UUID, at time.Time) error {
	return s.use(ctx, func(q *dbsqlc.Queries) error { return q.RetryEvent(ctx, dbsqlc.RetryEventParams{ID: id, DueAt: at}) })
}

func (s *Events) End(ctx context.Context, id uuid.UUID, at time.Time, delivered bool) error {
	return s.use(ctx, func(q *dbsqlc.Queries) error {
		return q.EndEvent(ctx, dbsqlc.EndEventParams{ID: id, At: at, Delivered: delivered})
	})
}

func (s *Events) Waiting(ctx context.Context) (w domain.EventsWaiting, err error) {
	err = s.use(ctx, func(q *dbsqlc.Queries) error {
		row, err := q.WaitingEvents(ctx)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		w = domain.EventsWaiting{Count: row.Waiting, Oldest: &row.Oldest}
		return err
	})
	if err != nil {
		return domain.EventsWaiting{}, err
	}
	return w, nil
}

func (s *Events) Remove(ctx context.Context, before time.Time) (removed int64, err error) {
	err = s.use(ctx, func(q *dbsqlc.Queries) (err error) {
		removed, err = q.RemoveEvents(ctx, before)
		return err
	})
	return removed, err
}

func (s *Events) use(ctx context.Context, ask func(*dbsqlc.Queries) error) error {
	return s.db.Use(ctx, func(c postgres.Conn) error { return ask(dbsqlc.New(c)) })
}
