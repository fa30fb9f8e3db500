package property

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

// Fixture is an empty implementation of every port and ways to fill it.
type Fixture interface {
	porttest.ResponsesFixture
	porttest.UsageFixture
	porttest.PeopleFixture
}

const questionsPerWorld = 12

// Run makes random worlds from a seed, asks the use cases and the model the
// same questions about each, and compares what they say and what is left. It
// counts the kinds of answers.
func Run(t *testing.T, newFixture func(t *testing.T) Fixture, seed uint64, worlds int) map[string]int {
	t.Helper()
	kinds := make(map[string]int)
	for n := range worlds {
		g := generator{rand.New(rand.NewPCG(seed, uint64(n)))}
		w := g.world()
		f := newFixture(t)
		fill(f, w)
		for range questionsPerWorld {
			q := g.question(w)
			before := f.Stored()
			rows := len(w.rows)
			want := w.answer(q)
			got := ask(t, f, q)
			after := f.Stored()
			if w, g := fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got); w != g {
				t.Errorf("seed %d, world %d, question %+v:\nwant %s\ngot  %s", seed, n, q, w, g)
			}
			if gone := before.Requests - after.Requests; gone != int64(rows-len(w.rows)) {
				t.Errorf("seed %d, world %d, question %+v: want %d rows gone, got %d", seed, n, q, rows-len(w.rows), gone)
			}
			if wantLeft, gotLeft := visible(w), left(t, f); !slices.Equal(wantLeft, gotLeft) {
				t.Errorf("seed %d, world %d, question %+v: want left %v, got %v", seed, n, q, wantLeft, gotLeft)
			}
			if t.Failed() {
				return kinds
			}
			kinds[kind(q, want)]++
		}
	}
	return kinds
}

func kind(q question, a answer) string {
	switch {
	case a.code != "":
		return q.operation + " " + a.code
	case len(a.erased) > 1:
		return "erase chain"
	case q.operation == "list" && len(a.ids) == 0:
		return "list nothing"
	}
	return q.operation
}

// Kinds are the answers that enough random worlds must bring about.
var Kinds = []string{
	"list", "list nothing", "list unauthenticated", "list forbidden", "list invalid",
	"get", "get unauthenticated", "get forbidden", "get not_found",
	"erase", "erase chain", "erase unauthenticated", "erase forbidden", "erase not_found",
}

// ask puts the question to the use cases.
func ask(t *testing.T, f Fixture, q question) answer {
	t.Helper()
	ctx := t.Context()
	credentials := domain.Credentials{Key: q.key, ExternalID: q.externalID}
	for _, s := range q.sessions {
		credentials.Sessions = append(credentials.Sessions, uuid.MustParse(s))
	}
	if q.organization != "" {
		id := uuid.MustParse(q.organization)
		credentials.Organization = &id
	}
	caller, err := domain.NewIdentifyCaller(f.People(), time.Now).Execute(ctx, credentials)
	if err != nil {
		return refusal(err)
	}
	log := slog.New(slog.DiscardHandler)
	switch q.operation {
	case "list":
		return askList(t, domain.NewListResponses(f.Responses(), f.UsageRecords(), f.People(), log), caller, q)
	case "get":
		got, err := domain.NewGetResponse(f.Responses(), f.UsageRecords(), f.People(), time.Now, log).Execute(ctx, caller, domain.GetRequest{ID: uuid.MustParse(q.id)})
		if err != nil {
			return refusal(err)
		}
		return answer{ids: []string{got.ID.String()}, emails: []string{text(got.OwnerEmail)}}
	default:
		// The model knows which rows go; the port says only how many.
		before := left(t, f)
		erased, _, err := domain.NewEraseResponse(f.Responses(), time.Now).Execute(ctx, caller, uuid.MustParse(q.id), false)
		if err != nil {
			return refusal(err)
		}
		after := left(t, f)
		gone := slices.DeleteFunc(before, func(id string) bool { return slices.Contains(after, id) })
		if erased.Requests != int64(len(gone)) {
			t.Errorf("erased rows: the erasure reported %d, got %d gone", erased.Requests, len(gone))
		}
		slices.Sort(gone)
		return answer{erased: gone}
	}
}

var counts = map[string]domain.CountMode{
	"auto": domain.CountAuto, "exact": domain.CountExact, "estimate": domain.CountEstimate, "none": domain.CountNone,
}

func askList(t *testing.T, list *domain.ListResponses, caller domain.Principal, q question) answer {
	t.Helper()
	r := domain.ListRequest{
		OwnerEmail:  q.email,
		State:       q.state,
		ActiveFirst: q.activeFirst,
		Skip:        q.skip,
		Limit:       q.limit,
		Count:       counts[q.count],
		ResponseFilter: domain.ResponseFilter{
			States:    q.states,
			Models:    q.models,
			Tiers:     q.tiers,
			StatusMin: q.minStatus,
			StatusMax: q.maxStatus,
			HasError:  q.failed,
		},
	}
	if q.took != nil {
		minStatus := time.Duration(*q.took) * time.Millisecond
		r.MinDuration = &minStatus
	}
	if q.member != nil {
		id := uuid.MustParse(*q.member)
		r.MemberID = &id
	}
	if q.after != nil {
		at := time.UnixMicro(*q.after).UTC()
		r.CreatedAfter = &at
	}
	if q.before != nil {
		at := time.UnixMicro(*q.before).UTC()
		r.CreatedBefore = &at
	}
	page, err := list.Execute(t.Context(), caller, r)
	if err != nil {
		return refusal(err)
	}
	a := answer{skip: page.Skip, limit: page.Limit, total: -1}
	if (page.Count == nil) != (q.count == "none") {
		t.Errorf("want counts of kind %s, got %+v", q.count, page.Count)
	} else if page.Count != nil && q.count != "estimate" {
		a.total = int(page.Count.Total)
		if !page.Count.Exact {
			t.Errorf("count of a few rows: want it exact, got %+v", page.Count)
		}
	}
	for _, item := range page.Items {
		a.ids = append(a.ids, item.ID.String())
		a.emails = append(a.emails, text(item.OwnerEmail))
	}
	// To the end of the list, in pages of another size.
	r.Skip, r.Count = nil, domain.CountNone
	for items, next := page.Items, page.Next; ; {
		for _, item := range items {
			a.rest += item.ID.String() + " "
		}
		if next == nil {
			return a
		}
		limit := page.Limit + 1
		r.After, r.Limit = next, &limit
		more, err := list.Execute(t.Context(), caller, r)
		if err != nil || len(more.Items) == 0 {
			t.Errorf("want more after a page that promised it, got %d, %v", len(more.Items), err)
			return a
		}
		items, next = more.Items, more.Next
	}
}

func refusal(err error) answer {
	return answer{code: string(domain.CodeOf(err)), message: err.Error()}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func visible(w *world) (ids []string) {
	for _, r := range w.rows {
		if !r.batched {
			ids = append(ids, r.id)
		}
	}
	slices.Sort(ids)
	return ids
}

func left(t *testing.T, f Fixture) (ids []string) {
	t.Helper()
	page, err := f.Responses().Page(t.Context(), domain.PageQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page {
		ids = append(ids, r.ID.String())
	}
	slices.Sort(ids)
	return ids
}

// fill stores a world.
func fill(f Fixture, w *world) {
	for _, u := range w.users {
		id := uuid.MustParse(u.id)
		if u.organization {
			f.AddOrganization(porttest.Organization{ID: id, Email: u.email, Deleted: u.deleted})
			continue
		}
		p := porttest.Person{ID: id, Email: u.email, Admin: u.admin, Deleted: u.deleted, ExternalID: u.externalID, Roles: []domain.Role{"STANDARDUSER"}}
		for role, has := range map[domain.Role]bool{"PLATFORMMANAGER": u.manager, "BATCHAPIUSER": u.batch, "CONNECTIONSUSER": u.connect} {
			if has {
				p.Roles = append(p.Roles, role)
			}
		}
		f.AddPerson(p)
	}
	for _, m := range w.memberships {
		f.AddMembership(porttest.Membership{Person: uuid.MustParse(m.user), Organization: uuid.MustParse(m.organization), Pending: !m.active})
	}
	for _, k := range w.keys {
		f.AddKey(porttest.Key{Secret: k.secret, Owner: uuid.MustParse(k.owner), Creator: uuid.MustParse(k.creator), Purpose: k.purpose, Deleted: k.deleted})
	}
	chains := make(map[int][]*porttest.Row)
	for _, r := range w.rows {
		stored := porttest.NewRow(r.owner, r.state, time.UnixMicro(r.created).UTC())
		stored.ID, stored.Model, stored.Batched = uuid.MustParse(r.id), r.model, r.batched
		if r.tier != "" {
			stored.Tier = &r.tier
		}
		stored.HTTPStatus, stored.CompletedAt = nil, nil
		if r.status != 0 {
			stored.HTTPStatus = &r.status
		}
		if r.took >= 0 {
			at := stored.StartedAt.Add(time.Duration(r.took) * time.Millisecond)
			stored.CompletedAt = &at
		}
		if r.failed {
			words := "an error"
			stored.Error, stored.HasError = &words, true
		}
		if r.chain == 0 {
			f.AddResponse(stored)
		} else {
			chains[r.chain] = append(chains[r.chain], &stored, nil)
		}
	}
	for _, rows := range chains {
		f.AddChain(porttest.Chain(rows...)...)
	}
}

// generator draws worlds and questions so small that things often meet.
type generator struct{ *rand.Rand }

func (g generator) id() string {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(g.Uint32())
	}
	return id.String()
}

// email is this one's own, or one that others may have, too.
func (g generator) email(own string) string {
	if g.chance(25) {
		return "shared@example.com"
	}
	return own
}

// chance is true n times in a hundred.
func (g generator) chance(n int) bool { return g.IntN(100) < n }

func pick[T any](g generator, from []T) T { return from[g.IntN(len(from))] }

func (g generator) world() *world {
	w := new(world)
	var people, organizations []string
	for i := range 4 {
		u := user{
			id: g.id(), email: g.email(fmt.Sprintf("person%d@example.com", i)), externalID: fmt.Sprintf("person%d", i),
			admin: g.chance(8), deleted: g.chance(12), manager: g.chance(12), batch: g.chance(45), connect: g.chance(25),
		}
		people = append(people, u.id)
		w.users = append(w.users, u)
	}
	// The system's row may do everything, and is nobody.
	people = append(people, nobody)
	w.users = append(w.users, user{id: nobody, email: "system@example.com", externalID: "person4", admin: true})
	for i := range 2 {
		u := user{id: g.id(), email: g.email(fmt.Sprintf("organization%d@example.com", i)), organization: true, deleted: g.chance(12)}
		organizations = append(organizations, u.id)
		w.users = append(w.users, u)
	}
	for _, p := range people {
		for _, o := range organizations {
			if g.chance(55) {
				w.memberships = append(w.memberships, membership{p, o, g.chance(75)})
			}
		}
	}
	for i := range 15 {
		k := key{secret: fmt.Sprintf("secret %d", i), creator: people[i%5], purpose: "platform", deleted: g.chance(10)}
		k.owner = k.creator
		if i >= 5 && g.chance(85) {
			k.owner = pick(g, organizations)
		} else if g.chance(10) {
			k.owner = pick(g, people)
		}
		if g.chance(10) {
			k.purpose = pick(g, []string{"realtime", "batch", "inference", "playground"})
		}
		w.keys = append(w.keys, k)
	}
	owners := slices.Concat(people, people, organizations, organizations, organizations)
	owners = append(owners, "someone", strings.ToUpper(people[0]), g.id())
	for chain := range g.IntN(12) {
		parts, number := 1, 0
		if g.chance(50) {
			parts, number = 1+g.IntN(4), chain+1
		}
		owner, mixed := pick(g, owners), g.chance(40)
		for range parts {
			if mixed {
				owner = pick(g, owners)
			}
			r := row{
				id: g.id(), owner: owner, chain: number, batched: g.chance(6),
				state: pick(g, []string{"pending", "claimed", "processing", "completed", "failed", "canceled"}),
				model: pick(g, []string{"a", "b", "c"}), tier: pick(g, []string{"", "auto", "default", "flex", "priority"}),
				created: 1_700_000_000_000_000 + g.Int64N(6),
			}
			if r.batched {
				r.owner = ""
			}
			r.took = -1
			switch r.state {
			case "completed":
				r.status, r.took, r.failed = pick(g, []int{200, 404, 500}), g.Int64N(3), g.chance(20)
			case "failed":
				r.status, r.failed = pick(g, []int{0, 404, 502}), true
			}
			w.rows = append(w.rows, r)
		}
	}
	return w
}

func (g generator) question(w *world) question {
	q := question{operation: pick(g, []string{"list", "get", "erase"}), id: g.id()}
	if len(w.rows) > 0 && g.chance(90) {
		q.id = pick(g, w.rows).id
	}
	anyone := func() string {
		if g.chance(8) {
			return g.id()
		}
		return pick(g, w.users).id
	}
	if g.chance(75) {
		q.key = "no secret"
		if g.chance(95) {
			q.key = pick(g, w.keys).secret
		}
	}
	for g.chance(50) {
		q.sessions = append(q.sessions, anyone())
	}
	if g.chance(35) {
		q.externalID = pick(g, []string{"person0", "person1", "person2", "person3", "person4", "person5"})
	}
	if g.chance(40) {
		q.organization = anyone()
	}
	if q.operation != "list" {
		return q
	}
	if g.chance(25) {
		member := anyone()
		q.member = &member
	}
	if g.chance(25) {
		state := pick(g, []string{"pending", "claimed", "processing", "completed", "failed", "canceled", "unknown"})
		q.state = &state
	}
	some := func(from []string) []string {
		words := []string{}
		for g.chance(65) {
			words = append(words, pick(g, from))
		}
		return words
	}
	if g.chance(20) {
		email := pick(g, w.users).email
		if g.chance(10) {
			email = "nobody@example.com"
		}
		q.email = &email
	}
	if g.chance(20) {
		q.states = some([]string{"pending", "claimed", "processing", "completed", "failed", "canceled", "unknown"})
	}
	if g.chance(25) {
		q.models = some([]string{"a", "b", "c", "d"})
	}
	if g.chance(25) {
		q.tiers = some([]string{"auto", "default", "flex", "priority", "unknown"})
	}
	number := func(numbers ...int64) *int64 { n := pick(g, numbers); return &n }
	if g.chance(20) {
		q.after = number(1_700_000_000_000_000 + g.Int64N(7))
	}
	if g.chance(20) {
		q.before = number(1_700_000_000_000_000 + g.Int64N(7))
	}
	if g.chance(10) {
		q.minStatus = number(-1, 200, 404, 405, 1<<40)
	}
	if g.chance(10) {
		q.maxStatus = number(-1<<40, 200, 404, 499, 502)
	}
	if g.chance(10) {
		q.took = number(0, 1, 2, 3)
	}
	if g.chance(15) {
		failed := g.chance(50)
		q.failed = &failed
	}
	q.count = pick(g, []string{"auto", "auto", "exact", "estimate", "none"})
	if g.chance(50) {
		activeFirst := g.chance(50)
		q.activeFirst = &activeFirst
	}
	if g.chance(30) {
		q.skip = number(-1, 0, 1, 2, 5, 1<<62)
	}
	if g.chance(40) {
		q.limit = number(-1<<63, -1, 0, 1, 2, 3, 10, 101, 102, 1<<62)
	}
	return q
}
