// Package personfile keeps files with everything of a person in a folder: each is a ZIP
// with pages that open without a script, the same as data, and receipts.
//
// [Store] implements domain.PersonFileStore. A file is written under another name and
// renamed when it is complete, so that nobody opens a part of one. [Words] are what it says
// about the service, and an [Encoder] writes its data.
package personfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/uuid"

	"lethe/domain"
)

// Encoder writes responses in one form.
type Encoder interface {
	Write(r domain.ResponseDetail) error
	Flush() error
}

// Words are what the file says about the service that kept the responses.
type Words struct {
	Controller string // who is responsible
	Contact    string // whom to ask
	Purpose    string // why responses are kept
	Retention  string // for how long
}

// Config says where files are and how they are written. Every field is required.
type Config struct {
	Folder   string
	MaxBytes int64 // what one file may take in the folder while it is made
	Words    Words
	Lines    func(io.Writer) Encoder // responses with their contents, as NDJSON
	Usage    func(io.Writer) Encoder // responses without, as CSV
}

// Store keeps files in a folder.
type Store struct{ cfg Config }

var _ domain.PersonFileStore = (*Store)(nil)

// Only our user may read files of persons.
const (
	folderMode = 0o700
	fileMode   = 0o600
)

// New makes the port, and the folder if there is none.
func New(cfg Config) (*Store, error) {
	if cfg.Folder == "" || cfg.MaxBytes < 1 || cfg.Lines == nil || cfg.Usage == nil || cfg.Words == (Words{}) {
		return nil, errors.New("files of persons need a folder, a limit, words and encoders")
	}
	if err := os.MkdirAll(cfg.Folder, folderMode); err != nil {
		return nil, err
	}
	info, err := os.Stat(cfg.Folder)
	switch {
	case err != nil:
		return nil, err
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("others can read the folder %q: run chmod 700 on it", cfg.Folder)
	}
	return &Store{cfg}, nil
}

// Endings of names: a file, and the folder of an attempt to make one.
const (
	made   = ".zip"
	making = ".part"
)

func (s *Store) path(id uuid.UUID) string { return filepath.Join(s.cfg.Folder, id.String()+made) }

// attempts returns the folders of attempts to make a file.
func (s *Store) attempts(id uuid.UUID) ([]string, error) {
	return filepath.Glob(filepath.Join(escaped(s.cfg.Folder), id.String()+"-*"+making))
}

// escaped makes a path match itself as a pattern.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func (s *Store) Open(id uuid.UUID) (io.ReadSeekCloser, error) {
	f, err := os.Open(s.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, domain.Errorf(domain.CodeNotFound, "There is no file %s", id)
	}
	if err != nil {
		return nil, failed("open", err)
	}
	return f, nil
}

func (s *Store) Remove(id uuid.UUID) error {
	if err := s.removeAttempts(id); err != nil {
		return err
	}
	if err := os.Remove(s.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("remove", err)
	}
	return nil
}

func (s *Store) removeAttempts(id uuid.UUID) error {
	parts, err := s.attempts(id)
	for _, part := range parts {
		err = errors.Join(err, os.RemoveAll(part))
	}
	return failed("remove", err)
}

func (s *Store) Kept() ([]uuid.UUID, error) {
	entries, err := os.ReadDir(s.cfg.Folder)
	if err != nil {
		return nil, failed("read", err)
	}
	var kept []uuid.UUID
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, made) && !strings.HasSuffix(name, making) || len(name) < idLength {
			continue // not ours
		}
		if id, err := uuid.Parse(name[:idLength]); err == nil {
			kept = append(kept, id)
		}
	}
	return kept, nil
}

const idLength = 36

// failed maps an error of the folder; nil stays nil.
func failed(do string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", domain.ErrDiskFull, err)
	case errors.Is(err, domain.ErrPersonFileTooLarge):
		return err
	}
	return &domain.Error{Code: domain.CodeInternal, Message: "Could not " + do + " a person's file", Cause: err}
}
