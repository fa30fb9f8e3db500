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

// source counts what it is asked. Each answer is made anew, as a database does.
type source struct {
	domain.People
	asked, logins int
	before        func() // of each answer, where not nil
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

// fixture is a cache over people in memory, with a clock that is set by hand.
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

// addPerson adds somebody with a key, "key of NAME", known to others as NAME.
func (b *fixture) addPerson(name string, roles ...domain.Role) uuid.UUID {
	at := b.now.Add(-time.Hour)
	p := porttest.Person{ID: uuid.New(), Email: name + "@example.com", ExternalID: name, Roles: roles, LastLogin: &at}
	b.store.AddPerson(p)
	b.store.AddKey(porttest.Key{Secret: "key of " + name, Owner: p.ID, Creator: p.ID, Purpose: "platform"})
	return p.ID
}

// want checks how often the source was asked so far.
func (b *fixture) want(t *testing.T, asked int, when string) {
	t.Helper()
	if b.source.asked != asked {
		t.Errorf("%s: the source was asked %d times, want %d", when, b.source.asked, asked)
	}
}

// dropping forgets everything with each change, as the database's word for it
// makes it do.
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

func TestPromises(t *testing.T) {
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

func TestRemembersWhatTheSourceSays(t *testing.T) {
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
			// What a caller does to an answer is not in the next one.
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
		t.Errorf("%d hits and %d misses were told, want 6 and 3", b.hits, b.misses)
	}
}

// TestTimeToLive: an answer is given again until the time to live has passed
// since before the source was asked, however long that took and however often
// it was given.
func TestTimeToLive(t *testing.T) {
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
	b.source.People = memory.New() // where nobody is
	if _, err := b.ByKey(t.Context(), "key of anna"); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("after the time to live: %v", err)
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
		t.Errorf("%d drops were told, want 1", b.drops)
	}
}

// TestDropDuringALookUp: an answer that was on its way when everything was
// forgotten may be from before the change. It is given to who asked, and not
// kept.
func TestDropDuringALookUp(t *testing.T) {
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
		t.Errorf("it was kept: %v", err)
	}
}

// TestNobodyIsNotRemembered: neither guesses nor failures fill the cache, and a
// new key works at once.
func TestNobodyIsNotRemembered(t *testing.T) {
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
		t.Errorf("a new key: %v", err)
	}
}

// TestBounded: the answer that was used longest ago makes room.
func TestBounded(t *testing.T) {
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

// TestKindsAreKeptApart: what is one's key may be another's name.
func TestKindsAreKeptApart(t *testing.T) {
	t.Parallel()
	b := newFixture(t, 10)
	anna := b.addPerson("anna")
	ben := b.addPerson("ben")
	b.store.AddKey(porttest.Key{Secret: "anna", Owner: ben, Creator: ben, Purpose: "platform"})
	for range 2 {
		person, personErr := b.ByExternalID(t.Context(), "anna")
		key, keyErr := b.ByKey(t.Context(), "anna")
		if err := errors.Join(personErr, keyErr); err != nil || person.ID != anna || key.Creator.ID != ben {
			t.Errorf("got %s and %s, %v", person.Email, key.Creator.Email, err)
		}
	}
}

// TestLoginsAreRecordedOnce, since what is remembered goes on saying that the last
// one was long ago.
func TestLoginsAreRecordedOnce(t *testing.T) {
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
			t.Errorf("%d logins were noted, want %d", b.source.logins, c.noted)
		}
	}
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	b := newFixture(t, 10)
	b.addPerson("anna")
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := b.ByKey(ctx, "key of anna"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := b.ByKey(ctx, "key of anna"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNewPeopleRefuses(t *testing.T) {
	t.Parallel()
	whole := cache.Config{TTL: 1, Entries: 1, Now: time.Now, Looked: func(bool) {}, Dropped: func() {}}
	if _, err := cache.NewPeople(memory.New(), whole); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.NewPeople(nil, whole); err == nil {
		t.Error("a cache of nothing was made")
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
			t.Errorf("one was made without %s", name)
		}
	}
}

// versions answers with the number of the last change as an e-mail address.
type versions struct {
	domain.People
	last atomic.Int64
}

func (v *versions) ByID(context.Context, uuid.UUID) (domain.Person, error) {
	return domain.Person{Email: fmt.Sprint(v.last.Load())}, nil
}

// TestNothingOldAfterADrop: with many asking at once, nobody who asks after a
// change was told of gets what was so before it.
func TestNothingOldAfterADrop(t *testing.T) {
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
					t.Errorf("got %d (%v, %v) after %d", got, err, scanErr, atLeast)
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
