package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"lethe/domain"
	"lethe/turns"
)

const (
	// A request that waits for a connection gives up after some seconds, so a queue
	// much longer than what the pool can serve in that time helps nobody. This many
	// requests take a few megabytes.
	minRequests     = 256
	requestsPerConn = 8
	connsPerSearch  = 20

	// Handlers read this much of a body, and one byte more to notice a longer one.
	bodyRead = MaxBodyBytes + 1

	// A short burst waits instead of being refused. A waiting request costs its body
	// and a goroutine.
	placeWait       = time.Second
	waitingPerPlace = 4

	refusedRetryAfter   = "5" // seconds, enough for the waiting requests to finish
	refusalsLoggedEvery = 10 * time.Second
)

// MaxRequests returns how many requests are served at a time with pools of maxConns
// connections.
func MaxRequests(maxConns int) int { return max(minRequests, requestsPerConn*maxConns) }

// SearchesOfOne returns how many lists that may read much run at a time for one caller,
// with pools of maxConns connections. Of the default pool it is one: where the database
// has two processors, the other is left to others.
func SearchesOfOne(maxConns int) int { return max(1, maxConns/connsPerSearch) }

// Admit serves up to limit requests at a time. Others wait for a moment and then get
// 503, or get it at once if too many wait. Callers take turns. One caller has at most
// half of the places and gets 429 beyond that. caller identifies the caller as far as
// the request alone allows; carry attaches it to the database queries. Probes and
// metrics are always admitted. A request gives up its place when its response begins,
// since the rest waits only for the client; outgoing bounds that time. refused is
// called for each refused request.
func Admit(next http.Handler, limit int, caller func(*http.Request) uuid.UUID, carry func(context.Context, uuid.UUID) context.Context,
	refused func(), log *slog.Logger,
) http.Handler {
	waiting := waitingPerPlace * limit
	room := turns.New[uuid.UUID](turns.Bounds{
		All: limit, Each: max(1, limit/2), Queue: waiting, QueueEach: waiting / 2,
	})
	var answers outgoing
	reported := rate.Sometimes{Interval: refusalsLoggedEvery}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leave := func() {}
		w, done := answers.Writer(r.Context(), w, func() { leave() })
		defer done()
		if staysOpen(r) {
			next.ServeHTTP(w, r)
			return
		}
		// Read the body first, or a slow sender would keep others out.
		if r.ContentLength != 0 && r.ContentLength < bodyRead {
			r.Body = received(r.Body)
		}
		who := caller(r)
		giveBack := room.Try(who)
		var err error
		if giveBack == nil {
			patience, cancel := context.WithTimeout(r.Context(), placeWait)
			giveBack, err = room.Take(patience, who)
			cancel()
		}
		if err == nil {
			leave = giveBack
			defer leave()
			next.ServeHTTP(w, r.WithContext(carry(r.Context(), who)))
			return
		}
		refused()
		reported.Do(func() {
			log.Warn("Too many concurrent requests; refusing some until others finish", "limit", limit)
		})
		status, detail := http.StatusServiceUnavailable, "The service is at capacity; try again later"
		if errors.Is(err, turns.ErrOwn) {
			status, detail = http.StatusTooManyRequests, "You have too many requests in progress; retry when some of them have finished"
		}
		turnAway(w, r, log, status, detail, refusedRetryAfter)
	})
}

// ByCredentials tells callers apart by the credentials they present, which are not
// verified yet. All requests without credentials count as one caller.
func ByCredentials(read func(*http.Request) domain.Credentials) func(*http.Request) uuid.UUID {
	space := uuid.New() // so that nobody can choose whose turn they take
	return func(r *http.Request) uuid.UUID {
		switch said := read(r); {
		case said.Key != "":
			return uuid.NewSHA1(space, []byte("key "+said.Key))
		case said.Session != nil:
			return uuid.NewSHA1(space, []byte("key "+said.Session.Key))
		case len(said.Sessions) > 0:
			return said.Sessions[0]
		case said.ExternalID != "":
			return uuid.NewSHA1(space, []byte("proxy "+said.ExternalID))
		}
		return uuid.Nil
	}
}

// received reads as much of the body as handlers will read, or as much as arrived.
func received(body io.ReadCloser) io.ReadCloser {
	var came bytes.Buffer
	// The next reader gets the same error and reports it.
	_, _ = io.CopyN(&came, body, bodyRead)
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&came, body), body}
}

// CloseWhile answers 503 while any of reasons returns an error, because a response
// could be wrong then. Probes, metrics and the contract stay available.
func CloseWhile(next http.Handler, log *slog.Logger, reasons ...func(context.Context) *domain.Error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if staysOpen(r) || r.URL.EscapedPath() == "/openapi.yaml" {
			next.ServeHTTP(w, r)
			return
		}
		for _, reason := range reasons {
			if closed := reason(r.Context()); closed != nil {
				turnAway(w, r, log, http.StatusServiceUnavailable, closed.Message, retryAfter)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// staysOpen reports whether a request is a probe or for metrics. These are answered
// even when the service is crowded or closed.
func staysOpen(r *http.Request) bool {
	switch r.URL.EscapedPath() { // as the router sees it
	case "/healthz", "/readyz", "/metrics":
		return true
	}
	return false
}
