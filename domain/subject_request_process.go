package domain

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// ProcessSubjectRequest takes a request from its receipt to its answer. Each method
// returns the request as it is then, without erasures, files and duplicates. CodeForbidden for
// everyone but administrators and platform managers, CodeNotFound if there is none,
// CodeConflict if it has ended already.
type ProcessSubjectRequest struct {
	subjects SubjectRequests
	check    *CheckSubjectRequest
	now      func() time.Time
}

// NewProcessSubjectRequest returns the use cases; now is the clock.
func NewProcessSubjectRequest(subjects SubjectRequests, check *CheckSubjectRequest, now func() time.Time) *ProcessSubjectRequest {
	return &ProcessSubjectRequest{subjects, check, now}
}

// CheckIdentity records that the caller made sure who is asking; a check stays as it
// was.
func (u *ProcessSubjectRequest) CheckIdentity(ctx context.Context, caller Principal, id uuid.UUID) (SubjectRequest, error) {
	return u.change(ctx, caller, id, "Change", func(r *SubjectRequest, _ SubjectWork, now time.Time) error {
		if r.IdentityCheckedAt == nil {
			r.IdentityCheckedAt, r.IdentityCheckedBy, r.State = &now, &caller.ID, SubjectInProgress
		}
		return nil
	})
}

// Extend gives two more months for the answer. CodeInvalid if the reason is unknown;
// CodeConflict if it was extended before, or is overdue.
func (u *ProcessSubjectRequest) Extend(ctx context.Context, caller Principal, id uuid.UUID, why ExtensionReason) (SubjectRequest, error) {
	return u.change(ctx, caller, id, "Change", func(r *SubjectRequest, _ SubjectWork, now time.Time) error {
		switch {
		case !slices.Contains(extensionReasons, why):
			return errWord("reason", extensionReasons)
		case r.ExtendedAt != nil:
			return Errorf(CodeConflict, "The time for this subject request was extended before, which is possible once")
		case now.After(r.DueAt):
			return Errorf(CodeConflict, "The answer to this subject request is overdue, so its time cannot be extended any more")
		}
		r.ExtendedAt, r.ExtendedBy, r.Extension = &now, &caller.ID, why
		r.DueAt = monthsAfter(r.ReceivedAt, answerWithin+extendedBy)
		return nil
	})
}

// Answer ends the request. CodeConflict, with what is missing, as long as something is.
func (u *ProcessSubjectRequest) Answer(ctx context.Context, caller Principal, id uuid.UUID) (SubjectRequest, error) {
	return u.end(ctx, caller, id, "Answer", SubjectAnswered, noRefusal, func(r SubjectRequest, w SubjectWork) error {
		if missing := r.missing(w, u.check.kept); missing != "" {
			return Errorf(CodeConflict, "This subject request cannot be answered yet: %s", missing)
		}
		return nil
	})
}

// Refuse ends the request without doing what it asks for. CodeInvalid if the reason is
// unknown; CodeConflict if an erasure of it is unfinished.
func (u *ProcessSubjectRequest) Refuse(ctx context.Context, caller Principal, id uuid.UUID, why SubjectRefusalReason) (SubjectRequest, error) {
	return u.end(ctx, caller, id, "Refuse", SubjectRefused, why, func(_ SubjectRequest, w SubjectWork) error {
		switch {
		case !slices.Contains(subjectRefusals, why):
			return errWord("reason", subjectRefusals)
		case w.unfinished():
			return Errorf(CodeConflict, "An erasure of this subject request is unfinished: wait for it, or cancel it")
		}
		return nil
	})
}

func (u *ProcessSubjectRequest) end(ctx context.Context, caller Principal, id uuid.UUID, operation string, state SubjectRequestState, why SubjectRefusalReason, allow func(SubjectRequest, SubjectWork) error) (SubjectRequest, error) {
	return u.change(ctx, caller, id, operation, func(r *SubjectRequest, w SubjectWork, now time.Time) error {
		r.State, r.EndedAt, r.EndedBy, r.Refusal = state, &now, &caller.ID, why
		return allow(*r, w)
	})
}

func (u *ProcessSubjectRequest) change(ctx context.Context, caller Principal, id uuid.UUID, operation string, change func(*SubjectRequest, SubjectWork, time.Time) error) (SubjectRequest, error) {
	if !caller.mayAnswer() {
		return SubjectRequest{}, errSubjectForbidden(operation)
	}
	now := ToMicroseconds(u.now())
	r, err := u.subjects.Change(ctx, id, func(r SubjectRequest, w SubjectWork) (SubjectRequest, error) {
		if !r.Open() {
			return SubjectRequest{}, ErrSubjectEnded(r.State)
		}
		err := change(&r, w, now)
		return r, err
	})
	return foundSubject(id, r, err)
}
