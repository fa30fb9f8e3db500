package users

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/users/internal/dbsqlc"
	"lethe/domain"
)

// Limits of the columns.
const (
	individual   = "individual"
	organization = "organization"
)

var (
	purposes           = []string{"platform", "inference", "realtime", "batch", "playground"}
	membershipRoles    = []string{"owner", "admin", "member"}
	membershipStatuses = []string{"active", "pending"}
)

// Directory keeps people, organizations and keys in a database of Lethe's own. It needs
// the privileges of the tables' owner, which the service does not.
//
// Methods take as who an identifier or an e-mail address, in either case. They fail with
// CodeNotFound if nobody has it, and with CodeInvalid if several have that address.
type Directory struct {
	db *postgres.DB
}

// NewDirectory makes a directory on the main database.
func NewDirectory(db *postgres.DB) (*Directory, error) {
	if db == nil {
		return nil, errors.New("the directory needs a database")
	}
	return &Directory{db}, nil
}

// NewUser is a person or an organization to add.
type NewUser struct {
	Email        string
	DisplayName  string // empty: none
	Organization bool
	Admin        bool
	Roles        []string
	ExternalID   *string // what the identity provider calls this person
}

// User is a row of the list of users.
type User struct {
	ID            uuid.UUID
	Email         string
	DisplayName   string
	Organization  bool
	Admin         bool
	Roles         []string
	Organizations []string // addresses of those of which this person is an active member
	ExternalID    *string
	CreatedAt     time.Time
	LastLogin     *time.Time
}

// KeyInfo describes a key, without its secret.
type KeyInfo struct {
	ID        uuid.UUID
	Name      string
	Purpose   string
	Prefix    string // the first six characters of the secret
	Owner     string // an e-mail address
	Creator   string // an e-mail address
	CreatedAt time.Time
	LastUsed  *time.Time
}

// AddUser adds a user and returns the identifier. It fails with CodeInvalid if the
// address or a role is invalid, if the address or the external identifier is taken, or
// if an organization gets what only people have.
func (d *Directory) AddUser(ctx context.Context, u NewUser) (uuid.UUID, error) {
	u.Email = strings.TrimSpace(u.Email)
	at := strings.LastIndexByte(u.Email, '@')
	if at < 1 || at == len(u.Email)-1 || strings.ContainsAny(u.Email, " \t\r\n") || !domain.Storable(u.Email) {
		return uuid.Nil, domain.Errorf(domain.CodeInvalid, "%q is not an e-mail address", u.Email)
	}
	if !domain.Storable(u.DisplayName) || u.ExternalID != nil && (*u.ExternalID == "" || !domain.Storable(*u.ExternalID)) {
		return uuid.Nil, domain.Errorf(domain.CodeInvalid, "Names must be UTF-8 text without NUL, and an external identifier must not be empty")
	}
	if u.Organization && (u.Admin || len(u.Roles) > 0 || u.ExternalID != nil) {
		return uuid.Nil, domain.Errorf(domain.CodeInvalid, "An organization has no roles, no external identifier, and is no administrator: give these to its members")
	}
	params := dbsqlc.AddUserParams{
		Email: u.Email, IsAdmin: u.Admin, ExternalUserID: u.ExternalID,
		UserType: individual, AuthSource: "native",
	}
	if u.DisplayName != "" {
		params.DisplayName = &u.DisplayName
	}
	switch {
	case u.Organization:
		params.UserType, params.AuthSource = organization, organization
	case u.ExternalID != nil:
		params.AuthSource = "proxy-header"
	}
	var id uuid.UUID
	err := d.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		taken, err := q.Taken(ctx, dbsqlc.TakenParams{Email: u.Email, ExternalUserID: u.ExternalID})
		if err != nil {
			return err
		}
		switch {
		case taken.Email:
			return domain.Errorf(domain.CodeInvalid, "The e-mail address %s is taken", u.Email)
		case taken.ExternalUserID:
			return domain.Errorf(domain.CodeInvalid, "The external identifier %q is taken", *u.ExternalID)
		}
		if id, err = q.AddUser(ctx, params); err != nil {
			return err
		}
		return addRoles(ctx, q, id, u.Roles)
	})
	return id, err
}

// ListUsers returns all users that are not deleted, the oldest first.
func (d *Directory) ListUsers(ctx context.Context) ([]User, error) {
	var rows []dbsqlc.ListUsersRow
	err := d.db.Use(ctx, func(c postgres.Conn) (err error) {
		rows, err = dbsqlc.New(c).ListUsers(ctx)
		return err
	})
	users := make([]User, len(rows))
	for i, r := range rows {
		users[i] = User{
			ID: r.ID, Email: r.Email, Organization: r.UserType == organization, Admin: r.IsAdmin,
			Roles: r.Roles, Organizations: r.Organizations, ExternalID: r.ExternalUserID,
			CreatedAt: r.CreatedAt, LastLogin: r.LastLogin,
		}
		if r.DisplayName != nil {
			users[i].DisplayName = *r.DisplayName
		}
	}
	return users, err
}

// SetRoles gives a person these roles, in addition to the present ones if keep is set
// and otherwise instead. It fails with CodeInvalid if one is unknown.
func (d *Directory) SetRoles(ctx context.Context, who string, roles []string, keep bool) error {
	return d.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		id, err := find(ctx, q, who, individual)
		if err != nil {
			return err
		}
		if !keep {
			if err := q.RemoveRoles(ctx, id); err != nil {
				return err
			}
		}
		return addRoles(ctx, q, id, roles)
	})
}

// Join makes a person a member of an organization, or changes the membership. The role
// is owner, admin or member, the status active or pending; others fail with
// CodeInvalid.
func (d *Directory) Join(ctx context.Context, who, inOrganization, role, status string) error {
	if err := oneOf("role of a member", role, membershipRoles); err != nil {
		return err
	}
	if err := oneOf("status of a membership", status, membershipStatuses); err != nil {
		return err
	}
	return d.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		user, err := find(ctx, q, who, individual)
		if err != nil {
			return err
		}
		org, err := find(ctx, q, inOrganization, organization)
		if err != nil {
			return err
		}
		return q.Join(ctx, dbsqlc.JoinParams{UserID: user, OrganizationID: org, Role: role, Status: status})
	})
}

// CreateKey makes a key with which creator, a person, calls on behalf of owner, the
// same person or an organization. It returns the secret, which cannot be retrieved
// later. It fails with CodeInvalid if the purpose is unknown or creator has such a key
// of that name.
func (d *Directory) CreateKey(ctx context.Context, owner, creator, purpose, name string) (string, error) {
	if err := oneOf("purpose of a key", purpose, purposes); err != nil {
		return "", err
	}
	if name == "" || !domain.Storable(name) {
		return "", domain.Errorf(domain.CodeInvalid, "A key needs a name in UTF-8 without NUL")
	}
	random := make([]byte, 32)
	rand.Read(random)
	secret := "sk-" + base64.RawURLEncoding.EncodeToString(random)
	err := d.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		ownerID, err := find(ctx, q, owner, "")
		if err != nil {
			return err
		}
		creatorID, err := find(ctx, q, creator, individual)
		if err != nil {
			return err
		}
		_, err = q.CreateKey(ctx, dbsqlc.CreateKeyParams{
			Name: name, Secret: secret, Owner: ownerID, Creator: creatorID, Purpose: purpose,
		})
		if errors.Is(err, pgx.ErrNoRows) {
			return domain.Errorf(domain.CodeInvalid, "%s already has a key named %q there: choose another name, or revoke that key", creator, name)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// ListKeys returns every key that is not revoked, the oldest first.
func (d *Directory) ListKeys(ctx context.Context) ([]KeyInfo, error) {
	var rows []dbsqlc.ListKeysRow
	err := d.db.Use(ctx, func(c postgres.Conn) (err error) {
		rows, err = dbsqlc.New(c).ListKeys(ctx)
		return err
	})
	keys := make([]KeyInfo, len(rows))
	for i, r := range rows {
		keys[i] = KeyInfo(r)
	}
	return keys, err
}

// RevokeKey revokes a key. It fails with CodeNotFound if there is none.
func (d *Directory) RevokeKey(ctx context.Context, id uuid.UUID) error {
	return d.db.Tx(ctx, func(tx *postgres.Tx) error {
		n, err := dbsqlc.New(tx).RevokeKey(ctx, id)
		if err == nil && n == 0 {
			return domain.Errorf(domain.CodeNotFound, "No key %s", id)
		}
		return err
	})
}

// Find returns the identifier of a person or an organization.
func (d *Directory) Find(ctx context.Context, who string) (id uuid.UUID, err error) {
	err = d.db.Use(ctx, func(c postgres.Conn) error {
		id, err = find(ctx, dbsqlc.New(c), who, "")
		return err
	})
	return id, err
}

// find resolves who; kind is the required kind of user, or empty.
func find(ctx context.Context, q *dbsqlc.Queries, who, kind string) (uuid.UUID, error) {
	if !domain.Storable(who) {
		return uuid.Nil, domain.Errorf(domain.CodeNotFound, "No user %q", who)
	}
	found, err := q.FindUser(ctx, who)
	switch {
	case err != nil:
		return uuid.Nil, err
	case len(found) == 0:
		return uuid.Nil, domain.Errorf(domain.CodeNotFound, "No user %q: give an e-mail address or an identifier from the list of users", who)
	case len(found) > 1:
		return uuid.Nil, domain.Errorf(domain.CodeInvalid, "%d users have the address %q: give the identifier of one", len(found), who)
	case kind != "" && found[0].UserType != kind:
		return uuid.Nil, domain.Errorf(domain.CodeInvalid, "%q is an %s, but it must be an %s", who, found[0].UserType, kind)
	}
	return found[0].ID, nil
}

func addRoles(ctx context.Context, q *dbsqlc.Queries, id uuid.UUID, roles []string) error {
	known, err := q.AllRoles(ctx)
	if err != nil {
		return err
	}
	for _, role := range roles {
		if err := oneOf("role", role, known); err != nil {
			return err
		}
	}
	return q.AddRoles(ctx, dbsqlc.AddRolesParams{UserID: id, Roles: roles})
}

func oneOf(what, word string, known []string) error {
	if slices.Contains(known, word) {
		return nil
	}
	return domain.Errorf(domain.CodeInvalid, "%q is not a %s: choose from %s", word, what, strings.Join(known, ", "))
}
