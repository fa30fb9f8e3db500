package apptest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/postgres"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

// AddCached adds a person who may list and erase, with a key.
const AddCached = `INSERT INTO public.users (id, username, email, last_login) VALUES ('22222222-2222-4222-8222-222222222222', 'cached', 'cached@example.com', now());
	INSERT INTO public.user_roles (user_id, role) VALUES ('22222222-2222-4222-8222-222222222222', 'BATCHAPIUSER');
	INSERT INTO public.api_keys (name, secret, user_id, created_by, purpose)
	VALUES ('cached', 'sk-cached', '22222222-2222-4222-8222-222222222222', '22222222-2222-4222-8222-222222222222', 'platform')`

const (
	Origin       = testreceipt.Origin
	ReceiptsPath = "/lethe/api/v1/erasures/"

	Alice = "c0000100-0000-4000-8000-000000000003" // of the fixture; her key is sk-alice-platform
)

func NewKey(t *testing.T) string {
	t.Helper()
	private, _, err := receipt.GenerateKey(Origin)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// PublicOf returns the public keys of private keys.
func PublicOf(t *testing.T, private string) []receipt.PublicKey {
	t.Helper()
	signers, err := receipt.ParsePrivateKeys([]byte(private))
	if err != nil {
		t.Fatal(err)
	}
	return []receipt.PublicKey{signers[0].PublicKey()}
}

// Erased writes the receipt of an erasure requested by alice.
func Erased(t *testing.T, url, log string) uuid.UUID {
	t.Helper()
	id, salt, body := testreceipt.New(t, log)
	actor := uuid.MustParse(Alice)
	var batch pgx.Batch
	postgres.QueueReceipt(&batch, postgres.Receipt{ID: id, Body: body, Salt: salt[:], Actor: &actor})
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		t.Fatal(err)
	}
	return id
}

// Number returns the result of a query for one number.
func Number(t *testing.T, url, sql string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Proxied makes the person added by AddCached known to a proxy.
const Proxied = `UPDATE public.users SET external_user_id = 'idp|cached' WHERE email = 'cached@example.com'`

// SeenOf writes a checkpoint of this size, signed with the key, into a new file.
func SeenOf(t *testing.T, key string, size int64) string {
	t.Helper()
	signers, err := receipt.ParsePrivateKeys([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := receipt.SignCheckpoint(receipt.Checkpoint{Origin: Origin, Size: size, Root: tlog.RecordHash(nil)}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := os.WriteFile(path, signed, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Exec executes statements on a new connection.
func Exec(t *testing.T, url, sql string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // the test's own context has ended during cleanup
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatal(err)
	}
}
