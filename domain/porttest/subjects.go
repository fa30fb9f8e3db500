package porttest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// SubjectRequests tests an implementation of domain.SubjectRequests; newPort returns an
// empty one.
func SubjectRequests(t *testing.T, newPort func(t *testing.T) domain.SubjectRequests) {
	t.Run("requests are kept and changed", func(t *testing.T) { testSubjectsAreKept(t, newPort(t)) })
	t.Run("lists have pages", func(t *testing.T) { testPagesOfSubjects(t, newPort(t)) })
	t.Run("old requests are forgotten", func(t *testing.T) { testSubjectsAreForgotten(t, newPort(t)) })
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
	if _, err := p.Change(t.Context(), uuid.New(), func(r domain.SubjectRequest) (domain.SubjectRequest, error) { return r, nil }); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}
	refusal := errors.New("no")
	if _, err := p.Change(t.Context(), r.ID, func(r domain.SubjectRequest) (domain.SubjectRequest, error) {
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
	got, err := p.Change(t.Context(), r.ID, func(before domain.SubjectRequest) (domain.SubjectRequest, error) {
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
	if _, err := p.Change(t.Context(), second.ID, func(r domain.SubjectRequest) (domain.SubjectRequest, error) {
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
	end := func(r domain.SubjectRequest) (domain.SubjectRequest, error) {
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
