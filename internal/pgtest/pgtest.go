// Package pgtest gives each test its own Postgres database.
//
// The server is the one at TEST_DATABASE_URL, which must name a superuser. If it is not
// set, each test process starts its own, in a container or, outside CI, without Docker. To
// share one, run the tests through the program testpg, as `make test` does.
//
// A database is a clone of a template, which is made once for each state of the migrations
// and the fixture and kept on the server for the next run.
package pgtest

import (
	"context"
	"testing"
	"time"
)

const (
	createTimeout = 2 * time.Minute
	dropTimeout   = 30 * time.Second
)

// Database is a database of one test.
type Database struct {
	// URL connects as the owner, a superuser.
	URL string
	// RoleURL connects as a role of this database with the minimal grants that Lethe
	// needs. It is empty for a database without tables.
	RoleURL string
	// Name is the database's name, unique on the server.
	Name string

	role string
}

// New returns a database with every table and no rows.
func New(t testing.TB) *Database {
	t.Helper()
	return create(t, Migrated)
}

// WithFixture returns a database with every table and the rows of the contract's fixture.
func WithFixture(t testing.TB) *Database {
	t.Helper()
	return create(t, Fixture)
}

// WithNewer is WithFixture with the tables of dwctl 10.13.1 and fusillade 24.1.0.
func WithNewer(t testing.TB) *Database {
	t.Helper()
	return create(t, Newer)
}

// WithArsenal is WithFixture with the tables of fusillade-arsenal 4.1.0 beside
// those of dwctl 10.13.1.
func WithArsenal(t testing.TB) *Database {
	t.Helper()
	return create(t, Arsenal)
}

// Empty returns a database without any table.
func Empty(t testing.TB) *Database {
	t.Helper()
	return create(t, Blank)
}

// create fails the test without Postgres, rather than skipping it.
func create(t testing.TB, content Content) *Database {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), createTimeout)
	defer cancel()

	server, err := sharedServer()
	if err != nil {
		t.Fatalf("no Postgres for this test: %v", err)
	}
	db, err := server.Create(ctx, content)
	if err != nil {
		t.Fatalf("create a database for this test: %v", err)
	}
	t.Cleanup(func() {
		// The test's own context has ended.
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
		defer cancel()
		if err := server.Drop(ctx, db); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return db
}
