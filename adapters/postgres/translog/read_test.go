package translog

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

// portFixture seals without publishing, since it waits for a standby that never
// connects.
type portFixture struct {
	*fixture
	waits *Log
}

func newPortFixture(t *testing.T, b *fixture) porttest.LogFixture {
	t.Helper()
	return portFixture{b, b.open(Config{Signers: []receipt.Signer{b.signer}, Standbys: []string{"never"}})}
}

func (f portFixture) Log() domain.Log { return f.waits }

func (f portFixture) AddReceipt(actor, about *uuid.UUID) porttest.LogReceipt {
	r := newReceipt(f.t, origin)
	r.Actor, r.About = actor, about
	if about != nil {
		r.Level = string(receipt.LevelReplicated)
		r.ID, r.Body = testreceipt.NewAbout(f.t, origin, *about)
	}
	f.writeReceipt(r)
	return porttest.LogReceipt{ID: r.ID, Body: r.Body}
}

func (f portFixture) Seal() {
	if _, err := f.waits.Seal(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

func (f portFixture) Publish() {
	if _, _, err := f.fixture.Publish(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	porttest.Log(t, func(t *testing.T) porttest.LogFixture { return newPortFixture(t, newFixture(t)) })
}

func TestLogThroughPgBouncer(t *testing.T) {
	t.Parallel()
	through := pgtest.ThroughPgBouncer(t)
	porttest.Log(t, func(t *testing.T) porttest.LogFixture {
		b := newFixture(t)
		b.role = openDB(t, postgres.Config{URL: through(b.database.URL), PgBouncer: true})
		b.Log = b.open(Config{Signers: []receipt.Signer{b.signer}})
		return newPortFixture(t, b)
	})
}

// TestProofFiles: the check of receipts accepts every proof file served, for every
// place in trees of many sizes.
func TestProofFiles(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	written := b.write(3)
	b.seal(3)
	for _, more := range []int{1, 251, 1, 1, 300} {
		b.fill(more - 1)
		written = append(written, b.write(1)...)
		b.seal(more)
		for _, r := range written {
			got, err := b.Receipt(t.Context(), r.ID)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := receipt.Check(got.File, b.public(), receipt.Options{}); err != nil {
				t.Errorf("with %d more leaves: %v", more, err)
			}
		}
	}
}

// TestReadTampered: what does not lead to the signed root is not served.
func TestReadTampered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sql, says string }{
		"receipt":                    {"UPDATE lethe.receipts SET body = set_byte(body, 200, 33) WHERE leaf_index = 5", "leaf 5,"},
		"leaf index":                 {"UPDATE lethe.receipts SET leaf_index = 300 WHERE leaf_index = 5", "leaf 300,"},
		"tile":                       {"UPDATE lethe.tiles SET hashes = set_byte(hashes, 4, get_byte(hashes, 4) # 1) WHERE level = 0 AND idx = 0", "do not match the signed tree"},
		"upper tile":                 {"DELETE FROM lethe.tiles WHERE level = 1", "level 1 is missing"},
		"checkpoint":                 {"UPDATE lethe.checkpoints SET note = 'note'", "newest checkpoint"},
		"checkpoint of another log":  {"UPDATE lethe.checkpoints SET note = convert_to(replace(convert_from(note, 'UTF8'), 'example.com', 'example.org'), 'UTF8')", "to the log"},
		"checkpoint of another size": {"UPDATE lethe.checkpoints SET size = 299", "has size 300"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			b.fill(5)
			r := b.write(1)[0]
			b.fill(294)
			b.seal(300)
			b.Log = b.open(Config{Signers: []receipt.Signer{b.signer}}) // has not seen any checkpoint yet
			if got, err := b.Receipt(t.Context(), r.ID); err != nil || got.File == nil {
				t.Fatalf("before the change: got %+v (error %v)", got, err)
			}
			b.exec(c.sql)
			got, err := b.Receipt(t.Context(), r.ID)
			if c.says == "leaf 300," { // outside the published tree
				if err != nil || got.File != nil {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if got.File != nil || domain.CodeOf(err) != domain.CodeInternal || !strings.Contains(err.Error(), c.says) {
				t.Errorf("want an error about %q, got %v", c.says, err)
			}
		})
	}
}

// TestReadRolledBack: after a rollback of the database, a process that
// has shown a newer checkpoint does not show the older one.
func TestReadRolledBack(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r := b.write(1)[0]
	b.seal(1)
	b.write(1)
	b.seal(1)
	reader := b.open(Config{Signers: []receipt.Signer{b.signer}})
	if _, err := reader.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.exec("DELETE FROM lethe.checkpoints WHERE size = 2")
	if _, err := reader.Checkpoint(t.Context()); domain.CodeOf(err) != domain.CodeInternal || !strings.Contains(err.Error(), "another one of size 2") {
		t.Errorf("older checkpoint: got %v, want an internal error", err)
	}
	if got, err := reader.Receipt(t.Context(), r.ID); domain.CodeOf(err) != domain.CodeInternal || got.File != nil {
		t.Errorf("proof with the older checkpoint: got %v, want an error", err)
	}
	b.exec("DELETE FROM lethe.checkpoints")
	if _, err := reader.Checkpoint(t.Context()); domain.CodeOf(err) != domain.CodeInternal {
		t.Errorf("no checkpoint: got %v, want an error", err)
	}
}

// TestReadDuringSeal: a read that started before a sealing does not count as a
// rollback.
func TestReadDuringSeal(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r := b.write(1)[0]
	b.seal(1)
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			for range 50 {
				if _, err := b.Receipt(t.Context(), r.ID); err != nil {
					done <- err
					return
				}
				if _, err := b.Checkpoint(t.Context()); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 20 {
		b.write(1)
		b.seal(1)
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestProofQueries: a proof takes one query, for every leaf and size.
func TestProofQueries(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	first := b.write(1)[0]
	b.fill(700)
	last := b.write(1)[0]
	b.seal(702)
	var queries counter
	log, err := New(openDB(t, postgres.Config{URL: b.database.RoleURL, Tracer: &queries}), Config{Signers: []receipt.Signer{b.signer}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []postgres.Receipt{first, last} {
		queries.n.Store(0)
		if got, err := log.Receipt(t.Context(), r.ID); err != nil || got.File == nil || queries.n.Load() != 1 {
			t.Errorf("got %d queries (error %v)", queries.n.Load(), err)
		}
	}
	queries.n.Store(0)
	if _, err := log.Consistency(t.Context(), 1, 702); err != nil || queries.n.Load() != 1 {
		t.Errorf("consistency proof: got %d queries (error %v)", queries.n.Load(), err)
	}
}

func TestConsistencyInvalidSizes(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.fill(10)
	b.seal(10)
	for _, c := range [][2]int64{{0, 10}, {-1, 10}, {7, 3}, {3, 11}, {3, 5000}, {1, 1 << 62}} {
		if _, err := b.Consistency(t.Context(), c[0], c[1]); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("from %d to %d: got %v", c[0], c[1], err)
		}
	}
}
