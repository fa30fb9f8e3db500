package porttest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// PersonFilesFixture is a database with the port and those whose erasures it watches.
type PersonFilesFixture interface {
	ErasuresFixture
	PersonFiles() domain.PersonFiles
	SubjectRequests() domain.SubjectRequests
}

// PersonFiles tests the contract of domain.PersonFiles.
func PersonFiles(t *testing.T, newFixture func(t *testing.T) PersonFilesFixture) {
	for name, test := range map[string]func(*testing.T, PersonFilesFixture){
		"create and get":     testPersonFilesAreKept,
		"limits":             testPersonFileLimits,
		"subject requests":   testPersonFilesForSubjects,
		"deleted":            testDeletedPersonFilesForSubjects,
		"list":               testPagesOfPersonFiles,
		"attempts":           testPersonFileAttempts,
		"end":                testPersonFileEnds,
		"erasures":           testErasuresExpirePersonFiles,
		"owner's erasure":    testOwnersErasureExpiresPersonFiles,
		"receipts":           testReceiptsForPersonFiles,
		"erased while begun": testErasedWhilePersonFileIsMade,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newFixture(t))
		})
	}
}

// made is what the tests' files turn out to be.
var made = domain.MadePersonFile{Responses: 3, Bytes: 1234, SHA256: sha256.Sum256([]byte("file"))}

// newFile is a request for a file of anna's, by herself.
func newFile(owner uuid.UUID) domain.PersonFile {
	return domain.PersonFile{ID: uuid.New(), Owner: owner, RequestedBy: owner, RequestedAt: start, State: domain.PersonFileQueued}
}

func createFile(t *testing.T, f PersonFilesFixture, wanted domain.PersonFile) domain.PersonFile {
	t.Helper()
	stored, created, err := f.PersonFiles().Create(t.Context(), wanted)
	if err != nil || !created || !reflect.DeepEqual(stored, wanted) {
		t.Fatalf("create: want %+v, got %+v, %t, %v", wanted, stored, created, err)
	}
	return stored
}

func getFile(t *testing.T, f PersonFilesFixture, id uuid.UUID) domain.PersonFile {
	t.Helper()
	got, err := f.PersonFiles().Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// beginFile begins the next attempt at start, for a minute.
func beginFile(t *testing.T, f PersonFilesFixture, file domain.PersonFile) (domain.PersonFile, domain.DuePersonFile) {
	t.Helper()
	begun, err := f.PersonFiles().Begin(t.Context(), domain.DuePersonFile{ID: file.ID, Attempt: file.Attempt}, start, start.Add(time.Minute))
	if err != nil || begun.State != domain.PersonFileRunning || begun.Attempt != file.Attempt+1 || begun.AsOf == nil || !begun.AsOf.Equal(start) || begun.Responses != 0 {
		t.Fatalf("begin: got %+v, %v", begun, err)
	}
	return begun, domain.DuePersonFile{ID: begun.ID, Attempt: begun.Attempt}
}

// finishFile makes a new file done until an hour after start.
func finishFile(t *testing.T, f PersonFilesFixture, owner uuid.UUID) domain.PersonFile {
	t.Helper()
	_, attempt := beginFile(t, f, createFile(t, f, newFile(owner)))
	if err := f.PersonFiles().Finish(t.Context(), attempt, made, start, start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return getFile(t, f, attempt.ID)
}

func wantFile(t *testing.T, f PersonFilesFixture, what string, id uuid.UUID, state domain.PersonFileState, reason domain.PersonFileReason) {
	t.Helper()
	got := getFile(t, f, id)
	if got.State != state || got.Reason != reason {
		t.Errorf("%s: want %s %q, got %+v", what, state, reason, got)
	}
}

func wantGone(t *testing.T, what string, err error) {
	t.Helper()
	if domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("%s: want %s, got %v", what, domain.CodeNotFound, err)
	}
}

func testPersonFilesAreKept(t *testing.T, f PersonFilesFixture) {
	port, owner := f.PersonFiles(), uuid.New()
	_, err := port.Get(t.Context(), uuid.New())
	wantGone(t, "unknown", err)
	_, err = port.ByKey(t.Context(), owner, "key")
	wantGone(t, "unknown key", err)
	wantGone(t, "delete unknown", port.Delete(t.Context(), uuid.New()))

	wanted := newFile(owner)
	wanted.IdempotencyKey = "key"
	first := createFile(t, f, wanted)
	if got := getFile(t, f, first.ID); !reflect.DeepEqual(got, first) {
		t.Errorf("get: want %+v, got %+v", first, got)
	}
	again := newFile(uuid.New())
	again.RequestedBy, again.IdempotencyKey = owner, "key"
	if got, created, err := port.Create(t.Context(), again); err != nil || created || !reflect.DeepEqual(got, first) {
		t.Errorf("the same key: want the first, got %+v, %t, %v", got, created, err)
	}
	if got, err := port.ByKey(t.Context(), owner, "key"); err != nil || !reflect.DeepEqual(got, first) {
		t.Errorf("by key: got %+v, %v", got, err)
	}
	_, err = port.ByKey(t.Context(), uuid.New(), "key")
	wantGone(t, "somebody else's key", err)
	createFile(t, f, newFile(owner)) // without a key, any number
	createFile(t, f, newFile(owner))

	if err := port.Delete(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	_, err = port.Get(t.Context(), first.ID)
	wantGone(t, "deleted", err)
}

func testPersonFileLimits(t *testing.T, f PersonFilesFixture) {
	port, owner := f.PersonFiles(), uuid.New()
	var last domain.PersonFile
	for range domain.MaxPersonFiles {
		last = createFile(t, f, newFile(owner))
	}
	refused := func(what string, wanted domain.PersonFile, want error) {
		t.Helper()
		if _, created, err := port.Create(t.Context(), wanted); !errors.Is(err, want) || created {
			t.Errorf("%s: want %v, got %t, %v", what, want, created, err)
		}
	}
	refused("one more", newFile(owner), domain.ErrPersonFiles)
	_, attempt := beginFile(t, f, last)
	if err := port.Fail(t.Context(), attempt, domain.PersonFileDiskFull, start); err != nil {
		t.Fatal(err)
	}
	wantFile(t, f, "failed", last.ID, domain.PersonFileFailed, domain.PersonFileDiskFull)
	done := finishFile(t, f, owner)
	refused("done ones count", newFile(owner), domain.ErrPersonFiles)
	if err := port.Expire(t.Context(), start.Add(time.Hour), start.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	refused("their bytes may be there", newFile(owner), domain.ErrPersonFiles)
	if err := port.Removed(t.Context(), done.ID); err != nil {
		t.Fatal(err)
	}
	createFile(t, f, newFile(owner))
	for range domain.MaxAllPersonFiles - domain.MaxPersonFiles {
		createFile(t, f, newFile(uuid.New()))
	}
	refused("one more of anyone", newFile(uuid.New()), domain.ErrAllPersonFiles)
}

func testPagesOfPersonFiles(t *testing.T, f PersonFilesFixture) {
	anna, ben := uuid.New(), uuid.New()
	var all []domain.PersonFile
	for i, owner := range []uuid.UUID{anna, ben, anna, anna, ben} {
		wanted := newFile(owner)
		wanted.RequestedAt = start.Add(time.Duration(i/2) * time.Minute) // some at the same time
		all = append(all, createFile(t, f, wanted))
	}
	slices.SortFunc(all, func(a, b domain.PersonFile) int { return a.Position().Compare(b.Position()) })
	for name, by := range map[string]*uuid.UUID{"everyone's": nil, "one's": &anna, "nobody's": ptr(uuid.New())} {
		var want, got []domain.PersonFile
		for _, file := range all {
			if by == nil || file.RequestedBy == *by {
				want = append(want, file)
			}
		}
		q := domain.PersonFileQuery{RequestedBy: by, Limit: 2}
		for {
			page, err := f.PersonFiles().Page(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, page...); len(page) < 2 {
				break
			}
			q.After = ptr(page[1].Position())
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: want %+v\ngot %+v", name, want, got)
		}
	}
}

func wantDue(t *testing.T, f PersonFilesFixture, what string, now time.Time, want ...domain.DuePersonFile) {
	t.Helper()
	got, err := f.PersonFiles().Due(t.Context(), now, 10)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("due %s: want %v, got %v, %v", what, want, got, err)
	}
}

func testPersonFileAttempts(t *testing.T, f PersonFilesFixture) {
	port := f.PersonFiles()
	file := createFile(t, f, newFile(uuid.New()))
	due := domain.DuePersonFile{ID: file.ID}
	wantDue(t, f, "before", start.Add(-time.Second))
	wantDue(t, f, "new", start, due)
	_, err := port.Begin(t.Context(), domain.DuePersonFile{ID: file.ID, Attempt: 1}, start, start.Add(time.Minute))
	wantGone(t, "another attempt", err)
	_, err = port.Begin(t.Context(), domain.DuePersonFile{ID: uuid.New()}, start, start.Add(time.Minute))
	wantGone(t, "unknown", err)

	begun, attempt := beginFile(t, f, file)
	wantDue(t, f, "while it counts", start.Add(59*time.Second))
	_, err = port.Begin(t.Context(), due, start.Add(2*time.Minute), start.Add(3*time.Minute))
	wantGone(t, "begun twice", err)
	if err := port.Record(t.Context(), attempt, 2, start.Add(2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := getFile(t, f, file.ID); got.Responses != 2 {
		t.Errorf("progress: want 2, got %+v", got)
	}
	wantDue(t, f, "recorded", start.Add(time.Minute))
	wantDue(t, f, "silent", start.Add(2*time.Minute), attempt)
	_, err = port.Begin(t.Context(), attempt, start.Add(time.Minute), start.Add(3*time.Minute))
	wantGone(t, "not due", err)

	// Another process takes over; what the first says does not count any more.
	second, err := port.Begin(t.Context(), attempt, start.Add(2*time.Minute), start.Add(3*time.Minute))
	if err != nil || second.Attempt != begun.Attempt+1 {
		t.Fatalf("take over: got %+v, %v", second, err)
	}
	wantGone(t, "record", port.Record(t.Context(), attempt, 9, start.Add(time.Hour)))
	wantGone(t, "finish", port.Finish(t.Context(), attempt, made, start, start.Add(time.Hour)))
	for name, err := range map[string]error{"release": port.Release(t.Context(), attempt, start), "fail": port.Fail(t.Context(), attempt, domain.PersonFileInternal, start)} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantFile(t, f, "taken over", file.ID, domain.PersonFileRunning, "")

	attempt = domain.DuePersonFile{ID: file.ID, Attempt: second.Attempt}
	if err := port.Release(t.Context(), attempt, start); err != nil {
		t.Fatal(err)
	}
	wantFile(t, f, "released", file.ID, domain.PersonFileQueued, "")
	wantDue(t, f, "released", start, attempt)
}

func testPersonFileEnds(t *testing.T, f PersonFilesFixture) {
	port := f.PersonFiles()
	done := finishFile(t, f, uuid.New())
	if done.State != domain.PersonFileDone || done.MadePersonFile != made || !done.FinishedAt.Equal(start) || !done.ExpiresAt.Equal(start.Add(time.Hour)) {
		t.Errorf("done: got %+v", done)
	}
	wantDue(t, f, "done", start.Add(24*time.Hour))
	queued := createFile(t, f, newFile(uuid.New()))
	live, err := port.Live(t.Context(), []uuid.UUID{done.ID, uuid.New(), queued.ID})
	if err != nil || len(live) != 2 || !slices.Contains(live, done.ID) || !slices.Contains(live, queued.ID) {
		t.Errorf("live: got %v, %v", live, err)
	}

	expire := func(now, forget time.Time) {
		t.Helper()
		if err := port.Expire(t.Context(), now, forget); err != nil {
			t.Fatal(err)
		}
	}
	removable := func(what string, want ...uuid.UUID) {
		t.Helper()
		if got, err := port.Removable(t.Context(), 10); err != nil || !slices.Equal(got, want) {
			t.Errorf("removable %s: want %v, got %v, %v", what, want, got, err)
		}
	}
	expire(start.Add(time.Hour-time.Microsecond), start.Add(24*time.Hour))
	wantFile(t, f, "before its time", done.ID, domain.PersonFileDone, "")
	if err := port.Removed(t.Context(), done.ID); err != nil { // not expired: nothing to say
		t.Fatal(err)
	}
	expire(start.Add(time.Hour), start.Add(24*time.Hour))
	wantFile(t, f, "at its time", done.ID, domain.PersonFileExpired, domain.PersonFileOld)
	removable("expired", done.ID)
	if live, err := port.Live(t.Context(), []uuid.UUID{done.ID}); err != nil || len(live) > 0 {
		t.Errorf("live after its end: got %v, %v", live, err)
	}
	if err := port.Removed(t.Context(), done.ID); err != nil {
		t.Fatal(err)
	}
	removable("removed")
	expire(start, start)
	wantFile(t, f, "ended at that time", done.ID, domain.PersonFileExpired, domain.PersonFileOld)
	expire(start, start.Add(time.Microsecond))
	_, err = port.Get(t.Context(), done.ID)
	wantGone(t, "forgotten", err)
	wantFile(t, f, "queued", queued.ID, domain.PersonFileQueued, "")
}

// testErasuresExpirePersonFiles: whatever erases a response of an owner expires their
// files, and no others.
func testErasuresExpirePersonFiles(t *testing.T, f PersonFilesFixture) {
	owner, other := uuid.New(), uuid.New()
	for name, erase := range map[string]func(id uuid.UUID) error{
		"one": func(id uuid.UUID) error {
			_, err := f.Responses().Erase(t.Context(), id, nil, Permit)
			return err
		},
		"one with later turns": func(id uuid.UUID) error {
			_, err := f.Responses().EraseWithLaterTurns(t.Context(), id, nil, Permit)
			return err
		},
		"named": func(id uuid.UUID) error {
			e := create(t, f, newErasure(domain.ErasureTarget{Responses: []uuid.UUID{id}}))
			_, err := f.Erasures().Advance(t.Context(), e.ID, 10, JudgeAll)
			return err
		},
		"filter": func(uuid.UUID) error {
			e := create(t, f, newErasure(domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{owner.String()}}}))
			_, err := f.Erasures().Advance(t.Context(), e.ID, 10, JudgeAll)
			return err
		},
	} {
		row := NewRow(owner.String(), "completed", start.Add(-time.Hour))
		f.AddResponse(row)
		done, theirs, queued := finishFile(t, f, owner), finishFile(t, f, other), createFile(t, f, newFile(owner))
		running, attempt := beginFile(t, f, createFile(t, f, newFile(owner)))
		if err := erase(row.ID); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wantFile(t, f, name+": done", done.ID, domain.PersonFileExpired, domain.PersonFileErased)
		wantFile(t, f, name+": running", running.ID, domain.PersonFileExpired, domain.PersonFileErased)
		wantFile(t, f, name+": queued", queued.ID, domain.PersonFileQueued, "")
		wantFile(t, f, name+": another's", theirs.ID, domain.PersonFileDone, "")
		wantGone(t, name+": record", f.PersonFiles().Record(t.Context(), attempt, 1, start.Add(time.Hour)))
		wantGone(t, name+": finish", f.PersonFiles().Finish(t.Context(), attempt, made, start, start.Add(time.Hour)))
		for _, id := range []uuid.UUID{done.ID, running.ID, queued.ID, theirs.ID} {
			if err := f.PersonFiles().Delete(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func testOwnersErasureExpiresPersonFiles(t *testing.T, f PersonFilesFixture) {
	owner := uuid.New()
	done, theirs := finishFile(t, f, owner), finishFile(t, f, uuid.New())
	e := create(t, f, newErasure(domain.ErasureTarget{Owner: &owner}))
	wantFile(t, f, "at its start", done.ID, domain.PersonFileExpired, domain.PersonFileErased)
	between := finishFile(t, f, owner)
	if _, err := f.Erasures().Advance(t.Context(), e.ID, 10, JudgeAll); err != nil {
		t.Fatal(err)
	}
	wantFile(t, f, "another's", theirs.ID, domain.PersonFileDone, "")
	_ = between // nothing of it was erased
}

func testReceiptsForPersonFiles(t *testing.T, f PersonFilesFixture) {
	owner := uuid.New()
	var want []uuid.UUID
	for range 3 {
		row := NewRow(owner.String(), "completed", start.Add(-time.Hour))
		f.AddResponse(row)
		if _, err := f.Responses().Erase(t.Context(), row.ID, nil, func(found domain.Found) (domain.Authorization, error) {
			w, err := Permit(found)
			w.Actor = &owner
			want = append(want, w.Receipt)
			return w, err
		}); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(want, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	var got []uuid.UUID
	for after := uuid.Nil; ; after = got[len(got)-1] {
		ids, err := f.PersonFiles().Receipts(t.Context(), owner, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, ids...); len(ids) == 0 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("want %v, got %v", want, got)
	}
	if ids, err := f.PersonFiles().Receipts(t.Context(), uuid.New(), uuid.Nil, 2); err != nil || len(ids) > 0 {
		t.Errorf("somebody else's: got %v, %v", ids, err)
	}
}

// testErasedWhilePersonFileIsMade: whatever the order in which a file begins and a response
// is erased, a file that begins before the end of the erasure expires.
func testErasedWhilePersonFileIsMade(t *testing.T, f PersonFilesFixture) {
	owner := uuid.New()
	for range 10 {
		row := NewRow(owner.String(), "completed", start.Add(-time.Hour))
		f.AddResponse(row)
		file := createFile(t, f, newFile(owner))
		erased := make(chan error, 1)
		go func() {
			_, err := f.Responses().Erase(t.Context(), row.ID, nil, Permit)
			erased <- err
		}()
		_, attempt := beginFile(t, f, file)
		_, err := f.Responses().GetSummary(t.Context(), row.ID, nil)
		there := err == nil
		if err := <-erased; err != nil {
			t.Fatal(err)
		}
		if err := f.PersonFiles().Finish(t.Context(), attempt, made, start, start.Add(time.Hour)); there && domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("finish with a response that is erased now: want %s, got %v", domain.CodeNotFound, err)
		}
		if err := f.PersonFiles().Delete(t.Context(), file.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// PersonFileStore tests the contract of domain.PersonFileStore. newPort makes an empty one.
func PersonFileStore(t *testing.T, newPort func(t *testing.T) domain.PersonFileStore) {
	port := newPort(t)
	kept := func(what string, want ...uuid.UUID) {
		t.Helper()
		got, err := port.Kept()
		if err != nil || len(got) != len(want) || !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("kept %s: want %v, got %v, %v", what, want, got, err)
		}
	}
	begin := func(id uuid.UUID) domain.PersonFileWriter {
		t.Helper()
		w, err := port.New(id)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add(domain.ResponseDetail{ResponseSummary: domain.ResponseSummary{Response: NewRow("anna", "completed", start).Response}}); err != nil {
			t.Fatal(err)
		}
		return w
	}
	id, other := uuid.New(), uuid.New()
	kept("at first")
	_, err := port.Open(id)
	wantGone(t, "open unknown", err)
	if err := port.Remove(id); err != nil {
		t.Errorf("remove unknown: %v", err)
	}

	w := begin(id)
	kept("begun", id)
	_, err = port.Open(id)
	wantGone(t, "open before its end", err)
	if err := w.Discard(); err != nil {
		t.Fatal(err)
	}
	kept("discarded")

	first, second := begin(id), begin(id)
	if _, err := first.Finish(domain.PersonFileFacts{}); err == nil {
		t.Error("finish an earlier attempt: got no error")
	}
	if err := second.AddReceipt(uuid.New(), []byte("receipt")); err != nil {
		t.Fatal(err)
	}
	got, err := second.Finish(domain.PersonFileFacts{AsOf: start, MadeAt: start})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []domain.PersonFileWriter{first, second} {
		if err := w.Discard(); err != nil {
			t.Errorf("discard: %v", err)
		}
	}
	file, err := port.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	if want := (domain.MadePersonFile{Responses: 1, Bytes: int64(len(content)), SHA256: sha256.Sum256(content)}); got != want || len(content) == 0 {
		t.Errorf("finish: want %+v, got %+v", want, got)
	}
	begin(other)
	kept("one made and one begun", id, other)
	for _, each := range []uuid.UUID{id, other} {
		if err := port.Remove(each); err != nil {
			t.Fatal(err)
		}
	}
	kept("after removal")
	_, err = port.Open(id)
	wantGone(t, "open after removal", err)
}

func sorted(ids []uuid.UUID) []uuid.UUID {
	return slices.SortedFunc(slices.Values(ids), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
}

// testPersonFilesForSubjects: files are found by the request that asked for them, and are
// not forgotten before it.
func testPersonFilesForSubjects(t *testing.T, f PersonFilesFixture) {
	owner := uuid.New()
	request := askedAt(t, f.SubjectRequests(), owner, start).ID
	wanted := newFile(owner)
	wanted.SubjectRequest = &request
	first := createFile(t, f, wanted)
	wanted = newFile(owner)
	wanted.SubjectRequest, wanted.RequestedAt = &request, start.Add(time.Second)
	second := createFile(t, f, wanted)
	createFile(t, f, newFile(owner))
	for limit, want := range map[int64][]domain.PersonFile{9: {second, first}, 1: {second}} {
		if got, err := f.PersonFiles().ForSubject(t.Context(), request, limit); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("want %+v, got %+v, %v", want, got, err)
		}
	}
	if got, err := f.PersonFiles().ForSubject(t.Context(), uuid.New(), 9); err != nil || len(got) != 0 {
		t.Errorf("want none, got %+v, %v", got, err)
	}
	_, attempt := beginFile(t, f, first)
	if err := f.PersonFiles().Finish(t.Context(), attempt, made, start, start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	later := start.Add(2 * time.Hour)
	if err := f.PersonFiles().Expire(t.Context(), later, start); err != nil {
		t.Fatal(err)
	}
	if err := f.PersonFiles().Removed(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if err := f.PersonFiles().Expire(t.Context(), later, later); err != nil {
		t.Fatal(err)
	}
	if got, err := f.PersonFiles().ForSubject(t.Context(), request, 9); err != nil || len(got) != 2 {
		t.Errorf("want both, got %+v, %v", got, err)
	}
}

// testDeletedPersonFilesForSubjects: that a file was made for a request is known as long as
// whom the request is about, even if the file was deleted.
func testDeletedPersonFilesForSubjects(t *testing.T, f PersonFilesFixture) {
	port := f.PersonFiles()
	remove := func(id uuid.UUID) {
		t.Helper()
		if err := port.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	r := askedAt(t, f.SubjectRequests(), uuid.New(), start)
	finished := func() domain.PersonFile {
		_, attempt := beginFile(t, f, createFile(t, f, fileFor(r)))
		if err := port.Finish(t.Context(), attempt, made, start, start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		return getFile(t, f, attempt.ID)
	}
	for range domain.MaxPersonFiles { // it takes no room either
		file := finished()
		remove(file.ID)
		file.State, file.Reason = domain.PersonFileExpired, domain.PersonFileDeleted
		if got := getFile(t, f, file.ID); !reflect.DeepEqual(got, file) {
			t.Errorf("made: want %+v, got %+v", file, got)
		}
	}
	old := finished()
	if err := port.Expire(t.Context(), *old.ExpiresAt, start); err != nil {
		t.Fatal(err)
	}
	remove(old.ID)
	wantFile(t, f, "expired before", old.ID, domain.PersonFileExpired, domain.PersonFileOld)
	_, running := beginFile(t, f, createFile(t, f, fileFor(r)))
	for what, id := range map[string]uuid.UUID{"running": running.ID, "queued": createFile(t, f, fileFor(r)).ID} {
		remove(id)
		_, err := port.Get(t.Context(), id)
		wantGone(t, what, err)
	}
	kept, late := finished(), finished()
	if _, err := f.SubjectRequests().Change(t.Context(), r.ID, func(r domain.SubjectRequest, _ domain.SubjectWork) (domain.SubjectRequest, error) {
		return ended(r), nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SubjectRequests().Forget(t.Context(), start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	remove(kept.ID)
	if err := port.Expire(t.Context(), *late.ExpiresAt, start); err != nil {
		t.Fatal(err)
	}
	if err := port.Removed(t.Context(), late.ID); err != nil {
		t.Fatal(err)
	}
	if err := port.Expire(t.Context(), start, start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got, err := port.ForSubject(t.Context(), r.ID, 99); err != nil || len(got) != 0 {
		t.Errorf("of a request that is forgotten: want none, got %+v, %v", got, err)
	}
}
