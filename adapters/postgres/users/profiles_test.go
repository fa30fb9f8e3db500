package users_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/users"
	"lethe/domain"
	"lethe/internal/pgtest"
)

// TestProfile: people see themselves, and the organizations that they are active
// members of.
func TestProfile(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	db := openDB(t, postgres.Config{URL: database.URL})
	profiles, err := users.NewProfiles(db)
	if err != nil {
		t.Fatal(err)
	}
	alice := uuid.MustParse("c0000100-0000-4000-8000-000000000003")
	p, err := profiles.Profile(t.Context(), alice)
	if err != nil || p.Username != "alice" || p.DisplayName == nil || *p.DisplayName != "Alice" || p.AvatarURL != nil || p.Source != "proxy-header" ||
		p.ExternalID == nil || *p.ExternalID != "idp|alice" || p.CreatedAt.IsZero() || p.UpdatedAt.IsZero() || p.LastLogin == nil {
		t.Errorf("got %+v, %v", p, err)
	}
	want := []domain.Affiliation{{ID: uuid.MustParse("c0000200-0000-4000-8000-000000000001"), Name: "acme", Role: "owner"}}
	if !reflect.DeepEqual(p.Organizations, want) {
		t.Errorf("want %+v, got %+v", want, p.Organizations)
	}
	if _, err := profiles.Profile(t.Context(), uuid.New()); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("nobody: want %s, got %v", domain.CodeNotFound, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := profiles.Profile(ctx, alice); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: got %v", err)
	}
	if _, err := users.NewProfiles(nil); err == nil {
		t.Error("without a database: got no error")
	}
}
