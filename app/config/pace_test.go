package config

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	t.Parallel()
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	unbounded := PerSecond(0).Pace()
	for range 1000 {
		if err := unbounded(soon, 1_000_000); err != nil && soon.Err() == nil {
			t.Fatal(err)
		}
	}
	bounded := PerSecond(minRate).Pace()
	if err := bounded(t.Context(), minRate); err != nil {
		t.Fatal(err)
	}
	// More takes a second at least.
	if err := bounded(soon, minRate); err == nil {
		t.Error("second call within a second: want it to wait")
	}
	more := PerSecond(maxRate).Pace()
	if err := more(t.Context(), maxRate+1); err != nil {
		t.Errorf("first call for more than a second: got %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range []func(context.Context, int) error{unbounded, bounded, more} {
		if err := p(ended, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled context: want %v, got %v", context.Canceled, err)
		}
	}
}
