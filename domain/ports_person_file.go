package domain

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"
)

// PersonFiles stores which files of persons there are, in the database of the erasures.
// Any erasure of a response makes the owner's files that are running or done expire with
// PersonFileErased, in its own transaction; so does the start of an erasure of everything
// of theirs. If nobody knows whose response was erased, all files expire. Errors are those
// of Responses. Nothing is stale.
type PersonFiles interface {
	PersonFileRequests
	PersonFileRunner
}

// PersonFileReader reads which files there are: see PersonFiles.
type PersonFileReader interface {
	// Get returns one; CodeNotFound if there is none.
	Get(ctx context.Context, id uuid.UUID) (PersonFile, error)

	// Page returns the part of the list that q describes, which may be empty.
	Page(ctx context.Context, q PersonFileQuery) ([]PersonFile, error)

	// ForSubject returns the files that a subject request asked for, the ones requested
	// last first, at most limit; none if there is no such request.
	ForSubject(ctx context.Context, subjectRequest uuid.UUID, limit int64) ([]PersonFile, error)
}

// PersonFileRequests adds and removes files: see PersonFiles.
type PersonFileRequests interface {
	PersonFileReader

	// Create stores a file, which is queued, and returns it. If the same person has stored one with the same
	// IdempotencyKey, it returns that one as it is now, and false. ErrPersonFiles and
	// ErrAllPersonFiles if there are too many whose bytes are there or may come;
	// ErrSubjectEnded if its SubjectRequest is not open any more, and CodeNotFound if there
	// is none. The file is durable when Create returns.
	Create(ctx context.Context, f PersonFile) (stored PersonFile, created bool, err error)

	// ByKey returns the file that this person has stored with this IdempotencyKey;
	// CodeNotFound if there is none.
	ByKey(ctx context.Context, by uuid.UUID, idempotencyKey string) (PersonFile, error)

	// Delete removes what is stored of a file, whose bytes must be gone. One that was made
	// for a subject request expires instead with PersonFileDeleted, unless it has expired,
	// as long as it is known whom that is about. CodeNotFound if there is none.
	Delete(ctx context.Context, id uuid.UUID) error
}

// PersonFileRunner is for those who make files and remove them: see PersonFiles.
type PersonFileRunner interface {
	// Due returns the files to make by now: queued ones, and running ones whose attempt
	// has said nothing for too long; at most limit, the longest due first.
	Due(ctx context.Context, now time.Time, limit int) ([]DuePersonFile, error)

	// Begin begins the next attempt to make a file that is due, which counts until that
	// time, and returns the file. When it returns, every erasure that did not make this
	// file expire has ended. CodeNotFound if it is not due, or if an attempt after the
	// given one was begun. CodeUnavailable if an erasure takes too long.
	Begin(ctx context.Context, due DuePersonFile, now, until time.Time) (PersonFile, error)

	// Record stores how far an attempt has come, and that it counts until then.
	// CodeNotFound if it does not any more: the file is gone, or another attempt began.
	Record(ctx context.Context, attempt DuePersonFile, responses int64, until time.Time) error

	// Release makes the file due, if this attempt still counts.
	Release(ctx context.Context, attempt DuePersonFile, now time.Time) error

	// Finish makes the file done until it expires. It is durable when Finish returns.
	// CodeNotFound as in Record: then nothing of the file may stay.
	Finish(ctx context.Context, attempt DuePersonFile, made MadePersonFile, at, expires time.Time) error

	// Fail makes the file failed, if this attempt still counts. Its bytes must be gone.
	Fail(ctx context.Context, attempt DuePersonFile, reason PersonFileReason, at time.Time) error

	// Expire makes the files expire that are to by now, with PersonFileOld, and forgets
	// those that are gone and ended before forget, but for those of subject requests of
	// which it is known whom they are about: SubjectRequests.Forget forgets these.
	Expire(ctx context.Context, now, forget time.Time) error

	// Removable returns the expired files whose bytes nobody has said to be gone, at most
	// limit.
	Removable(ctx context.Context, limit int) ([]uuid.UUID, error)

	// Removed stores that the bytes of an expired file are gone.
	Removed(ctx context.Context, id uuid.UUID) error

	// Live returns those of these files whose bytes may be there: queued, running and
	// done, in any order.
	Live(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error)

	// Receipts returns the receipts of erasures that this owner asked for, or that were
	// about everything of theirs if that is still known: those after an identifier, in
	// order and at most limit.
	Receipts(ctx context.Context, owner, after uuid.UUID, limit int) ([]uuid.UUID, error)
}

// PersonFileStore keeps the bytes of persons' files. Errors other than those named are
// CodeInternal, for the log.
type PersonFileStore interface {
	// New begins a file. What earlier attempts have left of it is removed.
	New(id uuid.UUID) (PersonFileWriter, error)

	// Open opens a finished file; CodeNotFound if there is none.
	Open(id uuid.UUID) (io.ReadSeekCloser, error)

	// Remove removes a file, finished or not; it is no error if there is none.
	Remove(id uuid.UUID) error

	// Kept returns the files of which anything is kept, in any order.
	Kept() ([]uuid.UUID, error)
}

// PersonFileWriter writes one file. Every method returns ErrPersonFileTooLarge if the file
// would exceed its limit and ErrDiskFull if there is no room.
type PersonFileWriter interface {
	// Add adds a response, in the order of an export. If Left is not 0, its contents are
	// missing because they are too large.
	Add(r ResponseDetail) error

	// AddReceipt adds a receipt with its proof, after all responses.
	AddReceipt(id uuid.UUID, proof []byte) error

	// Finish completes the file, which is durable and can be opened when it returns.
	Finish(facts PersonFileFacts) (MadePersonFile, error)

	// Discard removes what was written; after Finish it does nothing.
	Discard() error
}

// PersonFileJobs makes files in the background, in this process or another.
type PersonFileJobs interface {
	// EnqueuePersonFile asks for a file to be made soon. Calling it repeatedly is
	// harmless.
	EnqueuePersonFile(ctx context.Context, due DuePersonFile) error
}
