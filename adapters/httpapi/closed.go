package httpapi

import (
	"context"
	"log/slog"
	"net/http"

	"lethe/domain"
)

// CloseWhile answers 503 to everything but probes, metrics and the contract
// while there is a reason: what would be said could be untrue.
func CloseWhile(next http.Handler, log *slog.Logger, reasons ...func(context.Context) *domain.Error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if staysOpen(r) || r.URL.EscapedPath() == "/openapi.yaml" {
			next.ServeHTTP(w, r)
			return
		}
		for _, reason := range reasons {
			closed := reason(r.Context())
			if closed == nil {
				continue
			}
			id, err := turnAway(w, http.StatusServiceUnavailable, closed.Message, retryAfter)
			if err != nil {
				log.DebugContext(r.Context(), "a refusal could not be told", "request_id", id, "error", err)
			}
			return
		}
		next.ServeHTTP(w, r)
	})
}

// staysOpen tells whether a request is a probe or asks for metrics: these are
// answered however crowded the service is, and while it is closed.
func staysOpen(r *http.Request) bool {
	switch r.URL.EscapedPath() { // as the router has it
	case "/healthz", "/readyz", "/metrics":
		return true
	}
	return false
}
