package httpapi

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// Expensive work is shared among callers, so that nobody takes all of it. Only this
// file says how much of it each caller may have at a time.

const (
	mebibyte = 1 << 20

	estimatesEach  = 2
	estimatesQueue = 4 // waiting requests of one caller

	streamsAll  = 32
	streamsEach = 4

	exportsAll  = 8
	exportsEach = 2

	searchesQueue = 256

	// Contents of up to this many bytes are read with the rest of a response. Larger
	// ones are read when there is room.
	readAtOnce    = 256 << 10
	smallAll      = 64 * mebibyte
	smallEach     = 16 * mebibyte
	largeAll      = 384 * mebibyte
	largeEach     = 256 * mebibyte
	contentsQueue = 8

	// waitForShare is how long a request waits for a share it may get soon, and
	// waitForSearch for one of searches, which may be slow but end.
	waitForShare  = 5 * time.Second
	waitForSearch = 8 * time.Second
	maxWaiting    = 512 // of all callers
)

type shares struct {
	requests     *share // running at a time
	estimates    *share // requests that count or begin to erase many
	searches     *share // lists that may read much
	streams      *share
	exports      *share
	small, large *share // bytes of contents in responses being written
}

func newShares(requests, estimates, searches int) shares {
	return shares{
		requests:  newShare("requests", int64(requests), int64(max(1, requests/2)), 0),
		estimates: newShare("previews, dry runs, figures and bulk erasures", int64(estimates), int64(max(1, min(estimatesEach, estimates-1))), estimatesQueue),
		searches:  newShare("lists with filters", int64(requests), int64(searches), searchesQueue).patient(waitForSearch),
		streams:   newShare("event streams", streamsAll, streamsEach, 0),
		exports:   newShare("exports", exportsAll, exportsEach, 0),
		small:     newShare("responses", smallAll, smallEach, contentsQueue),
		large:     newShare("large responses", largeAll, largeEach, contentsQueue),
	}
}

// share bounds a resource for all callers together and for each of them. Claims wait in
// turn, except that others pass those of callers who have used up their own share.
type share struct {
	of        string
	all, each int64
	queue     int // how many claims of one caller may wait
	wait      time.Duration

	mu      sync.Mutex
	taken   int64
	by      map[uuid.UUID]*portion
	waiting []*claim
}

type portion struct {
	taken   int64
	waiting int
}

type claim struct {
	caller uuid.UUID
	n      int64
	got    chan struct{} // closed when it is granted
}

func newShare(of string, all, each int64, queue int) *share {
	return &share{of: of, all: all, each: each, queue: queue, wait: waitForShare, by: make(map[uuid.UUID]*portion)}
}

func (s *share) patient(wait time.Duration) *share {
	s.wait = wait
	return s
}

// take takes n for a caller, at most what one caller may have, and waits a while if
// that can help. Its error is a requestProblem, 429 if the caller has used up its share
// and 503 if others have all there is, or that of ctx.
func (s *share) take(ctx context.Context, caller uuid.UUID, n int64) (giveBack func(), err error) {
	w := &claim{caller, min(n, s.each), make(chan struct{})}
	s.mu.Lock()
	p := s.by[caller]
	if p == nil {
		p = &portion{}
		s.by[caller] = p
	}
	p.waiting++
	s.waiting = append(s.waiting, w)
	s.serve()
	queued := w.waits() && p.waiting <= s.queue && len(s.waiting) <= maxWaiting
	if w.waits() && !queued {
		err = s.giveUp(w)
	}
	s.mu.Unlock()
	if queued {
		err = s.await(ctx, w)
	}
	if err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taken -= w.n
		p.taken -= w.n
		s.forget(caller, p)
		s.serve()
	}), nil
}

func (s *share) await(ctx context.Context, w *claim) error {
	timer := time.NewTimer(s.wait)
	defer timer.Stop()
	var ended error
	select {
	case <-w.got:
		return nil
	case <-ctx.Done():
		ended = ctx.Err()
	case <-timer.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !w.waits() {
		return nil
	}
	err := s.giveUp(w)
	if ended != nil {
		return ended
	}
	return err
}

func (w *claim) waits() bool {
	select {
	case <-w.got:
		return false
	default:
		return true
	}
}

// serve grants what can be granted. No claim passes one that waits for others to give
// back, or a large claim would wait forever.
func (s *share) serve() {
	s.waiting = slices.DeleteFunc(s.waiting, func() func(*claim) bool {
		full := false
		return func(w *claim) bool {
			p := s.by[w.caller]
			if full || p.taken+w.n > s.each {
				return false
			}
			if s.taken+w.n > s.all {
				full = true
				return false
			}
			s.taken += w.n
			p.taken += w.n
			p.waiting--
			close(w.got)
			return true
		}
	}())
}

// giveUp withdraws a claim and says why it was not granted.
func (s *share) giveUp(w *claim) error {
	p := s.by[w.caller]
	own := p.taken+w.n > s.each
	p.waiting--
	s.waiting = slices.DeleteFunc(s.waiting, func(other *claim) bool { return other == w })
	s.forget(w.caller, p)
	s.serve() // grants the claims that waited behind it
	if own {
		return &requestProblem{status: http.StatusTooManyRequests,
			detail: "You have too many " + s.of + " in progress; retry when one of them has finished"}
	}
	return &requestProblem{status: http.StatusServiceUnavailable,
		detail: "The service has too many " + s.of + " in progress; try again later"}
}

func (s *share) forget(caller uuid.UUID, p *portion) {
	if p.taken == 0 && p.waiting == 0 {
		delete(s.by, caller)
	}
}

// shareOut makes an expensive operation wait for the caller's share. It runs after
// authentication.
func (s *server) shareOut(next StrictHandlerFunc, _ string) StrictHandlerFunc {
	return func(c echo.Context, request any) (any, error) {
		if askedOf(c).cost != estimates {
			return next(c, request)
		}
		ctx := c.Request().Context()
		giveBack, err := s.shares.estimates.take(ctx, callerIn(ctx).ID, 1)
		if err != nil {
			return nil, err
		}
		defer giveBack()
		return next(c, request)
	}
}
