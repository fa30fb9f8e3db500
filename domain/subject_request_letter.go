package domain

import (
	"context"

	"github.com/google/uuid"
)

// Letter is what the answer to a request says.
type Letter struct {
	SubjectRequest         // without Erasures and Duplicates
	Email          *string // of the person; nil: unknown
	Erasures       []LetterErasure
}

// LetterErasure is an erasure with its receipts, the newest first, at most
// MaxLetterReceipts.
type LetterErasure struct {
	Erasure
	Receipts []ErasureReceipt
}

// MaxLetterReceipts is the maximum number of receipts of an erasure that a letter names.
const MaxLetterReceipts = 100

// GetSubjectLetter fetches the answer to a request.
type GetSubjectLetter struct {
	subjects SubjectRequestReader
	erasures ErasureReader
	people   People
}

// NewGetSubjectLetter returns the use case.
func NewGetSubjectLetter(subjects SubjectRequestReader, erasures ErasureReader, people People) *GetSubjectLetter {
	return &GetSubjectLetter{subjects, erasures, people}
}

// Execute returns the letter, with the erasures that have finished. CodeForbidden and
// CodeNotFound as in GetSubjectRequest; CodeConflict while the request is open, and once
// its person is forgotten.
func (u *GetSubjectLetter) Execute(ctx context.Context, caller Principal, id uuid.UUID) (Letter, error) {
	if !caller.mayAnswer() {
		return Letter{}, errSubjectForbidden("Read")
	}
	r, err := u.subjects.Get(ctx, id)
	r, err = foundSubject(id, r, err)
	switch {
	case err != nil:
		return Letter{}, err
	case r.Open():
		return Letter{}, Errorf(CodeConflict, "This subject request has no letter yet: answer or refuse it first")
	case r.Owner == nil:
		return Letter{}, Errorf(CodeConflict, "The person of this subject request has been forgotten, so it has no letter any more")
	}
	emails, err := u.people.Emails(ctx, []uuid.UUID{*r.Owner})
	if err != nil {
		return Letter{}, err
	}
	l := Letter{SubjectRequest: r}
	if email, known := emails[*r.Owner]; known {
		l.Email = &email
	}
	erasures, err := u.erasures.ForSubject(ctx, id, MaxSubjectWork)
	for _, e := range erasures {
		if e.State != ErasureFinished {
			continue
		}
		receipts, err := u.erasures.Receipts(ctx, ErasureReceiptQuery{Erasure: e.ID, Limit: MaxLetterReceipts})
		if err != nil {
			return Letter{}, err
		}
		l.Erasures = append(l.Erasures, LetterErasure{e, receipts})
	}
	return l, err
}
