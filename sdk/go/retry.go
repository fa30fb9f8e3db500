package lethe

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Limits say for how long to wait for an answer, and how often a call is sent. Fields
// that are 0 have the default.
type Limits struct {
	Timeout  time.Duration // of one attempt, and of a stream that is silent: 1 minute
	Attempts int           // at most so many: 4
	Total    time.Duration // no attempt begins later than so long after the first: 1 minute
}

type limitsKey struct{}

// WithLimits returns a context for calls with these limits. The context's own end is that
// of a call with all its attempts.
func WithLimits(ctx context.Context, limits Limits) context.Context {
	return context.WithValue(ctx, limitsKey{}, limits)
}

func limitsOf(ctx context.Context) Limits {
	l, _ := ctx.Value(limitsKey{}).(Limits)
	return Limits{cmp.Or(l.Timeout, time.Minute), cmp.Or(l.Attempts, 4), cmp.Or(l.Total, time.Minute)}
}

// Limits of pauses between attempts, if the service does not say.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 8 * time.Second
)

const connectTimeout = 10 * time.Second

// transport is the usual one, except that it does not wait for long for a connection.
var transport = func() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = connectTimeout
	return t
}()

var errTimeout = errors.New("nothing came in time")

// repeatable are the methods whose requests can be repeated without doing more
// (RFC 9110, 9.2.2).
var repeatable = []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete}

// retrier sends a request again if it got no answer, 429 or 503, as long as that cannot
// do anything twice. A call that takes an Idempotency-Key has one, the same in all
// attempts. Streams are reopened by Watch.
type retrier struct{ next HttpRequestDoer }

func (r retrier) Do(request *http.Request) (*http.Response, error) {
	o, _ := operationOf(request)
	if o.Answers["200"].Media == "text/event-stream" {
		return r.next.Do(request)
	}
	ctx := request.Context()
	limits := limitsOf(ctx)
	header := request.Header.Clone()
	if o.Keyed && header.Get("Idempotency-Key") == "" {
		header.Set("Idempotency-Key", uuid.NewString())
	}
	again := slices.Contains(repeatable, request.Method) || header.Get("Idempotency-Key") != ""
	end := time.Now().Add(limits.Total)
	for done := 1; ; done++ {
		response, err := r.attempt(request, header, limits.Timeout)
		var failure *Error
		if err == nil || !errors.As(err, &failure) {
			return response, err
		}
		pause := backoff(done, firstPause, longestPause, failure.RetryAfter)
		if ctx.Err() != nil || done >= limits.Attempts || time.Now().Add(pause).After(end) || !passing(failure, again) {
			return nil, err
		}
		// The body was read, and cannot be sent again without this.
		if request.Body != nil {
			if request.GetBody == nil {
				return nil, err
			}
			if request.Body, err = request.GetBody(); err != nil {
				return nil, noAnswer(err)
			}
		}
		select {
		case <-ctx.Done():
			return nil, noAnswer(ctx.Err())
		case <-time.After(pause):
		}
	}
}

// attempt sends the request once. The answer is read whole.
func (r retrier) attempt(request *http.Request, header http.Header, timeout time.Duration) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(request.Context(), timeout, errTimeout)
	defer cancel()
	sent := request.Clone(ctx)
	sent.Header = header.Clone()
	return r.next.Do(sent)
}

// passing reports whether to send a request again after a failure; again says whether it
// can be repeated without doing more.
func passing(failure *Error, again bool) bool {
	if failure.Status == http.StatusTooManyRequests || failure.Status == http.StatusServiceUnavailable {
		// The service itself then has done nothing, but a gateway may have passed the
		// request on.
		return again || failure.Documented
	}
	var dialing *net.OpError
	notSent := errors.As(failure.Err, &dialing) && dialing.Op == "dial"
	return failure.Err != nil && (again || notSent)
}

// backoff returns a time twice as long after each failure, less up to a half by chance,
// and never shorter than the service asks.
func backoff(failures int, first, longest, asked time.Duration) time.Duration {
	wait := min(first<<(failures-1), longest)
	return max(wait/2+rand.N(wait/2+1), asked+rand.N(wait/10+1))
}
