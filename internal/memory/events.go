package memory

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// Events implements domain.Events.
type Events struct {
	mu   sync.Mutex
	rows []eventRow
}

type eventRow struct {
	domain.Event
	due   time.Time
	ended *time.Time
}

var _ domain.Events = (*Events)(nil)

// Add stores an event that is due at once.
func (s *Events) Add(e domain.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, eventRow{Event: e, due: e.At})
}

func (s *Events) Claim(ctx context.Context, now, againAt time.Time) (domain.Event, error) {
	if err := ctx.Err(); err != nil {
		return domain.Event{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var next *eventRow
	for i := range s.rows {
		if r := &s.rows[i]; r.ended == nil && !r.due.After(now) && (next == nil || r.due.Before(next.due)) {
			next = r
		}
	}
	if next == nil {
		return domain.Event{}, domain.Errorf(domain.CodeNotFound, "no event is due")
	}
	next.due = againAt
	next.Attempts++
	return next.Event, nil
}

func (s *Events) Retry(ctx context.Context, id uuid.UUID, at time.Time) error {
	return s.change(ctx, id, func(r *eventRow) { r.due = at })
}

func (s *Events) End(ctx context.Context, id uuid.UUID, at time.Time, _ bool) error {
	return s.change(ctx, id, func(r *eventRow) { r.ended = &at })
}

func (s *Events) change(ctx context.Context, id uuid.UUID, change func(*eventRow)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.rows {
		if s.rows[i].ID == id {
			change(&s.rows[i])
		}
	}
	return nil
}

func (s *Events) Waiting(ctx context.Context) (w domain.EventsWaiting, err error) {
	if err := ctx.Err(); err != nil {
		return w, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		if r.ended != nil {
			continue
		}
		if w.Count++; w.Oldest == nil || r.At.Before(*w.Oldest) {
			w.Oldest = new(r.At)
		}
	}
	return w, nil
}

func (s *Events) Remove(ctx context.Context, before time.Time) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	had := len(s.rows)
	s.rows = slices.DeleteFunc(s.rows, func(r eventRow) bool {
		last := r.At
		if r.ended != nil {
			last = *r.ended
		}
		return last.Before(before)
	})
	return int64(had - len(s.rows)), nil
}
