// Package plainfile opens files that are what their name says: no link, which
// somebody else may have put there to have another file read or written, and no
// pipe or device, which would have a reader wait.
package plainfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ErrNotPlain is of a name that leads to something else than a file.
var ErrNotPlain = errors.New("it is a link, or no file: take it away, and put the file itself there")

// Open opens the file of this name, as of os.OpenFile. It fails with ErrNotPlain
// where there is something else. Links further up in the name are followed: the
// folder is the caller's choice.
func Open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, perm)
	switch {
	case errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENXIO):
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
