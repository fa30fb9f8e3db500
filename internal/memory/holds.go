package memory

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// Holds implements domain.Holds on a store.
type Holds struct {
	store *Store
}

var _ domain.Holds = Holds{}

// Holds are those that keep the store's responses.
func (s *Store) Holds() Holds { return Holds{s} }

// active tells whether a hold is at present.
func active(h domain.Hold) bool {
	return h.ReleasedAt == nil && (h.ExpiresAt == nil || h.ExpiresAt.After(time.Now()))
}

// shown is a hold as it is at present.
func shown(h domain.Hold) domain.Hold {
	h.Active = active(h)
	return h
}

// holdsOn are the active holds on any of these requests.
func (s *Store) holdsOn(requests []uuid.UUID) []domain.Hold {
	var found []domain.Hold
	for _, h := range s.holds {
		covers := func(id uuid.UUID) bool {
			row := s.requests[id].Response
			row.ID = id
			return h.Covers(row)
		}
		if active(h) && slices.ContainsFunc(requests, covers) && len(found) < domain.MaxHoldsFound {
			found = append(found, shown(h))
		}
	}
	return found
}

func (h Holds) Place(ctx context.Context, hold domain.Hold) (domain.Hold, error) {
	if err := ctx.Err(); err != nil {
		return domain.Hold{}, err
	}
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	hold.CreatedAt = domain.ToMicroseconds(time.Now())
	h.store.holds = append(h.store.holds, hold)
	return shown(hold), nil
}

func (h Holds) Page(ctx context.Context, q domain.HoldQuery) ([]domain.Hold, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	var found []domain.Hold
	for _, hold := range h.store.holds {
		if (q.Active == nil || *q.Active == active(hold)) && (q.After == nil || hold.Position().Compare(*q.After) > 0) {
			found = append(found, shown(hold))
		}
	}
	slices.SortFunc(found, func(a, b domain.Hold) int { return a.Position().Compare(b.Position()) })
	return found[:min(q.Limit, int64(len(found)))], nil
}

func (h Holds) Get(ctx context.Context, id uuid.UUID) (domain.Hold, error) {
	return h.change(ctx, id, func(*domain.Hold) {})
}

func (h Holds) Release(ctx context.Context, id, by uuid.UUID) (domain.Hold, error) {
	return h.change(ctx, id, func(hold *domain.Hold) {
		if hold.ReleasedAt == nil {
			now := domain.ToMicroseconds(time.Now())
			hold.ReleasedAt, hold.ReleasedBy = &now, &by
		}
	})
}

func (h Holds) change(ctx context.Context, id uuid.UUID, change func(*domain.Hold)) (domain.Hold, error) {
	if err := ctx.Err(); err != nil {
		return domain.Hold{}, err
	}
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	for i := range h.store.holds {
		if hold := &h.store.holds[i]; hold.ID == id {
			change(hold)
			return shown(*hold), nil
		}
	}
	return domain.Hold{}, domain.Errorf(domain.CodeNotFound, "no such hold")
}
