package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"lethe/adapters/httpapi"
)

const (
	// A request that waits for a connection gives up after seconds, so a queue
	// much longer than what its pool answers meanwhile helps nobody. This many
	// take a few megabytes.
	leastRequests   = 256
	requestsPerConn = 8

	// Of a body httpapi reads this much, and one byte to see that there is more.
	bodyRead = httpapi.MaxBodyBytes + 1

	// A burst that is worked off within a moment refuses nobody. Who waits takes
	// what their body does, and a goroutine.
	placeWait       = time.Second
	waitingPerPlace = 4

	refusedRetryAfter = "5" // seconds, in which those that wait are done
	refusalsToldEvery = 10 * time.Second
)

// mostRequests is how many requests are answered at a time, with pools of this
// many connections.
func mostRequests(maxConns int) int { return max(leastRequests, requestsPerConn*maxConns) }

// limitRequests has what comes while limit other requests are being worked on wait
// a moment, and then answers it 503; at once where too many wait. Probes and metrics are always let in. An answer gives its
// place back as soon as it begins, since then it waits for nothing but its reader;
// how long it does is bounded by httpapi.Outgoing. refused is called for each that is not
// let in.
func limitRequests(next http.Handler, limit int, refused func(), log *slog.Logger) http.Handler {
	room, queue := make(chan struct{}, limit), make(chan struct{}, waitingPerPlace*limit)
	// Whoever waits waits in turn, as channels do it.
	enter := func(ctx context.Context) bool {
		select {
		case room <- struct{}{}:
			return true
		default:
		}
		select {
		case queue <- struct{}{}:
			defer func() { <-queue }()
		default:
			return false
		}
		timer := time.NewTimer(placeWait)
		defer timer.Stop()
		select {
		case room <- struct{}{}:
			return true
		case <-timer.C:
		case <-ctx.Done():
		}
		return false
	}
	var outgoing httpapi.Outgoing
	told := rate.Sometimes{Interval: refusalsToldEvery}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leave := func() {}
		w, done := outgoing.Writer(w, func() { leave() })
		defer done()
		switch r.URL.Path {
		case "/healthz", "/readyz", "/metrics":
			next.ServeHTTP(w, r)
			return
		}
		// Or whoever sends a body slowly would keep others out.
		if r.ContentLength != 0 && r.ContentLength < bodyRead {
			r.Body = received(r.Body)
		}
		if enter(r.Context()) {
			leave = sync.OnceFunc(func() { <-room })
			defer leave()
			next.ServeHTTP(w, r)
			return
		}
		refused()
		told.Do(func() {
			log.Warn("too many requests at a time; some are refused until others are done", "limit", limit)
		})
		id, err := httpapi.Refuse(w, "The service is answering as many requests as it can; try again later", refusedRetryAfter)
		if err != nil {
			log.DebugContext(r.Context(), "a refusal could not be told", "request_id", id, "error", err)
		}
	})
}

// received has read what httpapi will read, or as much as came.
func received(body io.ReadCloser) io.ReadCloser {
	var came bytes.Buffer
	// What goes wrong here goes wrong for the next reader, too, who tells it.
	_, _ = io.CopyN(&came, body, bodyRead)
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&came, body), body}
}
