package domain

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"
)

// ErasureRequest is what a caller wants to erase: exactly one of Responses, Owner and
// Filter is given.
type ErasureRequest struct {
	Responses []uuid.UUID
	Owner     *uuid.UUID
	Filter    *ErasureFilter
	// IncludeLaterTurns also erases the later turns of what is erased.
	IncludeLaterTurns bool
}

// ErasureFilter selects responses of a list to erase. Nil does not narrow; a filter
// without any condition must set All.
type ErasureFilter struct {
	ResponseFilter            // as in ListRequest
	MemberID       *uuid.UUID // as in ListRequest
	All            bool
}

// StartRequest is an ErasureRequest with the details of its start.
type StartRequest struct {
	ErasureRequest
	Token          string // of a preview; optional with Responses
	Ground         Ground // empty: GroundUnspecified
	Ticket         string
	SubjectRequest *uuid.UUID // that asks for it; nil: none
	IdempotencyKey string     // empty: none
}

// boundTarget is what a preview binds: the target, within the scope.
func boundTarget(t ErasureTarget, scope []string) fingerprint {
	return fingerprintOf(struct {
		Target   fingerprint
		Everyone bool
		Scope    []string
	}{t.fingerprint(), scope == nil, slices.Sorted(slices.Values(scope))})
}

func (r ErasureRequest) responses() ([]uuid.UUID, error) {
	if n := len(r.Responses); n < 1 || n > MaxTargets {
		return nil, errParameter("responses", fmt.Sprintf("responses: must have 1 to %d entries; to erase more, use owner or filter", MaxTargets))
	}
	seen := make(map[uuid.UUID]bool, len(r.Responses))
	return slices.DeleteFunc(slices.Clone(r.Responses), func(id uuid.UUID) bool {
		again := seen[id]
		seen[id] = true
		return again
	}), nil
}

func (f ErasureFilter) check() error {
	narrowed := f.MemberID != nil || !reflect.ValueOf(f.ResponseFilter).IsZero()
	switch {
	case !narrowed && !f.All:
		return errParameter("filter", "filter: matches everything; add a condition, or set all to true to erase everything")
	case narrowed && f.All:
		return errParameter("filter.all", "filter.all: must be omitted if there are conditions")
	}
	return checkWords("filter", f.States, f.Models, f.Tiers, f.CreatedAfter, f.CreatedBefore)
}

func (r StartRequest) check() error {
	switch {
	case r.Token == "" && r.Responses == nil:
		return errParameter("token", "token: required with owner or filter, from a preview of the same request")
	case r.Ground != "" && !slices.Contains(askable, r.Ground):
		return errParameter("ground", fmt.Sprintf("ground: must be one of %v", askable))
	}
	return cmp.Or(checkTicket(r.Ticket), checkIdempotencyKey(r.IdempotencyKey))
}

// checkTicket refuses a caller's own reference that is too long or cannot be stored.
func checkTicket(ticket string) error {
	if utf8.RuneCountInString(ticket) > MaxTicket || !Storable(ticket) {
		return errParameter("ticket", fmt.Sprintf("ticket: must have at most %d characters and no NUL", MaxTicket))
	}
	return nil
}

// checkIdempotencyKey refuses a key that is too long or cannot be stored.
func checkIdempotencyKey(key string) error {
	if len(key) > MaxIdempotencyKey || !Storable(key) {
		return errParameter("Idempotency-Key", fmt.Sprintf("Idempotency-Key: must have at most %d bytes", MaxIdempotencyKey))
	}
	return nil
}

// MaxIdempotencyKey is the maximum length of an idempotency key, in bytes.
const MaxIdempotencyKey = 255

// sum distinguishes requests of one caller; the token is not part of the request.
func (r StartRequest) sum(t ErasureTarget, scope []string) fingerprint {
	return fingerprintOf(struct {
		Target         fingerprint
		Ground         Ground
		Ticket         string
		SubjectRequest *uuid.UUID `json:",omitempty"`
	}{boundTarget(t, scope), r.Ground, r.Ticket, r.SubjectRequest})
}

// owners returns whose responses may be erased, as far as that is known beforehand;
// an empty owner stands for any others.
func (r StartRequest) owners(t ErasureTarget, scope []string) []string {
	switch {
	case t.Owner != nil:
		return []string{t.Owner.String()}
	case t.Filter != nil && t.Filter.Owners != nil:
		return t.Filter.Owners
	case scope != nil:
		return scope
	}
	return []string{""}
}
