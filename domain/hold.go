package domain

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Hold keeps what it covers from being erased while it is active.
type Hold struct {
	ID uuid.UUID
	HoldTarget
	Reason     string // for those who may see holds
	CreatedAt  time.Time
	CreatedBy  uuid.UUID
	ExpiresAt  *time.Time // nil: never
	ReleasedAt *time.Time // nil: not released
	ReleasedBy *uuid.UUID
	Active     bool // neither released nor, by the database's clock, expired when it was read
}

// HoldTarget is what a hold covers: exactly one of the three is set.
type HoldTarget struct {
	Responses []uuid.UUID // any request of a chain covers all of it
	Owners    []uuid.UUID // what they have and will have
	Filter    *HoldFilter // what passes it when it is to be erased
}

// Covers tells whether a request is held; it is the meaning that every
// implementation of Holds and Responses keeps to.
func (t HoldTarget) Covers(r Response) bool {
	return slices.Contains(t.Responses, r.ID) ||
		slices.ContainsFunc(t.Owners, func(id uuid.UUID) bool { return id.String() == r.Owner }) ||
		t.Filter != nil && t.Filter.filter().Matches(r)
}

// HoldFilter is what of ResponseFilter can be held; nil does not narrow.
type HoldFilter struct {
	States, Models, Tiers       []string
	CreatedAfter, CreatedBefore *time.Time // inclusive
}

func (f HoldFilter) filter() ResponseFilter {
	return ResponseFilter{States: f.States, Models: f.Models, Tiers: f.Tiers, CreatedAfter: f.CreatedAfter, CreatedBefore: f.CreatedBefore}
}

// MaxHoldsFound is how many holds an erasure is told of at most.
const MaxHoldsFound = 10

// HoldQuery asks for a part of the list of holds, newest first and ties by
// descending identifier.
type HoldQuery struct {
	Active *bool     // nil: all
	After  *Position // only what comes strictly after, with Rank 0; nil: all
	Limit  int64     // 1 or more
}

// Position is where the hold stands in lists: the newest first, ties by
// descending identifier.
func (h Hold) Position() Position { return Position{CreatedAt: h.CreatedAt, ID: h.ID} }

// holdList tells lists of holds apart from each other, and from any other list.
func holdList(active *bool) fingerprint {
	text := "holds"
	if active != nil {
		text += " active=" + strconv.FormatBool(*active)
	}
	return sha256.Sum256([]byte(text))
}

func errHoldForbidden(operation string) *Error {
	return Errorf(CodeForbidden, "Insufficient permissions to %s Holds", operation)
}

func errNoHold(id uuid.UUID) *Error {
	return Errorf(CodeNotFound, "Hold with ID %s not found", id)
}

// errHeld refuses to erase what is held. By which holds is told to those who
// may see them.
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
