package memory

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// SubjectRequests implements domain.SubjectRequests on a store.
type SubjectRequests struct {
	store *Store
}

var _ domain.SubjectRequests = SubjectRequests{}

// SubjectRequests are those kept beside the store's erasures.
func (s *Store) SubjectRequests() SubjectRequests { return SubjectRequests{s} }

func (s SubjectRequests) Create(ctx context.Context, r domain.SubjectRequest) (domain.SubjectRequest, error) {
	if err := ctx.Err(); err != nil {
		return domain.SubjectRequest{}, err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.subjects = append(s.store.subjects, r)
	return r, nil
}

func (s SubjectRequests) Get(ctx context.Context, id uuid.UUID) (domain.SubjectRequest, error) {
	return s.Change(ctx, id, func(r domain.SubjectRequest, _ domain.SubjectWork) (domain.SubjectRequest, error) { return r, nil })
}

func (s SubjectRequests) Page(ctx context.Context, q domain.SubjectRequestQuery) ([]domain.SubjectRequest, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	var found []domain.SubjectRequest
	for _, r := range s.store.subjects {
		if (q.Open == nil || *q.Open == r.Open()) && (q.Owner == nil || r.Owner != nil && *q.Owner == *r.Owner) &&
			(q.After == nil || r.Position().Compare(*q.After) > 0) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b domain.SubjectRequest) int { return a.Position().Compare(b.Position()) })
	return found[:min(q.Limit, int64(len(found)))], nil
}

func (s SubjectRequests) Change(ctx context.Context, id uuid.UUID, change func(domain.SubjectRequest, domain.SubjectWork) (domain.SubjectRequest, error)) (domain.SubjectRequest, error) {
	if err := ctx.Err(); err != nil {
		return domain.SubjectRequest{}, err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for i, r := range s.store.subjects {
		if r.ID != id {
			continue
		}
		r, err := change(r, s.store.workFor(id))
		if err != nil {
			return domain.SubjectRequest{}, err
		}
		s.store.subjects[i] = r
		return r, nil
	}
	return domain.SubjectRequest{}, errNoSubject
}

func (s *Store) workFor(request uuid.UUID) (w domain.SubjectWork) {
	for _, e := range s.erasures {
		if e.SubjectRequest != nil && *e.SubjectRequest == request && !slices.Contains(w.Erasures, e.State) {
			w.Erasures = append(w.Erasures, e.State)
		}
	}
	for _, f := range s.personFiles {
		if f.SubjectRequest != nil && *f.SubjectRequest == request && f.Made() {
			w.FileMade = true
		}
	}
	return w
}

// aboutSomebody reports whether there is such a request whose person is not forgotten.
func (s *Store) aboutSomebody(request *uuid.UUID) bool {
	return request != nil && slices.ContainsFunc(s.subjects, func(r domain.SubjectRequest) bool { return r.ID == *request && r.Owner != nil })
}

// checkOpen returns an error unless something can be begun for the request; nil: for none.
func (s *Store) checkOpen(request *uuid.UUID) error {
	if request == nil {
		return nil
	}
	for _, r := range s.subjects {
		switch {
		case r.ID == *request && !r.Open():
			return domain.ErrSubjectEnded(r.State)
		case r.ID == *request:
			return nil
		}
	}
	return errNoSubject
}

var errNoSubject = domain.Errorf(domain.CodeNotFound, "no such subject request")

func (s SubjectRequests) Forget(ctx context.Context, before time.Time) (forgotten int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for i := range s.store.subjects {
		if r := &s.store.subjects[i]; !r.Open() && r.EndedAt.Before(before) && r.Owner != nil {
			r.Owner, r.Ticket, r.CreatedBy, r.IdentityCheckedBy, r.ExtendedBy, r.EndedBy = nil, "", nil, nil, nil, nil
			forgotten++
			for id, f := range s.store.personFiles {
				if f.SubjectRequest != nil && *f.SubjectRequest == r.ID && f.removed {
					delete(s.store.personFiles, id)
				}
			}
		}
	}
	return forgotten, nil
}

func (s SubjectRequests) Waiting(ctx context.Context, now time.Time) (w domain.SubjectRequestStatus, err error) {
	if err := ctx.Err(); err != nil {
		return domain.SubjectRequestStatus{}, err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for _, r := range s.store.subjects {
		if !r.Open() {
			continue
		}
		w.Open++
		if r.DueAt.Before(now) {
			w.Overdue++
		}
		if w.NextDue == nil || r.DueAt.Before(*w.NextDue) {
			w.NextDue = new(r.DueAt)
		}
	}
	return w, nil
}
