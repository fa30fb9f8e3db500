package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/internal/pgtest"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

// keyFile makes a key of the log with the program.
func keyFile(t *testing.T) (file string, public receipt.PublicKey) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "log.key")
	public, err := receipt.ParsePublicKey(strings.TrimSpace(must(t, nil, "keys", "new", testreceipt.Origin, "--out", file)))
	if err != nil {
		t.Fatal(err)
	}
	return file, public
}

// seenFile is the setting of a file for the newest checkpoint that was seen.
func seenFile(t *testing.T) string {
	t.Helper()
	return "LETHE_ERASURE_CHECKPOINT_FILE=" + filepath.Join(t.TempDir(), "log.checkpoint")
}

// addReceipt writes a receipt that nobody in particular asked for.
func addReceipt(t *testing.T, conn *pgx.Conn) (id string) {
	t.Helper()
	receiptID, salt, body := testreceipt.New(t, testreceipt.Origin)
	var batch pgx.Batch
	postgres.QueueReceipt(&batch, postgres.Receipt{ID: receiptID, Body: body, Salt: salt[:]})
	if err := conn.SendBatch(t.Context(), &batch).Close(); err != nil {
		t.Fatal(err)
	}
	return receiptID.String()
}

func scan[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) (v T) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// TestPublishAfterStandby: nothing is published that the standby does not have, and
// nothing at all while it is down.
func TestPublishAfterStandby(t *testing.T) {
	t.Parallel()
	db := newStandby(t)
	primary, standby := connect(t, db.primaryURL), connect(t, db.standbyURL)
	key := newKey(t, db.primaryURL)
	file, public := keyFile(t)
	// A standby that says no other name is called this.
	p := serve(t, databaseURL(db.primaryURL), "LETHE_ERASURE_KEY_FILE="+file, "LETHE_ERASURE_STANDBYS=walreceiver")
	const sealed = "SELECT coalesce(max(size), 0) FROM lethe.checkpoints"

	id := addReceipt(t, primary)
	await(t, "it is sealed", startTimeout, func() bool { return scan[int](t, primary, sealed) == 1 })
	waited := false
	await(t, "it is published", startTimeout, func() bool {
		answer := p.ask(t, http.MethodGet, "/log/checkpoint", key)
		// The standby is asked afterwards: it may only have got further.
		there := scan[bool](t, standby, "SELECT to_regclass('lethe.checkpoints') IS NOT NULL") && scan[int](t, standby, sealed) == 1
		if answer.status == http.StatusOK && !there {
			t.Error("published receipt: want it on the standby")
		}
		waited = waited || !there
		if answer.status != http.StatusOK && answer.status != http.StatusNotFound {
			t.Fatalf("checkpoint: want 200 or 404, got %d %s", answer.status, answer.body)
		}
		return answer.status == http.StatusOK
	})
	if !waited {
		t.Error("standby: want it to lag, or the test shows nothing")
	}
	answer := p.ask(t, http.MethodGet, "/lethe/api/v1/erasures/"+id+"/receipt", key)
	if _, err := receipt.Check([]byte(answer.body), []receipt.PublicKey{public}, receipt.Options{}); answer.status != http.StatusOK || err != nil {
		t.Errorf("receipt: want 200 with a valid proof, got %d %s, %v", answer.status, answer.body, err)
	}

	db.stop()
	id = addReceipt(t, primary)
	await(t, "the second one is sealed", startTimeout, func() bool { return scan[int](t, primary, sealed) == 2 })
	await(t, "it is known that the standby is away", startTimeout, func() bool {
		return strings.Contains(p.stderr.String(), "standbys are not connected")
	})
	if answer := p.ask(t, http.MethodGet, "/lethe/api/v1/erasures/"+id+"/receipt", key); answer.status != http.StatusAccepted {
		t.Errorf("new receipt without the standby: want 202, got %d %s", answer.status, answer.body)
	}
	if answer := p.ask(t, http.MethodGet, "/log/checkpoint", key); !strings.HasPrefix(answer.body, testreceipt.Origin+"\n1\n") {
		t.Errorf("checkpoint without the standby: want that of size 1, got %d %s", answer.status, answer.body)
	}
}

// TestVerifyServedReceipts: `lethe verify` accepts what the service returns.
func TestVerifyServedReceipts(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	conn := connect(t, database.URL)
	key := newKey(t, database.URL)
	file, public := keyFile(t)
	p := serve(t, databaseURL(database.RoleURL), "LETHE_ERASURE_KEY_FILE="+file)
	id := addReceipt(t, conn)
	var answer answer
	await(t, "the receipt is sealed", startTimeout, func() bool {
		answer = p.ask(t, http.MethodGet, "/lethe/api/v1/erasures/"+id+"/receipt", key)
		return answer.status == http.StatusOK
	})
	saved := filepath.Join(t.TempDir(), "erasure.receipt")
	write(t, saved, answer.body)
	if out := must(t, nil, "verify", saved, "--key", public.String()); !strings.Contains(out, "leaf 0 of the log "+testreceipt.Origin) {
		t.Errorf("verify: want leaf 0 proven, got\n%s", out)
	}
	if keys := p.ask(t, http.MethodGet, "/log/keys", key); keys.body != public.String()+"\n" {
		t.Errorf("/log/keys: want the public key, got %q", keys.body)
	}
	if out := must(t, []string{databaseURL(database.RoleURL), "LETHE_ERASURE_KEY_FILE=" + file}, "doctor"); !strings.Contains(out, "as it was sealed: 1 receipt and 1 checkpoint") {
		t.Errorf("doctor: want 1 receipt and 1 checkpoint as sealed, got\n%s", out)
	}
}

// TestCosign: receipts include the cosignatures of a witness, which verify with its
// key in /log/keys.
func TestCosign(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	key := newKey(t, database.URL)
	file, public := keyFile(t)
	witness, stranger := testreceipt.NewWitness(t, "witness.example/w"), testreceipt.NewWitness(t, "stranger.example/w")
	settings := []string{databaseURL(database.RoleURL), "LETHE_ERASURE_KEY_FILE=" + file, "LETHE_ERASURE_WITNESSES=" + witness.Key.String()}
	p := serve(t, settings...)
	id := addReceipt(t, connect(t, database.URL))
	var checkpoint answer
	await(t, "the receipt is sealed", startTimeout, func() bool {
		checkpoint = p.ask(t, http.MethodGet, "/log/checkpoint", key)
		return checkpoint.status == http.StatusOK
	})
	signedBy := func(w testreceipt.Witness) (file string) {
		file = filepath.Join(t.TempDir(), "signed.checkpoint")
		write(t, file, checkpoint.body+string(w.Sign([]byte(checkpoint.body), time.Now())))
		return file
	}
	signed := signedBy(witness)
	if r := run(t, "", settings, "log", "cosign", signedBy(stranger)); r.code != 1 || !strings.Contains(r.stderr, "stranger.example/w") {
		t.Errorf("cosignature of an unknown witness: want exit code 1, got %d, %s", r.code, r.stderr)
	}
	if r := run(t, "", settings[:2], "log", "cosign", signed); r.code != 2 || !strings.Contains(r.stderr, "erasure.witnesses") {
		t.Errorf("no witness configured: want exit code 2, got %d, %s", r.code, r.stderr)
	}
	if out := must(t, settings, "log", "cosign", signed); !strings.Contains(out, "the checkpoint of size 1: 1") {
		t.Errorf("log cosign: want 1 added, got %s", out)
	}
	if out := must(t, settings, "log", "cosign", signed, "--json"); !strings.Contains(out, `"added": 0`) {
		t.Errorf("log cosign, again: want 0 added, got %s", out)
	}

	saved, keys := filepath.Join(t.TempDir(), "erasure.receipt"), filepath.Join(t.TempDir(), "log.pub")
	write(t, saved, p.ask(t, http.MethodGet, "/lethe/api/v1/erasures/"+id+"/receipt", key).body)
	write(t, keys, p.ask(t, http.MethodGet, "/log/keys", key).body)
	if out := must(t, nil, "verify", saved, "--key", keys); !strings.Contains(out, "The witness "+witness.Key.ID()+" saw this checkpoint") {
		t.Errorf("verify: want the witness named, got\n%s", out)
	}
	if r := run(t, "", nil, "verify", saved, "--key", public.String()); r.code != 1 || !strings.Contains(r.stdout, witness.Key.ID()) {
		t.Errorf("verify without the key of the witness: want exit code 1, got %d\n%s", r.code, r.stdout)
	}
	if out := must(t, settings, "doctor"); !strings.Contains(out, "as it was sealed: 1 receipt and 1 checkpoint") {
		t.Errorf("doctor: want 1 receipt and 1 checkpoint as sealed, got\n%s", out)
	}
}

// wantKey: the embedded mode has made a key that only its owner may read.
func wantKey(t *testing.T, folder string) {
	t.Helper()
	file := filepath.Join(folder, "erasure.key")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: want mode 600, got %v, %v", info, err)
	}
	if out := must(t, nil, "keys", "show", file); !strings.HasPrefix(out, "lethe.local/erasures+") {
		t.Errorf("keys show: want lethe.local/erasures+…, got %s", out)
	}
}
