package offsite_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/offsite"
	"lethe/internal/testreceipt"
	"lethe/plainfile"
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
	if err := offsite.CheckpointFileAt(path).Writable(); err != nil {
		t.Fatal(err)
	}
	if kept, err := offsite.CheckpointFileAt(path).Read(); err != nil || kept != nil {
		t.Fatalf("before the first: %q, %v", kept, err)
	}
	var writers sync.WaitGroup
	for i := range 40 {
		writers.Go(func() {
			if err := offsite.CheckpointFileAt(path).Keep(checkpoint(t, signer, int64(i*7%40+1))); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	kept, err := offsite.CheckpointFileAt(path).Read()
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
		if _, err := offsite.CheckpointFileAt(path).Read(); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if err := offsite.CheckpointFileAt(path).Keep(checkpoint(t, testreceipt.Signer(t, testreceipt.Origin), 4)); err == nil {
			t.Errorf("%s was overwritten", name)
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, content) {
			t.Errorf("%s: %q is left, %v", name, left, err)
		}
	}
	if err := offsite.CheckpointFileAt(filepath.Join(t.TempDir(), "none", "checkpoint")).Writable(); err == nil {
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
		err = offsite.CheckpointFileAt(path).Keep(checkpoint(t, signer, 9))
		if refused := err != nil; refused != (suffix != ".new") {
			t.Errorf("%q: %v", suffix, err)
		}
		if _, err := offsite.CheckpointFileAt(path).Read(); (err != nil) != (suffix == "") {
			t.Errorf("%q is read: %v", suffix, err)
		}
		after, err := os.Stat(victim)
		text, errRead := os.ReadFile(victim)
		if err != nil || errRead != nil || !bytes.Equal(text, checkpoint(t, signer, 7)) || after.ModTime() != before.ModTime() || after.Mode() != before.Mode() {
			t.Errorf("%q: the victim has %q, %v", suffix, text, err)
		}
	}
}

// TestSeenAmongTraps: who could put something in the place of the files neither has
// this process wait nor has it go by what it was given.
func TestSeenAmongTraps(t *testing.T) {
	t.Parallel()
	signer := testreceipt.Signer(t, testreceipt.Origin)
	pipe := func(path string) error { return syscall.Mkfifo(path, 0o600) }
	folder := func(path string) error { return os.MkdirAll(filepath.Join(path, "full"), 0o700) }
	others := func(path string) error {
		return errors.Join(os.WriteFile(path, checkpoint(t, signer, 7), 0o600), os.Chown(path, 65534, 65534))
	}
	open := func(path string) error {
		return errors.Join(os.WriteFile(path, checkpoint(t, signer, 7), 0o600), os.Chmod(path, 0o666))
	}
	for name, c := range map[string]struct {
		suffix string
		plant  func(path string) error
		want   error // nil: any
	}{
		"a pipe": {"", pipe, plainfile.ErrNotPlain}, "a pipe as the lock": {".lock", pipe, plainfile.ErrNotPlain},
		"a folder": {"", folder, plainfile.ErrNotPlain}, "a folder as the lock": {".lock", folder, plainfile.ErrNotPlain}, "a folder as the draft": {".new", folder, nil},
		"another's": {"", others, plainfile.ErrNotOwn}, "another's lock": {".lock", others, plainfile.ErrNotOwn},
		"for all to write": {"", open, plainfile.ErrNotOwn}, "a lock for all": {".lock", open, plainfile.ErrNotOwn},
	} {
		if c.want == plainfile.ErrNotOwn && os.Geteuid() != 0 && strings.HasPrefix(name, "another") {
			continue // only root can give files away
		}
		path := filepath.Join(t.TempDir(), "checkpoint")
		if err := c.plant(path + c.suffix); err != nil {
			t.Fatal(err)
		}
		calls := map[string]error{"keep": offsite.CheckpointFileAt(path).Keep(checkpoint(t, signer, 9))}
		if c.suffix == "" {
			_, calls["read"] = offsite.CheckpointFileAt(path).Read()
		} else {
			calls["writable"] = offsite.CheckpointFileAt(path).Writable()
		}
		for call, err := range calls {
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), path+c.suffix) || !strings.Contains(err.Error(), "away") {
				t.Errorf("%s, %s: %v", name, call, err)
			}
		}
	}
}

// TestSeenThroughNoSecondName: a file that has another name is not written through.
func TestSeenThroughNoSecondName(t *testing.T) {
	t.Parallel()
	signer := testreceipt.Signer(t, testreceipt.Origin)
	for _, suffix := range []string{"", ".lock", ".new"} {
		folder := t.TempDir()
		path, victim := filepath.Join(folder, "checkpoint"), filepath.Join(folder, "victim")
		if err := errors.Join(os.WriteFile(victim, checkpoint(t, signer, 7), 0o600), os.Link(victim, path+suffix)); err != nil {
			t.Fatal(err)
		}
		if err := offsite.CheckpointFileAt(path).Keep(checkpoint(t, signer, 9)); err != nil {
			t.Errorf("%q: %v", suffix, err)
		}
		if text, err := os.ReadFile(victim); err != nil || !bytes.Equal(text, checkpoint(t, signer, 7)) {
			t.Errorf("%q: the victim has %q, %v", suffix, text, err)
		}
	}
}

// TestSeenLocked: a lock that somebody keeps ends the wait, and what it says names
// the file and who may have it; afterwards all goes on.
func TestSeenLocked(t *testing.T) {
	t.Parallel()
	signer := testreceipt.Signer(t, testreceipt.Origin)
	path := filepath.Join(t.TempDir(), "checkpoint")
	holder, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(holder.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	file := offsite.CheckpointFileAt(path).Waiting(100 * time.Millisecond)
	for call, err := range map[string]error{"writable": file.Writable(), "keep": file.Keep(checkpoint(t, signer, 9))} {
		if err == nil || !strings.Contains(err.Error(), "fuser -v "+path+".lock") || !strings.Contains(err.Error(), "root") {
			t.Errorf("%s: %v", call, err)
		}
	}
	freed := make(chan error, 1)
	go func() { freed <- holder.Close() }()
	if err := offsite.CheckpointFileAt(path).Keep(checkpoint(t, signer, 9)); err != nil {
		t.Error(err)
	}
	if err := <-freed; err != nil {
		t.Error(err)
	}
	if size, err := offsite.CheckpointFileAt(path).Size(); err != nil || size != 9 {
		t.Errorf("kept is a checkpoint of size %d, %v", size, err)
	}
}
