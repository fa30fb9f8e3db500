// Package users reads people, organizations and keys, and keeps them in a database of
// Lethe's own.
//
// [People] implements domain.People. [Directory] adds and lists [User] rows and their
// keys in a database of Lethe's own.
package users

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/users/internal/dbsqlc"
	"lethe/domain"
)

const (
	loginQueue   = 256
	loginTimeout = 5 * time.Second
	closeTimeout = 2 * time.Second
)

// People reads public.users and what belongs to it.
type People struct {
	src postgres.Source
	log *slog.Logger

	logins  chan uuid.UUID
	closing chan struct{}
	close   func()
	cancel  context.CancelFunc
	stopped chan struct{}
}

var _ domain.People = (*People)(nil)

// New makes the port on the main database and starts the one goroutine that writes
// logins; Close stops it. Logins that could not be written are logged, at debug only.
func New(src postgres.Source, log *slog.Logger) (*People, error) {
	if src.Primary == nil {
		return nil, errors.New("users need a database")
	}
	if log == nil {
		return nil, errors.New("users need a logger")
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &People{
		src: src, log: log, cancel: cancel,
		logins:  make(chan uuid.UUID, loginQueue),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
	}
	p.close = sync.OnceFunc(func() { close(p.closing) })
	go p.writeLogins(ctx)
	return p, nil
}

// Close writes the waiting logins, for 2 s at most, and returns when the goroutine has
// ended. Later logins are dropped.
func (p *People) Close() {
	p.close()
	select {
	case <-p.stopped:
	case <-time.After(closeTimeout):
	}
	p.cancel()
	<-p.stopped
}

func (p *People) ByKey(ctx context.Context, secret string) (domain.Key, error) {
	if !domain.Storable(secret) {
		return domain.Key{}, errNobody
	}
	var row dbsqlc.ByKeyRow
	err := p.src.Primary.Use(ctx, func(c postgres.Conn) (err error) {
		row, err = dbsqlc.New(c).ByKey(ctx, secret)
		return err
	})
	if err != nil {
		return domain.Key{}, err
	}
	return domain.Key{
		Owner: row.KeyOwner, Purpose: row.Purpose,
		Creator: person(dbsqlc.ByIDRow{
			ID: row.ID, Email: row.Email, IsAdmin: row.IsAdmin, IsDeleted: row.IsDeleted,
			LastLogin: row.LastLogin, Roles: row.Roles, Organizations: row.Organizations,
		}),
	}, nil
}

func (p *People) ByID(ctx context.Context, id uuid.UUID) (domain.Person, error) {
	var row dbsqlc.ByIDRow
	err := p.src.Primary.Use(ctx, func(c postgres.Conn) (err error) {
		row, err = dbsqlc.New(c).ByID(ctx, id)
		return err
	})
	if err != nil {
		return domain.Person{}, err
	}
	return person(row), nil
}

func (p *People) ByExternalID(ctx context.Context, name string) (domain.Person, error) {
	if !domain.Storable(name) {
		return domain.Person{}, errNobody
	}
	var row dbsqlc.ByExternalIDRow
	err := p.src.Primary.Use(ctx, func(c postgres.Conn) (err error) {
		row, err = dbsqlc.New(c).ByExternalID(ctx, name)
		return err
	})
	if err != nil {
		return domain.Person{}, err
	}
	return person(dbsqlc.ByIDRow(row)), nil
}

var errNobody = domain.Errorf(domain.CodeNotFound, "No such person")

func person(r dbsqlc.ByIDRow) domain.Person {
	roles := make([]domain.Role, len(r.Roles))
	for i, role := range r.Roles {
		roles[i] = domain.Role(role)
	}
	slices.Sort(roles)
	slices.SortFunc(r.Organizations, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return domain.Person{
		ID: r.ID, Email: r.Email, Admin: r.IsAdmin, Deleted: r.IsDeleted,
		Roles: roles, Organizations: r.Organizations, LastLogin: r.LastLogin,
	}
}

func (p *People) Emails(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]string, error) {
	if err := ctx.Err(); err != nil || len(ids) == 0 {
		return nil, err
	}
	var rows []dbsqlc.EmailsRow
	err := p.src.Read(ctx, func(c postgres.Conn) (err error) {
		rows, err = dbsqlc.New(c).Emails(ctx, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	emails := make(map[uuid.UUID]string, len(rows))
	for _, r := range rows {
		emails[r.ID] = r.Email
	}
	return emails, nil
}

func (p *People) ByEmail(ctx context.Context, email string) ([]uuid.UUID, error) {
	if !domain.Storable(email) {
		return nil, ctx.Err()
	}
	var ids []uuid.UUID
	err := p.src.Read(ctx, func(c postgres.Conn) (err error) {
		ids, err = dbsqlc.New(c).ByEmail(ctx, dbsqlc.ByEmailParams{Email: email, AtMost: domain.MaxNamesakes + 1})
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(ids) > domain.MaxNamesakes {
		return nil, domain.ErrNamesakes
	}
	return ids, nil
}

func (p *People) Owners(ctx context.Context, q domain.OwnerQuery) ([]domain.Owner, error) {
	if !domain.Storable(q.Text) {
		return nil, ctx.Err()
	}
	var rows []dbsqlc.OwnersRow
	err := p.src.Read(ctx, func(c postgres.Conn) (err error) {
		rows, err = dbsqlc.New(c).Owners(ctx, dbsqlc.OwnersParams{Text: q.Text, Among: q.Among, AtMost: q.Limit})
		return err
	})
	if err != nil {
		return nil, err
	}
	owners := make([]domain.Owner, len(rows))
	for i, r := range rows {
		owners[i] = domain.Owner{ID: r.ID, Email: r.Email, Name: r.Name, Organization: r.UserType == organization, Deleted: r.IsDeleted}
	}
	return owners, nil
}

// SawLogin drops the login if the queue is full: the next visit brings another.
func (p *People) SawLogin(id uuid.UUID) {
	select {
	case p.logins <- id:
	default:
	}
}

func (p *People) writeLogins(ctx context.Context) {
	defer close(p.stopped)
	for {
		select {
		case id := <-p.logins:
			p.writeLogin(ctx, id)
			continue
		case <-p.closing:
		}
		break
	}
	for ctx.Err() == nil {
		select {
		case id := <-p.logins:
			p.writeLogin(ctx, id)
		default:
			return
		}
	}
}

func (p *People) writeLogin(ctx context.Context, id uuid.UUID) {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	err := p.src.Primary.Use(ctx, func(c postgres.Conn) error {
		return dbsqlc.New(c).SawLogin(ctx, id)
	})
	if err != nil {
		p.log.DebugContext(ctx, "Could not record a login", "user_id", id, "error", err)
	}
}
