package domain_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
	"lethe/internal/testreceipt"
)

// What callers are told.
const (
	errFileOwner  = "owner: must be you or your active organization; others require platform manager permissions"
	errFileKey    = "Idempotency-Key: must have at most 255 bytes"
	errFilesOff   = "This service keeps no files: ask its operator to set exports.folder (LETHE_EXPORTS_FOLDER), or export the responses with /lethe/api/v1/responses/export"
	errFileKeyOf  = "This Idempotency-Key was used for another owner or subject request; use a new one for a new file"
	errFilesMany  = "You have 10 files already: delete one of them, or wait until one expires"
	errFilesAll   = "The service keeps 100 files already: try again when one of them has expired"
	errNoReadFile = "Insufficient permissions to Read Batches"
)

// files is the port of a world, with a fake before what is set.
type files struct {
	domain.PersonFiles
	byKey, create, get, page, forSubject, remove, begin, record, finish error

	began int // attempts before
}

func (f *files) ByKey(ctx context.Context, by uuid.UUID, key string) (domain.PersonFile, error) {
	if f.byKey != nil {
		return domain.PersonFile{Owner: anna}, f.byKey
	}
	return f.PersonFiles.ByKey(ctx, by, key)
}

func (f *files) Create(ctx context.Context, wanted domain.PersonFile) (domain.PersonFile, bool, error) {
	if f.create != nil {
		return wanted, true, f.create
	}
	return f.PersonFiles.Create(ctx, wanted)
}

func (f *files) Get(ctx context.Context, id uuid.UUID) (domain.PersonFile, error) {
	if f.get != nil {
		return domain.PersonFile{}, f.get
	}
	return f.PersonFiles.Get(ctx, id)
}

func (f *files) Page(ctx context.Context, q domain.PersonFileQuery) ([]domain.PersonFile, error) {
	if f.page != nil {
		return nil, f.page
	}
	return f.PersonFiles.Page(ctx, q)
}

func (f *files) ForSubject(ctx context.Context, subjectRequest uuid.UUID, limit int64) ([]domain.PersonFile, error) {
	if f.forSubject != nil {
		return nil, f.forSubject
	}
	return f.PersonFiles.ForSubject(ctx, subjectRequest, limit)
}

func (f *files) Delete(ctx context.Context, id uuid.UUID) error {
	if f.remove != nil {
		return f.remove
	}
	return f.PersonFiles.Delete(ctx, id)
}

func (f *files) Begin(ctx context.Context, due domain.DuePersonFile, now, until time.Time) (domain.PersonFile, error) {
	if f.begin != nil {
		return domain.PersonFile{}, f.begin
	}
	begun, err := f.PersonFiles.Begin(ctx, due, now, until)
	begun.Attempt += f.began
	return begun, err
}

func (f *files) Record(ctx context.Context, attempt domain.DuePersonFile, responses int64, until time.Time) error {
	if f.record != nil {
		return f.record
	}
	return f.PersonFiles.Record(ctx, attempt, responses, until)
}

func (f *files) Finish(ctx context.Context, attempt domain.DuePersonFile, made domain.MadePersonFile, at, expires time.Time) error {
	if f.finish != nil {
		return f.finish
	}
	return f.PersonFiles.Finish(ctx, attempt, made, at, expires)
}

func (f *files) Fail(ctx context.Context, attempt domain.DuePersonFile, reason domain.PersonFileReason, at time.Time) error {
	attempt.Attempt -= f.began
	return f.PersonFiles.Fail(ctx, attempt, reason, at)
}

// fileStore is a store, with a fake before what is set.
type fileStore struct {
	*memory.PersonFileStore
	open, remove, add error
}

func (s *fileStore) Open(id uuid.UUID) (io.ReadSeekCloser, error) {
	if s.open != nil {
		return nil, s.open
	}
	return s.PersonFileStore.Open(id)
}

func (s *fileStore) Remove(id uuid.UUID) error {
	if s.remove != nil {
		return s.remove
	}
	return s.PersonFileStore.Remove(id)
}

func (s *fileStore) New(id uuid.UUID) (domain.PersonFileWriter, error) {
	w, err := s.PersonFileStore.New(id)
	return &fileWriter{w, s}, err
}

type fileWriter struct {
	domain.PersonFileWriter
	of *fileStore
}

func (w *fileWriter) Add(r domain.ResponseDetail) error {
	if w.of.add != nil {
		return w.of.add
	}
	return w.PersonFileWriter.Add(r)
}

// fileJobs is what was enqueued.
type fileJobs struct {
	due []domain.DuePersonFile
	err error
}

func (j *fileJobs) EnqueuePersonFile(_ context.Context, due domain.DuePersonFile) error {
	j.due = append(j.due, due)
	return j.err
}

// filing is a world with persons' files, at noon.
type filing struct {
	*world
	files *files
	store *fileStore
	jobs  *fileJobs
	log   *memory.Log
	clock *moved
	pace  func(context.Context, int) error
}

func newFiling(t *testing.T) *filing {
	t.Helper()
	w := newWorld()
	w.AddPerson(porttest.Person{ID: anna, Email: "anna@example.com", Roles: []domain.Role{domain.RoleBatchAPIUser}})
	return &filing{
		world: w, files: &files{PersonFiles: memory.PersonFiles{Store: w.Store}}, store: &fileStore{PersonFileStore: memory.NewPersonFileStore()},
		jobs: &fileJobs{}, log: memory.NewLog(testreceipt.Signer(t, testreceipt.Origin)), clock: &moved{noon},
		pace: func(context.Context, int) error { return nil },
	}
}

func (f *filing) starter(kept bool) *domain.StartPersonFile {
	return domain.NewStartPersonFile(f.files, f.check(), f.world, f.jobs, kept, f.clock.now, f.logger())
}

func (f *filing) check() *domain.CheckSubjectRequest {
	return domain.NewCheckSubjectRequest(f.SubjectRequests(), f.Erasures(), f.files, true)
}

func (f *filing) opener() *domain.OpenPersonFile {
	return domain.NewOpenPersonFile(f.files, f.store, f.world, f.clock.now)
}

func (f *filing) maker() *domain.MakePersonFile {
	return domain.NewMakePersonFile(f.files, f.store, f.exporter(), f.log, f.world,
		func(ctx context.Context, n int) error { return f.pace(ctx, n) }, 7*24*time.Hour, f.clock.now, f.logger())
}

// request asks for a file.
func (f *filing) request(t *testing.T, caller domain.Principal, owner uuid.UUID) domain.PersonFile {
	t.Helper()
	file, err := f.starter(true).Execute(t.Context(), caller, domain.PersonFileRequest{Owner: owner, Address: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// make makes a file.
func (f *filing) make(t *testing.T, id uuid.UUID) domain.PersonFile {
	t.Helper()
	if err := f.maker().Execute(t.Context(), domain.DuePersonFile{ID: id}); err != nil {
		t.Fatal(err)
	}
	return f.stored(t, id)
}

func (f *filing) stored(t *testing.T, id uuid.UUID) domain.PersonFile {
	t.Helper()
	file, err := f.files.PersonFiles.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func (f *filing) wantFile(t *testing.T, what string, id uuid.UUID, state domain.PersonFileState, reason domain.PersonFileReason) {
	t.Helper()
	if got := f.stored(t, id); got.State != state || got.Reason != reason {
		t.Errorf("%s: want %s %q, got %+v", what, state, reason, got)
	}
}

var fileUser = domain.Principal{ID: anna, Roles: []domain.Role{domain.RoleBatchAPIUser}}

// TestStartPersonFile: everyone who reads may ask for what they may read all of, and only
// for that; a record is written if that is somebody else's.
func TestStartPersonFile(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		for _, organization := range []*uuid.UUID{nil, &acme} {
			for _, owner := range []uuid.UUID{anna, ben, acme} {
				f, caller := newFiling(t), c.principal
				caller.Organization = organization
				mine := owner == anna || organization != nil && owner == acme
				got, err := f.starter(true).Execute(t.Context(), caller, domain.PersonFileRequest{Owner: owner, Address: "192.0.2.1"})
				switch {
				case c.read == "none":
					wantError(t, err, domain.CodeForbidden, errNoReadFile)
				case c.read == "own" && !mine:
					wantError(t, err, domain.CodeInvalid, errFileOwner)
				default:
					want := domain.PersonFile{ID: got.ID, Owner: owner, RequestedAt: noon, RequestedBy: anna, State: domain.PersonFileQueued}
					if err != nil || got.ID == uuid.Nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(f.stored(t, got.ID), want) {
						t.Errorf("%s for %s: want %+v, got %+v, %v", c.name, owner, want, got, err)
					}
					if !slices.Equal(f.jobs.due, []domain.DuePersonFile{{ID: got.ID}}) || f.world.log.Len() > 0 {
						t.Errorf("%s: want it enqueued, got %v and the log %s", c.name, f.jobs.due, f.world.log.String())
					}
				}
				accesses := f.accesses(t)
				if recorded := err == nil && !mine; !recorded && len(accesses) > 0 || recorded && (len(accesses) != 1 || accesses[0].ID == uuid.Nil) {
					t.Errorf("%s for %s: want a record %t, got %v", c.name, owner, recorded, accesses)
				} else if recorded {
					want := domain.Access{ID: accesses[0].ID, At: noon, By: anna, Owner: owner.String(), Address: "192.0.2.1", Export: &domain.ResponseFilter{Owners: []string{owner.String()}}}
					if !reflect.DeepEqual(accesses[0], want) {
						t.Errorf("%s: want the record %+v, got %+v", c.name, want, accesses[0])
					}
				}
			}
		}
	}
}

func TestStartPersonFileRefused(t *testing.T) {
	t.Parallel()
	f := newFiling(t)
	execute := func(kept bool, r domain.PersonFileRequest) error {
		r.Owner = anna
		_, err := f.starter(kept).Execute(t.Context(), fileUser, r)
		return err
	}
	wantError(t, execute(false, domain.PersonFileRequest{}), domain.CodeConflict, errFilesOff)
	for key, want := range map[string]string{strings.Repeat("k", 255): "", strings.Repeat("k", 256): errFileKey, "\x00": errFileKey} {
		err := execute(true, domain.PersonFileRequest{IdempotencyKey: key})
		if want == "" && err != nil {
			t.Errorf("%d bytes: got %v", len(key), err)
		} else if want != "" {
			wantError(t, err, domain.CodeInvalid, want)
			if e, ok := errors.AsType[*domain.Error](err); !ok || e.Parameter != "Idempotency-Key" {
				t.Errorf("%d bytes: got parameter %+v", len(key), e)
			}
		}
	}
	var owner *domain.Error
	if _, err := f.starter(true).Execute(t.Context(), fileUser, domain.PersonFileRequest{Owner: ben}); !errors.As(err, &owner) || owner.Parameter != "owner" {
		t.Errorf("another's: got %v", err)
	}
	for range domain.MaxPersonFiles - 1 {
		f.request(t, fileUser, anna)
	}
	wantError(t, execute(true, domain.PersonFileRequest{}), domain.CodeCrowded, errFilesMany)
	if got := domain.ErrAllPersonFiles; got.Code != domain.CodeUnavailable || got.Message != errFilesAll {
		t.Errorf("too many of all: got %v", got)
	}
	if n := len(f.jobs.due); n != domain.MaxPersonFiles {
		t.Errorf("want only what was stored enqueued, got %d", n)
	}
}

// TestRepeatedPersonFile: the same key is the same file, unless it is for another owner.
// TestFileForSubject has other subject requests.
func TestRepeatedPersonFile(t *testing.T) {
	t.Parallel()
	f := newFiling(t)
	ask := func(owner uuid.UUID) (domain.PersonFile, error) {
		return f.starter(true).Execute(t.Context(), reader, domain.PersonFileRequest{Owner: owner, IdempotencyKey: "key"})
	}
	first, err := ask(ben)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ask(ben)
	if err != nil || !reflect.DeepEqual(again, first) || first.IdempotencyKey != "key" || len(f.jobs.due) != 1 || len(f.accesses(t)) != 1 {
		t.Errorf("again: want %+v once, got %+v, %v; %v", first, again, err, f.accesses(t))
	}
	_, err = ask(acme)
	wantError(t, err, domain.CodeConflict, errFileKeyOf)
	// Another request with the key comes first, after this one has looked.
	f.files.byKey = domain.Errorf(domain.CodeNotFound, "none")
	if again, err = ask(ben); err != nil || !reflect.DeepEqual(again, first) || len(f.jobs.due) != 1 {
		t.Errorf("at once: want %+v, got %+v, %v", first, again, err)
	}
	_, err = ask(acme)
	wantError(t, err, domain.CodeConflict, errFileKeyOf)
	down := domain.Errorf(domain.CodeUnavailable, "down")
	f.files.byKey = down
	if got, err := ask(ben); !errors.Is(err, down) || !reflect.DeepEqual(got, domain.PersonFile{}) {
		t.Errorf("away: got %+v, %v", got, err)
	}
}

// TestStartPersonFileFailures: without the record there is no file; without the job there
// is one.
func TestStartPersonFileFailures(t *testing.T) {
	t.Parallel()
	f, down := newFiling(t), domain.Errorf(domain.CodeUnavailable, "down")
	ask := func(ctx context.Context) (domain.PersonFile, error) {
		return f.starter(true).Execute(ctx, reader, domain.PersonFileRequest{Owner: ben})
	}
	f.record = func(context.Context) error { return down }
	if _, err := ask(t.Context()); domain.CodeOf(err) != domain.CodeUnavailable || !errors.Is(err, down) || !strings.HasPrefix(err.Error(), "Could not record this access") {
		t.Errorf("no record: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.record = func(context.Context) error {
		cancel()
		return down
	}
	if _, err := ask(ctx); err != context.Canceled {
		t.Errorf("canceled: got %v", err)
	}
	page, err := f.files.PersonFiles.Page(t.Context(), domain.PersonFileQuery{Limit: 1})
	if err != nil || len(page) > 0 || len(f.jobs.due) > 0 {
		t.Errorf("want nothing stored, got %v, %v, %v", page, f.jobs.due, err)
	}
	f.record = nil
	f.files.create = down
	if got, err := ask(t.Context()); !errors.Is(err, down) || !reflect.DeepEqual(got, domain.PersonFile{}) {
		t.Errorf("not stored: got %+v, %v", got, err)
	}
	f.files.create = nil
	ctx, cancel = context.WithCancel(t.Context())
	f.jobs.err = down
	got, err := ask(ctx)
	if err != nil || got.ID == uuid.Nil || !strings.Contains(f.world.log.String(), `level=WARN msg="Could not enqueue a person's file; it starts with the next scan" file=`+got.ID.String()+" error=down") {
		t.Errorf("not enqueued: got %+v, %v, %s", got, err, f.world.log.String())
	}
	f.world.log.Reset()
	f.jobs = &fileJobs{err: down}
	cancel()
	f.files.PersonFiles = storedAnyway{f.files.PersonFiles}
	if _, err := f.starter(true).Execute(ctx, fileUser, domain.PersonFileRequest{Owner: anna}); err != nil || f.world.log.Len() > 0 {
		t.Errorf("the caller is gone: want no log, got %v, %s", err, f.world.log.String())
	}
}

// storedAnyway stores although the caller is gone.
type storedAnyway struct{ domain.PersonFiles }

func (u storedAnyway) Create(ctx context.Context, f domain.PersonFile) (domain.PersonFile, bool, error) {
	return u.PersonFiles.Create(context.WithoutCancel(ctx), f)
}

// TestGetPersonFile: whoever asked for it sees it, whatever their rights are now, and so
// do those who may read everyone's.
func TestGetPersonFile(t *testing.T) {
	t.Parallel()
	f := newFiling(t)
	mine, theirs := f.request(t, reader, ben), f.request(t, domain.Principal{ID: ben, Roles: fileUser.Roles}, ben)
	u := domain.NewGetPersonFile(f.files)
	for _, c := range callers {
		if got, err := u.Execute(t.Context(), c.principal, mine.ID); err != nil || !reflect.DeepEqual(got, mine) {
			t.Errorf("%s, asked for: got %+v, %v", c.name, got, err)
		}
		got, err := u.Execute(t.Context(), c.principal, theirs.ID)
		if c.read == "everyone" {
			if err != nil || !reflect.DeepEqual(got, theirs) {
				t.Errorf("%s, another's: got %+v, %v", c.name, got, err)
			}
			continue
		}
		wantError(t, err, domain.CodeNotFound, "Export with ID "+theirs.ID.String()+" not found")
		if !reflect.DeepEqual(got, domain.PersonFile{}) {
			t.Errorf("%s, another's: got %+v", c.name, got)
		}
	}
	_, err := u.Execute(t.Context(), reader, ben)
	wantError(t, err, domain.CodeNotFound, "Export with ID "+ben.String()+" not found")
	f.files.get = domain.Errorf(domain.CodeUnavailable, "down")
	for _, c := range callers {
		if _, err := u.Execute(t.Context(), c.principal, mine.ID); !errors.Is(err, f.files.get) {
			t.Errorf("%s, away: got %v", c.name, err)
		}
	}
}

// TestListPersonFiles: everyone's for those who may read everyone's, else one's own.
func TestListPersonFiles(t *testing.T) {
	t.Parallel()
	f := newFiling(t)
	bens := domain.Principal{ID: ben, Roles: fileUser.Roles}
	var own, all []uuid.UUID
	for range 3 {
		f.clock.at = f.clock.at.Add(time.Second)
		own = append([]uuid.UUID{f.request(t, fileUser, anna).ID}, own...)
		f.clock.at = f.clock.at.Add(time.Second)
		all = append([]uuid.UUID{f.request(t, bens, ben).ID, own[0]}, all...)
	}
	u := domain.NewListPersonFiles(f.files)
	for _, c := range callers {
		var got []uuid.UUID
		var after *domain.Cursor
		for {
			page, err := u.Execute(t.Context(), c.principal, after, ptr(int64(2)))
			if c.read == "none" {
				wantError(t, err, domain.CodeForbidden, errNoReadFile)
				break
			}
			if err != nil || page.Limit != 2 || len(page.Items) > 2 {
				t.Fatalf("%s: got %+v, %v", c.name, page, err)
			}
			for _, file := range page.Items {
				got = append(got, file.ID)
			}
			if after = page.Next; after == nil {
				break
			}
		}
		if want := map[string][]uuid.UUID{"none": nil, "own": own, "everyone": all}[c.read]; !slices.Equal(got, want) {
			t.Errorf("%s: want %v, got %v", c.name, want, got)
		}
	}
	page, err := u.Execute(t.Context(), fileUser, nil, ptr(int64(1)))
	if err != nil {
		t.Fatal(err)
	}
	for name, caller := range map[string]domain.Principal{"another's": bens, "all": reader} {
		if _, err := u.Execute(t.Context(), caller, page.Next, nil); domain.CodeOf(err) != domain.CodeInvalid {
			t.Errorf("cursor in the list of %s: want %s, got %v", name, domain.CodeInvalid, err)
		}
	}
	f.files.page = domain.Errorf(domain.CodeUnavailable, "down")
	if _, err := u.Execute(t.Context(), fileUser, nil, nil); !errors.Is(err, f.files.page) {
		t.Errorf("away: got %v", err)
	}
}

// TestLookAtPersonFile: only a file that is done and not over can be opened, by whoever may
// see it and may read everything of the owner now.
func TestLookAtPersonFile(t *testing.T) {
	t.Parallel()
	f := newFiling(t)
	file := f.request(t, reader, ben)
	look := func(caller domain.Principal) (domain.PersonFile, error) {
		return f.opener().Look(t.Context(), caller, file.ID)
	}
	text := "The file of export " + file.ID.String()
	_, err := look(reader)
	wantError(t, err, domain.CodeConflict, text+" is not made yet: fetch it when the export's state is done")
	done := f.make(t, file.ID)
	missing := "Export with ID " + file.ID.String() + " not found"
	for _, c := range callers {
		got, err := look(c.principal)
		if c.read == "everyone" {
			if err != nil || !reflect.DeepEqual(got, done) {
				t.Errorf("%s: got %+v, %v", c.name, got, err)
			}
			continue
		}
		wantError(t, err, domain.CodeNotFound, missing)
		// Who asked for an organization's must act for it.
		own := f.files.PersonFiles
		f.files.PersonFiles = altered{own, func(p *domain.PersonFile) { p.Owner = acme }}
		caller := c.principal
		_, err = look(caller)
		wantError(t, err, domain.CodeNotFound, missing)
		caller.Organization = &acme
		if _, err = look(caller); c.read == "own" && err != nil {
			t.Errorf("%s for the organization: got %v", c.name, err)
		} else if c.read == "none" {
			wantError(t, err, domain.CodeNotFound, missing)
		}
		f.files.PersonFiles = own
	}
	_, err = f.opener().Look(t.Context(), reader, ben)
	wantError(t, err, domain.CodeNotFound, "Export with ID "+ben.String()+" not found")
	_, err = domain.NewOpenPersonFile(f.files, nil, f.world, f.clock.now).Look(t.Context(), reader, file.ID)
	wantError(t, err, domain.CodeConflict, errFilesOff)

	old := text + " is gone. It was kept as long as such files are: request another"
	f.clock.at = done.ExpiresAt.Add(-time.Microsecond)
	if _, err := look(reader); err != nil {
		t.Errorf("the last moment: got %v", err)
	}
	f.clock.at = *done.ExpiresAt
	_, err = look(reader)
	wantError(t, err, domain.CodeNotFound, old)
	f.clock.at = noon
	stored := f.files.PersonFiles
	for _, c := range []struct {
		state  domain.PersonFileState
		reason domain.PersonFileReason
		code   domain.Code
		want   string
	}{
		{domain.PersonFileExpired, domain.PersonFileOld, domain.CodeNotFound, old},
		{domain.PersonFileExpired, domain.PersonFileErased, domain.CodeNotFound, text + " is gone. Something of this owner was erased since: request another"},
		{domain.PersonFileFailed, domain.PersonFileTooLarge, domain.CodeConflict, text + " could not be made. It would be larger than exports.max_bytes: ask the operator to raise that"},
		{domain.PersonFileFailed, domain.PersonFileDiskFull, domain.CodeConflict, text + " could not be made. The disk with exports.folder is full: ask the operator to make room, then request another"},
		{domain.PersonFileFailed, domain.PersonFileTooOften, domain.CodeConflict, text + " could not be made. The service could not finish it in several attempts; its log says why"},
		{domain.PersonFileFailed, domain.PersonFileInternal, domain.CodeConflict, text + " could not be made. The service failed; see its log"},
		{domain.PersonFileRunning, "", domain.CodeConflict, text + " is not made yet: fetch it when the export's state is done"},
	} {
		f.files.PersonFiles = altered{stored, func(p *domain.PersonFile) { p.State, p.Reason = c.state, c.reason }}
		got, err := look(reader)
		wantError(t, err, c.code, c.want)
		if !reflect.DeepEqual(got, domain.PersonFile{}) {
			t.Errorf("%s: got %+v", c.state, got)
		}
	}
}

// altered shows files otherwise than they are stored.
type altered struct {
	domain.PersonFiles
	alter func(*domain.PersonFile)
}

func (a altered) Get(ctx context.Context, id uuid.UUID) (domain.PersonFile, error) {
	f, err := a.PersonFiles.Get(ctx, id)
	a.alter(&f)
	return f, err
}

// TestOpenPersonFile: each download of somebody else's file is recorded first.
func TestOpenPersonFile(t *testing.T) {
	t.Parallel()
	f, down := newFiling(t), domain.Errorf(domain.CodeInternal, "broken")
	own, theirs := f.make(t, f.request(t, fileUser, anna).ID), f.make(t, f.request(t, reader, ben).ID)
	f.clock.at = noon.Add(time.Hour + 300*time.Nanosecond)
	open := func(file domain.PersonFile) error {
		in, err := f.opener().Open(t.Context(), reader, file, "192.0.2.9")
		if err == nil {
			if content, read := io.ReadAll(in); read != nil || int64(len(content)) != file.Bytes {
				t.Errorf("open: got %d bytes, %v", len(content), read)
			}
		}
		return err
	}
	if err := open(own); err != nil || len(f.accesses(t)) != 1 {
		t.Errorf("one's own: got %v and %v", err, f.accesses(t))
	}
	for range 2 {
		if err := open(theirs); err != nil {
			t.Fatal(err)
		}
	}
	accesses := f.accesses(t)
	if len(accesses) != 3 {
		t.Fatalf("want two more records, got %v", accesses)
	}
	for _, got := range accesses {
		if got.At.Equal(noon) {
			continue
		}
		want := domain.Access{ID: got.ID, At: noon.Add(time.Hour), By: anna, Owner: ben.String(), Address: "192.0.2.9", Export: &domain.ResponseFilter{Owners: []string{ben.String()}}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("want the record %+v, got %+v", want, got)
		}
	}
	f.store.open = down
	if err := open(own); !errors.Is(err, down) {
		t.Errorf("broken: got %v", err)
	}
	f.store.open = domain.Errorf(domain.CodeNotFound, "none")
	wantError(t, open(own), domain.CodeNotFound, "Export with ID "+own.ID.String()+" not found")
	f.record = func(context.Context) error { return down }
	if err := open(theirs); domain.CodeOf(err) != domain.CodeUnavailable || !errors.Is(err, down) {
		t.Errorf("no record: got %v", err)
	}
}

// TestDeletePersonFile: whoever may see a file may delete it, with its bytes.
func TestDeletePersonFile(t *testing.T) {
	t.Parallel()
	f, down := newFiling(t), domain.Errorf(domain.CodeInternal, "broken")
	file := f.make(t, f.request(t, fileUser, anna).ID)
	remove := func(caller domain.Principal) error {
		return domain.NewDeletePersonFile(f.files, f.store).Execute(t.Context(), caller, file.ID)
	}
	missing := "Export with ID " + file.ID.String() + " not found"
	wantError(t, remove(domain.Principal{ID: ben, Roles: fileUser.Roles}), domain.CodeNotFound, missing)
	wantError(t, domain.NewDeletePersonFile(f.files, nil).Execute(t.Context(), fileUser, file.ID), domain.CodeConflict, errFilesOff)
	f.store.remove = down
	if err := remove(fileUser); !errors.Is(err, down) {
		t.Errorf("bytes stay: got %v", err)
	}
	f.wantFile(t, "bytes stay", file.ID, domain.PersonFileDone, "")
	f.store.remove, f.files.remove = nil, down
	if err := remove(fileUser); !errors.Is(err, down) {
		t.Errorf("row stays: got %v", err)
	}
	f.files.remove = domain.Errorf(domain.CodeNotFound, "none")
	wantError(t, remove(fileUser), domain.CodeNotFound, missing)
	f.files.remove = nil
	if err := remove(domain.Principal{ID: anna}); err != nil { // whatever their rights are now
		t.Fatal(err)
	}
	wantError(t, remove(fileUser), domain.CodeNotFound, missing)
	if kept, err := f.store.Kept(); err != nil || len(kept) > 0 {
		t.Errorf("want no bytes left, got %v, %v", kept, err)
	}
}

// content is what a use case has put into a file.
func (f *filing) content(t *testing.T, id uuid.UUID) (w memory.WrittenFile) {
	t.Helper()
	in, err := f.store.PersonFileStore.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(in).Decode(&w); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestMakePersonFile: a file has everything of its owner, large contents included, and
// receipts; how far it has come is stored, and it is kept for its time.
func TestMakePersonFile(t *testing.T) {
	t.Parallel()
	f := newFiling(t)
	rows := f.putAll(anna.String(), 150)
	f.putAll(ben.String(), 3)
	large := porttest.NewRow(anna.String(), "completed", noon.Add(-time.Second))
	large.Prompt = strings.Repeat("x", 100_000)
	f.AddResponse(large)
	sealed, _, body := testreceipt.New(t, testreceipt.Origin)
	for i, receipt := range []uuid.UUID{sealed, uuid.New()} {
		if _, err := f.Store.Erase(t.Context(), rows[i].ID, nil, func(found domain.Found) (domain.Authorization, error) {
			w, err := porttest.Permit(found)
			w.Actor, w.Receipt = &anna, receipt
			return w, err
		}); err != nil {
			t.Fatal(err)
		}
	}
	f.log.AddReceipt(sealed, body, &anna, nil)
	if err := f.log.Seal(); err != nil {
		t.Fatal(err)
	}
	f.log.Publish()
	file := f.request(t, fileUser, anna)
	var progress []int64
	f.pace = func(context.Context, int) error {
		progress = append(progress, f.stored(t, file.ID).Responses)
		return nil
	}
	done := f.make(t, file.ID)
	const n = 149
	if done.State != domain.PersonFileDone || done.Responses != n || !done.AsOf.Equal(noon) || !done.FinishedAt.Equal(noon) || !done.ExpiresAt.Equal(noon.Add(7*24*time.Hour)) || !slices.Equal(progress, []int64{64, 128}) {
		t.Errorf("got %+v, after %v", done, progress)
	}
	got := f.content(t, file.ID)
	if len(got.Responses) != n || slices.ContainsFunc(got.Responses, func(r domain.ResponseDetail) bool {
		return r.Owner != anna.String() || r.OwnerEmail == nil || *r.OwnerEmail != "anna@example.com" || r.Prompt == "" || r.Left > 0
	}) {
		t.Errorf("want %d whole responses of anna's, got %d", n, len(got.Responses))
	}
	if len(got.Receipts) != 1 || len(got.Receipts[sealed]) == 0 || got.Facts.Unsealed != 1 || got.Facts.Owner != anna || got.Facts.Email != "anna@example.com" ||
		!got.Facts.AsOf.Equal(noon) || !got.Facts.MadeAt.Equal(noon) || !slices.Equal(got.Facts.LogKeys, f.log.Keys()) {
		t.Errorf("receipts and facts: got %d and %+v", len(got.Receipts), got.Facts)
	}
	if len(f.accesses(t)) > 0 {
		t.Errorf("one's own: want no record, got %v", f.accesses(t))
	}
	if err := f.maker().Execute(t.Context(), domain.DuePersonFile{ID: file.ID}); err != nil {
		t.Errorf("made already: got %v", err)
	}
}

// TestPersonFileOfErased: what is erased while a file is made, whenever that is, is not in
// a file at the end.
func TestPersonFileOfErased(t *testing.T) {
	t.Parallel()
	for name, when := range map[string]func(f *filing, erase func()){
		"between pages": func(f *filing, erase func()) {
			f.pace = func(context.Context, int) error {
				erase()
				return nil
			}
		},
		"before its end": func(f *filing, erase func()) { f.emails = func(context.Context) error { erase(); return nil } },
	} {
		f := newFiling(t)
		rows := f.putAll(anna.String(), 100)
		file := f.request(t, fileUser, anna)
		erased := false
		when(f, func() {
			if erased {
				return
			}
			erased = true
			if _, err := f.Store.Erase(t.Context(), rows[0].ID, nil, porttest.Permit); err != nil {
				t.Error(err)
			}
		})
		if err := f.maker().Execute(t.Context(), domain.DuePersonFile{ID: file.ID}); err != nil || !erased {
			t.Errorf("%s: got %v, erased %t", name, err, erased)
		}
		f.wantFile(t, name, file.ID, domain.PersonFileExpired, domain.PersonFileErased)
		if kept, err := f.store.Kept(); err != nil || len(kept) > 0 {
			t.Errorf("%s: want no bytes, got %v, %v", name, kept, err)
		}
	}
	f := newFiling(t)
	file := f.request(t, fileUser, anna)
	f.files.finish = domain.Errorf(domain.CodeNotFound, "erased just now")
	if err := f.maker().Execute(t.Context(), domain.DuePersonFile{ID: file.ID}); err != nil {
		t.Errorf("at its end: got %v", err)
	}
	if kept, err := f.store.Kept(); err != nil || len(kept) > 0 {
		t.Errorf("at its end: want no bytes, got %v, %v", kept, err)
	}
}

// TestPersonFileFails: what cannot get better fails with its reason; what can is due again.
func TestPersonFileFails(t *testing.T) {
	t.Parallel()
	away := domain.Errorf(domain.CodeUnavailable, "away")
	for name, c := range map[string]struct {
		breaks func(*filing)
		state  domain.PersonFileState
		reason domain.PersonFileReason
		err    error
	}{
		"too large":   {func(f *filing) { f.store.add = domain.ErrPersonFileTooLarge }, domain.PersonFileFailed, domain.PersonFileTooLarge, nil},
		"disk full":   {func(f *filing) { f.store.add = domain.ErrDiskFull }, domain.PersonFileFailed, domain.PersonFileDiskFull, nil},
		"a fault":     {func(f *filing) { f.store.add = errors.New("bug") }, domain.PersonFileFailed, domain.PersonFileInternal, nil},
		"too often":   {func(f *filing) { f.files.began = 10 }, domain.PersonFileFailed, domain.PersonFileTooOften, nil},
		"away":        {func(f *filing) { f.page = func(context.Context) error { return away } }, domain.PersonFileQueued, "", away},
		"not begun":   {func(f *filing) { f.files.begin = away }, domain.PersonFileQueued, "", away},
		"not due":     {func(f *filing) { f.files.begin = domain.Errorf(domain.CodeNotFound, "none") }, domain.PersonFileQueued, "", nil},
		"unknown end": {func(f *filing) { f.files.finish = away }, domain.PersonFileRunning, "", away},
	} {
		f := newFiling(t)
		f.putAll(anna.String(), 2)
		file := f.request(t, fileUser, anna)
		c.breaks(f)
		if err := f.maker().Execute(t.Context(), domain.DuePersonFile{ID: file.ID}); !errors.Is(err, c.err) {
			t.Errorf("%s: want %v, got %v", name, c.err, err)
		}
		f.wantFile(t, name, file.ID, c.state, c.reason)
		if kept, err := f.store.Kept(); err != nil || len(kept) > 0 && name != "unknown end" {
			t.Errorf("%s: want no bytes, got %v, %v", name, kept, err)
		}
	}
	f := newFiling(t)
	f.putAll(anna.String(), 100)
	file := f.request(t, fileUser, anna)
	ctx, cancel := context.WithCancel(t.Context())
	f.pace = func(ctx context.Context, _ int) error {
		cancel()
		return ctx.Err()
	}
	if err := f.maker().Execute(ctx, domain.DuePersonFile{ID: file.ID}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got %v", err)
	}
	f.wantFile(t, "stopped", file.ID, domain.PersonFileQueued, "")
	f.pace = func(context.Context, int) error { return nil }
	if err := f.maker().Execute(t.Context(), domain.DuePersonFile{ID: file.ID, Attempt: 1}); err != nil {
		t.Fatal(err)
	}
	f.wantFile(t, "the next process", file.ID, domain.PersonFileDone, "")
}

// TestClearPersonFiles: bytes go with what is gone, and what nobody knows.
func TestClearPersonFiles(t *testing.T) {
	t.Parallel()
	f := newFiling(t)
	rows := f.putAll(ben.String(), 1)
	old, erased, queued := f.make(t, f.request(t, fileUser, anna).ID), f.make(t, f.request(t, reader, ben).ID), f.request(t, fileUser, anna)
	unknown := uuid.New()
	for _, id := range []uuid.UUID{unknown, queued.ID} {
		if _, err := f.store.New(id); err != nil {
			t.Fatal(err)
		}
	}
	clear := func(want ...uuid.UUID) {
		t.Helper()
		if err := domain.NewClearPersonFiles(f.files, f.store, f.clock.now).Execute(t.Context()); err != nil {
			t.Fatal(err)
		}
		kept, err := f.store.Kept()
		if err != nil || len(kept) != len(want) || slices.ContainsFunc(want, func(id uuid.UUID) bool { return !slices.Contains(kept, id) }) {
			t.Errorf("want %v kept, got %v, %v", want, kept, err)
		}
	}
	clear(old.ID, erased.ID, queued.ID)
	if _, err := f.Store.Erase(t.Context(), rows[0].ID, nil, porttest.Permit); err != nil {
		t.Fatal(err)
	}
	clear(old.ID, queued.ID)
	f.clock.at = *old.ExpiresAt
	clear(queued.ID)
	f.wantFile(t, "old", old.ID, domain.PersonFileExpired, domain.PersonFileOld)
	f.clock.at = noon.Add(31 * 24 * time.Hour)
	clear(queued.ID)
	if _, err := f.files.Get(t.Context(), old.ID); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("a month later: want it forgotten, got %v", err)
	}
}
