package cache_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/cache"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

// source counts the queries it gets. Like a database, it makes each answer anew.
type source struct {
	domain.People
	asked, logins int
	before        func() // runs before each answer, if not nil
}

func (s *source) ask() {
	s.asked++
	if s.before != nil {
		s.before()
	}
}

func (s *source) ByKey(ctx context.Context, secret string) (domain.Key, error) {
	key, err := s.People.ByKey(ctx, secret)
	s.ask()
	key.Creator = anew(key.Creator)
	return key, err
}

func (s *source) ByID(ctx context.Context, id uuid.UUID) (domain.Person, error) {
	person, err := s.People.ByID(ctx, id)
	s.ask()
	return anew(person), err
}

func (s *source) ByExternalID(ctx context.Context, name string) (domain.Person, error) {
	person, err := s.People.ByExternalID(ctx, name)
	s.ask()
	return anew(person), err
}

func anew(p domain.Person) domain.Person {
	p.Roles, p.Organizations = slices.Clone(p.Roles), slices.Clone(p.Organizations)
	if p.LastLogin != nil {
		p.LastLogin = new(*p.LastLogin)
	}
	return p
}

func (s *source) SawLogin(uuid.UUID) { s.logins++ }

// fixture is a cache over people in memory with a manual clock.
type fixture struct {
	*cache.People
	store               *memory.Store
	source              *source
	now                 time.Time
	hits, misses, drops int
}

const ttl = 5 * time.Second

func newFixture(t *testing.T, entries int) *fixture {
	t.Helper()
	store := memory.New()
	b := &fixture{store: store, source: &source{People: store}, now: time.Now()}
	people, err := cache.NewPeople(b.source, cache.Config{
		TTL: ttl, Entries: entries,
		Now: func() time.Time { return b.now },
		Looked: func(hit bool) {
			if hit {
				b.hits++
			} else {
				b.misses++
			}
		},
		Dropped: func() { b.drops++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.People = people
	return b
}

// addPerson adds a person with the key "key of NAME" and the external id NAME.
func (b *fixture) addPerson(name string, roles ...domain.Role) uuid.UUID {
	at := b.now.Add(-time.Hour)
	p := porttest.Person{ID: uuid.New(), Email: name + "@example.com", ExternalID: name, Roles: roles, LastLogin: &at}
	b.store.AddPerson(p)
	b.store.AddKey(porttest.Key{Secret: "key of " + name, Owner: p.ID, Creator: p.ID, Purpose: "platform"})
	return p.ID
}

// want checks how many queries the source has had.
func (b *fixture) want(t *testing.T, asked int, when string) {
	t.Helper()
	if b.source.asked != asked {
		t.Errorf("%s: the source was asked %d times, want %d", when, b.source.asked, asked)
	}
}

// dropping drops the whole cache on each change, as a notification of the database
// does.
type dropping struct {
	*memory.Store
	people *cache.People
}

func (d dropping) People() domain.People { return d.people }

func (d dropping) AddPerson(p porttest.Person) { d.Store.AddPerson(p); d.people.Drop() }

func (d dropping) AddOrganization(o porttest.Organization) {
	d.Store.AddOrganization(o)
	d.people.Drop()
}

func (d dropping) AddMembership(m porttest.Membership) { d.Store.AddMembership(m); d.people.Drop() }

func (d dropping) AddKey(k porttest.Key) { d.Store.AddKey(k); d.people.Drop() }

func TestPeople(t *testing.T) {
	t.Parallel()
	porttest.People(t, func(t *testing.T) porttest.PeopleFixture {
		store := memory.New()
		people, err := cache.NewPeople(store, cache.Config{
			TTL: time.Hour, Entries: 1000, Now: time.Now, Looked: func(bool) {}, Dropped: func() {},
		})
		if err != nil {
			t.Fatal(err)
		}
		return dropping{store, people}
	})
}

func TestCachedAnswers(t *testing.T) {
	t.Parallel()
	b := newFixture(t, 10)
	id := b.addPerson("anna", domain.RoleBatchAPIUser, domain.RolePlatformManager)
	organization := uuid.New()
	b.store.AddOrganization(porttest.Organization{ID: organization, Email: "o@example.com"})
	b.store.AddMembership(porttest.Membership{Person: id, Organization: organization})
	wantKey, keyErr := b.store.ByKey(t.Context(), "key of anna")
	wantPerson, personErr := b.store.ByID(t.Context(), id)
	if err := errors.Join(keyErr, personErr); err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() (any, error){
		"key":         func() (any, error) { return b.ByKey(t.Context(), "key of anna") },
		"id":          func() (any, error) { return b.ByID(t.Context(), id) },
		"external id": func() (any, error) { return b.ByExternalID(t.Context(), "anna") },
	} {
		b.source.asked = 0
		var want any = wantPerson
		if name == "key" {
			want = wantKey
		}
		for range 3 {
			got, err := ask()
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
			}
			// A caller that modifies an answer does not modify the next one.
			switch got := got.(type) {
			case domain.Key:
				got.Creator.Roles[0], got.Creator.Organizations[0] = "ROOT", uuid.Nil
				*got.Creator.LastLogin = time.Time{}
			case domain.Person:
				got.Roles[0], got.Organizations[0] = "ROOT", uuid.Nil
				*got.LastLogin = time.Time{}
			}
		}
		b.want(t, 1, name)
	}
	if b.hits != 6 || b.misses != 3 {
		t.Errorf("reported %d hits and %d misses, want 6 and 3", b.hits, b.misses)
	}
}

// TestTTL: an answer is reused until the TTL has passed since the query began,
// however long the query took and however often the answer was used.
func TestTTL(t *testing.T) {
	t.Parallel()
	b := newFixture(t, 10)
	b.addPerson("anna")
	const slow = 2 * time.Second
	b.source.before = func() { b.now = b.now.Add(slow) }
	begun := b.now
	for _, c := range []struct {
		after time.Duration
		asked int
	}{{0, 1}, {slow, 1}, {ttl - 2, 1}, {ttl - 1, 1}, {ttl, 2}, {ttl + slow, 2}, {2*ttl - 1, 2}, {2 * ttl, 3}} {
		b.now = begun.Add(c.after)
		if _, err := b.ByKey(t.Context(), "key of anna"); err != nil {
			t.Fatal(err)
		}
		b.want(t, c.asked, c.after.String())
	}
	b.now = begun.Add(2*ttl + ttl + 1)
	b.source.People = memory.New() // empty
	if _, err := b.ByKey(t.Context(), "key of anna"); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("after the TTL: got %v, want not found", err)
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	b := newFixture(t, 10)
	id := b.addPerson("anna")
	ask := func() error {
		_, keyErr := b.ByKey(t.Context(), "key of anna")
		_, idErr := b.ByID(t.Context(), id)
		_, nameErr := b.ByExternalID(t.Context(), "anna")
		return errors.Join(keyErr, idErr, nameErr)
	}
	if err := errors.Join(ask(), ask()); err != nil {
		t.Fatal(err)
	}
	b.want(t, 3, "before")
	b.Drop()
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	b.want(t, 6, "after")
	if b.drops != 1 {
		t.Errorf("reported %d drops, want 1", b.drops)
	}
}

// TestDropDuringLookup: an answer under way during a drop may predate the change.
// The caller gets it, but it is not cached.
func TestDropDuringLookup(t *testing.T) {
	t.Parallel()
	b := newFixture(t, 10)
	b.addPerson("anna")
	b.source.before = b.Drop
	if _, err := b.ByKey(t.Context(), "key of anna"); err != nil {
		t.Fatal(err)
	}
	b.source.before = nil
	b.source.People = memory.New()
	if _, err := b.ByKey(t.Context(), "key of anna"); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("after the drop: got %v, want not found", err)
	}
}

// TestErrorsAreNotCached: guesses and failures do not fill the cache, and a new
// key works at once.
func TestErrorsAreNotCached(t *testing.T) {
	t.Parallel()
	b := newFixture(t, 2)
	b.addPerson("anna")
	if _, err := b.ByKey(t.Context(), "key of anna"); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := b.ByKey(t.Context(), fmt.Sprint("guess ", i)); domain.CodeOf(err) != domain.CodeNotFound {
			t.Fatal(err)
		}
	}
	b.want(t, 101, "guesses")
	if _, err := b.ByKey(t.Context(), "key of anna"); err != nil {
		t.Fatal(err)
	}
	b.want(t, 101, "after them")
	if _, err := b.ByKey(t.Context(), "key of ben"); domain.CodeOf(err) != domain.CodeNotFound {
		t.Fatal(err)
	}
	b.addPerson("ben")
	if _, err := b.ByKey(t.Context(), "key of ben"); err != nil {
		t.Errorf("new key: got %v, want no error", err)
	}
}

// TestMaxEntries: the least recently used answer is evicted.
func TestMaxEntries(t *testing.T) {
	t.Parallel()
	b := newFixture(t, 3)
	for _, name := range []string{"anna", "ben", "carl", "dora"} {
		b.addPerson(name)
	}
	for _, c := range []struct {
		name  string
		asked int
	}{
		{"anna", 1}, {"ben", 2}, {"carl", 3}, {"anna", 3}, {"dora", 4},
		{"anna", 4}, {"carl", 4}, {"dora", 4}, {"ben", 5}, {"anna", 6},
	} {
		if _, err := b.ByExternalID(t.Context(), c.name); err != nil {
			t.Fatal(err)
		}
		b.want(t, c.asked, c.name)
	}
}

// TestKeyAndNameDoNotCollide: one person's key can equal another's external id.
func TestKeyAndNameDoNotCollide(t *testing.T) {
	t.Parallel()
	b := newFixture(t, 10)
	anna := b.addPerson("anna")
	ben := b.addPerson("ben")
	b.store.AddKey(porttest.Key{Secret: "anna", Owner: ben, Creator: ben, Purpose: "platform"})
	for range 2 {
		person, personErr := b.ByExternalID(t.Context(), "anna")
		key, keyErr := b.ByKey(t.Context(), "anna")
		if err := errors.Join(personErr, keyErr); err != nil || person.ID != anna || key.Creator.ID != ben {
			t.Errorf("got %s by name and %s by key (error %v), want anna and ben", person.Email, key.Creator.Email, err)
		}
	}
}

// TestLoginRecordedOnce: cached answers keep the old time of the last login,
// which must not cause further records.
func TestLoginRecordedOnce(t *testing.T) {
	t.Parallel()
	b := newFixture(t, 10)
	anna, ben := uuid.New(), uuid.New()
	for _, c := range []struct {
		id    uuid.UUID
		after time.Duration
		noted int
	}{{anna, 0, 1}, {anna, ttl / 2, 1}, {ben, 0, 2}, {anna, ttl/2 - 1, 2}, {anna, 1, 3}, {anna, 0, 3}, {ben, ttl/2 - 1, 3}, {ben, 1, 4}} {
		b.now = b.now.Add(c.after)
		b.SawLogin(c.id)
		if b.source.logins != c.noted {
			t.Errorf("recorded %d logins, want %d", b.source.logins, c.noted)
		}
	}
}

func TestCanceledLookup(t *testing.T) {
	t.Parallel()
	b := newFixture(t, 10)
	b.addPerson("anna")
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := b.ByKey(ctx, "key of anna"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := b.ByKey(ctx, "key of anna"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestNewPeopleInvalidConfig(t *testing.T) {
	t.Parallel()
	whole := cache.Config{TTL: 1, Entries: 1, Now: time.Now, Looked: func(bool) {}, Dropped: func() {}}
	if _, err := cache.NewPeople(memory.New(), whole); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.NewPeople(nil, whole); err == nil {
		t.Error("NewPeople without a source: got no error")
	}
	for name, lack := range map[string]func(*cache.Config){
		"TTL":     func(c *cache.Config) { c.TTL = 0 },
		"Entries": func(c *cache.Config) { c.Entries = 0 },
		"Now":     func(c *cache.Config) { c.Now = nil },
		"Looked":  func(c *cache.Config) { c.Looked = nil },
		"Dropped": func(c *cache.Config) { c.Dropped = nil },
	} {
		cfg := whole
		lack(&cfg)
		if _, err := cache.NewPeople(memory.New(), cfg); err == nil {
			t.Errorf("NewPeople without %s: got no error", name)
		}
	}
}

// versions answers with the number of the last change as the e-mail address.
type versions struct {
	domain.People
	last atomic.Int64
}

func (v *versions) ByID(context.Context, uuid.UUID) (domain.Person, error) {
	return domain.Person{Email: fmt.Sprint(v.last.Load())}, nil
}

// TestNoStaleAnswerAfterDrop: under concurrent queries, a query that starts after a
// drop never returns an answer from before the change.
func TestNoStaleAnswerAfterDrop(t *testing.T) {
	t.Parallel()
	const changes = 500
	v := &versions{}
	people, err := cache.NewPeople(v, cache.Config{
		TTL: time.Hour, Entries: 10, Now: time.Now, Looked: func(bool) {}, Dropped: func() {},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := uuid.New()
	var told atomic.Int64
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			for atLeast := int64(0); atLeast < changes; {
				atLeast = told.Load()
				person, err := people.ByID(t.Context(), id)
				var got int64
				if _, scanErr := fmt.Sscan(person.Email, &got); errors.Join(err, scanErr) != nil || got < atLeast {
					t.Errorf("got version %d (errors %v, %v), want at least %d", got, err, scanErr, atLeast)
					return
				}
			}
		})
	}
	for n := range int64(changes) {
		v.last.Store(n + 1)
		people.Drop()
		told.Store(n + 1)
	}
	asking.Wait()
}
