// Package cache remembers callers for a few seconds, so that a frequent caller is not
// looked up each time.
//
// [People] is a domain.People in front of another one; [Config] says what it keeps, and
// for how long.
package cache

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"lethe/domain"
)

type Config struct {
	// TTL is how long an answer is reused, from just before its source was asked: a
	// change can go unnoticed for that long. More than 0.
	TTL time.Duration
	// Entries is the maximum number of answers; beyond it the least recently used one
	// is dropped. 1 or more.
	Entries int

	Now     func() time.Time // the clock
	Looked  func(hit bool)   // called for each cache lookup
	Dropped func()           // called when everything is dropped
}

// People caches the people that another domain.People has found. Misses are not cached,
// so guesses cannot fill the cache, and a new key works at once. It is safe for
// concurrent use.
type People struct {
	domain.People
	cfg Config
	// hashKey turns secrets and names into values that do not reveal them.
	hashKey [sha256.Size]byte

	mu         sync.Mutex
	answers    *simplelru.LRU[question, answer]
	logins     *simplelru.LRU[uuid.UUID, time.Time] // until when not to record another
	generation uint64                               // how often everything was dropped
}

var _ domain.People = (*People)(nil)

// question is a look-up.
type question struct {
	by   lookup
	hash [sha256.Size]byte
}

type lookup byte

const (
	byKey lookup = iota
	byID
	byExternalID
)

// answer is what was found. A person found alone is stored as the creator of an empty
// key.
type answer struct {
	found domain.Key
	until time.Time
}

// NewPeople makes a cache in front of people. Every field of cfg is required.
func NewPeople(people domain.People, cfg Config) (*People, error) {
	if people == nil || cfg.TTL <= 0 || cfg.Entries < 1 || cfg.Now == nil || cfg.Looked == nil || cfg.Dropped == nil {
		return nil, errors.New("create the cache of callers: every field of its configuration is required")
	}
	p := &People{People: people, cfg: cfg}
	if _, err := rand.Read(p.hashKey[:]); err != nil {
		return nil, err
	}
	var answersErr, loginsErr error
	p.answers, answersErr = simplelru.NewLRU[question, answer](cfg.Entries, nil)
	p.logins, loginsErr = simplelru.NewLRU[uuid.UUID, time.Time](cfg.Entries, nil)
	return p, errors.Join(answersErr, loginsErr)
}

// Drop drops everything, including look-ups in progress.
func (p *People) Drop() {
	p.mu.Lock()
	p.answers.Purge()
	p.generation++
	p.mu.Unlock()
	p.cfg.Dropped()
}

func (p *People) ByKey(ctx context.Context, secret string) (domain.Key, error) {
	return p.lookUp(ctx, question{byKey, p.hash(secret)}, func() (domain.Key, error) {
		return p.People.ByKey(ctx, secret)
	})
}

func (p *People) ByID(ctx context.Context, id uuid.UUID) (domain.Person, error) {
	q := question{by: byID}
	copy(q.hash[:], id[:])
	found, err := p.lookUp(ctx, q, func() (domain.Key, error) {
		person, err := p.People.ByID(ctx, id)
		return domain.Key{Creator: person}, err
	})
	return found.Creator, err
}

func (p *People) ByExternalID(ctx context.Context, name string) (domain.Person, error) {
	found, err := p.lookUp(ctx, question{byExternalID, p.hash(name)}, func() (domain.Key, error) {
		person, err := p.People.ByExternalID(ctx, name)
		return domain.Key{Creator: person}, err
	})
	return found.Creator, err
}

// A cached person's last login looks old for a while, so SawLogin passes on only one
// login in that time.
func (p *People) SawLogin(id uuid.UUID) {
	now := p.cfg.Now()
	p.mu.Lock()
	until, noted := p.logins.Get(id)
	noted = noted && now.Before(until)
	if !noted {
		p.logins.Add(id, now.Add(p.cfg.TTL))
	}
	p.mu.Unlock()
	if !noted {
		p.People.SawLogin(id)
	}
}

func (p *People) lookUp(ctx context.Context, q question, ask func() (domain.Key, error)) (domain.Key, error) {
	if err := ctx.Err(); err != nil {
		return domain.Key{}, err
	}
	begun := p.cfg.Now()
	remembered, generation, hit := p.recall(q, begun)
	p.cfg.Looked(hit)
	if hit {
		return clone(remembered), nil
	}
	found, err := ask()
	if err == nil {
		p.remember(q, answer{clone(found), begun.Add(p.cfg.TTL)}, generation)
	}
	return found, err
}

func (p *People) recall(q question, now time.Time) (found domain.Key, generation uint64, hit bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, hit := p.answers.Get(q)
	if hit && !now.Before(a.until) {
		p.answers.Remove(q)
		hit = false
	}
	return a.found, p.generation, hit
}

// remember keeps an answer, unless everything was dropped since the look-up began: the
// answer may be older than the change that caused that.
func (p *People) remember(q question, a answer, generation uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if generation == p.generation {
		p.answers.Add(q, a)
	}
}

func (p *People) hash(text string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, p.hashKey[:])
	h.Write([]byte(text))
	h.Sum(sum[:0])
	return sum
}

// clone returns a deep copy: changing one answer must not change the permissions in the
// next.
func clone(k domain.Key) domain.Key {
	k.Creator.Roles = slices.Clone(k.Creator.Roles)
	k.Creator.Organizations = slices.Clone(k.Creator.Organizations)
	if k.Creator.LastLogin != nil {
		k.Creator.LastLogin = new(*k.Creator.LastLogin)
	}
	return k
}
