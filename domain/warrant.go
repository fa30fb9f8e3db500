package domain

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Warrant is by what right something is erased. Its receipt tells all of it but
// who asked.
type Warrant struct {
	Receipt     uuid.UUID // the receipt's identifier, random (version 4)
	Trigger     Trigger
	Ground      Ground
	RequestedAt time.Time
	Actor       *uuid.UUID // who asked and may fetch the receipt; nil: nobody
	Role        ActorRole
}

// Trigger is what an erasure came from.
type Trigger string

// The triggers.
const (
	TriggerSingle Trigger = "single" // one response was to be erased
	TriggerSweep  Trigger = "sweep"  // something was written after an erasure
)

// Ground is why something is erased, in the words of receipts.
type Ground string

// The grounds.
const GroundUnspecified Ground = "unspecified"

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
	Owners []string // of every request of the chain; empty is a row of a batch
}

// actorRole is the least that lets the caller erase what these owners have.
func (p Principal) actorRole(owners []string) ActorRole {
	mine := p.owners()
	switch {
	case !slices.ContainsFunc(owners, func(owner string) bool { return owner != mine[0] }):
		return ActorOwner
	case !slices.ContainsFunc(owners, func(owner string) bool { return !slices.Contains(mine, owner) }):
		return ActorOrganization
	case p.Admin:
		return ActorAdministrator
	}
	return ActorPlatformManager
}
