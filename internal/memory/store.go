// Package memory keeps everything in memory: the ports for tests of use cases.
//
// [Store] holds the rows and is the port of responses, people and usage; [Erasures]
// and [Holds] are further ports on it, and [Sessions] and [Log] ports of their own. All
// pass the tests of domain/porttest.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

// Store implements every port. It is safe for concurrent use; New makes an
// empty one and the Add methods fill it.
type Store struct {
	mu          sync.Mutex
	requests    map[uuid.UUID]porttest.Row
	prompts     map[uuid.UUID]uuid.UUID // templates by the request that refers to them
	templates   map[uuid.UUID]template
	files       int64
	batches     int64
	steps       map[uuid.UUID]step
	usage       []porttest.UsageRow
	charges     []porttest.Charge
	tasks       []uuid.UUID // the response of each
	refused     map[uuid.UUID]bool
	erased      map[uuid.UUID]tombstone
	holds       []domain.Hold
	subjects    []domain.SubjectRequest
	erasures    []*erasure
	rules       []*rule
	previews    []domain.Preview
	enqueued    []uuid.UUID
	people      map[uuid.UUID]person
	memberships []porttest.Membership
	keys        map[string]porttest.Key
	accesses    []domain.Access
	personFiles map[uuid.UUID]*personFile
	receipts    map[uuid.UUID][]uuid.UUID // by the owner who asked for the erasure
}

type template struct {
	file   porttest.File
	prompt string
}

type step struct {
	head    uuid.UUID
	request uuid.UUID // nil: a call of a tool

	sequence int
	payloads domain.Contents
}

// tombstone is when an erased request is looked for next, and how often it has
// been.
type tombstone struct {
	due    time.Time
	sweeps int
}

type person struct {
	domain.Person
	externalID   string
	name         string
	organization bool
}

var (
	_ domain.Responses    = (*Store)(nil)
	_ domain.UsageRecords = (*Store)(nil)
	_ domain.People       = (*Store)(nil)
	_ domain.AccessLog    = accessLog{}

	_ domain.ContentsReader = (*Store)(nil)
	_ domain.ExportLog      = (*Store)(nil)
)

// New makes an empty store.
func New() *Store {
	return &Store{
		requests:  make(map[uuid.UUID]porttest.Row),
		prompts:   make(map[uuid.UUID]uuid.UUID),
		templates: make(map[uuid.UUID]template),
		steps:     make(map[uuid.UUID]step),
		refused:   make(map[uuid.UUID]bool),
		erased:    make(map[uuid.UUID]tombstone),
		people:    make(map[uuid.UUID]person),
		keys:      make(map[string]porttest.Key),

		personFiles: make(map[uuid.UUID]*personFile),
		receipts:    make(map[uuid.UUID][]uuid.UUID),
	}
}

// AddResponse stores a request that is the whole of its response.
func (s *Store) AddResponse(row porttest.Row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(row)
}

// AddChain stores the steps of a response and their requests; the first is the
// head.
func (s *Store) AddChain(steps ...porttest.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, added := range steps {
		kept := step{head: steps[0].ID, sequence: i, payloads: domain.Contents{Prompt: added.Sent(), Answer: new(porttest.StepAnswer)}}
		if added.Row != nil {
			kept.request = added.Row.ID
			s.add(*added.Row)
		}
		s.steps[added.ID] = kept
	}
}

func (s *Store) add(row porttest.Row) {
	if row.Batched {
		row.Owner = ""
	}
	row.HasError = row.Error != nil
	s.requests[row.ID] = row
	if row.Batched {
		s.batches++
	}
	if row.NoTemplate {
		return
	}
	id := row.Template
	if id == uuid.Nil {
		id = uuid.New()
	}
	s.prompts[row.ID] = id
	if _, shared := s.templates[id]; shared {
		return
	}
	s.templates[id] = template{row.File, row.Prompt}
	if row.File != porttest.NoFile {
		s.files++
	}
	if row.File == porttest.MadeFile {
		s.batches++
	}
}

// AddCharge stores what was taken from a balance.
func (s *Store) AddCharge(c porttest.Charge) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.charges = append(s.charges, c)
}

// AddUsage stores what a response cost, and the copies that go with it.
func (s *Store) AddUsage(u porttest.UsageRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usage = append(s.usage, u)
}

// AddTask stores a queued or finished job that holds a response.
func (s *Store) AddTask(response uuid.UUID, _ bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks = append(s.tasks, response)
}

// Stored counts what is there.
func (s *Store) Stored() porttest.Stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	stored := porttest.Stored{
		Requests: int64(len(s.requests)), Templates: int64(len(s.templates)), Steps: int64(len(s.steps)),
		Tasks: int64(len(s.tasks)), Files: s.files, Batches: s.batches, Usage: int64(len(s.usage)),
	}
	for _, u := range s.usage {
		if u.Copied {
			stored.RawRequests++
			stored.RawResponses++
		}
	}
	return stored
}

func (s *Store) Page(ctx context.Context, q domain.PageQuery) ([]domain.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(s.matching(q.Filter), func(r domain.Response) bool {
		return q.After != nil && domain.PositionOf(r, q.ActiveFirst).Compare(*q.After) <= 0
	})
	slices.SortFunc(found, func(a, b domain.Response) int { return domain.CompareResponses(a, b, q.ActiveFirst) })
	first := min(q.Skip, int64(len(found)))
	last := min(first+q.Limit, int64(len(found)))
	return found[first:last], nil
}

// PageAndCount implements domain.Responses; its estimates are never off.
func (s *Store) PageAndCount(ctx context.Context, q domain.PageQuery, mode domain.CountMode) ([]domain.Response, *domain.Count, error) {
	page, err := s.Page(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	return page, &domain.Count{Total: int64(len(s.matching(q.Filter))), Exact: mode != domain.CountEstimate}, nil
}

func (s *Store) matching(filter domain.ResponseFilter) []domain.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []domain.Response
	for _, row := range s.requests {
		costed := row.Response
		if filter.MinTotalCost != nil {
			costed.KnownUsage = new(s.latest([]uuid.UUID{row.ID})[row.ID])
		}
		if !row.Batched && filter.Matches(costed) {
			found = append(found, row.Response)
		}
	}
	return found
}

func (s *Store) Get(ctx context.Context, id uuid.UUID, owners []string, limit int64, record *domain.Recording) (domain.Response, domain.Contents, error) {
	if err := ctx.Err(); err != nil {
		return domain.Response{}, domain.Contents{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.requests[id]
	if !ok || row.Batched || owners != nil && !slices.Contains(owners, row.Owner) {
		return domain.Response{}, domain.Contents{}, domain.Errorf(domain.CodeNotFound, "no such response")
	}
	row.Prompt = ""
	if t := s.templates[s.prompts[id]]; t.file != porttest.DeletedFile {
		row.Prompt = t.prompt
	}
	row.Revision = revision(row.Response, row.Contents)
	if n := row.Contents.Bytes(); n > limit {
		return row.Response, domain.Contents{Left: n}, nil
	}
	if record.Covers(row.Owner) {
		l := record.Access
		l.Response, l.Owner = id, row.Owner
		s.accesses = append(s.accesses, l)
	}
	return row.Response, row.Contents, nil
}

func (s *Store) GetSummary(ctx context.Context, id uuid.UUID, owners []string) (domain.Response, error) {
	response, _, err := s.Get(ctx, id, owners, math.MaxInt64, nil)
	return response, err
}

// GetAll implements domain.ContentsReader.
func (s *Store) GetAll(ctx context.Context, ids []uuid.UUID, owners []string, limit int64) (map[uuid.UUID]domain.ResponseContents, error) {
	all := make(map[uuid.UUID]domain.ResponseContents)
	for _, id := range ids {
		response, contents, err := s.Get(ctx, id, owners, limit, nil)
		switch {
		case err == nil:
			all[id] = domain.ResponseContents{Response: response, Contents: contents}
		case domain.CodeOf(err) != domain.CodeNotFound:
			return nil, err
		}
	}
	return all, ctx.Err()
}

// RecordExport implements domain.ExportLog.
func (s *Store) RecordExport(ctx context.Context, l domain.Access) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accesses = append(s.accesses, l)
	return nil
}

// revision is derived from all there is, as nothing records changes here.
func revision(r domain.Response, c domain.Contents) string {
	all, err := json.Marshal([]any{r, c})
	if err != nil {
		panic(err) // only for types that JSON has no form for
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:])
}

// The store is locked while permit runs, so permit must not use it.
func (s *Store) Erase(ctx context.Context, id uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	return s.erase(ctx, id, owners, false, permit)
}

// EraseWithLaterTurns implements domain.Responses, as Erase does.
func (s *Store) EraseWithLaterTurns(ctx context.Context, id uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	return s.erase(ctx, id, owners, true, permit)
}

func (s *Store) erase(ctx context.Context, id uuid.UUID, of []string, laterTurns bool, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	if err := ctx.Err(); err != nil {
		return domain.Erased{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.requests[id]
	if found, is := s.gone(id); is {
		if of != nil && (found.Unowned || slices.ContainsFunc(found.Owners, func(owner string) bool { return !slices.Contains(of, owner) })) {
			return domain.Erased{}, domain.Errorf(domain.CodeNotFound, "no such response of these owners")
		}
		if _, err := permit(found); err != nil {
			return domain.Erased{}, err
		}
		s.erased[id] = tombstone{due: time.Now().Add(domain.SweepAfter[0])}
		s.expireFiles(found.Owners...)
		if found.Unowned {
			s.expireAllFiles()
		}
		return s.remove([]uuid.UUID{id}, nil), nil
	}
	if !ok || row.Batched {
		return domain.Erased{}, domain.Errorf(domain.CodeNotFound, "no such response")
	}
	requests, steps := s.parts(id)
	var later []uuid.UUID
	if laterTurns {
		later = s.laterTurns(id, nil)
	}
	tooMany := len(later) > domain.MaxLaterTurns
	if tooMany {
		later = nil
	}
	for _, id := range later {
		r, st := s.parts(id)
		requests, steps = append(requests, r...), append(steps, st...)
	}
	owners := make([]string, len(requests))
	for i, part := range requests {
		owners[i] = s.requests[part].Owner
		if of != nil && !slices.Contains(of, owners[i]) {
			return domain.Erased{}, domain.Errorf(domain.CodeNotFound, "no such response of these owners")
		}
	}
	w, err := permit(domain.Found{Owners: owners, Holds: s.holdsOn(requests), LaterTurns: int64(len(later))})
	if err != nil {
		return domain.Erased{}, err
	}
	if tooMany {
		return domain.Erased{}, errTooManyTurns
	}
	if slices.ContainsFunc(requests, func(id uuid.UUID) bool { return s.refused[id] }) {
		return domain.Erased{}, domain.ErrDatabaseRefuses(nil)
	}
	for _, request := range requests {
		s.erased[request] = tombstone{due: time.Now().Add(domain.SweepAfter[0])}
	}
	if w.Actor != nil {
		s.receipts[*w.Actor] = append(s.receipts[*w.Actor], w.Receipt)
	}
	return s.remove(requests, steps), nil
}

// gone is what is known of a response whose row is gone and of which there are
// copies.
func (s *Store) gone(id uuid.UUID) (found domain.Found, is bool) {
	if _, ok := s.requests[id]; ok {
		return found, false
	}
	for _, u := range s.usage {
		if u.Response != id {
			continue
		}
		is = is || u.Copied
		switch {
		case u.Batched:
			return domain.Found{}, false
		case u.Owner == nil:
			found.Unowned = true
		case !slices.Contains(found.Owners, u.Owner.String()):
			found.Owners = append(found.Owners, u.Owner.String())
		}
	}
	for _, h := range s.holds {
		owned := slices.ContainsFunc(h.Owners, func(o uuid.UUID) bool { return found.Unowned || slices.Contains(found.Owners, o.String()) })
		if active(h) && (owned || h.Filter != nil || slices.Contains(h.Responses, id)) && len(found.Holds) < domain.MaxHoldsFound {
			found.Holds = append(found.Holds, shown(h))
		}
	}
	return found, is
}

func (s *Store) Sweep(ctx context.Context, limit int, _ domain.Authorization) (looked int, erased domain.Erased, err error) {
	if err := ctx.Err(); err != nil {
		return 0, domain.Erased{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var remain, steps []uuid.UUID
	for id, b := range s.erased {
		if looked == limit || b.due.After(time.Now()) {
			continue
		}
		looked++
		if refused := s.refused[id] && s.remains(id); refused || s.remains(id) && len(s.holdsOn([]uuid.UUID{id})) > 0 {
			if refused {
				err = domain.Errorf(domain.CodeRefused, "refused")
			}
			b.due = time.Now().Add(domain.SweepAfter[b.sweeps])
			s.erased[id] = b
			continue
		}
		if b.sweeps++; b.sweeps == len(domain.SweepAfter) {
			delete(s.erased, id)
		} else {
			b.due = time.Now().Add(domain.SweepAfter[b.sweeps])
			s.erased[id] = b
		}
		remain = append(remain, id)
	}
	for id, st := range s.steps {
		if slices.Contains(remain, st.request) {
			steps = append(steps, id)
		}
	}
	rows := slices.DeleteFunc(slices.Clone(remain), func(id uuid.UUID) bool { _, ok := s.requests[id]; return !ok })
	erased = s.remove(remain, steps)
	erased.Requests = int64(len(rows))
	return looked, erased, err
}

func (s *Store) Remaining(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { return !s.remains(id) }), nil
}

func (s *Store) EraseAgain(ctx context.Context, ids []uuid.UUID, _ domain.Authorization) (domain.Erased, error) {
	if err := ctx.Err(); err != nil {
		return domain.Erased{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(ids, func(id uuid.UUID) bool { return s.refused[id] && s.remains(id) }) {
		return domain.Erased{}, domain.Errorf(domain.CodeRefused, "refused")
	}
	var erased domain.Erased
	for _, id := range ids {
		if !s.remains(id) {
			continue
		}
		requests, steps := s.parts(id)
		removed := s.remove(requests, steps)
		for _, request := range requests {
			s.erased[request] = tombstone{due: time.Now().Add(domain.SweepAfter[0])}
		}
		erased.Add(removed)
	}
	return erased, nil
}

// remains tells whether there is anything of a request.
func (s *Store) remains(id uuid.UUID) bool {
	_, row := s.requests[id]
	return row || slices.Contains(s.tasks, id) ||
		slices.ContainsFunc(s.usage, func(u porttest.UsageRow) bool { return u.Copied && u.Response == id })
}

// Hasten makes everything that was erased due to be looked for.
func (s *Store) Hasten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, b := range s.erased {
		b.due = time.Time{}
		s.erased[id] = b
	}
}

// parts are the requests and steps of the response that a request belongs to.
func (s *Store) parts(id uuid.UUID) (requests, steps []uuid.UUID) {
	head := uuid.Nil
	for _, st := range s.steps {
		if st.request == id {
			head = st.head
		}
	}
	if head == uuid.Nil {
		return []uuid.UUID{id}, nil
	}
	for stepID, st := range s.steps {
		if st.head != head {
			continue
		}
		steps = append(steps, stepID)
		if st.request != uuid.Nil {
			requests = append(requests, st.request)
		}
	}
	return requests, steps
}

// orphanedBy says which templates no request needs any more when these are gone,
// how many others need of theirs, and how many files go.
func (s *Store) orphanedBy(requests []uuid.UUID) (orphans []uuid.UUID, kept, files int64) {
	theirs := make(map[uuid.UUID]bool) // whether others need it
	for _, id := range requests {
		if t, ok := s.prompts[id]; ok {
			theirs[t] = false
		}
	}
	for request, t := range s.prompts {
		if _, ok := theirs[t]; ok && !slices.Contains(requests, request) {
			theirs[t] = true
		}
	}
	for t, needed := range theirs {
		switch {
		case needed:
			kept++
		case s.templates[t].file == porttest.MadeFile:
			files++
			fallthrough
		default:
			orphans = append(orphans, t)
		}
	}
	return orphans, kept, files
}

func (s *Store) remove(requests, steps []uuid.UUID) domain.Erased {
	erased := domain.Erased{Steps: int64(len(steps))}
	orphans, kept, files := s.orphanedBy(requests)
	var owners []string
	for _, id := range requests {
		if row, there := s.requests[id]; there {
			owners = append(owners, row.Owner)
		}
	}
	s.expireFiles(owners...)
	for _, id := range requests {
		if _, there := s.requests[id]; there {
			erased.Requests++
		}
		delete(s.requests, id)
		delete(s.prompts, id)
	}
	for _, id := range orphans {
		delete(s.templates, id)
	}
	s.files -= files
	s.batches -= files
	erased.Templates, erased.KeptTemplates, erased.Files = int64(len(orphans)), kept, files
	for _, id := range steps {
		delete(s.steps, id)
	}
	for i, u := range s.usage {
		if u.Copied && slices.Contains(requests, u.Response) {
			s.usage[i].Copied = false
			erased.RawRequests++
			erased.RawResponses++
		}
	}
	s.tasks = slices.DeleteFunc(s.tasks, func(response uuid.UUID) bool {
		gone := slices.Contains(requests, response)
		if gone {
			erased.Tasks++
		}
		return gone
	})
	s.accesses = slices.DeleteFunc(s.accesses, func(l domain.Access) bool { return slices.Contains(requests, l.Response) })
	return erased
}

// AccessLog is the store as that port: another one has a Page, too.
func (s *Store) AccessLog() domain.AccessLog { return accessLog{s} }

type accessLog struct{ *Store }

func (s accessLog) Page(ctx context.Context, q domain.AccessQuery) ([]domain.Access, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []domain.Access
	for _, l := range s.Store.accesses {
		if q.Filter.Matches(l) && (q.After == nil || l.Position().Compare(*q.After) > 0) {
			found = append(found, l)
		}
	}
	slices.SortFunc(found, func(a, b domain.Access) int { return a.Position().Compare(b.Position()) })
	return found[:min(q.Limit, int64(len(found)))], nil
}

func (s *Store) Latest(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]domain.Usage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest(ids), nil
}

func (s *Store) latest(ids []uuid.UUID) map[uuid.UUID]domain.Usage {
	newest := make(map[uuid.UUID]porttest.UsageRow)
	for _, u := range s.usage {
		if n, ok := newest[u.Response]; slices.Contains(ids, u.Response) && (!ok || u.At.After(n.At)) {
			newest[u.Response] = u
		}
	}
	usage := make(map[uuid.UUID]domain.Usage, len(newest))
	for id, u := range newest {
		usage[id] = domain.Usage{
			PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens,
			TotalTokens: u.TotalTokens, ReasoningTokens: &u.ReasoningTokens, Cost: cost(u),
		}
	}
	for _, c := range slices.Backward(s.charges) {
		if u, recorded := usage[c.Response]; !c.NoUsage && u.Cost == nil && (recorded || slices.Contains(ids, c.Response)) {
			u.Cost = new(domain.Decimal(strings.TrimPrefix(string(c.Amount), "-")))
			usage[c.Response] = u
		}
	}
	return usage
}

// cost is the tokens times their prices to eight digits.
func cost(u porttest.UsageRow) *domain.Decimal {
	if u.PromptTokens == nil || u.CompletionTokens == nil || u.PromptPrice == nil || u.CompletionPrice == nil {
		return nil
	}
	if nan := domain.Decimal("NaN"); *u.PromptPrice == nan || *u.CompletionPrice == nan {
		return &nan
	}
	times := func(tokens int64, price domain.Decimal) *big.Rat {
		p, _ := new(big.Rat).SetString(string(price))
		return p.Mul(p, new(big.Rat).SetInt64(tokens))
	}
	sum := times(*u.PromptTokens, *u.PromptPrice)
	sum.Add(sum, times(*u.CompletionTokens, *u.CompletionPrice))
	d := domain.Decimal(sum.FloatString(8))
	return &d
}

// AddPerson stores a human.
func (s *Store) AddPerson(p porttest.Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[p.ID] = person{
		Person:     domain.Person{ID: p.ID, Email: p.Email, Admin: p.Admin, Deleted: p.Deleted, Roles: p.Roles, LastLogin: p.LastLogin},
		externalID: p.ExternalID, name: p.Name,
	}
}

// AddOrganization stores an organization.
func (s *Store) AddOrganization(o porttest.Organization) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[o.ID] = person{
		Person: domain.Person{ID: o.ID, Email: o.Email, Deleted: o.Deleted},
		name:   o.Name, organization: true,
	}
}

// AddMembership makes a stored person a member of a stored organization.
func (s *Store) AddMembership(m porttest.Membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memberships = append(s.memberships, m)
}

// AddKey stores a key of a stored person.
func (s *Store) AddKey(k porttest.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[k.Secret] = k
}

func (s *Store) ByKey(ctx context.Context, secret string) (domain.Key, error) {
	if err := ctx.Err(); err != nil {
		return domain.Key{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.keys[secret]
	if !ok || k.Deleted {
		return domain.Key{}, domain.Errorf(domain.CodeNotFound, "no such key")
	}
	creator, err := s.person(func(p person) bool { return p.ID == k.Creator })
	return domain.Key{Owner: k.Owner, Creator: creator, Purpose: k.Purpose}, err
}

func (s *Store) ByID(ctx context.Context, id uuid.UUID) (domain.Person, error) {
	if err := ctx.Err(); err != nil {
		return domain.Person{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.person(func(p person) bool { return p.ID == id })
}

func (s *Store) ByExternalID(ctx context.Context, name string) (domain.Person, error) {
	if err := ctx.Err(); err != nil {
		return domain.Person{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.person(func(p person) bool { return name != "" && p.externalID == name })
}

func (s *Store) person(is func(person) bool) (domain.Person, error) {
	for _, p := range s.people {
		if !is(p) {
			continue
		}
		for _, m := range s.memberships {
			if m.Person == p.ID && !m.Pending && !s.people[m.Organization].Deleted {
				p.Organizations = append(p.Organizations, m.Organization)
			}
		}
		return p.Person, nil
	}
	return domain.Person{}, domain.Errorf(domain.CodeNotFound, "no such person")
}

func (s *Store) Emails(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	emails := make(map[uuid.UUID]string)
	for _, id := range ids {
		if p, ok := s.people[id]; ok {
			emails[id] = p.Email
		}
	}
	return emails, nil
}

func (s *Store) ByEmail(ctx context.Context, email string) ([]uuid.UUID, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []uuid.UUID
	for id, p := range s.people {
		if p.Email == email {
			ids = append(ids, id)
		}
	}
	if len(ids) > domain.MaxNamesakes {
		return nil, domain.ErrNamesakes
	}
	return ids, nil
}

func (s *Store) Owners(ctx context.Context, q domain.OwnerQuery) ([]domain.Owner, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.ToLower(q.Text)
	var found, exact []domain.Owner
	for id, p := range s.people {
		words := []string{id.String(), strings.ToLower(p.Email), strings.ToLower(p.name)}
		contains := func(word string) bool { return strings.Contains(word, text) }
		if id == uuid.Nil || q.Among != nil && !slices.Contains(q.Among, id) || !slices.ContainsFunc(words, contains) {
			continue
		}
		o := domain.Owner{ID: id, Email: p.Email, Name: p.name, Organization: p.organization, Deleted: p.Deleted}
		if slices.Contains(words, text) {
			exact = append(exact, o)
		} else {
			found = append(found, o)
		}
	}
	byAddress := func(a, b domain.Owner) int {
		return cmp.Or(strings.Compare(a.Email, b.Email), bytes.Compare(a.ID[:], b.ID[:]))
	}
	slices.SortFunc(exact, byAddress)
	slices.SortFunc(found, byAddress)
	found = append(exact, found...)
	return found[:min(len(found), int(q.Limit))], nil
}

func (s *Store) SawLogin(id uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.people[id]; ok {
		now := time.Now().UTC()
		p.LastLogin = &now
		s.people[id] = p
	}
}
