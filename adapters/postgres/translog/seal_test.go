package translog

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/internal/pgtest"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

func TestSeal(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.seal(0)
	if n := b.number("SELECT count(*) FROM lethe.log_state") + b.number("SELECT count(*) FROM lethe.checkpoints"); n != 0 {
		t.Error("an empty log has a state or a checkpoint")
	}
	first := b.write(3)
	backlog, err := b.Backlog(t.Context())
	if err != nil || !backlog.Waiting || backlog.Oldest < 0 || backlog.Size != 0 || backlog.Published != 0 {
		t.Errorf("before sealing: got the backlog %+v (error %v)", backlog, err)
	}
	b.seal(3)
	b.seal(0)
	b.sound(3)
	// In the order in which they were written.
	for i, r := range first {
		if at := b.number("SELECT leaf_index FROM lethe.receipts WHERE id = $1", r.ID); at != int64(i) {
			t.Errorf("receipt %d has leaf index %d", i, at)
		}
	}
	total := 3
	for _, n := range []int{1, 252, 1, 1, 500, 4096} {
		b.fill(n)
		b.seal(n)
		total += n
		b.sound(int64(total))
	}
	backlog, err = b.Backlog(t.Context())
	if want := (Backlog{Size: int64(total), Published: int64(total)}); err != nil || backlog != want {
		t.Errorf("after sealing: got the backlog %+v (error %v)", backlog, err)
	}
}

// TestSealBatchSize: a call seals a limited number, the next call continues.
func TestSealBatchSize(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.fill(MaxSealed + 5)
	b.seal(MaxSealed)
	b.seal(5)
	b.sound(MaxSealed + 5)
}

func TestSealWithoutKey(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.write(1)
	if n, err := b.open(Config{}).Seal(t.Context()); n != 0 || err != ErrNoKey {
		t.Errorf("sealed %d (error %v)", n, err)
	}
	if n := b.number("SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NOT NULL"); n != 0 {
		t.Errorf("got %d sealed receipts, want none", n)
	}
}

func TestKeysOfTwoOrigins(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	other := []receipt.Signer{testreceipt.Signer(t, "example.com/other")}
	if _, err := New(b.role, Config{Signers: []receipt.Signer{b.signer, other[0]}}); err == nil {
		t.Error("New with keys of two origins: got no error")
	}
	b.write(2)
	b.seal(2)
	b.write(1)
	if _, err := b.open(Config{Signers: other}).Seal(t.Context()); err == nil || !strings.Contains(err.Error(), "example.com/other") {
		t.Errorf("keys of another log: got %v", err)
	}
	b.seal(1)
	b.sound(3)
}

// TestSealReceiptsOfOtherLog: such receipts stay unsealed, since their proofs would
// be worthless.
func TestSealReceiptsOfOtherLog(t *testing.T) {
	t.Parallel()
	for name, body := range map[string][]byte{
		"another log":          newReceipt(t, "example.com/other").Body,
		"not a receipt":        []byte(`{"version":"lethe-receipt/1"}`),
		"prefix of the origin": newReceipt(t, origin+"x").Body,
	} {
		b := newFixture(t)
		b.write(1)
		b.exec("INSERT INTO lethe.receipts (id, body) VALUES (gen_random_uuid(), $1)", body)
		if n, err := b.Seal(t.Context()); n != 0 || err == nil || !strings.Contains(err.Error(), origin) {
			t.Errorf("%s: sealed %d (error %v), want an error", name, n, err)
		}
		if n := b.number("SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NOT NULL"); n != 0 {
			t.Errorf("%s: got %d sealed receipts, want none", name, n)
		}
	}
}

// TestReceiptSizeLimit: the database accepts receipts of up to the maximum size of a
// bundle's entry.
func TestReceiptSizeLimit(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	insert := func(size int) error {
		_, err := b.role.Pool().Exec(t.Context(), "INSERT INTO lethe.receipts (id, body) VALUES (gen_random_uuid(), $1)", bytes.Repeat([]byte("x"), size))
		return err
	}
	for size, fits := range map[int]bool{0: false, 1: true, receipt.MaxReceipt: true, receipt.MaxReceipt + 1: false} {
		if err := insert(size); (err == nil) != fits {
			t.Errorf("receipt of %d bytes: got %v", size, err)
		}
	}
}

// TestKeyRotation: a new key signs beside the old one, then alone.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	former, next := b.signer, testreceipt.Signer(t, origin)
	b.write(1)
	b.seal(1)

	b.write(1)
	alone := b.open(Config{Signers: []receipt.Signer{next}})
	if _, err := alone.Seal(t.Context()); domain.CodeOf(err) != domain.CodeInternal || !strings.Contains(err.Error(), "former") {
		t.Errorf("unknown key alone: got %v, want an error", err)
	}
	both := b.open(Config{Signers: []receipt.Signer{next, former}})
	if n, err := both.Seal(t.Context()); err != nil || n != 1 {
		t.Fatalf("sealed %d (error %v)", n, err)
	}
	if keys := both.Keys(); len(keys) != 2 || keys[0] != next.PublicKey().String() || keys[1] != former.PublicKey().String() {
		t.Errorf("got the keys %q", keys)
	}
	signed, err := both.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, signatures, err := receipt.OpenCheckpoint(signed, []receipt.PublicKey{former.PublicKey(), next.PublicKey()})
	if err != nil || len(signatures) != 2 {
		t.Errorf("got %d signatures (error %v)", len(signatures), err)
	}
	b.write(1)
	if n, err := alone.Seal(t.Context()); err != nil || n != 1 {
		t.Fatalf("sealed %d (error %v)", n, err)
	}
	audit, err := alone.Audit(t.Context(), nil)
	if err != nil || len(audit.Findings) > 0 || audit.Checkpoints != 3 || audit.Unverified != 1 {
		t.Errorf("audit: got %+v (error %v), want no findings", audit, err)
	}
}

// TestSealConcurrently: three sealers with their own pools seal while others write. Of
// concurrent calls, only one seals.
func TestSealConcurrently(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	const writers, each = 4, 60
	writing, stop := context.WithCancel(t.Context())
	var sealers, writes errgroup.Group
	var mu sync.Mutex
	sealed := 0
	for range 3 {
		db := openDB(t, postgres.Config{URL: b.database.RoleURL, MaxConns: 2})
		l, err := New(db, Config{Signers: []receipt.Signer{b.signer}})
		if err != nil {
			t.Fatal(err)
		}
		sealers.Go(func() error {
			for writing.Err() == nil {
				n, err := l.Seal(t.Context())
				if err != nil {
					return err
				}
				mu.Lock()
				sealed += n
				mu.Unlock()
			}
			return nil
		})
	}
	for range writers {
		writes.Go(func() error {
			for range each {
				err := b.role.Tx(t.Context(), func(tx *postgres.Tx) error {
					var batch pgx.Batch
					postgres.QueueReceipt(&batch, newReceipt(t, origin))
					if rand.IntN(5) == 0 {
						batch.Queue("SELECT pg_sleep(0.01)") // commits after receipts with later ids
					}
					return tx.SendBatch(t.Context(), &batch).Close()
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := writes.Wait()
	stop()
	if e := sealers.Wait(); err != nil || e != nil {
		t.Fatal(err, e)
	}
	n, err := b.Seal(t.Context())
	if err != nil || sealed+n != writers*each {
		t.Fatalf("sealed %d and %d of %d: %v", sealed, n, writers*each, err)
	}
	b.sound(writers * each)
}

// TestSealLateCommit: a receipt committed after later ones were sealed is sealed too,
// and delays none.
func TestSealLateCommit(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	late, err := b.owner.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = late.Rollback(context.Background()) }()
	r := newReceipt(t, origin)
	var batch pgx.Batch
	postgres.QueueReceipt(&batch, r)
	if err := late.SendBatch(t.Context(), &batch).Close(); err != nil {
		t.Fatal(err)
	}
	b.write(5)
	b.seal(5)
	b.write(1)
	b.seal(1)
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.seal(1)
	b.sound(7)
	if at := b.number("SELECT leaf_index FROM lethe.receipts WHERE id = $1", r.ID); at != 6 {
		t.Errorf("got leaf index %d", at)
	}
}

// TestSealLockHeld: while one process seals, others return at once.
func TestSealLockHeld(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.write(2)
	other, err := b.owner.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback(context.Background()) }()
	if _, err := other.Exec(t.Context(), "SELECT pg_advisory_xact_lock($1)", int64(lockKey)); err != nil {
		t.Fatal(err)
	}
	b.seal(0)
	b.write(1) // writing is not delayed either
	if err := other.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.seal(3)
}

// TestSealThroughPgBouncer: PgBouncer lends a connection per transaction, so a
// session lock would stay on it.
func TestSealThroughPgBouncer(t *testing.T) {
	t.Parallel()
	through := pgtest.ThroughPgBouncer(t)
	b := newFixture(t)
	db := openDB(t, postgres.Config{URL: through(b.database.URL), PgBouncer: true})
	b.role = db
	var sealers errgroup.Group
	for range 3 {
		l := b.open(Config{Signers: []receipt.Signer{b.signer}})
		sealers.Go(func() error {
			for range 20 {
				if _, err := l.Seal(t.Context()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	written := b.write(40)
	if err := sealers.Wait(); err != nil {
		t.Fatal(err)
	}
	b.Log = b.open(Config{Signers: []receipt.Signer{b.signer}})
	if _, err := b.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.sound(40)
	for _, r := range written[:3] {
		if got, err := b.Receipt(t.Context(), r.ID); err != nil || got.File == nil || *got.Actor != *r.Actor {
			t.Errorf("got %+v (error %v)", got, err)
		}
	}
	if bundle, err := b.Entries(t.Context(), domain.Tile{Width: 40}); err != nil || len(bundle) < 40*500 {
		t.Errorf("got a bundle of %d bytes (error %v)", len(bundle), err)
	}
	if locks := b.number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"); locks != 0 {
		t.Errorf("%d locks left", locks)
	}
}

// TestSealSynchronousCommit: whatever the default, a checkpoint that was shown must not be
// lost.
func TestSealSynchronousCommit(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.exec(fmt.Sprintf(`ALTER ROLE %s SET synchronous_commit = off`, pgx.Identifier{b.role.Pool().Config().ConnConfig.User}.Sanitize()))
	b.write(1)
	// A trigger sees whether the commit of this transaction would wait.
	b.exec(`CREATE TABLE public.seen (synchronous_commit text);
		GRANT INSERT ON public.seen TO PUBLIC;
		CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
		CREATE TRIGGER look AFTER INSERT ON lethe.checkpoints EXECUTE FUNCTION public.look()`)
	b.role.Pool().Reset()
	b.seal(1)
	if n := b.number("SELECT count(*) FROM public.seen WHERE synchronous_commit = 'on'"); n != 1 {
		t.Error("a checkpoint was committed without synchronous_commit")
	}
}
