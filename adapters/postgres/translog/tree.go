package translog

import (
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// edge is the right edge of a tree, which is all that growing it needs.
type edge struct {
	size int64
	// peaks are the roots of the perfect subtrees: one of 2^i leaves at i if that bit
	// of the size is set.
	peaks [64]tlog.Hash
	// levels holds, for each level of tiles, the hashes of the last tile while it is
	// not full.
	levels [][]tlog.Hash
}

// tile is one row of the table of tiles.
type tile struct {
	level  int
	index  int64
	hashes []tlog.Hash
}

// add appends a leaf. It passes tiles that become full to full, which must not keep
// their hashes.
func (e *edge) add(leaf tlog.Hash, full func(tile)) {
	h := leaf
	for height := 0; ; height++ {
		if height%tileHeight == 0 {
			e.put(height/tileHeight, h, full)
		}
		if e.size>>height&1 == 0 {
			e.peaks[height] = h
			break
		}
		h = tlog.NodeHash(e.peaks[height], h)
	}
	e.size++
}

func (e *edge) put(level int, h tlog.Hash, full func(tile)) {
	if level == len(e.levels) {
		e.levels = append(e.levels, make([]tlog.Hash, 0, tileWidth))
	}
	e.levels[level] = append(e.levels[level], h)
	if hashes := e.levels[level]; len(hashes) == tileWidth {
		full(tile{level, e.size >> (tileHeight * (level + 1)), hashes})
		e.levels[level] = hashes[:0]
	}
}

// partial returns the tiles that are not full.
func (e *edge) partial() []tile {
	var tiles []tile
	for level, hashes := range e.levels {
		if len(hashes) > 0 {
			tiles = append(tiles, tile{level, e.size >> (tileHeight * (level + 1)), hashes})
		}
	}
	return tiles
}

func (e *edge) root() tlog.Hash {
	if e.size == 0 {
		return sha256.Sum256(nil)
	}
	height := bits.TrailingZeros64(uint64(e.size))
	root := e.peaks[height]
	for height++; e.size>>height > 0; height++ {
		if e.size>>height&1 == 1 {
			root = tlog.NodeHash(e.peaks[height], root)
		}
	}
	return root
}

func (e *edge) clone() *edge {
	c := *e
	c.levels = make([][]tlog.Hash, len(e.levels))
	for level, hashes := range e.levels {
		c.levels[level] = append(make([]tlog.Hash, 0, tileWidth), hashes...)
	}
	return &c
}

// perfect returns the hash of a subtree; the number of hashes is a power of two.
func perfect(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(perfect(hashes[:half]), perfect(hashes[half:]))
}

// edgeTiles returns the tiles from which the edge of a tree of this size is read.
func edgeTiles(size int64) []tlog.Tile {
	var tiles []tlog.Tile
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		n := size >> (tileHeight * level)
		if width := int(n % tileWidth); width > 0 {
			tiles = append(tiles, tlog.Tile{H: tileHeight, L: level, N: n >> tileHeight, W: width})
		}
	}
	return tiles
}

// newEdge reads the edge from the tiles that edgeTiles returns for the size.
func newEdge(size int64, tiles tileSet) (*edge, error) {
	e := &edge{size: size}
	for _, t := range edgeTiles(size) {
		data, err := tiles.data(t)
		if err != nil {
			return nil, err
		}
		for len(e.levels) <= t.L {
			e.levels = append(e.levels, make([]tlog.Hash, 0, tileWidth))
		}
		hashes := split(data)
		e.levels[t.L] = append(e.levels[t.L], hashes...)
		for bit := tileHeight - 1; bit >= 0; bit-- {
			if width := 1 << bit; t.W&width != 0 {
				e.peaks[tileHeight*t.L+bit] = perfect(hashes[:width])
				hashes = hashes[width:]
			}
		}
	}
	return e, nil
}

type place struct {
	level int
	index int64
}

// tileSet holds the hashes of stored tiles. It is a tlog.TileReader of fetched tiles.
type tileSet map[place][]byte

func (s tileSet) data(t tlog.Tile) ([]byte, error) {
	stored, ok := s[place{t.L, t.N}]
	switch {
	case !ok:
		return nil, damaged("tile %d of level %d is missing", t.N, t.L)
	case len(stored) < t.W*tlog.HashSize:
		return nil, damaged("tile %d of level %d has width %d instead of %d", t.N, t.L, len(stored)/tlog.HashSize, t.W)
	}
	return stored[:t.W*tlog.HashSize], nil
}

func (tileSet) Height() int { return tileHeight }

func (s tileSet) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		var err error
		if data[i], err = s.data(t); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (tileSet) SaveTiles([]tlog.Tile, [][]byte) {}

// split cuts the data of a tile into its hashes.
func split(data []byte) []tlog.Hash {
	hashes := make([]tlog.Hash, len(data)/tlog.HashSize)
	for i := range hashes {
		copy(hashes[i][:], data[i*tlog.HashSize:])
	}
	return hashes
}

// join is the reverse of split.
func join(hashes []tlog.Hash) []byte {
	data := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		data = append(data, h[:]...)
	}
	return data
}
