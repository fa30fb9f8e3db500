package receipt

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is that of C2SP tlog-tiles: 256 hashes per tile.
const tileHeight = 8

// checkConsistent proves with the newer tree's tiles that the older checkpoint
// belongs to the same log's past: that the newer tree starts with the older one's
// leaves. Both have been opened. Errors: OtherLog, BadTiles, Rewritten.
func checkConsistent(older, newer Checkpoint, tiles fs.FS) error {
	if older.Size > newer.Size {
		older, newer = newer, older
	}
	rewritten := func(how string) error {
		return errorf(Rewritten, "the log %s was rewritten: it has signed a checkpoint of size %d and one of size %d that %s; keep both, they are the evidence",
			newer.Origin, older.Size, newer.Size, how)
	}
	switch {
	case older.Origin != newer.Origin:
		return errorf(OtherLog, "one checkpoint is of the log %s, the other of %s", older.Origin, newer.Origin)
	case older.Size == newer.Size && older.Root != newer.Root:
		return rewritten("have different roots")
	case older.Size == newer.Size || older.Size == 0:
		return nil
	case tiles == nil:
		return errorf(BadTiles, "whether a tree of size %d goes on from one of size %d needs the log's tiles", newer.Size, older.Size)
	}
	// The reader checks the tiles against the newer root.
	proof, err := tlog.ProveTree(newer.Size, older.Size, tlog.TileHashReader(tlog.Tree{N: newer.Size, Hash: newer.Root}, tileFiles{tiles}))
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			return e
		}
		return errorf(BadTiles, "the tiles are not those of the tree of size %d that the checkpoint is of: they are damaged, or of another history of the log", newer.Size)
	}
	if err := tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, older.Root); err != nil {
		return rewritten("do not go on from each other")
	}
	return nil
}

// TileFiles reads tiles from a mirror: files at the paths of C2SP tlog-tiles.
func TileFiles(mirror fs.FS) tlog.TileReader { return tileFiles{mirror} }

type tileFiles struct{ fs.FS }

func (tileFiles) Height() int { return tileHeight }

func (tileFiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (f tileFiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		var err error
		if data[i], err = f.read(tile); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (f tileFiles) read(tile tlog.Tile) ([]byte, error) {
	kept := NarrowestTile(f.FS, tile)
	path := TilePath(kept)
	data, err := fs.ReadFile(f.FS, path)
	if err != nil {
		return nil, errorf(BadTiles, "the tile %s is not there, nor a wider one", TilePath(tile))
	}
	if len(data) != kept.W*tlog.HashSize {
		return nil, errorf(BadTiles, "the tile %s is of %d bytes and should be of %d", path, len(data), kept.W*tlog.HashSize)
	}
	return data[:tile.W*tlog.HashSize], nil
}

// NarrowestTile returns the mirror's narrowest tile that contains the tile, otherwise
// the full one: the log may have grown since its checkpoint, and mirrors replace
// partial tiles with wider ones.
func NarrowestTile(mirror fs.FS, tile tlog.Tile) tlog.Tile {
	best := tile
	best.W = 1 << tileHeight
	if entries, err := fs.ReadDir(mirror, TilePath(best)+".p"); err == nil {
		for _, entry := range entries {
			if w, err := strconv.Atoi(entry.Name()); err == nil && w >= tile.W && w < best.W {
				best.W = w
			}
		}
	}
	return best
}

// TilePath returns the tile's path in C2SP tlog-tiles, which omits the height; for
// level -1, that of its entries.
func TilePath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	if entries, ok := strings.CutPrefix(path, "data/"); ok {
		path = "entries/" + entries
	}
	return "tile/" + path
}
