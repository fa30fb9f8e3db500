// Package offsite keeps in files what a restored database cannot know: the newest
// checkpoint of the log that was seen, a list of erasures that only its recipients can
// read, and a mirror of the log.
//
// [CheckpointFile] is the newest checkpoint that was seen, [List] the encrypted list of
// erasures, and [Mirror] the log's tiles.
package offsite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"lethe/plainfile"
)

// Only our user may read these files.
const (
	fileMode   = 0o600
	folderMode = 0o700
)

// replaceFile replaces a file completely and durably: readers see the old or the new
// content, even after a crash. Calls must not overlap.
func replaceFile(path string, data []byte) error {
	if err := removeDraft(path); err != nil {
		return err
	}
	draft := draftOf(path)
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

func draftOf(path string) string { return path + ".new" }

// removeDraft removes what a crash has left, or what somebody put there to redirect the
// write.
func removeDraft(path string) error {
	err := os.Remove(draftOf(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.EEXIST):
		return fmt.Errorf("%w: inspect it and move it away", err)
	}
	return err
}

// syncFolder makes the folder's list of files durable.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// errLocked means that somebody else holds a lock.
var errLocked = errors.New("locked by another process")

const (
	// lockWait is more than many simultaneous writers need, each some hundred
	// milliseconds on a slow disk.
	lockWait = 10 * time.Second
	// longestLook bounds the pause between two tries to lock.
	longestLook = 20 * time.Millisecond
)

// lockFile locks a file, which it makes if missing and never removes, until the file is
// closed. It fails with errLocked if another holds the lock for longer than wait.
func lockFile(path string, wait time.Duration) (*os.File, error) {
	f, err := plainfile.OpenOwn(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	last := time.Now().Add(wait)
	for pause := time.Millisecond; ; pause = min(2*pause, longestLook) {
		// Never blocking: nobody could end that.
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK) && time.Now().Before(last):
			time.Sleep(pause)
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			err = errLocked
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
}
