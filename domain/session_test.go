package domain_test

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

// What callers are told.
const (
	errNoSession   = "A session needs a key that works, sent as Authorization: Bearer KEY. This one is missing, unknown or revoked, has another purpose than platform, or its creator is deleted: create a new key and try again"
	errSessionsOff = "This service keeps no sessions of its own: send the key with each request, or ask its operator to set auth.session_key_file (LETHE_AUTH_SESSION_KEY_FILE)"
	errSessionOver = "This session has ended, or its key no longer works: start another with POST /lethe/api/v1/session and a key that works"
	errLongKey     = "The key is too long for a session: use one of at most 1024 bytes"
	errManyEnded   = "You have ended 1000 sessions before their time, so this one was not ended: revoke its key, or let it expire"
)

var limits = domain.SessionLimits{Idle: 30 * time.Minute, Max: 12 * time.Hour}

// moved is a time that a test moves.
type moved struct{ at time.Time }

func (c *moved) now() time.Time { return c.at }

// accepting identifies callers of people, and accepts sessions, at noon.
func accepting(people domain.People, sessions domain.Sessions) (*domain.IdentifyCaller, *moved) {
	c := &moved{noon}
	return domain.NewIdentifyCaller(people, c.now).Accepting(sessions, limits), c
}

// brokenSessions fail as they are told, and what comes with the error must not be
// believed.
type brokenSessions struct {
	domain.Sessions
	err error
}

func (b brokenSessions) Ended(ctx context.Context, id uuid.UUID) (bool, error) {
	ended, err := b.Sessions.Ended(ctx, id)
	return ended, cmp.Or(b.err, err)
}

func (b brokenSessions) End(context.Context, uuid.UUID, uuid.UUID, time.Time) error { return b.err }

// TestStartSession: only a key that works is exchanged, for a session with its limits.
func TestStartSession(t *testing.T) {
	t.Parallel()
	people := peopled()
	long := strings.Repeat("k", int(domain.MaxSessionKey))
	for _, secret := range []string{long, long + "k"} {
		people.AddKey(porttest.Key{Secret: secret, Owner: anna, Creator: anna, Purpose: "platform"})
	}
	identify, _ := accepting(people, memory.NewSessions())
	down := domain.Errorf(domain.CodeUnavailable, "gone")
	unreachable, _ := accepting(failing{People: people, key: down}, memory.NewSessions())
	seen := map[uuid.UUID]bool{}
	for name, c := range map[string]struct {
		identify *domain.IdentifyCaller
		given    domain.Credentials
		want     domain.Code
		says     string
	}{
		"key":                    {identify, domain.Credentials{Key: "key of anna"}, "", ""},
		"key without any role":   {identify, domain.Credentials{Key: "key of ben"}, "", ""},
		"organization's key":     {identify, domain.Credentials{Key: "acme's key of anna", Organization: &globex}, "", ""},
		"longest key":            {identify, domain.Credentials{Key: long}, "", ""},
		"too long a key":         {identify, domain.Credentials{Key: long + "k"}, domain.CodeInvalid, errLongKey},
		"revoked key":            {identify, domain.Credentials{Key: "revoked"}, domain.CodeUnauthenticated, errNoSession},
		"another purpose":        {identify, domain.Credentials{Key: "realtime key"}, domain.CodeUnauthenticated, errNoSession},
		"no key":                 {identify, domain.Credentials{}, domain.CodeUnauthenticated, errNoSession},
		"other credentials":      {identify, domain.Credentials{Key: "revoked", Sessions: []uuid.UUID{anna}, ExternalID: "anna"}, domain.CodeUnauthenticated, errNoSession},
		"another session":        {identify, domain.Credentials{Session: &domain.Session{Key: "key of anna", Until: noon.Add(time.Hour), Seen: noon}}, domain.CodeUnauthenticated, errNoSession},
		"lookup fails":           {unreachable, domain.Credentials{Key: "key of anna"}, domain.CodeUnavailable, "gone"},
		"no sessions":            {domain.NewIdentifyCaller(people, time.Now), domain.Credentials{Key: "key of anna"}, domain.CodeConflict, errSessionsOff},
		"no sessions, and a key": {domain.NewIdentifyCaller(people, time.Now), domain.Credentials{Key: "revoked"}, domain.CodeUnauthenticated, errNoSession},
	} {
		s, err := domain.NewStartSession(c.identify).Execute(t.Context(), c.given)
		if c.want != "" {
			wantError(t, err, c.want, c.says)
			if s != (domain.Session{}) {
				t.Errorf("%s: want no session, got %+v", name, s)
			}
			continue
		}
		if err != nil || s.Key != c.given.Key || !s.Seen.Equal(noon) || !s.Until.Equal(noon.Add(limits.Max)) || s.ID == uuid.Nil || seen[s.ID] {
			t.Errorf("%s: want a session of its own from noon on, got %+v, %v", name, s, err)
		}
		seen[s.ID] = true
	}
}

// TestSessionRights: a session identifies whom its key identifies at the moment, and
// ranks after a key and before all others.
func TestSessionRights(t *testing.T) {
	t.Parallel()
	at := func(key string) *domain.Session {
		return &domain.Session{ID: uuid.New(), Key: key, Until: noon.Add(time.Hour), Seen: noon}
	}
	over := at("key of anna")
	over.Until = noon
	for name, c := range map[string]struct {
		given        domain.Credentials
		want         uuid.UUID // nil UUID: nobody
		organization *uuid.UUID
	}{
		"session":                        {domain.Credentials{Session: at("key of anna")}, anna, nil},
		"of an organization's key":       {domain.Credentials{Session: at("acme's key of anna")}, anna, &acme},
		"member chooses":                 {domain.Credentials{Session: at("key of anna"), Organization: &acme}, anna, &acme},
		"stranger chooses":               {domain.Credentials{Session: at("key of ben"), Organization: &acme}, ben, nil},
		"after a key":                    {domain.Credentials{Key: "key of ben", Session: at("key of anna")}, ben, nil},
		"after a bad key":                {domain.Credentials{Key: "revoked", Session: at("key of anna")}, anna, nil},
		"before the gateway's":           {domain.Credentials{Session: at("key of anna"), Sessions: []uuid.UUID{ben}, ExternalID: "root"}, anna, nil},
		"over, before the gateway's":     {domain.Credentials{Session: over, Sessions: []uuid.UUID{ben}, ExternalID: "root"}, ben, nil},
		"over, before the proxy":         {domain.Credentials{Session: over, ExternalID: "root"}, root, nil},
		"revoked, before the gateway's":  {domain.Credentials{Session: at("revoked"), Sessions: []uuid.UUID{ben}}, ben, nil},
		"over":                           {domain.Credentials{Session: over}, uuid.Nil, nil},
		"over, all others fail":          {domain.Credentials{Key: "revoked", Session: over, Sessions: []uuid.UUID{gone}, ExternalID: "gone"}, uuid.Nil, nil},
		"of an unknown key":              {domain.Credentials{Session: at("unknown")}, uuid.Nil, nil},
		"of a revoked key":               {domain.Credentials{Session: at("revoked")}, uuid.Nil, nil},
		"of a deleted person's key":      {domain.Credentials{Session: at("key of gone")}, uuid.Nil, nil},
		"of a deleted organization's":    {domain.Credentials{Session: at("closed's key of anna")}, uuid.Nil, nil},
		"of a key of another purpose":    {domain.Credentials{Session: at("realtime key")}, uuid.Nil, nil},
		"of a stranger's organization's": {domain.Credentials{Session: at("acme's key of ben")}, uuid.Nil, nil},
	} {
		people := peopled()
		identify, _ := accepting(people, memory.NewSessions())
		got, err := identify.Execute(t.Context(), c.given)
		if c.want == uuid.Nil {
			wantError(t, err, domain.CodeUnauthenticated, errSessionOver)
			if got.ID != uuid.Nil {
				t.Errorf("%s: want nobody, got %+v", name, got)
			}
			continue
		}
		if err != nil || got.ID != c.want || (got.Organization == nil) != (c.organization == nil) || got.Organization != nil && *got.Organization != *c.organization {
			t.Errorf("%s: want %s for %v, got %+v, %v", name, c.want, c.organization, got, err)
		}
	}
	// Without sessions, there is none, whatever comes.
	_, err := domain.NewIdentifyCaller(peopled(), func() time.Time { return noon }).Execute(t.Context(), domain.Credentials{Session: at("key of anna")})
	wantError(t, err, domain.CodeUnauthenticated, errAuthentication)
}

// TestSessionLimits: a session lasts as long as it is used within the idle time, until
// its end, and is renewed when a tenth of that time has passed.
func TestSessionLimits(t *testing.T) {
	t.Parallel()
	begun := domain.Session{ID: uuid.New(), Key: "key of anna", Until: noon.Add(limits.Max), Seen: noon}
	late := begun
	late.Seen = noon.Add(limits.Max - time.Minute)
	for name, c := range map[string]struct {
		session        domain.Session
		after          time.Duration
		works, renewed bool
	}{
		"at once":                    {begun, 0, true, false},
		"just before a tenth":        {begun, 3*time.Minute - 1, true, false},
		"after a tenth":              {begun, 3 * time.Minute, true, true},
		"just before the idle limit": {begun, 30*time.Minute - 1, true, true},
		"at the idle limit":          {begun, 30 * time.Minute, false, false},
		"just before its end":        {late, 12*time.Hour - 1, true, false},
		"at its end":                 {late, 12 * time.Hour, false, false},
		"on a clock that is behind":  {begun, -time.Minute, true, false},
	} {
		identify, clock := accepting(peopled(), memory.NewSessions())
		clock.at = noon.Add(c.after)
		p, err := identify.Execute(t.Context(), domain.Credentials{Session: &c.session})
		if (err == nil) != c.works || (p.Renewed != nil) != c.renewed {
			t.Errorf("%s: want it to work: %t, renewed: %t, got %+v, %v", name, c.works, c.renewed, p.Renewed, err)
		}
		want := domain.Session{ID: begun.ID, Key: begun.Key, Until: begun.Until, Seen: clock.at}
		if p.Renewed != nil && *p.Renewed != want {
			t.Errorf("%s: want %+v, got %+v", name, want, *p.Renewed)
		}
	}
	identify, clock := accepting(peopled(), memory.NewSessions())
	clock.at = noon.Add(5 * time.Minute)
	if p, err := identify.Execute(t.Context(), domain.Credentials{Key: "key of anna", Session: &begun}); err != nil || p.Renewed != nil {
		t.Errorf("by key: want no session renewed, got %+v, %v", p.Renewed, err)
	}
}

// TestEndSession: an ended session is over for good, whatever was renewed of it, and
// no other is.
func TestEndSession(t *testing.T) {
	t.Parallel()
	sessions := memory.NewSessions()
	identify, clock := accepting(peopled(), sessions)
	start, end := domain.NewStartSession(identify), domain.NewEndSession(identify)
	var both [2]domain.Session
	for i := range both {
		var err error
		if both[i], err = start.Execute(t.Context(), domain.Credentials{Key: "key of anna"}); err != nil {
			t.Fatal(err)
		}
	}
	clock.at = noon.Add(5 * time.Minute)
	p, err := identify.Execute(t.Context(), domain.Credentials{Session: &both[0]})
	if err != nil || p.Renewed == nil {
		t.Fatalf("want it renewed, got %+v, %v", p, err)
	}
	// A key beside it is not what is ended.
	if err := end.Execute(t.Context(), domain.Credentials{Key: "key of ben", Session: &both[0]}); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*domain.Session{"it": &both[0], "its renewal": p.Renewed} {
		if _, err := identify.Execute(t.Context(), domain.Credentials{Session: s}); domain.CodeOf(err) != domain.CodeUnauthenticated {
			t.Errorf("%s after its end: want %s, got %v", name, domain.CodeUnauthenticated, err)
		}
	}
	if _, err := identify.Execute(t.Context(), domain.Credentials{Session: &both[1]}); err != nil {
		t.Errorf("the other session: %v", err)
	}
	if _, err := identify.Execute(t.Context(), domain.Credentials{Key: "key of anna"}); err != nil {
		t.Errorf("the key: %v", err)
	}
	for name, c := range map[string]domain.Credentials{
		"again": {Session: &both[0]}, "none": {}, "only a key": {Key: "key of anna"},
		"of a revoked key": {Session: &domain.Session{ID: uuid.New(), Key: "revoked", Until: noon.Add(time.Hour), Seen: noon}},
	} {
		if err := end.Execute(t.Context(), c); err != nil {
			t.Errorf("%s: want no error, got %v", name, err)
		}
	}
}

// TestEndedSessionsLimit: one person can end so many sessions, and no more.
func TestEndedSessionsLimit(t *testing.T) {
	t.Parallel()
	identify, _ := accepting(peopled(), memory.NewSessions())
	end := domain.NewEndSession(identify)
	another := func(key string) domain.Credentials {
		return domain.Credentials{Session: &domain.Session{ID: uuid.New(), Key: key, Until: noon.AddDate(200, 0, 0), Seen: noon}}
	}
	for i := range 1000 {
		if err := end.Execute(t.Context(), another("key of anna")); err != nil {
			t.Fatalf("session %d: %v", i+1, err)
		}
	}
	wantError(t, end.Execute(t.Context(), another("key of anna")), domain.CodeCrowded, errManyEnded)
	if err := end.Execute(t.Context(), another("key of ben")); err != nil {
		t.Errorf("by somebody else: %v", err)
	}
}

// TestSessionFailures: if it cannot be told whether a session was ended, nobody is
// believed, and nothing else is tried.
func TestSessionFailures(t *testing.T) {
	t.Parallel()
	down := domain.Errorf(domain.CodeUnavailable, "gone")
	given := domain.Credentials{Session: &domain.Session{ID: uuid.New(), Key: "key of anna", Until: noon.Add(time.Hour), Seen: noon}, ExternalID: "root"}
	for name, c := range map[string]struct {
		people   domain.People
		sessions domain.Sessions
	}{
		"ended":  {peopled(), brokenSessions{memory.NewSessions(), down}},
		"by key": {failing{People: peopled(), key: down}, memory.NewSessions()},
	} {
		identify, _ := accepting(c.people, c.sessions)
		if p, err := identify.Execute(t.Context(), given); !errors.Is(err, down) || p.ID != uuid.Nil {
			t.Errorf("%s: want its error, got %+v, %v", name, p, err)
		}
		if err := domain.NewEndSession(identify).Execute(t.Context(), given); !errors.Is(err, down) {
			t.Errorf("%s, end: want its error, got %v", name, err)
		}
	}
}
