package translog

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/adapters/offsite"
	"lethe/domain"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

// later mirrors the current log, as the later state for a rollback.
func (b *fixture) later() (Later, *offsite.Mirror) {
	b.t.Helper()
	folder := filepath.Join(b.t.TempDir(), "mirror")
	m, err := offsite.OpenMirror(folder, b.public())
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := m.Update(b.t.Context(), b.Log); err != nil {
		b.t.Fatal(err)
	}
	signed, tree, origin := m.Checkpoint()
	return Later{
		Origin: origin, Checkpoint: signed, Tree: tree, Tiles: m.Tiles(), Leaves: m.Leaves,
		Secrets: func(uuid.UUID) ([]byte, *uuid.UUID) { return nil, nil },
	}, m
}

// restore rolls the log back to size leaves. Later receipts are deleted, except
// those that existed unsealed.
func (b *fixture) restore(trees map[int64][]byte, size int64) {
	b.t.Helper()
	b.exec("DELETE FROM lethe.receipts WHERE leaf_index >= $1 + 2", size)
	b.exec("UPDATE lethe.receipts SET leaf_index = NULL WHERE leaf_index >= $1", size)
	b.exec("DELETE FROM lethe.receipt_secrets s WHERE NOT EXISTS (SELECT FROM lethe.receipts r WHERE r.id = s.receipt_id)")
	b.exec("DELETE FROM lethe.checkpoints WHERE size > $1", size)
	if size == 0 {
		b.exec("DELETE FROM lethe.tiles")
		b.exec("DELETE FROM lethe.log_state")
		return
	}
	b.exec(`DELETE FROM lethe.tiles WHERE ($1::bigint >> (8 * level)) <= idx * 256`, size)
	b.exec(`UPDATE lethe.tiles SET hashes = substring(hashes FROM 1 FOR 32 * least(256, ($1::bigint >> (8 * level)) - idx * 256)::integer)`, size)
	b.exec("UPDATE lethe.log_state SET size = $1, root = $2", size, trees[size])
}

// asOwner is the log as a replay opens it.
func (b *fixture) asOwner() *Log {
	b.t.Helper()
	l, err := New(b.owner, Config{})
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

// TestComplete: whatever is missing, the log becomes exactly what it was, only
// once, and can be continued.
func TestComplete(t *testing.T) {
	t.Parallel()
	for _, sizes := range [][2]int64{{0, 3}, {0, 600}, {1, 2}, {255, 256}, {256, 300}, {300, 1400}, {512, 513}, {700, 701}} {
		b := newFixture(t)
		small, large := sizes[0], sizes[1]
		roots := map[int64][]byte{}
		if small > 0 {
			b.fill(int(small))
			b.seal(int(small))
			roots[small] = b.root()
		}
		last := b.write(1)[0]
		b.fill(int(large - small - 1))
		b.seal(int(large - small))
		later, _ := b.later()
		before := b.sums()
		salt := bytes.Repeat([]byte{7}, 32)
		later.Secrets = func(id uuid.UUID) ([]byte, *uuid.UUID) {
			if id == last.ID {
				return salt, last.Actor
			}
			return nil, nil
		}
		b.restore(roots, small)
		b.exec("DELETE FROM lethe.receipt_secrets WHERE receipt_id = $1", last.ID)
		l := b.asOwner()
		if n, err := l.Missing(t.Context(), later); n != large-small || err != nil {
			t.Fatalf("%v: got %d missing (error %v)", sizes, n, err)
		}
		for _, want := range []int64{large - small, 0} {
			if n, err := l.Complete(t.Context(), later, nil); n != want || err != nil {
				t.Fatalf("%v: added %d, want %d: %v", sizes, n, want, err)
			}
		}
		if after := b.sums(); after != before {
			t.Errorf("%v: the log differs, before:\n%s\nafter:\n%s", sizes, before, after)
		}
		if n := b.number("SELECT count(*) FROM lethe.receipt_secrets WHERE receipt_id = $1 AND salt = $2 AND actor_id = $3", last.ID, salt, last.Actor); n != 1 {
			t.Errorf("%v: got %d secrets of the receipt", sizes, n)
		}
		if got, err := b.Receipt(t.Context(), last.ID); err != nil || got.File == nil || got.Actor == nil {
			t.Errorf("%v: got the proof %+v (error %v)", sizes, got, err)
		}
		b.write(2)
		b.seal(2)
		b.sound(large + 2)
		if n, err := l.Missing(t.Context(), later); n != 0 || err != nil {
			t.Errorf("%v: after growing: got %d missing (error %v)", sizes, n, err)
		}
	}
}

// TestCompleteRepeatedLevel: a level attested again between the restore and the
// replay is replaced by the log's receipt.
func TestCompleteRepeatedLevel(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	erasure := b.write(1)[0]
	b.seal(1)
	roots := map[int64][]byte{1: b.root()}
	b.writeAbout(erasure.ID)
	b.fill(5)
	b.seal(6)
	later, _ := b.later()
	before := b.sums()
	b.exec("DELETE FROM lethe.receipts WHERE about IS NOT NULL")
	b.restore(roots, 1)
	b.writeAbout(erasure.ID)
	if n, err := b.asOwner().Complete(t.Context(), later, nil); n != 6 || err != nil {
		t.Fatalf("added %d: %v", n, err)
	}
	if after := b.sums(); after != before {
		t.Errorf("the log differs, before:\n%s\nafter:\n%s", before, after)
	}
	if n := b.number("SELECT count(*) FROM lethe.receipts WHERE about = $1", erasure.ID); n != 1 {
		t.Errorf("got %d receipts about the erasure", n)
	}
}

// writeAbout writes a receipt of a later level.
func (b *fixture) writeAbout(erasure uuid.UUID) {
	b.t.Helper()
	id, body := testreceipt.NewAbout(b.t, testreceipt.Origin, erasure)
	b.exec("INSERT INTO lethe.receipts (id, about, body, level) VALUES ($1, $2, $3, 'replicated')", id, erasure, body)
}

// sums are hashes over the receipts with their places, the tiles and the state.
func (b *fixture) sums() (text string) {
	b.t.Helper()
	if err := b.owner.Pool().QueryRow(b.t.Context(), `SELECT
		(SELECT md5(string_agg(id || ' ' || md5(body) || ' ' || leaf_index, ',' ORDER BY leaf_index)) FROM lethe.receipts WHERE leaf_index IS NOT NULL) || ' ' ||
		(SELECT md5(string_agg(level || ' ' || idx || ' ' || md5(hashes), ',' ORDER BY level, idx)) FROM lethe.tiles) || ' ' ||
		(SELECT origin || ' ' || size || ' ' || root::text FROM lethe.log_state) || ' ' ||
		(SELECT max(size) FROM lethe.checkpoints WHERE published_at IS NOT NULL)`).Scan(&text); err != nil {
		b.t.Fatal(err)
	}
	return text
}

// TestCompleteErrors: a log that does not match is not completed.
func TestCompleteErrors(t *testing.T) {
	t.Parallel()
	wrong := errors.New("wrong")
	for name, c := range map[string]struct {
		change func(*fixture, *Later)
		is     error
		says   string
	}{
		"log continued": {func(b *fixture, _ *Later) {
			b.exec("DELETE FROM lethe.receipts WHERE leaf_index IS NULL")
			b.write(1)
			b.seal(1)
		}, ErrForked, "has grown since it was restored"},
		"log larger": {func(b *fixture, _ *Later) {
			b.exec("DELETE FROM lethe.receipts WHERE leaf_index IS NULL")
			b.fill(900)
			b.seal(900)
		}, ErrForked, "has grown since it was restored"},
		"another log":  {func(_ *fixture, l *Later) { l.Origin = "example.com/other" }, ErrForked, "another log"},
		"another root": {func(_ *fixture, l *Later) { l.Tree.Hash[0] ^= 1 }, nil, "damaged"},
		"leaf missing": {func(_ *fixture, l *Later) {
			all := l.Leaves
			l.Leaves = func(first int64, each func([]byte) error) error {
				n := first
				return all(first, func(body []byte) error {
					if n++; n == l.Tree.N {
						return nil
					}
					return each(body)
				})
			}
		}, nil, "damaged"},
		"extra leaf": {func(_ *fixture, l *Later) {
			all := l.Leaves
			l.Leaves = func(first int64, each func([]byte) error) error {
				var last []byte
				if err := all(first, func(body []byte) error { last = bytes.Clone(body); return each(body) }); err != nil {
					return err
				}
				return each(last)
			}
		}, nil, "damaged"},
		"not receipts": {func(_ *fixture, l *Later) {
			l.Leaves = func(_ int64, each func([]byte) error) error { return each([]byte("words")) }
		}, nil, "damaged"},
		"unreadable": {func(_ *fixture, l *Later) {
			l.Leaves = func(int64, func([]byte) error) error { return domain.Errorf(domain.CodeInternal, "wrong") }
		}, nil, wrong.Error()},
		"receipt changed": {func(b *fixture, _ *Later) {
			b.exec("UPDATE lethe.receipts SET body = set_byte(body, 200, 33) WHERE leaf_index IS NULL")
		}, nil, "does not match its signatures"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			b.fill(300)
			b.seal(300)
			roots := map[int64][]byte{300: b.root()}
			b.fill(500)
			b.seal(500)
			later, _ := b.later()
			b.restore(roots, 300)
			b.Log = b.open(Config{Signers: []receipt.Signer{b.signer}})
			c.change(b, &later)
			before := b.sums()
			n, err := b.asOwner().Complete(t.Context(), later, nil)
			if b.number("SELECT size FROM lethe.log_state") > 800 {
				n, err = b.asOwner().Missing(t.Context(), later)
			}
			if n != 0 || err == nil || !strings.Contains(err.Error(), c.says) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("added %d (error %v), want none", n, err)
			}
			if after := b.sums(); after != before {
				t.Errorf("the log changed, before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// TestCompleteServiceRole: the service's role cannot add leaves.
func TestCompleteServiceRole(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.fill(3)
	b.seal(3)
	later, _ := b.later()
	b.restore(nil, 0)
	for l, want := range map[*Log]bool{b.Log: false, b.asOwner(): true} {
		if may, err := l.MayComplete(t.Context()); may != want || err != nil {
			t.Errorf("permitted %v, want %v: %v", may, want, err)
		}
	}
	if n, err := b.Complete(t.Context(), later, nil); n != 0 || err == nil {
		t.Errorf("added %d (error %v), want none", n, err)
	}
}

// TestGrown: a caller that continues where the last call ended misses no receipt.
func TestGrown(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	seen := map[uuid.UUID]bool{}
	next := int64(0)
	look := func(wantSealed, wantUnsealed int) {
		t.Helper()
		sealed, unsealed, n, err := b.Grown(t.Context(), next)
		if err != nil || len(sealed) != wantSealed || len(unsealed) != wantUnsealed {
			t.Errorf("want %d sealed and %d unsealed, got %d and %d (error %v)", wantSealed, wantUnsealed, len(sealed), len(unsealed), err)
		}
		next = n
		for _, id := range append(sealed, unsealed...) {
			seen[id] = true
		}
	}
	look(0, 0)
	b.write(3)
	look(0, 3)
	b.seal(3)
	b.write(2)
	look(3, 2)
	look(0, 2)
	b.seal(2)
	look(2, 0)
	look(0, 0)
	if len(seen) != 5 || next != 5 {
		t.Errorf("got %d receipts up to leaf %d", len(seen), next)
	}
}
