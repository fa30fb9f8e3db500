package domain

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// MakePersonFile makes persons' files.
type MakePersonFile struct {
	files   PersonFileRunner
	store   PersonFileStore
	exports *ExportResponses
	log     Log
	people  People
	pace    func(ctx context.Context, responses int) error
	keep    time.Duration
	now     func() time.Time
	logger  *slog.Logger
}

// NewMakePersonFile returns the use case. A finished file is kept that long. pace is called
// after each part, as in NewRunErasure; now is the clock; logger receives why a file
// failed.
func NewMakePersonFile(files PersonFileRunner, store PersonFileStore, exports *ExportResponses, log Log, people People,
	pace func(ctx context.Context, responses int) error, keep time.Duration, now func() time.Time, logger *slog.Logger,
) *MakePersonFile {
	return &MakePersonFile{files, store, exports, log, people, pace, keep, now, logger}
}

// Execute makes a file that is due. It is nothing to do if the file is not due any more, or
// if something of the owner is erased meanwhile. The file fails if it is too large, if the
// disk is full, after too many attempts, or because of a fault of the service. An error
// means that another attempt is due, at once or when this one has said nothing for too
// long.
func (u *MakePersonFile) Execute(ctx context.Context, due DuePersonFile) error {
	now := ToMicroseconds(u.now())
	f, err := u.files.Begin(ctx, due, now, now.Add(personFileLease))
	if err != nil {
		return unlessGone(err)
	}
	due.Attempt = f.Attempt
	if due.Attempt > personFileAttempts {
		return u.files.Fail(ctx, due, PersonFileTooOften, now)
	}
	made, err := u.write(ctx, f)
	if err == nil {
		return u.finish(ctx, due, made)
	}
	reason := PersonFileInternal
	switch {
	case CodeOf(err) == CodeNotFound:
		return nil
	case ctx.Err() != nil, CodeOf(err) == CodeUnavailable:
		// The process stops, or a database is away. Then this fails too, and the file is
		// due after a while.
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
		defer cancel()
		return errors.Join(err, u.files.Release(release, due, ToMicroseconds(u.now())))
	case errors.Is(err, ErrPersonFileTooLarge):
		reason = PersonFileTooLarge
	case errors.Is(err, ErrDiskFull):
		reason = PersonFileDiskFull
	}
	u.logger.ErrorContext(ctx, "Could not make a person's file", "file", f.ID, "reason", reason, "error", err)
	return u.files.Fail(ctx, due, reason, ToMicroseconds(u.now()))
}

const (
	releaseWithin = 5 * time.Second
	// receiptsAtOnce is how many receipts are looked for at a time.
	receiptsAtOnce = 100
)

// unlessGone returns nil if the error is that there is nothing to do.
func unlessGone(err error) error {
	if CodeOf(err) == CodeNotFound {
		return nil
	}
	return err
}

// finish makes a file available that is written. Nothing of it stays if something of the
// owner was erased meanwhile.
func (u *MakePersonFile) finish(ctx context.Context, due DuePersonFile, made MadePersonFile) error {
	at := ToMicroseconds(u.now())
	err := u.files.Finish(ctx, due, made, at, at.Add(u.keep))
	if CodeOf(err) == CodeNotFound {
		return u.store.Remove(due.ID)
	}
	return err
}

// write writes a file. CodeNotFound if it is not to be made any more.
func (u *MakePersonFile) write(ctx context.Context, f PersonFile) (made MadePersonFile, err error) {
	w, err := u.store.New(f.ID)
	if err != nil {
		return made, err
	}
	defer func() {
		if discard := w.Discard(); err == nil {
			err = discard
		}
	}()
	emails, err := u.people.Emails(ctx, []uuid.UUID{f.Owner})
	if err != nil {
		return made, err
	}
	facts := PersonFileFacts{Owner: f.Owner, Email: emails[f.Owner], AsOf: *f.AsOf, MadeAt: u.now(), LogKeys: u.log.Keys()}
	if f.Responses, err = u.writeResponses(ctx, f, facts.Email, w); err != nil {
		return made, err
	}
	if facts.Unsealed, err = u.writeReceipts(ctx, f, w); err != nil {
		return made, err
	}
	return w.Finish(facts)
}

// writeResponses reads as the owner, who may read everything of theirs and nothing else.
// It returns how many responses there were.
func (u *MakePersonFile) writeResponses(ctx context.Context, f PersonFile, email string, w PersonFileWriter) (written int64, err error) {
	owner := Principal{ID: f.Owner, Email: email, Roles: []Role{RoleBatchAPIUser}}
	e, err := u.exports.Start(ctx, owner, ExportRequest{Contents: true})
	if err != nil {
		return 0, err
	}
	said := u.now()
	for {
		page, err := e.Next(ctx)
		if err != nil {
			return 0, err
		}
		for _, item := range page.Items {
			if item.Left > 0 {
				item, err = e.Whole(ctx, item, personFileContents)
			}
			if err == nil {
				err = w.Add(item)
			}
			if err == nil && u.now().Sub(said) > personFileLease/4 {
				said, err = u.now(), u.record(ctx, f, written)
			}
			if err != nil {
				return 0, err // also if the response was erased meanwhile: so is the file
			}
			written++
		}
		if err := u.record(ctx, f, written); err != nil {
			return 0, err
		}
		if said = u.now(); page.Next == nil {
			return written, nil
		}
		if err := u.pace(ctx, len(page.Items)); err != nil {
			return 0, err
		}
	}
}

// record stores how far a file has come. CodeNotFound if it is not to be made any more.
func (u *MakePersonFile) record(ctx context.Context, f PersonFile, written int64) error {
	return u.files.Record(ctx, DuePersonFile{f.ID, f.Attempt}, written, ToMicroseconds(u.now()).Add(personFileLease))
}

// writeReceipts returns how many receipts are not sealed and so cannot be in the file.
func (u *MakePersonFile) writeReceipts(ctx context.Context, f PersonFile, w PersonFileWriter) (unsealed int64, err error) {
	after := uuid.Nil
	for {
		ids, err := u.files.Receipts(ctx, f.Owner, after, receiptsAtOnce)
		if err != nil || len(ids) == 0 {
			return unsealed, err
		}
		for _, id := range ids {
			r, err := u.log.Receipt(ctx, id)
			switch {
			case CodeOf(err) == CodeNotFound, err == nil && r.File == nil:
				unsealed++
				continue
			case err != nil:
				return unsealed, err
			}
			if err := w.AddReceipt(id, r.File); err != nil {
				return unsealed, err
			}
		}
		after = ids[len(ids)-1]
		if err := u.record(ctx, f, f.Responses); err != nil {
			return unsealed, err
		}
	}
}

// ClearPersonFiles removes the bytes of files that are gone.
type ClearPersonFiles struct {
	files PersonFileRunner
	store PersonFileStore
	now   func() time.Time
}

// NewClearPersonFiles returns the use case; now is the clock.
func NewClearPersonFiles(files PersonFileRunner, store PersonFileStore, now func() time.Time) *ClearPersonFiles {
	return &ClearPersonFiles{files, store, now}
}

// Execute makes old files expire, and removes from the store what has expired and what
// nobody knows, such as the rest of an attempt whose process ended.
func (u *ClearPersonFiles) Execute(ctx context.Context) error {
	now := ToMicroseconds(u.now())
	if err := u.files.Expire(ctx, now, now.Add(-personFilesKnown)); err != nil {
		return err
	}
	ids, err := u.files.Removable(ctx, MaxAllPersonFiles)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := u.store.Remove(id); err != nil {
			return err
		}
		if err := u.files.Removed(ctx, id); err != nil {
			return err
		}
	}
	kept, err := u.store.Kept()
	if err != nil {
		return err
	}
	live, err := u.files.Live(ctx, kept)
	if err != nil {
		return err
	}
	known := make(map[uuid.UUID]bool, len(live))
	for _, id := range live {
		known[id] = true
	}
	for _, id := range kept {
		if !known[id] {
			if err := u.store.Remove(id); err != nil {
				return err
			}
		}
	}
	return nil
}
