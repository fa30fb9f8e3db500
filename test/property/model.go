// Package property compares the use cases with a model of the rules of access
// that is written apart from them: its own data, plain loops, and nothing of
// the domain's code.
package property

import (
	"slices"
	"sort"
	"strings"
)

// world is all rows there are, as text and numbers.
type world struct {
	users       []user
	memberships []membership
	keys        []key
	rows        []row
}

// user is a person or an organization.
type user struct {
	id, email, externalID   string
	organization            bool
	admin, deleted          bool
	manager, batch, connect bool // PLATFORMMANAGER, BATCHAPIUSER, CONNECTIONSUSER
}

type membership struct {
	user, organization string
	active             bool
}

type key struct {
	secret, owner, creator, purpose string
	deleted                         bool
}

type row struct {
	id, owner, state, model, tier string // a tier of "" is none
	batched, failed               bool   // failed: with an error
	created                       int64  // microseconds
	status                        int    // 0: none
	took                          int64  // milliseconds; -1: unknown
	chain                         int    // rows with the same number are one response; 0: alone
}

// question is one request: who asks, what, and of which row.
type question struct {
	key          string
	sessions     []string
	externalID   string
	organization string // "": none was chosen

	operation            string // list, get or erase
	id                   string
	member, state        *string
	email                *string
	states               []string // nil: not given, as of those below
	models, tiers        []string
	after, before        *int64
	minStatus, maxStatus *int64 // of the status
	took                 *int64 // at least
	failed               *bool
	activeFirst          *bool
	skip, limit          *int64
	count                string // auto, exact, estimate or none
}

// answer is what must come of it.
type answer struct {
	code, message string // both empty: it succeeds
	ids           []string
	emails        []string // of the owners of ids; "": unknown
	total         int      // -1: not counted, or not for sure
	rest          string   // identifiers of all that come after skip, page by page
	skip, limit   int64
	erased        []string // identifiers of rows
}

const nobody = "00000000-0000-0000-0000-000000000000"

func (w *world) user(id string) (user, bool) {
	for _, u := range w.users {
		if u.id == id {
			return u, true
		}
	}
	return user{}, false
}

// living is a user who is neither deleted nor the nil UUID.
func (w *world) living(id string) (user, bool) {
	u, ok := w.user(id)
	return u, ok && !u.deleted && id != nobody
}

// member tells of active memberships of organizations that are not deleted.
func (w *world) member(id, organization string) bool {
	for _, m := range w.memberships {
		if m.user == id && m.organization == organization && m.active {
			o, ok := w.user(organization)
			return ok && !o.deleted
		}
	}
	return false
}

func readsAll(u user) bool  { return u.admin || u.manager }
func reads(u user) bool     { return readsAll(u) || u.batch || u.connect }
func erasesAll(u user) bool { return u.admin || u.manager }
func erases(u user) bool    { return erasesAll(u) || u.batch }

// caller returns who asks and the active organization.
func (w *world) caller(q question) (u user, organization string, ok bool) {
	u, organization, ok = w.credentials(q)
	if ok && q.organization != "" && w.member(u.id, q.organization) {
		organization = q.organization
	}
	return u, organization, ok
}

func (w *world) credentials(q question) (u user, organization string, ok bool) {
	for _, k := range w.keys {
		if q.key == "" || k.secret != q.key || k.deleted || k.purpose != "platform" {
			continue
		}
		if u, ok = w.living(k.creator); !ok {
			continue
		}
		if k.owner == k.creator {
			return u, "", true
		}
		if readsAll(u) || w.member(u.id, k.owner) {
			return u, k.owner, true
		}
	}
	people := map[string]bool{}
	for _, id := range q.sessions {
		people[id] = true
	}
	if len(people) > 8 { // nobody's browser has so many
		return user{}, "", false
	}
	for _, id := range q.sessions {
		if u, ok = w.living(id); ok {
			return u, "", true
		}
	}
	for _, candidate := range w.users {
		if q.externalID != "" && candidate.externalID == q.externalID {
			if u, ok = w.living(candidate.id); ok {
				return u, "", true
			}
		}
	}
	return user{}, "", false
}

// answer answers and, when it erases, takes the rows away.
func (w *world) answer(q question) answer {
	u, organization, ok := w.caller(q)
	if !ok {
		return answer{code: "unauthenticated", message: "Authentication required"}
	}
	switch q.operation {
	case "list":
		if !reads(u) {
			return answer{code: "forbidden", message: "Insufficient permissions to Read Batches"}
		}
		return w.list(q, u, organization)
	case "get":
		if !reads(u) {
			return answer{code: "forbidden", message: "Insufficient permissions to Read Batches"}
		}
		for _, r := range w.rows {
			if r.id == q.id && !r.batched && (readsAll(u) || r.owner == u.id || organization != "" && r.owner == organization) {
				return answer{ids: []string{r.id}, emails: []string{w.email(r.owner)}}
			}
		}
	case "erase":
		if !erases(u) {
			return answer{code: "forbidden", message: "Insufficient permissions to Delete Batches"}
		}
		if parts := w.parts(q.id); parts != nil {
			for _, r := range parts {
				if r.batched || !(erasesAll(u) || r.owner == u.id || organization != "" && r.owner == organization) {
					return missing(q.id)
				}
			}
			return answer{erased: w.take(parts)}
		}
	}
	return missing(q.id)
}

func missing(id string) answer {
	return answer{code: "not_found", message: "Response with ID " + id + " not found"}
}

// email is that of a known user, deleted or not.
func (w *world) email(owner string) string {
	u, _ := w.user(owner)
	return u.email
}

// parts are the rows of the response that this row is a part of.
func (w *world) parts(id string) (parts []row) {
	for _, asked := range w.rows {
		if asked.id != id {
			continue
		}
		for _, r := range w.rows {
			if r.id == id || asked.chain != 0 && r.chain == asked.chain {
				parts = append(parts, r)
			}
		}
	}
	return parts
}

func (w *world) take(parts []row) (ids []string) {
	for _, r := range parts {
		ids = append(ids, r.id)
	}
	sort.Strings(ids)
	w.rows = slices.DeleteFunc(w.rows, func(r row) bool { return slices.Contains(ids, r.id) })
	return ids
}

func (w *world) list(q question, u user, organization string) answer {
	scope := "" // everyone
	switch {
	case q.member != nil && !readsAll(u):
		return answer{code: "invalid", message: "member_id filter requires platform manager permissions"}
	case q.email != nil && !readsAll(u):
		return answer{code: "invalid", message: "created_by_email filter requires platform manager permissions"}
	case q.member != nil:
		scope = *q.member
	case organization != "":
		scope = organization
	case !readsAll(u):
		scope = u.id
	}
	var found []row
	for _, r := range w.rows {
		if r.batched ||
			scope != "" && r.owner != scope ||
			q.email != nil && (w.email(r.owner) == "" || w.email(r.owner) != *q.email) ||
			q.state != nil && r.state != *q.state ||
			q.states != nil && !slices.Contains(q.states, r.state) ||
			q.minStatus != nil && (r.status == 0 || int64(r.status) < *q.minStatus) ||
			q.maxStatus != nil && (r.status == 0 || int64(r.status) > *q.maxStatus) ||
			q.took != nil && (r.took < 0 || r.took < *q.took) ||
			q.failed != nil && r.failed != *q.failed ||
			q.models != nil && !slices.Contains(q.models, r.model) ||
			q.tiers != nil && (r.tier == "" || !slices.Contains(q.tiers, r.tier)) ||
			q.after != nil && r.created < *q.after ||
			q.before != nil && r.created > *q.before {
			continue
		}
		found = append(found, r)
	}
	// From the least important: each sort keeps the order of those before.
	sort.SliceStable(found, func(i, j int) bool { return found[i].id > found[j].id })
	sort.SliceStable(found, func(i, j int) bool { return found[i].created > found[j].created })
	if q.activeFirst == nil || *q.activeFirst {
		const order = "processing claimed pending"
		rank := func(state string) int {
			if at := strings.Index(order, state); at >= 0 {
				return at
			}
			return len(order)
		}
		sort.SliceStable(found, func(i, j int) bool { return rank(found[i].state) < rank(found[j].state) })
	}

	a := answer{total: len(found), skip: 0, limit: 10}
	if q.skip != nil && *q.skip > 0 {
		a.skip = *q.skip
	}
	if q.limit != nil {
		a.limit = *q.limit
		if a.limit < 1 {
			a.limit = 1
		}
		if a.limit > 101 {
			a.limit = 101
		}
	}
	if q.count == "none" || q.count == "estimate" {
		a.total = -1
	}
	for i, r := range found {
		if int64(i) >= a.skip {
			a.rest += r.id + " "
		}
		if int64(i) >= a.skip && int64(len(a.ids)) < a.limit {
			a.ids = append(a.ids, r.id)
			a.emails = append(a.emails, w.email(r.owner))
		}
	}
	return a
}
