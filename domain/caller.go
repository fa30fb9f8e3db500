package domain

import (
	"context"
	"log/slog"
	"slices"

	"github.com/google/uuid"
)

// Permissions are what a caller may do.
type Permissions struct {
	List, Contents, Erase       Reach
	Export                      Reach // everything of an owner, in a file
	Holds, Retention, AccessLog bool
}

// Organization is one that a caller may act for. The address is nil if it is unknown.
type Organization struct {
	ID    uuid.UUID
	Email *string
}

// CallerDetail is what callers are told about themselves.
type CallerDetail struct {
	Principal
	Organizations []Organization // by identifier: memberships, and the active one
	Can           Permissions
}

// GetCaller tells callers who they are and what they may do.
type GetCaller struct {
	people People
	log    *slog.Logger
}

// NewGetCaller returns the use case; log receives errors that do not fail the request.
func NewGetCaller(people People, log *slog.Logger) *GetCaller { return &GetCaller{people, log} }

// Execute needs no permission. Addresses of organizations are optional: if they cannot
// be read, they are nil.
func (u *GetCaller) Execute(ctx context.Context, caller Principal) (CallerDetail, error) {
	detail := CallerDetail{Principal: caller, Can: caller.permissions()}
	ids, err := organizationsOf(ctx, u.people, caller)
	if err != nil {
		return CallerDetail{}, err
	}
	unknown, emails := make(map[uuid.UUID]struct{}, len(ids)), make(map[uuid.UUID]string, len(ids))
	for _, id := range ids {
		unknown[id] = struct{}{}
	}
	if err := addEmails(ctx, u.people, u.log, unknown, emails); err != nil {
		return CallerDetail{}, err
	}
	for _, id := range ids {
		o := Organization{ID: id}
		if email, ok := emails[id]; ok {
			o.Email = &email
		}
		detail.Organizations = append(detail.Organizations, o)
	}
	return detail, nil
}

// organizationsOf returns the caller's memberships and the active organization: with an
// organization's key, those who may read everyone's need not be members.
func organizationsOf(ctx context.Context, people People, caller Principal) ([]uuid.UUID, error) {
	person, err := people.ByID(ctx, caller.ID)
	if err != nil && CodeOf(err) != CodeNotFound { // gone since the request began
		return nil, err
	}
	ids := slices.Clone(person.Organizations)
	if o := caller.Organization; o != nil && !slices.Contains(ids, *o) {
		ids = append(ids, *o)
	}
	return ids, nil
}

func (p Principal) permissions() Permissions {
	read, erase := p.readReach(), p.deleteReach()
	return Permissions{
		List: read, Contents: read, Erase: erase, Export: read,
		Holds: p.mayHold(), Retention: p.mayRetain(), AccessLog: p.mayReadAccessLog(),
	}
}
