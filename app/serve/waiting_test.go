package serve

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"lethe/domain"
)

// TestAdvanceWhileClosed: the background work returns the reason why the service is
// closed; there is no port behind it here.
func TestAdvanceWhileClosed(t *testing.T) {
	t.Parallel()
	nothing := func(context.Context) *domain.Error { return nil }
	held := func(context.Context) *domain.Error {
		return domain.Errorf(domain.CodeUnavailable, "it holds what is not served")
	}
	older := &rollbackGuard{}
	older.older.Store(domain.Errorf(domain.CodeUnavailable, "it is older"))
	older.asked.Store(true)
	for name, closed := range map[string][]func(context.Context) *domain.Error{
		"content that is not served": {nothing, held},
		"an older database":          {older.reason, nothing},
	} {
		c := countedErasures{closed: closed}
		_, err := c.Advance(t.Context(), uuid.New(), 1, nil)
		if e, is := errors.AsType[*domain.Error](err); !is || e.Code != domain.CodeUnavailable {
			t.Errorf("%s: want %s, got %v", name, domain.CodeUnavailable, err)
		}
	}
}
