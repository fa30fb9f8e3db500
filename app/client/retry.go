package client

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits of retries.
const (
	attempts    = 5
	longestWait = 30 * time.Second
)

// retrying repeats a request that the service was too busy for, and one whose answer was
// lost, if repeating it does nothing twice.
type retrying struct {
	next http.RoundTripper
	out  io.Writer
}

// RoundTrip implements http.RoundTripper.
func (r *retrying) RoundTrip(request *http.Request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		response, err := r.next.RoundTrip(request)
		wait := time.Second << (attempt - 1)
		switch {
		case attempt == attempts || request.Context().Err() != nil || request.Body != nil && request.GetBody == nil:
			return response, err
		case err != nil && (isDial(err) || !repeatable(request)):
			return response, err
		case err == nil && response.StatusCode != http.StatusTooManyRequests && (response.StatusCode != http.StatusServiceUnavailable || !repeatable(request)):
			return response, nil
		case err == nil:
			if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds >= 0 {
				wait = time.Duration(seconds) * time.Second
			}
			if wait > longestWait {
				return response, nil
			}
			_ = response.Body.Close()
			_, _ = fmt.Fprintf(r.out, "The service is busy: trying again in %s\n", wait)
		}
		select {
		case <-request.Context().Done():
			return nil, request.Context().Err()
		case <-time.After(wait):
		}
		if request.GetBody != nil {
			request = request.Clone(request.Context())
			if request.Body, err = request.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

func repeatable(request *http.Request) bool {
	return request.Method != http.MethodPost || request.Header.Get("Idempotency-Key") != "" || strings.HasSuffix(request.URL.Path, "/preview")
}
