package boot

import (
	"slices"
	"testing"

	"lethe/receipt"
)

// TestPlacesBeyond: before the first look, anything may exist.
func TestPlacesBeyond(t *testing.T) {
	t.Parallel()
	p := &Places{}
	if got := p.beyond(); !slices.Equal(got, []receipt.Gap{receipt.GapImageStore, receipt.GapPromptCache}) {
		t.Errorf("before the first look: want both gaps, got %v", got)
	}
	for _, seen := range [][]receipt.Gap{{}, {receipt.GapPromptCache}} {
		p.gaps.Store(&seen)
		if got := p.beyond(); !slices.Equal(got, seen) {
			t.Errorf("want %v, got %v", seen, got)
		}
	}
}
