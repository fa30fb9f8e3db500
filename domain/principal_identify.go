package domain

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Credentials are what a request carries, already verified if that takes a secret (a
// session's signature, a proxy's address). Empty means none.
type Credentials struct {
	Key        string      // the bearer secret
	Session    *Session    // Lethe's own; nil: none
	Sessions   []uuid.UUID // subjects of the gateway's valid sessions, in the order of the cookies
	ExternalID string      // the identity that a trusted proxy asserts
	// Organization is the one that the caller asks to act for, if any.
	Organization *uuid.UUID
}

// loginInterval is the minimum time between two writes of a person's last visit.
const loginInterval = 5 * time.Minute

// maxSessions limits the people whose sessions one request may carry; a browser has
// fewer. Each costs a look-up.
const maxSessions = 8

const platformPurpose = "platform"

// IdentifyCaller identifies the caller.
type IdentifyCaller struct {
	people   People
	now      func() time.Time
	sessions Sessions // nil: Lethe's own sessions are not accepted
	limits   SessionLimits
}

// NewIdentifyCaller returns the use case; now is the clock.
func NewIdentifyCaller(people People, now func() time.Time) *IdentifyCaller {
	return &IdentifyCaller{people: people, now: now}
}

// Accepting makes the use case accept Lethe's own sessions, and returns it.
func (u *IdentifyCaller) Accepting(sessions Sessions, limits SessionLimits) *IdentifyCaller {
	u.sessions, u.limits = sessions, limits
	return u
}

// Execute tries the key, then Lethe's own session, then the gateway's, then the proxy's
// word; the first that names an existing person wins. CodeUnauthenticated if none does,
// or if sessions of more than maxSessions people come without a valid key.
func (u *IdentifyCaller) Execute(ctx context.Context, c Credentials) (Principal, error) {
	person, organization, session, err := u.find(ctx, c)
	if err != nil {
		return Principal{}, err
	}
	if c.Organization != nil && person.memberOf(*c.Organization) {
		organization = c.Organization
	}
	if person.LastLogin == nil || u.now().Sub(*person.LastLogin) >= loginInterval {
		u.people.SawLogin(person.ID)
	}
	p := person.principal()
	p.Organization = organization
	if now := u.now(); session != nil && now.Sub(session.Seen) >= u.limits.Idle/time.Duration(renewals) {
		p.Renewed = &Session{ID: session.ID, Key: session.Key, Until: session.Until, Seen: now}
	}
	return p, nil
}

// find returns the person, the organization that an organization's key stands for, and
// Lethe's own session if that was it.
func (u *IdentifyCaller) find(ctx context.Context, c Credentials) (Person, *uuid.UUID, *Session, error) {
	if c.Key != "" {
		person, organization, err := u.byKey(ctx, c.Key)
		if CodeOf(err) != CodeNotFound {
			return person, organization, nil, err
		}
	}
	unknown := errUnauthenticated
	if c.Session != nil && u.sessions != nil {
		person, organization, err := u.bySession(ctx, *c.Session)
		if CodeOf(err) != CodeNotFound {
			return person, organization, c.Session, err
		}
		unknown = errSessionOver
	}
	person, err := u.bySubject(ctx, c.Sessions)
	if CodeOf(err) != CodeNotFound {
		return person, nil, nil, err
	}
	if c.ExternalID != "" {
		person, err := u.people.ByExternalID(ctx, c.ExternalID)
		if err == nil && person.exists() {
			return person, nil, nil, nil
		}
		if err != nil && CodeOf(err) != CodeNotFound {
			return Person{}, nil, nil, err
		}
	}
	return Person{}, nil, nil, unknown
}

// errNobody says that a credential identifies nobody. It stays in here.
var errNobody = &Error{Code: CodeNotFound}

// byKey returns CodeNotFound if the key does not work, or has another purpose than platform.
func (u *IdentifyCaller) byKey(ctx context.Context, secret string) (Person, *uuid.UUID, error) {
	key, err := u.people.ByKey(ctx, secret)
	if err != nil {
		return Person{}, nil, err
	}
	organization, ok := key.worksFor()
	if !ok || key.Purpose != platformPurpose {
		return Person{}, nil, errNobody
	}
	return key.Creator, organization, nil
}

// bySession returns CodeNotFound if the session is over or its key does not work.
func (u *IdentifyCaller) bySession(ctx context.Context, s Session) (Person, *uuid.UUID, error) {
	now := u.now()
	if !now.Before(s.Until) || now.Sub(s.Seen) >= u.limits.Idle {
		return Person{}, nil, errNobody
	}
	ended, err := u.sessions.Ended(ctx, s.ID)
	if err != nil {
		return Person{}, nil, err
	}
	if ended {
		return Person{}, nil, errNobody
	}
	return u.byKey(ctx, s.Key)
}

// bySubject returns the first existing person of the gateway's sessions, or
// CodeNotFound.
func (u *IdentifyCaller) bySubject(ctx context.Context, subjects []uuid.UUID) (Person, error) {
	var sessions []uuid.UUID
	for _, id := range subjects {
		if slices.Contains(sessions, id) {
			continue
		}
		if int64(len(sessions)) == maxSessions {
			return Person{}, errUnauthenticated
		}
		sessions = append(sessions, id)
	}
	for _, id := range sessions {
		person, err := u.people.ByID(ctx, id)
		if err == nil && person.exists() {
			return person, nil
		}
		if err != nil && CodeOf(err) != CodeNotFound {
			return Person{}, err
		}
	}
	return Person{}, errNobody
}

var errUnauthenticated = Errorf(CodeUnauthenticated, "Authentication required")

// ExecuteKey identifies the caller by a key alone, whatever its purpose.
// CodeUnauthenticated if it does not work.
func (u *IdentifyCaller) ExecuteKey(ctx context.Context, secret string) (KeyHolder, error) {
	if secret == "" {
		return KeyHolder{}, errUnauthenticated
	}
	key, err := u.people.ByKey(ctx, secret)
	if err != nil && CodeOf(err) != CodeNotFound {
		return KeyHolder{}, err
	}
	organization, ok := key.worksFor()
	if !ok {
		return KeyHolder{}, errUnauthenticated
	}
	p := key.Creator.principal()
	p.Organization = organization
	return KeyHolder{p, key.Owner}, nil
}

// Works reports whether the key authenticates somebody. Keys of purposes other than
// platform do so only by ExecuteKey.
func (k Key) Works() bool {
	_, ok := k.worksFor()
	return ok
}

// worksFor returns the organization that the key stands for; nil: its creator only.
func (k Key) worksFor() (organization *uuid.UUID, ok bool) {
	if !k.Creator.exists() {
		return nil, false
	}
	if k.Owner == k.Creator.ID {
		return nil, true
	}
	return &k.Owner, k.Creator.memberOf(k.Owner) || k.Creator.principal().readReach() == everyone
}

// exists is false for deleted people and for the nil UUID, a system row that nobody
// logs in with.
func (p Person) exists() bool { return !p.Deleted && p.ID != uuid.Nil }

func (p Person) memberOf(organization uuid.UUID) bool {
	return slices.Contains(p.Organizations, organization)
}

func (p Person) principal() Principal {
	return Principal{ID: p.ID, Email: p.Email, Admin: p.Admin, Roles: p.Roles}
}
