package receipt_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/receipt"
)

// TestOracle: over random trees, another implementation of RFC 6962 agrees with
// Check about every proof, valid or spoiled.
func TestOracle(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	key := signer(t, origin, "log")
	keys := []receipt.PublicKey{key.PublicKey()}

	// Only the leaf that is checked must be a receipt.
	one := encode(t, single(1))
	accepted, refused := 0, 0
	for range 60 {
		size := 1 + random.Int64N(600)
		index := random.Int64N(size)
		log := &testLog{}
		for n := range size {
			leaf := binary.BigEndian.AppendUint64(nil, random.Uint64())
			if n == index {
				leaf = one
			}
			log.add(t, leaf)
		}
		signed, root := log.sign(t, size, key), log.checkpoint(t, size).Root
		for range 6 {
			p := log.proof(t, index, size, signed)
			p.Hashes = slices.Clone(p.Hashes)
			spoil(random, &p.Index, &p.Hashes)
			_, err := receipt.Check(format(t, p), keys, receipt.Options{})
			leaf := rfc6962.DefaultHasher.HashLeaf(one)
			want := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(p.Index), uint64(size), leaf, raw(p.Hashes), root[:])
			if (err == nil) != (want == nil) {
				t.Errorf("leaf %d of %d with %d hashes: we say %v, the oracle %v", p.Index, size, len(p.Hashes), err, want)
			}
			if err == nil {
				accepted++
			} else {
				wantKind(t, err, receipt.NotIncluded)
				refused++
			}
		}

		// Another tree, which may or may not be an earlier state.
		file, tiles := log.file(t, index, size, signed), log.tiles(t, size)
		for range 3 {
			olderSize := 1 + random.Int64N(size)
			older := log.checkpoint(t, olderSize)
			if random.IntN(3) == 0 {
				older.Root[random.IntN(len(older.Root))] ^= 1 << random.IntN(8)
			}
			_, err := receipt.Check(file, keys, receipt.Options{Older: sign(t, older, key), Tiles: tiles})
			hashes, proveErr := tlog.ProveTree(size, olderSize, log)
			if proveErr != nil {
				t.Fatal(proveErr)
			}
			want := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(olderSize), uint64(size), raw(hashes), older.Root[:], root[:])
			if (err == nil) != (want == nil) {
				t.Errorf("from %d leaves to %d: we say %v, the oracle %v", olderSize, size, err, want)
			}
			if err == nil {
				accepted++
			} else {
				wantKind(t, err, receipt.Rewritten)
				refused++
			}
		}
	}
	if accepted < 100 || refused < 100 {
		t.Errorf("%d proofs accepted and %d refused, want more of each", accepted, refused)
	}
}

// spoil spoils half of the proofs.
func spoil(random *rand.Rand, index *int64, hashes *[]tlog.Hash) {
	h := *hashes
	switch random.IntN(10) {
	case 0:
		*index = max(0, *index+random.Int64N(7)-3)
	case 1:
		*hashes = append(h, tlog.Hash{})
	case 2:
		if len(h) > 0 {
			*hashes = h[1:]
		}
	case 3:
		if len(h) > 0 {
			h[random.IntN(len(h))][random.IntN(32)] ^= 1 << random.IntN(8)
		}
	case 4:
		random.Shuffle(len(h), func(i, j int) { h[i], h[j] = h[j], h[i] })
	}
}

func raw[H tlog.RecordProof | tlog.TreeProof | []tlog.Hash](hashes H) [][]byte {
	out := [][]byte{}
	for _, hash := range hashes {
		out = append(out, hash[:])
	}
	return out
}

// TestOracleHashes: leaves and nodes are hashed as in RFC 6962.
func TestOracleHashes(t *testing.T) {
	t.Parallel()
	data := encode(t, single(1))
	leaf := tlog.RecordHash(data)
	if want := rfc6962.DefaultHasher.HashLeaf(data); fmt.Sprintf("%x", want) != fmt.Sprintf("%x", leaf[:]) {
		t.Errorf("leaf: want %x, got %x", want, leaf)
	}
	if want, got := rfc6962.DefaultHasher.EmptyRoot(), (&testLog{}).checkpoint(t, 0).Root; fmt.Sprintf("%x", want) != fmt.Sprintf("%x", got[:]) {
		t.Errorf("no leaves: want %x, got %x", want, got)
	}
}
