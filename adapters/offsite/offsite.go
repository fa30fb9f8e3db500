// Package offsite keeps in files what a restored database cannot know: the
// newest checkpoint of the log that was seen, a list of what was erased, which
// only its recipients can read, and a mirror of the log.
package offsite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"lethe/plainfile"
)

// What is kept here is nobody else's.
const (
	fileMode   = 0o600
	folderMode = 0o700
)

// replaceFile writes a file as a whole and durably: whoever reads it, after a
// crash, too, finds what was there or what is. Two must not do so at a time.
func replaceFile(path string, data []byte) error {
	draft := path + ".new"
	// What a crash has left, or what somebody put there to be written through.
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := plainfile.Open(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(draft, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(draft))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes durable which files there are.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// errLocked is of a lock that somebody else has.
var errLocked = errors.New("another process has locked it")

// lockFile locks a file, which is made where there is none and stays, until the
// file is closed. Where another has the lock it waits, or is errLocked.
func lockFile(path string, wait bool) (*os.File, error) {
	f, err := plainfile.Open(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			err = errLocked
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
}
