package memory

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// Sessions implements domain.Sessions. It never forgets one.
type Sessions struct {
	mu    sync.Mutex
	ended map[uuid.UUID]endedSession
}

type endedSession struct {
	by    uuid.UUID
	until time.Time
}

var _ domain.Sessions = (*Sessions)(nil)

// NewSessions makes an empty port.
func NewSessions() *Sessions { return &Sessions{ended: make(map[uuid.UUID]endedSession)} }

func (s *Sessions) End(ctx context.Context, id, by uuid.UUID, until time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, again := s.ended[id]; again {
		return nil
	}
	stored := 0
	for _, other := range s.ended {
		if other.by == by && other.until.After(time.Now()) {
			stored++
		}
	}
	if int64(stored) >= domain.MaxEndedSessions {
		return domain.ErrEndedSessions
	}
	s.ended[id] = endedSession{by, until}
	return nil
}

func (s *Sessions) Ended(ctx context.Context, id uuid.UUID) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ended := s.ended[id]
	return ended, nil
}
