package ops

import (
	"testing"
)

func TestCountPlural(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 erasures", 1: "1 erasure", 2: "2 erasures"} {
		if got := count(n, "erasure"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
