package domain

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// GetSubjectRequest fetches one request.
type GetSubjectRequest struct {
	subjects SubjectRequestReader
	check    *CheckSubjectRequest
	now      func() time.Time
}

// NewGetSubjectRequest returns the use case; now is the clock.
func NewGetSubjectRequest(subjects SubjectRequestReader, check *CheckSubjectRequest, now func() time.Time) *GetSubjectRequest {
	return &GetSubjectRequest{subjects, check, now}
}

// Execute returns the request with its erasures, files and duplicates. CodeForbidden for
// everyone but administrators and platform managers, CodeNotFound if there is none.
func (u *GetSubjectRequest) Execute(ctx context.Context, caller Principal, id uuid.UUID) (SubjectRequest, error) {
	if !caller.mayAnswer() {
		return SubjectRequest{}, errSubjectForbidden("Read")
	}
	r, err := u.subjects.Get(ctx, id)
	if r, err = foundSubject(id, r, err); err != nil {
		return SubjectRequest{}, err
	}
	if r.Erasures, r.Files, err = u.check.work(ctx, id); err != nil {
		return SubjectRequest{}, err
	}
	for i := range r.Erasures {
		r.Erasures[i] = r.Erasures[i].shownTo(caller)
	}
	r.Duplicates, err = u.duplicates(ctx, r)
	return r, err
}

func (u *GetSubjectRequest) duplicates(ctx context.Context, r SubjectRequest) (found []uuid.UUID, err error) {
	if r.Owner == nil {
		return nil, nil
	}
	since := u.now().AddDate(-1, 0, 0)
	others, err := u.subjects.Page(ctx, SubjectRequestQuery{Owner: r.Owner, Limit: maxDuplicates + 1})
	for _, o := range others {
		if o.ID != r.ID && (o.Open() || o.ReceivedAt.After(since)) {
			found = append(found, o.ID)
		}
	}
	return found, err
}

// SubjectRequestListRequest is a caller's request for the list.
type SubjectRequestListRequest struct {
	Open  *bool      // nil: all
	Owner *uuid.UUID // nil: anyone's
	After *Cursor    // end of an earlier page of the same list
	Limit *int64     // clamped to 1 to MaxLimit; nil: DefaultLimit
}

// ListSubjectRequests lists requests.
type ListSubjectRequests struct{ subjects SubjectRequestReader }

// NewListSubjectRequests returns the use case.
func NewListSubjectRequests(subjects SubjectRequestReader) *ListSubjectRequests {
	return &ListSubjectRequests{subjects}
}

// Execute returns a page, newest first. CodeForbidden as in GetSubjectRequest;
// CodeInvalid if After belongs to another list.
func (u *ListSubjectRequests) Execute(ctx context.Context, caller Principal, r SubjectRequestListRequest) (Page[SubjectRequest], error) {
	if !caller.mayAnswer() {
		return Page[SubjectRequest]{}, errSubjectForbidden("Read")
	}
	return pageOf(fingerprintOf(struct {
		OpenSubjects *bool
		Owner        *uuid.UUID
	}{r.Open, r.Owner}), r.After, r.Limit,
		func(after *Position, limit int64) ([]SubjectRequest, error) {
			return u.subjects.Page(ctx, SubjectRequestQuery{Open: r.Open, Owner: r.Owner, After: after, Limit: limit})
		}, SubjectRequest.Position)
}
