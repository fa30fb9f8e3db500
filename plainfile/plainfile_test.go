package plainfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lethe/plainfile"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(at("victim"), []byte("kept"), 0o600), os.Symlink("victim", at("link")), os.Symlink("nowhere", at("dangling")),
		syscall.Mkfifo(at("pipe"), 0o600), os.Mkdir(at("folder"), 0o700), os.Symlink(dir, at("way")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"link", "dangling", "pipe", "folder", "way"} {
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR | os.O_CREATE, os.O_WRONLY | os.O_CREATE | os.O_TRUNC} {
			f, err := plainfile.Open(at(name), flag, 0o600)
			if err == nil {
				_ = f.Close()
			}
			if !errors.Is(err, plainfile.ErrNotPlain) {
				t.Errorf("%s, flags %#x: got %v, want ErrNotPlain", name, flag, err)
			}
		}
	}
	if text, err := os.ReadFile(at("victim")); err != nil || string(text) != "kept" {
		t.Errorf("victim has %q (error %v), want it unchanged", text, err)
	}
	if _, err := os.Lstat(at("nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was created through a link: %v", err)
	}
	for _, name := range []string{"victim", "way/victim", "new"} {
		f, err := plainfile.Open(at(name), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	if _, err := plainfile.Open(at("none"), os.O_RDONLY, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: got %v, want fs.ErrNotExist", err)
	}
}

// TestOpenOwn: a file that another user owns or can write is neither opened nor
// locked.
func TestOpenOwn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		uid, gid, folder int
		mode             fs.FileMode
		own              bool
	}{
		"ours": {mode: 0o600, own: true}, "ours, for a group of ours": {mode: 0o660, own: true}, "ours, to be read": {mode: 0o644, own: true},
		"ours, for all to write": {mode: 0o602}, "ours, for another group to write": {mode: 0o660, gid: 4711}, "another's": {uid: 4711, mode: 0o600},
		"another's, whose folder it is": {uid: 4711, folder: 4711, mode: 0o600, own: true}, "another's in a third one's": {uid: 4711, folder: 4712, mode: 0o600},
	} {
		if os.Geteuid() != 0 && c.uid+c.gid+c.folder != 0 {
			continue // only root can give files away
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "file")
		err := os.WriteFile(path, []byte("kept"), 0o600)
		if os.Geteuid() == 0 {
			err = errors.Join(err, os.Chown(path, c.uid, c.gid), os.Chown(dir, c.folder, 0))
		}
		if err := errors.Join(err, os.Chmod(path, c.mode)); err != nil {
			t.Fatal(err)
		}
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR | os.O_CREATE} {
			f, err := plainfile.OpenOwn(path, flag, 0o600)
			if err == nil {
				_ = f.Close()
			}
			if err == nil != c.own || err != nil && (!errors.Is(err, plainfile.ErrNotOwn) || !strings.Contains(err.Error(), path)) {
				t.Errorf("%s, flags %#x: got %v, want accepted: %t", name, flag, err, c.own)
			}
		}
	}
	if _, err := plainfile.OpenOwn(filepath.Join(t.TempDir(), "none"), os.O_RDONLY, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: got %v, want fs.ErrNotExist", err)
	}
}
