package translog

import (
	"bytes"
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/postgres/translog/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

// roundTiles is how many tiles of receipts a sealing checks besides the last one: 2,048
// receipts. A log of at most that size is checked as a whole.
const roundTiles = 8

// open reads a checkpoint signed by the log with one of its keys. It may have other
// signatures, too: of former keys and of witnesses.
func (l *Log) open(signed []byte) (tlog.Tree, error) {
	n, err := note.Open(signed, l.verifiers)
	if err != nil {
		var unverified *note.UnverifiedNoteError
		if errors.As(err, &unverified) {
			return tlog.Tree{}, damaged("the newest checkpoint is signed with none of the keys: if the key was replaced, put the former one back below the new one until a checkpoint is signed with both")
		}
		return tlog.Tree{}, damaged("the newest checkpoint: %w", err)
	}
	return l.tree([]byte(n.Text))
}

func (l *Log) tree(text []byte) (tlog.Tree, error) {
	c, err := receipt.ParseCheckpoint(text)
	if err != nil {
		return tlog.Tree{}, damaged("the newest checkpoint: %w", err)
	}
	if l.origin != "" && c.Origin != l.origin {
		return tlog.Tree{}, damaged("the newest checkpoint belongs to the log %q", c.Origin)
	}
	return tlog.Tree{N: c.Size, Hash: c.Root}, nil
}

// leaves is a range of leaves, from first up to before beyond.
type leaves struct{ first, beyond int64 }

// tiles returns the tiles of level 0 that hold the range, which begins at a tile.
func (r leaves) tiles(size int64) []tlog.Tile {
	var tiles []tlog.Tile
	for first := r.first; first < r.beyond; first += tileWidth {
		tiles = append(tiles, tlog.Tile{H: tileHeight, L: 0, N: first / tileWidth, W: int(min(tileWidth, size-first))})
	}
	return tiles
}

// rounds returns the leaves to check before a tree of this size grows: the last tile,
// and the next few in turn.
func (l *Log) rounds(size int64) []leaves {
	last := leaves{(size - 1) / tileWidth * tileWidth, size}
	full := last.first / tileWidth // tiles before the last
	if full == 0 {
		return []leaves{last}
	}
	if full <= roundTiles {
		return []leaves{{0, size}}
	}
	next := l.next.Load()
	if next >= full {
		next = 0
	}
	turn := leaves{next * tileWidth, min(next+roundTiles, full) * tileWidth}
	l.next.Store(next + roundTiles)
	if turn.beyond == last.first {
		return []leaves{{turn.first, size}}
	}
	return []leaves{turn, last}
}

// readTiles fetches, in one round trip, all tiles needed to check the ranges, to read
// the edge and to compare with a tree seen before.
func (s *sealing) readTiles(ctx context.Context, size int64, ranges []leaves, seen tlog.Tree) (tileSet, error) {
	plan := tilePlan{}
	if err := authenticate(tlog.Tree{N: size}, plan, ranges, seen); err != nil {
		return nil, err
	}
	for _, t := range edgeTiles(size) {
		plan[t] = true
	}
	tiles, err := plan.fetch(ctx, s.queries)
	if err != nil {
		return nil, err
	}
	for t := range plan {
		if stored := tiles[place{t.L, t.N}]; len(stored) != t.W*tlog.HashSize {
			return nil, damaged("tile %d of level %d has width %d instead of %d", t.N, t.L, len(stored)/tlog.HashSize, t.W)
		}
	}
	return tiles, nil
}

// authenticate verifies that the tiles of level 0 that hold the ranges belong to the
// tree, and that the tree extends the one seen before.
func authenticate(tree tlog.Tree, tiles tlog.TileReader, ranges []leaves, seen tlog.Tree) error {
	hashes := tlog.TileHashReader(tree, tiles)
	var indexes []int64
	for _, r := range ranges {
		for _, t := range r.tiles(tree.N) {
			indexes = append(indexes, tlog.StoredHashIndex(0, t.N*tileWidth))
		}
	}
	_, err := hashes.ReadHashes(indexes)
	if err := untrue(err); err != nil {
		return err
	}
	then := tree.Hash
	if seen.N < tree.N {
		then, err = tlog.TreeHash(seen.N, hashes)
		if err := untrue(err); err != nil {
			return err
		}
	}
	if err == nil && seen.N > 0 && then != seen.Hash {
		return older("the tree does not extend the published checkpoint of size %d", seen.N)
	}
	return nil
}

// untrue turns an error of tlog into one of the log's. It lets errPlanned pass.
func untrue(err error) error {
	if err == nil || errors.Is(err, errPlanned) {
		return nil
	}
	if _, ok := errors.AsType[*domain.Error](err); ok {
		return err
	}
	return damaged("the tiles do not match the signed tree: %w", err)
}

// tilePlan records which tiles are requested.
type tilePlan map[tlog.Tile]bool

var errPlanned = errors.New("tiles are only planned")

func (tilePlan) Height() int { return tileHeight }

// ReadTiles returns errPlanned.
func (p tilePlan) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	for _, t := range tiles {
		p[t] = true
	}
	return nil, errPlanned
}

func (tilePlan) SaveTiles([]tlog.Tile, [][]byte) {}

func (p tilePlan) fetch(ctx context.Context, queries *dbsqlc.Queries) (tileSet, error) {
	var wanted dbsqlc.TilesParams
	for t := range p {
		wanted.Levels = append(wanted.Levels, int32(t.L))
		wanted.Indexes = append(wanted.Indexes, t.N)
	}
	rows, err := queries.Tiles(ctx, wanted)
	if err != nil {
		return nil, err
	}
	tiles := make(tileSet, len(rows))
	for _, row := range rows {
		if row.Hashes != nil {
			tiles[place{int(row.Level), row.Idx}] = row.Hashes
		}
	}
	return tiles, nil
}

// compare verifies that the receipts of a range match its tiles.
func (s *sealing) compare(ctx context.Context, r leaves, tiles tileSet) error {
	rows, err := s.tx.Query(ctx, dbsqlc.Leaves, r.first, r.beyond)
	if err != nil {
		return err
	}
	next := r.first
	var id uuid.UUID
	var index int64
	var body pgtype.DriverBytes
	_, err = pgx.ForEachRow(rows, []any{&id, &index, &body}, func() error {
		if index != next {
			return damaged("the receipt of leaf %d is missing", next)
		}
		hash := tlog.RecordHash(body)
		name, _ := nameOf(body)
		at := index % tileWidth * tlog.HashSize
		if !bytes.Equal(hash[:], tiles[place{0, index / tileWidth}][at:at+tlog.HashSize]) || name != id.String() {
			return damaged("receipt %s, leaf %d, is not the sealed one", id, index)
		}
		next++
		return nil
	})
	if err == nil && next != r.beyond {
		err = damaged("the receipt of leaf %d is missing", next)
	}
	return err
}
