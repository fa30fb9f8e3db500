// Package personfiles keeps in Postgres which files with everything of a person there
// are, and how far each has come.
//
// [Files] implements domain.PersonFiles on lethe.person_files, and counts them in a
// [Tally]. Erasures expire its rows in their own transactions: see postgres.QueueReceipt.
package personfiles

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/personfiles/internal/dbsqlc"
	"lethe/domain"
)

type Files struct {
	db *postgres.DB
}

var _ domain.PersonFiles = (*Files)(nil)

// New makes the port on the primary of fusillade's database.
func New(db *postgres.DB) (*Files, error) {
	if db == nil {
		return nil, errors.New("files of persons need a database")
	}
	return &Files{db}, nil
}

// lockKey is "lethefil" in ASCII.
const lockKey = 0x6c6574686566696c

// Create makes five round trips, and another for a subject request.
func (f *Files) Create(ctx context.Context, wanted domain.PersonFile) (stored domain.PersonFile, created bool, err error) {
	err = f.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		created = false
		if err := q.Durably(ctx); err != nil {
			return err
		}
		if err := q.TakeTurn(ctx, lockKey); err != nil {
			return err
		}
		before, err := f.byKey(ctx, q, wanted.RequestedBy, wanted.IdempotencyKey)
		if domain.CodeOf(err) != domain.CodeNotFound {
			stored = before
			return err
		}
		if err := postgres.KeepSubjectRequestOpen(ctx, tx, wanted.SubjectRequest); err != nil {
			return err
		}
		n, err := q.CountFiles(ctx, wanted.RequestedBy)
		switch {
		case err != nil:
			return err
		case n.Own >= domain.MaxPersonFiles:
			return domain.ErrPersonFiles
		case n.Total >= domain.MaxAllPersonFiles:
			return domain.ErrAllPersonFiles
		}
		p := dbsqlc.CreateFileParams{ID: wanted.ID, Owner: wanted.Owner.String(), RequestedAt: wanted.RequestedAt, RequestedBy: wanted.RequestedBy, SubjectRequest: wanted.SubjectRequest}
		if wanted.IdempotencyKey != "" {
			p.IdempotencyKey = &wanted.IdempotencyKey
		}
		row, err := q.CreateFile(ctx, p)
		if err != nil {
			return err
		}
		created = true
		stored, err = fileOf(row)
		return err
	})
	if err != nil {
		return domain.PersonFile{}, false, err
	}
	return stored, created, nil
}

func (f *Files) byKey(ctx context.Context, q *dbsqlc.Queries, by uuid.UUID, key string) (domain.PersonFile, error) {
	if key == "" {
		return domain.PersonFile{}, domain.Errorf(domain.CodeNotFound, "There is no key")
	}
	row, err := q.FileByKey(ctx, dbsqlc.FileByKeyParams{RequestedBy: by, IdempotencyKey: key})
	if err != nil {
		return domain.PersonFile{}, postgres.MapError(err)
	}
	return fileOf(row)
}

// ByKey makes one round trip.
func (f *Files) ByKey(ctx context.Context, by uuid.UUID, key string) (found domain.PersonFile, err error) {
	err = f.db.Use(ctx, func(c postgres.Conn) (err error) {
		found, err = f.byKey(ctx, dbsqlc.New(c), by, key)
		return err
	})
	return found, err
}

// Get makes one round trip.
func (f *Files) Get(ctx context.Context, id uuid.UUID) (found domain.PersonFile, err error) {
	err = f.db.Use(ctx, func(c postgres.Conn) error {
		row, err := dbsqlc.New(c).File(ctx, id)
		if err != nil {
			return err
		}
		found, err = fileOf(row)
		return err
	})
	return found, err
}

// Page makes three round trips.
func (f *Files) Page(ctx context.Context, q domain.PersonFileQuery) (page []domain.PersonFile, err error) {
	p := dbsqlc.FilesParams{RequestedBy: q.RequestedBy, PageSize: q.Limit}
	if q.After != nil {
		p.AfterRequestedAt, p.AfterID = &q.After.CreatedAt, &q.After.ID
	}
	err = f.db.Tx(ctx, func(tx *postgres.Tx) error {
		queries := dbsqlc.New(tx)
		if err := queries.PlanForArguments(ctx); err != nil {
			return err
		}
		rows, err := queries.Files(ctx, p)
		if err != nil {
			return err
		}
		page = make([]domain.PersonFile, len(rows))
		for i, row := range rows {
			if page[i], err = fileOf(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

func (f *Files) Delete(ctx context.Context, id uuid.UUID) error {
	return f.changed(ctx, func(q *dbsqlc.Queries) (int64, error) {
		kept, err := q.KeepDeletedFile(ctx, dbsqlc.KeepDeletedFileParams{ID: id, Reason: string(domain.PersonFileDeleted)})
		if err != nil || kept > 0 {
			return kept, err
		}
		return q.DeleteFile(ctx, id)
	})
}

// changed calls change, durably. CodeNotFound if it changes no row.
func (f *Files) changed(ctx context.Context, change func(*dbsqlc.Queries) (int64, error)) error {
	return f.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		if err := q.Durably(ctx); err != nil {
			return err
		}
		n, err := change(q)
		if err == nil && n == 0 {
			return domain.Errorf(domain.CodeNotFound, "There is no such file, or not any more")
		}
		return err
	})
}

func (f *Files) Due(ctx context.Context, now time.Time, limit int) (due []domain.DuePersonFile, err error) {
	err = f.db.Use(ctx, func(c postgres.Conn) error {
		rows, err := dbsqlc.New(c).DueFiles(ctx, dbsqlc.DueFilesParams{Now: now, Max: int64(limit)})
		due = make([]domain.DuePersonFile, len(rows))
		for i, row := range rows {
			due[i] = domain.DuePersonFile{ID: row.ID, Attempt: int(row.Attempt)}
		}
		return err
	})
	return due, err
}

// Begin waits at most a second for erasures in progress.
func (f *Files) Begin(ctx context.Context, due domain.DuePersonFile, now, until time.Time) (begun domain.PersonFile, err error) {
	err = f.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		for _, do := range []func(context.Context) error{q.WaitSeldom, q.LockFiles} {
			if err := do(ctx); err != nil {
				return err
			}
		}
		row, err := q.BeginFile(ctx, dbsqlc.BeginFileParams{ID: due.ID, Attempt: int32(due.Attempt), Now: now, Until: until})
		if err != nil {
			return err
		}
		begun, err = fileOf(row)
		return err
	})
	return begun, err
}

func (f *Files) Record(ctx context.Context, due domain.DuePersonFile, responses int64, until time.Time) error {
	return f.changed(ctx, func(q *dbsqlc.Queries) (int64, error) {
		return q.RecordFile(ctx, dbsqlc.RecordFileParams{ID: due.ID, Attempt: int32(due.Attempt), Responses: responses, Until: until})
	})
}

func (f *Files) Release(ctx context.Context, due domain.DuePersonFile, now time.Time) error {
	return f.use(ctx, func(q *dbsqlc.Queries) error {
		return q.ReleaseFile(ctx, dbsqlc.ReleaseFileParams{ID: due.ID, Attempt: int32(due.Attempt), Now: now})
	})
}

func (f *Files) use(ctx context.Context, do func(*dbsqlc.Queries) error) error {
	return f.db.Use(ctx, func(c postgres.Conn) error { return do(dbsqlc.New(c)) })
}

func (f *Files) Finish(ctx context.Context, due domain.DuePersonFile, made domain.MadePersonFile, at, expires time.Time) error {
	return f.changed(ctx, func(q *dbsqlc.Queries) (int64, error) {
		return q.FinishFile(ctx, dbsqlc.FinishFileParams{
			ID: due.ID, Attempt: int32(due.Attempt), At: at, ExpiresAt: expires,
			Responses: made.Responses, Bytes: made.Bytes, Sha256: made.SHA256[:],
		})
	})
}

func (f *Files) Fail(ctx context.Context, due domain.DuePersonFile, reason domain.PersonFileReason, at time.Time) error {
	return f.use(ctx, func(q *dbsqlc.Queries) error {
		return q.FailFile(ctx, dbsqlc.FailFileParams{ID: due.ID, Attempt: int32(due.Attempt), Reason: string(reason), At: at})
	})
}

func (f *Files) Expire(ctx context.Context, now, forget time.Time) error {
	return f.use(ctx, func(q *dbsqlc.Queries) error {
		if err := q.ExpireFiles(ctx, dbsqlc.ExpireFilesParams{Reason: string(domain.PersonFileOld), Now: now}); err != nil {
			return err
		}
		return q.ForgetFiles(ctx, forget)
	})
}

func (f *Files) Removable(ctx context.Context, limit int) (ids []uuid.UUID, err error) {
	err = f.use(ctx, func(q *dbsqlc.Queries) (err error) {
		ids, err = q.RemovableFiles(ctx, int64(limit))
		return err
	})
	return ids, err
}

func (f *Files) Removed(ctx context.Context, id uuid.UUID) error {
	return f.use(ctx, func(q *dbsqlc.Queries) error { return q.FileRemoved(ctx, id) })
}

func (f *Files) Live(ctx context.Context, ids []uuid.UUID) (live []uuid.UUID, err error) {
	err = f.use(ctx, func(q *dbsqlc.Queries) (err error) {
		live, err = q.LiveFiles(ctx, append([]uuid.UUID{}, ids...))
		return err
	})
	return live, err
}

func (f *Files) Receipts(ctx context.Context, owner, after uuid.UUID, limit int) (ids []uuid.UUID, err error) {
	err = f.use(ctx, func(q *dbsqlc.Queries) (err error) {
		ids, err = q.ReceiptsOf(ctx, dbsqlc.ReceiptsOfParams{Owner: owner, After: after, Max: int64(limit)})
		return err
	})
	return ids, err
}

// Tally is the number of files in one state, their bytes in the folder, and how many of
// them are still to be removed.
type Tally struct {
	State                  domain.PersonFileState
	Files, Bytes, ToRemove int64
}

// Tally makes one round trip. Errors are those of domain.PersonFiles.
func (f *Files) Tally(ctx context.Context) (tally []Tally, err error) {
	err = f.use(ctx, func(q *dbsqlc.Queries) error {
		rows, err := q.TallyFiles(ctx)
		tally = make([]Tally, len(rows))
		for i, row := range rows {
			tally[i] = Tally{domain.PersonFileState(row.State), row.Files, row.Bytes, row.ToRemove}
		}
		return err
	})
	return tally, err
}

// ForSubject makes one round trip.
func (f *Files) ForSubject(ctx context.Context, subjectRequest uuid.UUID, limit int64) (found []domain.PersonFile, err error) {
	err = f.db.Use(ctx, func(c postgres.Conn) error {
		rows, err := dbsqlc.New(c).FilesForSubject(ctx, dbsqlc.FilesForSubjectParams{SubjectRequest: subjectRequest, Max: limit})
		if err != nil {
			return err
		}
		found = make([]domain.PersonFile, len(rows))
		for i, row := range rows {
			if found[i], err = fileOf(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func fileOf(row dbsqlc.LethePersonFile) (domain.PersonFile, error) {
	owner, err := uuid.Parse(row.Owner)
	f := domain.PersonFile{
		ID: row.ID, Owner: owner, RequestedAt: row.RequestedAt, RequestedBy: row.RequestedBy, SubjectRequest: row.SubjectRequest,
		State: domain.PersonFileState(row.State), Reason: domain.PersonFileReason(row.Reason), Attempt: int(row.Attempt),
		AsOf: row.AsOf, FinishedAt: row.FinishedAt, ExpiresAt: row.ExpiresAt,
		MadePersonFile: domain.MadePersonFile{Responses: row.Responses, Bytes: row.Bytes},
	}
	if row.IdempotencyKey != nil {
		f.IdempotencyKey = *row.IdempotencyKey
	}
	if len(row.Sha256) == sha256.Size {
		f.SHA256 = [sha256.Size]byte(row.Sha256)
	}
	return f, err
}
