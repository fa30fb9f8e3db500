// Package gate keeps clients that guess keys from using up the look-ups of all callers:
// only a few keys that have not worked lately are looked up at a time.
//
// [People] is a domain.People in front of another one. [Config] bounds the look-ups of
// unknown keys, and a [Mark] is what is remembered of a key that has worked.
package gate

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	"lethe/domain"
)

// Config bounds the look-ups of unknown keys. Every field is required.
type Config struct {
	// AtOnce is how many unknown keys are looked up at a time, Waiting how many more
	// may wait for that, and Wait for how long. 1 or more.
	AtOnce, Waiting int
	Wait            time.Duration
	// Entries is how many working keys are remembered; beyond it the least recently
	// used one is dropped.
	Entries int
	Refused func() // called for each key that is not looked up
}

// Mark is what is remembered of a key: too little to learn anything about the key.
type Mark = [16]byte

// People looks up keys through the gate. It ignores addresses because all callers
// behind a proxy have the same one. It is safe for concurrent use.
type People struct {
	domain.People
	cfg    Config
	places chan struct{} // has an entry for each running look-up
	queue  chan struct{} // and for each running or waiting one
	asked  singleflight.Group

	mu     sync.Mutex
	secret []byte // empty: nothing is remembered yet
	known  *simplelru.LRU[Mark, struct{}]
	fresh  []Mark // known, and not taken by Fresh yet
}

var _ domain.People = (*People)(nil)

// New makes the gate in front of people. It remembers nothing before Remember.
func New(people domain.People, cfg Config) (*People, error) {
	if people == nil || cfg.AtOnce < 1 || cfg.Waiting < 1 || cfg.Wait <= 0 || cfg.Entries < 1 || cfg.Refused == nil {
		return nil, errors.New("create the gate: every field of its configuration is required")
	}
	p := &People{People: people, cfg: cfg, places: make(chan struct{}, cfg.AtOnce), queue: make(chan struct{}, cfg.AtOnce+cfg.Waiting)}
	var err error
	p.known, err = simplelru.NewLRU[Mark, struct{}](cfg.Entries, nil)
	return p, err
}

// Remember lets working keys pass from now on, the latest first. The secret turns keys
// into marks, so that nobody can compare these with another service's.
func (p *People) Remember(secret []byte, known []Mark) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secret = secret
	for _, mark := range slices.Backward(known) { // what is added last stays longest
		p.known.Add(mark, struct{}{})
	}
}

var errCrowded = domain.Errorf(domain.CodeCrowded, "Too many unknown keys are being tried; try again later")

// ByKey fails with CodeCrowded if too many unknown keys are already being looked up.
// Simultaneous callers with the same key share a place, because a program may start
// with many requests at once.
func (p *People) ByKey(ctx context.Context, secret string) (domain.Key, error) {
	mark, marked, known := p.mark(secret)
	if known {
		return p.ask(ctx, secret, mark, marked)
	}
	for {
		var found domain.Key
		first := false
		asked := p.asked.DoChan(secret, func() (any, error) {
			first = true
			leave, err := p.enter(ctx)
			if err != nil {
				return nil, err
			}
			defer leave()
			found, err = p.ask(ctx, secret, mark, marked)
			return nil, err
		})
		select {
		case <-ctx.Done():
			return domain.Key{}, ctx.Err()
		case answer := <-asked:
			switch {
			case first:
				return found, answer.Err
			case answer.Err == nil:
				return p.ask(ctx, secret, mark, marked) // as of now
			case !isCanceled(answer.Err):
				return domain.Key{}, answer.Err
			}
			// The caller that made the shared look-up has left.
		}
	}
}

func isCanceled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func (p *People) ask(ctx context.Context, secret string, mark Mark, marked bool) (domain.Key, error) {
	key, err := p.People.ByKey(ctx, secret)
	if marked {
		p.learn(mark, key, err)
	}
	return key, err
}

// enter waits for a place.
func (p *People) enter(ctx context.Context) (leave func(), err error) {
	select {
	case p.queue <- struct{}{}:
	default:
		p.cfg.Refused()
		return nil, errCrowded
	}
	patience := time.NewTimer(p.cfg.Wait)
	defer patience.Stop()
	select {
	case p.places <- struct{}{}:
		return func() { <-p.places; <-p.queue }, nil
	case <-patience.C:
		err = errCrowded
		p.cfg.Refused()
	case <-ctx.Done():
		err = ctx.Err()
	}
	<-p.queue
	return nil, err
}

func (p *People) mark(key string) (m Mark, marked, known bool) {
	p.mu.Lock()
	secret := p.secret
	p.mu.Unlock()
	if len(secret) == 0 {
		return m, false, false
	}
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(key))
	copy(m[:], h.Sum(nil))
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known = p.known.Get(m)
	return m, true, known
}

// learn remembers a key that works, and forgets one that no longer does, which includes
// an existing key that nobody can call with. An error says nothing about the key.
func (p *People) learn(m Mark, key domain.Key, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch works := err == nil && key.Works(); {
	case works && !p.known.Contains(m):
		p.known.Add(m, struct{}{})
		if len(p.fresh) < p.cfg.Entries {
			p.fresh = append(p.fresh, m)
		}
	case err == nil && !works, domain.CodeOf(err) == domain.CodeNotFound:
		p.known.Remove(m)
	}
}

// Fresh returns the keys that have begun to work since its last call.
func (p *People) Fresh() []Mark {
	p.mu.Lock()
	defer p.mu.Unlock()
	fresh := p.fresh
	p.fresh = nil
	return fresh
}
