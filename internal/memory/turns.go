package memory

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

var errTooManyTurns = domain.Errorf(domain.CodeRefused, "too many later turns")

// laterTurns are the responses of the same owner that follow one, and those that
// follow them, none created after until: a request of each.
func (s *Store) laterTurns(id uuid.UUID, until *time.Time) []uuid.UUID {
	return s.turnsOf(s.followers(), id, until)
}

// followers are the requests whose prompts say that they follow something, by
// that.
func (s *Store) followers() map[uuid.UUID][]uuid.UUID {
	followers := make(map[uuid.UUID][]uuid.UUID)
	for id, row := range s.requests {
		if followed := s.followedBy(id); followed != uuid.Nil && !row.Batched {
			followers[followed] = append(followers[followed], id)
		}
	}
	return followers
}

func (s *Store) turnsOf(followers map[uuid.UUID][]uuid.UUID, id uuid.UUID, until *time.Time) (later []uuid.UUID) {
	if len(followers) == 0 {
		return nil
	}
	seen := map[uuid.UUID]bool{s.headOf(id): true}
	for front := []uuid.UUID{id}; len(front) > 0; front = front[1:] {
		requests, steps := s.parts(front[0])
		for _, part := range slices.Concat(requests, steps) {
			for _, turn := range followers[part] {
				row, head := s.requests[turn], s.headOf(turn)
				owned := slices.ContainsFunc(requests, func(id uuid.UUID) bool { return s.requests[id].Owner == row.Owner })
				if !seen[head] && owned && (until == nil || !row.CreatedAt.After(*until)) {
					seen[head] = true
					front, later = append(front, turn), append(later, turn)
				}
			}
		}
	}
	slices.SortFunc(later, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return later
}

// headOf stands for all that hangs together with a request.
func (s *Store) headOf(id uuid.UUID) uuid.UUID {
	requests, _ := s.parts(id)
	return slices.MinFunc(requests, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
}

// followedBy is what a request's prompt says that it follows.
func (s *Store) followedBy(id uuid.UUID) uuid.UUID {
	var body struct {
		Previous string `json:"previous_response_id"`
	}
	if json.Unmarshal([]byte(s.templates[s.prompts[id]].prompt), &body) != nil {
		return uuid.Nil
	}
	followed, err := domain.ParseID(strings.TrimPrefix(body.Previous, "resp_"))
	if err != nil {
		return uuid.Nil
	}
	return followed
}

// untilOf is until when the later turns of a target were created that go along.
func untilOf(t domain.ErasureTarget, asOf time.Time) *time.Time {
	if t.Filter == nil {
		return t.Until
	}
	return &asOf
}
