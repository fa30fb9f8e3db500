package keys_test

import (
	"context"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/keys"
	"lethe/internal/pgtest"
)

// TestKnownKeys: the service's role stores keys, and reads the latest of them again
// with the same secret, until they are old.
func TestKnownKeys(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	db, err := postgres.Open(postgres.Config{URL: database.RoleURL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	k, err := keys.New(db)
	if err != nil {
		t.Fatal(err)
	}
	secret, marks, err := k.Known(t.Context(), 10)
	if err != nil || len(secret) != 32 || len(marks) != 0 {
		t.Fatalf("got a secret of %d bytes and the keys %v (error %v)", len(secret), marks, err)
	}
	one, two := [16]byte{1}, [16]byte{2}
	for _, noted := range [][][16]byte{{one}, {two, one}} {
		if err := k.Note(t.Context(), noted); err != nil {
			t.Fatal(err)
		}
	}
	again, marks, err := k.Known(t.Context(), 10)
	if err != nil || !slices.Equal(again, secret) || len(marks) != 2 {
		t.Errorf("read again: got the secret %x and the keys %v (error %v)", again, marks, err)
	}
	if _, marks, err = k.Known(t.Context(), 1); err != nil || !slices.Equal(marks, [][16]byte{two}) {
		t.Errorf("got the keys %v (error %v)", marks, err)
	}
	conn, err := pgx.Connect(t.Context(), database.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), "UPDATE lethe.known_keys SET seen_at = now() - interval '181 days' WHERE mark = $1", two[:]); err != nil {
		t.Fatal(err)
	}
	if _, marks, err = k.Known(t.Context(), 10); err != nil || !slices.Equal(marks, [][16]byte{one}) {
		t.Errorf("got the keys %v (error %v)", marks, err)
	}
	if _, err := keys.New(nil); err == nil {
		t.Error("New without a database: got no error")
	}
}
