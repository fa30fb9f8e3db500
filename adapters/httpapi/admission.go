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
	// A request that waits for a connection gives up after seconds, so a queue
	// much longer than what its pool answers meanwhile helps nobody. This many
	// take a few megabytes.
	minRequests     = 256
	requestsPerConn = 8

	// Of a body handlers read this much, and one byte to see that there is more.
	bodyRead = MaxBodyBytes + 1

	// A burst that is worked off within a moment refuses nobody. Who waits takes
	// what their body does, and a goroutine.
	placeWait       = time.Second
	waitingPerPlace = 4

	refusedRetryAfter   = "5" // seconds, in which those that wait are done
	refusalsLoggedEvery = 10 * time.Second
)

// MaxRequests is how many requests are answered at a time, with pools of this
// many connections.
func MaxRequests(maxConns int) int { return max(minRequests, requestsPerConn*maxConns) }

// Admit has what comes while limit other requests are being worked on wait
// a moment, and then answers it 503; at once where too many wait. Callers take turns,
// and one of them has half of it: more is 429. caller says who asks, as far as it can be
// told from the request alone, and carry says so in what is asked of the database. Probes
// and metrics are always let in. An answer gives its place back as soon as it begins,
// since then it waits for nothing but its reader; how long it does is bounded by outgoing.
// refused is called for each that is not let in.
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
		// Or whoever sends a body slowly would keep others out.
		if r.ContentLength != 0 && r.ContentLength < bodyRead {
			r.Body = received(r.Body)
		}
		who := caller(r)
		patience, cancel := context.WithTimeout(r.Context(), placeWait)
		giveBack, err := room.Take(patience, who)
		cancel()
		if err == nil {
			leave = giveBack
			defer leave()
			next.ServeHTTP(w, r.WithContext(carry(r.Context(), who)))
			return
		}
		refused()
		reported.Do(func() {
			log.Warn("too many requests at a time; some are refused until others are done", "limit", limit)
		})
		status, detail := http.StatusServiceUnavailable, "The service is answering as many requests as it can; try again later"
		if errors.Is(err, turns.ErrOwn) {
			status, detail = http.StatusTooManyRequests, "You have as many requests under way as one caller may have at a time; ask again when some of them are done"
		}
		id, err := turnAway(w, status, detail, refusedRetryAfter)
		if err != nil {
			log.DebugContext(r.Context(), "a refusal could not be told", "request_id", id, "error", err)
		}
	})
}

// ByCredentials tells callers apart by what they say who they are, which nobody
// has looked up yet. Who says nothing is one of them.
func ByCredentials(read func(*http.Request) domain.Credentials) func(*http.Request) uuid.UUID {
	space := uuid.New() // so that nobody can choose whose turn they take
	return func(r *http.Request) uuid.UUID {
		switch said := read(r); {
		case said.Key != "":
			return uuid.NewSHA1(space, []byte("key "+said.Key))
		case len(said.Sessions) > 0:
			return said.Sessions[0]
		case said.ExternalID != "":
			return uuid.NewSHA1(space, []byte("proxy "+said.ExternalID))
		}
		return uuid.Nil
	}
}

// received has read what handlers will read, or as much as came.
func received(body io.ReadCloser) io.ReadCloser {
	var came bytes.Buffer
	// What goes wrong here goes wrong for the next reader, too, who tells it.
	_, _ = io.CopyN(&came, body, bodyRead)
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&came, body), body}
}
