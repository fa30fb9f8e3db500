// Package turns lends places to callers in turn: a caller who asks for many does not
// delay one who asks for few.
//
// [Places] lends them, within its [Bounds].
package turns

import (
	"container/list"
	"context"
	"errors"
	"sync"
)

var (
	// ErrOwn is returned if the caller's places and waiting requests are at the limit.
	ErrOwn = errors.New("this caller already has the maximum number of running and waiting requests")
	// ErrAll is returned if the waiting requests of all callers are at the limit.
	ErrAll = errors.New("the maximum number of requests is already waiting")
)

// Bounds are the number of places, and of callers that may wait for one.
type Bounds struct {
	All, Each        int // places in total, and at most per caller; 1 or more
	Queue, QueueEach int // maximum waiting in total, and per caller; 0: no limit
}

// Places lends places. It is safe for concurrent use.
type Places[Caller comparable] struct {
	bounds Bounds

	mu             sync.Mutex
	taken, waiting int
	lines          map[Caller]*line
	next           list.List // of the lines whose first wish may get the next place
}

// line is what one caller has and waits for.
type line struct {
	taken  int
	wishes list.List     // channels that are closed when granted; oldest first
	turn   *list.Element // element of Places.next; nil: it has none
}

// New returns free places.
func New[Caller comparable](bounds Bounds) *Places[Caller] {
	return &Places[Caller]{bounds: bounds, lines: make(map[Caller]*line)}
}

// Try takes a place if one is free now, and returns the function that gives it back;
// nil: none is free.
func (p *Places[Caller]) Try(caller Caller) (giveBack func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.line(caller)
	if giveBack = p.try(caller, l); giveBack == nil {
		p.forget(caller, l)
	}
	return giveBack
}

func (p *Places[Caller]) line(caller Caller) *line {
	l := p.lines[caller]
	if l == nil {
		l = &line{}
		p.lines[caller] = l
	}
	return l
}

func (p *Places[Caller]) try(caller Caller, l *line) (giveBack func()) {
	// If there is one, no caller who may have it is waiting.
	if p.taken >= p.bounds.All || l.taken >= p.bounds.Each {
		return nil
	}
	p.taken++
	l.taken++
	return p.giver(caller, l)
}

func (p *Places[Caller]) giver(caller Caller, l *line) func() {
	return sync.OnceFunc(func() { p.give(caller, l) })
}

// Take waits for a place until ctx ends, and returns the function that gives it back.
// It returns ErrOwn, ErrAll or, if no place was free in time, the error of ctx.
func (p *Places[Caller]) Take(ctx context.Context, caller Caller) (giveBack func(), err error) {
	p.mu.Lock()
	l := p.line(caller)
	if giveBack = p.try(caller, l); giveBack != nil {
		p.mu.Unlock()
		return giveBack, nil
	}
	if err := p.refused(l); err != nil {
		p.forget(caller, l)
		p.mu.Unlock()
		return nil, err
	}
	granted := make(chan struct{})
	wish := l.wishes.PushBack(granted)
	p.waiting++
	p.queue(l)
	p.mu.Unlock()

	select {
	case <-granted:
		return p.giver(caller, l), nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-granted:
		return p.giver(caller, l), nil
	default:
	}
	l.wishes.Remove(wish)
	p.waiting--
	if l.wishes.Len() == 0 && l.turn != nil {
		p.next.Remove(l.turn)
		l.turn = nil
	}
	p.forget(caller, l)
	if l.taken >= p.bounds.Each {
		return nil, ErrOwn
	}
	return nil, ctx.Err()
}

func (p *Places[Caller]) refused(l *line) error {
	switch {
	case p.bounds.QueueEach > 0 && l.wishes.Len() >= p.bounds.QueueEach:
		return ErrOwn
	case p.bounds.Queue > 0 && p.waiting >= p.bounds.Queue:
		return ErrAll
	}
	return nil
}

// queue gives a line a turn, if it waits and may have more.
func (p *Places[Caller]) queue(l *line) {
	if l.turn == nil && l.wishes.Len() > 0 && l.taken < p.bounds.Each {
		l.turn = p.next.PushBack(l)
	}
}

func (p *Places[Caller]) give(caller Caller, l *line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	l.taken--
	p.queue(l)
	for p.taken < p.bounds.All && p.next.Len() > 0 {
		first := p.next.Remove(p.next.Front()).(*line)
		first.turn = nil
		close(first.wishes.Remove(first.wishes.Front()).(chan struct{}))
		p.waiting--
		p.taken++
		first.taken++
		p.queue(first)
	}
	p.forget(caller, l)
}

func (p *Places[Caller]) forget(caller Caller, l *line) {
	if l.taken == 0 && l.wishes.Len() == 0 {
		delete(p.lines, caller)
	}
}
