package domain

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"
)

// GetPersonFile fetches what is known of a person's file.
type GetPersonFile struct{ files PersonFileReader }

// NewGetPersonFile returns the use case.
func NewGetPersonFile(files PersonFileReader) *GetPersonFile { return &GetPersonFile{files} }

// Execute returns the file to the person who asked for it, whatever their rights are now,
// and to those who may read everyone's responses. For all others CodeNotFound, as if there
// were none.
func (u *GetPersonFile) Execute(ctx context.Context, caller Principal, id uuid.UUID) (PersonFile, error) {
	return visibleFile(ctx, u.files, caller, id)
}

func visibleFile(ctx context.Context, files PersonFileReader, caller Principal, id uuid.UUID) (PersonFile, error) {
	f, err := files.Get(ctx, id)
	if CodeOf(err) == CodeNotFound || err == nil && f.RequestedBy != caller.ID && caller.readReach() != everyone {
		return PersonFile{}, errNoPersonFile(id)
	}
	return f, err
}

func errNoPersonFile(id uuid.UUID) *Error {
	return Errorf(CodeNotFound, "Export with ID %s not found", id)
}

// ListPersonFiles lists persons' files.
type ListPersonFiles struct{ files PersonFileReader }

// NewListPersonFiles returns the use case.
func NewListPersonFiles(files PersonFileReader) *ListPersonFiles { return &ListPersonFiles{files} }

// Execute returns a page, newest first. Callers who may read everyone's responses see all
// files; others who may read see those that they asked for. CodeForbidden for those who
// may read nothing; CodeInvalid if after belongs to another list. limit is as in
// ErasureListRequest.
func (u *ListPersonFiles) Execute(ctx context.Context, caller Principal, after *Cursor, limit *int64) (Page[PersonFile], error) {
	var q PersonFileQuery
	switch caller.readReach() {
	case none:
		return Page[PersonFile]{}, errForbidden("Read")
	case own:
		q.RequestedBy = &caller.ID
	}
	return pageOf(q.fingerprint(), after, limit,
		func(after *Position, limit int64) ([]PersonFile, error) {
			q.After, q.Limit = after, limit
			return u.files.Page(ctx, q)
		}, PersonFile.Position)
}

// fingerprint identifies a list of files.
func (q PersonFileQuery) fingerprint() fingerprint {
	return fingerprintOf(struct{ PersonFilesBy *uuid.UUID }{q.RequestedBy})
}

// OpenPersonFile opens a file for a download.
type OpenPersonFile struct {
	files    PersonFileReader
	store    PersonFileStore
	accesses ExportLog
	now      func() time.Time
}

// NewOpenPersonFile returns the use case; now is the clock. A nil store: the service keeps
// no files.
func NewOpenPersonFile(files PersonFileReader, store PersonFileStore, accesses ExportLog, now func() time.Time) *OpenPersonFile {
	return &OpenPersonFile{files, store, accesses, now}
}

// Look returns a file that the caller may open. CodeNotFound as in GetPersonFile, if the
// caller may not read everything of the owner any more, or if the file has expired;
// CodeConflict if it is not made, or if the service keeps no files.
func (u *OpenPersonFile) Look(ctx context.Context, caller Principal, id uuid.UUID) (PersonFile, error) {
	f, err := visibleFile(ctx, u.files, caller, id)
	switch {
	case err != nil:
		return PersonFile{}, err
	case !caller.mayReadAllOf(f.Owner):
		return PersonFile{}, errNoPersonFile(id)
	case u.store == nil:
		return PersonFile{}, errPersonFilesOff
	case f.State == PersonFileExpired:
		return PersonFile{}, Errorf(CodeNotFound, "The file of export %s is gone. %s", id, f.Reason.Words())
	case f.State == PersonFileFailed:
		return PersonFile{}, Errorf(CodeConflict, "The file of export %s could not be made. %s", id, f.Reason.Words())
	case f.State != PersonFileDone:
		return PersonFile{}, Errorf(CodeConflict, "The file of export %s is not made yet: fetch it when the export's state is done", id)
	case !u.now().Before(*f.ExpiresAt):
		return PersonFile{}, Errorf(CodeNotFound, "The file of export %s is gone. %s", id, PersonFileOld.Words())
	}
	return f, nil
}

// Open opens a file that Look has returned. If it is of somebody else, the access is
// recorded first: ErrNotRecorded if that cannot be done. CodeNotFound if it has gone
// meanwhile.
func (u *OpenPersonFile) Open(ctx context.Context, caller Principal, f PersonFile, address string) (io.ReadSeekCloser, error) {
	if err := recordFileAccess(ctx, u.accesses, caller, f, ToMicroseconds(u.now()), address); err != nil {
		return nil, err
	}
	file, err := u.store.Open(f.ID)
	if CodeOf(err) == CodeNotFound {
		return nil, errNoPersonFile(f.ID)
	}
	return file, err
}

// DeletePersonFile removes a file before its time.
type DeletePersonFile struct {
	files PersonFileRequests
	store PersonFileStore
}

// NewDeletePersonFile returns the use case. A nil store: the service keeps no files.
func NewDeletePersonFile(files PersonFileRequests, store PersonFileStore) *DeletePersonFile {
	return &DeletePersonFile{files, store}
}

// Execute removes the file, or ends making it; what is known of it stays as
// PersonFileRequests.Delete says. CodeNotFound as in GetPersonFile;
// CodeConflict if the service keeps no files.
func (u *DeletePersonFile) Execute(ctx context.Context, caller Principal, id uuid.UUID) error {
	if _, err := visibleFile(ctx, u.files, caller, id); err != nil {
		return err
	}
	if u.store == nil {
		return errPersonFilesOff
	}
	if err := u.store.Remove(id); err != nil {
		return err
	}
	err := u.files.Delete(ctx, id)
	if CodeOf(err) == CodeNotFound {
		return errNoPersonFile(id)
	}
	return err
}
