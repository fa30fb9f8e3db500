package domain

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Authorization is by what right something is erased. Its receipt tells all of it but
// who asked.
type Authorization struct {
	Receipt uuid.UUID // the receipt's identifier, random (version 4)
	Salt    Salt      // opens the receipt's commitments
	// Shared is set where several receipts have this salt in common, so that the
	// commitments of each are made with a salt derived from it.
	Shared      bool
	Again       bool // what it was for has been done before
	Trigger     Trigger
	Rule        *RuleVersion // with TriggerRetention, and only then
	Ground      Ground
	RequestedAt time.Time
	Actor       *uuid.UUID // who asked and may fetch the receipt; nil: nobody
	Role        ActorRole
}

// Salt opens the commitments of one receipt: whoever has it can show which
// response and whose it was. It is told once, to who asked for the erasure.
type Salt [32]byte

// newAuthorization has a new receipt and salt.
func newAuthorization(trigger Trigger, requestedAt time.Time) Authorization {
	w := Authorization{Receipt: uuid.New(), Trigger: trigger, Ground: GroundUnspecified, RequestedAt: requestedAt}
	_, _ = rand.Read(w.Salt[:]) // never fails
	return w
}

// Trigger is what an erasure came from.
type Trigger string

// The triggers.
const (
	TriggerSingle    Trigger = "single"    // one response was to be erased
	TriggerBulk      Trigger = "bulk"      // many were
	TriggerRetention Trigger = "retention" // their time was over
	TriggerSweep     Trigger = "sweep"     // something was written after an erasure
	TriggerReplay    Trigger = "replay"    // a restore brought back what had been erased
	TriggerOrphans   Trigger = "orphans"   // copies were left of what something else had deleted
)

// Ground is why something is erased, in the words of receipts.
type Ground string

// The grounds.
const (
	GroundRequest          Ground = "request"
	GroundConsentWithdrawn Ground = "consent_withdrawn"
	GroundObjection        Ground = "objection"
	GroundNoLongerNeeded   Ground = "no_longer_needed"
	GroundUnlawful         Ground = "unlawful"
	GroundLegalObligation  Ground = "legal_obligation"
	GroundRetention        Ground = "retention"
	GroundUnspecified      Ground = "unspecified"
)

// askable are the grounds that somebody can give.
var askable = []Ground{
	GroundRequest, GroundConsentWithdrawn, GroundObjection, GroundNoLongerNeeded,
	GroundUnlawful, GroundLegalObligation, GroundUnspecified,
}

// ActorRole is as what somebody asked for an erasure.
type ActorRole string

// The roles.
const (
	ActorOwner           ActorRole = "owner"
	ActorOrganization    ActorRole = "organization" // acting for it
	ActorAdministrator   ActorRole = "administrator"
	ActorPlatformManager ActorRole = "platform_manager"
	ActorSystem          ActorRole = "system"
)

// Found is what an erasure would remove.
type Found struct {
	Owners []string // of every request of the chain, and of its later turns where these go along; empty is a row of a batch
	// Unowned tells that nothing says whose a part of it is: it may be erased by
	// who may erase everyone's.
	Unowned bool
	// Holds are the active ones that cover any request of these, the oldest first,
	// at most MaxHoldsFound. Where there is one, nothing may be erased.
	Holds      []Hold
	LaterTurns int64 // responses that go along
}

// actorRole is the least that lets the caller erase what was found.
func (p Principal) actorRole(found Found) ActorRole {
	mine, owners := p.owners(), found.Owners
	switch {
	case found.Unowned:
	case !slices.ContainsFunc(owners, func(owner string) bool { return owner != mine[0] }):
		return ActorOwner
	case !slices.ContainsFunc(owners, func(owner string) bool { return !slices.Contains(mine, owner) }):
		return ActorOrganization
	}
	if p.Admin {
		return ActorAdministrator
	}
	return ActorPlatformManager
}
