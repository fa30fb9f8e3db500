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

// checkpoint is a signed checkpoint of size leaves.
func checkpoint(t *testing.T, signer receipt.Signer, size int64) []byte {
	t.Helper()
	signed, err := receipt.SignCheckpoint(receipt.Checkpoint{Origin: signer.Name(), Size: size, Root: tlog.RecordHash([]byte{byte(size)})}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestCheckpointFile: of several concurrent writers, the checkpoint with the most leaves
// stays.
func TestCheckpointFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "checkpoint")
	signer := testreceipt.Signer(t, testreceipt.Origin)
	if err := offsite.CheckpointFileAt(path).Writable(); err != nil {
		t.Fatal(err)
	}
	if kept, err := offsite.CheckpointFileAt(path).Read(); err != nil || kept != nil {
		t.Fatalf("empty folder: got %q (error %v), want none", kept, err)
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
		t.Errorf("got %q (error %v), want the checkpoint of 40 leaves", kept, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: got %v (error %v), want mode 0600", info, err)
	}
}

// TestCheckpointFileDamaged: a damaged file is an error, not a missing checkpoint, and is
// never overwritten.
func TestCheckpointFileDamaged(t *testing.T) {
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
			t.Errorf("%s: got %v, want an error naming the file", name, err)
		}
		if err := offsite.CheckpointFileAt(path).Keep(checkpoint(t, testreceipt.Signer(t, testreceipt.Origin), 4)); err == nil {
			t.Errorf("%s: Keep succeeded, want an error", name)
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, content) {
			t.Errorf("%s: file has %q (error %v), want it unchanged", name, left, err)
		}
	}
	if err := offsite.CheckpointFileAt(filepath.Join(t.TempDir(), "none", "checkpoint")).Writable(); err == nil {
		t.Error("missing folder: Writable succeeded, want an error")
	}
}

// TestCheckpointFileSymlink: a link put into the folder causes no other file to be read
// or overwritten.
func TestCheckpointFileSymlink(t *testing.T) {
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
			t.Errorf("link at %q: Keep returned %v", suffix, err)
		}
		if _, err := offsite.CheckpointFileAt(path).Read(); (err != nil) != (suffix == "") {
			t.Errorf("link at %q: Read returned %v", suffix, err)
		}
		after, err := os.Stat(victim)
		text, errRead := os.ReadFile(victim)
		if err != nil || errRead != nil || !bytes.Equal(text, checkpoint(t, signer, 7)) || after.ModTime() != before.ModTime() || after.Mode() != before.Mode() {
			t.Errorf("link at %q: victim has %q (error %v), want it unchanged", suffix, text, err)
		}
	}
}

// TestCheckpointFileReplaced: whatever replaces one of the files, this process neither
// blocks on it nor trusts it.
func TestCheckpointFileReplaced(t *testing.T) {
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
		"writable by all": {"", open, plainfile.ErrNotOwn}, "a lock writable by all": {".lock", open, plainfile.ErrNotOwn},
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
				t.Errorf("%s, %s: got %v, want an error naming the file and what to do", name, call, err)
			}
		}
	}
}

// TestCheckpointFileHardLink: a file with a second name is not written through.
func TestCheckpointFileHardLink(t *testing.T) {
	t.Parallel()
	signer := testreceipt.Signer(t, testreceipt.Origin)
	for _, suffix := range []string{"", ".lock", ".new"} {
		folder := t.TempDir()
		path, victim := filepath.Join(folder, "checkpoint"), filepath.Join(folder, "victim")
		if err := errors.Join(os.WriteFile(victim, checkpoint(t, signer, 7), 0o600), os.Link(victim, path+suffix)); err != nil {
			t.Fatal(err)
		}
		if err := offsite.CheckpointFileAt(path).Keep(checkpoint(t, signer, 9)); err != nil {
			t.Errorf("hard link at %q: got %v, want no error", suffix, err)
		}
		if text, err := os.ReadFile(victim); err != nil || !bytes.Equal(text, checkpoint(t, signer, 7)) {
			t.Errorf("hard link at %q: victim has %q (error %v), want it unchanged", suffix, text, err)
		}
	}
}

// TestCheckpointFileLocked: waiting for a lock that is never released ends with an error that
// names the file and who may hold it. Once released, calls succeed again.
func TestCheckpointFileLocked(t *testing.T) {
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
			t.Errorf("%s: got %v, want an error naming the lock", call, err)
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
		t.Errorf("got size %d (error %v), want 9", size, err)
	}
}
