package httpapi

import (
	"context"
	"log/slog"
	"net/http"

	"lethe/domain"
)

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
