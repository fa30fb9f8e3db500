package events_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/events"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// open makes the port with the role that has the fewest grants.
func open(t *testing.T, url string) *events.Events {
	t.Helper()
	db, err := postgres.Open(postgres.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	p, err := events.New(db)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEvents(t *testing.T) {
	t.Parallel()
	porttest.Events(t, func(t *testing.T) (domain.Events, func(domain.Event)) {
		database := pgtest.New(t)
		owner := connect(t, database.URL)
		return open(t, database.RoleURL), func(e domain.Event) {
			exec(t, owner, "INSERT INTO lethe.events (id, type, at, due_at, data) VALUES ($1, $2, $3, $3, $4)", e.ID, e.Type, e.At, e.Data)
		}
	})
	if _, err := events.New(nil); err == nil {
		t.Error("New without a database: got no error")
	}
}

const finished = `'2026-03-01T13:00:00.5+01:00'`

// TestErasureEnds: however an erasure ends, its end leaves one event, in the same
// transaction, with what it came to.
func TestErasureEnds(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	owner, role, p := connect(t, database.URL), connect(t, database.RoleURL), open(t, database.RoleURL)
	now := time.Now()
	none := func(when string) {
		t.Helper()
		if e, err := p.Claim(t.Context(), now, now.Add(time.Hour)); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("%s: want no event, got %+v, %v", when, e, err)
		}
	}
	for state, also := range map[string]string{"finished": "", "failed": "", "canceled": "", "expired": "", "refused": ", refusal = 'other'"} {
		id := uuid.New()
		exec(t, owner, `INSERT INTO lethe.erasures (id, trigger, kind, as_of, max, ground, ticket, requested_at, role, request_sum, state)
			VALUES ($1, 'bulk', 'owner', now(), 0, 'request', 'a ticket', now(), 'administrator', '', 'pending')`, id)
		exec(t, role, "UPDATE lethe.erasures SET state = 'running', done = 3, held = 2, refused = 1, receipts = 4, finished_at = NULL WHERE id = $1", id)
		none("while it runs")
		end := fmt.Sprintf("UPDATE lethe.erasures SET state = '%s', finished_at = %s%s WHERE id = $1", state, finished, also)
		tx, err := role.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), end, id); err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		none("after a rollback")
		exec(t, role, end, id)
		e, err := p.Claim(t.Context(), now, now.Add(time.Hour))
		var data bytes.Buffer
		if err == nil {
			err = json.Compact(&data, e.Data)
		}
		want := fmt.Sprintf(`{"id":"%s","state":"%s","responses":3,"held":2,"refused":1,"receipts":4,"finished_at":"2026-03-01T12:00:00.500000Z"}`, id, state)
		if err != nil || e.Type != "erasure."+state || e.Attempts != 1 || !e.At.Equal(time.Date(2026, 3, 1, 12, 0, 0, 500000000, time.UTC)) || data.String() != want {
			t.Errorf("%s: want %s, got %+v with %s, %v", state, want, e, &data, err)
		}
		exec(t, role, "UPDATE lethe.erasures SET done = 9, finished_at = finished_at WHERE id = $1", id)
		none("when it is verified")
	}
}

// TestClaimSkipsLocked: processes that look at the same time claim different events.
func TestClaimSkipsLocked(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	owner, p, now := connect(t, database.URL), open(t, database.RoleURL), time.Now()
	for range 2 {
		exec(t, owner, "INSERT INTO lethe.events (type, at, due_at, data) VALUES ('erasure.finished', now(), now() - interval '1 h', '{}')")
	}
	tx, err := owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var locked uuid.UUID
	if err := tx.QueryRow(t.Context(), "SELECT id FROM lethe.events ORDER BY id LIMIT 1 FOR UPDATE").Scan(&locked); err != nil {
		t.Fatal(err)
	}
	if e, err := p.Claim(t.Context(), now, now.Add(time.Hour)); err != nil || e.ID == locked {
		t.Errorf("want the event that is not locked, got %+v, %v", e, err)
	}
	if e, err := p.Claim(t.Context(), now, now.Add(time.Hour)); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want none, got %+v, %v", e, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, err := p.Claim(t.Context(), now, now.Add(time.Hour)); err != nil || e.ID != locked {
		t.Errorf("want %s, got %+v, %v", locked, e, err)
	}
}
