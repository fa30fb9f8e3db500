package app

import (
	"context"
	"log/slog"
	"net/http"

	"lethe/adapters/httpapi"
	"lethe/domain"
)

// closeWhile answers 503 to everything but probes, metrics and the contract
// while there is a reason: what would be said could be untrue.
func closeWhile(next http.Handler, log *slog.Logger, reasons ...func(context.Context) *domain.Error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.EscapedPath() { // as the router has it
		case "/healthz", "/readyz", "/metrics", "/openapi.yaml":
			next.ServeHTTP(w, r)
			return
		}
		for _, reason := range reasons {
			closed := reason(r.Context())
			if closed == nil {
				continue
			}
			id, err := httpapi.Refuse(w, http.StatusServiceUnavailable, closed.Message, closedRetryAfter)
			if err != nil {
				log.DebugContext(r.Context(), "a refusal could not be told", "request_id", id, "error", err)
			}
			return
		}
		next.ServeHTTP(w, r)
	})
}

const closedRetryAfter = "30" // seconds
