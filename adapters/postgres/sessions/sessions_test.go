package sessions_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/sessions"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
)

// open makes the port, with the role that has the fewest grants.
func open(t *testing.T, database *pgtest.Database) *sessions.Sessions {
	t.Helper()
	db, err := postgres.Open(postgres.Config{URL: database.RoleURL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s, err := sessions.New(db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSessions(t *testing.T) {
	t.Parallel()
	porttest.Sessions(t, func(t *testing.T) domain.Sessions { return open(t, pgtest.New(t)) })
	if _, err := sessions.New(nil); err == nil {
		t.Error("New without a database: got no error")
	}
}

// TestExpiredSessions: each end removes rows that have expired, and no others.
func TestExpiredSessions(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	s := open(t, database)
	conn, err := pgx.Connect(t.Context(), database.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), `INSERT INTO lethe.ended_sessions
		SELECT gen_random_uuid(), gen_random_uuid(), now() + i * interval '1 hour' FROM generate_series(-149, 5) AS i WHERE i <> 0`); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{149 - 100 + 5 + 1, 5 + 2, 5 + 3} {
		if err := s.End(t.Context(), uuid.New(), uuid.New(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM lethe.ended_sessions").Scan(&left); err != nil || left != want {
			t.Errorf("want %d rows left, got %d, %v", want, left, err)
		}
	}
}
