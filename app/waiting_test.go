package app

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/receipt"
)

// TestErasuresWait: what goes on in the background asks the port, which has
// nothing behind it here.
func TestErasuresWait(t *testing.T) {
	t.Parallel()
	const table = "fusillade.request_templates_g2"
	held := &places{}
	held.lookAt.Store(time.Now().UnixNano())
	held.holding.Store(unserved([]string{table}))
	older := &rollbackGuard{}
	older.older.Store(domain.Errorf(domain.CodeUnavailable, "it is older"))
	served := &places{}
	served.lookAt.Store(time.Now().UnixNano())
	for name, c := range map[string]countedErasures{
		"content that is not served": {rollback: &rollbackGuard{}, places: held},
		"an older database":          {rollback: older, places: served},
	} {
		_, err := c.Advance(t.Context(), uuid.New(), 1, nil)
		if e, is := errors.AsType[*domain.Error](err); !is || e.Code != domain.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBeyond: what has not been looked for may be there.
func TestBeyond(t *testing.T) {
	t.Parallel()
	p := &places{}
	if got := p.beyond(); !slices.Equal(got, []receipt.Gap{receipt.GapImageStore, receipt.GapPromptCache}) {
		t.Errorf("before the first look: %v", got)
	}
	for _, seen := range [][]receipt.Gap{{}, {receipt.GapPromptCache}} {
		p.gaps.Store(&seen)
		if got := p.beyond(); !slices.Equal(got, seen) {
			t.Errorf("want %v, got %v", seen, got)
		}
	}
}
