package domain

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// CheckSubjectRequest decides what can be begun for a subject request.
type CheckSubjectRequest struct {
	subjects SubjectRequestReader
	erasures ErasureReader
	files    PersonFileReader
	kept     bool
}

// NewCheckSubjectRequest returns it; kept says whether the service keeps persons' files.
func NewCheckSubjectRequest(subjects SubjectRequestReader, erasures ErasureReader, files PersonFileReader, kept bool) *CheckSubjectRequest {
	return &CheckSubjectRequest{subjects, erasures, files, kept}
}

// work returns what was begun for a request, the newest first.
func (u *CheckSubjectRequest) work(ctx context.Context, id uuid.UUID) ([]Erasure, []PersonFile, error) {
	erasures, err := u.erasures.ForSubject(ctx, id, MaxSubjectWork)
	if err != nil {
		return nil, nil, err
	}
	files, err := u.files.ForSubject(ctx, id, MaxSubjectWork)
	return erasures, files, err
}

// begin returns the request, if something can be begun for it about this owner; done is
// what is refused otherwise, in words.
func (u *CheckSubjectRequest) begin(ctx context.Context, caller Principal, id uuid.UUID, owner *uuid.UUID, done string) (SubjectRequest, error) {
	if !caller.mayAnswer() {
		return SubjectRequest{}, errNoSubjectRequest(id)
	}
	r, err := u.subjects.Get(ctx, id)
	r, err = foundSubject(id, r, err)
	switch {
	case err != nil:
		return SubjectRequest{}, err
	case !r.Open():
		return SubjectRequest{}, ErrSubjectEnded(r.State)
	case r.IdentityCheckedAt == nil:
		return SubjectRequest{}, Errorf(CodeConflict, "The identity of this subject request has not been checked; nothing was %s: record the check first", done)
	case owner == nil || *owner != *r.Owner:
		return SubjectRequest{}, errParameter("subject_request", "subject_request: is about somebody else; name the same owner")
	}
	return r, nil
}

// erasure refuses an erasure that its request, if it has one, does not ask for.
func (u *CheckSubjectRequest) erasure(ctx context.Context, caller Principal, id *uuid.UUID, t ErasureTarget) error {
	if id == nil {
		return nil
	}
	r, err := u.begin(ctx, caller, *id, t.Owner, "erased")
	switch {
	case err != nil:
		return err
	case !r.asksErasure():
		return Errorf(CodeConflict, "This subject request does not ask for an erasure; nothing was erased")
	}
	if !u.kept || !r.asksAccess() {
		return nil
	}
	files, err := u.files.ForSubject(ctx, *id, MaxSubjectWork)
	if err == nil && !slices.ContainsFunc(files, PersonFile.Made) {
		return Errorf(CodeConflict, "This subject request asks for access, too; nothing was erased: make the person's file first, as the erasure removes it, and hand it over")
	}
	return err
}

// file refuses a person's file that its request, if it has one, does not ask for.
func (u *CheckSubjectRequest) file(ctx context.Context, caller Principal, id *uuid.UUID, owner uuid.UUID) error {
	if id == nil {
		return nil
	}
	r, err := u.begin(ctx, caller, *id, &owner, "requested")
	switch {
	case err != nil:
		return err
	case !r.asksAccess():
		return Errorf(CodeConflict, "This subject request does not ask for access; no file was requested")
	}
	return nil
}
