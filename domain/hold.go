package domain

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Hold prevents the erasure of what it covers while it is active.
type Hold struct {
	ID uuid.UUID
	HoldTarget
	Reason     string // for those who may see holds
	CreatedAt  time.Time
	CreatedBy  uuid.UUID
	ExpiresAt  *time.Time // nil: never
	ReleasedAt *time.Time // nil: not released
	ReleasedBy *uuid.UUID
	Active     bool // neither released nor, by the database's clock at the time of reading, expired
}

// HoldTarget is what a hold covers: exactly one of the three is set.
type HoldTarget struct {
	Responses []uuid.UUID // any request of a chain covers the whole chain
	Owners    []uuid.UUID // all their responses, present and future
	Filter    *HoldFilter // responses that pass it at the time of their erasure
}

// Covers reports whether a request is held. It defines the behavior of every
// implementation of Holds and Responses.
func (t HoldTarget) Covers(r Response) bool {
	return slices.Contains(t.Responses, r.ID) ||
		slices.ContainsFunc(t.Owners, func(id uuid.UUID) bool { return id.String() == r.Owner }) ||
		t.Filter != nil && t.Filter.filter().Matches(r)
}

// HoldFilter is the part of ResponseFilter that a hold can use; nil does not narrow.
type HoldFilter struct {
	States, Models, Tiers       []string
	CreatedAfter, CreatedBefore *time.Time // inclusive
}

func (f HoldFilter) filter() ResponseFilter {
	return ResponseFilter{States: f.States, Models: f.Models, Tiers: f.Tiers, CreatedAfter: f.CreatedAfter, CreatedBefore: f.CreatedBefore}
}

// MaxHoldsFound is the maximum number of holds that an erasure is shown.
const MaxHoldsFound = 10

// HoldQuery selects a part of the list of holds, newest first, ties by descending
// identifier.
type HoldQuery struct {
	Active *bool     // nil: all
	After  *Position // only what comes strictly after, with Rank 0; nil: all
	Limit  int64     // 1 or more
}

// Position is the hold's place in lists: newest first, ties by descending identifier.
func (h Hold) Position() Position { return Position{CreatedAt: h.CreatedAt, ID: h.ID} }

func errHoldForbidden(operation string) *Error {
	return Errorf(CodeForbidden, "Insufficient permissions to %s Holds", operation)
}

func errNoHold(id uuid.UUID) *Error {
	return Errorf(CodeNotFound, "Hold with ID %s not found", id)
}

// errHeld refuses to erase what is held. It names the holds only to callers who may
// see them.
func errHeld(caller Principal, id uuid.UUID, holds []Hold) *Error {
	if !caller.mayHold() {
		return Errorf(CodeHeld, "Response with ID %s is held and cannot be erased", id)
	}
	ids := make([]string, len(holds))
	for i, h := range holds {
		ids[i] = h.ID.String()
	}
	return Errorf(CodeHeld, "Response with ID %s is held and cannot be erased until these holds are released or expire: %s", id, strings.Join(ids, ", "))
}
