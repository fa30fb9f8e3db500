package users_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/users"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

// fixture is a database with the port on it, which uses the role with the fewest
// grants, and a connection as the owner.
type fixture struct {
	*pgfixture.Fixture
	t        *testing.T
	database *pgtest.Database
	owner    *postgres.DB
	people   *users.People
	log      *logBuffer
	queries  *counter
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	database := pgtest.New(t)
	b := &fixture{t: t, database: database, log: &logBuffer{}, queries: &counter{}}
	b.owner = openDB(t, postgres.Config{URL: database.URL})
	primary := openDB(t, postgres.Config{URL: database.RoleURL, Tracer: b.queries})
	people, err := users.New(postgres.Source{Primary: primary},
		slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(people.Close)
	b.people = people
	b.Fixture = pgfixture.New(t, database.URL, pgfixture.Ports{People: people})
	return b
}

func openDB(t *testing.T, cfg postgres.Config) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func (b *fixture) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.owner.Pool().Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
}

func (b *fixture) lastLogin(id uuid.UUID) time.Time {
	b.t.Helper()
	p, err := b.people.ByID(b.t.Context(), id)
	if err != nil || p.LastLogin == nil {
		b.t.Fatalf("want a login, got %v, %v", p.LastLogin, err)
	}
	return *p.LastLogin
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting: %s", what)
		}
	}
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// counter counts statements.
type counter struct{ atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.Add(1)
	return ctx
}
func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestLogins(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	long, just := time.Now().Add(-6*time.Minute), time.Now().Add(-4*time.Minute).UTC().Truncate(time.Microsecond)
	never := porttest.Person{ID: uuid.New(), Email: "never@example.com"}
	stale := porttest.Person{ID: uuid.New(), Email: "stale@example.com", LastLogin: &long}
	fresh := porttest.Person{ID: uuid.New(), Email: "fresh@example.com", LastLogin: &just}
	for _, p := range []porttest.Person{never, stale, fresh} {
		b.AddPerson(p)
	}
	for _, id := range []uuid.UUID{fresh.ID, uuid.New(), stale.ID, never.ID} {
		b.people.SawLogin(id)
	}
	await(t, "the last of them is written", func() bool {
		p, err := b.people.ByID(t.Context(), never.ID)
		return err == nil && p.LastLogin != nil
	})
	if at := b.lastLogin(stale.ID); time.Since(at) > time.Minute {
		t.Errorf("want a new time, got %s", at)
	}
	if at := b.lastLogin(fresh.ID); !at.Equal(just) {
		t.Errorf("second login within five minutes: got %s, want %s unchanged", at, just)
	}
}

// TestLoginsDatabaseBusy: a database that does not answer delays neither a
// caller nor the end of the program.
func TestLoginsDatabaseBusy(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	person := porttest.Person{ID: uuid.New(), Email: "a@example.com"}
	b.AddPerson(person)
	tx, err := b.owner.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), `SELECT FROM public.users WHERE id = $1 FOR UPDATE`, person.ID); err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		b.people.SawLogin(person.ID) // would never return if it waited
	}
	await(t, "the first is being written", func() bool { return b.queries.Load() > 0 })
	b.people.Close()
	b.people.Close()
	b.people.SawLogin(person.ID)
	if n := b.queries.Load(); n > 2 {
		t.Errorf("want the pending logins dropped, got %d statements", n)
	}
}

func TestCloseWritesPendingLogins(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	ids := make([]uuid.UUID, 20)
	for i := range ids {
		ids[i] = uuid.New()
		b.AddPerson(porttest.Person{ID: ids[i], Email: "a@example.com", ExternalID: ids[i].String()})
	}
	for _, id := range ids {
		b.people.SawLogin(id)
	}
	b.people.Close()
	for _, id := range ids {
		b.lastLogin(id)
	}
}

func TestFailedLoginsLoggedAtDebug(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.exec(`DROP TABLE public.users CASCADE`)
	b.people.SawLogin(uuid.New())
	await(t, "the log tells", func() bool { return b.log.String() != "" })
	if text := b.log.String(); !strings.Contains(text, "level=DEBUG") || strings.Contains(text, "level=WARN") || strings.Contains(text, "level=ERROR") {
		t.Errorf("got the log %s", text)
	}
}

func TestQueryCounts(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	person := porttest.Person{ID: uuid.New(), Email: "a@example.com", ExternalID: "a", Roles: []domain.Role{"STANDARDUSER", "BATCHAPIUSER"}}
	organization := porttest.Organization{ID: uuid.New(), Email: "o@example.com"}
	b.AddPerson(person)
	b.AddOrganization(organization)
	b.AddMembership(porttest.Membership{Person: person.ID, Organization: organization.ID})
	b.AddKey(porttest.Key{Secret: "s", Owner: organization.ID, Creator: person.ID, Purpose: "platform"})
	for name, call := range map[string]func() error{
		"key":         func() error { _, err := b.people.ByKey(t.Context(), "s"); return err },
		"id":          func() error { _, err := b.people.ByID(t.Context(), person.ID); return err },
		"external id": func() error { _, err := b.people.ByExternalID(t.Context(), "a"); return err },
		"emails":      func() error { _, err := b.people.Emails(t.Context(), []uuid.UUID{person.ID, uuid.New()}); return err },
	} {
		b.queries.Store(0)
		if err := call(); err != nil || b.queries.Load() != 1 {
			t.Errorf("%s: got %d statements (error %v)", name, b.queries.Load(), err)
		}
	}
}

// TestNamesPostgresCannotStore: callers may send what Postgres cannot store.
func TestNamesPostgresCannotStore(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	for _, word := range []string{"\x00", "a\x00", "\xff", "\xc3\x28"} {
		_, keyErr := b.people.ByKey(t.Context(), word)
		_, externalErr := b.people.ByExternalID(t.Context(), word)
		if domain.CodeOf(keyErr) != domain.CodeNotFound || domain.CodeOf(externalErr) != domain.CodeNotFound {
			t.Errorf("%q: got %v, %v, want not found", word, keyErr, externalErr)
		}
	}
}

// TestReplicaReadsEmailsOnly: an identity must not be stale; an address
// may be.
func TestReplicaReadsEmailsOnly(t *testing.T) {
	t.Parallel()
	here, there := newFixture(t), newFixture(t)
	people, err := users.New(postgres.Source{Primary: here.owner, Replica: there.owner}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(people.Close)
	a := porttest.Person{ID: uuid.New(), Email: "primary@example.com", ExternalID: "a"}
	here.AddPerson(a)
	here.AddKey(porttest.Key{Secret: "s", Owner: a.ID, Creator: a.ID, Purpose: "platform"})
	a.Email = "replica@example.com"
	there.AddPerson(a)
	byID, idErr := people.ByID(t.Context(), a.ID)
	byName, nameErr := people.ByExternalID(t.Context(), "a")
	byKey, keyErr := people.ByKey(t.Context(), "s")
	for _, email := range []string{byID.Email, byName.Email, byKey.Creator.Email} {
		if email != "primary@example.com" {
			t.Errorf("want the identity from the primary, got %q (errors %v, %v, %v)", email, idErr, nameErr, keyErr)
		}
	}
	if emails, err := people.Emails(t.Context(), []uuid.UUID{a.ID}); err != nil || emails[a.ID] != "replica@example.com" {
		t.Errorf("want the replica's address, got %v, %v", emails, err)
	}
}

func TestNewInvalidConfig(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	if _, err := users.New(postgres.Source{}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("want an error without a database")
	}
	if _, err := users.New(postgres.Source{Primary: b.owner}, nil); err == nil {
		t.Error("want an error without a log")
	}
	if _, err := users.NewDirectory(nil); err == nil {
		t.Error("want an error without a database")
	}
}
