package cache

import (
	"crypto/sha256"
	"testing"
	"time"

	"lethe/internal/memory"
)

// TestSecretHash: the stored hash of a secret depends on a key that each cache makes
// for itself.
func TestSecretHash(t *testing.T) {
	t.Parallel()
	seen := map[[sha256.Size]byte]bool{sha256.Sum256([]byte("secret")): true, {}: true}
	for range 2 {
		p, err := NewPeople(memory.New(), Config{TTL: 1, Entries: 1, Now: time.Now, Looked: func(bool) {}, Dropped: func() {}})
		if err != nil {
			t.Fatal(err)
		}
		first, again := p.hash("secret"), p.hash("secret")
		if first != again {
			t.Error("two hashes of one secret differ")
		}
		for _, hash := range [][sha256.Size]byte{first, p.hash("secret ")} {
			if seen[hash] {
				t.Errorf("hash %x also belongs to another secret or cache, or can be made without the cache's key", hash)
			}
			seen[hash] = true
		}
	}
}
