package offsite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/offsite"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

// checkpoint is a signed one of so many leaves.
func checkpoint(t *testing.T, signer receipt.Signer, size int64) []byte {
	t.Helper()
	signed, err := receipt.SignCheckpoint(receipt.Checkpoint{Origin: signer.Name(), Size: size, Root: tlog.RecordHash([]byte{byte(size)})}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestSeen: of several that write at once the one with the most leaves stays.
func TestSeen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "checkpoint")
	signer := testreceipt.Signer(t, testreceipt.Origin)
	if err := offsite.SeenAt(path).Writable(); err != nil {
		t.Fatal(err)
	}
	if kept, err := offsite.SeenAt(path).Read(); err != nil || kept != nil {
		t.Fatalf("before the first: %q, %v", kept, err)
	}
	var writers sync.WaitGroup
	for i := range 40 {
		writers.Go(func() {
			if err := offsite.SeenAt(path).Keep(checkpoint(t, signer, int64(i*7%40+1))); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	kept, err := offsite.SeenAt(path).Read()
	if err != nil || !bytes.Equal(kept, checkpoint(t, signer, 40)) {
		t.Errorf("kept %q, %v", kept, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
}

// TestSeenDamaged: what is no checkpoint is never taken for none, nor
// overwritten.
func TestSeenDamaged(t *testing.T) {
	t.Parallel()
	signed := checkpoint(t, testreceipt.Signer(t, testreceipt.Origin), 3)
	for name, content := range map[string][]byte{
		"empty": {}, "half": signed[:20], "no signature": signed[:bytes.Index(signed, []byte("\n\n"))+2], "too long": bytes.Repeat(signed, 1000),
	} {
		path := filepath.Join(t.TempDir(), "checkpoint")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := offsite.SeenAt(path).Read(); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if err := offsite.SeenAt(path).Keep(checkpoint(t, testreceipt.Signer(t, testreceipt.Origin), 4)); err == nil {
			t.Errorf("%s was overwritten", name)
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, content) {
			t.Errorf("%s: %q is left, %v", name, left, err)
		}
	}
	if err := offsite.SeenAt(filepath.Join(t.TempDir(), "none", "checkpoint")).Writable(); err == nil {
		t.Error("a folder that is not there is writable")
	}
}

// TestSeenThroughNoLink: who may write into the folder has nothing else overwritten
// or read.
func TestSeenThroughNoLink(t *testing.T) {
	t.Parallel()
	signer := testreceipt.Signer(t, testreceipt.Origin)
	for _, suffix := range []string{"", ".lock", ".new"} {
		folder := t.TempDir()
		path, victim := filepath.Join(folder, "checkpoint"), filepath.Join(t.TempDir(), "victim")
		if err := os.WriteFile(victim, checkpoint(t, signer, 7), 0o640); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(victim)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(victim, path+suffix); err != nil {
			t.Fatal(err)
		}
		err = offsite.SeenAt(path).Keep(checkpoint(t, signer, 9))
		if refused := err != nil; refused != (suffix != ".new") {
			t.Errorf("%q: %v", suffix, err)
		}
		if _, err := offsite.SeenAt(path).Read(); (err != nil) != (suffix == "") {
			t.Errorf("%q is read: %v", suffix, err)
		}
		after, err := os.Stat(victim)
		text, errRead := os.ReadFile(victim)
		if err != nil || errRead != nil || !bytes.Equal(text, checkpoint(t, signer, 7)) || after.ModTime() != before.ModTime() || after.Mode() != before.Mode() {
			t.Errorf("%q: the victim has %q, %v", suffix, text, err)
		}
	}
}
