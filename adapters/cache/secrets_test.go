package cache

import (
	"crypto/sha256"
	"testing"
	"time"

	"lethe/internal/memory"
)

// TestHashes: what is kept of a secret is of no use without the cache's own
// key, which no two caches share.
func TestHashes(t *testing.T) {
	t.Parallel()
	seen := map[[sha256.Size]byte]bool{sha256.Sum256([]byte("secret")): true, {}: true}
	for range 2 {
		p, err := NewPeople(memory.New(), Config{TTL: 1, Entries: 1, Now: time.Now, Looked: func(bool) {}, Dropped: func() {}})
		if err != nil {
			t.Fatal(err)
		}
		first, again := p.hash("secret"), p.hash("secret")
		if first != again {
			t.Error("the hash of a secret changes")
		}
		for _, hash := range [][sha256.Size]byte{first, p.hash("secret ")} {
			if seen[hash] {
				t.Errorf("%x is another's hash, or can be made without the cache's key", hash)
			}
			seen[hash] = true
		}
	}
}
