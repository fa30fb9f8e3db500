package domain

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Authorization is the right by which something is erased. Its receipt states all of
// it except who asked.
type Authorization struct {
	Receipt uuid.UUID // identifier of the receipt, random (version 4)
	Salt    Salt      // opens the receipt's commitments
	// Shared is set if several receipts have this salt, so that the commitments of
	// each are made with a salt derived from it.
	Shared      bool
	Again       bool // the request repeats an erasure that was done before
	Trigger     Trigger
	Rule        *RuleVersion // with TriggerRetention, and only then
	Ground      Ground
	RequestedAt time.Time
	Actor       *uuid.UUID // who asked and may fetch the receipt; nil: nobody
	Role        ActorRole
}

// Salt opens the commitments of one receipt: its holder can prove which response was
// erased and who owned it. It is returned once, to the caller who asked for the
// erasure.
type Salt [32]byte

// newAuthorization returns one with a new receipt and salt.
func newAuthorization(trigger Trigger, requestedAt time.Time) Authorization {
	w := Authorization{Receipt: uuid.New(), Trigger: trigger, Ground: GroundUnspecified, RequestedAt: requestedAt}
	_, _ = rand.Read(w.Salt[:]) // never fails
	return w
}

// Trigger is what caused an erasure.
type Trigger string

const (
	TriggerSingle    Trigger = "single"    // somebody erased one response
	TriggerBulk      Trigger = "bulk"      // somebody erased many
	TriggerRetention Trigger = "retention" // their retention period ended
	TriggerSweep     Trigger = "sweep"     // something was written after an erasure
	TriggerReplay    Trigger = "replay"    // a restore brought back what had been erased
	TriggerOrphans   Trigger = "orphans"   // copies remained of a request that something else had deleted
)

// Ground is why something is erased, in the words of receipts.
type Ground string

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

// askable are the grounds that a caller can give.
var askable = []Ground{
	GroundRequest, GroundConsentWithdrawn, GroundObjection, GroundNoLongerNeeded,
	GroundUnlawful, GroundLegalObligation, GroundUnspecified,
}

// ActorRole is the role in which somebody asked for an erasure.
type ActorRole string

const (
	ActorOwner           ActorRole = "owner"
	ActorOrganization    ActorRole = "organization" // acting for the organization
	ActorAdministrator   ActorRole = "administrator"
	ActorPlatformManager ActorRole = "platform_manager"
	ActorSystem          ActorRole = "system"
)

// Found is what an erasure would remove.
type Found struct {
	Owners []string // of every request of the chain, and of its later turns if they are included; empty: a row of a batch
	// Unowned is set if the owner of a part is unknown: only a caller who may erase
	// everyone's responses may erase it.
	Unowned bool
	// Holds are the active holds that cover any of these requests, the oldest first,
	// at most MaxHoldsFound. If there is one, nothing may be erased.
	Holds      []Hold
	LaterTurns int64 // responses that are erased too
}

// actorRole returns the lowest role that lets the caller erase what was found.
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
