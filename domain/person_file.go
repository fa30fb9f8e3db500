package domain

import (
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// PersonFile is a file with everything of a person or an organization, for somebody who
// has a right to it (GDPR, articles 15 and 20). It is made in the background, kept for a
// while, and gone as soon as anything in it is erased.
type PersonFile struct {
	ID             uuid.UUID
	Owner          uuid.UUID
	RequestedAt    time.Time
	RequestedBy    uuid.UUID
	SubjectRequest *uuid.UUID // that asks for it; nil: none
	IdempotencyKey string     // of the caller who asked; empty: none

	State      PersonFileState
	Reason     PersonFileReason // of failed and expired files
	Attempt    int              // how often making it was begun
	AsOf       *time.Time       // what was created later is not in it
	FinishedAt *time.Time
	ExpiresAt  *time.Time
	MadePersonFile
}

// MadePersonFile is what is known of a file once it is made. Until then Responses says
// how far it has come.
type MadePersonFile struct {
	Responses int64
	Bytes     int64
	SHA256    [sha256.Size]byte
}

// PersonFileState is the state of a person's file.
type PersonFileState string

const (
	PersonFileQueued  PersonFileState = "queued"
	PersonFileRunning PersonFileState = "running"
	PersonFileDone    PersonFileState = "done"
	PersonFileFailed  PersonFileState = "failed"
	PersonFileExpired PersonFileState = "expired" // it was made, or was being made, and is gone
)

// PersonFileReason is why a file failed or expired.
type PersonFileReason string

const (
	PersonFileOld      PersonFileReason = "age"       // it was kept as long as it is
	PersonFileErased   PersonFileReason = "erased"    // something of the owner was erased
	PersonFileDeleted  PersonFileReason = "deleted"   // somebody deleted it
	PersonFileTooLarge PersonFileReason = "too_large" // it would exceed the limit
	PersonFileDiskFull PersonFileReason = "disk_full"
	PersonFileTooOften PersonFileReason = "attempts" // it was begun too often
	PersonFileInternal PersonFileReason = "internal" // the service's log says more
)

// Words says what the reason means and what to do; empty for no reason.
func (r PersonFileReason) Words() string {
	return map[PersonFileReason]string{
		PersonFileOld:      "It was kept as long as such files are: request another",
		PersonFileErased:   "Something of this owner was erased since: request another",
		PersonFileDeleted:  "It was deleted: request another",
		PersonFileTooLarge: "It would be larger than exports.max_bytes: ask the operator to raise that",
		PersonFileDiskFull: "The disk with exports.folder is full: ask the operator to make room, then request another",
		PersonFileTooOften: "The service could not finish it in several attempts; its log says why",
		PersonFileInternal: "The service failed; see its log",
	}[r]
}

// Limits of persons' files.
const (
	MaxPersonFiles    = 10  // of one caller, unless they are gone
	MaxAllPersonFiles = 100 // of all callers

	// personFileLease is how long an attempt may say nothing until another may begin.
	personFileLease = 2 * time.Minute
	// personFileAttempts is how often making a file is begun.
	personFileAttempts = 10
	// personFileContents is how many bytes of contents of one response are put into a
	// file at most.
	personFileContents = 268_435_456
	// personFilesKnown is how long the rows of files that are gone stay.
	personFilesKnown = 30 * 24 * time.Hour
)

var (
	// ErrPersonFiles is returned if a caller has too many files.
	ErrPersonFiles = Errorf(CodeCrowded, "You have %d files already: delete one of them, or wait until one expires", MaxPersonFiles)
	// ErrAllPersonFiles is returned if all callers together have too many.
	ErrAllPersonFiles = Errorf(CodeUnavailable, "The service keeps %d files already: try again when one of them has expired", MaxAllPersonFiles)

	// ErrPersonFileTooLarge and ErrDiskFull are returned by a PersonFileWriter.
	ErrPersonFileTooLarge = Errorf(CodeRefused, "The file would be too large")
	ErrDiskFull           = Errorf(CodeRefused, "The disk is full")
)

// Made reports whether the file was done, and so could be handed over.
func (f PersonFile) Made() bool { return f.SHA256 != [sha256.Size]byte{} }

// Position is the file's place in lists: newest first, ties by descending identifier.
func (f PersonFile) Position() Position { return Position{CreatedAt: f.RequestedAt, ID: f.ID} }

// DuePersonFile is a file to be made, in an attempt after this one; 0: none was begun.
type DuePersonFile struct {
	ID      uuid.UUID
	Attempt int
}

// PersonFileQuery selects a part of the list of files, in the order of
// PersonFile.Position.
type PersonFileQuery struct {
	RequestedBy *uuid.UUID // nil: anyone
	After       *Position  // only what comes strictly after; nil: all
	Limit       int64      // 1 or more
}

// PersonFileFacts are what a file says beside responses and receipts.
type PersonFileFacts struct {
	Owner    uuid.UUID
	Email    string // empty: unknown
	AsOf     time.Time
	MadeAt   time.Time
	LogKeys  []string // public keys of the log of erasures
	Unsealed int64    // receipts that no published checkpoint covers yet
}
