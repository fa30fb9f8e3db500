package domain

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// NewSubject is what a caller wants to record.
type NewSubject struct {
	Kind       SubjectRequestKind
	Owner      uuid.UUID
	ReceivedAt *time.Time // nil: now
	Ticket     string
}

// OpenSubjectRequest records what a person asks for.
type OpenSubjectRequest struct {
	subjects SubjectRequests
	now      func() time.Time
}

// NewOpenSubjectRequest returns the use case; now is the clock.
func NewOpenSubjectRequest(subjects SubjectRequests, now func() time.Time) *OpenSubjectRequest {
	return &OpenSubjectRequest{subjects, now}
}

// Execute records the request and returns it; the answer is due a month after it was
// received. The owner need not exist any more. CodeForbidden for everyone but
// administrators and platform managers; CodeInvalid if the kind is unknown, the time is
// in the future or more than a year ago, or the ticket is longer than MaxTicket.
func (u *OpenSubjectRequest) Execute(ctx context.Context, caller Principal, n NewSubject) (SubjectRequest, error) {
	now := ToMicroseconds(u.now())
	r := SubjectRequest{
		ID: uuid.New(), Kind: n.Kind, Owner: &n.Owner, Ticket: n.Ticket, State: SubjectReceived,
		ReceivedAt: now, CreatedAt: now, CreatedBy: &caller.ID,
	}
	if n.ReceivedAt != nil {
		r.ReceivedAt = ToMicroseconds(*n.ReceivedAt)
	}
	switch {
	case !caller.mayAnswer():
		return SubjectRequest{}, errSubjectForbidden("Open")
	case !slices.Contains(subjectKinds, n.Kind):
		return SubjectRequest{}, errWord("kind", subjectKinds)
	case r.ReceivedAt.After(now) || r.ReceivedAt.Before(now.AddDate(-1, 0, 0)):
		return SubjectRequest{}, errParameter("received_at", "received_at: must be within the last year")
	}
	if err := checkTicket(n.Ticket); err != nil {
		return SubjectRequest{}, err
	}
	r.DueAt = monthsAfter(r.ReceivedAt, answerWithin)
	return u.subjects.Create(ctx, r)
}
