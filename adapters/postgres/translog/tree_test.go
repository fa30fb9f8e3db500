package translog

import (
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// oracle is a tree stored as tlog stores it.
type oracle struct {
	size   int64
	hashes []tlog.Hash
}

func (o *oracle) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	read := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		read[i] = o.hashes[index]
	}
	return read, nil
}

func (o *oracle) add(t testing.TB, leaf tlog.Hash) {
	t.Helper()
	added, err := tlog.StoredHashesForRecordHash(o.size, leaf, o)
	if err != nil {
		t.Fatal(err)
	}
	o.hashes = append(o.hashes, added...)
	o.size++
}

func (o *oracle) root(t testing.TB, size int64) tlog.Hash {
	t.Helper()
	root, err := tlog.TreeHash(size, o)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func leafHash(n int64) tlog.Hash {
	return tlog.RecordHash(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

// TestEdge grows trees across several levels of tiles, and compares each root and
// every tile with tlog's. At some sizes it continues from the stored tiles.
func TestEdge(t *testing.T) {
	t.Parallel()
	const limit = tileWidth*tileWidth + 2*tileWidth + 3
	var o oracle
	stored := tileSet{}
	put := func(tl tile) { stored[place{tl.level, tl.index}] = join(tl.hashes) }
	e := &edge{}
	if e.root() != o.root(t, 0) {
		t.Error("the root of the empty tree differs from tlog's")
	}
	for n := range int64(limit) {
		leaf := leafHash(n)
		e.add(leaf, put)
		o.add(t, leaf)
		size := n + 1
		if e.root() != o.root(t, size) {
			t.Fatalf("the root of %d leaves differs from tlog's", size)
		}
		if size%7919 != 0 && size > 600 && size%(tileWidth*tileWidth) > 2 && size != limit {
			continue
		}
		for _, tl := range e.partial() {
			put(tl)
		}
		for _, want := range tlog.NewTiles(tileHeight, 0, size) {
			data, err := tlog.ReadTileData(want, &o)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(data, stored[place{want.L, want.N}]) {
				t.Fatalf("%d leaves: tile %s differs from tlog's", size, want.Path())
			}
		}
		again, err := newEdge(size, stored)
		if err != nil || again.root() != e.root() {
			t.Fatalf("the root of %d leaves differs after reading it back: %v", size, err)
		}
		e = again.clone()
	}
}
