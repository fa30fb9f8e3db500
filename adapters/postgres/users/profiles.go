package users

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/users/internal/dbsqlc"
	"lethe/domain"
)

// Profiles reads what people can see of themselves in a database of Lethe's own. Like
// Directory, it needs more privileges than the service has beside dwctl.
type Profiles struct {
	db *postgres.DB
}

var _ domain.Profiles = (*Profiles)(nil)

// NewProfiles makes the port on the main database.
func NewProfiles(db *postgres.DB) (*Profiles, error) {
	if db == nil {
		return nil, errors.New("profiles need a database")
	}
	return &Profiles{db}, nil
}

// Profile makes two round trips.
func (p *Profiles) Profile(ctx context.Context, id uuid.UUID) (found domain.Profile, err error) {
	err = p.db.Use(ctx, func(c postgres.Conn) error {
		q := dbsqlc.New(c)
		r, err := q.Profile(ctx, id)
		if err != nil {
			return err
		}
		rows, err := q.Affiliations(ctx, id)
		if err != nil {
			return err
		}
		found = domain.Profile{
			Username: r.Username, DisplayName: r.DisplayName, AvatarURL: r.AvatarUrl, Source: r.AuthSource, ExternalID: r.ExternalUserID,
			CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, LastLogin: r.LastLogin, Organizations: make([]domain.Affiliation, len(rows)),
		}
		for i, o := range rows {
			found.Organizations[i] = domain.Affiliation{ID: o.ID, Name: o.Name, Role: o.Role}
		}
		return nil
	})
	return found, err
}
