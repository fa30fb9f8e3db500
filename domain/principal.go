package domain

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Role is a person's role, as the database spells it.
type Role string

// The roles that affect access to responses.
const (
	RolePlatformManager Role = "PLATFORMMANAGER"
	RoleBatchAPIUser    Role = "BATCHAPIUSER"
	RoleConnectionsUser Role = "CONNECTIONSUSER"
)

// Person is a row of users: a human or an organization.
type Person struct {
	ID            uuid.UUID
	Email         string
	Admin         bool
	Deleted       bool
	Roles         []Role
	Organizations []uuid.UUID // active memberships of organizations that are not deleted
	LastLogin     *time.Time
}

// Key is an API key that is not deleted.
type Key struct {
	Owner   uuid.UUID // owner of the rows it creates: a human or an organization
	Creator Person    // who calls with it
	Purpose string
}

// Principal is the caller.
type Principal struct {
	ID           uuid.UUID
	Email        string
	Admin        bool
	Roles        []Role
	Organization *uuid.UUID // the active one
	Renewed      *Session   // Lethe's own session to go on with; nil: none, or not due yet
}

// KeyHolder calls with a key as programs do that use OpenAI's interface. It may do
// everything with the responses of the key's owner and nothing with others, whatever the
// roles of the key's creator are.
type KeyHolder struct {
	Creator Principal // acts for the owner
	owner   uuid.UUID
}

// owners is the only owner whose rows count as the caller's own.
func (h KeyHolder) owners() []string { return []string{h.owner.String()} }

// Reach is the extent of a permission.
type Reach int

const (
	none Reach = iota
	own        // rows of the caller and of the active organization
	everyone
)

// String returns none, own or all.
func (r Reach) String() string { return [...]string{"none", "own", "all"}[r] }

// oversees reports whether the caller is an administrator or a platform manager.
func (p Principal) oversees() bool {
	return p.Admin || slices.Contains(p.Roles, RolePlatformManager)
}

func (p Principal) readReach() Reach {
	switch {
	case p.oversees():
		return everyone
	case slices.Contains(p.Roles, RoleBatchAPIUser), slices.Contains(p.Roles, RoleConnectionsUser):
		return own
	}
	return none
}

func (p Principal) deleteReach() Reach {
	switch {
	case p.oversees():
		return everyone
	case slices.Contains(p.Roles, RoleBatchAPIUser):
		return own
	}
	return none
}

// mayHold reports whether the caller may place, see and release holds.
func (p Principal) mayHold() bool { return p.oversees() }

// mayAnswer reports whether the caller may see and answer what people ask about their
// own data.
func (p Principal) mayAnswer() bool { return p.oversees() }

// mayRetain reports whether the caller may decide how long responses are kept.
func (p Principal) mayRetain() bool { return p.oversees() }

// mayReadStatus reports whether the caller may see how the service and its databases
// are.
func (p Principal) mayReadStatus() bool { return p.oversees() }

// mayReadAccessLog is for administrators only, because the log also watches platform
// managers.
func (p Principal) mayReadAccessLog() bool { return p.Admin }

// owners are the owners whose rows count as the caller's own.
func (p Principal) owners() []string {
	owners := []string{p.ID.String()}
	if p.Organization != nil {
		owners = append(owners, p.Organization.String())
	}
	return owners
}

func errForbidden(operation string) *Error {
	return Errorf(CodeForbidden, "Insufficient permissions to %s Batches", operation)
}

func errNoResponse(id uuid.UUID) *Error {
	return Errorf(CodeNotFound, "Response with ID %s not found", id)
}
