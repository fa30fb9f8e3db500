package domain_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

var bob = domain.Principal{ID: ben, Admin: true}

const (
	errOwnApproval = "You asked for this erasure, so somebody else who may erase everyone's responses must approve or refuse it; you can cancel it"
	errLostRight   = "Who asked for it or who approved it may not erase its responses any more, so nothing was erased; request it again"
)

func (m *eraseMany) decider() *domain.DecideErasure { return domain.NewDecideErasure(m.port, m.clock) }

// askAs starts an erasure of some named responses, where more than two wait.
func (m *eraseMany) askAs(t *testing.T, caller domain.Principal, r domain.ErasureRequest, token string) domain.Erasure {
	t.Helper()
	e, _, err := m.starter().Requiring(domain.ApprovalLimits{Over: 2, Wait: time.Hour}).
		Execute(t.Context(), caller, domain.StartRequest{ErasureRequest: r, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// waiting is an erasure of three of anna's responses that waits for approval.
func (m *eraseMany) waiting(t *testing.T, caller domain.Principal) domain.Erasure {
	t.Helper()
	var ids []uuid.UUID
	for range 3 {
		ids = append(ids, m.put(anna.String()).ID)
	}
	m.port.advance = func(context.Context, uuid.UUID) error { return errors.New("begun") }
	e := m.askAs(t, caller, domain.ErasureRequest{Responses: ids}, "")
	m.port.advance = nil
	if m.log.Len() > 0 {
		t.Fatalf("want it not begun, got log %s", &m.log)
	}
	if e.State != domain.ErasureAwaitingApproval || e.Approval == nil || !e.Approval.ExpiresAt.Equal(m.now.Add(time.Hour)) || len(m.Enqueued()) != 0 {
		t.Fatalf("want it to wait for an hour, got %+v", e)
	}
	return e
}

func TestApprovalNeeded(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	for n, want := range map[int]domain.ErasureState{2: domain.ErasureFinished, 3: domain.ErasureAwaitingApproval} {
		var ids []uuid.UUID
		for range n {
			ids = append(ids, m.put(anna.String()).ID)
		}
		if e := m.askAs(t, admin, domain.ErasureRequest{Responses: append(ids, uuid.New())}, ""); e.State != want || (e.Approval != nil) != (n == 3) {
			t.Errorf("%d: want %s, got %+v", n, want, e)
		}
	}
	// What is held counts too: the hold can be released meanwhile.
	var ids []uuid.UUID
	for range 3 {
		ids = append(ids, m.put(anna.String()).ID)
	}
	if _, err := m.Holds().Place(t.Context(), domain.Hold{ID: uuid.New(), HoldTarget: domain.HoldTarget{Responses: ids[:1]}}); err != nil {
		t.Fatal(err)
	}
	if e := m.askAs(t, admin, domain.ErasureRequest{Responses: ids}, ""); e.State != domain.ErasureAwaitingApproval {
		t.Errorf("with a held one: got %+v", e)
	}
	// What a preview showed is counted once more, as it may have changed, and not again.
	named := domain.ErasureRequest{Responses: ids}
	_, token := m.preview(t, admin, named)
	counted := 0
	m.port.estimate = func(domain.ErasureTarget, []string, time.Time) error { counted++; return nil }
	if e := m.askAs(t, admin, named, token); e.State != domain.ErasureAwaitingApproval || counted != 1 {
		t.Errorf("previewed: want it counted once, got %d times, %+v", counted, e)
	}
	m.port.partial = true
	if e := m.askAs(t, admin, domain.ErasureRequest{Responses: ids[:1]}, ""); e.State != domain.ErasureAwaitingApproval {
		t.Errorf("not all counted: got %+v", e)
	}
	broken := errors.New("broken")
	m.port.estimate = func(domain.ErasureTarget, []string, time.Time) error { return broken }
	_, _, err := m.starter().Requiring(domain.ApprovalLimits{Over: 2}).Execute(t.Context(), admin, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: ids}})
	if !errors.Is(err, broken) {
		t.Errorf("want the estimate's error, got %v", err)
	}
	if e, _ := m.start(t, admin, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: ids}}); e.Approval != nil {
		t.Errorf("without a limit: got %+v", e)
	}
}

// TestApprovedOwner: what is created after the preview stays.
func TestApprovedOwner(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	for range 3 {
		m.put(anna.String())
	}
	m.AddPerson(porttest.Person{ID: anna, Admin: true})
	m.AddPerson(porttest.Person{ID: ben, Admin: true})
	request := domain.ErasureRequest{Owner: &anna}
	p, token := m.preview(t, admin, request)
	e := m.askAs(t, admin, request, token)
	if e.State != domain.ErasureAwaitingApproval || e.Target.Until == nil || !e.Target.Until.Equal(p.AsOf) {
		t.Fatalf("want it to wait and end at %s, got %+v", p.AsOf, e)
	}
	later := porttest.NewRow(anna.String(), "completed", m.now.Add(time.Minute))
	m.AddResponse(later)
	if over, err := m.run().Checking(m).Execute(t.Context(), e.ID, 0); err != nil || !over || m.Stored().Requests != 4 {
		t.Errorf("want nothing done before the approval, got %t, %v", over, err)
	}
	if got, err := m.decider().Approve(t.Context(), bob, e.ID); err != nil || got.State != domain.ErasurePending || got.FinishedAt != nil {
		t.Fatalf("got %+v, %v", got, err)
	}
	if over, err := m.run().Checking(m).Execute(t.Context(), e.ID, 0); err != nil || !over {
		t.Fatalf("got %t, %v", over, err)
	}
	if got, err := m.Erasures().Get(t.Context(), e.ID); err != nil || got.State != domain.ErasureFinished || got.Done != 3 || m.Stored().Requests != 1 {
		t.Errorf("want all but the later one erased, got %+v, %v", got, err)
	}
}

// TestApprovedLaterTurns: a later turn that is created while the erasure waits stays.
func TestApprovedLaterTurns(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	var named []uuid.UUID
	for range 3 {
		named = append(named, m.put(anna.String()).ID)
	}
	m.AddResponse(porttest.NewTurn(anna.String(), named[0], m.now))
	e := m.askAs(t, admin, domain.ErasureRequest{Responses: named, IncludeLaterTurns: true}, "")
	m.now = m.now.Add(time.Minute)
	m.AddResponse(porttest.NewTurn(anna.String(), named[1], m.now))
	if _, err := m.decider().Approve(t.Context(), bob, e.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := m.run().Execute(t.Context(), e.ID, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := m.Erasures().Get(t.Context(), e.ID); err != nil || got.Done != 4 || m.Stored().Requests != 1 {
		t.Errorf("want all but the later turn erased, got %+v, %v", got, err)
	}
}

func TestDecideErasure(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	u, ctx := m.decider(), t.Context()
	e := m.waiting(t, user)
	wantError(t, second(u.Approve(ctx, user, e.ID)), domain.CodeForbidden, errOwnApproval)
	wantError(t, second(u.Refuse(ctx, admin, e.ID, "too_broad")), domain.CodeForbidden, errOwnApproval) // the same person with more rights
	for _, stranger := range []domain.Principal{{ID: ben}, {ID: ben, Roles: user.Roles}} {
		wantError(t, second(u.Approve(ctx, stranger, e.ID)), domain.CodeNotFound, "Erasure with ID "+e.ID.String()+" not found")
	}
	wantAbout(t, second(u.Refuse(ctx, bob, e.ID, "because")), "reason: must be wrong_target, too_broad, unfounded, still_needed or unspecified", "reason")
	if waits, err := m.Erasures().Get(ctx, e.ID); err != nil || waits.State != domain.ErasureAwaitingApproval || waits.Approval.DecidedBy != nil {
		t.Fatalf("want nothing decided, got %+v, %v", waits, err)
	}
	m.now = m.now.Add(59 * time.Minute)
	approved, err := u.Approve(ctx, bob, e.ID)
	if a := approved.Approval; err != nil || approved.State != domain.ErasurePending || approved.FinishedAt != nil || approved.Secret != nil ||
		a.DecidedBy == nil || *a.DecidedBy != ben || !a.DecidedAt.Equal(m.now) || a.Reason != "" || !a.ExpiresAt.Equal(e.Approval.ExpiresAt) {
		t.Errorf("got %+v, %v", approved, err)
	}
	if again, err := u.Approve(ctx, bob, e.ID); err != nil || !again.Approval.DecidedAt.Equal(*approved.Approval.DecidedAt) {
		t.Errorf("want it unchanged, got %+v, %v", again, err)
	}
	carla := domain.Principal{ID: acme, Admin: true}
	notWaiting := "Erasure with ID " + e.ID.String() + " does not wait for approval any more; its state is pending"
	wantError(t, second(u.Approve(ctx, carla, e.ID)), domain.CodeConflict, notWaiting)
	wantError(t, second(u.Refuse(ctx, bob, e.ID, "too_broad")), domain.CodeConflict, notWaiting)

	e = m.waiting(t, admin)
	refused, err := u.Refuse(ctx, bob, e.ID, "too_broad")
	if err != nil || refused.State != domain.ErasureRefused || refused.Approval.Reason != "too_broad" || !refused.FinishedAt.Equal(m.now) || *refused.Approval.DecidedBy != ben {
		t.Errorf("got %+v, %v", refused, err)
	}

	e = m.waiting(t, admin)
	m.now = m.now.Add(time.Hour)
	wantError(t, second(u.Approve(ctx, bob, e.ID)), domain.CodeConflict, "Erasure with ID "+e.ID.String()+" has waited too long for approval; preview and request it again")

	none, _ := m.start(t, admin, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{uuid.New()}}})
	wantError(t, second(u.Approve(ctx, bob, none.ID)), domain.CodeConflict, "Erasure with ID "+none.ID.String()+" needs no approval; cancel it if it should not go on")
}

func TestExpireApprovals(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	e := m.waiting(t, admin)
	u := domain.NewExpireApprovals(m.port, m.clock)
	for after, want := range []domain.ErasureState{domain.ErasureAwaitingApproval, domain.ErasureExpired} {
		m.now = noon.Add(time.Hour + 59*time.Minute + time.Duration(after)*time.Minute)
		if err := u.Execute(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := m.Erasures().Get(t.Context(), e.ID); err != nil || got.State != want || (got.FinishedAt != nil) != (after == 1) {
			t.Errorf("want %s, got %+v, %v", want, got, err)
		}
	}
	wantError(t, second(m.decider().Approve(t.Context(), bob, e.ID)), domain.CodeConflict,
		"Erasure with ID "+e.ID.String()+" does not wait for approval any more; its state is expired")
}

// TestExpireApprovalsOthers: an erasure that ends meanwhile stays as it is, and one that
// cannot be ended does not keep the others.
func TestExpireApprovalsOthers(t *testing.T) {
	t.Parallel()
	m, away := newEraseMany(), domain.Errorf(domain.CodeUnavailable, "away")
	stuck := m.waiting(t, admin)
	m.now = m.now.Add(time.Minute)
	canceled, other := m.waiting(t, admin), m.waiting(t, admin)
	m.now = m.now.Add(time.Hour)
	m.port.decide = func(id uuid.UUID) error {
		switch id {
		case stuck.ID:
			return away
		case canceled.ID:
			return second(m.Erasures().Cancel(t.Context(), id))
		}
		return nil
	}
	if err := domain.NewExpireApprovals(m.port, m.clock).Execute(t.Context()); !errors.Is(err, away) {
		t.Errorf("want %v, got %v", away, err)
	}
	for id, want := range map[uuid.UUID]domain.ErasureState{
		stuck.ID: domain.ErasureAwaitingApproval, canceled.ID: domain.ErasureCanceled, other.ID: domain.ErasureExpired,
	} {
		if got, err := m.Erasures().Get(t.Context(), id); err != nil || got.State != want {
			t.Errorf("want %s, got %+v, %v", want, got, err)
		}
	}
}

// TestApprovalRightsLost: both must still have the right when the erasure begins.
func TestApprovalRightsLost(t *testing.T) {
	t.Parallel()
	user := porttest.Person{Roles: []domain.Role{"BATCHAPIUSER"}}
	manager := porttest.Person{Roles: []domain.Role{"PLATFORMMANAGER"}}
	for name, c := range map[string]struct {
		caller         domain.Principal
		asks, approves *porttest.Person
		begins         bool
		member         uuid.UUID // of this organization the one who asks is
	}{
		"both may":               {admin, &porttest.Person{Admin: true}, &manager, true, uuid.Nil},
		"a user, for themselves": {domain.Principal{ID: anna, Roles: user.Roles}, &user, &manager, true, uuid.Nil},
		"no administrator now":   {admin, &user, &manager, false, uuid.Nil},
		"no role now":            {domain.Principal{ID: anna, Roles: user.Roles}, &porttest.Person{}, &manager, false, uuid.Nil},
		"asker deleted":          {admin, &porttest.Person{Admin: true, Deleted: true}, &manager, false, uuid.Nil},
		"asker gone":             {admin, nil, &manager, false, uuid.Nil},
		"approver no manager":    {admin, &porttest.Person{Admin: true}, &user, false, uuid.Nil},
		"approver deleted":       {admin, &porttest.Person{Admin: true}, &porttest.Person{Admin: true, Deleted: true}, false, uuid.Nil},
		"a member still":         {inAcme, &user, &manager, true, acme},
		"no member now":          {inAcme, &user, &manager, false, uuid.Nil},
		"another's member now":   {inAcme, &user, &manager, false, globex},
	} {
		m := newEraseMany()
		e := m.waiting(t, c.caller)
		if _, err := m.decider().Approve(t.Context(), bob, e.ID); err != nil {
			t.Fatal(err)
		}
		for id, p := range map[uuid.UUID]*porttest.Person{anna: c.asks, ben: c.approves} {
			if p != nil {
				person := *p
				person.ID = id
				m.AddPerson(person)
			}
		}
		if c.member != uuid.Nil {
			m.AddOrganization(porttest.Organization{ID: c.member})
			m.AddMembership(porttest.Membership{Person: anna, Organization: c.member})
		}
		over, err := m.run().Checking(m).Execute(t.Context(), e.ID, 0)
		got, getErr := m.Erasures().Get(t.Context(), e.ID)
		if err != nil || !over || getErr != nil {
			t.Fatalf("%s: got %t, %v, %v", name, over, err, getErr)
		}
		if c.begins {
			if got.State != domain.ErasureFinished || got.Done != 3 {
				t.Errorf("%s: want it erased, got %+v", name, got)
			}
		} else if got.State != domain.ErasureFailed || got.LastError != errLostRight || got.Done != 0 || !got.FinishedAt.Equal(m.now) {
			t.Errorf("%s: want it failed, got %+v", name, got)
		}
	}
}

// asked are people, with a fake before who is looked up. What comes with an error means
// nothing.
type asked struct {
	domain.People
	byID func(uuid.UUID) error
}

func (p asked) ByID(ctx context.Context, id uuid.UUID) (domain.Person, error) {
	if err := p.byID(id); err != nil {
		return domain.Person{ID: id, Deleted: true}, err
	}
	return p.People.ByID(ctx, id)
}

// approved is an erasure of three responses that anna asked for and ben approved.
func (m *eraseMany) approved(t *testing.T) domain.Erasure {
	t.Helper()
	e, err := m.decider().Approve(t.Context(), bob, m.waiting(t, admin).ID)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestApprovalUnchecked: where the rights cannot be looked up, the erasure waits.
func TestApprovalUnchecked(t *testing.T) {
	t.Parallel()
	away := domain.Errorf(domain.CodeUnavailable, "away")
	for what, unknown := range map[string]uuid.UUID{"who asked": anna, "who approved": ben, "the erasure": uuid.Nil} {
		m := newEraseMany()
		for _, id := range []uuid.UUID{anna, ben} {
			m.AddPerson(porttest.Person{ID: id, Admin: true})
		}
		e := m.approved(t)
		fails := func(id uuid.UUID) error {
			if id == unknown {
				return away
			}
			return nil
		}
		m.port.get = func() error { return fails(uuid.Nil) }
		people := asked{m, fails}
		if over, err := m.run().Checking(people).Execute(t.Context(), e.ID, 0); over || !errors.Is(err, away) {
			t.Errorf("%s: want the error, got %t, %v", what, over, err)
		}
		if got, err := m.Erasures().Get(t.Context(), e.ID); err != nil || got.State != domain.ErasurePending || got.LastError != "away" || m.Stored().Requests != 3 {
			t.Errorf("%s: want it to wait, got %+v, %v", what, got, err)
		}
	}
}

// TestApprovalCanceledMeanwhile: an erasure that is canceled while the rights are looked
// up is not failed.
func TestApprovalCanceledMeanwhile(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	e := m.approved(t)
	people := asked{m, func(uuid.UUID) error { return second(m.Erasures().Cancel(t.Context(), e.ID)) }}
	if over, err := m.run().Checking(people).Execute(t.Context(), e.ID, 0); err != nil || !over {
		t.Errorf("got %t, %v", over, err)
	}
	if got, err := m.Erasures().Get(t.Context(), e.ID); err != nil || got.State != domain.ErasureCanceled || got.LastError != "" || m.Stored().Requests != 3 {
		t.Errorf("want it canceled, got %+v, %v", got, err)
	}
}

// TestApprovalNotNeeded: the rights of who asked are not looked up again.
func TestApprovalNotNeeded(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	m.port.advance = func(context.Context, uuid.UUID) error { return errors.New("later") }
	e, _ := m.start(t, user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{m.put(anna.String()).ID}}})
	m.port.advance = nil
	people := asked{m, func(uuid.UUID) error { return errors.New("looked up") }}
	if over, err := m.run().Checking(people).Execute(t.Context(), e.ID, 0); err != nil || !over || m.Stored().Requests != 0 {
		t.Errorf("want it erased, got %t, %v", over, err)
	}
}

// TestExpireApprovalsAtOnce: one call ends a hundred.
func TestExpireApprovalsAtOnce(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	for range 101 {
		if _, _, err := m.Erasures().Create(t.Context(), domain.Erasure{
			ID: uuid.New(), Trigger: domain.TriggerBulk, Target: &domain.ErasureTarget{Responses: []uuid.UUID{uuid.New()}}, Kind: domain.TargetResponses,
			RequestedBy: &anna, State: domain.ErasureAwaitingApproval, Approval: &domain.Approval{ExpiresAt: noon},
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, left := range []int{1, 0} {
		if err := domain.NewExpireApprovals(m.port, m.clock).Execute(t.Context()); err != nil {
			t.Fatal(err)
		}
		if ids, err := m.Erasures().Unapproved(t.Context(), m.now, 1000); err != nil || len(ids) != left {
			t.Errorf("want %d left, got %d, %v", left, len(ids), err)
		}
	}
}
