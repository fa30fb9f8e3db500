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

// seeing is a log that keeps the newest checkpoint it has seen in a file.
func (b *fixture) seeing(path string) *Log {
	b.t.Helper()
	return b.open(Config{Signers: []receipt.Signer{b.signer}, Checkpoints: offsite.CheckpointFileAt(path)})
}

// back rolls the log back to an earlier size, as a restore does.
func (b *fixture) back(size int64) {
	b.t.Helper()
	b.exec("UPDATE lethe.receipts SET leaf_index = NULL WHERE leaf_index >= $1", size)
	b.exec("DELETE FROM lethe.checkpoints WHERE size > $1", size)
	b.exec("DELETE FROM lethe.tiles WHERE idx > 0 OR level > 0")
	b.exec("UPDATE lethe.tiles SET hashes = substring(hashes FROM 1 FOR 32 * $1::integer)", size)
	b.exec("UPDATE lethe.log_state SET size = $1", size)
}

// TestCheckpointFileDetectsRollback: once a process has shown or sealed a checkpoint, no
// process with the same file accepts an older one.
func TestCheckpointFileDetectsRollback(t *testing.T) {
	t.Parallel()
	for name, see := range map[string]func(*fixture, *Log) error{
		"sealed":   func(b *fixture, l *Log) error { _, err := l.Seal(b.t.Context()); return err },
		"shown":    func(b *fixture, l *Log) error { b.seal(5); _, err := l.Checkpoint(b.t.Context()); return err },
		"compared": func(b *fixture, l *Log) error { b.seal(5); return l.Compare(b.t.Context()) },
		"proof": func(b *fixture, l *Log) error {
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
				t.Fatalf("empty log: %v", err)
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
				t.Fatalf("the rolled-back state is invalid: %v", err)
			}
			restarted := b.seeing(path)
			for _, l := range []*Log{restarted, running} {
				if err := l.Compare(t.Context()); !errors.Is(err, ErrRolledBack) || !strings.Contains(err.Error(), "lethe replay") {
					t.Errorf("Compare: got %v, want ErrRolledBack", err)
				}
				if _, err := l.Checkpoint(t.Context()); !errors.Is(err, ErrRolledBack) {
					t.Errorf("Checkpoint: got %v", err)
				}
				if n, err := l.Seal(t.Context()); n != 0 || !errors.Is(err, ErrRolledBack) {
					t.Errorf("Seal: sealed %d (error %v), want none", n, err)
				}
			}
			// Another log that has grown past it does not count as the same log.
			b.exec("DELETE FROM lethe.receipts WHERE leaf_index IS NULL")
			b.fill(6)
			b.Log = b.open(Config{Signers: []receipt.Signer{b.signer}})
			b.seal(6)
			if err := b.seeing(path).Compare(t.Context()); !errors.Is(err, ErrRolledBack) {
				t.Errorf("fork: got %v", err)
			}
			kept, err := offsite.CheckpointFileAt(path).Read()
			if err != nil || b.tree(kept).N != 8 {
				t.Errorf("file: got %q (error %v)", kept, err)
			}
		})
	}
}

// TestCheckpointFileUnusable: a log does not open with an unusable checkpoint file.
func TestCheckpointFileUnusable(t *testing.T) {
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
		"not a checkpoint": {"words", "not a signed checkpoint"},
		"truncated":        {string(signed[:len(signed)-9]), "damaged"},
	} {
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(b.role, Config{Signers: []receipt.Signer{b.signer}, Checkpoints: offsite.CheckpointFileAt(path)}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// A checkpoint signed with a former key counts.
	former := testreceipt.Signer(t, origin)
	if signed, err = receipt.SignCheckpoint(receipt.Checkpoint{Origin: origin, Size: 7, Root: b.tree(signed).Hash}, former); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, signed, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.seeing(path).Compare(t.Context()); !errors.Is(err, ErrRolledBack) {
		t.Errorf("signed with a former key: %v", err)
	}
	// No checkpoint is shown that could not be written to the file.
	unkept := b.seeing(filepath.Join(t.TempDir(), "none", "checkpoint"))
	if _, err := unkept.Checkpoint(t.Context()); domain.CodeOf(err) != domain.CodeUnavailable {
		t.Errorf("file not writable: got %v", err)
	}
}
