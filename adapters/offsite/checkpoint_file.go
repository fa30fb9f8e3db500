package offsite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"lethe/plainfile"
	"lethe/receipt"
)

// maxCheckpoint bounds the file, in bytes: signatures take some 150 bytes each.
const maxCheckpoint = 64 << 10

// CheckpointFile is the file with the newest checkpoint of the log that was seen.
// Several processes may share it.
type CheckpointFile struct {
	path string
	wait time.Duration // for the lock
}

// CheckpointFileAt returns the file at this path, which need not exist.
func CheckpointFileAt(path string) *CheckpointFile { return &CheckpointFile{path, lockWait} }

func (s *CheckpointFile) Path() string { return s.path }

// Writable fails if the file cannot be written.
func (s *CheckpointFile) Writable() error {
	lock, err := s.lock()
	if err != nil {
		return err
	}
	return errors.Join(removeDraft(s.path), lock.Close())
}

// lock admits one writer at a time.
func (s *CheckpointFile) lock() (*os.File, error) {
	path := s.path + ".lock"
	lock, err := lockFile(path, s.wait)
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("%w for %s, though writing takes only a moment: find the process with `fuser -v %s` and end it; it belongs to this user, to root, or to a user who may open that file", err, s.wait, path)
	}
	return lock, err
}

// Read returns the checkpoint, a signed note whose signatures are not verified; nil if
// there is none yet.
func (s *CheckpointFile) Read() ([]byte, error) {
	f, err := plainfile.OpenOwn(s.path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	signed, err := io.ReadAll(io.LimitReader(f, maxCheckpoint+1))
	if err != nil {
		return nil, err
	}
	if _, err := sizeOf(signed); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", s.path, err)
	}
	return signed, nil
}

// Size returns the checkpoint's number of leaves; 0 if there is none yet.
func (s *CheckpointFile) Size() (int64, error) {
	signed, err := s.Read()
	if err != nil || signed == nil {
		return 0, err
	}
	return sizeOf(signed)
}

// Keep stores a checkpoint in the file, unless it holds one of at least as many leaves.
// It is durable on return.
func (s *CheckpointFile) Keep(signed []byte) error {
	size, err := sizeOf(signed)
	if err != nil {
		return err
	}
	lock, err := s.lock()
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	kept, err := s.Read()
	if err != nil {
		return err
	}
	if kept != nil {
		if before, err := sizeOf(kept); err != nil || before >= size {
			return err
		}
	}
	return replaceFile(s.path, signed)
}

func sizeOf(signed []byte) (int64, error) {
	text, signatures, _ := bytes.Cut(signed, []byte("\n\n"))
	if len(signatures) == 0 || len(signed) > maxCheckpoint {
		return 0, errors.New("not a signed checkpoint")
	}
	c, err := receipt.ParseCheckpoint(append(bytes.Clone(text), '\n'))
	return c.Size, err
}
