package fusillade

import (
	"encoding/json"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"lethe/domain"
)

// Estimates remembers what the planner expected of filters: asking it takes longer than
// reading a page, and lists are asked for again and again.
type Estimates struct {
	kept   *lru.Cache[string, estimate]
	many   *lru.Cache[string, time.Time] // owners found to have more than few responses, and when
	erased *lru.Cache[string, time.Time] // when something of an owner was erased here
}

type estimate struct {
	count domain.Count
	cost  float64
	at    time.Time
}

const (
	estimatesFor  = 5 * time.Second
	estimatesKept = 1024
)

// anyOwner stands for all owners in Estimates.erased; no owner has that name.
const anyOwner = ""

// NewEstimates returns one that remembers nothing yet.
func NewEstimates() *Estimates {
	kept, _ := lru.New[string, estimate](estimatesKept) // fails only without a size
	erased, _ := lru.New[string, time.Time](estimatesKept)
	many, _ := lru.New[string, time.Time](estimatesKept)
	return &Estimates{kept, many, erased}
}

func (e *Estimates) get(f filter) (domain.Count, float64, bool) {
	kept, is := e.kept.Get(f.key())
	if !is || time.Since(kept.at) > estimatesFor {
		return domain.Count{}, 0, false
	}
	owners := f.owners()
	if owners == nil {
		owners = []string{anyOwner}
	}
	if e.erasedSince(kept.at, owners...) {
		return domain.Count{}, 0, false
	}
	return kept.count, kept.cost, true
}

// erasedSince reports whether something of these owners was erased here since that time.
func (e *Estimates) erasedSince(at time.Time, owners ...string) bool {
	return slices.ContainsFunc(owners, func(owner string) bool {
		erased, is := e.erased.Get(owner)
		return is && !erased.Before(at)
	})
}

// hasMany reports whether an owner is known to have more than few responses.
func (e *Estimates) hasMany(owner string) bool {
	at, is := e.many.Get(owner)
	return is && !e.erasedSince(at, owner)
}

func (e *Estimates) add(f filter, count domain.Count, cost float64) {
	e.kept.Add(f.key(), estimate{count, cost, time.Now()})
}

// forget drops what is known of lists that contain responses of these owners. It is nil
// where nothing is remembered.
func (e *Estimates) forget(owners []string) {
	if e == nil {
		return
	}
	now := time.Now()
	for _, owner := range append([]string{anyOwner}, owners...) {
		e.erased.Add(owner, now)
	}
}

// key is the same for filters that narrow alike, and differs for all others.
func (f filter) key() string {
	conditions := f.CountOfCostParams
	times := domain.TakeTimes(&conditions.CreatedAfter, &conditions.CreatedBefore)
	text, err := json.Marshal(struct{ Owner, Times, Conditions any }{f.Owner, times, conditions})
	if err != nil {
		panic(err) // texts and numbers always marshal
	}
	return string(text)
}
