package domain_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

// answering is a world with the use cases of subject requests.
type answering struct{ *eraseMany }

func (a answering) open(t *testing.T, n domain.NewSubject) domain.SubjectRequest {
	t.Helper()
	r, err := domain.NewOpenSubjectRequest(a.SubjectRequests(), a.clock).Execute(t.Context(), overseer, n)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (a answering) process() *domain.ProcessSubjectRequest {
	return domain.NewProcessSubjectRequest(a.SubjectRequests(), a.check(), a.clock)
}

func (a answering) get(t *testing.T, id uuid.UUID) domain.SubjectRequest {
	t.Helper()
	r, err := domain.NewGetSubjectRequest(a.SubjectRequests(), a.check(), a.clock).Execute(t.Context(), overseer, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (a answering) letter(id uuid.UUID) (domain.Letter, error) {
	return domain.NewGetSubjectLetter(a.SubjectRequests(), a.port, a.world).Execute(context.Background(), overseer, id)
}

// erase starts an erasure of anna's responses for a request.
func (a answering) erase(t *testing.T, request uuid.UUID) (domain.Erasure, error) {
	t.Helper()
	target := domain.ErasureRequest{Owner: &anna}
	_, token := a.preview(t, overseer, target)
	e, _, err := a.starter().Execute(t.Context(), overseer, domain.StartRequest{ErasureRequest: target, Token: token, SubjectRequest: &request})
	return e, err
}

func TestSubjectRequestPermission(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		a := answering{newEraseMany()}
		r := a.open(t, domain.NewSubject{Kind: domain.SubjectErasure, Owner: anna})
		if c.delete != "everyone" { // nothing is read for them, so nothing else can be the answer
			a.port.forSubject = func() error { return errors.New("read") }
		}
		process, unknown := a.process(), uuid.New()
		_, opened := domain.NewOpenSubjectRequest(a.SubjectRequests(), a.clock).Execute(t.Context(), c.principal, domain.NewSubject{Kind: domain.SubjectAccess, Owner: anna})
		_, listed := domain.NewListSubjectRequests(a.SubjectRequests()).Execute(t.Context(), c.principal, domain.SubjectRequestListRequest{})
		get := domain.NewGetSubjectRequest(a.SubjectRequests(), a.check(), a.clock)
		letter := domain.NewGetSubjectLetter(a.SubjectRequests(), a.port, a.world)
		_, got := get.Execute(t.Context(), c.principal, r.ID)
		_, extended := process.Extend(t.Context(), c.principal, r.ID, domain.ExtendNumber)
		_, checked := process.CheckIdentity(t.Context(), c.principal, r.ID)
		_, answered := process.Answer(t.Context(), c.principal, r.ID)
		_, refused := process.Refuse(t.Context(), c.principal, r.ID, domain.RefuseIdentity)
		_, written := letter.Execute(t.Context(), c.principal, r.ID)
		if c.delete == "everyone" {
			if err := errors.Join(opened, listed, got, extended, checked, refused, written); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			_, noneGot := get.Execute(t.Context(), c.principal, unknown)
			_, noneChecked := process.CheckIdentity(t.Context(), c.principal, unknown)
			_, noneAnswered := process.Answer(t.Context(), c.principal, unknown)
			_, noneWritten := letter.Execute(t.Context(), c.principal, unknown)
			for _, err := range []error{noneGot, noneChecked, noneAnswered, noneWritten} {
				wantError(t, err, domain.CodeNotFound, "Subject request with ID "+unknown.String()+" not found")
			}
			continue
		}
		for operation, errs := range map[string][]error{
			"Open": {opened}, "Read": {listed, got, written}, "Change": {extended, checked}, "Answer": {answered}, "Refuse": {refused},
		} {
			for _, err := range errs {
				wantError(t, err, domain.CodeForbidden, "Insufficient permissions to "+operation+" SubjectRequests")
			}
		}
		if left, err := a.SubjectRequests().Get(t.Context(), r.ID); err != nil || !reflect.DeepEqual(left, r) {
			t.Errorf("%s: want no effect, got %+v, %v", c.name, left, err)
		}
	}
}

func TestOpenSubjectRequest(t *testing.T) {
	t.Parallel()
	a := answering{newEraseMany()}
	received := a.now.Add(-time.Hour)
	r := a.open(t, domain.NewSubject{Kind: domain.SubjectBoth, Owner: anna, ReceivedAt: &received, Ticket: strings.Repeat("λ", 200)})
	want := domain.SubjectRequest{
		ID: r.ID, Kind: domain.SubjectBoth, Owner: &anna, Ticket: r.Ticket, State: domain.SubjectReceived,
		ReceivedAt: received, DueAt: received.AddDate(0, 1, 0), CreatedAt: a.now, CreatedBy: &overseer.ID,
	}
	if r.ID == uuid.Nil || !reflect.DeepEqual(r, want) {
		t.Errorf("want %+v, got %+v", want, r)
	}
	if r := a.open(t, domain.NewSubject{Kind: domain.SubjectAccess, Owner: anna}); !r.ReceivedAt.Equal(a.now) {
		t.Errorf("want it received at %s, got %+v", a.now, r)
	}
	a.open(t, domain.NewSubject{Kind: domain.SubjectErasure, Owner: anna, ReceivedAt: new(a.now.AddDate(-1, 0, 0))})
	for parameter, n := range map[string]domain.NewSubject{
		"kind":        {Kind: "delete", Owner: anna},
		"received_at": {Kind: domain.SubjectBoth, ReceivedAt: new(a.now.Add(time.Second))},
		"ticket":      {Kind: domain.SubjectBoth, Ticket: strings.Repeat("x", 201)},
	} {
		_, err := domain.NewOpenSubjectRequest(a.SubjectRequests(), a.clock).Execute(t.Context(), overseer, n)
		wantAbout(t, err, map[string]string{
			"kind": "kind: must be one of [access erasure both]", "received_at": "received_at: must be within the last year",
			"ticket": "ticket: must have at most 200 characters and no NUL",
		}[parameter], parameter)
	}
	for _, n := range []domain.NewSubject{
		{Kind: domain.SubjectBoth, ReceivedAt: new(a.now.AddDate(-1, 0, 0).Add(-time.Second))}, {Kind: domain.SubjectBoth, Ticket: "\x00"},
	} {
		if _, err := domain.NewOpenSubjectRequest(a.SubjectRequests(), a.clock).Execute(t.Context(), overseer, n); domain.CodeOf(err) != domain.CodeInvalid {
			t.Errorf("%+v: want %s, got %v", n, domain.CodeInvalid, err)
		}
	}
}

// TestSubjectRequestDue: an answer is due on the same day of a later month, or on the
// month's last.
func TestSubjectRequestDue(t *testing.T) {
	t.Parallel()
	for received, due := range map[string][2]string{
		"2026-01-15": {"2026-02-15", "2026-04-15"}, "2026-01-31": {"2026-02-28", "2026-04-30"}, "2025-12-31": {"2026-01-31", "2026-03-31"},
		"2025-11-30": {"2025-12-30", "2026-02-28"},
	} {
		a := answering{newEraseMany()}
		at, err := time.Parse(time.DateOnly, received)
		if err != nil {
			t.Fatal(err)
		}
		a.now = at
		r := a.open(t, domain.NewSubject{Kind: domain.SubjectAccess, Owner: anna})
		a.now = r.DueAt
		extended, err := a.process().Extend(t.Context(), overseer, r.ID, domain.ExtendComplexity)
		if got := [2]string{r.DueAt.Format(time.DateOnly), extended.DueAt.Format(time.DateOnly)}; err != nil || got != due {
			t.Errorf("%s: want %v, got %v, %v", received, due, got, err)
		}
	}
}

func TestExtendSubjectRequest(t *testing.T) {
	t.Parallel()
	a := answering{newEraseMany()}
	r := a.open(t, domain.NewSubject{Kind: domain.SubjectAccess, Owner: anna})
	_, err := a.process().Extend(t.Context(), overseer, r.ID, "laziness")
	wantError(t, err, domain.CodeInvalid, "reason: must be one of [complexity number_of_requests]")
	a.now = a.now.Add(time.Minute)
	extended, err := a.process().Extend(t.Context(), overseer, r.ID, domain.ExtendNumber)
	if err != nil || !extended.ExtendedAt.Equal(a.now) || *extended.ExtendedBy != overseer.ID || extended.Extension != domain.ExtendNumber || extended.State != domain.SubjectReceived {
		t.Errorf("got %+v, %v", extended, err)
	}
	_, err = a.process().Extend(t.Context(), overseer, r.ID, domain.ExtendNumber)
	wantError(t, err, domain.CodeConflict, "The time for this subject request was extended before, which is possible once")
	late := a.open(t, domain.NewSubject{Kind: domain.SubjectAccess, Owner: anna})
	a.now = late.DueAt.Add(time.Microsecond)
	_, err = a.process().Extend(t.Context(), overseer, late.ID, domain.ExtendNumber)
	wantError(t, err, domain.CodeConflict, "The answer to this subject request is overdue, so its time cannot be extended any more")
}

// TestAnswerSubjectRequest goes from a request to its letter.
func TestAnswerSubjectRequest(t *testing.T) {
	t.Parallel()
	a := answering{newEraseMany()}
	a.AddPerson(porttest.Person{ID: anna, Email: "anna@example.com"})
	r := a.open(t, domain.NewSubject{Kind: domain.SubjectErasure, Owner: anna, Ticket: "T-1"})
	process := a.process()
	_, err := a.erase(t, r.ID)
	wantError(t, err, domain.CodeConflict, "The identity of this subject request has not been checked; nothing was erased: record the check first")
	_, err = process.Answer(t.Context(), overseer, r.ID)
	wantError(t, err, domain.CodeConflict, "This subject request cannot be answered yet: the identity has not been checked; no erasure of this request has finished; start one with its subject_request")
	a.now = a.now.Add(time.Minute)
	checkedAt := a.now
	if r, err = process.CheckIdentity(t.Context(), overseer, r.ID); err != nil || r.State != domain.SubjectInProgress || !r.IdentityCheckedAt.Equal(checkedAt) || *r.IdentityCheckedBy != overseer.ID {
		t.Fatalf("got %+v, %v", r, err)
	}
	a.now = a.now.Add(time.Minute)
	if again, err := process.CheckIdentity(t.Context(), overseer, r.ID); err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("checked again: want %+v, got %+v, %v", r, again, err)
	}
	_, err = a.letter(r.ID)
	wantError(t, err, domain.CodeConflict, "This subject request has no letter yet: answer or refuse it first")

	e, err := a.erase(t, r.ID)
	if err != nil || e.SubjectRequest == nil || *e.SubjectRequest != r.ID {
		t.Fatalf("got %+v, %v", e, err)
	}
	_, err = process.Answer(t.Context(), overseer, r.ID)
	wantError(t, err, domain.CodeConflict, "This subject request cannot be answered yet: no erasure of this request has finished; start one with its subject_request; an erasure of this request is unfinished")
	_, err = process.Refuse(t.Context(), overseer, r.ID, domain.RefuseExcessive)
	wantError(t, err, domain.CodeConflict, "An erasure of this subject request is unfinished: wait for it, or cancel it")
	if _, err := a.run().Execute(t.Context(), e.ID, 0); err != nil {
		t.Fatal(err)
	}
	canceled, err := a.erase(t, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := domain.NewCancelErasure(a.port).Execute(t.Context(), overseer, canceled.ID); err != nil {
		t.Fatal(err)
	}
	a.now = a.now.Add(time.Minute)
	answered, err := process.Answer(t.Context(), overseer, r.ID)
	if err != nil || answered.State != domain.SubjectAnswered || !answered.EndedAt.Equal(a.now) || *answered.EndedBy != overseer.ID {
		t.Fatalf("got %+v, %v", answered, err)
	}
	if got := a.get(t, r.ID); len(got.Erasures) != 2 || got.Erasures[0].Secret != nil || len(got.Duplicates) != 0 {
		t.Errorf("want two erasures without secrets and no duplicates, got %+v", got)
	}
	letter, err := a.letter(r.ID)
	if err != nil || letter.Ticket != "T-1" || letter.Email == nil || *letter.Email != "anna@example.com" || len(letter.Erasures) != 1 || letter.Erasures[0].ID != e.ID || int64(len(letter.Erasures[0].Receipts)) != letter.Erasures[0].Erasure.Receipts {
		t.Errorf("want a letter about one erasure with its receipts, got %+v, %v", letter, err)
	}

	const ended = "This subject request is answered already and does not change any more"
	_, err = a.erase(t, r.ID)
	wantError(t, err, domain.CodeConflict, ended)
	for _, change := range []func() (domain.SubjectRequest, error){
		func() (domain.SubjectRequest, error) { return process.CheckIdentity(t.Context(), overseer, r.ID) },
		func() (domain.SubjectRequest, error) {
			return process.Extend(t.Context(), overseer, r.ID, domain.ExtendNumber)
		},
		func() (domain.SubjectRequest, error) { return process.Answer(t.Context(), overseer, r.ID) },
		func() (domain.SubjectRequest, error) {
			return process.Refuse(t.Context(), overseer, r.ID, domain.RefuseIdentity)
		},
	} {
		_, err := change()
		wantError(t, err, domain.CodeConflict, ended)
	}
	if _, err := a.SubjectRequests().Forget(t.Context(), a.now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, err = a.letter(r.ID)
	wantError(t, err, domain.CodeConflict, "The person of this subject request has been forgotten, so it has no letter any more")
	_, err = a.erase(t, r.ID)
	wantError(t, err, domain.CodeConflict, ended)
	a.open(t, domain.NewSubject{Kind: domain.SubjectAccess, Owner: ben})
	if got := a.get(t, r.ID); got.Owner != nil || len(got.Erasures) != 2 || got.Duplicates != nil {
		t.Errorf("want a request of nobody with two erasures, got %+v", got)
	}
}

func TestRefuseSubjectRequest(t *testing.T) {
	t.Parallel()
	a := answering{newEraseMany()}
	r := a.open(t, domain.NewSubject{Kind: domain.SubjectErasure, Owner: uuid.New()})
	_, err := a.process().Refuse(t.Context(), overseer, r.ID, "no")
	wantError(t, err, domain.CodeInvalid, "reason: must be one of [identity_not_proven manifestly_unfounded excessive legal_obligation legal_claims]")
	refused, err := a.process().Refuse(t.Context(), overseer, r.ID, domain.RefuseIdentity)
	if err != nil || refused.State != domain.SubjectRefused || refused.Refusal != domain.RefuseIdentity || refused.EndedAt == nil {
		t.Errorf("got %+v, %v", refused, err)
	}
	if letter, err := a.letter(r.ID); err != nil || letter.Email != nil || letter.Refusal != domain.RefuseIdentity {
		t.Errorf("want a letter to somebody unknown, got %+v, %v", letter, err)
	}
}

// TestEraseForSubject: an erasure that names a request must be what it asks for.
func TestEraseForSubject(t *testing.T) {
	t.Parallel()
	a := answering{newEraseMany()}
	unknown := uuid.New()
	_, err := a.erase(t, unknown)
	wantError(t, err, domain.CodeNotFound, "Subject request with ID "+unknown.String()+" not found")
	access := a.open(t, domain.NewSubject{Kind: domain.SubjectAccess, Owner: anna})
	if _, err := a.process().CheckIdentity(t.Context(), overseer, access.ID); err != nil {
		t.Fatal(err)
	}
	_, err = a.erase(t, access.ID)
	wantError(t, err, domain.CodeConflict, "This subject request does not ask for an erasure; nothing was erased")
	other := a.open(t, domain.NewSubject{Kind: domain.SubjectErasure, Owner: uuid.New()})
	if _, err := a.process().CheckIdentity(t.Context(), overseer, other.ID); err != nil {
		t.Fatal(err)
	}
	_, err = a.erase(t, other.ID)
	wantAbout(t, err, "subject_request: is about somebody else; name the same owner", "subject_request")
	_, _, err = a.starter().Execute(t.Context(), overseer, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{anna}}, SubjectRequest: &other.ID})
	wantAbout(t, err, "subject_request: is about somebody else; name the same owner", "subject_request")
	_, _, err = a.starter().Execute(t.Context(), user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{anna}}, SubjectRequest: &other.ID})
	wantError(t, err, domain.CodeNotFound, "Subject request with ID "+other.ID.String()+" not found")
	if got := a.get(t, other.ID); len(got.Erasures) != 0 {
		t.Errorf("want no erasure, got %+v", got)
	}
	// The same request with another subject request is another one.
	mine := a.open(t, domain.NewSubject{Kind: domain.SubjectErasure, Owner: anna})
	start := domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{anna}}, IdempotencyKey: "k"}
	if _, _, err := a.starter().Execute(t.Context(), overseer, start); err != nil {
		t.Fatal(err)
	}
	start.SubjectRequest = &mine.ID
	if _, _, err := a.starter().Execute(t.Context(), overseer, start); domain.CodeOf(err) != domain.CodeConflict {
		t.Errorf("want %s, got %v", domain.CodeConflict, err)
	}
}

// TestDuplicateSubjectRequests: others about the same owner are named if they are open or
// at most a year old.
func TestDuplicateSubjectRequests(t *testing.T) {
	t.Parallel()
	a := answering{newEraseMany()}
	today := a.now
	ended := func(received time.Time) uuid.UUID {
		a.now = received
		r := a.open(t, domain.NewSubject{Kind: domain.SubjectAccess, Owner: anna})
		if _, err := a.process().Refuse(t.Context(), overseer, r.ID, domain.RefuseIdentity); err != nil {
			t.Fatal(err)
		}
		return r.ID
	}
	ended(today.AddDate(-1, 0, 0))
	recent := ended(today.AddDate(-1, 0, 0).Add(time.Second))
	a.now = today.AddDate(-2, 0, 0)
	old := a.open(t, domain.NewSubject{Kind: domain.SubjectAccess, Owner: anna})
	a.now = today
	a.open(t, domain.NewSubject{Kind: domain.SubjectAccess, Owner: uuid.New()})
	r := a.open(t, domain.NewSubject{Kind: domain.SubjectAccess, Owner: anna})
	if got := a.get(t, r.ID).Duplicates; !reflect.DeepEqual(got, []uuid.UUID{recent, old.ID}) {
		t.Errorf("want %v, got %v", []uuid.UUID{recent, old.ID}, got)
	}
}

func TestListSubjectRequests(t *testing.T) {
	t.Parallel()
	a := answering{newEraseMany()}
	var ids []uuid.UUID
	for range 3 {
		a.now = a.now.Add(time.Minute)
		ids = append(ids, a.open(t, domain.NewSubject{Kind: domain.SubjectAccess, Owner: anna}).ID)
	}
	list := domain.NewListSubjectRequests(a.SubjectRequests())
	page, err := list.Execute(t.Context(), overseer, domain.SubjectRequestListRequest{Limit: new(int64(2))})
	if err != nil || len(page.Items) != 2 || page.Items[0].ID != ids[2] || page.Next == nil {
		t.Fatalf("got %+v, %v", page, err)
	}
	next, err := list.Execute(t.Context(), overseer, domain.SubjectRequestListRequest{After: page.Next})
	if err != nil || len(next.Items) != 1 || next.Items[0].ID != ids[0] || next.Next != nil {
		t.Errorf("got %+v, %v", next, err)
	}
	for _, r := range []domain.SubjectRequestListRequest{{After: page.Next, Open: new(true)}, {After: page.Next, Owner: &anna}} {
		if _, err := list.Execute(t.Context(), overseer, r); domain.CodeOf(err) != domain.CodeInvalid {
			t.Errorf("%+v: want %s, got %v", r, domain.CodeInvalid, err)
		}
	}
	for want, r := range map[int]domain.SubjectRequestListRequest{3: {Open: new(true), Owner: &anna}, 0: {Open: new(false)}} {
		if page, err := list.Execute(t.Context(), overseer, r); err != nil || len(page.Items) != want {
			t.Errorf("%+v: want %d, got %+v, %v", r, want, page.Items, err)
		}
	}
	if page, err := list.Execute(t.Context(), overseer, domain.SubjectRequestListRequest{Owner: new(uuid.New())}); err != nil || len(page.Items) != 0 {
		t.Errorf("want none, got %+v, %v", page.Items, err)
	}
}

// TestSubjectRequestFailures: where something cannot be read, nothing is decided as if
// there were none of it.
func TestSubjectRequestFailures(t *testing.T) {
	t.Parallel()
	a, away := answering{newEraseMany()}, domain.Errorf(domain.CodeUnavailable, "away")
	a.AddPerson(porttest.Person{ID: anna, Email: "anna@example.com"})
	r := a.open(t, domain.NewSubject{Kind: domain.SubjectErasure, Owner: anna})
	process := a.process()
	if _, err := process.CheckIdentity(t.Context(), overseer, r.ID); err != nil {
		t.Fatal(err)
	}
	e, err := a.erase(t, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	get := domain.NewGetSubjectRequest(a.SubjectRequests(), a.check(), a.clock)
	a.port.forSubject = func() error { return away }
	if _, err := get.Execute(t.Context(), overseer, r.ID); !errors.Is(err, away) {
		t.Errorf("want %v, got %v", away, err)
	}
	a.port.forSubject = nil
	if got := a.get(t, r.ID); got.State != domain.SubjectInProgress || got.EndedAt != nil {
		t.Errorf("want it open, got %+v", got)
	}

	if _, err := a.run().Execute(t.Context(), e.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := process.Answer(t.Context(), overseer, r.ID); err != nil {
		t.Fatal(err)
	}
	fail := func() error { return away }
	for what, fails := range map[string]func(*answering){
		"address":  func(a *answering) { a.emails = func(context.Context) error { return away } },
		"erasures": func(a *answering) { a.port.forSubject = fail },
		"receipts": func(a *answering) { a.port.receipts = fail },
	} {
		fails(&a)
		if _, err := a.letter(r.ID); !errors.Is(err, away) {
			t.Errorf("%s: want %v, got %v", what, away, err)
		}
		a.emails, a.port.forSubject, a.port.receipts = nil, nil, nil
	}
}

// oneByOne erases one response at a time, with a receipt for each.
type oneByOne struct{ domain.Erasures }

func (o oneByOne) Advance(ctx context.Context, id uuid.UUID, _ int, judge func(domain.Erasure, []domain.Part) ([]domain.Verdict, domain.Authorization)) (domain.Erasure, error) {
	return o.Erasures.Advance(ctx, id, 1, judge)
}

// TestLetterReceipts: a letter names a hundred of an erasure's receipts.
func TestLetterReceipts(t *testing.T) {
	t.Parallel()
	a := answering{newEraseMany()}
	for range 101 {
		a.put(anna.String())
	}
	r := a.open(t, domain.NewSubject{Kind: domain.SubjectErasure, Owner: anna})
	if _, err := a.process().CheckIdentity(t.Context(), overseer, r.ID); err != nil {
		t.Fatal(err)
	}
	e, err := a.erase(t, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	run := domain.NewRunErasure(oneByOne{a.Erasures()}, func(context.Context, int) error { return nil }, a.clock)
	if _, err := run.Execute(t.Context(), e.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := a.process().Answer(t.Context(), overseer, r.ID); err != nil {
		t.Fatal(err)
	}
	letter, err := a.letter(r.ID)
	if err != nil || len(letter.Erasures) != 1 || letter.Erasures[0].Erasure.Receipts <= 100 || len(letter.Erasures[0].Receipts) != 100 {
		t.Errorf("want 100 receipts of more, got %+v, %v", letter.Erasures, err)
	}
}

// TestFileForSubject: who asks for access gets a person's file, which comes before an
// erasure.
func TestFileForSubject(t *testing.T) {
	t.Parallel()
	f := newFiling(t)
	subjects, check := f.SubjectRequests(), f.check()
	process := domain.NewProcessSubjectRequest(subjects, check, f.clock.now)
	file := func(caller domain.Principal, owner, request uuid.UUID, key string) (domain.PersonFile, error) {
		return f.starter(true).Execute(t.Context(), caller, domain.PersonFileRequest{Owner: owner, SubjectRequest: &request, IdempotencyKey: key})
	}
	open := func(kind domain.SubjectRequestKind) uuid.UUID {
		r, err := domain.NewOpenSubjectRequest(subjects, f.clock.now).Execute(t.Context(), overseer, domain.NewSubject{Kind: kind, Owner: anna})
		if err != nil {
			t.Fatal(err)
		}
		return r.ID
	}
	checked := func(kind domain.SubjectRequestKind) uuid.UUID {
		id := open(kind)
		if _, err := process.CheckIdentity(t.Context(), overseer, id); err != nil {
			t.Fatal(err)
		}
		return id
	}
	unknown := uuid.New()
	_, err := file(overseer, anna, unknown, "")
	wantError(t, err, domain.CodeNotFound, "Subject request with ID "+unknown.String()+" not found")
	_, err = file(overseer, anna, open(domain.SubjectAccess), "")
	wantError(t, err, domain.CodeConflict, "The identity of this subject request has not been checked; nothing was requested: record the check first")
	_, err = file(overseer, anna, checked(domain.SubjectErasure), "")
	wantError(t, err, domain.CodeConflict, "This subject request does not ask for access; no file was requested")

	both := checked(domain.SubjectBoth)
	_, err = file(overseer, ben, both, "")
	wantAbout(t, err, "subject_request: is about somebody else; name the same owner", "subject_request")
	_, err = file(user, anna, both, "")
	wantError(t, err, domain.CodeNotFound, "Subject request with ID "+both.String()+" not found")
	starter := domain.NewStartErasure(f.Erasures(), check, domain.NewRunErasure(f.Erasures(), func(context.Context, int) error { return nil }, f.clock.now), f.Jobs(), f.clock.now, f.logger())
	erase := func(u *domain.StartErasure) error {
		target := domain.ErasureRequest{Owner: &anna}
		_, token, err := domain.NewPreviewErasure(f.Erasures(), f.clock.now).Execute(t.Context(), overseer, target)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = u.Execute(t.Context(), overseer, domain.StartRequest{ErasureRequest: target, Token: token, SubjectRequest: &both})
		return err
	}
	const first = "This subject request asks for access, too; nothing was erased: make the person's file first, as the erasure removes it, and hand it over"
	wantError(t, erase(starter), domain.CodeConflict, first)
	_, err = process.Answer(t.Context(), overseer, both)
	wantError(t, err, domain.CodeConflict, "This subject request cannot be answered yet: no person's file was made for it; request one with its subject_request; no erasure of this request has finished; start one with its subject_request")
	f.files.forSubject = domain.Errorf(domain.CodeUnavailable, "away")
	if err := erase(starter); !errors.Is(err, f.files.forSubject) {
		t.Errorf("want %v, got %v", f.files.forSubject, err)
	}
	f.files.forSubject = nil
	asked, err := file(overseer, anna, both, "k")
	if err != nil || asked.SubjectRequest == nil || *asked.SubjectRequest != both {
		t.Fatalf("got %+v, %v", asked, err)
	}
	if again, err := file(overseer, anna, both, "k"); err != nil || again.ID != asked.ID {
		t.Errorf("asked again: want %s, got %+v, %v", asked.ID, again, err)
	}
	_, err = file(overseer, anna, checked(domain.SubjectAccess), "k")
	wantError(t, err, domain.CodeConflict, errFileKeyOf)
	_, err = f.starter(true).Execute(t.Context(), overseer, domain.PersonFileRequest{Owner: anna, IdempotencyKey: "k"})
	wantError(t, err, domain.CodeConflict, errFileKeyOf)
	if _, err := f.starter(true).Execute(t.Context(), overseer, domain.PersonFileRequest{Owner: anna, IdempotencyKey: "none"}); err != nil {
		t.Fatal(err)
	}
	_, err = file(overseer, anna, both, "none")
	wantError(t, err, domain.CodeConflict, errFileKeyOf)
	wantError(t, erase(starter), domain.CodeConflict, first)
	f.make(t, asked.ID)
	got, err := domain.NewGetSubjectRequest(subjects, check, f.clock.now).Execute(t.Context(), overseer, both)
	if err != nil || len(got.Files) != 1 || got.Files[0].ID != asked.ID || got.Files[0].State != domain.PersonFileDone {
		t.Errorf("want one file, done, got %+v, %v", got, err)
	}
	if err := erase(starter); err != nil {
		t.Error(err)
	}

	access := checked(domain.SubjectAccess)
	_, err = process.Answer(t.Context(), overseer, access)
	wantError(t, err, domain.CodeConflict, "This subject request cannot be answered yet: no person's file was made for it; request one with its subject_request")
	// One that was handed over and deleted was made.
	handed := checked(domain.SubjectAccess)
	if asked, err = file(overseer, anna, handed, ""); err != nil {
		t.Fatal(err)
	}
	f.make(t, asked.ID)
	if err := domain.NewDeletePersonFile(f.files, f.store).Execute(t.Context(), overseer, asked.ID); err != nil {
		t.Fatal(err)
	}
	f.wantFile(t, "deleted", asked.ID, domain.PersonFileExpired, domain.PersonFileDeleted)
	if kept, err := f.store.Kept(); err != nil || slices.Contains(kept, asked.ID) {
		t.Errorf("deleted: want no bytes, got %v, %v", kept, err)
	}
	if r, err := process.Answer(t.Context(), overseer, handed); err != nil || r.State != domain.SubjectAnswered {
		t.Errorf("after the file was deleted: got %+v, %v", r, err)
	}
	// A service that keeps no files asks for none.
	without := domain.NewCheckSubjectRequest(subjects, f.Erasures(), f.files, false)
	if r, err := domain.NewProcessSubjectRequest(subjects, without, f.clock.now).Answer(t.Context(), overseer, access); err != nil || r.State != domain.SubjectAnswered {
		t.Errorf("got %+v, %v", r, err)
	}
	_, err = file(overseer, anna, access, "")
	wantError(t, err, domain.CodeConflict, "This subject request is answered already and does not change any more")
	both = checked(domain.SubjectBoth)
	if err := erase(domain.NewStartErasure(f.Erasures(), without, domain.NewRunErasure(f.Erasures(), func(context.Context, int) error { return nil }, f.clock.now), f.Jobs(), f.clock.now, f.logger())); err != nil {
		t.Error(err)
	}
}
