package users_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/users"
	"lethe/domain/porttest"
)

// listening listens until the test ends, under the role with the fewest grants, and
// counts the changes.
func (b *fixture) listening(db *postgres.DB) *atomic.Int64 {
	b.t.Helper()
	var changes atomic.Int64
	ctx, cancel := context.WithCancel(b.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		users.Listen(ctx, db, slog.New(slog.NewTextHandler(b.log, nil)), func() { changes.Add(1) })
	}()
	b.t.Cleanup(func() {
		cancel()
		<-ended
	})
	return &changes
}

// listeners counts the connections that listen.
func (b *fixture) listeners() int {
	b.t.Helper()
	var n int
	if err := b.owner.Pool().QueryRow(b.t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'lethe listener'`).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

func TestListen(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	person := porttest.Person{ID: uuid.New(), Email: "a@example.com"}
	organization := porttest.Organization{ID: uuid.New(), Email: "o@example.com"}
	b.AddPerson(person)
	b.AddOrganization(organization)
	db := openDB(t, postgres.Config{URL: b.database.RoleURL, ApplicationName: "lethe", MaxConns: 1, Tracer: b.queries})
	changes := b.listening(db)
	await(t, "listening has begun", func() bool { return changes.Load() == 1 })

	b.AddKey(porttest.Key{Secret: "s", Owner: person.ID, Creator: person.ID, Purpose: "platform"})
	await(t, "a new key is told of", func() bool { return changes.Load() == 2 })
	b.exec(`UPDATE public.api_keys SET is_deleted = true`)
	await(t, "a revoked key is told of", func() bool { return changes.Load() == 3 })
	b.AddMembership(porttest.Membership{Person: person.ID, Organization: organization.ID})
	await(t, "a new membership is told of", func() bool { return changes.Load() == 4 })
	b.exec(`DELETE FROM public.user_organizations`)
	await(t, "an ended membership is told of", func() bool { return changes.Load() == 5 })

	if stat := db.Pool().Stat(); stat.TotalConns() != 0 || b.queries.Load() != 0 {
		t.Errorf("want the pool unused, got %d connections and %d queries", stat.TotalConns(), b.queries.Load())
	}
	if n := b.listeners(); n != 1 {
		t.Errorf("got %d listening connections, want 1", n)
	}
	// Losing the connection counts as a change, regaining it as another. Then
	// notifications continue.
	b.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'lethe listener'`)
	await(t, "it listens again", func() bool { return changes.Load() == 7 })
	b.exec(`UPDATE public.api_keys SET is_deleted = false`)
	await(t, "what changes is told of again", func() bool { return changes.Load() == 8 })
	if n := b.listeners(); n != 1 {
		t.Errorf("got %d listening connections, want 1", n)
	}
	text := b.log.String()
	if strings.Count(text, "level=WARN") != 1 || strings.Count(text, "memberships again") != 1 {
		t.Errorf("want the loss and the return logged once each, got\n%s", text)
	}
}

// TestListenDatabaseAway: while the database is away, one line without the password is
// logged, and nothing else happens; stopping is immediate.
func TestListenDatabaseAway(t *testing.T) {
	t.Parallel()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var attempts atomic.Int64
	go func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			attempts.Add(1)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = socket.Close() })
	b := &fixture{t: t, log: &logBuffer{}}
	changes := b.listening(openDB(t, postgres.Config{URL: "postgres://lethe:hunter2@" + socket.Addr().String() + "/d?sslmode=disable"}))
	await(t, "it tries three times", func() bool { return attempts.Load() >= 3 })
	if n := changes.Load(); n != 0 {
		t.Errorf("got %d changes, want none", n)
	}
	if text := b.log.String(); strings.Count(text, "\n") != 1 || strings.Contains(text, "hunter2") {
		t.Errorf("got the log\n%s", text)
	}
}
