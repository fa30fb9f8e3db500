package lethe_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"lethe/sdk/go"
)

var retried = uuid.MustParse("c0000400-0000-4000-8000-00000000005a")

// answer is what a service answers, or why it does not.
type answer struct {
	status  int
	problem bool
	header  map[string]string
	body    string
	err     error
}

// service answers so, one after the other and the last one always.
type service struct {
	answers  []answer
	requests []*http.Request
	bodies   []string
}

func (s *service) Do(request *http.Request) (*http.Response, error) {
	body := ""
	if request.Body != nil {
		text, _ := io.ReadAll(request.Body)
		body = string(text)
	}
	s.requests, s.bodies = append(s.requests, request), append(s.bodies, body)
	a := s.answers[min(len(s.requests), len(s.answers))-1]
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{}
	if a.problem {
		header.Set("Content-Type", "application/problem+json")
		a.body = `{"type":"about:blank","title":"","status":400,"detail":"later","request_id":"1"}`
	}
	for name, value := range a.header {
		header.Set(name, value)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: request}, nil
}

func serviceClient(t *testing.T, answers ...answer) (*lethe.ClientWithResponses, *service) {
	t.Helper()
	s := &service{answers: answers}
	c, err := lethe.New("http://lethe.test", "key", lethe.WithHTTPClient(s))
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

var (
	erasedOne = answer{status: 204, header: map[string]string{
		"Location": "/lethe/api/v1/erasures/" + retried.String() + "/receipt", "Receipt-Salt": strings.Repeat("0", 64),
	}}
	refused = answer{err: &net.OpError{Op: "dial", Err: errors.New("refused")}}
	lost    = []answer{{err: &net.OpError{Op: "read", Err: errors.New("reset")}}, {err: io.ErrUnexpectedEOF}, {err: context.DeadlineExceeded}}
)

func problem(status int) answer { return answer{status: status, problem: true} }

func TestOneKeyForAllAttempts(t *testing.T) {
	for _, failure := range append(lost, problem(429), problem(503), answer{status: 503, body: "a gateway"}) {
		synctest.Test(t, func(t *testing.T) {
			c, s := serviceClient(t, failure, failure, erasedOne)
			began := time.Now()
			if _, err := c.EraseResponseWithResponse(t.Context(), retried, nil); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(began); waited <= 0 || waited > 1500*time.Millisecond {
				t.Errorf("waited for %v, want at most half a second and a second", waited)
			}
			var keys []string
			for _, r := range s.requests {
				keys = append(keys, r.Header.Get("Idempotency-Key"))
			}
			if len(keys) != 3 || uuid.Validate(keys[0]) != nil || len(slices.Compact(keys)) != 1 {
				t.Errorf("keys: want the same three times, got %q", keys)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	c, s := serviceClient(t, erasedOne)
	for _, params := range []*lethe.EraseResponseParams{nil, nil, {IdempotencyKey: new("mine")}} {
		if _, err := c.EraseResponseWithResponse(t.Context(), retried, params); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = c.CancelErasureWithResponse(t.Context(), retried, nil)
	key := func(i int) string { return s.requests[i].Header.Get("Idempotency-Key") }
	if key(0) == "" || key(0) == key(1) || key(2) != "mine" || key(3) != "" {
		t.Errorf("want two keys, the caller's own and none; got %q %q %q %q", key(0), key(1), key(2), key(3))
	}
}

type call func(context.Context, *lethe.ClientWithResponses) error

var (
	repeatable = map[string]call{
		"get": func(ctx context.Context, c *lethe.ClientWithResponses) error {
			_, err := c.GetErasureWithResponse(ctx, retried, nil)
			return err
		},
		"delete": func(ctx context.Context, c *lethe.ClientWithResponses) error {
			_, err := c.ReleaseHoldWithResponse(ctx, retried, nil)
			return err
		},
		"keyed post": func(ctx context.Context, c *lethe.ClientWithResponses) error {
			_, err := c.StartErasureWithResponse(ctx, nil, lethe.NewErasure{Responses: []uuid.UUID{retried}})
			return err
		},
	}
	unrepeatable = map[string]call{
		"post": func(ctx context.Context, c *lethe.ClientWithResponses) error {
			_, err := c.PlaceHoldWithResponse(ctx, nil, lethe.NewHold{Reason: "x", Responses: []uuid.UUID{retried}})
			return err
		},
		"post without effect": func(ctx context.Context, c *lethe.ClientWithResponses) error {
			_, err := c.PreviewErasureWithResponse(ctx, nil, lethe.ErasureRequest{Responses: []uuid.UUID{retried}})
			return err
		},
		"cancel": func(ctx context.Context, c *lethe.ClientWithResponses) error {
			_, err := c.CancelErasureWithResponse(ctx, retried, nil)
			return err
		},
	}
)

func wantAttempts(t *testing.T, name string, do call, want int, failures ...answer) {
	t.Helper()
	for _, failure := range failures {
		synctest.Test(t, func(t *testing.T) {
			c, s := serviceClient(t, failure)
			err := do(t.Context(), c)
			if e, ok := errors.AsType[*lethe.Error](err); !ok || int(e.Status) != failure.status {
				t.Errorf("%s: got %v, want status %d", name, err, failure.status)
			}
			if len(s.requests) != want {
				t.Errorf("%s after %+v: %d attempts, want %d", name, failure, len(s.requests), want)
			}
			if len(slices.Compact(slices.Clone(s.bodies))) != 1 {
				t.Errorf("%s: the bodies differ: %q", name, s.bodies)
			}
		})
	}
}

func TestAttempts(t *testing.T) {
	for name, do := range repeatable {
		wantAttempts(t, name, do, 4, append(lost, problem(429), problem(503), answer{status: 429}, refused)...)
		wantAttempts(t, name, do, 1, problem(400), problem(409), problem(500), answer{status: 502})
	}
	for name, do := range unrepeatable {
		wantAttempts(t, name, do, 4, problem(429), problem(503), refused)
		wantAttempts(t, name, do, 1, append(lost, answer{status: 503, body: "a gateway"}, answer{status: 429})...)
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		later := func(seconds string) answer {
			return answer{status: 503, problem: true, header: map[string]string{"Retry-After": seconds}}
		}
		c, _ := serviceClient(t, later("7"), later("0"), erasedOne)
		began := time.Now()
		if _, err := c.EraseResponseWithResponse(t.Context(), retried, nil); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited < 7*time.Second || waited > 9*time.Second {
			t.Errorf("waited for %v, want 7 seconds and a little more", waited)
		}
		// It is not worth to wait for longer than the whole call may take.
		c, s := serviceClient(t, later("61"))
		began = time.Now()
		if _, err := c.EraseResponseWithResponse(t.Context(), retried, nil); err == nil || len(s.requests) != 1 || time.Since(began) != 0 {
			t.Errorf("want an error at once, got %v after %d attempts", err, len(s.requests))
		}
	})
}

// silent never answers.
type silent struct{ asked int }

func (s *silent) Do(request *http.Request) (*http.Response, error) {
	s.asked++
	<-request.Context().Done()
	return nil, request.Context().Err()
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := serviceClient(t, problem(503))
		for i, limits := range []lethe.Limits{{}, {Attempts: 2}, {Total: 1}} {
			s.requests = nil
			_, _ = c.GetErasureWithResponse(lethe.WithLimits(t.Context(), limits), retried, nil)
			if want := []int{4, 2, 1}[i]; len(s.requests) != want {
				t.Errorf("%+v: %d attempts, want %d", limits, len(s.requests), want)
			}
		}

		nobody := &silent{}
		c, err := lethe.New("http://lethe.test", "key", lethe.WithHTTPClient(nobody))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = c.GetErasureWithResponse(lethe.WithLimits(t.Context(), lethe.Limits{Timeout: time.Second, Attempts: 2}), retried, nil)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || nobody.asked != 2 || took > 3*time.Second {
			t.Errorf("want two timeouts, got %v after %d attempts and %v", err, nobody.asked, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err = c.GetErasureWithResponse(ctx, retried, nil); err == nil || nobody.asked != 3 {
			t.Errorf("the caller's context ended: want an error after one attempt, got %v after %d", err, nobody.asked-2)
		}
		// A stream that is silent for too long is opened again.
		nobody.asked = 0
		ctx, cancel = context.WithTimeout(lethe.WithLimits(t.Context(), lethe.Limits{Timeout: time.Second}), 20*time.Second)
		defer cancel()
		for range c.Watch(ctx, retried, nil) {
		}
		if nobody.asked < 2 {
			t.Errorf("a silent stream was opened %d times, want more than once", nobody.asked)
		}
	})
}

// TestIdentifiersAndTimes: these are texts in the contract.
func TestIdentifiersAndTimes(t *testing.T) {
	c, s := serviceClient(t, problem(404))
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	_, _ = c.PreviewErasureWithResponse(t.Context(), nil, lethe.ErasureRequest{Owner: new(retried.String())})
	_, _ = c.PreviewErasureWithResponse(t.Context(), nil, lethe.ErasureRequest{Filter: &lethe.ErasureFilter{MemberId: &retried, CreatedBefore: &at}})
	want := []string{`{"owner":"c0000400-0000-4000-8000-00000000005a"}`, `{"filter":{"created_before":"2026-03-01T00:00:00Z","member_id":"c0000400-0000-4000-8000-00000000005a"}}`}
	if !slices.Equal(s.bodies, want) {
		t.Errorf("got %q, want %q", s.bodies, want)
	}
}

func TestIteratorsEndWithTheErrorOfAPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := answer{status: 200, header: map[string]string{"Content-Type": "application/json"},
			body: `{"data":[],"skip":0,"limit":100,"count_kind":"none","total_count":null,"has_more":true,"next_cursor":"x"}`}
		c, s := serviceClient(t, page, problem(503), page, problem(400))
		n := 0
		for _, err := range c.AllResponses(t.Context(), &lethe.ListResponsesParams{Status: new("failed")}) {
			n++
			if e, ok := errors.AsType[*lethe.Error](err); !ok || e.Status != 400 {
				t.Errorf("got %v, want the error of the third page", err)
			}
		}
		var after []string
		for _, r := range s.requests {
			after = append(after, r.URL.Query().Get("after")+r.URL.Query().Get("status"))
		}
		if want := []string{"failed", "xfailed", "xfailed", "xfailed"}; n != 1 || !slices.Equal(after, want) {
			t.Errorf("asked for %q, want %q", after, want)
		}
	})
}
