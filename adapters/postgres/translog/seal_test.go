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
		t.Error("a log without receipts has a state or a checkpoint")
	}
	first := b.write(3)
	backlog, err := b.Backlog(t.Context())
	if err != nil || !backlog.Waiting || backlog.Oldest < 0 || backlog.Size != 0 || backlog.Published != 0 {
		t.Errorf("before: %+v, %v", backlog, err)
	}
	b.seal(3)
	b.seal(0)
	b.sound(3)
	// In the order in which they were written.
	for i, r := range first {
		if at := b.number("SELECT leaf_index FROM lethe.receipts WHERE id = $1", r.ID); at != int64(i) {
			t.Errorf("receipt %d is leaf %d", i, at)
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
		t.Errorf("after: %+v, %v", backlog, err)
	}
}

// TestSealNoMoreThan: a call takes a bounded number, the next goes on.
func TestSealNoMoreThan(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.fill(MaxSealed + 5)
	b.seal(MaxSealed)
	b.seal(5)
	b.sound(MaxSealed + 5)
}

func TestSealWithoutAKey(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.write(1)
	if n, err := b.open(Config{}).Seal(t.Context()); n != 0 || err != ErrNoKey {
		t.Errorf("sealed %d, %v", n, err)
	}
	if n := b.number("SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NOT NULL"); n != 0 {
		t.Errorf("%d are sealed", n)
	}
}

func TestKeysOfTwoOrigins(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	other := []receipt.Signer{testreceipt.Signer(t, "example.com/other")}
	if _, err := New(b.role, Config{Signers: []receipt.Signer{b.signer, other[0]}}); err == nil {
		t.Error("keys of two origins were taken")
	}
	b.write(2)
	b.seal(2)
	b.write(1)
	if _, err := b.open(Config{Signers: other}).Seal(t.Context()); err == nil || !strings.Contains(err.Error(), "example.com/other") {
		t.Errorf("with keys of another log: %v", err)
	}
	b.seal(1)
	b.sound(3)
}

// TestReceiptsOfAnotherLog stay unsealed: their proofs would prove nothing.
func TestReceiptsOfAnotherLog(t *testing.T) {
	t.Parallel()
	for name, body := range map[string][]byte{
		"another log": newReceipt(t, "example.com/other").Body,
		"no receipt":  []byte(`{"version":"lethe-receipt/1"}`),
		"a prefix":    newReceipt(t, origin+"x").Body,
	} {
		b := newFixture(t)
		b.write(1)
		b.exec("INSERT INTO lethe.receipts (id, body) VALUES (gen_random_uuid(), $1)", body)
		if n, err := b.Seal(t.Context()); n != 0 || err == nil || !strings.Contains(err.Error(), origin) {
			t.Errorf("%s: sealed %d, %v", name, n, err)
		}
		if n := b.number("SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NOT NULL"); n != 0 {
			t.Errorf("%s: %d are sealed", name, n)
		}
	}
}

// TestReceiptsAreBounded: what fits into a bundle is taken, and no more.
func TestReceiptsAreBounded(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	insert := func(size int) error {
		_, err := b.role.Pool().Exec(t.Context(), "INSERT INTO lethe.receipts (id, body) VALUES (gen_random_uuid(), $1)", bytes.Repeat([]byte("x"), size))
		return err
	}
	for size, fits := range map[int]bool{0: false, 1: true, receipt.MaxReceipt: true, receipt.MaxReceipt + 1: false} {
		if err := insert(size); (err == nil) != fits {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// TestKeyRotation: the newer key signs beside the older one, then alone.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	former, next := b.signer, testreceipt.Signer(t, origin)
	b.write(1)
	b.seal(1)

	b.write(1)
	alone := b.open(Config{Signers: []receipt.Signer{next}})
	if _, err := alone.Seal(t.Context()); domain.CodeOf(err) != domain.CodeInternal || !strings.Contains(err.Error(), "former") {
		t.Errorf("a key that nobody has seen sealed at once: %v", err)
	}
	both := b.open(Config{Signers: []receipt.Signer{next, former}})
	if n, err := both.Seal(t.Context()); err != nil || n != 1 {
		t.Fatalf("sealed %d, %v", n, err)
	}
	if keys := both.Keys(); len(keys) != 2 || keys[0] != next.PublicKey().String() || keys[1] != former.PublicKey().String() {
		t.Errorf("the keys are %q", keys)
	}
	signed, err := both.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, signatures, err := receipt.OpenCheckpoint(signed, []receipt.PublicKey{former.PublicKey(), next.PublicKey()})
	if err != nil || len(signatures) != 2 {
		t.Errorf("%d signatures, %v", len(signatures), err)
	}
	b.write(1)
	if n, err := alone.Seal(t.Context()); err != nil || n != 1 {
		t.Fatalf("sealed %d, %v", n, err)
	}
	audit, err := alone.Audit(t.Context(), nil)
	if err != nil || len(audit.Findings) > 0 || audit.Checkpoints != 3 || audit.Unverified != 1 {
		t.Errorf("the audit found %+v, %v", audit, err)
	}
}

// TestManySealers: three with pools of their own seal while others write. Of
// each call but one, the turn is another's or nothing is left.
func TestManySealers(t *testing.T) {
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
						batch.Queue("SELECT pg_sleep(0.01)") // commits later than others that came later
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

// TestLateCommit: a receipt that is committed after later ones were sealed is
// sealed all the same, and holds up nobody.
func TestLateCommit(t *testing.T) {
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
		t.Errorf("it is leaf %d", at)
	}
}

// TestTheTurnIsAnothers: while one seals, the others go on at once.
func TestTheTurnIsAnothers(t *testing.T) {
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
	b.write(1) // nor is writing held up
	if err := other.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.seal(3)
}

// TestSealThroughPgBouncer, which lends a connection for a transaction: a lock
// of the session would stay behind on it.
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
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if bundle, err := b.Entries(t.Context(), domain.Tile{Width: 40}); err != nil || len(bundle) < 40*500 {
		t.Errorf("a bundle of %d bytes, %v", len(bundle), err)
	}
	if locks := b.number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"); locks != 0 {
		t.Errorf("%d locks were left", locks)
	}
}

// TestSealIsDurable, whatever the default: a checkpoint that was shown must not be
// lost.
func TestSealIsDurable(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.exec(fmt.Sprintf(`ALTER ROLE %s SET synchronous_commit = off`, pgx.Identifier{b.role.Pool().Config().ConnConfig.User}.Sanitize()))
	b.write(1)
	// A trigger sees what a commit of this transaction would wait for.
	b.exec(`CREATE TABLE public.seen (synchronous_commit text);
		GRANT INSERT ON public.seen TO PUBLIC;
		CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
		CREATE TRIGGER look AFTER INSERT ON lethe.checkpoints EXECUTE FUNCTION public.look()`)
	b.role.Pool().Reset()
	b.seal(1)
	if n := b.number("SELECT count(*) FROM public.seen WHERE synchronous_commit = 'on'"); n != 1 {
		t.Error("a checkpoint is committed without being on disk")
	}
}
