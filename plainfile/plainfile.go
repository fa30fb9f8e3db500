// Package plainfile opens only regular files: no link, through which somebody else
// could redirect a read or write to another file, and no pipe or device, which would
// block a reader; and, if asked, no file of another user.
package plainfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// ErrNotPlain is returned if a name leads to something other than a file.
var ErrNotPlain = errors.New("not a regular file, or a link: move it away and put the file itself there")

// Open opens the file with this name, as os.OpenFile does. It fails with ErrNotPlain
// if the name is anything else. It follows links in the folders above the file: the
// folder is the caller's choice.
func Open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, perm)
	switch {
	case errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.EISDIR):
		return nil, notPlain(name)
	case err != nil:
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notPlain(name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func notPlain(name string) error { return fmt.Errorf("%s: %w", name, ErrNotPlain) }

// ErrNotOwn is returned for a file that another user may have written.
var ErrNotOwn = errors.New("inspect it, move it away and, if you need it, put your own copy there as a new file: a process that has it open can keep writing to it, whoever owns it")

// OpenOwn is Open for a file that no other user can write or lock: it belongs to this
// user or to the owner of the folder, and others cannot write it. Otherwise it fails
// with ErrNotOwn.
func OpenOwn(name string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := Open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	if err := checkOwn(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func checkOwn(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	folder, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	file := info.Sys().(*syscall.Stat_t)
	if file.Uid != uint32(os.Geteuid()) && file.Uid != folder.Sys().(*syscall.Stat_t).Uid {
		return fmt.Errorf("%s belongs to uid %d, but this process runs as uid %d: %w", f.Name(), file.Uid, os.Geteuid(), ErrNotOwn)
	}
	writable := info.Mode().Perm() & 0o022
	if writable == 0 {
		return nil
	}
	groups, err := os.Getgroups()
	if err != nil {
		return err
	}
	if groups = append(groups, os.Getegid()); writable&0o002 != 0 || !slices.Contains(groups, int(file.Gid)) {
		return fmt.Errorf("other users may write to %s (mode %#o): %w", f.Name(), info.Mode().Perm(), ErrNotOwn)
	}
	return nil
}
