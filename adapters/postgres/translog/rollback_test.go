package translog

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lethe/adapters/offsite"
	"lethe/domain"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

// seeing is a log that keeps what it has seen in a file.
func (b *fixture) seeing(path string) *Log {
	b.t.Helper()
	return b.open(Config{Signers: []receipt.Signer{b.signer}, Checkpoints: offsite.CheckpointFileAt(path)})
}

// back turns the log back to an earlier size, as a restore would.
func (b *fixture) back(size int64) {
	b.t.Helper()
	b.exec("UPDATE lethe.receipts SET leaf_index = NULL WHERE leaf_index >= $1", size)
	b.exec("DELETE FROM lethe.checkpoints WHERE size > $1", size)
	b.exec("DELETE FROM lethe.tiles WHERE idx > 0 OR level > 0")
	b.exec("UPDATE lethe.tiles SET hashes = substring(hashes FROM 1 FOR 32 * $1::integer)", size)
	b.exec("UPDATE lethe.log_state SET size = $1", size)
}

// TestSeenBeforeARestart: what one process has shown or sealed, no other process
// with the same file goes back behind, now or later.
func TestSeenBeforeARestart(t *testing.T) {
	t.Parallel()
	for name, see := range map[string]func(*fixture, *Log) error{
		"sealed": func(b *fixture, l *Log) error { _, err := l.Seal(b.t.Context()); return err },
		"shown":  func(b *fixture, l *Log) error { b.seal(5); _, err := l.Checkpoint(b.t.Context()); return err },
		"looked": func(b *fixture, l *Log) error { b.seal(5); return l.Compare(b.t.Context()) },
		"a proof": func(b *fixture, l *Log) error {
			b.seal(5)
			_, err := l.Receipt(b.t.Context(), b.anyReceipt())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			path := filepath.Join(t.TempDir(), "checkpoint")
			running := b.seeing(path)
			if err := running.Compare(t.Context()); err != nil {
				t.Fatalf("of an empty log: %v", err)
			}
			b.write(3)
			b.seal(3)
			if err := running.Compare(t.Context()); err != nil {
				t.Fatal(err)
			}
			root := b.root()
			b.write(5)
			if err := see(b, running); err != nil {
				t.Fatal(err)
			}
			b.back(3)
			b.exec("UPDATE lethe.log_state SET root = $1", root)
			if err := b.open(Config{Signers: []receipt.Signer{b.signer}}).Compare(t.Context()); err != nil {
				t.Fatalf("the state that was gone back to is none: %v", err)
			}
			restarted := b.seeing(path)
			for _, l := range []*Log{restarted, running} {
				if err := l.Compare(t.Context()); !errors.Is(err, ErrRolledBack) || !strings.Contains(err.Error(), "lethe replay") {
					t.Errorf("compared: %v", err)
				}
				if _, err := l.Checkpoint(t.Context()); !errors.Is(err, ErrRolledBack) {
					t.Errorf("the checkpoint: %v", err)
				}
				if n, err := l.Seal(t.Context()); n != 0 || !errors.Is(err, ErrRolledBack) {
					t.Errorf("sealed %d, %v", n, err)
				}
			}
			// Nor is another log that has grown past it taken for the same.
			b.exec("DELETE FROM lethe.receipts WHERE leaf_index IS NULL")
			b.fill(6)
			b.Log = b.open(Config{Signers: []receipt.Signer{b.signer}})
			b.seal(6)
			if err := b.seeing(path).Compare(t.Context()); !errors.Is(err, ErrRolledBack) {
				t.Errorf("a fork: %v", err)
			}
			kept, err := offsite.CheckpointFileAt(path).Read()
			if err != nil || b.tree(kept).N != 8 {
				t.Errorf("the file holds %q, %v", kept, err)
			}
		})
	}
}

// TestSeenUnusable: a file that cannot be gone by is no reason to go on without.
func TestSeenUnusable(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.write(1)
	b.seal(1)
	signed, err := b.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := receipt.SignCheckpoint(receipt.Checkpoint{Origin: "example.com/other", Size: 1, Root: b.tree(signed).Hash}, testreceipt.Signer(t, "example.com/other"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoint")
	for name, c := range map[string]struct{ content, says string }{
		"another root":     {strings.Replace(string(signed), "\n1\n", "\n2\n", 1), "damaged"},
		"another log":      {string(other), "example.com/other"},
		"no checkpoint":    {"words", "not a signed checkpoint"},
		"cut in the midst": {string(signed[:len(signed)-9]), "damaged"},
	} {
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(b.role, Config{Signers: []receipt.Signer{b.signer}, Checkpoints: offsite.CheckpointFileAt(path)}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A checkpoint of a former key counts: which of them signed is no matter here.
	former := testreceipt.Signer(t, origin)
	if signed, err = receipt.SignCheckpoint(receipt.Checkpoint{Origin: origin, Size: 7, Root: b.tree(signed).Hash}, former); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, signed, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.seeing(path).Compare(t.Context()); !errors.Is(err, ErrRolledBack) {
		t.Errorf("a former key's: %v", err)
	}
	// Nothing is shown that could not be kept.
	unkept := b.seeing(filepath.Join(t.TempDir(), "none", "checkpoint"))
	if _, err := unkept.Checkpoint(t.Context()); domain.CodeOf(err) != domain.CodeUnavailable {
		t.Errorf("what could not be kept: %v", err)
	}
}
