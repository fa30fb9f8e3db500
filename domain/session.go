package domain

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Session is one of Lethe's own: a caller has exchanged a key for it. It has exactly
// the rights of that key, and ends with it. The caller keeps it, sealed; only its end
// is stored.
type Session struct {
	ID    uuid.UUID
	Key   string    // the secret
	Until time.Time // when it ends, however much it is used
	Seen  time.Time // when it began or was last renewed
}

// SessionLimits say how long a session lasts: after its last use, and at all.
type SessionLimits struct{ Idle, Max time.Duration }

const (
	// MaxSessionKey is the longest key in a session, in bytes: a browser keeps cookies
	// of 4 KiB, and a sealed session is longer than its key.
	MaxSessionKey = 1024

	// MaxEndedSessions is how many sessions one person can end before their time; these
	// have to be remembered.
	MaxEndedSessions = 1000

	// renewals is how often a session that is always in use is renewed in its idle time.
	renewals = 10
)

// StartSession exchanges a key for a session.
type StartSession struct{ identify *IdentifyCaller }

// NewStartSession returns the use case. The sessions are those that identify accepts.
func NewStartSession(identify *IdentifyCaller) *StartSession { return &StartSession{identify} }

// Execute ignores all credentials except the key. CodeUnauthenticated if that does not
// work, CodeConflict if there are no sessions here, CodeInvalid if the key is too long.
func (u *StartSession) Execute(ctx context.Context, c Credentials) (Session, error) {
	_, err := u.identify.Execute(ctx, Credentials{Key: c.Key})
	switch {
	case CodeOf(err) == CodeUnauthenticated:
		return Session{}, errNoSession
	case err != nil:
		return Session{}, err
	case u.identify.sessions == nil:
		return Session{}, errSessionsOff
	case int64(len(c.Key)) > MaxSessionKey:
		return Session{}, Errorf(CodeInvalid, "The key is too long for a session: use one of at most %d bytes", MaxSessionKey)
	}
	now := u.identify.now()
	return Session{ID: uuid.New(), Key: c.Key, Until: now.Add(u.identify.limits.Max), Seen: now}, nil
}

var (
	errNoSession   = Errorf(CodeUnauthenticated, "A session needs a key that works, sent as Authorization: Bearer KEY. This one is missing, unknown or revoked, has another purpose than platform, or its creator is deleted: create a new key and try again")
	errSessionsOff = Errorf(CodeConflict, "This service keeps no sessions of its own: send the key with each request, or ask its operator to set auth.session_key_file (LETHE_AUTH_SESSION_KEY_FILE)")
	errSessionOver = Errorf(CodeUnauthenticated, "This session has ended, or its key no longer works: start another with POST /lethe/api/v1/session and a key that works")
)

// EndSession ends a session for good.
type EndSession struct{ identify *IdentifyCaller }

// NewEndSession returns the use case. The sessions are those that identify accepts.
func NewEndSession(identify *IdentifyCaller) *EndSession { return &EndSession{identify} }

// Execute ends the session among the credentials. It is no error if there is none, or
// if it is already over. CodeCrowded if the caller has ended too many.
func (u *EndSession) Execute(ctx context.Context, c Credentials) error {
	caller, err := u.identify.Execute(ctx, Credentials{Session: c.Session})
	switch {
	case CodeOf(err) == CodeUnauthenticated:
		return nil
	case err != nil:
		return err
	}
	return u.identify.sessions.End(ctx, c.Session.ID, caller.ID, c.Session.Until)
}

// ErrEndedSessions is returned if a person has ended too many sessions.
var ErrEndedSessions = Errorf(CodeCrowded, "You have ended %d sessions before their time, so this one was not ended: revoke its key, or let it expire", MaxEndedSessions)
