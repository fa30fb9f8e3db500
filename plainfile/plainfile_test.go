package plainfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
			if !errors.Is(err, plainfile.ErrNotPlain) && !(name == "folder" && errors.Is(err, syscall.EISDIR)) {
				t.Errorf("%s, %#x: %v", name, flag, err)
			}
		}
	}
	if text, err := os.ReadFile(at("victim")); err != nil || string(text) != "kept" {
		t.Errorf("the victim has %q, %v", text, err)
	}
	if _, err := os.Lstat(at("nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made through a link: %v", err)
	}
	for _, name := range []string{"victim", "way/victim", "new"} {
		f, err := plainfile.Open(at(name), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	if _, err := plainfile.Open(at("none"), os.O_RDONLY, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
}
