package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"

	"lethe/domain"
)

var errNoChain = domain.Errorf(domain.CodeNotFound, "no such chain of these owners")

// Steps implements domain.Responses.
func (s *Store) Steps(ctx context.Context, q domain.StepQuery, record *domain.Recording) (domain.StepPart, error) {
	if err := ctx.Err(); err != nil {
		return domain.StepPart{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	steps := s.chainOf(q.ID)
	var covered *domain.Access
	for _, st := range steps {
		if st.Request == nil {
			continue
		}
		if !s.owned(*st.Request, q.Owners) {
			return domain.StepPart{}, errNoChain
		}
		row := s.requests[*st.Request]
		if record.Covers(row.Owner) && (covered == nil || q.ID == st.ID || q.ID == row.ID) {
			l := record.Access
			l.Response, l.Owner = row.ID, row.Owner
			covered = &l
		}
	}
	if q.After != nil {
		steps = steps[1+slices.IndexFunc(steps, func(st domain.Step) bool { return st.ID == *q.After }):]
	}
	part := domain.StepPart{Steps: steps[:min(int64(len(steps)), q.Limit)]}
	if q.Payloads && len(steps) > 0 {
		size := part.Steps[0].Bytes()
		n := 1
		for ; n < len(part.Steps) && size+part.Steps[n].Bytes() <= domain.MaxStepBytes; n++ {
			size += part.Steps[n].Bytes()
		}
		if size > q.Max {
			return domain.StepPart{Left: size}, nil
		}
		part.Steps = part.Steps[:n]
		if covered != nil {
			s.accesses = append(s.accesses, *covered)
		}
	}
	part.More = len(part.Steps) < len(steps)
	if !q.Payloads {
		for i := range part.Steps {
			part.Steps[i].Contents = domain.Contents{}
		}
	}
	return part, nil
}

// Chain implements domain.Responses.
func (s *Store) Chain(ctx context.Context, id uuid.UUID, owners []string) (domain.Chain, error) {
	if err := ctx.Err(); err != nil {
		return domain.Chain{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	alone := domain.Chain{ID: id, Requests: []uuid.UUID{id}}
	steps := s.chainOf(id)
	var chain domain.Chain
	for _, st := range steps {
		if st.Request == nil {
			continue
		}
		if !s.owned(*st.Request, owners) {
			return domain.Chain{}, errNoChain
		}
		chain.ID = steps[0].ID
		chain.Requests = append(chain.Requests, *st.Request)
	}
	if len(chain.Requests) == 0 {
		return alone, nil
	}
	return chain, nil
}

// owned reports whether one of these owners has the request; nil: anyone has, but no batch.
func (s *Store) owned(id uuid.UUID, owners []string) bool {
	row := s.requests[id]
	return !row.Batched && (owners == nil || slices.Contains(owners, row.Owner))
}

// chainOf returns all steps of the chain of a request or step.
func (s *Store) chainOf(id uuid.UUID) []domain.Step {
	head := uuid.Nil
	for stepID, st := range s.steps {
		if stepID == id || st.request == id && id != uuid.Nil {
			head = st.head
		}
	}
	var steps []domain.Step
	for stepID, st := range s.steps {
		if st.head != head || head == uuid.Nil {
			continue
		}
		shown := domain.Step{ID: stepID, Kind: domain.ToolCall, State: "completed", Contents: st.payloads}
		if st.request != uuid.Nil {
			row := s.requests[st.request]
			shown.Kind, shown.Request, shown.Model, shown.HTTPStatus = domain.ModelCall, &row.ID, &row.Model, row.HTTPStatus
		}
		steps = append(steps, shown)
	}
	slices.SortFunc(steps, func(a, b domain.Step) int {
		return cmp.Or(cmp.Compare(s.steps[a.ID].sequence, s.steps[b.ID].sequence), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return steps
}
