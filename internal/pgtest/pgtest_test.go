package pgtest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/internal/pgtest"
)

func connect(t *testing.T, databaseURL string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func count(t *testing.T, conn *pgx.Conn, query string, args ...any) int {
	t.Helper()
	var n int
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

const countUsers = "SELECT count(*) FROM public.users WHERE id <> '00000000-0000-0000-0000-000000000000'"

func TestContents(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		create       func(testing.TB) *pgtest.Database
		tables, role bool
		users        bool
	}{
		{name: "empty", create: pgtest.Empty},
		{name: "migrated", create: pgtest.New, tables: true, role: true},
		{name: "fixture", create: pgtest.WithFixture, tables: true, role: true, users: true},
		{name: "newer", create: pgtest.WithNewer, tables: true, role: true, users: true},
		{name: "arsenal", create: pgtest.WithArsenal, tables: true, role: true, users: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := test.create(t)
			conn := connect(t, db.URL)
			if got := count(t, conn, "SELECT count(*) FROM pg_tables WHERE tablename IN ('users', 'requests')"); got > 0 != test.tables {
				t.Errorf("found %d of the tables users and requests, want both: %t", got, test.tables)
			}
			if got := db.RoleURL != ""; got != test.role {
				t.Errorf("role exists: %t, want %t", got, test.role)
			}
			if !test.tables {
				return
			}
			if got := count(t, conn, countUsers); got > 0 != test.users {
				t.Errorf("got %d users, want any: %t", got, test.users)
			}
		})
	}
}

func TestRoleGrants(t *testing.T) {
	t.Parallel()
	db := pgtest.WithFixture(t)
	conn := connect(t, db.RoleURL)
	if count(t, conn, "SELECT count(email) FROM public.users") == 0 {
		t.Error("the role reads no users")
	}
	for _, statement := range []string{
		"DELETE FROM public.users",
		"SELECT api_key FROM fusillade.request_templates",
		"CREATE TABLE public.mine (id int)",
	} {
		if _, err := conn.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: got %v, want it to be denied", statement, err)
		}
	}
}

func TestCloneIsolation(t *testing.T) {
	t.Parallel()
	const clones = 4
	for i := range clones {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			conn := connect(t, pgtest.New(t).URL)
			if got := count(t, conn, countUsers); got != 0 {
				t.Fatalf("a new clone has %d users, want none", got)
			}
			for n := range i + 1 {
				if _, err := conn.Exec(t.Context(),
					"INSERT INTO public.users (username, email, auth_source) VALUES ($1, $1, 'test')", fmt.Sprint(n)); err != nil {
					t.Fatalf("insert: %v", err)
				}
			}
			if got := count(t, conn, countUsers); got != i+1 {
				t.Errorf("got %d users, want the %d of this clone", got, i+1)
			}
		})
	}
}

func TestCleanup(t *testing.T) {
	t.Parallel()
	outer := connect(t, pgtest.Empty(t).URL)
	var db *pgtest.Database
	t.Run("inner", func(t *testing.T) {
		db = pgtest.New(t)
		// A connection that a test leaves open must not keep its database.
		if _, err := pgx.Connect(t.Context(), db.RoleURL); err != nil {
			t.Fatalf("connect: %v", err)
		}
		if got := count(t, outer, "SELECT count(*) FROM pg_roles WHERE rolname LIKE $1", db.Name+"%"); got != 1 {
			t.Fatalf("got %d roles while the database is in use, want 1", got)
		}
	})
	if got := count(t, outer, "SELECT count(*) FROM pg_database WHERE datname = $1", db.Name); got != 0 {
		t.Error("the database was not dropped")
	}
	if got := count(t, outer, "SELECT count(*) FROM pg_roles WHERE rolname LIKE $1", db.Name+"%"); got != 0 {
		t.Error("the role was not dropped")
	}
}

func TestConnectErrorsOmitPasswords(t *testing.T) {
	t.Parallel()
	for _, serverURL := range []string{
		"host=localhost password=hunter2",
		"postgres://u:hunter2@[::1",
		"postgres://u:hunter2@localhost/db?sslmode=sometimes",
		"postgres://u:hunter2@127.0.0.1:1/db",
	} {
		_, err := pgtest.Connect(t.Context(), serverURL)
		if err == nil {
			t.Fatalf("%s: no error", serverURL)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error contains the password: %v", err)
		}
	}
}

// TestTemplateSharedByProcesses runs this package's content test in several
// processes at the same time on the same server.
func TestTemplateSharedByProcesses(t *testing.T) {
	t.Parallel()
	serverURL := os.Getenv(pgtest.URLVariable)
	if serverURL == "" {
		serverURL = pgtest.Empty(t).URL
	}
	errs := make(chan error)
	for range 2 {
		go func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestContents$")
			cmd.Env = append(os.Environ(), pgtest.URLVariable+"="+serverURL)
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			errs <- err
		}()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
