package porttest

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// SubjectRequests tests an implementation of domain.SubjectRequests; newFixture returns an
// empty one, with the ports whose work it is told of.
func SubjectRequests(t *testing.T, newFixture func(t *testing.T) PersonFilesFixture) {
	t.Run("requests are kept and changed", func(t *testing.T) { testSubjectsAreKept(t, newFixture(t).SubjectRequests()) })
	t.Run("lists have pages", func(t *testing.T) { testPagesOfSubjects(t, newFixture(t).SubjectRequests()) })
	t.Run("old requests are forgotten", func(t *testing.T) { testSubjectsAreForgotten(t, newFixture(t).SubjectRequests()) })
	t.Run("work", func(t *testing.T) { testWorkForSubjects(t, newFixture(t)) })
	t.Run("nothing begins after the end", func(t *testing.T) { testNothingBeginsForEndedSubjects(t, newFixture(t)) })
	t.Run("end while work begins", func(t *testing.T) { testEndOfSubjectsWhileWorkBegins(t, newFixture(t)) })
}

// askedAt returns a stored request that was recorded then.
func askedAt(t *testing.T, p domain.SubjectRequests, owner uuid.UUID, at time.Time) domain.SubjectRequest {
	t.Helper()
	wanted := domain.SubjectRequest{
		ID: uuid.New(), Kind: domain.SubjectBoth, Owner: &owner, Ticket: "it's 'T'", State: domain.SubjectReceived,
		ReceivedAt: at.Add(-time.Hour), DueAt: at.Add(time.Hour), CreatedAt: at, CreatedBy: new(uuid.New()),
	}
	stored, err := p.Create(t.Context(), wanted)
	if err != nil || !reflect.DeepEqual(stored, wanted) {
		t.Fatalf("want %+v, got %+v, %v", wanted, stored, err)
	}
	return stored
}

func testSubjectsAreKept(t *testing.T, p domain.SubjectRequests) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC)
	r := askedAt(t, p, uuid.New(), at)
	if _, err := p.Get(t.Context(), uuid.New()); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}
	if _, err := p.Change(t.Context(), uuid.New(), func(r domain.SubjectRequest, _ domain.SubjectWork) (domain.SubjectRequest, error) { return r, nil }); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}
	refusal := errors.New("no")
	if _, err := p.Change(t.Context(), r.ID, func(r domain.SubjectRequest, _ domain.SubjectWork) (domain.SubjectRequest, error) {
		r.State = domain.SubjectRefused
		return r, refusal
	}); !errors.Is(err, refusal) {
		t.Errorf("want %v, got %v", refusal, err)
	}
	if got, err := p.Get(t.Context(), r.ID); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("want %+v, got %+v, %v", r, got, err)
	}
	want := r
	want.State, want.DueAt = domain.SubjectRefused, at.Add(2*time.Hour)
	want.IdentityCheckedAt, want.IdentityCheckedBy = &at, new(uuid.New())
	want.ExtendedAt, want.ExtendedBy, want.Extension = new(at.Add(time.Second)), new(uuid.New()), domain.ExtendComplexity
	want.EndedAt, want.EndedBy, want.Refusal = new(at.Add(time.Minute)), new(uuid.New()), domain.RefuseClaims
	got, err := p.Change(t.Context(), r.ID, func(before domain.SubjectRequest, _ domain.SubjectWork) (domain.SubjectRequest, error) {
		if !reflect.DeepEqual(before, r) {
			t.Errorf("want %+v, got %+v", r, before)
		}
		return want, nil
	})
	if again, readErr := p.Get(t.Context(), r.ID); err != nil || readErr != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(again, want) {
		t.Errorf("want %+v, got %+v and %+v, %v, %v", want, got, again, err, readErr)
	}
}

func testPagesOfSubjects(t *testing.T, p domain.SubjectRequests) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if w, err := p.Waiting(t.Context(), at); err != nil || w != (domain.SubjectRequestStatus{}) {
		t.Errorf("want none waiting, got %+v, %v", w, err)
	}
	anna, bert := uuid.New(), uuid.New()
	third, first := askedAt(t, p, anna, at.Add(2*time.Hour)), askedAt(t, p, anna, at)
	second := askedAt(t, p, bert, at.Add(time.Hour))
	if _, err := p.Change(t.Context(), second.ID, func(r domain.SubjectRequest, _ domain.SubjectWork) (domain.SubjectRequest, error) {
		r.State, r.EndedAt, r.EndedBy = domain.SubjectAnswered, &at, &bert
		return r, nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		q    domain.SubjectRequestQuery
		want []uuid.UUID
	}{
		{domain.SubjectRequestQuery{Limit: 9}, []uuid.UUID{third.ID, second.ID, first.ID}},
		{domain.SubjectRequestQuery{Limit: 1}, []uuid.UUID{third.ID}},
		{domain.SubjectRequestQuery{Limit: 9, Open: new(true)}, []uuid.UUID{third.ID, first.ID}},
		{domain.SubjectRequestQuery{Limit: 9, Open: new(false)}, []uuid.UUID{second.ID}},
		{domain.SubjectRequestQuery{Limit: 9, Owner: &anna}, []uuid.UUID{third.ID, first.ID}},
		{domain.SubjectRequestQuery{Limit: 9, After: new(third.Position())}, []uuid.UUID{second.ID, first.ID}},
		{domain.SubjectRequestQuery{Limit: 9, After: new(first.Position())}, nil},
	} {
		page, err := p.Page(t.Context(), c.q)
		var got []uuid.UUID
		for _, r := range page {
			got = append(got, r.ID)
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: want %v, got %v, %v", c.q, c.want, got, err)
		}
	}
	// Due at 13:00 and 15:00.
	for now, overdue := range map[time.Time]int64{first.DueAt: 0, first.DueAt.Add(time.Microsecond): 1, at.Add(9 * time.Hour): 2} {
		w, err := p.Waiting(t.Context(), now)
		if err != nil || w.Open != 2 || w.Overdue != overdue || w.NextDue == nil || !w.NextDue.Equal(first.DueAt) {
			t.Errorf("at %s: want 2 open, %d overdue and %s, got %+v, %v", now, overdue, first.DueAt, w, err)
		}
	}
}

func testSubjectsAreForgotten(t *testing.T, p domain.SubjectRequests) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	open, ended := askedAt(t, p, uuid.New(), at), askedAt(t, p, uuid.New(), at)
	end := func(r domain.SubjectRequest, _ domain.SubjectWork) (domain.SubjectRequest, error) {
		by := uuid.New()
		r.State, r.EndedAt, r.EndedBy = domain.SubjectAnswered, &at, &by
		r.IdentityCheckedAt, r.IdentityCheckedBy, r.ExtendedAt, r.ExtendedBy, r.Extension = &at, &by, &at, &by, domain.ExtendNumber
		return r, nil
	}
	ended, err := p.Change(t.Context(), ended.ID, end)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		before time.Time
		want   int64
	}{{at, 0}, {at.Add(time.Microsecond), 1}, {at.Add(time.Hour), 0}} {
		if n, err := p.Forget(t.Context(), step.before); err != nil || n != step.want {
			t.Errorf("before %s: want %d, got %d, %v", step.before, step.want, n, err)
		}
	}
	ended.Owner, ended.Ticket, ended.CreatedBy, ended.IdentityCheckedBy, ended.ExtendedBy, ended.EndedBy = nil, "", nil, nil, nil, nil
	for _, want := range []domain.SubjectRequest{open, ended} {
		if got, err := p.Get(t.Context(), want.ID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("want %+v, got %+v, %v", want, got, err)
		}
	}
}

func erasureFor(r domain.SubjectRequest) domain.Erasure {
	e := newErasure(domain.ErasureTarget{Owner: r.Owner})
	e.SubjectRequest = &r.ID
	return e
}

func fileFor(r domain.SubjectRequest) domain.PersonFile {
	file := newFile(*r.Owner)
	file.SubjectRequest = &r.ID
	return file
}

// workFor returns what a change of a request is told of the work for it.
func workFor(t *testing.T, f PersonFilesFixture, id uuid.UUID) (told domain.SubjectWork) {
	t.Helper()
	if _, err := f.SubjectRequests().Change(t.Context(), id, func(r domain.SubjectRequest, w domain.SubjectWork) (domain.SubjectRequest, error) {
		told = w
		return r, nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(told.Erasures)
	return told
}

func testWorkForSubjects(t *testing.T, f PersonFilesFixture) {
	r, other := askedAt(t, f.SubjectRequests(), uuid.New(), start), askedAt(t, f.SubjectRequests(), uuid.New(), start)
	wantWork := func(what string, made bool, states ...domain.ErasureState) {
		t.Helper()
		if got := workFor(t, f, r.ID); got.FileMade != made || !slices.Equal(got.Erasures, states) {
			t.Errorf("%s: want %v and a file made: %t, got %+v", what, states, made, got)
		}
	}
	create(t, f, erasureFor(other))
	create(t, f, newErasure(domain.ErasureTarget{Owner: r.Owner}))
	wantWork("others' work", false)
	file := createFile(t, f, fileFor(r))
	wantWork("a file requested", false)
	_, attempt := beginFile(t, f, file)
	if err := f.PersonFiles().Finish(t.Context(), attempt, made, start, start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	wantWork("a file made", true)
	canceled := create(t, f, erasureFor(r))
	create(t, f, erasureFor(r))
	create(t, f, erasureFor(r))
	if _, err := f.Erasures().Cancel(t.Context(), canceled.ID); err != nil {
		t.Fatal(err)
	}
	wantWork("erasures", true, domain.ErasureCanceled, domain.ErasurePending)
	if err := f.PersonFiles().Expire(t.Context(), start.Add(2*time.Hour), start); err != nil {
		t.Fatal(err)
	}
	wantWork("a file expired", true, domain.ErasureCanceled, domain.ErasurePending)
	if err := f.PersonFiles().Delete(t.Context(), file.ID); err != nil {
		t.Fatal(err)
	}
	wantWork("a file deleted", true, domain.ErasureCanceled, domain.ErasurePending)
}

// ended ends a request.
func ended(r domain.SubjectRequest) domain.SubjectRequest {
	r.State, r.EndedAt, r.EndedBy = domain.SubjectAnswered, &start, new(uuid.New())
	return r
}

// testNothingBeginsForEndedSubjects: what begins while a request ends waits for that, and
// then does not begin.
func testNothingBeginsForEndedSubjects(t *testing.T, f PersonFilesFixture) {
	for what, begin := range map[string]func(domain.SubjectRequest) error{
		"erasure": func(r domain.SubjectRequest) error {
			_, _, err := f.Erasures().Create(t.Context(), erasureFor(r))
			return err
		},
		"file": func(r domain.SubjectRequest) error {
			_, _, err := f.PersonFiles().Create(t.Context(), fileFor(r))
			return err
		},
	} {
		r := askedAt(t, f.SubjectRequests(), uuid.New(), start)
		begun := make(chan error, 1)
		_, err := f.SubjectRequests().Change(t.Context(), r.ID, func(before domain.SubjectRequest, _ domain.SubjectWork) (domain.SubjectRequest, error) {
			go func() { begun <- begin(r) }()
			select {
			case err := <-begun:
				t.Errorf("%s: want it to wait, got %v", what, err)
				begun <- err
			case <-time.After(50 * time.Millisecond):
			}
			return ended(before), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for when, err := range map[string]error{"meanwhile": <-begun, "afterwards": begin(r)} {
			if want := domain.ErrSubjectEnded(domain.SubjectAnswered); domain.CodeOf(err) != domain.CodeConflict || err.Error() != want.Error() {
				t.Errorf("%s %s: want %v, got %v", what, when, want, err)
			}
		}
		unknown := r
		unknown.ID = uuid.New()
		if err := begin(unknown); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("%s for an unknown request: want %s, got %v", what, domain.CodeNotFound, err)
		}
		erasures, erasuresErr := f.Erasures().ForSubject(t.Context(), r.ID, 9)
		files, filesErr := f.PersonFiles().ForSubject(t.Context(), r.ID, 9)
		if err := errors.Join(erasuresErr, filesErr); err != nil || len(erasures)+len(files) != 0 {
			t.Errorf("%s: want nothing begun, got %+v and %+v, %v", what, erasures, files, err)
		}
	}
	// A repeated request gets what it got.
	r := askedAt(t, f.SubjectRequests(), uuid.New(), start)
	wantedErasure, wantedFile := erasureFor(r), fileFor(r)
	wantedErasure.IdempotencyKey, wantedFile.IdempotencyKey = "key", "key"
	create(t, f, wantedErasure)
	createFile(t, f, wantedFile)
	if _, err := f.SubjectRequests().Change(t.Context(), r.ID, func(r domain.SubjectRequest, _ domain.SubjectWork) (domain.SubjectRequest, error) {
		return ended(r), nil
	}); err != nil {
		t.Fatal(err)
	}
	if again, created, err := f.Erasures().Create(t.Context(), wantedErasure); err != nil || created || again.ID != wantedErasure.ID {
		t.Errorf("the same erasure: got %+v, %t, %v", again, created, err)
	}
	if again, created, err := f.PersonFiles().Create(t.Context(), wantedFile); err != nil || created || again.ID != wantedFile.ID {
		t.Errorf("the same file: got %+v, %t, %v", again, created, err)
	}
}

// testEndOfSubjectsWhileWorkBegins: a request ends only without an erasure, and an erasure
// begins only for an open request, whoever comes first.
func testEndOfSubjectsWhileWorkBegins(t *testing.T, f PersonFilesFixture) {
	unfinished := errors.New("an erasure is unfinished")
	for range 50 {
		r := askedAt(t, f.SubjectRequests(), uuid.New(), start)
		begun := make(chan error)
		go func() {
			_, _, err := f.Erasures().Create(t.Context(), erasureFor(r))
			begun <- err
		}()
		_, end := f.SubjectRequests().Change(t.Context(), r.ID, func(r domain.SubjectRequest, w domain.SubjectWork) (domain.SubjectRequest, error) {
			if len(w.Erasures) > 0 {
				return r, unfinished
			}
			return ended(r), nil
		})
		begin := <-begun
		if !(begin == nil && errors.Is(end, unfinished) || end == nil && domain.CodeOf(begin) == domain.CodeConflict) {
			t.Fatalf("want one of both, got %v at the end and %v at the beginning", end, begin)
		}
	}
}
