package domain

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Profile is what a person can see of themselves, beside their rights.
type Profile struct {
	Username      string
	DisplayName   *string
	AvatarURL     *string
	Source        string  // what they sign in with
	ExternalID    *string // what the identity provider calls them
	CreatedAt     time.Time
	UpdatedAt     time.Time
	LastLogin     *time.Time
	Organizations []Affiliation // active memberships of organizations that are not deleted, by name
}

// Affiliation is a membership of an organization.
type Affiliation struct {
	ID   uuid.UUID // the organization's
	Name string
	Role string
}

// GetProfile returns the caller's own profile.
type GetProfile struct{ profiles Profiles }

// NewGetProfile returns the use case.
func NewGetProfile(profiles Profiles) *GetProfile { return &GetProfile{profiles} }

// Execute is open to every caller.
func (u *GetProfile) Execute(ctx context.Context, caller Principal) (Profile, error) {
	return u.profiles.Profile(ctx, caller.ID)
}
