package domain

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// PersonFileRequest is a caller's request for a file.
type PersonFileRequest struct {
	Owner          uuid.UUID
	SubjectRequest *uuid.UUID // that asks for it; nil: none
	IdempotencyKey string     // empty: none
	Address        string     // the caller's address
}

// StartPersonFile asks for a file with everything of an owner.
type StartPersonFile struct {
	files    PersonFileRequests
	subjects *CheckSubjectRequest
	accesses ExportLog
	jobs     PersonFileJobs
	kept     bool
	now      func() time.Time
	log      *slog.Logger
}

// NewStartPersonFile returns the use case; kept says whether the service keeps files at
// all, now is the clock, and log receives errors that do not fail the request.
func NewStartPersonFile(files PersonFileRequests, subjects *CheckSubjectRequest, accesses ExportLog, jobs PersonFileJobs, kept bool, now func() time.Time, log *slog.Logger) *StartPersonFile {
	return &StartPersonFile{files, subjects, accesses, jobs, kept, now, log}
}

var errPersonFilesOff = Errorf(CodeConflict, "This service keeps no files: ask its operator to set exports.folder (LETHE_EXPORTS_FOLDER), or export the responses with /lethe/api/v1/responses/export")

// Execute returns the file, which is made in the background. If it is of somebody else,
// the access is recorded first: ErrNotRecorded if that cannot be done. CodeForbidden for
// those who may read nothing; CodeInvalid if the owner is neither the caller nor the
// active organization, unless the caller may read everyone's; CodeConflict if the service
// keeps no files, if the caller has used the idempotency key for another owner or subject
// request, or if the subject request does not allow it; CodeNotFound if there is no such
// subject request, or not for this caller. ErrPersonFiles and ErrAllPersonFiles if there are too many.
func (u *StartPersonFile) Execute(ctx context.Context, caller Principal, r PersonFileRequest) (PersonFile, error) {
	switch {
	case caller.readReach() == none:
		return PersonFile{}, errForbidden("Read")
	case !caller.mayReadAllOf(r.Owner):
		return PersonFile{}, errParameter("owner", "owner: must be you or your active organization; others require platform manager permissions")
	}
	if err := checkIdempotencyKey(r.IdempotencyKey); err != nil {
		return PersonFile{}, err
	}
	if !u.kept {
		return PersonFile{}, errPersonFilesOff
	}
	wanted := PersonFile{ID: uuid.New(), Owner: r.Owner, RequestedAt: ToMicroseconds(u.now()), RequestedBy: caller.ID, SubjectRequest: r.SubjectRequest, IdempotencyKey: r.IdempotencyKey}
	if r.IdempotencyKey != "" {
		before, err := u.files.ByKey(ctx, caller.ID, r.IdempotencyKey)
		if CodeOf(err) != CodeNotFound {
			return before.repeating(wanted, err)
		}
	}
	if err := u.subjects.file(ctx, caller, r.SubjectRequest, r.Owner); err != nil {
		return PersonFile{}, err
	}
	if err := recordFileAccess(ctx, u.accesses, caller, wanted, wanted.RequestedAt, r.Address); err != nil {
		return PersonFile{}, err
	}
	stored, created, err := u.files.Create(ctx, wanted)
	if err != nil || !created {
		return stored.repeating(wanted, err)
	}
	if err := u.jobs.EnqueuePersonFile(ctx, DuePersonFile{ID: stored.ID}); err != nil && ctx.Err() == nil {
		u.log.WarnContext(ctx, "Could not enqueue a person's file; it starts with the next scan", "file", stored.ID, "error", err)
	}
	return stored, nil
}

// repeating returns the file that was found for a request, if it is what that wants.
func (f PersonFile) repeating(wanted PersonFile, err error) (PersonFile, error) {
	switch {
	case err != nil:
		return PersonFile{}, err
	case f.Owner != wanted.Owner || !f.isFor(wanted.SubjectRequest):
		return PersonFile{}, Errorf(CodeConflict, "This Idempotency-Key was used for another owner or subject request; use a new one for a new file")
	}
	return f, nil
}

// isFor reports whether the file was requested for this subject request; nil: for none.
func (f PersonFile) isFor(subject *uuid.UUID) bool {
	if f.SubjectRequest == nil || subject == nil {
		return f.SubjectRequest == subject
	}
	return *f.SubjectRequest == *subject
}

// mayReadAllOf reports whether the caller may read all responses of an owner.
func (p Principal) mayReadAllOf(owner uuid.UUID) bool {
	reach := p.readReach()
	return reach == everyone || reach == own && p.ownsAll([]string{owner.String()})
}

// recordFileAccess records that the caller gets everything of somebody else.
// ErrNotRecorded if that cannot be done.
func recordFileAccess(ctx context.Context, accesses ExportLog, caller Principal, f PersonFile, at time.Time, address string) error {
	owners := []string{f.Owner.String()}
	if caller.ownsAll(owners) {
		return nil
	}
	err := accesses.RecordExport(ctx, Access{ID: uuid.New(), At: at, By: caller.ID, Owner: owners[0], Address: address, Export: &ResponseFilter{Owners: owners}})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return ErrNotRecorded(err)
}
