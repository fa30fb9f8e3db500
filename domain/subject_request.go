package domain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// SubjectRequest is what a person asks about their own data: to see it or to have it
// erased (GDPR articles 15 and 17).
type SubjectRequest struct {
	ID     uuid.UUID
	Kind   SubjectRequestKind
	Owner  *uuid.UUID // nil: forgotten, and so are Ticket and whoever worked on it
	Ticket string     // the caller's own reference
	State  SubjectRequestState

	ReceivedAt time.Time
	DueAt      time.Time // when the answer is due
	CreatedAt  time.Time
	CreatedBy  *uuid.UUID

	IdentityCheckedAt *time.Time // nil: not yet
	IdentityCheckedBy *uuid.UUID
	ExtendedAt        *time.Time // nil: not extended
	ExtendedBy        *uuid.UUID
	Extension         ExtensionReason // empty: not extended
	EndedAt           *time.Time      // nil: open
	EndedBy           *uuid.UUID
	Refusal           SubjectRefusalReason // empty: not refused

	// Erasures and Files are those of this request, the newest first, at most
	// MaxSubjectWork each. Only GetSubjectRequest fills these fields and the next.
	Erasures []Erasure
	Files    []PersonFile
	// Duplicates are other requests about the same owner that are open or were received
	// within a year.
	Duplicates []uuid.UUID
}

// SubjectRequestKind is what a person asks for.
type SubjectRequestKind string

const (
	SubjectAccess  SubjectRequestKind = "access"
	SubjectErasure SubjectRequestKind = "erasure"
	SubjectBoth    SubjectRequestKind = "both"
)

var subjectKinds = []SubjectRequestKind{SubjectAccess, SubjectErasure, SubjectBoth}

// SubjectRequestState is how far a request has come.
type SubjectRequestState string

const (
	SubjectReceived   SubjectRequestState = "received"
	SubjectInProgress SubjectRequestState = "in_progress" // the identity was checked
	SubjectAnswered   SubjectRequestState = "answered"
	SubjectRefused    SubjectRequestState = "refused"
)

// ExtensionReason is why an answer takes longer (GDPR article 12(3)).
type ExtensionReason string

const (
	ExtendComplexity ExtensionReason = "complexity"
	ExtendNumber     ExtensionReason = "number_of_requests"
)

var extensionReasons = []ExtensionReason{ExtendComplexity, ExtendNumber}

// SubjectRefusalReason is why a request is refused.
type SubjectRefusalReason string

const (
	noRefusal        SubjectRefusalReason = ""
	RefuseIdentity   SubjectRefusalReason = "identity_not_proven"
	RefuseUnfounded  SubjectRefusalReason = "manifestly_unfounded" // GDPR article 12(5), as is the next
	RefuseExcessive  SubjectRefusalReason = "excessive"
	RefuseObligation SubjectRefusalReason = "legal_obligation" // GDPR article 17(3)(b)
	RefuseClaims     SubjectRefusalReason = "legal_claims"     // GDPR article 17(3)(e)
)

var subjectRefusals = []SubjectRefusalReason{RefuseIdentity, RefuseUnfounded, RefuseExcessive, RefuseObligation, RefuseClaims}

const (
	// MaxSubjectWork is the maximum number of erasures, and of files, shown with a
	// request.
	MaxSubjectWork       = 100
	maxDuplicates  int64 = 20

	answerWithin = 1 // months, GDPR article 12(3)
	extendedBy   = 2 // months more
)

// Open reports whether the request waits for an answer.
func (r SubjectRequest) Open() bool { return r.EndedAt == nil }

// Position is the request's place in lists: newest first, ties by descending
// identifier.
func (r SubjectRequest) Position() Position { return Position{CreatedAt: r.CreatedAt, ID: r.ID} }

func (r SubjectRequest) asksErasure() bool { return r.Kind != SubjectAccess }
func (r SubjectRequest) asksAccess() bool  { return r.Kind != SubjectErasure }

// monthsAfter is the same day some months later, or the last day of a month that has no
// such day: Regulation (EEC, Euratom) 1182/71, article 3(2)(c).
func monthsAfter(t time.Time, months int) time.Time {
	later := t.AddDate(0, months, 0)
	if later.Day() != t.Day() {
		later = later.AddDate(0, 0, -later.Day())
	}
	return later
}

// SubjectWork is what was begun for a request, as far as its end depends on it.
type SubjectWork struct {
	Erasures []ErasureState // those of its erasures, each once, in any order
	FileMade bool           // a file was made for it, even if that is gone
}

func (w SubjectWork) unfinished() bool {
	return slices.ContainsFunc(w.Erasures, func(s ErasureState) bool { return !s.Finished() })
}

// missing says what has to be done before the request can be answered; empty: nothing.
// kept says whether the service keeps persons' files.
func (r SubjectRequest) missing(w SubjectWork, kept bool) string {
	var missing []string
	if r.IdentityCheckedAt == nil {
		missing = append(missing, "the identity has not been checked")
	}
	if kept && r.asksAccess() && !w.FileMade {
		missing = append(missing, "no person's file was made for it; request one with its subject_request")
	}
	if r.asksErasure() && !slices.Contains(w.Erasures, ErasureFinished) {
		missing = append(missing, "no erasure of this request has finished; start one with its subject_request")
	}
	if w.unfinished() {
		missing = append(missing, "an erasure of this request is unfinished")
	}
	return strings.Join(missing, "; ")
}

// ErrSubjectEnded is returned if a request with this state is to change, or something is
// to begin for it.
func ErrSubjectEnded(state SubjectRequestState) *Error {
	return Errorf(CodeConflict, "This subject request is %s already and does not change any more", state)
}

func errSubjectForbidden(operation string) *Error {
	return Errorf(CodeForbidden, "Insufficient permissions to %s SubjectRequests", operation)
}

func errNoSubjectRequest(id uuid.UUID) *Error {
	return Errorf(CodeNotFound, "Subject request with ID %s not found", id)
}

func errWord[T ~string](name string, known []T) *Error {
	return errParameter(name, fmt.Sprintf("%s: must be one of %v", name, known))
}

// SubjectRequestQuery selects a part of the list of requests, in the order of
// SubjectRequest.Position.
type SubjectRequestQuery struct {
	Open  *bool      // nil: all
	Owner *uuid.UUID // nil: anyone's
	After *Position  // only what comes strictly after; nil: all
	Limit int64      // 1 or more
}

// SubjectRequestStatus counts requests that wait for an answer.
type SubjectRequestStatus struct {
	Open    int64
	Overdue int64
	NextDue *time.Time // of the open ones; nil: none is open
}

// foundSubject returns the request that was looked for; CodeNotFound in words if there is none.
func foundSubject(id uuid.UUID, r SubjectRequest, err error) (SubjectRequest, error) {
	if CodeOf(err) == CodeNotFound {
		return SubjectRequest{}, errNoSubjectRequest(id)
	}
	return r, err
}
