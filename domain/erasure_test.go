package domain_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

// erasures is the port of a world, with a fake before what is set.
type erasures struct {
	domain.Erasures
	advance     func(context.Context, uuid.UUID) error
	estimate    func(domain.ErasureTarget, []string, time.Time) error
	partial     bool
	keepPreview func(domain.Preview) error
	preview     func() error
	create      func(domain.Erasure) error
	byKey       func() error
	get         func() error
	cancel      func() error
	page        func() error
	forSubject  func() error
	receipts    func() error
	decide      func(uuid.UUID) error
}

func call(fake func() error) error {
	if fake == nil {
		return nil
	}
	return fake()
}

func (e *erasures) Advance(ctx context.Context, id uuid.UUID, limit int, judge func(domain.Erasure, []domain.Part) ([]domain.Verdict, domain.Authorization)) (domain.Erasure, error) {
	if e.advance != nil {
		if err := e.advance(ctx, id); err != nil {
			return domain.Erasure{}, err
		}
	}
	return e.Erasures.Advance(ctx, id, limit, judge)
}

func (e *erasures) Estimate(ctx context.Context, t domain.ErasureTarget, owners []string, asOf time.Time) (domain.Estimate, error) {
	if e.estimate != nil {
		if err := e.estimate(t, owners, asOf); err != nil {
			return domain.Estimate{}, err
		}
	}
	estimate, err := e.Erasures.Estimate(ctx, t, owners, asOf)
	estimate.Partial = e.partial
	return estimate, err
}

func (e *erasures) SavePreview(ctx context.Context, p domain.Preview) error {
	if e.keepPreview != nil {
		if err := e.keepPreview(p); err != nil {
			return err
		}
	}
	return e.Erasures.SavePreview(ctx, p)
}

func (e *erasures) Preview(ctx context.Context, sum [sha256.Size]byte) (domain.Preview, error) {
	if err := call(e.preview); err != nil {
		return domain.Preview{}, err
	}
	return e.Erasures.Preview(ctx, sum)
}

func (e *erasures) Create(ctx context.Context, new domain.Erasure) (domain.Erasure, bool, error) {
	if e.create != nil {
		if err := e.create(new); err != nil {
			return domain.Erasure{}, false, err
		}
	}
	return e.Erasures.Create(ctx, new)
}

func (e *erasures) ByKey(ctx context.Context, by uuid.UUID, key string) (domain.Erasure, error) {
	if err := call(e.byKey); err != nil {
		return domain.Erasure{}, err
	}
	return e.Erasures.ByKey(ctx, by, key)
}

func (e *erasures) Get(ctx context.Context, id uuid.UUID) (domain.Erasure, error) {
	if err := call(e.get); err != nil {
		return domain.Erasure{}, err
	}
	return e.Erasures.Get(ctx, id)
}

func (e *erasures) Cancel(ctx context.Context, id uuid.UUID) (domain.Erasure, error) {
	if err := call(e.cancel); err != nil {
		return domain.Erasure{}, err
	}
	return e.Erasures.Cancel(ctx, id)
}

func (e *erasures) Page(ctx context.Context, q domain.ErasureQuery) ([]domain.Erasure, error) {
	if err := call(e.page); err != nil {
		return nil, err
	}
	return e.Erasures.Page(ctx, q)
}

func (e *erasures) ForSubject(ctx context.Context, subjectRequest uuid.UUID, limit int64) ([]domain.Erasure, error) {
	if err := call(e.forSubject); err != nil {
		return nil, err
	}
	return e.Erasures.ForSubject(ctx, subjectRequest, limit)
}

func (e *erasures) Receipts(ctx context.Context, q domain.ErasureReceiptQuery) ([]domain.ErasureReceipt, error) {
	if err := call(e.receipts); err != nil {
		return nil, err
	}
	return e.Erasures.Receipts(ctx, q)
}

func (e *erasures) Decide(ctx context.Context, id uuid.UUID, decide func(domain.Erasure) (domain.Erasure, error)) (domain.Erasure, error) {
	if e.decide != nil {
		if err := e.decide(id); err != nil {
			return domain.Erasure{}, err
		}
	}
	return e.Erasures.Decide(ctx, id, decide)
}

// eraseMany is a world with the use cases of erasing many, and a clock.
type eraseMany struct {
	*world
	port  *erasures
	now   time.Time
	paced []int
}

func newEraseMany() *eraseMany {
	w := newWorld()
	return &eraseMany{world: w, port: &erasures{Erasures: w.Erasures()}, now: noon.Add(time.Hour)}
}

func (m *eraseMany) check() *domain.CheckSubjectRequest {
	return domain.NewCheckSubjectRequest(m.SubjectRequests(), m.port, memory.PersonFiles{Store: m.Store}, true)
}

func (m *eraseMany) clock() time.Time { return m.now }

func (m *eraseMany) run() *domain.RunErasure {
	return domain.NewRunErasure(m.port, func(ctx context.Context, n int) error {
		m.paced = append(m.paced, n)
		return ctx.Err()
	}, m.clock)
}

func (m *eraseMany) previewer() *domain.PreviewErasure {
	return domain.NewPreviewErasure(m.port, m.clock)
}

func (m *eraseMany) starter() *domain.StartErasure {
	return domain.NewStartErasure(m.port, m.check(), m.run(), m.Jobs(), m.clock, m.logger())
}

func (m *eraseMany) preview(t *testing.T, caller domain.Principal, r domain.ErasureRequest) (domain.Preview, string) {
	t.Helper()
	p, token, err := m.previewer().Execute(t.Context(), caller, r)
	if err != nil {
		t.Fatal(err)
	}
	return p, token
}

func (m *eraseMany) start(t *testing.T, caller domain.Principal, r domain.StartRequest) (domain.Erasure, *domain.Salt) {
	t.Helper()
	e, secret, err := m.starter().Execute(t.Context(), caller, r)
	if err != nil {
		t.Fatal(err)
	}
	return e, secret
}

var (
	admin    = domain.Principal{ID: anna, Admin: true}
	overseer = domain.Principal{ID: anna, Roles: []domain.Role{"PLATFORMMANAGER"}}
	user     = domain.Principal{ID: anna, Roles: []domain.Role{"BATCHAPIUSER"}}
	inAcme   = domain.Principal{ID: anna, Roles: []domain.Role{"BATCHAPIUSER"}, Organization: &acme}
)

const (
	errErasureKinds = "exactly one of responses, owner and filter must be given"
	errErasureOwner = "owner: must be you or your active organization; others require platform manager permissions"
	errToken        = "token: required with owner or filter, from a preview of the same request"
	errForeignToken = "The token does not belong to a preview of this request; nothing was erased: preview again"
	errOldToken     = "The preview has expired; nothing was erased: preview again"
	errChanged      = "The matching responses have changed since the preview, so nothing was erased: preview again"
	errOtherKey     = "This Idempotency-Key was used with a different request; use a new one for a new erasure"
	errMatchesAll   = "filter: matches everything; add a condition, or set all to true to erase everything"
)

func TestErasurePermission(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		for _, organization := range []*uuid.UUID{nil, &acme} {
			for _, owner := range []uuid.UUID{anna, ben, acme, globex} {
				caller := c.principal
				caller.Organization = organization
				mine := may(c.delete, owner.String(), organization)
				for name, r := range map[string]domain.ErasureRequest{
					"responses": {}, // which are there from now on
					"owner":     {Owner: &owner},
					"member":    {Filter: &domain.ErasureFilter{MemberID: &owner}},
					"filter":    {Filter: &domain.ErasureFilter{All: true}},
				} {
					m := newEraseMany()
					row := m.put(owner.String())
					if name == "responses" {
						r.Responses = []uuid.UUID{row.ID}
					}
					name := fmt.Sprintf("%s, %v, %s of %s", c.name, organization, name, owner)
					p, token, err := m.previewer().Execute(t.Context(), caller, r)
					_, _, startErr := m.starter().Execute(t.Context(), caller, domain.StartRequest{ErasureRequest: r, Token: "of nothing"})
					switch {
					case c.delete == "none":
						wantError(t, err, domain.CodeForbidden, "Insufficient permissions to Preview Erasures")
						wantError(t, startErr, domain.CodeForbidden, "Insufficient permissions to Start Erasures")
						continue
					case r.Owner != nil && !mine:
						wantError(t, err, domain.CodeInvalid, errErasureOwner)
						if e, ok := errors.AsType[*domain.Error](err); !ok || e.Parameter != "owner" {
							t.Errorf("%s: want it about the owner, got %+v", name, e)
						}
						wantError(t, startErr, domain.CodeInvalid, errErasureOwner)
						continue
					case r.Filter != nil && r.Filter.MemberID != nil && c.delete == "own":
						wantError(t, err, domain.CodeInvalid, errMember)
						wantError(t, startErr, domain.CodeInvalid, errMember)
						continue
					}
					wantError(t, startErr, domain.CodeConflict, errForeignToken)
					// A filter without a member is of what the list shows.
					want := mine
					if r.Filter != nil && r.Filter.All {
						want = c.delete == "everyone" && organization == nil || owner == anna && organization == nil || organization != nil && owner == *organization
					}
					var missing int64
					if r.Responses != nil && !mine {
						missing = 1
					}
					if err != nil || (p.Responses == 1) != want || p.NotFound != missing {
						t.Errorf("%s: want shown %v with %d not found, got %+v, %v", name, want, missing, p.Estimate, err)
						continue
					}
					e, _ := m.start(t, caller, domain.StartRequest{ErasureRequest: r, Token: token})
					if _, err := m.run().Execute(t.Context(), e.ID, 0); err != nil {
						t.Fatal(err)
					}
					_, err = m.Store.GetSummary(t.Context(), row.ID, nil)
					if gone := domain.CodeOf(err) == domain.CodeNotFound && err != nil; gone != want {
						t.Errorf("%s: want it gone: %v, got %v", name, want, err)
					}
				}
			}
		}
	}
}

// TestErasureOfParts: of a chain, a bulk erasure erases only what the caller may
// erase.
func TestErasureOfParts(t *testing.T) {
	t.Parallel()
	for _, owners := range [][]string{{anna.String(), ben.String()}, {ben.String(), anna.String()}, {anna.String(), acme.String()}, {anna.String(), ""}} {
		for _, caller := range []domain.Principal{admin, overseer, user, inAcme} {
			for _, asked := range []int{0, 1} {
				m := newEraseMany()
				rows := make([]*porttest.Row, len(owners))
				for i, owner := range owners {
					row := porttest.NewRow(owner, "completed", noon)
					row.Batched = owner == ""
					rows[i] = &row
				}
				m.AddChain(porttest.Chain(rows...)...)
				e, _ := m.start(t, caller, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{rows[asked].ID}}})
				everyone := caller.Admin || caller.Roles[0] == domain.RolePlatformManager
				want := owners[1] != "" && (everyone || !slices.ContainsFunc(owners, func(owner string) bool {
					return owner != anna.String() && (caller.Organization == nil || owner != caller.Organization.String())
				}))
				if (e.Done == 1) != want || (e.NotFound == 1) == want || e.State != domain.ErasureFinished {
					t.Errorf("%v by %+v: want erased %v, got %+v", owners, caller, want, e)
				}
			}
		}
	}
}

func TestErasureRequestValidation(t *testing.T) {
	t.Parallel()
	ids := make([]uuid.UUID, domain.MaxTargets+1)
	for i := range ids {
		ids[i] = uuid.New()
	}
	later, number := noon.Add(time.Second), int64(1)
	for _, c := range []struct {
		r       domain.ErasureRequest
		about   string
		message string
	}{
		{domain.ErasureRequest{}, "", errErasureKinds},
		{domain.ErasureRequest{Responses: ids[:1], Owner: &anna}, "", errErasureKinds},
		{domain.ErasureRequest{Owner: &anna, Filter: &domain.ErasureFilter{All: true}}, "", errErasureKinds},
		{domain.ErasureRequest{Responses: []uuid.UUID{}}, "responses", "responses: must have 1 to 1000 entries; to erase more, use owner or filter"},
		{domain.ErasureRequest{Responses: ids}, "responses", "responses: must have 1 to 1000 entries; to erase more, use owner or filter"},
		{domain.ErasureRequest{Filter: &domain.ErasureFilter{}}, "filter", errMatchesAll},
		{domain.ErasureRequest{Filter: &domain.ErasureFilter{All: true, ResponseFilter: domain.ResponseFilter{HasError: ptr(true)}}}, "filter.all", "filter.all: must be omitted if there are conditions"},
		{domain.ErasureRequest{Filter: &domain.ErasureFilter{ResponseFilter: domain.ResponseFilter{States: []string{"a\x00"}}}}, "filter.states", "filter.states: each must have 1 to 500 characters and no NUL"},
		{domain.ErasureRequest{Filter: &domain.ErasureFilter{ResponseFilter: domain.ResponseFilter{Models: []string{}}}}, "filter.models", "filter.models: must have 1 to 100 entries"},
		{domain.ErasureRequest{Filter: &domain.ErasureFilter{ResponseFilter: domain.ResponseFilter{Tiers: []string{""}}}}, "filter.tiers", "filter.tiers: each must have 1 to 500 characters and no NUL"},
		{domain.ErasureRequest{Filter: &domain.ErasureFilter{ResponseFilter: domain.ResponseFilter{CreatedBefore: ptr(time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3600)))}}}, "filter.created_before", "filter.created_before: must be in the years 0 to 9999 in UTC"},
		{domain.ErasureRequest{Filter: &domain.ErasureFilter{ResponseFilter: domain.ResponseFilter{CreatedAfter: ptr(time.Date(0, 1, 1, 0, 0, 0, 0, time.FixedZone("", 3600)))}}}, "filter.created_after", "filter.created_after: must be in the years 0 to 9999 in UTC"},
		{domain.ErasureRequest{Filter: &domain.ErasureFilter{ResponseFilter: domain.ResponseFilter{CreatedAfter: &later, CreatedBefore: &noon}}}, "filter.created_after", "filter.created_after: must not be later than created_before"},
	} {
		_, _, err := newEraseMany().previewer().Execute(t.Context(), admin, c.r)
		wantError(t, err, domain.CodeInvalid, c.message)
		if e, ok := errors.AsType[*domain.Error](err); !ok || e.Parameter != c.about {
			t.Errorf("%s: want it about %q, got %+v", c.message, c.about, e)
		}
	}
	duration := time.Second
	for name, f := range map[string]domain.ErasureFilter{
		"states": {ResponseFilter: domain.ResponseFilter{States: []string{"failed"}}}, "models": {ResponseFilter: domain.ResponseFilter{Models: []string{"m"}}}, "tiers": {ResponseFilter: domain.ResponseFilter{Tiers: []string{"flex"}}},
		"after": {ResponseFilter: domain.ResponseFilter{CreatedAfter: &noon}}, "before": {ResponseFilter: domain.ResponseFilter{CreatedBefore: &later}}, "status": {ResponseFilter: domain.ResponseFilter{StatusMin: &number}}, "status max": {ResponseFilter: domain.ResponseFilter{StatusMax: &number}},
		"duration": {ResponseFilter: domain.ResponseFilter{MinDuration: &duration}}, "error": {ResponseFilter: domain.ResponseFilter{HasError: ptr(false)}}, "all": {All: true}, "member": {MemberID: &ben},
	} {
		m := newEraseMany()
		var got domain.ErasureTarget
		m.port.estimate = func(t domain.ErasureTarget, _ []string, _ time.Time) error { got = t; return nil }
		m.preview(t, admin, domain.ErasureRequest{Filter: &f})
		want := domain.ResponseFilter{States: f.States, Models: f.Models, Tiers: f.Tiers, CreatedAfter: f.CreatedAfter, CreatedBefore: f.CreatedBefore,
			StatusMin: f.StatusMin, StatusMax: f.StatusMax, MinDuration: f.MinDuration, HasError: f.HasError}
		if f.MemberID != nil {
			want.Owners = []string{ben.String()}
		}
		if got.Filter == nil || !reflect.DeepEqual(*got.Filter, want) {
			t.Errorf("%s: want %+v, got %+v", name, want, got.Filter)
		}
	}
	m := newEraseMany()
	e, _ := m.start(t, admin, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: append(slices.Clone(ids[:3]), ids[:3]...)}})
	if e.NotFound != 3 || e.Kind != domain.TargetResponses {
		t.Errorf("want each looked for once, got %+v", e)
	}
	for _, c := range []struct {
		r              domain.StartRequest
		about, message string
	}{
		{domain.StartRequest{ErasureRequest: domain.ErasureRequest{Owner: &anna}}, "token", errToken},
		{domain.StartRequest{ErasureRequest: domain.ErasureRequest{Filter: &domain.ErasureFilter{All: true}}}, "token", errToken},
		{domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: ids[:1]}, Ground: domain.GroundRetention}, "ground",
			"ground: must be one of [request consent_withdrawn objection no_longer_needed unlawful legal_obligation unspecified]"},
		{domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: ids[:1]}, Ticket: strings.Repeat("ü", 201)}, "ticket", "ticket: must have at most 200 characters and no NUL"},
		{domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: ids[:1]}, Ticket: "\x00"}, "ticket", "ticket: must have at most 200 characters and no NUL"},
		{domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: ids[:1]}, IdempotencyKey: strings.Repeat("k", 256)}, "Idempotency-Key", "Idempotency-Key: must have at most 255 bytes"},
		{domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: ids[:1]}, IdempotencyKey: "\xff"}, "Idempotency-Key", "Idempotency-Key: must have at most 255 bytes"},
	} {
		_, _, err := newEraseMany().starter().Execute(t.Context(), admin, c.r)
		wantError(t, err, domain.CodeInvalid, c.message)
		if e, ok := errors.AsType[*domain.Error](err); !ok || e.Parameter != c.about {
			t.Errorf("%s: want it about %q, got %+v", c.message, c.about, e)
		}
	}
	m.start(t, admin, domain.StartRequest{
		ErasureRequest: domain.ErasureRequest{Responses: ids[:1]}, Ground: domain.GroundObjection,
		Ticket: strings.Repeat("ü", 200), IdempotencyKey: strings.Repeat("k", 255),
	})
}

func TestPreview(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	m.now = noon.Add(time.Hour + 999).In(time.FixedZone("", 3600))
	m.put(ben.String())
	var kept domain.Preview
	m.port.keepPreview = func(p domain.Preview) error { kept = p; return nil }
	var owners []string
	var asOf time.Time
	m.port.estimate = func(_ domain.ErasureTarget, o []string, at time.Time) error { owners, asOf = o, at; return nil }
	p, token := m.preview(t, admin, domain.ErasureRequest{Owner: &ben})
	at := noon.Add(time.Hour)
	if p.Responses != 1 || p.RequestedBy != anna || !p.AsOf.Equal(at) || p.AsOf.Location() != time.UTC || !p.ExpiresAt.Equal(at.Add(15*time.Minute)) ||
		len(token) < 26 || p.TokenSum != sha256.Sum256([]byte(token)) || !reflect.DeepEqual(kept, p) || owners != nil || !asOf.Equal(at) {
		t.Errorf("got %+v, %q, kept %+v, of %v as of %s", p, token, kept, owners, asOf)
	}
	_, again := m.preview(t, inAcme, domain.ErasureRequest{Owner: &anna})
	if again == token || !slices.Equal(owners, []string{anna.String(), acme.String()}) {
		t.Errorf("want another token and the caller's scope, got %q, %v", again, owners)
	}
	broken := domain.Errorf(domain.CodeUnavailable, "away")
	m.port.keepPreview = func(domain.Preview) error { return broken }
	if _, token, err := m.previewer().Execute(t.Context(), admin, domain.ErasureRequest{Owner: &ben}); !errors.Is(err, broken) || token != "" {
		t.Errorf("want %v and no token, got %q, %v", broken, token, err)
	}
	m.port.keepPreview = nil
	m.port.estimate = func(domain.ErasureTarget, []string, time.Time) error { return broken }
	if p, token, err := m.previewer().Execute(t.Context(), admin, domain.ErasureRequest{Owner: &ben}); !errors.Is(err, broken) || token != "" || !reflect.DeepEqual(p, domain.Preview{}) {
		t.Errorf("want %v and nothing else, got %+v, %q, %v", broken, p, token, err)
	}
}

// TestErasureLaterTurns: a preview counts later turns if they are included, and the
// erasure erases them.
func TestErasureLaterTurns(t *testing.T) {
	t.Parallel()
	for _, along := range []bool{false, true} {
		m := newEraseMany()
		m.put(anna.String())
		var shown domain.ErasureTarget
		m.port.estimate = func(target domain.ErasureTarget, _ []string, _ time.Time) error { shown = target; return nil }
		r := domain.ErasureRequest{Owner: &anna, IncludeLaterTurns: along}
		_, token := m.preview(t, user, r)
		e, _ := m.start(t, user, domain.StartRequest{ErasureRequest: r, Token: token})
		if shown.LaterTurns != along || e.Target.LaterTurns != along {
			t.Errorf("later turns %v: got a preview of %+v and an erasure of %+v", along, shown, e.Target)
		}
	}
}

// TestPreviewToken: a token starts the erasure that its preview showed, and no other.
func TestPreviewToken(t *testing.T) {
	t.Parallel()
	own := domain.ErasureRequest{Owner: &anna}
	states := func(words ...string) domain.ErasureRequest {
		return domain.ErasureRequest{Filter: &domain.ErasureFilter{ResponseFilter: domain.ResponseFilter{States: words}}}
	}
	of := func(id *uuid.UUID) domain.ErasureRequest {
		return domain.ErasureRequest{Filter: &domain.ErasureFilter{MemberID: id}}
	}
	other := domain.Principal{ID: ben, Admin: true}
	for name, c := range map[string]struct {
		shown, asked       domain.ErasureRequest
		previewer, starter domain.Principal
		between            func(*eraseMany)
		message            string // empty: it begins
	}{
		"same request":              {shown: own, asked: own, previewer: user, starter: user},
		"just before expiry":        {shown: own, asked: own, previewer: user, starter: user, between: func(m *eraseMany) { m.now = m.now.Add(15*time.Minute - time.Microsecond) }},
		"expired":                   {shown: own, asked: own, previewer: user, starter: user, between: func(m *eraseMany) { m.now = m.now.Add(15 * time.Minute) }, message: errOldToken},
		"other caller":              {shown: own, asked: own, previewer: other, starter: admin, message: errForeignToken},
		"other active organization": {shown: own, asked: own, previewer: inAcme, starter: user, message: errForeignToken},
		"other role":                {shown: own, asked: own, previewer: user, starter: admin, message: errForeignToken},
		"other owner":               {shown: own, asked: domain.ErasureRequest{Owner: &ben}, previewer: admin, starter: admin, message: errForeignToken},
		"other member":              {shown: of(&anna), asked: of(&ben), previewer: admin, starter: admin, message: errForeignToken},
		"other kind":                {shown: own, asked: of(&anna), previewer: admin, starter: admin, message: errForeignToken},
		"with later turns":          {shown: own, asked: domain.ErasureRequest{Owner: &anna, IncludeLaterTurns: true}, previewer: user, starter: user, message: errForeignToken},
		"other filter":              {shown: states("completed"), asked: states("failed"), previewer: admin, starter: admin, message: errForeignToken},
		"same states, other order":  {shown: states("completed", "failed"), asked: states("failed", "completed"), previewer: admin, starter: admin},
		"one more row":              {shown: own, asked: own, previewer: user, starter: user, between: func(m *eraseMany) { m.put(anna.String()) }, message: errChanged},
		"other owner's row":         {shown: own, asked: own, previewer: user, starter: user, between: func(m *eraseMany) { m.put(ben.String()) }},
		"later row":                 {shown: states("completed"), asked: states("completed"), previewer: user, starter: user, between: func(m *eraseMany) { m.AddResponse(porttest.NewRow(anna.String(), "completed", m.now.Add(time.Second))) }},
	} {
		m := newEraseMany()
		m.put(anna.String())
		asOf := m.now
		shown, token := m.preview(t, c.previewer, c.shown)
		if c.between != nil {
			c.between(m)
		}
		e, secret, err := m.starter().Execute(t.Context(), c.starter, domain.StartRequest{ErasureRequest: c.asked, Token: token})
		if c.message != "" {
			wantError(t, err, domain.CodeConflict, c.message)
			if page, err := m.Erasures().Page(t.Context(), domain.ErasureQuery{Limit: 1}); err != nil || len(page) > 0 || secret != nil {
				t.Errorf("%s: want nothing started, got %+v, %v", name, page, err)
			}
			continue
		}
		if err != nil || secret == nil || e.Expected == nil || *e.Expected != shown.Responses || !e.AsOf.Equal(asOf) || e.State != domain.ErasurePending {
			t.Errorf("%s: want it started as previewed, got %+v, %v", name, e, err)
		}
		if !slices.Equal(m.Enqueued(), []uuid.UUID{e.ID}) {
			t.Errorf("%s: want it enqueued, got %v", name, m.Enqueued())
		}
	}

	// Of what was not counted to the end nobody knows how much is to be expected.
	partial := newEraseMany()
	partial.port.partial = true
	_, partialToken := partial.preview(t, user, own)
	if e, _ := partial.start(t, user, domain.StartRequest{ErasureRequest: own, Token: partialToken}); e.Expected != nil {
		t.Errorf("want nothing expected, got %d", *e.Expected)
	}

	// By a filter, what was counted is erased and nothing else.
	mine := domain.ErasureRequest{Filter: &domain.ErasureFilter{All: true}}
	partial.put(anna.String())
	shown, filterToken := partial.preview(t, user, mine)
	if e, _ := partial.start(t, user, domain.StartRequest{ErasureRequest: mine, Token: filterToken}); e.Expected == nil || *e.Expected != 1 || e.Preview == nil || *e.Preview != shown.TokenSum {
		t.Errorf("want one expected as previewed, got %+v", e)
	}

	// Named responses need no token, but where there is one it counts.
	m := newEraseMany()
	row := m.put(anna.String())
	named := domain.ErasureRequest{Responses: []uuid.UUID{row.ID}}
	_, token := m.preview(t, user, named)
	_, _, err := m.starter().Execute(t.Context(), user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{uuid.New()}}, Token: token})
	wantError(t, err, domain.CodeConflict, errForeignToken)
	e, _ := m.start(t, user, domain.StartRequest{ErasureRequest: named, Token: token})
	if e.Expected == nil || *e.Expected != 1 || e.Done != 1 {
		t.Errorf("want what was shown, got %+v", e)
	}
	_, _, err = m.starter().Execute(t.Context(), user, domain.StartRequest{ErasureRequest: named, Token: token})
	wantError(t, err, domain.CodeConflict, errChanged)
}

func TestStartErasure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		caller domain.Principal
		r      domain.ErasureRequest
		role   domain.ActorRole
		scope  []string
	}{
		"own":                            {user, domain.ErasureRequest{Owner: &anna}, domain.ActorOwner, []string{anna.String()}},
		"own responses":                  {user, domain.ErasureRequest{Responses: []uuid.UUID{uuid.New()}}, domain.ActorOwner, []string{anna.String()}},
		"own responses, in organization": {inAcme, domain.ErasureRequest{Responses: []uuid.UUID{uuid.New()}}, domain.ActorOrganization, []string{anna.String(), acme.String()}},
		"organization":                   {inAcme, domain.ErasureRequest{Owner: &acme}, domain.ActorOrganization, []string{anna.String(), acme.String()}},
		"filter, in organization":        {inAcme, domain.ErasureRequest{Filter: &domain.ErasureFilter{All: true}}, domain.ActorOrganization, []string{anna.String(), acme.String()}},
		"own filter":                     {user, domain.ErasureRequest{Filter: &domain.ErasureFilter{All: true}}, domain.ActorOwner, []string{anna.String()}},
		"administrator":                  {admin, domain.ErasureRequest{Owner: &ben}, domain.ActorAdministrator, nil},
		"own, as administrator":          {admin, domain.ErasureRequest{Owner: &anna}, domain.ActorOwner, nil},
		"all":                            {admin, domain.ErasureRequest{Filter: &domain.ErasureFilter{All: true}}, domain.ActorAdministrator, nil},
		"manager":                        {overseer, domain.ErasureRequest{Filter: &domain.ErasureFilter{MemberID: &ben}}, domain.ActorPlatformManager, nil},
		"own, as manager":                {overseer, domain.ErasureRequest{Filter: &domain.ErasureFilter{MemberID: &anna}}, domain.ActorOwner, nil},
		"responses, as manager":          {overseer, domain.ErasureRequest{Responses: []uuid.UUID{uuid.New()}}, domain.ActorPlatformManager, nil},
	} {
		m := newEraseMany()
		m.now = noon.Add(time.Hour + 999).In(time.FixedZone("", 3600))
		_, token := m.preview(t, c.caller, c.r)
		var created domain.Erasure
		m.port.create = func(e domain.Erasure) error { created = e; return nil }
		e, secret := m.start(t, c.caller, domain.StartRequest{ErasureRequest: c.r, Token: token, Ticket: "T-1", IdempotencyKey: "once"})
		if created.ID != e.ID || e.ID.Version() != 4 || created.Trigger != domain.TriggerBulk || created.Role != c.role || !slices.Equal(created.Scope, c.scope) || (created.Scope == nil) != (c.scope == nil) ||
			created.RequestedBy == nil || *created.RequestedBy != anna || created.Ground != domain.GroundUnspecified || created.Ticket != "T-1" || created.IdempotencyKey != "once" ||
			!created.RequestedAt.Equal(noon.Add(time.Hour)) || created.RequestedAt.Location() != time.UTC || !created.AsOf.Equal(created.RequestedAt) || created.Kind != created.Target.Kind() || created.State != domain.ErasurePending || created.RequestSum == [32]byte{} {
			t.Errorf("%s: got %+v", name, created)
		}
		if secret == nil || *secret == (domain.Salt{}) || created.Secret == nil || *created.Secret != *secret || e.Secret != nil {
			t.Errorf("%s: want the secret told beside the erasure only, got %v", name, secret)
		}
	}
	m := newEraseMany()
	e, _ := m.start(t, user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{uuid.New()}}, Ground: domain.GroundUnlawful})
	if e.Ground != domain.GroundUnlawful || !e.AsOf.Equal(m.now) || e.Expected != nil {
		t.Errorf("got %+v", e)
	}
}

// TestStartErasureFewResponses: a few named responses are erased before the call
// returns.
func TestStartErasureFewResponses(t *testing.T) {
	t.Parallel()
	away := domain.Errorf(domain.CodeUnavailable, "away")
	for _, n := range []int{1, 100, 101} {
		m := newEraseMany()
		ids := make([]uuid.UUID, n)
		for i := range ids {
			ids[i] = m.put(anna.String()).ID
		}
		e, _ := m.start(t, user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: ids}})
		atOnce := n <= 100
		if atOnce != (e.State == domain.ErasureFinished) || atOnce != (e.Done == int64(n)) || atOnce == slices.Contains(m.Enqueued(), e.ID) || m.log.Len() > 0 {
			t.Errorf("%d: got %+v, enqueued %v, log %s", n, e, m.Enqueued(), &m.log)
		}
	}
	// What cannot be finished at once goes on in the background.
	m := newEraseMany()
	row := m.put(anna.String())
	m.port.advance = func(context.Context, uuid.UUID) error { return away }
	e, secret, err := m.starter().Execute(t.Context(), user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{row.ID}}})
	if err != nil || e.State != domain.ErasurePending || secret == nil || !slices.Contains(m.Enqueued(), e.ID) ||
		!strings.Contains(m.log.String(), fmt.Sprintf(`msg="Could not finish an erasure at once; it continues in the background" erasure=%s error=away`, e.ID)) {
		t.Errorf("got %+v, %v, log %s", e, err, &m.log)
	}
	m = newEraseMany()
	ctx, cancel := context.WithCancel(t.Context())
	m.port.advance = func(ctx context.Context, _ uuid.UUID) error { cancel(); return ctx.Err() }
	if _, _, err := m.starter().Execute(ctx, user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{row.ID}}}); err != nil || m.log.Len() > 0 {
		t.Errorf("want who hung up not in the log, got %v, %s", err, &m.log)
	}
	for name, set := range map[string]func(*erasures){
		"create": func(e *erasures) { e.create = func(domain.Erasure) error { return away } },
		"get":    func(e *erasures) { e.get = func() error { return away } },
		"by key": func(e *erasures) { e.byKey = func() error { return away } },
	} {
		m := newEraseMany()
		set(m.port)
		e, secret, err := m.starter().Execute(t.Context(), user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{row.ID}}, IdempotencyKey: "key"})
		if !errors.Is(err, away) || secret != nil || e.ID != uuid.Nil {
			t.Errorf("%s: want %v, got %+v, %v", name, away, e, err)
		}
	}
	m = newEraseMany()
	_, token := m.preview(t, user, domain.ErasureRequest{Owner: &anna})
	m.port.preview = func() error { return away }
	if _, _, err := m.starter().Execute(t.Context(), user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Owner: &anna}, Token: token}); !errors.Is(err, away) {
		t.Errorf("want %v, got %v", away, err)
	}
	m.port.preview, m.port.estimate = nil, func(domain.ErasureTarget, []string, time.Time) error { return away }
	if _, _, err := m.starter().Execute(t.Context(), user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Owner: &anna}, Token: token}); !errors.Is(err, away) {
		t.Errorf("want %v, got %v", away, err)
	}
	m.port.estimate = nil
	jobs := brokenJobs{away}
	e, _, err = domain.NewStartErasure(m.port, m.check(), m.run(), jobs, m.clock, m.logger()).Execute(t.Context(), user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Owner: &anna}, Token: token})
	if err != nil || !strings.Contains(m.log.String(), fmt.Sprintf(`msg="Could not enqueue an erasure; it starts with the next scan" erasure=%s error=away`, e.ID)) {
		t.Errorf("want it begun and the error logged, got %v, %s", err, &m.log)
	}
	m = newEraseMany()
	_, token = m.preview(t, user, domain.ErasureRequest{Owner: &anna})
	ctx, cancel = context.WithCancel(t.Context())
	m.port.create = func(domain.Erasure) error { return nil }
	hungUp := hangUp{cancel}
	if _, _, err := domain.NewStartErasure(m.port, m.check(), m.run(), hungUp, m.clock, m.logger()).Execute(ctx, user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Owner: &anna}, Token: token}); err != nil || m.log.Len() > 0 {
		t.Errorf("want who hung up not in the log, got %v, %s", err, &m.log)
	}
}

type brokenJobs struct{ err error }

func (j brokenJobs) Enqueue(context.Context, uuid.UUID) error { return j.err }

type hangUp struct{ cancel func() }

func (h hangUp) Enqueue(ctx context.Context, _ uuid.UUID) error { h.cancel(); return ctx.Err() }

func TestErasureIdempotencyKey(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	row, another := m.put(anna.String()), m.put(anna.String())
	request := domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{row.ID}}, Ticket: "T", IdempotencyKey: "key"}
	first, secret := m.start(t, user, request)
	again, sameSecret := m.start(t, user, request)
	if again.ID != first.ID || again.Done != 1 || *sameSecret != *secret || again.Secret != nil {
		t.Errorf("want %+v again, got %+v", first, again)
	}
	for name, change := range map[string]func(*domain.StartRequest){
		"target": func(r *domain.StartRequest) { r.Responses = []uuid.UUID{another.ID} },
		"ticket": func(r *domain.StartRequest) { r.Ticket = "U" },
		"ground": func(r *domain.StartRequest) { r.Ground = domain.GroundRequest },
	} {
		changed := request
		change(&changed)
		e, secret, err := m.starter().Execute(t.Context(), user, changed)
		wantError(t, err, domain.CodeConflict, errOtherKey)
		if secret != nil || e.ID != uuid.Nil {
			t.Errorf("%s: got %+v, %v", name, e, secret)
		}
	}
	_, _, err := m.starter().Execute(t.Context(), inAcme, request)
	wantError(t, err, domain.CodeConflict, errOtherKey) // the same person, on behalf of others
	stranger := domain.Principal{ID: ben, Roles: user.Roles}
	if other, _ := m.start(t, stranger, request); other.ID == first.ID || other.NotFound != 1 {
		t.Errorf("want one of the stranger's own, got %+v", other)
	}
	request.IdempotencyKey = ""
	if unkeyed, _ := m.start(t, user, request); unkeyed.ID == first.ID {
		t.Error("want a new one without a key")
	}

	// A token that was used belongs to the repeated request.
	_, token := m.preview(t, user, domain.ErasureRequest{Owner: &anna})
	keyed := domain.StartRequest{ErasureRequest: domain.ErasureRequest{Owner: &anna}, Token: token, IdempotencyKey: "owner"}
	begun, _ := m.start(t, user, keyed)
	m.put(anna.String())
	m.now = m.now.Add(time.Hour)
	if repeated, _ := m.start(t, user, keyed); repeated.ID != begun.ID {
		t.Errorf("want %s again, got %s", begun.ID, repeated.ID)
	}

	// Two at once: the one that comes second to the store is told of the first.
	m = newEraseMany()
	row = m.put(anna.String())
	request = domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{row.ID}}, IdempotencyKey: "key"}
	rival := request
	rival.Ticket = "another"
	blind := &erasures{Erasures: m.Erasures(), byKey: func() error { return domain.Errorf(domain.CodeNotFound, "not yet") }}
	starter := domain.NewStartErasure(blind, m.check(), m.run(), m.Jobs(), m.clock, m.logger())
	first, _ = m.start(t, user, request)
	if second, _, err := starter.Execute(t.Context(), user, request); err != nil || second.ID != first.ID {
		t.Errorf("want %s, got %+v, %v", first.ID, second, err)
	}
	_, _, err = starter.Execute(t.Context(), user, rival)
	wantError(t, err, domain.CodeConflict, errOtherKey)

	// A repeated request runs nothing: it may be under way elsewhere.
	m = newEraseMany()
	row = m.put(anna.String())
	request.Responses = []uuid.UUID{row.ID}
	away := domain.Errorf(domain.CodeUnavailable, "away")
	m.port.advance = func(context.Context, uuid.UUID) error { return away }
	m.start(t, user, request)
	m.port.advance = nil
	blind = &erasures{Erasures: m.Erasures(), byKey: func() error { return domain.Errorf(domain.CodeNotFound, "not yet") }}
	if second, _, err := domain.NewStartErasure(blind, m.check(), m.run(), m.Jobs(), m.clock, m.logger()).Execute(t.Context(), user, request); err != nil || second.State != domain.ErasurePending {
		t.Errorf("want it left to whoever runs it, got %+v, %v", second, err)
	}
}

// TestErasureVisibility: visible to the caller who requested it and to those who may
// erase everyone's responses.
func TestErasureVisibility(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	row := m.put(anna.String())
	hold, err := m.Holds().Place(t.Context(), domain.Hold{ID: uuid.New(), HoldTarget: domain.HoldTarget{Responses: []uuid.UUID{row.ID}}})
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]uuid.UUID, 101)
	for i := range rows {
		rows[i] = m.put(anna.String()).ID
	}
	e, _ := m.start(t, user, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{row.ID, rows[0]}}})
	if len(e.Failures) != 1 || e.Failures[0].Holds != nil {
		t.Errorf("want the hold untold to who may not see holds, got %+v", e.Failures)
	}
	e, err = m.Erasures().Get(t.Context(), e.ID)
	if err != nil || e.Secret == nil || e.Failures[0].Holds == nil {
		t.Fatalf("want it stored with everything, got %+v, %v", e, err)
	}
	due := domain.Erasure{ID: uuid.New(), Trigger: domain.TriggerRetention, Target: &domain.ErasureTarget{Filter: &domain.ResponseFilter{}}, Kind: domain.TargetFilter, State: domain.ErasurePending}
	if _, _, err := m.Erasures().Create(t.Context(), due); err != nil {
		t.Fatal(err)
	}
	stranger := domain.Principal{ID: ben, Roles: user.Roles}
	notFound := "Erasure with ID " + e.ID.String() + " not found"
	get, cancel, list, receipts := domain.NewGetErasure(m.port), domain.NewCancelErasure(m.port), domain.NewListErasures(m.port), domain.NewListErasureReceipts(m.port)
	for name, c := range map[string]struct {
		caller       domain.Principal
		sees, holder bool
		listed       int
	}{
		"caller who requested it":          {user, true, false, 1},
		"caller who requested it, no role": {domain.Principal{ID: anna}, true, false, -1},
		"administrator":                    {domain.Principal{ID: ben, Admin: true}, true, true, 2},
		"manager":                          {domain.Principal{ID: ben, Roles: overseer.Roles}, true, true, 2},
		"other caller":                     {stranger, false, false, 0},
		"other caller, no role":            {domain.Principal{ID: ben}, false, false, -1},
	} {
		got, err := get.Execute(t.Context(), c.caller, e.ID)
		page, pageErr := receipts.Execute(t.Context(), c.caller, e.ID, nil, nil)
		canceled, cancelErr := cancel.Execute(t.Context(), c.caller, e.ID)
		if !c.sees {
			wantError(t, err, domain.CodeNotFound, notFound)
			wantError(t, pageErr, domain.CodeNotFound, notFound)
			wantError(t, cancelErr, domain.CodeNotFound, notFound)
		} else if err != nil || got.ID != e.ID || got.Secret != nil || c.holder != (len(got.Failures[0].Holds) == 1 && got.Failures[0].Holds[0] == hold.ID) ||
			pageErr != nil || len(page.Items) != 1 || page.Limit != 10 || cancelErr != nil || canceled.State != domain.ErasureFinished || canceled.Secret != nil || c.holder == (canceled.Failures[0].Holds == nil) {
			t.Errorf("%s: got %+v, %v; %+v, %v; %+v, %v", name, got, err, page, pageErr, canceled, cancelErr)
		}
		_, dueErr := get.Execute(t.Context(), c.caller, due.ID)
		if seen := dueErr == nil; seen != (c.listed == 2) {
			t.Errorf("%s: a rule's erasure is visible: want %t, got %t", name, c.listed == 2, seen)
		}
		listed, err := list.Execute(t.Context(), c.caller, domain.ErasureListRequest{})
		switch {
		case c.listed < 0:
			wantError(t, err, domain.CodeForbidden, "Insufficient permissions to Read Erasures")
		case err != nil || len(listed.Items) != c.listed:
			t.Errorf("%s: want %d listed, got %+v, %v", name, c.listed, listed, err)
		case c.listed > 0 && (listed.Items[0].Secret != nil || c.holder == (listed.Items[0].Failures[0].Holds == nil)):
			t.Errorf("%s: got %+v", name, listed.Items[0])
		}
	}
	missing := uuid.New()
	for _, caller := range []domain.Principal{admin, user} {
		for _, err := range []error{
			second(get.Execute(t.Context(), caller, missing)), second(cancel.Execute(t.Context(), caller, missing)),
			second(receipts.Execute(t.Context(), caller, missing, nil, nil)),
		} {
			wantError(t, err, domain.CodeNotFound, "Erasure with ID "+missing.String()+" not found")
		}
	}
	for name, set := range map[string]func(*erasures, error){
		"get": func(p *erasures, err error) { p.get = func() error { return err } },
		"other calls": func(p *erasures, err error) {
			p.cancel, p.page, p.receipts = func() error { return err }, func() error { return err }, func() error { return err }
		},
	} {
		away := domain.Errorf(domain.CodeUnavailable, "away")
		port := &erasures{Erasures: m.Erasures()}
		set(port, away)
		_, getErr := domain.NewGetErasure(port).Execute(t.Context(), user, e.ID)
		got, cancelErr := domain.NewCancelErasure(port).Execute(t.Context(), user, e.ID)
		_, listErr := domain.NewListErasures(port).Execute(t.Context(), user, domain.ErasureListRequest{})
		_, receiptsErr := domain.NewListErasureReceipts(port).Execute(t.Context(), user, e.ID, nil, nil)
		if (name == "get") != errors.Is(getErr, away) || !errors.Is(cancelErr, away) || !errors.Is(receiptsErr, away) || (name != "get") != errors.Is(listErr, away) || got.ID != uuid.Nil {
			t.Errorf("%s: got %v, %v, %v, %v", name, getErr, cancelErr, listErr, receiptsErr)
		}
	}
	gone := &erasures{Erasures: m.Erasures(), cancel: func() error { return domain.Errorf(domain.CodeNotFound, "gone") }}
	_, err = domain.NewCancelErasure(gone).Execute(t.Context(), user, e.ID)
	wantError(t, err, domain.CodeNotFound, notFound)
}

func second[T any](_ T, err error) error { return err }

func TestListErasures(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	for i := range 7 {
		m.now = noon.Add(time.Duration(i) * time.Minute)
		caller := user
		if i%2 == 0 {
			caller = domain.Principal{ID: ben, Roles: user.Roles}
		}
		m.start(t, caller, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Responses: []uuid.UUID{uuid.New()}}})
	}
	list := domain.NewListErasures(m.port)
	bulk, retention := domain.TriggerBulk, domain.TriggerRetention
	finished := []domain.ErasureState{domain.ErasureFinished}
	all := func(caller domain.Principal, r domain.ErasureListRequest) (ids []uuid.UUID) {
		t.Helper()
		r.Limit = ptr(int64(2))
		for {
			page, err := list.Execute(t.Context(), caller, r)
			if err != nil || page.Limit != 2 || len(page.Items) > 2 {
				t.Fatalf("got %+v, %v", page, err)
			}
			for _, e := range page.Items {
				ids = append(ids, e.ID)
			}
			if page.Next == nil {
				return ids
			}
			r.After = page.Next
		}
	}
	for _, c := range []struct {
		caller domain.Principal
		r      domain.ErasureListRequest
		want   int
	}{
		{admin, domain.ErasureListRequest{}, 7}, {user, domain.ErasureListRequest{}, 3},
		{admin, domain.ErasureListRequest{Trigger: &bulk, States: finished}, 7}, {admin, domain.ErasureListRequest{Trigger: &retention}, 0},
		{admin, domain.ErasureListRequest{States: []domain.ErasureState{domain.ErasureFailed}}, 0},
	} {
		if ids := all(c.caller, c.r); len(ids) != c.want {
			t.Errorf("%+v: want %d, got %v", c.r, c.want, ids)
		}
	}
	page, err := list.Execute(t.Context(), admin, domain.ErasureListRequest{Limit: ptr(int64(1))})
	if err != nil || page.Next == nil {
		t.Fatalf("got page %+v, %v", page, err)
	}
	for name, other := range map[string]struct {
		caller domain.Principal
		r      domain.ErasureListRequest
	}{
		"own":     {user, domain.ErasureListRequest{}},
		"states":  {admin, domain.ErasureListRequest{States: finished}},
		"trigger": {admin, domain.ErasureListRequest{Trigger: &bulk}},
	} {
		other.r.After = page.Next
		if _, err := list.Execute(t.Context(), other.caller, other.r); err == nil || err.Error() != errAfter {
			t.Errorf("%s: want %q, got %v", name, errAfter, err)
		}
	}
	receipts := domain.NewListErasureReceipts(m.port)
	if _, err := receipts.Execute(t.Context(), admin, page.Items[0].ID, page.Next, nil); err == nil || err.Error() != errAfter {
		t.Errorf("want %q, got %v", errAfter, err)
	}
	owner := ben
	for range 500 {
		m.put(owner.String())
	}
	_, token := m.preview(t, admin, domain.ErasureRequest{Owner: &owner})
	e, _ := m.start(t, admin, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Owner: &owner}, Token: token})
	if _, err := m.run().Execute(t.Context(), e.ID, 0); err != nil {
		t.Fatal(err)
	}
	var seen int64
	var after *domain.Cursor
	for {
		page, err := receipts.Execute(t.Context(), admin, e.ID, after, ptr(int64(1)))
		if err != nil || page.Limit != 1 {
			t.Fatalf("got page %+v, %v", page, err)
		}
		for _, r := range page.Items {
			seen += r.Responses
		}
		if after = page.Next; after == nil {
			break
		}
	}
	if seen != 500 {
		t.Errorf("want receipts of 500 responses, got %d", seen)
	}
}

// TestRetentionYoungParts: a rule keeps a response while any of its parts is too
// young; a requested erasure does not.
func TestRetentionYoungParts(t *testing.T) {
	t.Parallel()
	for _, trigger := range []domain.Trigger{domain.TriggerRetention, domain.TriggerBulk} {
		m := newEraseMany()
		old, young := porttest.NewRow(ben.String(), "completed", noon), porttest.NewRow(ben.String(), "completed", noon.Add(time.Hour))
		m.AddChain(porttest.Chain(&old, &young)...)
		m.put(ben.String())
		rule := &domain.RuleVersion{ID: uuid.New(), Version: 2}
		e := domain.Erasure{ID: uuid.New(), Trigger: trigger, Rule: rule, Kind: domain.TargetFilter, AsOf: noon.Add(24 * time.Hour), State: domain.ErasurePending,
			Target: &domain.ErasureTarget{Filter: &domain.ResponseFilter{CreatedBefore: ptr(noon.Add(time.Minute))}}, Ground: domain.GroundRetention, Role: domain.ActorSystem, RequestedAt: noon}
		if _, _, err := m.Erasures().Create(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		over, err := m.run().Execute(t.Context(), e.ID, 0)
		got, getErr := m.Erasures().Get(t.Context(), e.ID)
		want := int64(1)
		if trigger == domain.TriggerBulk {
			want = 2
		}
		if err != nil || getErr != nil || !over || got.Done != want || got.NotFound+got.Held != 0 {
			t.Errorf("%s: want %d erased, got %+v, %v", trigger, want, got, err)
		}
	}
}

func TestRunErasure(t *testing.T) {
	t.Parallel()
	begin := func(rows int) (*eraseMany, uuid.UUID) {
		m := newEraseMany()
		for range rows {
			m.put(ben.String())
		}
		_, token := m.preview(t, admin, domain.ErasureRequest{Owner: &ben})
		e, _ := m.start(t, admin, domain.StartRequest{ErasureRequest: domain.ErasureRequest{Owner: &ben}, Token: token, Ground: domain.GroundRequest})
		return m, e.ID
	}
	m, id := begin(5000)
	calls := 0
	m.port.advance = func(context.Context, uuid.UUID) error { calls++; m.now = m.now.Add(time.Second); return nil }
	over, err := m.run().Execute(t.Context(), id, 3*time.Second)
	if err != nil || over || calls != 3 {
		t.Errorf("want its turn ended after 3 parts, got %v after %d, %v", over, calls, err)
	}
	over, err = m.run().Execute(t.Context(), id, 0)
	e, _ := m.Erasures().Get(t.Context(), id)
	if err != nil || !over || e.Done != 5000 || e.State != domain.ErasureFinished {
		t.Errorf("want it over, got %v, %+v, %v", over, e, err)
	}
	paced := 0
	for _, n := range m.paced {
		paced += n
	}
	if paced != 5000 {
		t.Errorf("want each part paced, got %v", m.paced)
	}
	if over, err := m.run().Execute(t.Context(), id, time.Second); !over || err != nil {
		t.Errorf("want nothing left to do, got %v, %v", over, err)
	}
	m.HastenVerification()
	m.now = time.Now().Add(time.Hour)
	m.put(ben.String())
	if over, err := m.run().Execute(t.Context(), id, 0); !over || err != nil {
		t.Fatalf("want it finished, got %t, %v", over, err)
	}
	if e, _ = m.Erasures().Get(t.Context(), id); e.Done != 5001 || e.VerifiedAt == nil {
		t.Errorf("want it verified, got %+v", e)
	}

	m, id = begin(1)
	away := domain.Errorf(domain.CodeUnavailable, "The database is away")
	for _, c := range []struct {
		err  error
		told string
	}{{away, "The database is away"}, {errors.New("a secret"), "The service failed; see its log"}} {
		m.port.advance = func(context.Context, uuid.UUID) error { return c.err }
		over, err := m.run().Execute(t.Context(), id, 0)
		e, _ := m.Erasures().Get(t.Context(), id)
		if over || !errors.Is(err, c.err) || e.LastError != c.told || e.State != domain.ErasurePending {
			t.Errorf("want %q noted, got %v, %v, %+v", c.told, over, err, e)
		}
		if domain.CodeOf(err) != domain.CodeOf(c.err) {
			t.Errorf("want code %s, got %s", domain.CodeOf(c.err), domain.CodeOf(err))
		}
	}
	if err := m.run().GiveUp(t.Context(), id, away); err != nil {
		t.Fatal(err)
	}
	if e, _ := m.Erasures().Get(t.Context(), id); e.State != domain.ErasureFailed || e.LastError != "The database is away" {
		t.Errorf("want it given up, got %+v", e)
	}
	m, id = begin(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if over, err := m.run().Execute(ctx, id, 0); over || !errors.Is(err, context.Canceled) {
		t.Errorf("want the context's error, got %v, %v", over, err)
	}
	if e, _ := m.Erasures().Get(t.Context(), id); e.LastError != "" {
		t.Errorf("want a stop to be no error, got %q", e.LastError)
	}
	if _, err := m.run().Execute(t.Context(), uuid.New(), 0); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}
}

// TestErasureLastError: a finished erasure reports that something could not be erased;
// a running one reports only what stops it.
func TestErasureLastError(t *testing.T) {
	t.Parallel()
	m := newEraseMany()
	rows := []uuid.UUID{m.put(anna.String()).ID, m.put(anna.String()).ID}
	m.Refuse(rows[0], true)
	get := func(id uuid.UUID) domain.Erasure {
		t.Helper()
		e, err := domain.NewGetErasure(m.port).Execute(t.Context(), user, id)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	own := domain.ErasureRequest{Owner: &anna}
	_, token := m.preview(t, user, own)
	e, _ := m.start(t, user, domain.StartRequest{ErasureRequest: own, Token: token})
	judge := func(e domain.Erasure, parts []domain.Part) ([]domain.Verdict, domain.Authorization) {
		return porttest.JudgeAll(e, parts)
	}
	for {
		after, err := m.port.Advance(t.Context(), e.ID, 1, judge)
		if err != nil {
			t.Fatal(err)
		}
		if shown := get(e.ID); !after.State.Finished() && shown.LastError != "" {
			t.Errorf("%s with %d refused: want no last error, got %q", shown.State, shown.Refused, shown.LastError)
		}
		if after.State.Finished() {
			break
		}
	}
	const want = "1 of its responses could not be erased; failures says which, and why"
	if shown := get(e.ID); shown.State != domain.ErasureFinished || shown.Refused != 1 || shown.LastError != want {
		t.Errorf("want %q, got %+v", want, shown.ErasureProgress)
	}
	// What it failed by counts for more.
	m.put(anna.String())
	_, token = m.preview(t, user, own)
	e, _ = m.start(t, user, domain.StartRequest{ErasureRequest: own, Token: token})
	after, err := m.port.Advance(t.Context(), e.ID, 2, judge)
	if err != nil || after.State.Finished() || after.Refused != 1 {
		t.Fatalf("want one refused and no end yet, got %+v, %v", after.ErasureProgress, err)
	}
	if err := m.port.Note(t.Context(), e.ID, "a reason", true); err != nil {
		t.Fatal(err)
	}
	if shown := get(e.ID); shown.State != domain.ErasureFailed || shown.LastError != "a reason" {
		t.Errorf("want the reason, got %+v", shown.ErasureProgress)
	}
	named := domain.ErasureRequest{Responses: []uuid.UUID{m.put(anna.String()).ID}}
	if e, _ := m.start(t, user, domain.StartRequest{ErasureRequest: named}); e.State != domain.ErasureFinished || e.LastError != "" {
		t.Errorf("want no last error, got %+v", e)
	}
}
