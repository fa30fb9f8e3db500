package domain_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

const errAuthentication = "Authentication required"

var (
	gone    = uuid.MustParse("00000000-0000-4000-8000-0000000000de")
	manager = uuid.MustParse("00000000-0000-4000-8000-00000000000c")
	root    = uuid.MustParse("00000000-0000-4000-8000-00000000000d")
	closed  = uuid.MustParse("00000000-0000-4000-8000-0000000000cc")
)

// peopled is a store with anna, a member of acme and invited to globex; ben, a
// member of nothing; a manager and root, who read everything; somebody
// deleted; and a closed organization.
func peopled() *memory.Store {
	s := memory.New()
	person := func(id uuid.UUID, name string, change func(*porttest.Person)) {
		p := porttest.Person{ID: id, Email: name + "@example.com", ExternalID: name, LastLogin: &noon}
		change(&p)
		s.AddPerson(p)
		s.AddKey(porttest.Key{Secret: "key of " + name, Owner: id, Creator: id, Purpose: "platform"})
		for organization, name2 := range map[uuid.UUID]string{acme: "acme", globex: "globex", closed: "closed"} {
			s.AddKey(porttest.Key{Secret: name2 + "'s key of " + name, Owner: organization, Creator: id, Purpose: "platform"})
		}
	}
	person(anna, "anna", func(p *porttest.Person) { p.Roles = []domain.Role{domain.RoleBatchAPIUser, "STANDARDUSER"} })
	person(ben, "ben", func(*porttest.Person) {})
	person(manager, "manager", func(p *porttest.Person) { p.Roles = []domain.Role{domain.RolePlatformManager} })
	person(root, "root", func(p *porttest.Person) { p.Admin = true })
	person(gone, "gone", func(p *porttest.Person) { p.Deleted, p.Admin = true, true })
	person(uuid.Nil, "system", func(p *porttest.Person) { p.Admin = true })
	s.AddOrganization(porttest.Organization{ID: acme, Email: "acme@example.com"})
	s.AddOrganization(porttest.Organization{ID: globex, Email: "globex@example.com"})
	s.AddOrganization(porttest.Organization{ID: closed, Email: "closed@example.com", Deleted: true})
	for _, p := range []uuid.UUID{anna, gone, uuid.Nil} {
		s.AddMembership(porttest.Membership{Person: p, Organization: acme})
		s.AddMembership(porttest.Membership{Person: p, Organization: globex, Pending: true})
		s.AddMembership(porttest.Membership{Person: p, Organization: closed})
	}
	for _, purpose := range []string{"realtime", "batch", "inference", "playground", "Platform", ""} {
		s.AddKey(porttest.Key{Secret: purpose + " key", Owner: anna, Creator: anna, Purpose: purpose})
	}
	s.AddKey(porttest.Key{Secret: "revoked", Owner: anna, Creator: anna, Purpose: "platform", Deleted: true})
	s.AddKey(porttest.Key{Secret: "ben's key of anna", Owner: ben, Creator: anna, Purpose: "platform"})
	s.AddKey(porttest.Key{Secret: "ben's key of manager", Owner: ben, Creator: manager, Purpose: "platform"})
	return s
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	type creds = domain.Credentials
	ids := func(ids ...uuid.UUID) []uuid.UUID { return ids }
	for _, c := range []struct {
		name         string
		credentials  creds
		want         uuid.UUID // nil UUID: nobody
		organization *uuid.UUID
	}{
		{"nothing", creds{}, uuid.Nil, nil},
		{"an organization alone", creds{Organization: &acme}, uuid.Nil, nil},

		{"key", creds{Key: "key of anna"}, anna, nil},
		{"key without any role", creds{Key: "key of ben"}, ben, nil},
		{"unknown key", creds{Key: "unknown"}, uuid.Nil, nil},
		{"revoked key", creds{Key: "revoked"}, uuid.Nil, nil},
		{"deleted person's key", creds{Key: "key of gone"}, uuid.Nil, nil},
		{"system's key", creds{Key: "key of system"}, uuid.Nil, nil},
		{"realtime key", creds{Key: "realtime key"}, uuid.Nil, nil},
		{"batch key", creds{Key: "batch key"}, uuid.Nil, nil},
		{"inference key", creds{Key: "inference key"}, uuid.Nil, nil},
		{"playground key", creds{Key: "playground key"}, uuid.Nil, nil},
		{"purpose in another case", creds{Key: "Platform key"}, uuid.Nil, nil},
		{"no purpose", creds{Key: " key"}, uuid.Nil, nil},

		{"member's organization's key", creds{Key: "acme's key of anna"}, anna, &acme},
		{"invited one's organization's key", creds{Key: "globex's key of anna"}, uuid.Nil, nil},
		{"deleted organization's key", creds{Key: "closed's key of anna"}, uuid.Nil, nil},
		{"stranger's organization's key", creds{Key: "acme's key of ben"}, uuid.Nil, nil},
		{"manager's organization's key", creds{Key: "acme's key of manager"}, manager, &acme},
		{"admin's organization's key", creds{Key: "acme's key of root"}, root, &acme},
		{"deleted admin's organization's key", creds{Key: "acme's key of gone"}, uuid.Nil, nil},
		{"system's organization's key", creds{Key: "acme's key of system"}, uuid.Nil, nil},
		{"another person's key", creds{Key: "ben's key of anna"}, uuid.Nil, nil},
		{"another person's key, made by a manager", creds{Key: "ben's key of manager"}, manager, &ben},

		{"session", creds{Sessions: ids(anna)}, anna, nil},
		{"unknown session", creds{Sessions: ids(uuid.New())}, uuid.Nil, nil},
		{"deleted person's session", creds{Sessions: ids(gone)}, uuid.Nil, nil},
		{"system's session", creds{Sessions: ids(uuid.Nil)}, uuid.Nil, nil},
		{"first session that counts", creds{Sessions: ids(uuid.New(), gone, uuid.Nil, ben, anna)}, ben, nil},

		{"proxy", creds{ExternalID: "anna"}, anna, nil},
		{"unknown to the proxy", creds{ExternalID: "nobody"}, uuid.Nil, nil},
		{"deleted person by proxy", creds{ExternalID: "gone"}, uuid.Nil, nil},
		{"system by proxy", creds{ExternalID: "system"}, uuid.Nil, nil},

		{"key before session before proxy", creds{Key: "key of anna", Sessions: ids(ben), ExternalID: "root"}, anna, nil},
		{"session before proxy", creds{Sessions: ids(ben), ExternalID: "root"}, ben, nil},
		{"bad key, session", creds{Key: "unknown", Sessions: ids(ben), ExternalID: "root"}, ben, nil},
		{"key of another purpose, session", creds{Key: "realtime key", Sessions: ids(ben)}, ben, nil},
		{"stranger's organization's key, proxy", creds{Key: "acme's key of ben", ExternalID: "ben"}, ben, nil},
		{"bad key, bad session, proxy", creds{Key: "revoked", Sessions: ids(gone), ExternalID: "root"}, root, nil},

		{"member chooses", creds{Key: "key of anna", Organization: &acme}, anna, &acme},
		{"member chooses by session", creds{Sessions: ids(anna), Organization: &acme}, anna, &acme},
		{"member chooses by proxy", creds{ExternalID: "anna", Organization: &acme}, anna, &acme},
		{"invited one chooses", creds{Key: "key of anna", Organization: &globex}, anna, nil},
		{"member of a deleted one chooses", creds{Key: "key of anna", Organization: &closed}, anna, nil},
		{"stranger chooses", creds{Key: "key of ben", Organization: &acme}, ben, nil},
		{"admin chooses without membership", creds{Key: "key of root", Organization: &acme}, root, nil},
		{"oneself", creds{Key: "key of anna", Organization: &anna}, anna, nil},
		{"manager chooses without membership", creds{Key: "globex's key of manager", Organization: &acme}, manager, &globex},
		{"choice of the same", creds{Key: "acme's key of anna", Organization: &acme}, anna, &acme},
		{"choice that does not count leaves the key's", creds{Key: "acme's key of anna", Organization: &globex}, anna, &acme},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := peopled()
			got, err := domain.NewIdentifyCaller(s, func() time.Time { return noon }).Execute(t.Context(), c.credentials)
			if len(c.credentials.Sessions) == 0 && c.credentials.ExternalID == "" {
				// Who remembers keys asks each of them whether it works.
				key, keyErr := s.ByKey(t.Context(), c.credentials.Key)
				if works := keyErr == nil && key.Works() && key.Purpose == "platform"; works != (err == nil) {
					t.Errorf("key works: %v; want an error only if it does not, got %v", works, err)
				}
			}
			if c.want == uuid.Nil {
				wantError(t, err, domain.CodeUnauthenticated, errAuthentication)
				if got.ID != uuid.Nil || got.Admin || got.Roles != nil {
					t.Errorf("want nobody with an error, got %+v", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			person, err := s.ByID(t.Context(), c.want)
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != person.ID || got.Email != person.Email || got.Admin != person.Admin || !slices.Equal(got.Roles, person.Roles) {
				t.Errorf("want %+v, got %+v", person, got)
			}
			if (got.Organization == nil) != (c.organization == nil) || got.Organization != nil && *got.Organization != *c.organization {
				t.Errorf("want organization %v, got %v", c.organization, got.Organization)
			}
		})
	}
}

// TestIdentifyOrganizationHeader: of two memberships, the requested one is active.
func TestIdentifyOrganizationHeader(t *testing.T) {
	t.Parallel()
	s := peopled()
	s.AddPerson(porttest.Person{ID: ben, Email: "ben@example.com"})
	s.AddMembership(porttest.Membership{Person: ben, Organization: acme})
	s.AddMembership(porttest.Membership{Person: ben, Organization: globex})
	got, err := domain.NewIdentifyCaller(s, time.Now).Execute(t.Context(), domain.Credentials{Key: "acme's key of ben", Organization: &globex})
	if err != nil || got.Organization == nil || *got.Organization != globex {
		t.Errorf("want %s, got %v, %v", globex, got.Organization, err)
	}
}

// failing is People of which one look-up is out of order: what comes with its
// error must not be believed.
type failing struct {
	domain.People
	key, id, externalID error
}

func (f failing) ByKey(ctx context.Context, secret string) (domain.Key, error) {
	key, err := f.People.ByKey(ctx, secret)
	return key, cmp.Or(f.key, err)
}

func (f failing) ByID(ctx context.Context, id uuid.UUID) (domain.Person, error) {
	person, err := f.People.ByID(ctx, id)
	return person, cmp.Or(f.id, err)
}

func (f failing) ByExternalID(ctx context.Context, name string) (domain.Person, error) {
	person, err := f.People.ByExternalID(ctx, name)
	return person, cmp.Or(f.externalID, err)
}

// TestIdentifyFailures: a failed lookup does not make the caller anonymous, and no
// later credential replaces it.
func TestIdentifyFailures(t *testing.T) {
	t.Parallel()
	down := domain.Errorf(domain.CodeUnavailable, "gone")
	all := domain.Credentials{Key: "unknown", Sessions: []uuid.UUID{gone}, ExternalID: "anna"}
	known := domain.Credentials{Key: "unknown", Sessions: []uuid.UUID{anna}, ExternalID: "anna"}
	for name, c := range map[string]struct {
		people      failing
		credentials domain.Credentials
		want        error
	}{
		"key":                                {failing{key: down}, known, down},
		"key lookup fails":                   {failing{key: down}, domain.Credentials{Key: "key of anna"}, down},
		"session lookup fails":               {failing{id: down}, known, down},
		"proxy lookup fails":                 {failing{externalID: down}, all, down},
		"key, canceled":                      {failing{key: context.Canceled}, known, context.Canceled},
		"session":                            {failing{id: down}, all, down},
		"proxy":                              {failing{externalID: down}, domain.Credentials{ExternalID: "nobody"}, down},
		"key works, session not looked up":   {failing{id: down}, domain.Credentials{Key: "key of anna", Sessions: []uuid.UUID{anna}}, nil},
		"session works, proxy not looked up": {failing{externalID: down}, known, nil},
		"session alone":                      {failing{key: down, externalID: down}, domain.Credentials{Sessions: []uuid.UUID{anna}}, nil},
		"proxy alone":                        {failing{key: down, id: down}, domain.Credentials{ExternalID: "anna"}, nil},
	} {
		c.people.People = peopled()
		got, err := domain.NewIdentifyCaller(c.people, time.Now).Execute(t.Context(), c.credentials)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: want %v, got %v", name, c.want, err)
		}
		if c.want == nil && got.ID != anna {
			t.Errorf("%s: want anna, got %+v", name, got)
		}
	}
	_, err := domain.NewIdentifyCaller(failing{People: peopled(), key: down, id: down, externalID: down}, time.Now).Execute(t.Context(), domain.Credentials{})
	wantError(t, err, domain.CodeUnauthenticated, errAuthentication)
}

func TestIdentifyRecordsLogin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		last *time.Time
		want bool
	}{
		"never seen":                  {nil, true},
		"an hour ago":                 {ptr(noon.Add(-time.Hour)), true},
		"five minutes ago":            {ptr(noon.Add(-5 * time.Minute)), true},
		"just under five minutes ago": {ptr(noon.Add(-5*time.Minute + time.Nanosecond)), false},
		"now":                         {&noon, false},
		"in the future":               {ptr(noon.Add(time.Hour)), false},
	} {
		w := newWorld()
		w.AddPerson(porttest.Person{ID: anna, Email: "anna@example.com", LastLogin: c.last})
		identify := domain.NewIdentifyCaller(w, func() time.Time { return noon })
		if _, err := identify.Execute(t.Context(), domain.Credentials{Sessions: []uuid.UUID{anna}}); err != nil {
			t.Fatal(err)
		}
		var want []uuid.UUID
		if c.want {
			want = []uuid.UUID{anna}
		}
		if !slices.Equal(w.logins, want) {
			t.Errorf("%s: want %v noted, got %v", name, want, w.logins)
		}
		if _, err := identify.Execute(t.Context(), domain.Credentials{Sessions: []uuid.UUID{ben}}); err == nil || !slices.Equal(w.logins, want) {
			t.Errorf("%s, unknown person: want logins %v and an error, got %v, %v", name, want, w.logins, err)
		}
	}
}

// counting counts what is looked up by identifier.
type counting struct {
	domain.People
	looked *int
}

func (c counting) ByID(ctx context.Context, id uuid.UUID) (domain.Person, error) {
	*c.looked++
	return c.People.ByID(ctx, id)
}

// TestIdentifySessionLimit: one request looks up each person once, and only a few of
// them.
func TestIdentifySessionLimit(t *testing.T) {
	t.Parallel()
	s := peopled()
	several := func(n int, last ...uuid.UUID) (ids []uuid.UUID) {
		for range n {
			ids = append(ids, uuid.New())
		}
		return append(ids, last...)
	}
	for name, c := range map[string]struct {
		given  domain.Credentials
		looked int
		want   uuid.UUID
	}{
		"one session, 144 times":  {domain.Credentials{Sessions: slices.Repeat([]uuid.UUID{gone}, 144)}, 1, uuid.Nil},
		"eighth session ignored":  {domain.Credentials{Sessions: several(7, gone, gone)[1:]}, 7, uuid.Nil},
		"eight sessions":          {domain.Credentials{Sessions: several(7, anna)}, 8, anna},
		"nine sessions":           {domain.Credentials{Sessions: several(8, anna)}, 0, uuid.Nil},
		"nine sessions and proxy": {domain.Credentials{Sessions: several(9), ExternalID: "anna"}, 0, uuid.Nil},
		"nine sessions and key":   {domain.Credentials{Sessions: several(9), Key: "key of anna"}, 0, anna},
	} {
		looked := 0
		p, err := domain.NewIdentifyCaller(counting{s, &looked}, func() time.Time { return noon }).Execute(t.Context(), c.given)
		if p.ID != c.want || looked != c.looked || (err == nil) != (c.want != uuid.Nil) || err != nil && (domain.CodeOf(err) != domain.CodeUnauthenticated || err.Error() != errAuthentication) {
			t.Errorf("%s: want person %v after %d lookups, got %v, %v after %d", name, c.want, c.looked, p.ID, err, looked)
		}
	}
}
