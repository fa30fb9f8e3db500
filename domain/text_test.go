package domain_test

import (
	"testing"

	"lethe/domain"
)

func TestStorable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": true, "a": true, "é€\U0001F30A\ufffd": true, "\x01\x7f\n": true,
		"\x00": false, "a\x00b": false, "\xff": false, "a\xc3": false, "\xed\xa0\x80": false, "\xc0\x80": false,
	} {
		if got := domain.Storable(text); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
}
