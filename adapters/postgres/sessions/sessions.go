// Package sessions keeps in Postgres which of Lethe's own sessions were ended before
// their time.
//
// [Sessions] implements domain.Sessions on lethe.ended_sessions.
package sessions

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/sessions/internal/dbsqlc"
	"lethe/domain"
)

type Sessions struct {
	db *postgres.DB
}

var _ domain.Sessions = (*Sessions)(nil)

// New makes the port on the primary of the database with schema lethe.
func New(db *postgres.DB) (*Sessions, error) {
	if db == nil {
		return nil, errors.New("ended sessions need a database")
	}
	return &Sessions{db}, nil
}

// maxRemoved is how many expired rows End removes at most: more than it adds.
const maxRemoved = 100

// End also removes rows that have expired.
func (s *Sessions) End(ctx context.Context, id, by uuid.UUID, until time.Time) error {
	ended := false
	err := s.db.Use(ctx, func(c postgres.Conn) (err error) {
		q := dbsqlc.New(c)
		if err := q.RemoveExpiredSessions(ctx, maxRemoved); err != nil {
			return err
		}
		ended, err = q.EndSession(ctx, dbsqlc.EndSessionParams{ID: id, EndedBy: by, ExpiresAt: until, Max: domain.MaxEndedSessions})
		return err
	})
	if err == nil && !ended {
		return domain.ErrEndedSessions
	}
	return err
}

func (s *Sessions) Ended(ctx context.Context, id uuid.UUID) (ended bool, err error) {
	err = s.db.Use(ctx, func(c postgres.Conn) (err error) {
		ended, err = dbsqlc.New(c).Ended(ctx, id)
		return err
	})
	return ended && err == nil, err
}
