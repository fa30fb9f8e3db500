package memory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// PersonFiles implements domain.PersonFiles on a store.
type PersonFiles struct{ *Store }

var _ domain.PersonFiles = PersonFiles{}

// personFile is a row with what callers do not see.
type personFile struct {
	domain.PersonFile
	due     time.Time
	removed bool
}

// expireFiles makes the files of these owners expire that have, or may get, what is
// erased.
func (s *Store) expireFiles(owners ...string) {
	for _, f := range s.personFiles {
		if (f.State == domain.PersonFileRunning || f.State == domain.PersonFileDone) && slices.Contains(owners, f.Owner.String()) {
			if f.FinishedAt == nil {
				f.FinishedAt = new(domain.ToMicroseconds(time.Now()))
			}
			f.State, f.Reason = domain.PersonFileExpired, domain.PersonFileErased
		}
	}
}

func (s *Store) expireAllFiles() {
	for _, f := range s.personFiles {
		s.expireFiles(f.Owner.String())
	}
}

func (p PersonFiles) locked(ctx context.Context, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return do()
}

var errNoFile = domain.Errorf(domain.CodeNotFound, "no such file, or not any more")

func (p PersonFiles) byKey(by uuid.UUID, key string) *personFile {
	for _, f := range p.personFiles {
		if key != "" && f.RequestedBy == by && f.IdempotencyKey == key {
			return f
		}
	}
	return nil
}

func (p PersonFiles) Create(ctx context.Context, wanted domain.PersonFile) (stored domain.PersonFile, created bool, err error) {
	err = p.locked(ctx, func() error {
		if before := p.byKey(wanted.RequestedBy, wanted.IdempotencyKey); before != nil {
			stored = before.PersonFile
			return nil
		}
		if err := p.checkOpen(wanted.SubjectRequest); err != nil {
			return err
		}
		own, all := 0, 0
		for _, f := range p.personFiles {
			if f.State == domain.PersonFileFailed || f.removed {
				continue
			}
			if all++; f.RequestedBy == wanted.RequestedBy {
				own++
			}
		}
		switch {
		case own >= domain.MaxPersonFiles:
			return domain.ErrPersonFiles
		case all >= domain.MaxAllPersonFiles:
			return domain.ErrAllPersonFiles
		}
		stored, created = wanted, true
		stored.State = domain.PersonFileQueued
		p.personFiles[wanted.ID] = &personFile{PersonFile: stored, due: wanted.RequestedAt}
		return nil
	})
	return stored, created, err
}

func (p PersonFiles) ByKey(ctx context.Context, by uuid.UUID, key string) (found domain.PersonFile, err error) {
	err = p.locked(ctx, func() error {
		f := p.byKey(by, key)
		if f == nil {
			return errNoFile
		}
		found = f.PersonFile
		return nil
	})
	return found, err
}

func (p PersonFiles) Get(ctx context.Context, id uuid.UUID) (found domain.PersonFile, err error) {
	err = p.locked(ctx, func() error {
		f, ok := p.personFiles[id]
		if !ok {
			return errNoFile
		}
		found = f.PersonFile
		return nil
	})
	return found, err
}

func (p PersonFiles) Page(ctx context.Context, q domain.PersonFileQuery) (page []domain.PersonFile, err error) {
	err = p.locked(ctx, func() error {
		for _, f := range p.personFiles {
			if (q.RequestedBy == nil || *q.RequestedBy == f.RequestedBy) && (q.After == nil || f.Position().Compare(*q.After) > 0) {
				page = append(page, f.PersonFile)
			}
		}
		slices.SortFunc(page, func(a, b domain.PersonFile) int { return a.Position().Compare(b.Position()) })
		page = page[:min(int64(len(page)), q.Limit)]
		return nil
	})
	return page, err
}

func (p PersonFiles) Delete(ctx context.Context, id uuid.UUID) error {
	return p.locked(ctx, func() error {
		f := p.personFiles[id]
		switch {
		case f == nil:
			return errNoFile
		case !f.Made() || !p.aboutSomebody(f.SubjectRequest):
			delete(p.personFiles, id)
		case f.State != domain.PersonFileExpired:
			f.State, f.Reason, f.removed = domain.PersonFileExpired, domain.PersonFileDeleted, true
		default:
			f.removed = true
		}
		return nil
	})
}

func (f *personFile) unfinished() bool {
	return f.State == domain.PersonFileQueued || f.State == domain.PersonFileRunning
}

func (p PersonFiles) Due(ctx context.Context, now time.Time, limit int) (due []domain.DuePersonFile, err error) {
	err = p.locked(ctx, func() error {
		var found []*personFile
		for _, f := range p.personFiles {
			if f.unfinished() && !f.due.After(now) {
				found = append(found, f)
			}
		}
		slices.SortFunc(found, func(a, b *personFile) int { return a.due.Compare(b.due) })
		for _, f := range found[:min(len(found), limit)] {
			due = append(due, domain.DuePersonFile{ID: f.ID, Attempt: f.Attempt})
		}
		return nil
	})
	return due, err
}

func (p PersonFiles) Begin(ctx context.Context, due domain.DuePersonFile, now, until time.Time) (begun domain.PersonFile, err error) {
	err = p.locked(ctx, func() error {
		f := p.personFiles[due.ID]
		if f == nil || !f.unfinished() || f.Attempt != due.Attempt || f.due.After(now) {
			return errNoFile
		}
		f.State, f.due, f.AsOf, f.Responses = domain.PersonFileRunning, until, &now, 0
		f.Attempt++
		begun = f.PersonFile
		return nil
	})
	return begun, err
}

// attempt calls do with the file if the attempt counts.
func (p PersonFiles) attempt(ctx context.Context, attempt domain.DuePersonFile, do func(*personFile)) error {
	return p.locked(ctx, func() error {
		f := p.personFiles[attempt.ID]
		if f == nil || f.State != domain.PersonFileRunning || f.Attempt != attempt.Attempt {
			return errNoFile
		}
		do(f)
		return nil
	})
}

// unlessOver ignores that an attempt does not count any more.
func unlessOver(err error) error {
	if domain.CodeOf(err) == domain.CodeNotFound {
		return nil
	}
	return err
}

func (p PersonFiles) Record(ctx context.Context, attempt domain.DuePersonFile, responses int64, until time.Time) error {
	return p.attempt(ctx, attempt, func(f *personFile) { f.Responses, f.due = responses, until })
}

func (p PersonFiles) Release(ctx context.Context, attempt domain.DuePersonFile, now time.Time) error {
	return unlessOver(p.attempt(ctx, attempt, func(f *personFile) { f.State, f.due = domain.PersonFileQueued, now }))
}

func (p PersonFiles) Finish(ctx context.Context, attempt domain.DuePersonFile, made domain.MadePersonFile, at, expires time.Time) error {
	return p.attempt(ctx, attempt, func(f *personFile) {
		f.State, f.MadePersonFile, f.FinishedAt, f.ExpiresAt = domain.PersonFileDone, made, &at, &expires
	})
}

func (p PersonFiles) Fail(ctx context.Context, attempt domain.DuePersonFile, reason domain.PersonFileReason, at time.Time) error {
	return unlessOver(p.attempt(ctx, attempt, func(f *personFile) {
		f.State, f.Reason, f.FinishedAt, f.removed = domain.PersonFileFailed, reason, &at, true
	}))
}

func (p PersonFiles) Expire(ctx context.Context, now, forget time.Time) error {
	return p.locked(ctx, func() error {
		for id, f := range p.personFiles {
			if f.State == domain.PersonFileDone && !f.ExpiresAt.After(now) {
				f.State, f.Reason = domain.PersonFileExpired, domain.PersonFileOld
			}
			if f.removed && f.FinishedAt.Before(forget) && !p.aboutSomebody(f.SubjectRequest) {
				delete(p.personFiles, id)
			}
		}
		return nil
	})
}

func (p PersonFiles) Removable(ctx context.Context, limit int) (ids []uuid.UUID, err error) {
	err = p.locked(ctx, func() error {
		for id, f := range p.personFiles {
			if f.State == domain.PersonFileExpired && !f.removed && len(ids) < limit {
				ids = append(ids, id)
			}
		}
		return nil
	})
	return ids, err
}

func (p PersonFiles) Removed(ctx context.Context, id uuid.UUID) error {
	return p.locked(ctx, func() error {
		if f := p.personFiles[id]; f != nil && f.State == domain.PersonFileExpired {
			f.removed = true
		}
		return nil
	})
}

func (p PersonFiles) Live(ctx context.Context, ids []uuid.UUID) (live []uuid.UUID, err error) {
	err = p.locked(ctx, func() error {
		for _, id := range ids {
			if f := p.personFiles[id]; f != nil && (f.unfinished() || f.State == domain.PersonFileDone) {
				live = append(live, id)
			}
		}
		return nil
	})
	return live, err
}

func (p PersonFiles) Receipts(ctx context.Context, owner, after uuid.UUID, limit int) (ids []uuid.UUID, err error) {
	err = p.locked(ctx, func() error {
		for _, id := range p.receipts[owner] {
			if bytes.Compare(id[:], after[:]) > 0 {
				ids = append(ids, id)
			}
		}
		slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
		ids = ids[:min(len(ids), limit)]
		return nil
	})
	return ids, err
}

func (p PersonFiles) ForSubject(ctx context.Context, subjectRequest uuid.UUID, limit int64) (found []domain.PersonFile, err error) {
	err = p.locked(ctx, func() error {
		for _, f := range p.personFiles {
			if f.SubjectRequest != nil && *f.SubjectRequest == subjectRequest {
				found = append(found, f.PersonFile)
			}
		}
		slices.SortFunc(found, func(a, b domain.PersonFile) int { return a.Position().Compare(b.Position()) })
		found = found[:min(limit, int64(len(found)))]
		return nil
	})
	return found, err
}
