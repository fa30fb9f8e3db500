package translog

import (
	"crypto/rand"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/postgres"
	"lethe/internal/pgtest"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

const origin = testreceipt.Origin

// fixture is a database with a log on it, which uses the role with the fewest
// grants, and a connection as the owner.
type fixture struct {
	*Log
	t        testing.TB
	database *pgtest.Database
	owner    *postgres.DB
	role     *postgres.DB
	signer   receipt.Signer
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	b := &fixture{t: t, database: pgtest.New(t), signer: testreceipt.Signer(t, origin)}
	b.owner, b.role = openDB(t, postgres.Config{URL: b.database.URL}), openDB(t, postgres.Config{URL: b.database.RoleURL})
	b.Log = b.open(Config{Signers: []receipt.Signer{b.signer}})
	return b
}

// open makes another log on the same database, like another process.
func (b *fixture) open(cfg Config) *Log {
	b.t.Helper()
	l, err := New(b.role, cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

func openDB(t testing.TB, cfg postgres.Config) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func (b *fixture) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.owner.Pool().Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
}

func (b *fixture) number(sql string, args ...any) (n int64) {
	b.t.Helper()
	if err := b.owner.Pool().QueryRow(b.t.Context(), sql, args...).Scan(&n); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func newReceipt(t testing.TB, log string) postgres.Receipt {
	t.Helper()
	id, salt, body := testreceipt.New(t, log)
	actor := uuid.New()
	return postgres.Receipt{ID: id, Body: body, Salt: salt[:], Actor: &actor, OwnerKeys: [][]byte{[]byte(rand.Text())}}
}

// write writes receipts as the service does, each in a transaction.
func (b *fixture) write(n int) []postgres.Receipt {
	b.t.Helper()
	written := make([]postgres.Receipt, n)
	for i := range written {
		written[i] = newReceipt(b.t, origin)
		b.writeReceipt(written[i])
	}
	return written
}

func (b *fixture) writeReceipt(r postgres.Receipt) {
	b.t.Helper()
	err := b.role.Tx(b.t.Context(), func(tx *postgres.Tx) error {
		var batch pgx.Batch
		postgres.QueueReceipt(&batch, r)
		return tx.SendBatch(b.t.Context(), &batch).Close()
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// fill writes many receipts at once, as copies of one.
func (b *fixture) fill(n int) {
	b.t.Helper()
	template := newReceipt(b.t, origin)
	b.exec(`INSERT INTO lethe.receipts (id, body)
		SELECT id, convert_to(replace(convert_from($1, 'UTF8'), $2, id::text), 'UTF8')
		FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $3)) ids`, template.Body, template.ID.String(), n)
}

// seal seals once, and fails the test unless want receipts were sealed.
func (b *fixture) seal(want int) {
	b.t.Helper()
	if n, err := b.Seal(b.t.Context()); err != nil || n != want {
		b.t.Fatalf("sealed %d, want %d: %v", n, want, err)
	}
}

// public are the keys that verify proofs.
func (b *fixture) public() []receipt.PublicKey { return []receipt.PublicKey{b.signer.PublicKey()} }

// tree is the tree of a signed checkpoint.
func (b *fixture) tree(signed []byte) tlog.Tree {
	b.t.Helper()
	c, _, err := receipt.OpenCheckpoint(signed, b.public())
	if err != nil {
		b.t.Fatal(err)
	}
	return tlog.Tree{N: c.Size, Hash: c.Root}
}

// checkpoints are all checkpoints, smallest first.
func (b *fixture) checkpoints() []tlog.Tree {
	b.t.Helper()
	rows, err := b.owner.Pool().Query(b.t.Context(), "SELECT note FROM lethe.checkpoints ORDER BY size")
	if err != nil {
		b.t.Fatal(err)
	}
	notes, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		b.t.Fatal(err)
	}
	trees := make([]tlog.Tree, len(notes))
	for i, n := range notes {
		trees[i] = b.tree(n)
	}
	return trees
}

// sound checks that the log has leaves consecutive leaves, that an audit finds
// nothing, and that every checkpoint is consistent with the previous ones.
func (b *fixture) sound(leaves int64) {
	b.t.Helper()
	audit, err := b.Audit(b.t.Context(), nil)
	if err != nil || len(audit.Findings) > 0 || audit.Size != leaves || audit.Unverified > 0 {
		b.t.Fatalf("audit of %d leaves: got %+v (error %v)", leaves, audit, err)
	}
	if n := b.number("SELECT count(*) FROM lethe.receipts WHERE leaf_index < $1", leaves); n != leaves {
		b.t.Fatalf("got %d receipts of %d leaves", n, leaves)
	}
	trees := b.checkpoints()
	if int64(len(trees)) != audit.Checkpoints {
		b.t.Fatalf("the audit saw %d of %d checkpoints", audit.Checkpoints, len(trees))
	}
	for i, newer := range trees {
		for _, older := range trees[:i] {
			proof, err := b.Consistency(b.t.Context(), older.N, newer.N)
			if err == nil {
				err = tlog.CheckTree(proof, newer.N, newer.Hash, older.N, older.Hash)
			}
			if err != nil {
				b.t.Fatalf("the checkpoint of %d leaves is not consistent with that of %d: %v", newer.N, older.N, err)
			}
		}
	}
}

// anyReceipt is the receipt that was sealed last.
func (b *fixture) anyReceipt() (id uuid.UUID) {
	b.t.Helper()
	if err := b.owner.Pool().QueryRow(b.t.Context(), "SELECT id FROM lethe.receipts ORDER BY leaf_index DESC NULLS LAST LIMIT 1").Scan(&id); err != nil {
		b.t.Fatal(err)
	}
	return id
}

// root is the current root.
func (b *fixture) root() (root []byte) {
	b.t.Helper()
	if err := b.owner.Pool().QueryRow(b.t.Context(), "SELECT root FROM lethe.log_state").Scan(&root); err != nil {
		b.t.Fatal(err)
	}
	return root
}
